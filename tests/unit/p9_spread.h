/* Purpose: what the random cases reached: which findings and reasons, and the days at which rules
 * turn.  A promise that is tried on cases that never come near it is not tried. */
#ifndef CASEMILL_TESTS_UNIT_P9_SPREAD_H
#define CASEMILL_TESTS_UNIT_P9_SPREAD_H

#include "p9_view.h"

#include <inttypes.h>
#include <stdio.h>

enum { REASONS_MAX = 64 /* of one agreement */, LAST_DAYS = 3, FIRST_LAST_DAY = 13 };

/* Of one agreement, counted while facts were hidden. */
struct spread {
    uint64_t findings[DISPOSITION_COUNT];
    uint64_t projected[DISPOSITION_COUNT];
    uint64_t reasons[REASONS_MAX];
    uint64_t known_rules;
    uint64_t unknown_rules;
    uint64_t event_days;  /* cases on the day of a legal event */
    uint64_t days_before; /* and on the day before one */
    uint64_t searched;    /* open findings for which a filling was looked for that changes them */
    uint64_t unchanged[REASONS_MAX]; /* of these, none was found, by the finding's reason */
};

struct reached {
    struct spread agreements[AGREEMENTS];
    uint64_t birthdays;            /* 18 on the day of the claim */
    uint64_t days_before;          /* 18 on the day after it */
    uint64_t last_days[LAST_DAYS]; /* a claim so many days after the entry, from FIRST_LAST_DAY */
};

static void count_rules(struct spread *spread, const struct agreement_run *run) {
    for (uint32_t i = 0; i < run->agreement->rule_count; i++) {
        bool is_unknown = rule_alone(run, i) == RULE_UNKNOWN;
        spread->unknown_rules += is_unknown ? 1 : 0;
        spread->known_rules += is_unknown ? 0 : 1;
    }
}

static void count_finding(struct spread *spread, const struct finding *finding) {
    spread->findings[finding->result.disposition]++;
    spread->reasons[finding->result.reason]++;
    if (finding->has_projected) {
        spread->projected[finding->projected.disposition]++;
        spread->reasons[finding->projected.reason]++;
    }
}

static void count_events(struct spread *spread, const struct agreement *agreement, int32_t day) {
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        int32_t ahead = agreement->events[i].date - day;
        bool is_legal = agreement->events[i].kind < EVENT_LEGAL_COUNT;
        spread->event_days += is_legal && ahead == 0 ? 1 : 0;
        spread->days_before += is_legal && ahead == 1 ? 1 : 0;
    }
}

/* The day of a date fact; 0 where the schema has none of the name. */
static int32_t day_of(const struct case_maker *maker, const char *name) {
    const struct fact *fact = schema_find(maker->schema, span_str(name));
    return fact == NULL ? 0 : (int32_t)(maker->whole[fact->slot].i / 86400);
}

static void count_case(struct reached *reached, const struct case_maker *maker,
                       const struct view *open) {
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        count_rules(&reached->agreements[a], &open->runs[a]);
        count_finding(&reached->agreements[a], &open->findings[a]);
        count_events(&reached->agreements[a], open->runs[a].agreement, maker->reference_date);
    }
    int32_t birth = day_of(maker, "birth_date");
    int32_t claim = day_of(maker, "claim_date");
    int32_t waited = claim - day_of(maker, "entry_date");
    bool is_adult = date_years(birth, claim) >= 18;
    reached->birthdays += is_adult && date_years(birth, claim - 1) < 18 ? 1 : 0;
    reached->days_before += !is_adult && date_years(birth, claim + 1) >= 18 ? 1 : 0;
    if (waited >= FIRST_LAST_DAY && waited < FIRST_LAST_DAY + LAST_DAYS) {
        reached->last_days[waited - FIRST_LAST_DAY]++;
    }
}

/* How many open findings no filling changed, whatever their reason. */
static uint64_t unchanged_of(const struct spread *spread) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < REASONS_MAX; i++) {
        sum += spread->unchanged[i];
    }
    return sum;
}

static void print_open(const struct reached *reached, const struct ruleset *ruleset) {
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        const struct spread *spread = &reached->agreements[a];
        printf("%s: of %" PRIu64 " open findings, %" PRIu64 " that no filling tried changed\n",
               ruleset_agreement_id(ruleset, a), spread->searched, unchanged_of(spread));
    }
}

static void print_spread(const struct spread *spread, const struct ruleset *ruleset, uint32_t a) {
    printf("%s: rules %" PRIu64 " known, %" PRIu64 " unknown; cases on the day of an event %" PRIu64
           ", on the day before %" PRIu64 "\n",
           ruleset_agreement_id(ruleset, a), spread->known_rules, spread->unknown_rules,
           spread->event_days, spread->days_before);
    for (uint32_t d = 0; d < DISPOSITION_COUNT; d++) {
        printf("  %-26s %9" PRIu64 ", projected %9" PRIu64 "\n",
               disposition_name((enum disposition)d), spread->findings[d], spread->projected[d]);
    }
    for (uint32_t i = 0; i < ruleset_reason_count(ruleset, a); i++) {
        struct reason reason = ruleset_reason(ruleset, a, i);
        printf("    %-26s %-50s %9" PRIu64, disposition_name(reason.disposition), reason.label,
               spread->reasons[i]);
        if (spread->unchanged[i] != 0) {
            printf(", unchanged %" PRIu64, spread->unchanged[i]);
        }
        printf("\n");
    }
}

static void print_reached(const struct reached *reached, const struct ruleset *ruleset) {
    for (uint32_t a = 0; a < AGREEMENTS; a++) {
        print_spread(&reached->agreements[a], ruleset, a);
    }
    printf("18 on the day of the claim %" PRIu64 ", on the day after %" PRIu64 "\n",
           reached->birthdays, reached->days_before);
    for (uint32_t i = 0; i < LAST_DAYS; i++) {
        printf("claims %" PRIu32 " days after the entry %" PRIu64 "\n", FIRST_LAST_DAY + i,
               reached->last_days[i]);
    }
    print_open(reached, ruleset);
}

#endif
