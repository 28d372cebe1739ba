/* cli/top_view, cli/plain: rates from two answers, a page that fits, names made harmless. */
#include "base/plain.h"
#include "cli/top/view.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define STATUS(accepted, done, more)                                                               \
    "{\"version\":\"1.2.3\",\"unready\":\"\",\"cases_accepted_total\":" accepted                   \
    ",\"cases_done_total\":" done ",\"journal_bytes_max\":1073741824" more "}"
#define SOURCE(name, urgent, bulk, accepted)                                                       \
    "{\"source\":\"" name "\",\"weight\":1,\"accepted\":" accepted                                 \
    ",\"done\":0,\"queued\":{\"urgent\":" urgent ",\"normal\":0,\"bulk\":" bulk "}}"
#define LANE(name, lane, done)                                                                     \
    "{\"name\":\"" name "\",\"lane\":\"" lane "\",\"phase\":\"write\",\"held_cases\":7,"           \
    "\"credit_cases\":9,\"done\":" done ",\"seen_ms\":250,\"retiring\":false}"

static struct top_sample sample(int64_t at_ms, const char *status, const char *workers,
                                const char *sources) {
    struct top_sample made = {.at_ms = at_ms};
    const char *const texts[TOP_ANSWERS] = {status, workers, sources};
    for (int i = 0; i < TOP_ANSWERS; i++) {
        made.answers[i] = json_loads(texts[i], 0, NULL);
        ck_assert_msg(made.answers[i] != NULL, "%s", texts[i]);
    }
    return made;
}

static void drop(struct top_broker *broker) {
    for (int i = 0; i < TOP_ANSWERS; i++) {
        json_decref(broker->now.answers[i]);
        json_decref(broker->before.answers[i]);
    }
}

static struct top_broker watched(void) {
    static char endpoint[] = "ipc:///run/c";
    return (struct top_broker){
        .endpoint = endpoint,
        .is_fresh = true,
        .before = sample(1000, STATUS("100", "50", ""), "[" LANE("w:1", "aaaaaaaa-1", "10") "]",
                         "[" SOURCE("north", "0", "0", "100") "]"),
        .now = sample(
            3000, STATUS("5100", "1050", ",\"journal_used_bytes\":536870912"),
            "[" LANE("w:1", "aaaaaaaa-1", "70") "," LANE("w:2", "bbbbbbbb-2", "500") "]",
            "[" SOURCE("north", "0", "3", "3100") "," SOURCE("south", "9", "0", "2000") "]")};
}

static const char *page_of(const struct top_broker *broker, int64_t now_ms,
                           const struct top_size *size, struct buf *out) {
    buf_clear(out);
    top_view_page(broker, 1, now_ms, size, out);
    return buf_cstr(out);
}

static const struct top_size ENDLESS = {0, 0};

START_TEST(rates_are_of_the_time_between_two_answers) {
    struct top_broker broker = watched();
    struct buf out = BUF_EMPTY;
    const char *page = page_of(&broker, 3000, &ENDLESS, &out);
    ck_assert_ptr_nonnull(strstr(page, "ipc:///run/c  1.2.3  ready\n"));
    ck_assert_ptr_nonnull(strstr(page, " 2500/s accepted  500/s done "));
    ck_assert_ptr_nonnull(strstr(page, "[##########..........] 50 % of 1.0 GiB"));
    /* The fullest source first; one that is new has counted from nothing. */
    const char *south = strstr(page, "\nsouth ");
    const char *north = strstr(page, "\nnorth ");
    ck_assert_ptr_nonnull(south);
    ck_assert_ptr_nonnull(north);
    ck_assert(south < north);
    ck_assert_ptr_nonnull(strstr(south, " 9          0          0       1000 "));
    ck_assert_ptr_nonnull(strstr(north, " 0          0          3       1500 "));
    /* A lane that is new may have counted for another broker. */
    ck_assert_ptr_nonnull(strstr(page, "w:1                      aaaaaaaa write              7"));
    ck_assert_ptr_nonnull(strstr(page, "       30           70     0.2 s\n"));
    ck_assert_ptr_nonnull(strstr(page, "        -          500     0.2 s\n"));
    drop(&broker);
    buf_free(&out);
}
END_TEST

