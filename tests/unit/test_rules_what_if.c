/* rules: a rule set as it might be, over the shipped agreements. */
#include "base/date.h"
#include "rules/what_if.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define SV "US-SV-ACA-2019"

static struct ruleset *shipped(void) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    ck_assert_msg(ruleset_load_dir("config", NULL, 0, &ruleset, NULL, &diag) == ERR_OK, "%s",
                  diag.text);
    return ruleset;
}

/* What the agreement's status makes of a case of which nothing is known. */
static const char *reason_on(struct ruleset *ruleset, const char *agreement, const char *day) {
    struct case_doc doc = {.slots = NULL};
    struct value slots[PATHS_MAX];
    struct outcome outcome;
    int32_t days = 0;
    ck_assert_int_eq(date_parse(span_str(day), &days), ERR_OK);
    const struct schema *schema = ruleset_schema(ruleset);
    memcpy(slots, schema->unknown, schema->slot_count * sizeof(*slots));
    doc.slots = slots;
    struct ruleset_run *run = ruleset_run_new(ruleset);
    ruleset_evaluate(run, &doc, days, days, &outcome);
    uint32_t at = 0;
    while (strcmp(ruleset_agreement_id(ruleset, at), agreement) != 0) {
        at++;
    }
    const char *label = ruleset_reason(ruleset, at, outcome.findings[at].result.reason).label;
    ruleset_run_free(&run);
    return label;
}

START_TEST(test_event) {
    struct ruleset *base = shipped();
    struct ruleset *variant = NULL;
    struct diag diag = {0};
    const char *const events[] = {SV ".in_force=2019-09-21", SV ".suspended=2019-10-01"};
    struct what_if what_if = {.events = events, .event_count = COUNT_OF(events)};
    ck_assert_msg(ruleset_what_if(base, &what_if, &variant, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_str_eq(reason_on(base, SV, "2019-09-21"), "agreement_not_in_force");
    ck_assert_str_eq(reason_on(variant, SV, "2019-09-20"), "agreement_not_in_force");
    ck_assert_str_eq(reason_on(variant, SV, "2019-09-21"), "claim_not_made_in_us");
    ck_assert_str_eq(reason_on(variant, SV, "2019-10-01"), "agreement_suspended");
    ck_assert_str_eq(reason_on(variant, SV, "2021-08-06"), "agreement_terminated");
    ck_assert_str_eq(ruleset_id(variant), "");
    ck_assert_uint_eq(ruleset_text(variant).len, 0);
    ruleset_unref(&variant);
    ruleset_unref(&base);
}
END_TEST

/* Overrides alone make a rule set that could be published: the same as from the directory. */
START_TEST(test_override) {
    struct ruleset *base = shipped();
    struct ruleset *variant = NULL;
    struct ruleset *direct = NULL;
    struct diag diag = {0};
    const char *const overrides[] = {SV ".transit_gate=false"};
    struct what_if what_if = {.overrides = overrides, .override_count = 1};
    ck_assert_int_eq(ruleset_what_if(base, &what_if, &variant, &diag), ERR_OK);
    ck_assert_int_eq(ruleset_load_dir("config", overrides, 1, &direct, NULL, &diag), ERR_OK);
    ck_assert_str_eq(ruleset_id(variant), ruleset_id(direct));
    ck_assert_str_ne(ruleset_id(variant), ruleset_id(base));
    ruleset_unref(&direct);
    ruleset_unref(&variant);
    ruleset_unref(&base);
}
END_TEST

START_TEST(test_refused) {
    static const struct {
        const char *event;
        const char *text;
    } rows[] = {{"nonsense", "expected AGREEMENT.EVENT=DATE, found \"nonsense\""},
                {"=2019-09-21", "expected AGREEMENT.EVENT=DATE"},
                {SV ".in_force=2019-02-30", "expected a date, YYYY-MM-DD, found \"2019-02-30\""},
                {SV ".in_farce=2019-09-21", "unknown event \"in_farce\", did you mean in_force?"},
                {"US-SV-ACA-2018.in_force=2019-09-21", "did you mean " SV "?"}};
    struct ruleset *base = shipped();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ruleset *variant = NULL;
        struct diag diag = {0};
        struct what_if what_if = {.events = &rows[i].event, .event_count = 1};
        ck_assert_int_eq(ruleset_what_if(base, &what_if, &variant, &diag), ERR_INVALID);
        ck_assert_msg(strstr(diag.text, rows[i].text) != NULL, "%s", diag.text);
        ck_assert_ptr_null(variant);
    }
    ruleset_unref(&base);
}
END_TEST

/* A directory with one of the shipped agreements; removed by the caller. */
static void one_agreement(char directory[32]) {
    char here[512];
    struct buf text = BUF_EMPTY;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    buf_printf(&text,
               "cd %s && mkdir agreements && ln -s %s/config/case.yaml case.yaml && "
               "ln -s %s/config/agreements/" SV ".yaml agreements/" SV ".yaml",
               directory, here, here);
    ck_assert_int_eq(system(buf_cstr(&text)), 0);
    buf_free(&text);
}

static void remove_directory(const char *directory) {
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "rm -r %s", directory);
    ck_assert_int_eq(system(buf_cstr(&text)), 0);
    buf_free(&text);
}

