/* rules/: what files must state although earlier versions did not ask for it: the line `status`,
 * instants that can be stored, names of facts that are free.  Published sets were not asked either.
 */
#include "rules_place.h"

#include "base/date.h"

/* --- a document without events ------------------------------------------------------------------
 */

#define PLAIN_HEAD "agreement: T\ntitle: T\nparties: [\"US\"]\n"
#define PLAIN_RULES                                                                                \
    "rules:\n  in_force:\n    - {status: none, why: \"a statute without a treaty\"}\n"             \
    "    - {label: hit, when: '%s', cite: c}\n  otherwise: {label: rest}\n"

#define PLAIN_RULES_A                                                                              \
    "rules:\n  in_force:\n    - {status: none, why: w}\n    - {label: hit, when: a, cite: c}\n"    \
    "  otherwise: {label: rest}\n"

START_TEST(a_document_without_events_states_why) {
    static const struct {
        const char *events, *when, *part; /* part NULL: the document loads */
    } rows[] = {
        {"", "a", NULL},
        {"events: []\n", "a", NULL},
        {"events:\n  - {event: paused, date: 2020-01-01, recorded: 2020-01-01, cite: c}\n", "a",
         "for a document without events"},
        {"events: none\n", "a", "for a document without events"},
        {"", "came < in_force_on", "no day of entry into force"},
    };
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        struct buf text = BUF_EMPTY;
        buf_printf(&text, PLAIN_HEAD "%s" PLAIN_RULES, rows[i].events, rows[i].when);
        enum err err = load_document(&place, buf_cstr(&text), NULL, &diag);
        ck_assert_msg((err == ERR_OK) == (rows[i].part == NULL), "row %zu: %s", i, diag.text);
        ck_assert_msg(err == ERR_OK || strstr(diag.text, rows[i].part) != NULL, "%s", diag.text);
        buf_free(&text);
    }
    place_close(&place);
}
END_TEST

/* The finding of a case whose fact `a` is false, on the first and the last day of the calendar. */
static void decides_always(struct ruleset *ruleset) {
    static const int32_t days[] = {DATE_DAYS_MIN, 18000, DATE_DAYS_MAX};
    const struct schema *schema = ruleset_schema(ruleset);
    struct ruleset_run *run = ruleset_run_new(ruleset);
    struct case_doc doc = {.slots = mem_zero(schema->slot_count, sizeof(struct value))};
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        doc.slots[i] = value_unknown(schema->slots[i]->path);
    }
    doc.slots[schema_find(schema, SPAN_LIT("a"))->slot] = value_bool(false);
    for (size_t i = 0; i < COUNT_OF(days); i++) {
        struct outcome outcome;
        ruleset_evaluate(run, &doc, days[i], days[i], &outcome);
        ck_assert_int_eq(outcome.result.disposition, DISPOSITION_SUBJECT_TO_AGREEMENT);
        ck_assert(!outcome.findings[0].has_projected);
    }
    mem_free(doc.slots);
    ruleset_run_free(&run);
}

START_TEST(a_document_without_events_decides_on_every_day) {
    struct place place;
    struct diag diag = {0};
    struct ruleset *ruleset = NULL;
    struct buf text = BUF_EMPTY;
    place_open(&place);
    buf_printf(&text, PLAIN_HEAD PLAIN_RULES, "a");
    write_text(place.document, buf_span(&text));
    ck_assert_int_eq(ruleset_load_dir(place.dir, NULL, 0, &ruleset, NULL, &diag), ERR_OK);
    decides_always(ruleset);
    buf_free(&text);
    ruleset_unref(&ruleset);
    place_close(&place);
}
END_TEST

/* History was decided under published sets, so a later demand on documents does not refuse them. */
static enum err load_stored(const char *schema, const char *document, struct diag *diag) {
    struct ruleset *ruleset = NULL;
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "casemill ruleset 1 engine %d\nschema %zu\n%s\nagreement T %zu\n%s\n",
               RULESET_ENGINE_VERSION, strlen(schema), schema, strlen(document), document);
    buf_str(&text, "overrides 0\n\nvocabulary 2\nUS\n");
    enum err err = ruleset_load_text(buf_span(&text), &ruleset, diag);
    buf_free(&text);
    ruleset_unref(&ruleset);
    return err;
}

