/* The steps of a worker's lane: decode, evaluate; its dead letters have the same reasons. */
#include "cli/submit/dry_run.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"

#define CASE_ARENA_BYTES_MAX ((size_t)16 << 20)

struct dry_run {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct arena arena;
    struct case_doc doc;
    struct casemill_missing *missing; /* room for all paths of the schema */
    int32_t today;
};

struct dry_run *dry_run_new(struct ruleset *ruleset) {
    struct dry_run *made = mem_zero(1, sizeof(*made));
    made->ruleset = ruleset;
    made->run = ruleset_run_new(ruleset);
    made->today = (int32_t)(clock_wall_us() / DATE_DAY_US);
    made->missing =
        mem_zero(ruleset_schema(ruleset)->path_count + 1U, sizeof(struct casemill_missing));
    arena_init(&made->arena, CASE_ARENA_BYTES_MAX);
    return made;
}

void dry_run_free(struct dry_run **dry_run) {
    if (*dry_run != NULL) {
        ruleset_run_free(&(*dry_run)->run);
        ruleset_unref(&(*dry_run)->ruleset);
        arena_free(&(*dry_run)->arena);
        mem_free((*dry_run)->missing);
        mem_free(*dry_run);
        *dry_run = NULL;
    }
}

static struct casemill_text text_of(const char *text) {
    return (struct casemill_text){text, strlen(text)};
}

static void evaluate(struct dry_run *dry_run, struct casemill_case_result *result) {
    const struct case_doc *doc = &dry_run->doc;
    const struct schema *schema = ruleset_schema(dry_run->ruleset);
    struct outcome outcome;
    ruleset_evaluate(dry_run->run, doc,
                     doc->has_reference_date ? doc->reference_date : dry_run->today,
                     doc->has_as_of ? doc->as_of : dry_run->today, &outcome);
    const struct result *decided = &outcome.result;
    struct casemill_missing *missing = dry_run->missing;
    for (uint32_t i = 0; i < decided->missing_count; i++) {
        const struct fact *fact = schema->paths[decided->missing[i]];
        missing[i] = (struct casemill_missing){text_of(fact->name), text_of(fact->help)};
    }
    result->disposition = decided->disposition;
    result->agreement = text_of(ruleset_agreement_id(dry_run->ruleset, outcome.agreement));
    result->reason =
        text_of(ruleset_reason(dry_run->ruleset, outcome.agreement, decided->reason).label);
    result->missing_count = decided->missing_count;
    result->missing = missing;
}

void dry_run_decide(struct dry_run *dry_run, struct span bytes,
                    struct casemill_case_result *result) {
    struct case_doc *doc = &dry_run->doc;
    *result = (struct casemill_case_result){0};
    arena_reset(&dry_run->arena);
    enum err err = case_decode(ruleset_schema(dry_run->ruleset), bytes, &dry_run->arena, doc);
    result->is_dead = err != ERR_OK || doc->fault_count > 0;
    if (err != ERR_OK) {
        result->reason = text_of("too_large");
    } else if (doc->fault_count > 0) {
        result->reason = text_of(doc->faults[0].reason);
        result->path = text_of(doc->faults[0].path);
        result->expected = text_of(doc->faults[0].expected);
        result->found = text_of(doc->faults[0].found);
    } else {
        evaluate(dry_run, result);
    }
}
