/* Rules of one section that may hold on one case: the first gives the reason, which a lawyer should
 * know.  The search starts from the document's tests: it joins facts that make one rule true with
 * facts that make the other true.  Then it tries values from the tests, the schema and the
 * document's dates.  Each pair that it finds has an example.  A pair without one is disjoint if
 * that can be shown; otherwise the report names it as not examined. */
#include "rules/lint_priv.h"

#include "base/date.h"
#include "base/mem.h"

enum { POOL_MAX = 24, WITNESS_MAX = 8, PAIR_TRIES_MAX = 2048, TRIES_MAX = 1 << 19 };
#define TRY_ARENA_BYTES_MAX ((size_t)16 << 20)

struct pool {
    struct value values[POOL_MAX];
    uint32_t count;
};

struct search {
    struct linting *linting;
    struct arena arena;
    struct value *slots; /* the tried case: the schema's slots and the extra ones */
    struct agreement_run run;
    struct pool *pools;                 /* by slot; the one after the schema's: reference_date */
    uint32_t slot_count;                /* the schema's and reference_date */
    struct path_set *reads;             /* by rule: slots, reference_date included */
    uint32_t (*witnesses)[WITNESS_MAX]; /* by rule: tests on which it holds */
    uint32_t *witness_counts;
    uint32_t tries;
};

/* --- values to try ------------------------------------------------------------------------------
 */

static void pool_add(struct pool *pool, struct value value) {
    for (uint32_t i = 0; i < pool->count; i++) {
        if (value.kind == VAL_UNKNOWN || cel_value_equal(pool->values[i], value)) {
            return;
        }
    }
    if (pool->count < POOL_MAX && value.kind != VAL_UNKNOWN) {
        pool->values[pool->count++] = value;
    }
}

static void pool_day(struct search *search, int32_t day) {
    for (uint32_t i = 0; i < search->slot_count; i++) {
        bool is_fact = i + 1 < search->slot_count;
        if (!is_fact || search->linting->ruleset->schema->slots[i]->type == FACT_DATE) {
            pool_add(&search->pools[i], value_date(day));
            pool_add(&search->pools[i], value_date(day - 1));
        }
    }
}

static void pool_of_schema(struct pool *pool, const struct fact *fact) {
    if (fact->type == FACT_BOOL) {
        pool_add(pool, value_bool(false));
        pool_add(pool, value_bool(true));
    }
    for (uint32_t i = 0; fact->type == FACT_ENUM && i < fact->word_count; i++) {
        pool_add(pool, value_string(span_str(fact->words[i])));
    }
}

static void fill_pools(struct search *search) {
    const struct agreement *agreement = search->linting->agreement;
    const struct agreement *known = search->linting->known;
    for (uint32_t t = 0; t < known->test_count; t++) {
        for (uint32_t i = 0; i + 1 < search->slot_count; i++) {
            pool_add(&search->pools[i], known->tests[t].slots[i]);
        }
        pool_add(&search->pools[search->slot_count - 1],
                 value_date(known->tests[t].reference_date));
    }
    for (uint32_t i = 0; i + 1 < search->slot_count; i++) {
        pool_of_schema(&search->pools[i], search->linting->ruleset->schema->slots[i]);
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        if (agreement->rules[i].has_from) {
            pool_day(search, agreement->rules[i].from);
        }
        if (agreement->rules[i].has_until) {
            pool_day(search, agreement->rules[i].until);
        }
    }
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        pool_day(search, agreement->events[i].date);
    }
}

/* --- trying -------------------------------------------------------------------------------------
 */

static void begin_case(struct search *search) {
    arena_reset(&search->arena);
    search->run.as_of = DATE_DAYS_MAX;
    search->slots[search->slot_count - 1 + EXTRA_AS_OF] = value_date(DATE_DAYS_MAX);
    search->slots[search->slot_count - 1 + EXTRA_IN_FORCE_ON] =
        value_date(agreement_in_force_on(search->linting->agreement, DATE_DAYS_MAX));
    agreement_run_forget(&search->run);
    search->tries++;
}

