/* cli: what replay counts, how it asks the database, how it is shown. */
#include "cli/replay/filter.h"
#include "cli/replay/report.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct replay_key key_of(const char *id, int32_t revision) {
    return (struct replay_key){.source = 1, .id = span_str(id), .revision = revision};
}

static void add(struct replay_matrix *matrix, uint32_t before, uint32_t after, const char *id) {
    struct replay_key key = key_of(id, 0);
    replay_matrix_add(matrix, 0, before, after, &key);
}

static void samples_are(const struct replay_cell *cell, const char *wanted) {
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < cell->sample_count; i++) {
        buf_printf(&text, "%s%.*s.%d", i == 0 ? "" : " ", (int)cell->samples[i].id_len,
                   cell->samples[i].id, cell->samples[i].revision);
    }
    ck_assert_str_eq(buf_cstr(&text), wanted);
    buf_free(&text);
}

/* The samples are the first keys, in whichever order and by however many threads they come. */
START_TEST(test_matrix) {
    static const char *const ids[] = {"b", "e", "a", "d", "c", "ab"};
    struct replay_matrix matrix;
    struct replay_matrix other;
    replay_matrix_init(&matrix, 2, 3);
    replay_matrix_init(&other, 2, 3);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        add(i % 2 == 0 ? &matrix : &other, 0, 3, ids[i]);
    }
    add(&matrix, 2, 2, "same");
    other.tables[0].other_reason = 4;
    replay_matrix_merge(&matrix, &other);
    const struct replay_table *table = &matrix.tables[0];
    ck_assert_uint_eq(table->cells[0][3].count, 6);
    samples_are(&table->cells[0][3], "a.0 ab.0 b.0");
    ck_assert_uint_eq(table->cells[2][2].sample_count, 0);
    ck_assert_uint_eq(replay_table_cases(table), 7);
    ck_assert_uint_eq(replay_table_changed(table), 6);
    ck_assert_uint_eq(table->other_reason, 4);
    ck_assert(replay_table_has_side(table, 0) && replay_table_has_side(table, 2));
    ck_assert(!replay_table_has_side(table, 1) && !replay_table_has_side(table, REPLAY_NONE));
    ck_assert_uint_eq(replay_table_cases(&matrix.tables[1]), 0);
    replay_matrix_fini(&matrix);
    replay_matrix_fini(&other);
}
END_TEST

START_TEST(test_sample_order) {
    struct replay_matrix matrix;
    replay_matrix_init(&matrix, 1, 4);
    struct replay_key keys[] = {key_of("x", 2), key_of("x", 1), key_of("x", 3), key_of("a", 9)};
    keys[3].source = 2; /* a later source comes behind */
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        replay_matrix_add(&matrix, 0, 1, 0, &keys[i]);
    }
    samples_are(&matrix.tables[0].cells[1][0], "x.1 x.2 x.3 a.9");
    replay_matrix_fini(&matrix);
    replay_matrix_init(&matrix, 1, 0);
    add(&matrix, 0, 1, "x"); /* none required */
    ck_assert_ptr_null(matrix.tables[0].cells[0][1].samples);
    replay_matrix_fini(&matrix);
}
END_TEST

/* --- filters that need no database -------------------------------------------------------------
 */

