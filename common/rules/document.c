/* Purpose: an agreement's document: its header and events, and the order in which its parts load.
 * Every fault has line and column, and the nearest known name if there is one. */
#include "rules/rules_priv.h"

#include "base/mem.h"
#include "base/suggest.h"

/* --- words that other YAML readers read as booleans
 * -------------------------------------------- */

static enum err refuse_bare_boolean(const struct loading *loading, const struct yaml_node *node) {
    /* y and n are left out: no reader in use reads them as booleans, and they name nothing here. */
    static const char *const words[] = {"Y",  "yes", "Yes", "YES", "N",   "no",  "No",
                                        "NO", "on",  "On",  "ON",  "off", "Off", "OFF"};
    if (node->kind != YAML_SCALAR || node->style != YAML_PLAIN) {
        return ERR_OK;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(node->text, words[i])) {
            return field_fail(loading, node, ERR_INVALID,
                              "bare %s is a boolean to YAML 1.1 readers: write \"%s\" (country "
                              "codes are quoted), or true or false",
                              words[i], words[i]);
        }
    }
    return ERR_OK;
}

/* Depth is bounded by yaml/. */
static enum err refuse_bare_booleans(const struct loading *loading, const struct yaml_node *node) {
    enum err err = refuse_bare_boolean(loading, node);
    if (node->kind == YAML_SCALAR) {
        return err;
    }
    for (const struct yaml_node *child = node->first; err == ERR_OK && child != NULL;
         child = child->next) {
        if (child->key != NULL) {
            err = refuse_bare_boolean(loading, child->key);
        }
        if (err == ERR_OK) {
            err = refuse_bare_booleans(loading, child);
        }
    }
    return err;
}

/* --- header ------------------------------------------------------------------------------------
 */

static enum err country_check(const struct loading *loading, const struct yaml_node *node) {
    if (node->kind != YAML_SCALAR || node->style == YAML_PLAIN) {
        return field_fail(loading, node, ERR_INVALID,
                          "expected a quoted country code, such as \"US\"");
    }
    struct suggest suggest;
    suggest_init(&suggest, node->text);
    for (uint32_t i = 0; i < loading->ruleset->iso.count; i++) {
        struct span word = span_str(loading->ruleset->iso.words[i]);
        if (span_eq(word, node->text)) {
            return ERR_OK;
        }
        suggest_offer(&suggest, word);
    }
    return field_fail(loading, node, ERR_INVALID,
                      "\"%.*s\" is not an ISO 3166-1 alpha-2 code%s%.*s%s", SPAN_ARG(node->text),
                      suggest.best.ptr == NULL ? "" : ", did you mean \"", SPAN_ARG(suggest.best),
                      suggest.best.ptr == NULL ? "" : "\"?");
}

static bool is_agreement_id(struct span id) {
    if (id.len == 0 || id.len > 64) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        uint8_t byte = id.ptr[i];
        bool is_word = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        if (!is_word) {
            return false;
        }
    }
    return true;
}

static enum err load_header(struct loading *loading, const struct yaml_node *root) {
    struct agreement *agreement = loading->agreement;
    const struct yaml_node *parties = NULL;
    enum err err = field_text(loading, root, "agreement", &agreement->id);
    if (err == ERR_OK && !is_agreement_id(span_str(agreement->id))) {
        return field_fail(loading, yaml_get(root, "agreement"), ERR_INVALID,
                          "an agreement's id is 1 to 64 letters, digits, - or _");
    }
    if (err == ERR_OK) {
        err = field_text(loading, root, "title", &agreement->title);
    }
    if (err == ERR_OK) {
        err = field_need(loading, root, "parties", YAML_SEQ, &parties);
    }
    for (const struct yaml_node *party = parties == NULL ? NULL : parties->first;
         err == ERR_OK && party != NULL; party = party->next) {
        err = country_check(loading, party);
    }
    const struct yaml_node *receiving = yaml_get(root, "receiving");
    if (err == ERR_OK && receiving != NULL) {
        err = country_check(loading, receiving);
        agreement->receiving = (const char *)receiving->text.ptr;
    }
    return err;
}