START_TEST(test_slots_read) {
    char directory[32] = "/tmp/what-if-XXXXXX";
    struct ruleset *one = NULL;
    struct diag diag = {0};
    struct path_set slots = {0};
    one_agreement(directory);
    ck_assert_msg(ruleset_load_dir(directory, NULL, 0, &one, NULL, &diag) == ERR_OK, "%s",
                  diag.text);
    ruleset_slots_read(one, &slots);
    const struct schema *schema = ruleset_schema(one);
    static const char *const read[] = {"nationalities", "officer_screening", "birth_date",
                                       "minor_ctx.guardian_available_us"};
    for (size_t i = 0; i < COUNT_OF(read); i++) {
        ck_assert(path_set_has(&slots, schema_find(schema, span_str(read[i]))->slot));
    }
    static const char *const unread[] = {"married", "family_anchors", "visa_ca"};
    for (size_t i = 0; i < COUNT_OF(unread); i++) {
        ck_assert(!path_set_has(&slots, schema_find(schema, span_str(unread[i]))->slot));
    }
    ruleset_unref(&one);
    remove_directory(directory);
}
END_TEST

/* Day by day over the agreements' lives, for a case of which only the day of arrival is known. */
START_TEST(test_verdict_only) {
    struct ruleset *base = shipped();
    const struct schema *schema = ruleset_schema(base);
    struct ruleset_run *whole = ruleset_run_new(base);
    struct ruleset_run *verdict = ruleset_run_new(base);
    ruleset_run_verdict_only(verdict);
    struct value slots[PATHS_MAX];
    memcpy(slots, schema->unknown, schema->slot_count * sizeof(*slots));
    struct case_doc doc = {.slots = slots};
    uint32_t projected = 0;
    for (int32_t day = date_from_civil(2019, 9, 1); day < date_from_civil(2021, 9, 1); day++) {
        struct outcome a;
        struct outcome b;
        slots[schema_find(schema, SPAN_LIT("entry_date"))->slot] = value_date(day);
        ruleset_evaluate(whole, &doc, day, day, &a);
        ruleset_evaluate(verdict, &doc, day, day, &b);
        ck_assert_uint_eq(a.agreement, b.agreement);
        for (uint32_t i = 0; i < ruleset_agreement_count(base); i++) {
            ck_assert_int_eq(a.findings[i].result.disposition, b.findings[i].result.disposition);
            ck_assert_uint_eq(a.findings[i].result.reason, b.findings[i].result.reason);
            ck_assert_uint_eq(b.findings[i].result.missing_count, 0);
            ck_assert(!b.findings[i].has_projected);
            projected += a.findings[i].has_projected ? 1 : 0;
        }
    }
    ck_assert_uint_gt(projected, 0);
    ruleset_run_free(&whole);
    ruleset_run_free(&verdict);
    ruleset_unref(&base);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules_what_if");
    TCase *tcase = tcase_create("rules_what_if");
    tcase_add_test(tcase, test_event);
    tcase_add_test(tcase, test_override);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_slots_read);
    tcase_add_test(tcase, test_verdict_only);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
