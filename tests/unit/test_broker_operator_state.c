/* The file of pause and drain.  What is ordered is read again, also after a kill -9 at any moment.
 * A damaged file is an error.  An end comes whatever happens to the wall clock.  Texts are cleaned.
 */
#include "base/hash.h"
#include "base/io.h"
#include "broker/operator_state.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 40, BYTES_MAX = 16384 };
#define WALL INT64_C(1767225600000000) /* 2026-01-01 */
#define HOUR_US INT64_C(3600000000)

static char dir[64];
static const struct uuid JOURNAL = {"0123456789abcde"};

static void setup(void) {
    (void)snprintf(dir, sizeof(dir), "/tmp/casemill-operator-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void) {
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static struct operator_time at(int64_t mono_ms, int64_t wall_us) {
    return (struct operator_time){.mono_ms = mono_ms, .wall_us = wall_us};
}

static enum err read_state(struct operator_time now, struct operator_state *state) {
    bool is_foreign = false;
    struct diag diag = {0};
    enum err err = operator_state_open(dir, &JOURNAL, now, state, &is_foreign, &diag);
    ck_assert(!is_foreign);
    return err;
}

static struct operator_state fresh(void) {
    struct operator_state state;
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_OK);
    ck_assert(!state.stops[OPERATOR_PAUSE].is_on);
    ck_assert(!state.stops[OPERATOR_DRAIN].is_on);
    return state;
}

static struct operator_who who_of(const char *user, const char *why) {
    struct operator_who who;
    const struct wire_operator by = {span_str(user), SPAN_LIT("host-1"), span_str(why)};
    operator_who_take(&who, &by, SPAN_LIT("desk-key"));
    return who;
}

static void order(struct operator_state *state, enum operator_stop_kind kind, const char *why,
                  int64_t until) {
    const struct operator_who who = who_of("desk", why);
    struct diag diag = {0};
    enum err err = operator_state_stop(state, kind, &who, until, at(1000, WALL), &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
}

static void file_name(char path[128]) { (void)snprintf(path, 128, "%s/operator", dir); }

static struct buf file_bytes(void) {
    struct buf bytes = BUF_EMPTY;
    char path[128];
    file_name(path);
    ck_assert_int_eq(io_read_file(path, BYTES_MAX, &bytes, NULL), ERR_OK);
    return bytes;
}

static void write_bytes(struct span bytes) {
    char path[128];
    file_name(path);
    ck_assert_int_eq(io_write_file(path, bytes, NULL), ERR_OK);
}

START_TEST(orders_are_read_again) {
    struct operator_state state = fresh();
    order(&state, OPERATOR_PAUSE, "new disk", WALL + HOUR_US);
    order(&state, OPERATOR_DRAIN, "", 0);
    struct operator_state again;
    ck_assert_int_eq(read_state(at(7000, WALL), &again), ERR_OK);
    const struct operator_stop *pause = &again.stops[OPERATOR_PAUSE];
    ck_assert(pause->is_on);
    ck_assert_str_eq(pause->who.user, "desk");
    ck_assert_str_eq(pause->who.host, "host-1");
    ck_assert_str_eq(pause->who.key, "desk-key");
    ck_assert_str_eq(pause->who.why, "new disk");
    ck_assert_int_eq(pause->since, WALL);
    ck_assert_int_eq(pause->until, WALL + HOUR_US);
    ck_assert(again.stops[OPERATOR_DRAIN].is_on);
    ck_assert_int_eq(again.stops[OPERATOR_DRAIN].until, 0);
    ck_assert_int_eq(operator_state_end(&again, OPERATOR_DRAIN, NULL), ERR_OK);
    ck_assert_int_eq(read_state(at(0, WALL), &again), ERR_OK);
    ck_assert(again.stops[OPERATOR_PAUSE].is_on);
    ck_assert(!again.stops[OPERATOR_DRAIN].is_on);
    ck_assert_int_eq(operator_state_resume(&again, NULL), ERR_OK);
    (void)fresh();
}
END_TEST

START_TEST(texts_for_people) {
    struct operator_state state = fresh();
    struct buf text = BUF_EMPTY;
    struct json json;
    order(&state, OPERATOR_PAUSE, "new disk", WALL + HOUR_US);
    operator_stop_text(&state.stops[OPERATOR_PAUSE], &text);
    ck_assert_str_eq(buf_cstr(&text),
                     " by desk@host-1 (key desk-key) since 2026-01-01T00:00:00Z, why: new disk; "
                     "until 2026-01-01T01:00:00Z");
    buf_clear(&text);
    json_init(&json, &text);
    operator_stop_json(&state.stops[OPERATOR_PAUSE], &json);
    ck_assert_str_eq(buf_cstr(&text), "{\"user\":\"desk\",\"host\":\"host-1\",\"key\":\"desk-key\","
                                      "\"why\":\"new disk\",\"since\":\"2026-01-01T00:00:00Z\","
                                      "\"until\":\"2026-01-01T01:00:00Z\"}");
    buf_clear(&text);
    json_init(&json, &text);
    operator_stop_json(&state.stops[OPERATOR_DRAIN], &json);
    ck_assert_str_eq(buf_cstr(&text), "null");
    buf_free(&text);
}
END_TEST

START_TEST(texts_are_cleaned_and_cut) {
    struct operator_who who = who_of("a\x1b[31m\nb", "x\" user=\"root\xe2\x80\xae%s%n");
    ck_assert_str_eq(who.user, "a?[31m?b");
    ck_assert_str_eq(who.why, "x' user='root?%s%n");
    struct buf why = BUF_EMPTY;
    for (int i = 0; i < 400; i++) {
        buf_str(&why, "\xc3\xa9");
    }
    who = who_of("b\xff", buf_cstr(&why));
    ck_assert_str_eq(who.user, "b?");
    ck_assert_uint_eq(strlen(who.why), WIRE_WHY_MAX);
    ck_assert(span_is_utf8(span_str(who.why)));
    buf_free(&why);
}
END_TEST

START_TEST(any_damage_is_an_error) {
    struct operator_state state = fresh();
    order(&state, OPERATOR_PAUSE, "new disk", WALL + HOUR_US);
    struct buf bytes = file_bytes();
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 0x10;
        write_bytes(buf_span(&bytes));
        ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_CORRUPT);
        bytes.ptr[i] ^= 0x10;
        write_bytes(span_make(bytes.ptr, i));
        ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_CORRUPT);
    }
    write_bytes(buf_span(&bytes));
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_OK);
    buf_free(&bytes);
}
END_TEST

