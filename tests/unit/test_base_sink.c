/* base/sink and the log on it: nobody waits for a reader, and what was lost is named in its place.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/sink.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
    LINES = 20000, /* more than a pipe and a sink's store hold together */
    DEADLINE_MS = 20000,
    SHORT_MS = 50,
    ENDS_WITHIN_S = 30
};

struct pipe_ends {
    int from, to;
};

static struct pipe_ends make_pipe(void) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    return (struct pipe_ends){ends[0], ends[1]};
}

static void put_number(struct sink *sink, unsigned number) {
    char line[64];
    int len = snprintf(line, sizeof(line), "line %u of a log that somebody may read\n", number);
    sink_put(sink, span_make(line, (size_t)len));
}

static void name_gap(uint64_t lines, struct buf *out) {
    buf_printf(out, "gap %llu\n", (unsigned long long)lines);
}

/* Reads until the line `last` has come. */
static void read_until(int from, const char *last, struct buf *text) {
    int64_t deadline = clock_mono_ms() + DEADLINE_MS;
    while (text->len == 0 || strstr(buf_cstr(text), last) == NULL) {
        ck_assert_msg(clock_mono_ms() < deadline, "no line like %s", last);
        ssize_t got = read(from, buf_room(text, 4096), 4096);
        ck_assert_int_gt(got, 0);
        text->len += (size_t)got;
    }
}

static void read_what_is_there(int from, struct buf *text) {
    for (ssize_t got = 1; got > 0;) {
        got = read(from, buf_room(text, 4096), 4096);
        text->len += got > 0 ? (size_t)got : 0;
    }
}

/* Each number below `count` occurs once, in order, or is part of a gap line in its place. */
static void expect_all(char *text, unsigned count, uint64_t lost) {
    unsigned next = 0;
    uint64_t missed = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned number = 0;
        unsigned long long gap = 0;
        if (sscanf(line, "gap %llu", &gap) == 1) {
            next += (unsigned)gap;
            missed += gap;
        } else {
            ck_assert_msg(sscanf(line, "line %u of a log that somebody may read", &number) == 1,
                          "torn: %s", line);
            ck_assert_uint_eq(number, next);
            next++;
        }
    }
    ck_assert_uint_eq(next, count);
    ck_assert_uint_eq(missed, lost);
}

START_TEST(a_pipe_that_is_not_read_stops_no_program) {
    struct pipe_ends ends = make_pipe();
    struct sink *sink = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(sink_open(ends.to, name_gap, &sink, &diag), ERR_OK);
    for (unsigned i = 0; i < LINES; i++) {
        put_number(sink, i);
    }
    ck_assert_int_eq(sink_flush(sink, SHORT_MS), ERR_TIMEOUT);
    uint64_t lost = sink_lost(sink);
    ck_assert_uint_gt(lost, LINES / 2);
    struct buf text = BUF_EMPTY;
    ck_assert_int_eq(fcntl(ends.from, F_SETFL, O_NONBLOCK), 0);
    int64_t deadline = clock_mono_ms() + DEADLINE_MS;
    enum err flushed = ERR_TIMEOUT;
    while (flushed == ERR_TIMEOUT) { /* the gap is named although nothing more is logged */
        ck_assert_int_lt(clock_mono_ms(), deadline);
        flushed = sink_flush(sink, 1);
        read_what_is_there(ends.from, &text);
    }
    ck_assert_int_eq(flushed, ERR_IO); /* lines were lost */
    put_number(sink, LINES);
    ck_assert_int_eq(sink_flush(sink, DEADLINE_MS), ERR_IO);
    read_what_is_there(ends.from, &text);
    buf_byte(&text, '\0');
    expect_all((char *)text.ptr, LINES + 1, lost);
    sink_close(&sink);
    ck_assert_ptr_null(sink);
    buf_free(&text);
}
END_TEST

/* Whoever shares the pipe may have made it non-blocking: no line is lost for that, nor for a reader
 * that is slow. */