START_TEST(a_published_set_that_a_later_demand_refuses_still_loads) {
    static const struct {
        const char *schema, *document, *part; /* of the fault in files */
    } rows[] = {
        {"version: 1\ntitle: t\nfacts:\n  a: {type: bool}\n",
         PLAIN_HEAD "events: []\nrules:\n  scope:\n    - {label: hit, when: a, cite: c}\n"
                    "  otherwise: {label: rest}\n",
         "needs the line `- status`"},
        {"version: 1\ntitle: t\nfacts:\n  a: {type: bool}\n  seen: {type: timestamp}\n",
         PLAIN_HEAD PLAIN_RULES_A "example: {seen: 2020-01-01T00:00:00.123456789Z}\n",
         "whole microseconds"},
        {"version: 1\ntitle: t\nfacts:\n  a: {type: bool}\n"
         "  times: {type: map, of: {type: timestamp}}\n",
         PLAIN_HEAD PLAIN_RULES_A "example: {times: {a: 2020-01-01T00:00:00.0000001Z}}\n",
         "whole microseconds"},
        {"version: 1\ntitle: t\nfacts:\n  a: {type: bool}\n"
         "  kin: {type: list, of: {type: record, fields: {at: {type: timestamp}}}}\n",
         PLAIN_HEAD PLAIN_RULES_A "example: {kin: [{}, {at: 2020-01-01T00:00:00.0000001Z}]}\n",
         "whole microseconds"},
    };
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        write_text(place.schema, span_str(rows[i].schema));
        ck_assert_int_eq(load_document(&place, rows[i].document, NULL, &diag), ERR_INVALID);
        ck_assert_msg(strstr(diag.text, rows[i].part) != NULL, "row %zu: %s", i, diag.text);
        enum err err = load_stored(rows[i].schema, rows[i].document, &diag);
        ck_assert_msg(err == ERR_OK, "row %zu: %s", i, diag.text);
    }
    place_close(&place);
}
END_TEST

/* --- names of facts ------------------------------------------------------------------------------
 */

START_TEST(a_fact_cannot_have_a_name_in_use) {
    static const struct {
        const char *fact;
        uint32_t line, column;
        const char *part;
    } rows[] = {
        {"agreement: {type: bool}", 4, 3, "built-in name"},
        {"agreement: {type: record, fields: {p: {type: bool}}}", 4, 3, "built-in name"},
        {"reference_date: {type: date}", 4, 3, "built-in name"},
        {"as_of: {type: date}", 4, 3, "built-in name"},
        {"in_force_on: {type: date}", 4, 3, "built-in name"},
        {"null: {type: bool}", 4, 3, "constant"},
        {"in: {type: bool}", 4, 3, "reserved word"},
        {"ctx: {type: record, fields: {p: {type: bool}, while: {type: bool}}}", 4, 49,
         "reserved word"},
        {"digest: {type: string}", 4, 3, "a column that casemill itself uses"},
        {"case: {type: record, fields: {id: {type: string}}}", 4, 33,
         "case_id is the name of a column"},
        {"xmin: {type: int}", 4, 3, "a column that casemill itself uses"},
        {"agreements: {type: int}", 4, 3, "a column that casemill itself uses"},
        {"a123456789012345678901234567890123: {type: record, fields: "
         "{b12345678901234567890123456789: {type: bool}}}",
         4, 63, "has 65 bytes, and PostgreSQL allows 63"},
        {"a1234567890123456789012345678901: {type: record, fields: "
         "{b12345678901234567890123456789: {type: bool}}}",
         0, 0, NULL},
        {"size: {type: int}", 0, 0, NULL}, /* functions have names of their own */
        {"days: {type: int}", 0, 0, NULL},
        {"id: {type: record, fields: {agreement: {type: bool}, true: {type: bool}}}", 0, 0, NULL},
    };
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        struct buf schema = BUF_EMPTY;
        static const char document[] = PLAIN_HEAD PLAIN_RULES_A;
        buf_printf(&schema, "version: 1\nfacts:\n  a: {type: bool}\n  %s\n", rows[i].fact);
        write_text(place.schema, buf_span(&schema));
        enum err err = load_document(&place, document, NULL, &diag);
        ck_assert_msg((err == ERR_OK) == (rows[i].part == NULL), "%s: %s", rows[i].fact, diag.text);
        if (err != ERR_OK) {
            ck_assert_msg(diag.line == rows[i].line && diag.column == rows[i].column,
                          "%s: at %u:%u: %s", rows[i].fact, diag.line, diag.column, diag.text);
            ck_assert_msg(strstr(diag.text, rows[i].part) != NULL, "%s", diag.text);
            ck_assert_str_eq(diag.file, place.schema);
        }
        bool is_name_of_column = err != ERR_OK && strstr(rows[i].part, "column") != NULL;
        err = load_stored(buf_cstr(&schema), document, &diag);
        ck_assert_msg(!is_name_of_column || err == ERR_OK, "%s: %s", rows[i].fact, diag.text);
        buf_free(&schema);
    }
    place_close(&place);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules demands");
    TCase *tests = tcase_create("rules demands");
    tcase_add_test(tests, a_document_without_events_states_why);
    tcase_add_test(tests, a_document_without_events_decides_on_every_day);
    tcase_add_test(tests, a_published_set_that_a_later_demand_refuses_still_loads);
    tcase_add_test(tests, a_fact_cannot_have_a_name_in_use);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
