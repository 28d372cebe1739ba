/* config/: the shipped schema and agreements load, their own tests pass, and every worked case
 * of ../shared gives the expected result under both readings of transit. The cases are read from
 * ../shared; without them that test prints a line and passes. */
#include "base/io.h"
#include "cli/json_case.h"
#include "rules/ruleset.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const CASES_PATHS[] = {"../shared/agreements/cases_open.jsonl",
                                          "../shared/found/rules/worked_cases.jsonl"};

enum { FILE_BYTES_MAX = 16 << 20, ARENA_BYTES = 1 << 20, DOCUMENT_TESTS_MIN = 250 };

static const char *const GATE_OPEN[] = {"US-GT-ACA-2019.transit_gate=false",
                                        "US-HN-ACA-2019.transit_gate=false",
                                        "US-SV-ACA-2019.transit_gate=false"};

static struct ruleset *ruleset_open(const char *const *overrides, uint32_t count) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    enum err err = ruleset_load_dir("config", overrides, count, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u:%u: %s", diag.file, diag.line, diag.column, diag.text);
    return ruleset;
}

START_TEST(the_documents_pass_their_own_tests) {
    struct ruleset *ruleset = ruleset_open(NULL, 0);
    ck_assert_uint_eq(ruleset_agreement_count(ruleset), 4);
    ck_assert_str_eq(ruleset_agreement_id(ruleset, 0), "US-CA-STCA");
    uint32_t passed = 0;
    uint32_t failed = 0;
    struct buf report = BUF_EMPTY;
    ruleset_test(ruleset, &passed, &failed, &report);
    ck_assert_msg(failed == 0, "%s", buf_cstr(&report));
    ck_assert_uint_ge(passed, DOCUMENT_TESTS_MIN);
    buf_free(&report);
    ruleset_unref(&ruleset);
}
END_TEST

/* Every reason that an agreement can give for a finding occurs in one of its tests. A rule that
 * no test reaches has never been seen to work. */
static void reasons_expected(const char *id, const char *text, const struct ruleset *ruleset,
                             uint32_t agreement) {
    const char *tests = strstr(text, "\ntests:");
    ck_assert_msg(tests != NULL, "%s has no tests", id);
    for (uint32_t i = 0; i < ruleset_reason_count(ruleset, agreement); i++) {
        struct reason reason = ruleset_reason(ruleset, agreement, i);
        bool is_status = strncmp(reason.label, "agreement_", 10) == 0 ||
                         strcmp(reason.label, "not_known_in_force_as_of") == 0;
        if (is_status || reason.disposition == DISPOSITION_INSUFFICIENT_INFORMATION) {
            continue;
        }
        char expected[160];
        (void)snprintf(expected, sizeof(expected), "expect: {%s: %s",
                       disposition_name(reason.disposition), reason.label);
        ck_assert_msg(strstr(tests, expected) != NULL, "%s: no test has %s", id, expected);
    }
}

START_TEST(every_rule_is_fired_by_a_test) {
    struct ruleset *ruleset = ruleset_open(NULL, 0);
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        const char *id = ruleset_agreement_id(ruleset, i);
        char path[128];
        (void)snprintf(path, sizeof(path), "config/agreements/%s.yaml", id);
        struct buf text = BUF_EMPTY;
        struct diag diag = {0};
        enum err err = io_read_file(path, FILE_BYTES_MAX, &text, &diag);
        ck_assert_msg(err == ERR_OK, "%s", diag.text);
        reasons_expected(id, buf_cstr(&text), ruleset, i);
        buf_free(&text);
    }
    ruleset_unref(&ruleset);
}
END_TEST

/* --- the worked cases --- */

struct worked {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct arena arena;
    bool transit_gate;
    uint32_t checked;
};

/* What the line expects of one agreement in this reading. */
static const json_t *expected_of(const json_t *line, const char *agreement, bool transit_gate) {
    const json_t *gated = json_object_get(line, "expected_if_transit_gate");
    const json_t *special = transit_gate ? json_object_get(gated, agreement) : NULL;
    return special != NULL ? special
                           : json_object_get(json_object_get(line, "expected"), agreement);
}

static bool is_missing(const struct schema *schema, const struct result *result, const char *path) {
    for (uint16_t i = 0; i < result->missing_count; i++) {
        if (strcmp(schema->paths[result->missing[i]]->name, path) == 0) {
            return true;
        }
    }
    return false;
}