static bool both_hold(struct search *search, uint32_t a, uint32_t b) {
    begin_case(search);
    return rule_truth(&search->run, a) == RULE_TRUE && rule_truth(&search->run, b) == RULE_TRUE;
}

static void take_test(struct search *search, uint32_t test, const struct path_set *which) {
    const struct example_test *from = &search->linting->known->tests[test];
    for (uint32_t i = 0; i < search->slot_count; i++) {
        if (which == NULL || path_set_has(which, i)) {
            search->slots[i] =
                i + 1 < search->slot_count ? from->slots[i] : value_date(from->reference_date);
        }
    }
}

static void find_witnesses(struct search *search) {
    const struct agreement *agreement = search->linting->agreement;
    for (uint32_t t = 0; t < search->linting->known->test_count; t++) {
        take_test(search, t, NULL);
        begin_case(search);
        for (uint32_t i = 0; i < agreement->rule_count; i++) {
            if (search->witness_counts[i] < WITNESS_MAX && search->linting->rules[i].map != NULL &&
                rule_truth(&search->run, i) == RULE_TRUE) {
                search->witnesses[i][search->witness_counts[i]++] = t;
            }
        }
    }
}

/* A case on which b holds, with what a reads from a case on which a holds. */
static bool try_witnesses(struct search *search, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < search->witness_counts[a]; i++) {
        for (uint32_t k = 0; k < search->witness_counts[b]; k++) {
            take_test(search, search->witnesses[b][k], NULL);
            take_test(search, search->witnesses[a][i], &search->reads[a]);
            if (both_hold(search, a, b)) {
                return true;
            }
        }
    }
    return false;
}

/* Values of the pools, in the same order on every machine. */
static bool try_pools(struct search *search, uint32_t a, uint32_t b) {
    struct path_set slots = search->reads[a];
    path_set_join(&slots, &search->reads[b]);
    uint64_t turn = 1;
    for (uint32_t tries = 0; tries < PAIR_TRIES_MAX; tries++) {
        for (uint32_t i = 0; i < search->slot_count; i++) {
            const struct pool *pool = &search->pools[i];
            if (path_set_has(&slots, i) && pool->count > 0) {
                turn = turn * 6364136223846793005U + 1442695040888963407U;
                search->slots[i] = pool->values[(turn >> 33) % pool->count];
            }
        }
        if (both_hold(search, a, b)) {
            return true;
        }
    }
    return false;
}

/* --- the report
 * -------------------------------------------------------------------------------- */

static void print_value(struct buf *out, const struct fact *fact, struct value value) {
    char day[DATE_TEXT_BYTES];
    if (value.kind == VAL_TIMESTAMP && (fact == NULL || fact->type == FACT_DATE)) {
        date_format((int32_t)(value.i / DATE_DAY_SECONDS), day);
        buf_str(out, day);
    } else if (value.kind == VAL_UNKNOWN) {
        buf_str(out, "unknown");
    } else {
        cel_value_print(value, out);
    }
}

/* The facts that either rule reads, with their values in the tried case. */
static void print_example(const struct search *search, uint32_t a, uint32_t b, struct buf *out) {
    const struct agreement *agreement = search->linting->agreement;
    struct path_set slots = search->reads[a];
    path_set_join(&slots, &search->reads[b]);
    buf_printf(out, "%s and %s:", agreement->rules[a].label, agreement->rules[b].label);
    const char *comma = "";
    for (uint32_t i = 0; i < search->slot_count; i++) {
        if (!path_set_has(&slots, i)) {
            continue;
        }
        bool is_fact = i + 1 < search->slot_count;
        const struct fact *fact = is_fact ? search->linting->ruleset->schema->slots[i] : NULL;
        buf_printf(out, "%s %s ", comma, is_fact ? fact->name : "reference_date");
        print_value(out, fact, search->slots[i]);
        comma = ",";
    }
    buf_byte(out, '\n');
}

