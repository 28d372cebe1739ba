/* Purpose: an agreement's status on a day, as known on another day.  Legal events decide;
 * operational ones (and amended) are shown and never change a finding. */
#include "rules/rules_priv.h"

#include "base/date.h"

const char *event_name(enum event_kind kind) {
    static const char *const names[] = {
        [EVENT_NEGOTIATING] = "negotiating", [EVENT_SIGNED] = "signed",
        [EVENT_RATIFIED] = "ratified",       [EVENT_IN_FORCE] = "in_force",
        [EVENT_SUSPENDED] = "suspended",     [EVENT_REINSTATED] = "reinstated",
        [EVENT_TERMINATED] = "terminated",   [EVENT_IMPLEMENTED] = "implemented",
        [EVENT_PAUSED] = "paused",           [EVENT_RESUMED] = "resumed",
        [EVENT_AMENDED] = "amended",         [EVENT_NONE] = "none"};
    CHECK(kind < COUNT_OF(names));
    return names[kind];
}

const char *status_reason_label(enum status_reason reason) {
    static const char *const labels[] = {"agreement_not_in_force", "agreement_suspended",
                                         "agreement_terminated", "not_known_in_force_as_of"};
    CHECK(reason < STATUS_REASON_COUNT);
    return labels[reason];
}

static int32_t corrected_from(const struct agreement *agreement, uint32_t index) {
    const struct event *event = &agreement->events[index];
    int32_t from = INT32_MAX;
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        const struct event *other = &agreement->events[i];
        if (i != index && other->has_corrects && other->kind == event->kind &&
            other->corrects == event->date && other->recorded < from) {
            from = other->recorded;
        }
    }
    return from;
}

/* After those of the same day. */
static void legal_insert(struct agreement *agreement, const struct event *event) {
    uint32_t at = agreement->legal_count++;
    for (; at > 0 && agreement->legal[at - 1].date > event->date; at--) {
        agreement->legal[at] = agreement->legal[at - 1];
    }
    agreement->legal[at] = (struct legal_event){.date = event->date,
                                                .recorded = event->recorded,
                                                .corrected_from = event->corrected_from,
                                                .kind = event->kind};
}

void events_finish(struct agreement *agreement) {
    agreement->legal = agreement_take(agreement, agreement->event_count, sizeof(*agreement->legal));
    agreement->legal_count = 0;
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        agreement->events[i].corrected_from = corrected_from(agreement, i);
        if (agreement->events[i].kind < EVENT_LEGAL_COUNT) {
            legal_insert(agreement, &agreement->events[i]);
        }
    }
}

#define EVER INT32_MAX /* a day after all days */
static bool counts(int32_t recorded, int32_t corrected, int32_t as_of) {
    return recorded <= as_of && !(corrected != INT32_MAX && corrected <= as_of);
}

bool event_counts(const struct event *event, int32_t as_of) {
    return counts(event->recorded, event->corrected_from, as_of);
}

/* The last legal event by date on or before the day; of one day, the later in the file. */
static enum event_kind last_legal(const struct agreement *agreement, int32_t day, int32_t as_of) {
    for (uint32_t i = agreement->legal_count; i-- > 0;) {
        const struct legal_event *event = &agreement->legal[i];
        if (event->date <= day && counts(event->recorded, event->corrected_from, as_of)) {
            return event->kind;
        }
    }
    return EVENT_NONE;
}

static bool is_in_force(enum event_kind kind) {
    return kind == EVENT_IN_FORCE || kind == EVENT_REINSTATED;
}

struct status agreement_status(const struct agreement *agreement, int32_t reference_date,
                               int32_t as_of) {
    if (agreement->is_without_status) {
        return (struct status){.last = EVENT_NONE, .reason = STATUS_GOES_ON};
    }
    struct status status = {.last = last_legal(agreement, reference_date, as_of)};
    if (is_in_force(status.last)) {
        status.reason = STATUS_GOES_ON;
    } else if (status.last == EVENT_SUSPENDED) {
        status.reason = STATUS_SUSPENDED;
    } else if (status.last == EVENT_TERMINATED) {
        status.reason = STATUS_TERMINATED;
    } else if (is_in_force(last_legal(agreement, reference_date, EVER))) {
        status.reason = STATUS_NOT_KNOWN;
    } else {
        status.reason = STATUS_NOT_IN_FORCE;
    }
    status.is_projected = !is_in_force(status.last) && status.last != EVENT_TERMINATED;
    return status;
}

int32_t agreement_in_force_on(const struct agreement *agreement, int32_t as_of) {
    for (uint32_t i = 0; i < agreement->legal_count; i++) {
        const struct legal_event *event = &agreement->legal[i];
        if (event->kind == EVENT_IN_FORCE &&
            counts(event->recorded, event->corrected_from, as_of)) {
            return event->date;
        }
    }
    return DATE_DAYS_MAX;
}
