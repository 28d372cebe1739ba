/* The text of a stored rule set: any content of the table loads as the rule set of that text, or
 * is refused in one line. */
#include "fuzz.h"
#include "rules/ruleset.h"

static void ruleset_check(struct ruleset *ruleset, struct span text) {
    CHECK(span_eq(ruleset_text(ruleset), text));
    CHECK(strlen(ruleset_id(ruleset)) == 64);
    CHECK(ruleset_agreement_count(ruleset) <= AGREEMENTS_MAX);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        CHECK(ruleset_agreement_id(ruleset, i)[0] != '\0');
        for (uint32_t k = 0; k < ruleset_reason_count(ruleset, i); k++) {
            struct reason reason = ruleset_reason(ruleset, i, k);
            CHECK(reason.disposition < DISPOSITION_COUNT && reason.label[0] != '\0');
        }
    }
}

/* A case without facts has an outcome under any rule set. */
static void outcome_check(struct ruleset *ruleset) {
    const struct schema *schema = ruleset_schema(ruleset);
    struct value slots[PATHS_MAX];
    struct outcome outcome;
    if (ruleset_agreement_count(ruleset) == 0) {
        return;
    }
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        slots[i] = schema->unknown[i];
    }
    struct case_doc doc = {.case_id = SPAN_LIT("X"), .revision = 1, .slots = slots};
    struct ruleset_run *run = ruleset_run_new(ruleset);
    ruleset_evaluate(run, &doc, 0, 0, &outcome);
    CHECK(outcome.agreement < ruleset_agreement_count(ruleset));
    CHECK(outcome.result.disposition < DISPOSITION_COUNT);
    CHECK(outcome.result.reason < ruleset_reason_count(ruleset, outcome.agreement));
    for (uint32_t i = 0; i < outcome.result.missing_count; i++) {
        CHECK(outcome.result.missing[i] < schema->path_count);
    }
    ruleset_run_free(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    struct span text = span_make(bytes, len);
    enum err err = ruleset_load_text(text, &ruleset, &diag);
    if (err == ERR_OK) {
        ruleset_check(ruleset, text);
        outcome_check(ruleset);
    } else {
        CHECK(ruleset == NULL);
        CHECK(diag.text[0] != '\0');
        CHECK(strchr(diag.text, '\n') == NULL);
    }
    ruleset_unref(&ruleset);
    return 0;
}