static bool is_pair(const struct search *search, uint32_t a, uint32_t b) {
    const struct agreement *agreement = search->linting->agreement;
    return agreement->rules[a].section == agreement->rules[b].section &&
           search->linting->rules[a].map != NULL && search->linting->rules[b].map != NULL &&
           strcmp(agreement->rules[a].label, agreement->rules[b].label) != 0;
}

enum pair_state { PAIR_OVERLAPS, PAIR_DISJOINT, PAIR_UNKNOWN };

static bool windows_are_apart(const struct rule *a, const struct rule *b) {
    return a->by_slot == b->by_slot && ((a->has_until && b->has_from && a->until <= b->from) ||
                                        (b->has_until && a->has_from && b->until <= a->from));
}

/* The values of a fact that can be listed; 0: too many. */
static uint32_t value_count(const struct search *search, uint32_t slot) {
    if (slot + 1 == search->slot_count) {
        return 0; /* reference_date */
    }
    const struct fact *fact = search->linting->ruleset->schema->slots[slot];
    bool has_words = fact->type == FACT_ENUM || fact->type == FACT_ISO;
    return fact->type == FACT_BOOL ? 2 : has_words ? fact->word_count : 0;
}

static struct value value_of(const struct search *search, uint32_t slot, uint32_t number) {
    const struct fact *fact = search->linting->ruleset->schema->slots[slot];
    return fact->type == FACT_BOOL ? value_bool(number == 1)
                                   : value_string(span_str(fact->words[number]));
}

/* What can be listed takes each value, the rest is unknown.  A rule that is false then is false for
 * every answer, so two rules are disjoint if one of them is false each time. */
static bool are_disjoint(struct search *search, uint32_t a, uint32_t b) {
    const struct schema *schema = search->linting->ruleset->schema;
    struct path_set slots = search->reads[a];
    path_set_join(&slots, &search->reads[b]);
    uint32_t counts[SLOTS_MAX] = {0};
    uint32_t total = 1;
    for (uint32_t i = 0; i < search->slot_count; i++) {
        uint32_t count = path_set_has(&slots, i) ? value_count(search, i) : 0;
        counts[i] = count > 0 && total <= PAIR_TRIES_MAX / count ? count : 0;
        total *= counts[i] == 0 ? 1 : counts[i];
    }
    for (uint32_t number = 0; number < total; number++) {
        uint32_t left = number;
        for (uint32_t i = 0; i < search->slot_count; i++) {
            search->slots[i] = counts[i] > 0                ? value_of(search, i, left % counts[i])
                               : i + 1 < search->slot_count ? schema->unknown[i]
                                                            : value_unknown(0);
            left /= counts[i] > 0 ? counts[i] : 1;
        }
        begin_case(search);
        search->slots[search->slot_count - 1 + EXTRA_AS_OF] = value_unknown(0);
        search->slots[search->slot_count - 1 + EXTRA_IN_FORCE_ON] = value_unknown(0);
        if (rule_truth(&search->run, a) != RULE_FALSE &&
            rule_truth(&search->run, b) != RULE_FALSE) {
            return false;
        }
    }
    return true;
}

static enum pair_state examine(struct search *search, uint32_t a, uint32_t b) {
    const struct rule *rules = search->linting->agreement->rules;
    if (windows_are_apart(&rules[a], &rules[b])) {
        return PAIR_DISJOINT;
    }
    if (search->tries >= TRIES_MAX) {
        return PAIR_UNKNOWN;
    }
    if (try_witnesses(search, a, b) || try_witnesses(search, b, a)) {
        return PAIR_OVERLAPS;
    }
    if (are_disjoint(search, a, b)) {
        return PAIR_DISJOINT;
    }
    return try_pools(search, a, b) ? PAIR_OVERLAPS : PAIR_UNKNOWN;
}

struct pairs {
    uint32_t found, unknown;
    struct buf examples;
    struct buf unknowns; /* "LABEL with LABEL, LABEL" */
};

