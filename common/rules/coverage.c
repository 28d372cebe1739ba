/* Makes a test's findings once more and records the conditions that they reach. */
#include "rules/coverage.h"

#include "base/mem.h"
#include "rules/rules_priv.h"

/* Items of one condition are adjacent: true, false and, when it reads facts, unknown. */
struct measuring {
    struct coverage *coverage;
    const struct agreement *agreement;
    struct rule_source *sources;
    uint32_t *given_items; /* by rule: the first item of its group's condition */
    uint32_t *when_items;  /* by rule: the first item of its condition; before it, COVERAGE_WINS */
    uint32_t edge_first;
};

const char *coverage_kind_name(enum coverage_kind kind) {
    static const char *const names[] = {"true", "false", "unknown", "decides", "edge"};
    _Static_assert(COUNT_OF(names) == COVERAGE_KIND_COUNT, "a name per kind");
    CHECK(kind < COVERAGE_KIND_COUNT);
    return names[kind];
}

/* --- the items
 * --------------------------------------------------------------------------------- */

static void add_item(struct coverage *coverage, const struct coverage_item *item) {
    coverage->items[coverage->item_count++] = *item;
}

static bool reads_facts(const struct agreement *agreement, const struct cel_program *program) {
    struct cel_use uses[PATHS_MAX * 2];
    uint32_t count = program_uses(program, uses);
    for (uint32_t i = 0; i < count; i++) {
        if (uses[i].slot < agreement->ruleset->schema->slot_count) {
            return true;
        }
    }
    return false;
}

static uint32_t add_condition(struct measuring *measuring, const struct cel_program *program,
                              const char *name, const char *part, uint32_t line) {
    struct coverage *coverage = measuring->coverage;
    uint32_t first = coverage->item_count;
    struct coverage_item item = {.name = name, .part = part, .line = line};
    for (enum coverage_kind kind = COVERAGE_TRUE; kind <= COVERAGE_UNKNOWN; kind++) {
        item.kind = kind;
        if (kind != COVERAGE_UNKNOWN || reads_facts(measuring->agreement, program)) {
            add_item(coverage, &item);
        }
    }
    return first;
}

static void add_rule(struct measuring *measuring, uint32_t index) {
    const struct rule *rule = &measuring->agreement->rules[index];
    const struct rule_source *source = &measuring->sources[index];
    bool is_new_group = index == 0 || source->given != measuring->sources[index - 1].given;
    if (rule->given != NULL) {
        measuring->given_items[index] =
            is_new_group
                ? add_condition(measuring, rule->given, rule->label, "given", source->given->line)
                : measuring->given_items[index - 1];
    }
    struct coverage_item wins = {
        .kind = COVERAGE_WINS, .name = rule->label, .part = "rule", .line = source->node->line};
    add_item(measuring->coverage, &wins);
    measuring->when_items[index] =
        add_condition(measuring, rule->when, rule->label, "when", source->when->line);
}

/* A corrected entry has no day. */
static void add_edges(struct measuring *measuring) {
    const struct agreement *agreement = measuring->agreement;
    const struct yaml_node *node = field_first(yaml_root(agreement->yaml), "events");
    measuring->edge_first = measuring->coverage->item_count;
    for (uint32_t i = 0; i < agreement->event_count && node != NULL; i++, node = node->next) {
        const struct event *event = &agreement->events[i];
        if (event->kind >= EVENT_LEGAL_COUNT || event->corrected_from != INT32_MAX) {
            continue;
        }
        struct coverage_item item = {.kind = COVERAGE_EDGE,
                                     .name = event_name(event->kind),
                                     .part = "day before",
                                     .line = node->line,
                                     .day = event->date - 1};
        add_item(measuring->coverage, &item);
        item.part = "day";
        item.day = event->date;
        add_item(measuring->coverage, &item);
    }
}

/* --- the items that a test covers
 * -------------------------------------------------------------- */