/* --- events ------------------------------------------------------------------------------------
 */

static enum err event_kind_read(const struct loading *loading, const struct yaml_node *map,
                                enum event_kind *kind) {
    const char *text = NULL;
    enum err err = field_text(loading, map, "event", &text);
    if (err != ERR_OK) {
        return err;
    }
    struct suggest suggest;
    suggest_init(&suggest, span_str(text));
    for (enum event_kind i = 0; i < EVENT_KIND_COUNT; i++) {
        if (strcmp(text, event_name(i)) == 0) {
            *kind = i;
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(event_name(i)));
    }
    return field_fail(loading, yaml_get(map, "event"), ERR_INVALID, "unknown event \"%s\"%s%.*s%s",
                      text, SUGGEST_ARG(suggest));
}

static enum err event_read(const struct loading *loading, const struct yaml_node *map,
                           struct event *event) {
    static const char *const keys[] = {"event",  "date",     "recorded", "cite",
                                       "verify", "corrects", NULL};
    enum err err = field_map(loading, map, "an event", keys);
    if (err == ERR_OK) {
        err = event_kind_read(loading, map, &event->kind);
    }
    if (err == ERR_OK) {
        err = field_date(loading, map, "date", &event->date);
    }
    if (err == ERR_OK) {
        err = field_date(loading, map, "recorded", &event->recorded);
    }
    if (err == ERR_OK) {
        err = field_date_opt(loading, map, "corrects", &event->has_corrects, &event->corrects);
    }
    if (err == ERR_OK) {
        err = field_bool_opt(loading, map, "verify", &event->verify);
    }
    return err == ERR_OK ? field_text(loading, map, "cite", &event->cite) : err;
}

/* The events in file order are the agreement's history; a correction may be anywhere. */
static enum err order_check(const struct loading *loading, const struct yaml_node *node) {
    const struct agreement *agreement = loading->agreement;
    const struct event *event = &agreement->events[agreement->event_count];
    for (uint32_t i = 0; i < agreement->event_count && !event->has_corrects; i++) {
        const struct event *before = &agreement->events[i];
        if (!before->has_corrects && before->date > event->date) {
            return field_fail(loading, yaml_get(node, "date"), ERR_INVALID,
                              "this event is older than one before it (`%s`): events are in the "
                              "order of their dates: move it up, or give it `corrects`",
                              event_name(before->kind));
        }
    }
    return ERR_OK;
}

/* `corrects` must name an entry of the same event. */
static enum err corrects_check(const struct loading *loading, const struct yaml_node *events) {
    const struct agreement *agreement = loading->agreement;
    const struct yaml_node *node = events->first;
    for (uint32_t i = 0; i < agreement->event_count; i++, node = node->next) {
        const struct event *event = &agreement->events[i];
        bool is_found = !event->has_corrects;
        for (uint32_t k = 0; k < agreement->event_count && !is_found; k++) {
            is_found = k != i && agreement->events[k].kind == event->kind &&
                       agreement->events[k].date == event->corrects;
        }
        if (!is_found) {
            return field_fail(loading, yaml_get(node, "corrects"), ERR_INVALID,
                              "no other `%s` event has this date", event_name(event->kind));
        }
    }
    return ERR_OK;
}