static void filter_is(bool newest, const char *text, const char *wanted) {
    struct replay_columns columns = {.newest = newest};
    struct buf sql = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_msg(replay_filter_add(NULL, &columns, text, &sql, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_str_eq(buf_cstr(&sql), wanted);
    buf_free(&sql);
}

static void filter_refused(const char *text, const char *wanted) {
    struct replay_columns columns = {.newest = false};
    struct buf sql = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_int_eq(replay_filter_add(NULL, &columns, text, &sql, &diag), ERR_INVALID);
    ck_assert_msg(strstr(diag.text, wanted) != NULL, "%s", diag.text);
    ck_assert_uint_eq(sql.len, 0);
    buf_free(&sql);
}

START_TEST(test_filters) {
    filter_is(false, "disposition=screening_required", " AND c.disposition = 3");
    filter_is(true, "disposition=not_subject", " AND coalesce(n.disposition, c.disposition) = 0");
    filter_is(false, "reference_date=2020-02-29",
              " AND c.reference_date >= '2020-02-29'::date"
              " AND c.reference_date < '2020-03-01'::date");
    filter_is(true, "as_of=..2019-12-31", " AND coalesce(n.as_of, c.as_of) < '2020-01-01'::date");
    filter_is(true, "received=2020-01-01..",
              " AND c.received_at >= '2020-01-01 00:00:00+00'::timestamptz");
    filter_is(false, "as_of=2020-01-01..2020-01-02",
              " AND c.as_of >= '2020-01-01'::date AND c.as_of < '2020-01-03'::date");
}
END_TEST

START_TEST(test_filters_refused) {
    static const char *const dates[] = {"as_of=",
                                        "as_of=..",
                                        "as_of=2020-02-30",
                                        "as_of=2020-02-01..2020-01-01",
                                        "as_of=2020-01-01..x",
                                        "as_of=9999-12-31",
                                        "as_of=2020-1-01",
                                        "as_of=';--"};
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        filter_refused(dates[i], "expected YYYY-MM-DD or FROM..UNTIL");
    }
    filter_refused("disposition=3", "there is no \"3\"");
    filter_refused("disposition=not_subjekt", "did you mean not_subject?");
    filter_refused("asof=2020-01-01", "did you mean as_of?");
    filter_refused("source", "did you mean source?");
    filter_refused("", "expected KEY=VALUE, KEY one of source, ");
    filter_refused("=x", "expected KEY=VALUE");
}
END_TEST

/* --- the report --------------------------------------------------------------------------------
 */

struct page {
    struct replay_stored stored;
    struct replay_result result;
    struct replay_report report;
    const char *changes[1];
    char *tables[2];
    char *sources[2];
    char agreement[8], whole[16], source[16];
};

static void page_init(struct page *page) {
    *page = (struct page){.agreement = "US-<X>", .whole = "the case", .source = "in&take"};
    page->tables[0] = page->agreement;
    page->tables[1] = page->whole;
    page->sources[1] = page->source;
    page->changes[0] = "--event US-X.in_force=<\"soon\">";
    page->stored.tables = page->tables;
    page->stored.table_count = 2;
    page->stored.sources = page->sources;
    replay_matrix_init(&page->result.matrix, 2, 2);
    add(&page->result.matrix, 0, 3, "B<1>");
    add(&page->result.matrix, 0, 3, "C2");
    add(&page->result.matrix, 0, 3, "C3");
    add(&page->result.matrix, 0, 0, "C4");
    add(&page->result.matrix, REPLAY_NONE, 1, "C5");
    page->result.matrix.tables[0].other_reason = 1;
    page->result.cases = 5;
    page->result.unreadable = 2;
    page->report = (struct replay_report){.stored = &page->stored,
                                          .result = &page->result,
                                          .base = "rule set 123",
                                          .changes = page->changes,
                                          .change_count = 1,
                                          .threads = 1};
}

static void has(struct buf *out, const char *text) {
    ck_assert_msg(strstr(buf_cstr(out), text) != NULL, "no \"%s\" in the output", text);
}

START_TEST(test_text) {
    struct page page;
    struct buf out = BUF_EMPTY;
    page_init(&page);
    replay_report_text(&page.report, &out);
    has(&out, "5 stored cases under rule set 123 with --event US-X.in_force=<\"soon\">\n");
    has(&out, "; nothing was changed\n2 cases hold a fact that this rule set's schema refuses");
    has(&out, "US-<X>: 4 of 5 change; 1 keep their disposition for another reason\n");
    has(&out, "  not_subject                          1            -            3");
    has(&out, "  not_subject -> screening_required, 3: in&take/B<1>, in&take/C2\n");
    has(&out, "  no_such_agreement -> exception_applies, 1: in&take/C5\n");
    ck_assert_ptr_null(strstr(buf_cstr(&out), "the case:")); /* nothing was counted there */
    struct replay_applied applied = {.wanted = 5, .done = 4, .dead = 1, .reason = "no_such_case"};
    page.report.applied = &applied;
    buf_clear(&out);
    replay_report_text(&page.report, &out);
    has(&out, "applied: 4 of 5 cases that had no outcome under it\n1 got none; the reason of the "
              "first: no_such_case\n");
    ck_assert_ptr_null(strstr(buf_cstr(&out), "nothing was changed"));
    replay_matrix_fini(&page.result.matrix);
    buf_free(&out);
}
END_TEST

START_TEST(test_json) {
    struct page page;
    struct buf out = BUF_EMPTY;
    page_init(&page);
    replay_report_json(&page.report, &out);
    has(&out,
        "\"changes\":[\"--event US-X.in_force=<\\\"soon\\\">\"],\"cases\":5,\"unreadable\":2,");
    has(&out,
        "{\"agreement\":\"US-<X>\",\"cases\":5,\"changed\":4,\"other_reason\":1,\"matrix\":[");
    has(&out,
        "{\"before\":\"not_subject\",\"after\":\"screening_required\",\"cases\":3,\"samples\":"
        "[{\"source\":\"in&take\",\"case_id\":\"B<1>\",\"revision\":0},");
    has(&out, "\"case\":{\"cases\":0,\"changed\":0,");
    replay_matrix_fini(&page.result.matrix);
    buf_free(&out);
}
END_TEST

/* What comes from outside is text in the page, never markup; nothing is fetched from anywhere. */
START_TEST(test_html) {
    struct page page;
    struct buf out = BUF_EMPTY;
    page_init(&page);
    replay_report_html(&page.report, &out);
    has(&out, "<li>--event US-X.in_force=&lt;&quot;soon&quot;&gt;</li>");
    has(&out, "<h2>US-&lt;X&gt;</h2>");
    has(&out, "in&amp;take/B&lt;1&gt;, in&amp;take/C2</li>");
    has(&out, "role=\"img\" aria-labelledby=\"t0 d0\"");
    has(&out, "<th scope=\"row\">not subject</th>");
    has(&out, "\xe2\x86\x91 3</text>");
    has(&out, "prefers-color-scheme:dark");
    static const char *const never[] = {"<script", "src=", "href=", "url(", "@import", "B<1>"};
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        ck_assert_msg(strstr(buf_cstr(&out), never[i]) == NULL, "%s", never[i]);
    }
    replay_matrix_fini(&page.result.matrix);
    buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli_replay");
    TCase *tcase = tcase_create("cli_replay");
    tcase_add_test(tcase, test_matrix);
    tcase_add_test(tcase, test_sample_order);
    tcase_add_test(tcase, test_filters);
    tcase_add_test(tcase, test_filters_refused);
    tcase_add_test(tcase, test_text);
    tcase_add_test(tcase, test_json);
    tcase_add_test(tcase, test_html);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
