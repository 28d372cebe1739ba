/* An agreement's status on free days: the last legal event on or before the reference date, among
 * those that count on the day as_of. */
#include "prove/prove_priv.h"

/* day <= date of the space */
static term not_after(struct space *space, int32_t day, const struct sym *date) {
    struct sym constant = date_const(space, day);
    return term_not(space, date_less(space, date, &constant));
}

static const struct sym *as_of(const struct space *space) {
    return &space->slots[space->schema->slot_count + EXTRA_AS_OF];
}

static term counts(struct space *space, const struct legal_event *event) {
    term known = not_after(space, event->recorded, as_of(space));
    if (event->corrected_from == INT32_MAX) {
        return known;
    }
    return term_and(space, known,
                    term_not(space, not_after(space, event->corrected_from, as_of(space))));
}

/* For each kind of event, where it is the last one. */
struct last {
    term kinds[EVENT_LEGAL_COUNT];
};

static struct last find_last(struct space *space, const struct agreement *agreement, bool ever) {
    const struct sym *day = &space->slots[space->schema->slot_count + EXTRA_REFERENCE_DATE];
    struct last last;
    term open = space->yes; /* no later event counts */
    for (uint32_t i = 0; i < EVENT_LEGAL_COUNT; i++) {
        last.kinds[i] = space->no;
    }
    for (uint32_t i = agreement->legal_count; i-- > 0;) {
        const struct legal_event *event = &agreement->legal[i];
        bool is_replaced = event->corrected_from != INT32_MAX;
        term here = ever ? (is_replaced ? space->no : space->yes) : counts(space, event);
        here = term_and(space, here, not_after(space, event->date, day));
        last.kinds[event->kind] =
            term_or(space, last.kinds[event->kind], term_and(space, open, here));
        open = term_and(space, open, term_not(space, here));
    }
    return last;
}

static term in_force(struct space *space, const struct last *last) {
    return term_or(space, last->kinds[EVENT_IN_FORCE], last->kinds[EVENT_REINSTATED]);
}

void status_translate(struct space *space, const struct agreement *agreement,
                      term reasons[STATUS_REASON_COUNT]) {
    struct last known = find_last(space, agreement, false);
    struct last ever = find_last(space, agreement, true);
    reasons[STATUS_SUSPENDED] = known.kinds[EVENT_SUSPENDED];
    reasons[STATUS_TERMINATED] = known.kinds[EVENT_TERMINATED];
    term stopped = term_or(space, reasons[STATUS_SUSPENDED], reasons[STATUS_TERMINATED]);
    term open = term_not(space, term_or(space, in_force(space, &known), stopped));
    reasons[STATUS_NOT_KNOWN] = term_and(space, open, in_force(space, &ever));
    reasons[STATUS_NOT_IN_FORCE] = term_and(space, open, term_not(space, in_force(space, &ever)));
}

struct sym status_in_force_on(struct space *space, const struct agreement *agreement) {
    struct sym date = date_const(space, DATE_DAYS_MAX);
    for (uint32_t i = agreement->legal_count; i-- > 0;) {
        const struct legal_event *event = &agreement->legal[i];
        if (event->kind == EVENT_IN_FORCE) {
            struct sym here = date_const(space, event->date);
            date = sym_choose(space, counts(space, event), &here, &date);
        }
    }
    return date;
}