static enum err load_events(struct loading *loading, const struct yaml_node *root) {
    struct agreement *agreement = loading->agreement;
    const struct yaml_node *none = rules_status_none(root);
    const struct yaml_node *events = yaml_get(root, "events");
    agreement->is_without_status = none != NULL;
    if (none != NULL && (events == NULL || (events->kind == YAML_SEQ && events->count == 0))) {
        events_finish(agreement);
        return ERR_OK;
    }
    if (none != NULL) {
        return field_fail(loading, none, ERR_CONFLICT,
                          "`status: none` is for a document without events, and this one has "
                          "events: write the line `- status` here");
    }
    enum err err = field_need(loading, root, "events", YAML_SEQ, &events);
    if (err != ERR_OK) {
        return err;
    }
    if (events->count > EVENTS_MAX) {
        return field_fail(loading, events, ERR_TOO_LARGE, "more than %d events", EVENTS_MAX);
    }
    agreement->events = agreement_take(agreement, events->count, sizeof(*agreement->events));
    for (const struct yaml_node *node = events->first; err == ERR_OK && node != NULL;
         node = node->next) {
        err = event_read(loading, node, &agreement->events[agreement->event_count]);
        if (err == ERR_OK) {
            err = order_check(loading, node);
        }
        agreement->event_count += err == ERR_OK ? 1 : 0;
    }
    if (err == ERR_OK) {
        err = corrects_check(loading, events);
    }
    events_finish(agreement);
    return err;
}

/* --- the whole document ------------------------------------------------------------------------
 */

static enum err load_document(struct loading *loading, bool with_tests) {
    const struct yaml_node *root = yaml_root(loading->yaml);
    static const char *const keys[] = {"agreement", "title",      "parties",    "receiving",
                                       "events",    "parameters", "variables",  "rules",
                                       "example",   "tests",      "properties", NULL};
    enum err err = field_expect_kind(loading, root, YAML_MAP, "an agreement");
    if (err == ERR_OK) {
        err = refuse_bare_booleans(loading, root);
    }
    if (err == ERR_OK) {
        err = yaml_only_keys(loading->yaml, root, keys, loading->diag);
    }
    if (err == ERR_OK) {
        err = load_header(loading, root);
    }
    if (err == ERR_OK) {
        err = load_events(loading, root);
    }
    if (err == ERR_OK) {
        err = expr_declare_builtins(loading);
    }
    if (err == ERR_OK) {
        err = parameters_load(loading, root);
    }
    if (err == ERR_OK) {
        err = variables_load(loading, root);
    }
    if (err == ERR_OK) {
        err = rules_load(loading, root);
    }
    if (err == ERR_OK) {
        reasons_build(loading->agreement);
        reasons_find_settle_slots(loading->agreement);
        err = properties_load(loading, root);
    }
    return err == ERR_OK && with_tests ? example_load(loading, root) : err;
}

static enum err load_new(const struct ruleset *ruleset, const struct yaml_doc *yaml,
                         const struct override *overrides, uint32_t override_count, bool with_tests,
                         struct agreement **agreement, struct diag *diag) {
    struct agreement *fresh = mem_zero(1, sizeof(*fresh));
    arena_init(&fresh->arena, AGREEMENT_ARENA_BYTES_MAX);
    fresh->ruleset = ruleset;
    fresh->yaml = yaml;
    fresh->env = cel_env_new();
    struct loading *loading = mem_zero(1, sizeof(*loading));
    loading->agreement = fresh;
    loading->ruleset = ruleset;
    loading->yaml = yaml;
    loading->overrides = overrides;
    loading->override_count = override_count;
    loading->diag = diag;
    enum err err = load_document(loading, with_tests);
    mem_free(loading);
    if (err == ERR_OK) {
        *agreement = fresh;
    } else {
        agreement_free(&fresh);
    }
    return err;
}

enum err agreement_load(const struct ruleset *ruleset, const struct yaml_doc *yaml,
                        const struct override *overrides, uint32_t override_count,
                        struct agreement **agreement, struct diag *diag) {
    return load_new(ruleset, yaml, overrides, override_count, true, agreement, diag);
}

enum err agreement_reload(const struct agreement *known, const struct override *overrides,
                          uint32_t override_count, struct agreement **agreement,
                          struct diag *diag) {
    return load_new(known->ruleset, known->yaml, overrides, override_count, false, agreement, diag);
}
