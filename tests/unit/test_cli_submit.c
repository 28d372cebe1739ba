/* `casemill submit` around the reading of files (test_cli_files.c): dates for cases without, the
 * file of --resume, the texts of the wait and of the end. */
#include "cli/submit/dates.h"
#include "cli/submit/report.h"
#include "cli/submit/resume.h"
#include "cli/submit/wait.h"
#include "client/why.h"
#include "tests/unit/submit_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(dates_go_where_there_are_none) {
    struct buf bytes = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_int_eq(
        json_case_encode(SPAN_LIT("{\"as_of\":null,\"facts\":{\"as_of\":1}}"), &bytes, &diag),
        ERR_OK);
    ck_assert_int_eq(submit_dates_add(buf_span(&bytes), "2020-01-02", "2020-03-04", &out), ERR_OK);
    assert_json(
        buf_span(&out),
        "{\"facts\":{\"as_of\":1},\"reference_date\":\"2020-01-02\",\"as_of\":\"2020-03-04\"}");
    buf_clear(&out);
    ck_assert_int_eq(submit_dates_add(buf_span(&bytes), "2020-01-02", NULL, &out), ERR_OK);
    assert_json(buf_span(&out), "{\"facts\":{\"as_of\":1},\"reference_date\":\"2020-01-02\"}");
    buf_clear(&out);
    ck_assert_int_eq(submit_dates_add(SPAN_LIT("\x81\xa5"
                                               "as_of\xa1x"),
                                      NULL, "2020-03-04", &out),
                     ERR_OK);
    assert_json(buf_span(&out), "{\"as_of\":\"x\"}");
    buf_clear(&out);
    ck_assert_int_eq(submit_dates_add(SPAN_LIT("\x80"), NULL, "2020-03-04", &out), ERR_OK);
    assert_json(buf_span(&out), "{\"as_of\":\"2020-03-04\"}");
    buf_clear(&out);
    ck_assert_int_eq(submit_dates_add(SPAN_LIT("\x90"), NULL, "2020-03-04", &out), ERR_INVALID);
    ck_assert_int_eq(submit_dates_add(SPAN_LIT("\x81\x01"), NULL, "2020-03-04", &out), ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    buf_free(&out);
    buf_free(&bytes);
}
END_TEST

static const struct resume_target NORTH = {"north\n", "tcp://127.0.0.1:1", ""};

/* A batch of `count` one-byte cases, with its id. */
static struct resume_batch batch_of(const char *body, uint64_t position, uint32_t count) {
    struct resume_batch batch = {.position = position, .count = count, .dead = count / 2};
    casemill_batch_id(body, count, position, batch.id.bytes);
    return batch;
}

static bool is_done(const struct resume *resume, const struct resume_batch *batch) {
    struct diag diag = {0};
    bool done = false;
    ck_assert_int_eq(resume_check(resume, batch, SPAN_LIT("abcdefgh"), &done, &diag), ERR_OK);
    return done;
}

START_TEST(resume_remembers_whole_lines) {
    const char *path = path_of("resume");
    struct resume *resume = NULL;
    struct diag diag = {0};
    struct resume_batch a = batch_of("abc", 0, 3);
    struct resume_batch b = batch_of("xy", 3, 2);
    ck_assert_int_eq(resume_open(path, &NORTH, &resume, &diag), ERR_OK);
    ck_assert_ptr_null(resume_at(resume, 0));
    ck_assert_int_eq(resume_add(resume, &a), ERR_OK);
    ck_assert_int_eq(resume_add(resume, &b), ERR_OK);
    resume_close(&resume);
    struct buf text = BUF_EMPTY;
    ck_assert_int_eq(io_read_file(path, 1000, &text, &diag), ERR_OK);
    ck_assert_int_eq(truncate(path, (off_t)text.len - 1), 0); /* the last line is torn */
    ck_assert_int_eq(resume_open(path, &NORTH, &resume, &diag), ERR_OK);
    ck_assert(is_done(resume, &a));
    ck_assert_uint_eq(resume_at(resume, 0)->dead, 1);
    ck_assert_ptr_null(resume_at(resume, 3));
    ck_assert_int_eq(resume_add(resume, &b), ERR_OK);
    resume_close(&resume);
    struct buf again = BUF_EMPTY;
    ck_assert_int_eq(io_read_file(path, 1000, &again, &diag), ERR_OK);
    ck_assert(span_eq(buf_span(&text), buf_span(&again)));
    ck_assert_int_eq(resume_open(path, &NORTH, &resume, &diag), ERR_OK);
    ck_assert(is_done(resume, &b));
    resume_close(&resume);
    buf_free(&text);
    buf_free(&again);
}
END_TEST