START_TEST(a_shared_pipe_may_be_non_blocking) {
    struct pipe_ends ends = make_pipe();
    struct sink *sink = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(fcntl(ends.to, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_ge(fcntl(ends.to, F_SETPIPE_SZ, 4096), 0);
    ck_assert_int_eq(sink_open(ends.to, name_gap, &sink, &diag), ERR_OK);
    enum { FEW = 1000 };
    for (unsigned i = 0; i < FEW; i++) {
        put_number(sink, i);
    }
    ck_assert_int_eq(sink_flush(sink, SHORT_MS), ERR_TIMEOUT);
    struct buf text = BUF_EMPTY;
    read_until(ends.from, "line 999 ", &text);
    ck_assert_int_eq(sink_flush(sink, DEADLINE_MS), ERR_OK);
    expect_all((char *)text.ptr, FEW, 0);
    ck_assert_int_eq(fcntl(ends.to, F_GETFL) & O_NONBLOCK, O_NONBLOCK); /* left as it was */
    sink_close(&sink);
    buf_free(&text);
}
END_TEST

/* Lines that the descriptor refuses are lost too, and named once it takes lines again. */
START_TEST(lines_that_are_refused_are_named) {
    struct pipe_ends ends = make_pipe();
    struct sink *sink = NULL;
    struct diag diag = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(sink_open(ends.to, name_gap, &sink, &diag), ERR_OK);
    put_number(sink, 0);
    ck_assert_int_eq(sink_flush(sink, DEADLINE_MS), ERR_OK);
    struct buf text = BUF_EMPTY;
    read_until(ends.from, "line 0 ", &text);
    (void)close(ends.from);
    for (unsigned i = 1; i < 10; i++) {
        put_number(sink, i);
    }
    ck_assert_int_eq(sink_flush(sink, DEADLINE_MS), ERR_IO);
    ck_assert_uint_eq(sink_lost(sink), 9);
    struct pipe_ends next = make_pipe();
    ck_assert_int_eq(dup2(next.to, ends.to), ends.to);
    put_number(sink, 10);
    read_until(next.from, "line 10 ", &text);
    expect_all((char *)text.ptr, 11, 9);
    sink_close(&sink);
    buf_free(&text);
}
END_TEST

START_TEST(a_line_is_waited_for_until_its_deadline) {
    struct pipe_ends ends = make_pipe();
    struct diag diag = {0};
    struct buf text = BUF_EMPTY;
    ck_assert_int_ge(fcntl(ends.to, F_SETPIPE_SZ, 4096), 0);
    ck_assert_int_eq(sink_write_within(ends.to, SPAN_LIT("heard\n"), DEADLINE_MS, &diag), ERR_OK);
    read_until(ends.from, "heard\n", &text);
    ck_assert_int_eq(fcntl(ends.to, F_SETFL, O_NONBLOCK), 0);
    char filler[1024] = "";
    ssize_t put = 0;
    do {
        put = write(ends.to, filler, sizeof(filler));
    } while (put > 0);
    ck_assert_int_eq(fcntl(ends.to, F_SETFL, 0), 0);
    ck_assert_int_eq(sink_write_within(ends.to, SPAN_LIT("late\n"), SHORT_MS, &diag), ERR_TIMEOUT);
    char last[5] = "";
    for (size_t at = 0; memcmp(last, "late\n", sizeof(last)) != 0; at++) { /* it comes after all */
        ck_assert_uint_lt(at, 8192U);
        memmove(last, last + 1, sizeof(last) - 1);
        ck_assert_int_eq(read(ends.from, last + sizeof(last) - 1, 1), 1);
    }
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(sink_write_within(full, SPAN_LIT("x\n"), DEADLINE_MS, &diag), ERR_IO);
    (void)close(full);
    buf_free(&text);
}
END_TEST

/* Runs `body` in a child process whose standard error is `to`, and gives its status. */
static int in_child(int to, void (*body)(void)) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct diag diag = {0};
        (void)alarm(ENDS_WITHIN_S); /* SIGALRM: it did wait for a reader */
        (void)dup2(to, STDERR_FILENO);
        log_setup(&(struct log_options){.program = "tester", .level_min = LOG_INFO});
        if (log_start(&diag) != ERR_OK) {
            _exit(2);
        }
        body();
        log_stop();
        exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void log_much(void) {
    char text[1024];
    (void)memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int event = 0; event < EV_COUNT; event++) {
        for (int i = 0; i < 10; i++) {
            LOG((enum log_event)event, "text=%s", text);
        }
    }
    if (log_lost() == 0) {
        _exit(3);
    }
}

static void check_fails_after_much(void) {
    log_much();
    CHECK(errno == -1);
}

static void check_fails(void) {
    LOG(EV_PROGRAM_READY, "n=%d", 1);
    CHECK(errno == -1);
}

/* A child process of a program that logs has no thread to write for it. */
static void log_in_child(void) {
    LOG(EV_PROGRAM_READY, "n=%d", 1);
    pid_t child = fork();
    if (child == 0) {
        check_abort("the child writes for itself\n");
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

START_TEST(a_program_ends_though_its_log_is_not_read) {
    struct pipe_ends ends = make_pipe();
    int status = in_child(ends.to, log_much);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    status = in_child(ends.to, check_fails_after_much);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x",
                  (unsigned)status);
}
END_TEST

START_TEST(what_was_logged_before_an_end_is_written) {
    struct pipe_ends ends = make_pipe();
    struct buf text = BUF_EMPTY;
    int status = in_child(ends.to, check_fails);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x",
                  (unsigned)status);
    read_until(ends.from, "check failed: errno == -1\n", &text);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "event=PROGRAM_READY n=1\n"));
    ck_assert_int_eq(in_child(ends.to, log_in_child), 0);
    read_until(ends.from, "the child writes for itself\n", &text);
    buf_free(&text);
}
END_TEST