/* With a right sum, as another program would write it. */
static void write_changed(struct buf *bytes, size_t where, uint8_t value) {
    bytes->ptr[where] = value;
    bytes->len -= 8;
    buf_le64(bytes, hash64(buf_span(bytes)));
    write_bytes(buf_span(bytes));
}

START_TEST(another_version_and_bad_lengths_are_errors) {
    enum { VERSION_AT = 8, USER_LENGTH_AT = 45 };
    struct operator_state state = fresh();
    order(&state, OPERATOR_PAUSE, "new disk", 0);
    struct buf bytes = file_bytes();
    write_changed(&bytes, VERSION_AT, 2);
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_VERSION);
    write_changed(&bytes, VERSION_AT, 1);
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_OK);
    ck_assert_uint_eq(get_le16(bytes.ptr + USER_LENGTH_AT), 4);
    write_changed(&bytes, USER_LENGTH_AT + 1, 0xff);
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_CORRUPT);
    write_changed(&bytes, USER_LENGTH_AT + 1, 0);
    write_changed(&bytes, USER_LENGTH_AT, 3);
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_CORRUPT);
    buf_free(&bytes);
}
END_TEST

START_TEST(the_file_of_another_journal_is_not_used) {
    const struct uuid other = {"another-journal"};
    struct operator_state state = fresh();
    bool is_foreign = false;
    order(&state, OPERATOR_PAUSE, "new disk", 0);
    ck_assert_int_eq(operator_state_open(dir, &other, at(0, WALL), &state, &is_foreign, NULL),
                     ERR_OK);
    ck_assert(is_foreign);
    ck_assert(!state.stops[OPERATOR_PAUSE].is_on);
}
END_TEST

static bool is_over(const struct operator_state *state, int64_t mono_ms, int64_t wall_us) {
    return operator_state_is_over(state, OPERATOR_PAUSE, at(mono_ms, wall_us));
}

START_TEST(an_end_comes_by_either_clock) {
    enum { BEGAN_MS = 1000, HOUR_MS = 3600000 };
    struct operator_state state = fresh();
    ck_assert(!is_over(&state, 0, WALL + 9 * HOUR_US));
    order(&state, OPERATOR_PAUSE, "", WALL + HOUR_US);
    ck_assert(!is_over(&state, BEGAN_MS + HOUR_MS - 1, WALL + HOUR_US - 1));
    ck_assert(is_over(&state, BEGAN_MS, WALL + HOUR_US));
    /* The wall clock was set back by a year. */
    ck_assert(!is_over(&state, BEGAN_MS + HOUR_MS - 1, WALL - 8760 * HOUR_US));
    ck_assert(is_over(&state, BEGAN_MS + HOUR_MS, WALL - 8760 * HOUR_US));
    /* Half an hour later, after a restart, and after one with a clock that was set back. */
    ck_assert_int_eq(read_state(at(50, WALL + HOUR_US / 2), &state), ERR_OK);
    ck_assert(!is_over(&state, 50 + HOUR_MS / 2 - 1, WALL));
    ck_assert(is_over(&state, 50 + HOUR_MS / 2, WALL));
    ck_assert_int_eq(read_state(at(50, WALL - 8760 * HOUR_US), &state), ERR_OK);
    ck_assert(is_over(&state, 50 + HOUR_MS, WALL - 8760 * HOUR_US));
    /* The end has come while no broker ran. */
    ck_assert_int_eq(read_state(at(50, WALL + 2 * HOUR_US), &state), ERR_OK);
    ck_assert(state.stops[OPERATOR_PAUSE].is_on);
    ck_assert(is_over(&state, 50, WALL + 2 * HOUR_US));
    /* Without an end. */
    order(&state, OPERATOR_PAUSE, "", 0);
    ck_assert(!is_over(&state, INT64_MAX, WALL + 8760 * HOUR_US));
}
END_TEST