static enum err parse_for(const struct resume_target *target, const char *text, struct diag *diag) {
    struct resume *resume = NULL;
    *diag = (struct diag){0};
    enum err err = resume_parse(span_str(text), "f", target, &resume, diag);
    ck_assert_int_eq(resume == NULL, err != ERR_OK);
    resume_close(&resume);
    return err;
}

#define HEAD_OF(version, source, broker)                                                           \
    "{\"casemill_resume\":" version ",\"source\":\"" source "\",\"broker\":\"" broker              \
    "\",\"key\":\"\"}\n"
#define NORTH_HEAD HEAD_OF("2", "north\\u000a", "tcp://127.0.0.1:1")
#define ID "00112233445566778899aabbccddeeff"

START_TEST(resume_is_of_one_target_and_version) {
    static const struct {
        const char *text;
        enum err err;
        const char *says;
    } list[] = {
        {"", ERR_OK, ""},
        {NORTH_HEAD, ERR_OK, ""},
        {NORTH_HEAD ID " 0 3 1\n" ID " 3 18", ERR_OK, ""},
        {HEAD_OF("2", "south", "tcp://127.0.0.1:1"), ERR_CONFLICT, "source \"south\", not \"north"},
        {HEAD_OF("2", "north\\u000a", "tcp://127.0.0.1:2"), ERR_CONFLICT,
         "broker \"tcp://127.0.0.1:2\", not \"tcp://127.0.0.1:1\": use a --resume file for each"},
        {HEAD_OF("3", "north\\u000a", "tcp://127.0.0.1:1"), ERR_VERSION,
         "of version 3, expected 2"},
        {ID "\n" ID "\n", ERR_VERSION, "of an older version"},
        {"0011", ERR_VERSION, "of an older version"},
        {"case_id,revision,reference_date,as_of\n", ERR_INVALID, "f is no --resume file"},
        {"{}\n", ERR_INVALID, "f is no --resume file"},
        {"{\"casemill_resume\":2,\"sou", ERR_INVALID, "f is no --resume file"},
        {NORTH_HEAD ID " 0 3\n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD ID " 0 3 4\n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD ID " 0 0 0\n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD ID " 0 4294967296 0\n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD ID " 18446744073709551616 1 0\n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD ID " 0 3 1 \n", ERR_INVALID, "expected a batch"},
        {NORTH_HEAD "\n", ERR_INVALID, "expected a batch"},
    };
    struct diag diag = {0};
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        ck_assert_msg(parse_for(&NORTH, list[i].text, &diag) == list[i].err, "%zu: %s", i,
                      diag.text);
        ck_assert_msg(strstr(diag.text, list[i].says) != NULL, "%zu: %s", i, diag.text);
    }
    const struct resume_target keyed = {"north\n", "tcp://127.0.0.1:1", "key"};
    ck_assert_int_eq(parse_for(&keyed, NORTH_HEAD, &diag), ERR_CONFLICT);
    /* What is refused stays as it is. */
    struct resume *resume = NULL;
    struct buf kept = BUF_EMPTY;
    ck_assert_int_eq(resume_open(file_with("short", SPAN_LIT("hello\n")), &NORTH, &resume, &diag),
                     ERR_INVALID);
    ck_assert_ptr_null(resume);
    ck_assert_int_eq(io_read_file(path_of("short"), 100, &kept, &diag), ERR_OK);
    ck_assert_str_eq(buf_cstr(&kept), "hello\n");
    buf_free(&kept);
}
END_TEST