static void finding_check(struct worked *worked, const json_t *line, uint32_t agreement,
                          const struct finding *finding) {
    const char *id = json_string_value(json_object_get(line, "id"));
    const char *name = ruleset_agreement_id(worked->ruleset, agreement);
    const json_t *expected = expected_of(line, name, worked->transit_gate);
    ck_assert_ptr_nonnull(expected);
    struct reason reason = ruleset_reason(worked->ruleset, agreement, finding->result.reason);
    const char *found = disposition_name(reason.disposition);
    const char *disposition = json_string_value(json_object_get(expected, "disposition"));
    const char *label = json_string_value(json_object_get(expected, "reason"));
    const char *missing = json_string_value(json_object_get(expected, "missing_includes"));
    ck_assert_msg(strcmp(found, disposition) == 0, "%s %s: %s %s, expected %s", id, name, found,
                  reason.label, disposition);
    ck_assert_msg(label == NULL || strcmp(reason.label, label) == 0, "%s %s: %s, expected %s", id,
                  name, reason.label, label == NULL ? "" : label);
    ck_assert_msg(
        missing == NULL || is_missing(ruleset_schema(worked->ruleset), &finding->result, missing),
        "%s %s: %s is not among what is missing", id, name, missing == NULL ? "" : missing);
    worked->checked++;
}

static void line_check(struct worked *worked, const char *text, size_t bytes) {
    json_t *line = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(line);
    json_t *sent =
        json_pack("{s:O,s:i,s:O,s:O,s:O}", "case_id", json_object_get(line, "id"), "revision", 0,
                  "reference_date", json_object_get(line, "reference_date"), "as_of",
                  json_object_get(line, "as_of"), "facts", json_object_get(line, "facts"));
    ck_assert_ptr_nonnull(sent);
    char *dumped = json_dumps(sent, JSON_COMPACT);
    struct buf packed = BUF_EMPTY;
    ck_assert_int_eq(json_case_encode(span_str(dumped), &packed, NULL), ERR_OK);
    struct case_doc doc;
    ck_assert_int_eq(
        case_decode(ruleset_schema(worked->ruleset), buf_span(&packed), &worked->arena, &doc),
        ERR_OK);
    ck_assert_msg(doc.fault_count == 0, "%s %s", doc.faults[0].path, doc.faults[0].reason);
    struct outcome outcome;
    ruleset_evaluate(worked->run, &doc, doc.reference_date, doc.as_of, &outcome);
    for (uint32_t i = 0; i < ruleset_agreement_count(worked->ruleset); i++) {
        finding_check(worked, line, i, &outcome.findings[i]);
    }
    arena_reset(&worked->arena);
    buf_free(&packed);
    free(dumped);
    json_decref(sent);
    json_decref(line);
}

START_TEST(worked_cases_come_out_as_expected) {
    const char *path = CASES_PATHS[_i / 2];
    if (access(path, R_OK) != 0) {
        printf("skipped: %s is not there\n", path);
        return;
    }
    struct worked worked = {.transit_gate = _i % 2 == 0};
    worked.ruleset =
        ruleset_open(GATE_OPEN, worked.transit_gate ? 0 : (uint32_t)COUNT_OF(GATE_OPEN));
    worked.run = ruleset_run_new(worked.ruleset);
    arena_init(&worked.arena, ARENA_BYTES);
    struct buf text = BUF_EMPTY;
    ck_assert_int_eq(io_read_file(path, FILE_BYTES_MAX, &text, NULL), ERR_OK);
    const char *at = buf_cstr(&text);
    while (*at != '\0') {
        size_t bytes = strcspn(at, "\n");
        if (bytes > 0) {
            line_check(&worked, at, bytes);
        }
        at += bytes + (at[bytes] == '\n' ? 1 : 0);
    }
    ck_assert_uint_gt(worked.checked, 0);
    buf_free(&text);
    arena_free(&worked.arena);
    ruleset_run_free(&worked.run);
    ruleset_unref(&worked.ruleset);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli config");
    TCase *cases = tcase_create("config");
    tcase_add_test(cases, the_documents_pass_their_own_tests);
    tcase_add_test(cases, every_rule_is_fired_by_a_test);
    tcase_add_loop_test(cases, worked_cases_come_out_as_expected, 0,
                        2 * (int)COUNT_OF(CASES_PATHS));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
