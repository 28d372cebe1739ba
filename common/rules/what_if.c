/* A variant is loaded from the base's text, so it shares nothing with the base. */
#include "rules/what_if.h"

#include "base/date.h"
#include "base/suggest.h"
#include "rules/rules_priv.h"

/* parts: agreement, name of the event, its date. */
static enum err event_parse(struct span text, struct override *parts, int32_t *date,
                            struct diag *diag) {
    if (!override_split(text, parts)) {
        return diag_fail(diag, ERR_INVALID, "expected AGREEMENT.EVENT=DATE, found \"%.*s\"",
                         text.len > 80 ? 80 : (int)text.len, (const char *)text.ptr);
    }
    struct span found = parts->value;
    if (date_parse(found, date) != ERR_OK) {
        return diag_fail(diag, ERR_INVALID, "%.*s: expected a date, YYYY-MM-DD, found \"%.*s\"",
                         (int)(found.ptr - 1 - text.ptr), (const char *)text.ptr,
                         found.len > 40 ? 40 : (int)found.len, (const char *)found.ptr);
    }
    return ERR_OK;
}

static enum err event_kind_find(struct span name, enum event_kind *kind, struct diag *diag) {
    struct suggest suggest;
    suggest_init(&suggest, name);
    for (enum event_kind i = 0; i < EVENT_KIND_COUNT; i++) {
        if (span_is(name, event_name(i))) {
            *kind = i;
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(event_name(i)));
    }
    return diag_fail(diag, ERR_INVALID, "unknown event \"%.*s\"%s%.*s%s", SPAN_ARG(name),
                     SUGGEST_ARG(suggest));
}

static enum err agreement_named(const struct ruleset *ruleset, struct span id,
                                struct agreement **agreement, struct diag *diag) {
    struct suggest suggest;
    suggest_init(&suggest, id);
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        if (span_is(id, ruleset->agreements[i]->id)) {
            *agreement = ruleset->agreements[i];
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(ruleset->agreements[i]->id));
    }
    return diag_fail(diag, ERR_INVALID, "no agreement \"%.*s\"%s%.*s%s", SPAN_ARG(id),
                     SUGGEST_ARG(suggest));
}

/* Events are in the order of their dates; on one day the added event is later. */
static void event_insert(struct agreement *agreement, enum event_kind kind, int32_t date) {
    struct event *events = agreement_take(agreement, agreement->event_count + 1, sizeof(*events));
    uint32_t at = 0;
    while (at < agreement->event_count &&
           (agreement->events[at].has_corrects || agreement->events[at].date <= date)) {
        at++;
    }
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        events[i < at ? i : i + 1] = agreement->events[i];
    }
    events[at] = (struct event){.kind = kind, .date = date, .recorded = date, .cite = "supposed"};
    agreement->events = events;
    agreement->event_count++;
    events_finish(agreement);
}

static enum err event_add(struct ruleset *ruleset, struct span text, struct diag *diag) {
    struct override parts = {0};
    int32_t date = 0;
    struct agreement *agreement = NULL;
    enum event_kind kind = EVENT_NONE;
    enum err err = event_parse(text, &parts, &date, diag);
    if (err == ERR_OK) {
        err = agreement_named(ruleset, parts.agreement, &agreement, diag);
    }
    if (err == ERR_OK) {
        err = event_kind_find(parts.parameter, &kind, diag);
    }
    if (err == ERR_OK && agreement->is_without_status) {
        err = diag_fail(diag, ERR_INVALID, "%s has `status: none`: no event changes its findings",
                        agreement->id);
    }
    if (err == ERR_OK && agreement->event_count >= EVENTS_MAX) {
        err =
            diag_fail(diag, ERR_TOO_LARGE, "%s has more than %d events", agreement->id, EVENTS_MAX);
    }
    if (err == ERR_OK) {
        event_insert(agreement, kind, date);
    }
    return err;
}

enum err ruleset_what_if(const struct ruleset *base, const struct what_if *what_if,
                         struct ruleset **ruleset, struct diag *diag) {
    struct ruleset *fresh = NULL;
    enum err err = ruleset_load_overridden(buf_span(&base->text), what_if->overrides,
                                           what_if->override_count, &fresh, diag);
    for (uint32_t i = 0; err == ERR_OK && i < what_if->event_count; i++) {
        err = event_add(fresh, span_str(what_if->events[i]), diag);
    }
    if (err != ERR_OK) {
        ruleset_unref(&fresh);
        return err;
    }
    if (what_if->event_count > 0) {
        fresh->id[0] = '\0';
        buf_clear(&fresh->text);
    }
    *ruleset = fresh;
    return ERR_OK;
}