START_TEST(resume_is_of_the_same_cases) {
    static const char head[] = NORTH_HEAD;
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    struct resume *resume = NULL;
    bool done = false;
    const struct resume_batch first = batch_of("\1\2\3", 0, 3);
    buf_str(&text, head);
    buf_hex(&text, span_make(first.id.bytes, sizeof(first.id.bytes)));
    buf_str(&text, " 0 3 0\n");
    ck_assert_int_eq(resume_parse(buf_span(&text), "f", &NORTH, &resume, &diag), ERR_OK);
    ck_assert_int_eq(resume_check(resume, &first, SPAN_LIT("\1\2\3"), &done, &diag), ERR_OK);
    ck_assert(done);
    /* The same with more behind it is a file that has grown: sent again. */
    struct resume_batch other = batch_of("\1\2\3\4", 0, 4);
    ck_assert_int_eq(resume_check(resume, &other, SPAN_LIT("\1\2\3\4"), &done, &diag), ERR_OK);
    ck_assert(!done);
    /* Of a position that is not remembered, too. */
    other = batch_of("\4", 3, 1);
    ck_assert_int_eq(resume_check(resume, &other, SPAN_LIT("\4"), &done, &diag), ERR_OK);
    ck_assert(!done);
    /* Other cases, fewer, or another beginning are not what was done. */
    static const char *const bodies[] = {"\1\2\4", "\1\2", "\1\3\3\4"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        uint32_t count = (uint32_t)strlen(bodies[i]);
        other = batch_of(bodies[i], 0, count);
        diag = (struct diag){0};
        ck_assert_int_eq(resume_check(resume, &other, span_str(bodies[i]), &done, &diag),
                         ERR_CONFLICT);
        ck_assert_ptr_nonnull(strstr(diag.text, "f records other cases from number 1 on"));
    }
    resume_close(&resume);
    buf_free(&text);
}
END_TEST

START_TEST(waiting_in_words) {
    static const struct {
        struct casemill_state state;
        const char *fault;
        const char *words;
    } list[] = {
        {{false, -1, NULL, 0, NULL, 0, 0}, NULL, "no connection"},
        {{false, 10, "rate", 10, "paused", 0, 0}, "wants keys", "wants keys"},
        {{true, -1, NULL, 0, NULL, 0, 1000}, NULL, "it is connected, but does not answer"},
        {{true, 60000, NULL, 0, "", 3, 1000}, NULL, "it is connected, but does not answer"},
        {{true, 3000, "rate", 0, "", 3, 1000}, NULL, "it is connected, but does not answer"},
        /* It answers, or was not asked for so long: what it sent last is the reason. */
        {{true, -1, NULL, 0, NULL, 0, 10}, NULL, "it is connected, and has not answered yet"},
        {{true, 2000, NULL, 0, "paused", 3, 1500}, NULL, "paused; 3 cases are queued there"},
        {{true, 60000, NULL, 0, "paused", 3, 0}, NULL, "paused; 3 cases are queued there"},
        {{true, 60000, "journal_full", 0, "paused", 3, 10},
         NULL,
         "BUSY journal_full: its journal has reached journal.bytes_max; paused; 3 cases are queued "
         "there"},
        {{true, 900, NULL, 0, NULL, 0, 0}, NULL, "it answers, but has not finished the batches"},
        {{true, 900, NULL, 0, "", 3, 0}, NULL, "at work; 3 cases are queued there"},
        {{true, 900, NULL, 0, "paused", 3, 0}, NULL, "paused; 3 cases are queued there"},
        {{true, 900, "queue_full", 1500, "", 3, 0},
         NULL,
         "BUSY queue_full: its limit of waiting batches is reached; sent again in 1.5 s; 3 cases "
         "are "
         "queued "
         "there"},
        {{true, 900, "later", 1500, NULL, 0, 0},
         NULL,
         "BUSY later: it accepts no batch now; sent again in 1.5 s"},
    };
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct buf out = BUF_EMPTY;
        why_text(&list[i].state, list[i].fault, &out);
        submit_wait_numbers(&list[i].state, &out);
        ck_assert_str_eq(buf_cstr(&out), list[i].words);
        buf_free(&out);
    }
}
END_TEST