static void refuses(struct operator_state *state, int64_t until, enum err expected) {
    const struct operator_who who = who_of("desk", "");
    struct diag diag = {0};
    ck_assert_int_eq(operator_state_stop(state, OPERATOR_DRAIN, &who, until, at(0, WALL), &diag),
                     expected);
    ck_assert_str_ne(diag.text, "");
    ck_assert(!state->stops[OPERATOR_DRAIN].is_on);
}

START_TEST(what_is_refused_changes_nothing) {
    struct operator_state state = fresh();
    order(&state, OPERATOR_PAUSE, "new disk", 0);
    refuses(&state, WALL, ERR_INVALID);
    refuses(&state, 1, ERR_INVALID);
    refuses(&state, WALL + 367 * 24 * HOUR_US, ERR_INVALID);
    ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_OK);
    ck_assert(!state.stops[OPERATOR_DRAIN].is_on);
    state.path = "/nonexistent/journal";
    refuses(&state, 0, ERR_IO);
    ck_assert_int_eq(operator_state_resume(&state, NULL), ERR_IO);
    ck_assert(state.stops[OPERATOR_PAUSE].is_on);
    /* An end that cannot be kept is an end all the same. */
    ck_assert_int_eq(operator_state_end(&state, OPERATOR_PAUSE, NULL), ERR_IO);
    ck_assert(!state.stops[OPERATOR_PAUSE].is_on);
}
END_TEST

/* Each order has a reason as long as its number demands, so a mix of two orders would show. */
static void order_for_ever(int ready_fd) {
    struct operator_state state;
    CHECK(read_state(at(0, WALL), &state) == ERR_OK);
    for (int64_t i = 1;; i++) {
        char why[WIRE_WHY_MAX];
        int len = (int)(i % (WIRE_WHY_MAX - 1));
        memset(why, 'a' + (int)(i % 26), sizeof(why));
        why[len] = '\0';
        const struct operator_who who = who_of("desk", why);
        CHECK(operator_state_stop(&state, OPERATOR_PAUSE, &who, 0, at(0, WALL + i), NULL) ==
              ERR_OK);
        CHECK(i > 1 || write(ready_fd, "x", 1) == 1);
    }
}

START_TEST(a_kill_at_any_moment_leaves_one_order) {
    int64_t last = 0;
    for (int round = 0; round < KILLS; round++) {
        int ready[2];
        char byte = 0;
        ck_assert_int_eq(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            order_for_ever(ready[1]);
        }
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        (void)usleep((useconds_t)(round * 131 % 3000));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        (void)close(ready[0]);
        (void)close(ready[1]);
        struct operator_state state;
        ck_assert_int_eq(read_state(at(0, WALL), &state), ERR_OK);
        const struct operator_stop *pause = &state.stops[OPERATOR_PAUSE];
        int64_t number = pause->since - WALL;
        ck_assert(pause->is_on);
        ck_assert_int_gt(number, 0);
        ck_assert_uint_eq(strlen(pause->who.why), (size_t)(number % (WIRE_WHY_MAX - 1)));
        ck_assert(pause->who.why[0] == '\0' || pause->who.why[0] == 'a' + number % 26);
        last = number > last ? number : last;
    }
    ck_assert_int_gt(last, 1); /* some were killed while they replaced an earlier one */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker operator state");
    TCase *tests = tcase_create("operator state");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, orders_are_read_again);
    tcase_add_test(tests, texts_for_people);
    tcase_add_test(tests, texts_are_cleaned_and_cut);
    tcase_add_test(tests, any_damage_is_an_error);
    tcase_add_test(tests, another_version_and_bad_lengths_are_errors);
    tcase_add_test(tests, the_file_of_another_journal_is_not_used);
    tcase_add_test(tests, an_end_comes_by_either_clock);
    tcase_add_test(tests, what_is_refused_changes_nothing);
    tcase_add_test(tests, a_kill_at_any_moment_leaves_one_order);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