START_TEST(a_stopped_terminal_stops_no_program) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    int screen = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(screen, 0);
    ck_assert_int_eq(tcflow(screen, TCOOFF), 0); /* what ^S does */
    struct sink *sink = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(sink_open(screen, name_gap, &sink, &diag), ERR_OK);
    put_number(sink, 0);
    ck_assert_int_eq(sink_flush(sink, SHORT_MS), ERR_TIMEOUT);
    ck_assert_int_eq(tcflow(screen, TCOON), 0);
    struct buf text = BUF_EMPTY;
    read_until(terminal, "line 0 ", &text);
    ck_assert_int_eq(sink_flush(sink, DEADLINE_MS), ERR_OK);
    sink_close(&sink);
    buf_free(&text);
}
END_TEST

static void *put_many(void *context) {
    for (int i = 0; i < LINES; i++) {
        sink_put(context, SPAN_LIT("line 0 of a log that somebody may read\n"));
    }
    return NULL;
}

/* Under the thread sanitizer: several write at once while it is read. */
START_TEST(many_threads_put_lines) {
    struct pipe_ends ends = make_pipe();
    struct sink *sink = NULL;
    struct diag diag = {0};
    pthread_t threads[4];
    ck_assert_int_eq(sink_open(ends.to, name_gap, &sink, &diag), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, put_many, sink), 0);
    }
    uint64_t got = 0;
    struct buf text = BUF_EMPTY;
    FILE *lines = fdopen(ends.from, "r");
    char line[128];
    while (got < (uint64_t)LINES * COUNT_OF(threads) && fgets(line, sizeof(line), lines) != NULL) {
        unsigned long long gap = 0;
        got += sscanf(line, "gap %llu", &gap) == 1 ? gap : 1;
    }
    ck_assert_uint_eq(got, (uint64_t)LINES * COUNT_OF(threads));
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    sink_close(&sink);
    buf_free(&text);
    (void)fclose(lines);
}
END_TEST

/* In a child, as it is the whole process's. */
START_TEST(a_process_leaves_no_core) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit core = {.rlim_cur = 1, .rlim_max = 1};
        process_keep_memory();
        int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
        bool is_none = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 &&
                       core.rlim_max == 0 && (dumpable == 0 || process_is_sanitized());
        _exit(is_none ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_sink");
    TCase *cases = tcase_create("base_sink");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, a_pipe_that_is_not_read_stops_no_program);
    tcase_add_test(cases, a_shared_pipe_may_be_non_blocking);
    tcase_add_test(cases, lines_that_are_refused_are_named);
    tcase_add_test(cases, a_line_is_waited_for_until_its_deadline);
    tcase_add_test(cases, a_program_ends_though_its_log_is_not_read);
    tcase_add_test(cases, what_was_logged_before_an_end_is_written);
    tcase_add_test(cases, a_stopped_terminal_stops_no_program);
    tcase_add_test(cases, many_threads_put_lines);
    tcase_add_test(cases, a_process_leaves_no_core);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