/* By a clock of its own, towards a broker that is not there. */
START_TEST(waiting_is_reported_at_intervals_and_ends) {
    struct casemill_options options;
    struct casemill *client = NULL;
    struct submit_wait wait;
    struct diag diag = {0};
    struct buf said = BUF_EMPTY;
    struct casemill_batch batch = {.body = "\x80", .body_bytes = 1, .count = 1};
    casemill_options_default(&options);
    options.brokers = "tcp://127.0.0.1:1";
    ck_assert_int_eq(casemill_open(&options, &client, NULL, 0), CASEMILL_OK);
    submit_wait_init(&wait, 10000, 0);
    for (int64_t now_ms = 0; now_ms <= 20000; now_ms += 500) { /* nothing was sent: no wait */
        ck_assert_int_eq(submit_wait_turn(&wait, client, now_ms, &said, &diag), ERR_OK);
    }
    ck_assert_uint_eq(said.len, 0);
    ck_assert_int_eq(casemill_submit_batch(client, &batch), CASEMILL_OK);
    /* An hour without a turn is an hour of input, not of silence. */
    int64_t begun_ms = 20000 + 3600000;
    int64_t lines_ms[4] = {0};
    int lines = 0;
    enum err err = ERR_OK;
    int64_t now_ms = begun_ms;
    for (; err == ERR_OK && now_ms <= begun_ms + 60000; now_ms += 500) {
        buf_clear(&said);
        err = submit_wait_turn(&wait, client, now_ms, &said, &diag);
        if (said.len > 0) {
            ck_assert_str_eq(buf_cstr(&said), "waiting for tcp://127.0.0.1:1: no connection: "
                                              "Connection refused: is the broker running?");
            ck_assert_int_lt(lines, 4);
            lines_ms[lines++] = now_ms - begun_ms;
        }
    }
    ck_assert_int_eq(err, ERR_TIMEOUT);
    ck_assert_str_eq(diag.text, "gave up after 10 s: tcp://127.0.0.1:1: no connection: Connection "
                                "refused: is the broker running?; nothing is "
                                "lost: run it again");
    ck_assert_int_eq(now_ms - 500 - begun_ms, 10500);
    ck_assert_int_eq(lines, 2);
    ck_assert(lines_ms[0] == 3000 && lines_ms[1] == 8000);
    /* Progress restarts the wait. */
    submit_wait_progress(&wait, now_ms);
    ck_assert_int_eq(submit_wait_turn(&wait, client, now_ms + 900, &said, &diag), ERR_OK);
    submit_wait_fini(&wait);
    casemill_close(&client);
    buf_free(&said);
}
END_TEST

START_TEST(the_end_in_words) {
    struct buf out = BUF_EMPTY;
    struct submit_counts counts = {.cases = 10,
                                   .batches = 1,
                                   .done = 10,
                                   .outcomes = {7, 0, 0, 2, 0},
                                   .duplicates = 1,
                                   .dead = 1};
    submit_summary(&counts, true, false, &out);
    ck_assert_str_eq(buf_cstr(&out), "10 cases in 1 batch, 10 done: 7 not_subject, 2 "
                                     "screening_required, 1 dead letter; 1 duplicate among them\n");
    buf_clear(&out);
    struct casemill_dead dead = {3, {"wrong_type", 10}, {"facts.age", 9}, {"int", 3}, {"str", 3}};
    submit_dead_line("a.jsonl", 12, &dead, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "a.jsonl:12: dead letter wrong_type at facts.age: expected int, found str\n");
    buf_free(&out);
}
END_TEST

static void files_drop(void) {
    static const char *const names[] = {"resume", "other", "short"};
    folder_drop(names, COUNT_OF(names));
}

int main(void) {
    Suite *suite = suite_create("cli submit");
    TCase *tests = tcase_create("submit");
    tcase_add_checked_fixture(tests, folder_make, files_drop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, dates_go_where_there_are_none);
    tcase_add_test(tests, resume_remembers_whole_lines);
    tcase_add_test(tests, resume_is_of_one_target_and_version);
    tcase_add_test(tests, resume_is_of_the_same_cases);
    tcase_add_test(tests, waiting_in_words);
    tcase_add_test(tests, waiting_is_reported_at_intervals_and_ends);
    tcase_add_test(tests, the_end_in_words);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