static void see_condition(struct measuring *measuring, struct value value, uint32_t first) {
    struct coverage_item *items = measuring->coverage->items;
    if (value.kind == VAL_BOOL) {
        items[first + (value.b ? 0 : 1)].is_seen = true;
    } else if (value.kind == VAL_UNKNOWN) {
        items[first + 2].is_seen = true; /* only a condition that reads facts is unknown */
    }
}

static void see_rule(struct measuring *measuring, struct agreement_run *run, uint32_t index) {
    const struct rule *rule = &run->agreement->rules[index];
    if (rule->is_status || rule_truth(run, index) == RULE_ABSENT) {
        return;
    }
    bool does_group_hold = true;
    if (rule->given != NULL) {
        struct value given = cel_run(&run->cel, rule->given);
        see_condition(measuring, given, measuring->given_items[index]);
        does_group_hold = given.kind == VAL_BOOL && given.b;
    }
    if (does_group_hold) {
        see_condition(measuring, cel_run(&run->cel, rule->when), measuring->when_items[index]);
    }
}

/* One finding, own or projected: the deciding rule, and the conditions that were reached. */
static void see_finding(struct measuring *measuring, struct agreement_run *run, bool projected) {
    const struct agreement *agreement = run->agreement;
    agreement_run_forget(run);
    struct decision decision = finding_decide(run, projected, true);
    bool is_by_rule = decision.rule < agreement->rule_count;
    bool is_true = decision.disposition <= DISPOSITION_EXCEPTION_APPLIES && !decision.settled;
    if (is_by_rule && !agreement->rules[decision.rule].is_status &&
        decision.disposition != DISPOSITION_INSUFFICIENT_INFORMATION) {
        measuring->coverage->items[measuring->when_items[decision.rule] - 1].is_seen = true;
    }
    agreement_run_forget(run);
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        if (rule_counts(&agreement->rules[i], projected) && (!is_true || i <= decision.rule)) {
            see_rule(measuring, run, i);
        }
    }
}

static void see_test(void *context, const struct example_test *test, struct agreement_run *run,
                     const struct finding *finding) {
    struct measuring *measuring = context;
    struct coverage *coverage = measuring->coverage;
    see_finding(measuring, run, false);
    if (finding->has_projected) {
        see_finding(measuring, run, true);
    }
    for (uint32_t i = measuring->edge_first; i < coverage->item_count; i++) {
        struct coverage_item *edge = &coverage->items[i];
        edge->is_seen = edge->is_seen || edge->day == test->reference_date;
    }
}

void coverage_measure(const struct ruleset *ruleset, uint32_t index, struct coverage *coverage,
                      struct buf *report) {
    CHECK(index < ruleset->agreement_count);
    const struct agreement *agreement = ruleset->agreements[index];
    uint32_t rule_count = agreement->rule_count;
    *coverage = (struct coverage){.agreement = agreement->id,
                                  .file = yaml_name(agreement->yaml),
                                  .test_count = agreement->test_count};
    enum { ITEMS_A_RULE = 7, ITEMS_AN_EVENT = 2 };
    coverage->items = mem_zero(rule_count * ITEMS_A_RULE + agreement->event_count * ITEMS_AN_EVENT,
                               sizeof(*coverage->items));
    struct measuring measuring = {.coverage = coverage, .agreement = agreement};
    measuring.sources = mem_zero(rule_count, sizeof(*measuring.sources));
    measuring.given_items = mem_zero(rule_count, sizeof(*measuring.given_items));
    measuring.when_items = mem_zero(rule_count, sizeof(*measuring.when_items));
    rule_sources(agreement, measuring.sources);
    for (uint32_t i = 0; i < rule_count; i++) {
        if (!agreement->rules[i].is_status) {
            add_rule(&measuring, i);
        }
    }
    add_edges(&measuring);
    example_tests_run(agreement, see_test, &measuring, report);
    mem_free(measuring.sources);
    mem_free(measuring.given_items);
    mem_free(measuring.when_items);
}

void coverage_fini(struct coverage *coverage) {
    mem_free(coverage->items);
    *coverage = (struct coverage){0};
}