static void find_pairs(struct search *search, enum section section, struct pairs *pairs) {
    const struct agreement *agreement = search->linting->agreement;
    for (uint32_t a = 0; a < agreement->rule_count; a++) {
        uint32_t before = pairs->unknown;
        for (uint32_t b = a + 1; b < agreement->rule_count; b++) {
            if (agreement->rules[a].section != section || !is_pair(search, a, b)) {
                continue;
            }
            enum pair_state state = examine(search, a, b);
            if (state == PAIR_OVERLAPS) {
                print_example(search, a, b, &pairs->examples);
                pairs->found++;
            } else if (state == PAIR_UNKNOWN) {
                bool is_first = pairs->unknown++ == before;
                buf_printf(&pairs->unknowns, "%s%s%s", is_first ? agreement->rules[a].label : "",
                           is_first ? " with " : ", ", agreement->rules[b].label);
            }
        }
        buf_str(&pairs->unknowns, pairs->unknown > before ? "\n" : "");
    }
}

static void report_pairs(struct linting *linting, enum section section, struct pairs *pairs) {
    if (pairs->found > 0) {
        lint_add(linting, lint_section(linting, section)->key, false,
                 "no fault: the earlier rule gives the reason; check that this order is intended",
                 "%u pair%s of rules in section %s may hold on one case", pairs->found,
                 pairs->found == 1 ? "" : "s", section_name(section))
            ->notes = pairs->examples;
    } else {
        buf_free(&pairs->examples);
    }
    if (pairs->unknown > 0) {
        lint_add(
            linting, lint_section(linting, section)->key, false,
            "no case was found on which both hold, and none was ruled out: read them, or add a "
            "test on which both hold",
            "%u pair%s of rules in section %s %s not examined", pairs->unknown,
            pairs->unknown == 1 ? "" : "s", section_name(section),
            pairs->unknown == 1 ? "was" : "were")
            ->notes = pairs->unknowns;
    } else {
        buf_free(&pairs->unknowns);
    }
}

static void find_reads(struct search *search) {
    const struct agreement *agreement = search->linting->agreement;
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        bool is_read[SLOTS_MAX] = {false};
        rule_reads(&agreement->rules[i], is_read);
        for (uint32_t slot = 0; slot < search->slot_count; slot++) {
            if (is_read[slot]) {
                path_set_add(&search->reads[i], slot);
            }
        }
    }
}

void lint_overlaps(struct linting *linting) {
    uint32_t rule_count = linting->agreement->rule_count;
    uint32_t slot_count = linting->ruleset->schema->slot_count;
    struct search search = {.linting = linting, .slot_count = slot_count + 1};
    arena_init(&search.arena, TRY_ARENA_BYTES_MAX);
    search.slots = mem_zero(slot_count + EXTRA_COUNT, sizeof(*search.slots));
    search.pools = mem_zero(search.slot_count, sizeof(*search.pools));
    search.reads = mem_zero(rule_count, sizeof(*search.reads));
    search.witnesses = mem_zero(rule_count, sizeof(*search.witnesses));
    search.witness_counts = mem_zero(rule_count, sizeof(*search.witness_counts));
    memcpy(search.slots, linting->ruleset->schema->unknown, slot_count * sizeof(*search.slots));
    search.slots[slot_count] = value_date(0);
    agreement_run_init(&search.run, linting->agreement, &search.arena, search.slots);
    find_reads(&search);
    fill_pools(&search);
    find_witnesses(&search);
    for (enum section section = 0; section < SECTION_COUNT; section++) {
        struct pairs pairs = {.examples = BUF_EMPTY, .unknowns = BUF_EMPTY};
        find_pairs(&search, section, &pairs);
        report_pairs(linting, section, &pairs);
    }
    agreement_run_fini(&search.run);
    mem_free(search.slots);
    mem_free(search.pools);
    mem_free(search.reads);
    mem_free(search.witnesses);
    mem_free(search.witness_counts);
    arena_free(&search.arena);
}