START_TEST(a_counter_that_went_back_has_no_rate) {
    struct top_broker broker = watched();
    json_decref(broker.now.answers[TOP_STATUS]);
    broker.now.answers[TOP_STATUS] = json_loads(STATUS("7", "3", ""), 0, NULL);
    struct buf out = BUF_EMPTY;
    top_view_line(&broker, 0, &out);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "time=1970-01-01T00:00:00Z broker=ipc:///run/c "
                                                 "answers=yes accepted_s=- done_s=- queued=0 "));
    buf_clear(&out);
    top_view_json(&broker, 1, 0, &out);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "\"accepted_per_s\":null,\"done_per_s\":null"));
    drop(&broker);
    buf_free(&out);
}
END_TEST

START_TEST(a_broker_without_an_answer_is_reported) {
    struct top_broker broker = watched();
    struct buf out = BUF_EMPTY;
    broker.is_fresh = false;
    (void)snprintf(broker.fault, sizeof(broker.fault), "gone");
    ck_assert_ptr_nonnull(strstr(page_of(&broker, 65000, &ENDLESS, &out),
                                 "NO ANSWER: gone (the values below are 62 s old)\n"));
    buf_clear(&out);
    top_view_json(&broker, 1, 0, &out);
    ck_assert_str_eq(
        buf_cstr(&out),
        "{\"schema_version\":1,\"time\":\"1970-01-01T00:00:00Z\",\"brokers\":[{\"control\":"
        "\"ipc:///run/c\",\"answers\":false,\"fault\":\"gone\"}]}\n");
    drop(&broker);
    buf_free(&out);
}
END_TEST

static uint32_t count_lines(const char *text, size_t *longest) {
    uint32_t lines = 0;
    for (const char *at = text; *at != '\0'; lines++) {
        size_t len = strcspn(at, "\n");
        *longest = len > *longest ? len : *longest;
        at += len + 1;
    }
    return lines;
}

/* However many rows there are, both tables are seen, and what is left out is counted. */
START_TEST(a_page_fits) {
    struct top_broker broker = watched();
    for (int i = 0; i < 40; i++) {
        for (int answer = TOP_WORKERS; answer <= TOP_SOURCES; answer++) {
            json_t *rows = broker.now.answers[answer];
            (void)json_array_append_new(rows, json_deep_copy(json_array_get(rows, 0)));
        }
    }
    struct buf out = BUF_EMPTY;
    for (uint32_t lines = 1; lines < 100; lines++) {
        size_t longest = 0;
        const struct top_size size = {lines, 40};
        const char *page = page_of(&broker, 3000, &size, &out);
        uint32_t got = count_lines(page, &longest);
        ck_assert_msg(got <= lines && longest <= 40, "%u lines, %zu columns", got, longest);
        ck_assert_msg(lines < 14 || (strstr(page, "\nsouth ") != NULL && strstr(page, "\nw:1 ")),
                      "%u lines:\n%s", lines, page);
        ck_assert_msg(lines < 16 || lines >= 91 || strstr(page, " more lanes\n") != NULL,
                      "%u lines:\n%s", lines, page);
    }
    drop(&broker);
    buf_free(&out);
}
END_TEST

START_TEST(names_are_made_harmless) {
    struct buf out = BUF_EMPTY;
    plain_text(&out, "a\033[31m\nb\tc\x7f"
                     "d\xc2\x9b"
                     "e\xc3\xa9");
    ck_assert_str_eq(buf_cstr(&out), "a?[31m?b?c?d?e\xc3\xa9");
    buf_clear(&out);
    plain_cell(&out, "\xc3\xa9\033", 4);
    plain_cell(&out, "\xc3\xa9", -3);
    plain_cell(&out, "long", 2);
    ck_assert_str_eq(buf_cstr(&out), "  \xc3\xa9?\xc3\xa9  long");
    struct span cut = plain_cut(SPAN_LIT("\xc3\xa9\xc3\xa9"
                                         "a"),
                                2);
    ck_assert_uint_eq(cut.len, 4);
    ck_assert_uint_eq(plain_columns(cut), 2);
    ck_assert_uint_eq(plain_cut(SPAN_LIT("ab"), 9).len, 2);
    plain_print(stdout, SPAN_LIT("")); /* nothing is nothing, not a null pointer to write from */
    buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli top");
    TCase *cases = tcase_create("top");
    tcase_add_test(cases, rates_are_of_the_time_between_two_answers);
    tcase_add_test(cases, a_counter_that_went_back_has_no_rate);
    tcase_add_test(cases, a_broker_without_an_answer_is_reported);
    tcase_add_test(cases, a_page_fits);
    tcase_add_test(cases, names_are_made_harmless);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
