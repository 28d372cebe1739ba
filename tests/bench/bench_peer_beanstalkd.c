/* beanstalkd, its protocol by hand.  Both sides send many commands at once; the server answers in
 * their order.  A job belongs to the connection that reserved it, so a lane has only one. */
#include "bench_peer.h"

#include "bench_peer_lines.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>

enum { BURST_CASES = 64, ASKED_MAX = 64, PAUSE_MS = 2, RESERVED_S = 600, NUMBERS_MAX = 1 << 16 };

struct push {
    struct lines lines;
    uint32_t *numbers; /* a ring: sent and not answered */
    uint32_t first, count;
};

static enum err push_open(const char *address, void **context) {
    struct lines lines;
    enum err err = lines_open(&lines, address);
    if (err == ERR_OK) {
        struct push *push = mem_zero(1, sizeof(*push));
        push->lines = lines;
        push->numbers = mem_alloc(NUMBERS_MAX * sizeof(*push->numbers));
        *context = push;
    }
    return err;
}

static enum err push_send(void *context, uint32_t number, struct span message) {
    struct push *push = context;
    CHECK(push->count < NUMBERS_MAX);
    buf_printf(&push->lines.out, "put 0 0 %d %zu\r\n", RESERVED_S, message.len);
    buf_append(&push->lines.out, message);
    buf_str(&push->lines.out, "\r\n");
    push->numbers[(push->first + push->count++) & (NUMBERS_MAX - 1)] = number;
    return ERR_OK;
}

static enum err push_settle(void *context, struct pushed *pushed, bool wait) {
    struct push *push = context;
    struct span line;
    enum err err = lines_flush(&push->lines);
    err = err == ERR_OK ? lines_fill(&push->lines, wait && push->count > 0) : err;
    while (err == ERR_OK && lines_peek(&push->lines, &line)) {
        if (!span_is(lines_word(line, 0), "INSERTED") || push->count == 0) {
            return ERR_INVALID;
        }
        CHECK(lines_take(&push->lines, line, 0, NULL));
        pushed_confirm(pushed, push->numbers[push->first]);
        push->first = (push->first + 1) & (NUMBERS_MAX - 1);
        push->count--;
    }
    return err;
}

static void push_close(void **context) {
    struct push *push = *context;
    lines_close(&push->lines);
    mem_free(push->numbers);
    mem_free(push);
    *context = NULL;
}

struct take {
    struct lines lines;
    uint32_t asked, deleting;
    int64_t ask_at_ms; /* not before, because the queue was empty; 0: at once */
};

static enum err take_open(const struct peer_take_options *options, void **context) {
    struct lines lines;
    enum err err = lines_open(&lines, options->address);
    if (err == ERR_OK) {
        struct take *take = mem_zero(1, sizeof(*take));
        take->lines = lines;
        *context = take;
    }
    return err;
}

static uint32_t take_fds(void *context, struct pollfd *fds, int64_t *wait_ms) {
    struct take *take = context;
    int64_t now = clock_mono_ms();
    fds[0] = (struct pollfd){.fd = take->lines.fd, .events = POLLIN};
    if (take->ask_at_ms != 0 && take->ask_at_ms - now < *wait_ms) {
        *wait_ms = take->ask_at_ms > now ? take->ask_at_ms - now : 0;
    }
    return 1;
}

/* False: the rest of an answer has not arrived. */
static bool take_answer(struct take *take, struct seat *seat, struct span line, enum err *err) {
    struct span word = lines_word(line, 0);
    if (span_is(word, "RESERVED")) {
        struct span id = lines_word(line, 1);
        struct span message;
        struct peer_mark mark;
        (void)snprintf(mark.text, sizeof(mark.text), "%.*s", SPAN_ARG(id));
        if (!lines_take(&take->lines, line, lines_number(lines_word(line, 2)), &message)) {
            return false;
        }
        seat_put(seat, message, &mark);
        take->asked--;
    } else if (span_is(word, "TIMED_OUT")) {
        CHECK(lines_take(&take->lines, line, 0, NULL));
        take->asked--;
        take->ask_at_ms = clock_mono_ms() + PAUSE_MS;
    } else if (span_is(word, "DELETED")) {
        CHECK(lines_take(&take->lines, line, 0, NULL));
        take->deleting--;
    } else {
        *err = ERR_INVALID;
        return false;
    }
    return true;
}

static enum err take_step(void *context, struct seat *seat, bool is_readable) {
    struct take *take = context;
    struct span line;
    enum err err = is_readable ? lines_fill(&take->lines, false) : ERR_OK;
    while (err == ERR_OK && lines_peek(&take->lines, &line) &&
           take_answer(take, seat, line, &err)) {
    }
    take->ask_at_ms = clock_mono_ms() >= take->ask_at_ms ? 0 : take->ask_at_ms;
    if (err == ERR_OK && take->asked == 0 && take->ask_at_ms == 0) {
        uint32_t room = seat_room(seat);
        for (; take->asked < room && take->asked < ASKED_MAX; take->asked++) {
            buf_str(&take->lines.out, "reserve-with-timeout 0\r\n");
        }
        err = lines_flush(&take->lines);
    }
    return err;
}

static enum err take_acknowledge(void *context, const struct peer_mark *marks, uint32_t count) {
    struct take *take = context;
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&take->lines.out, "delete %s\r\n", marks[i].text);
    }
    take->deleting += count;
    return lines_flush(&take->lines);
}

/* Answers to "reserve" may come first; a job that is reserved returns with the connection's end. */
static enum err take_finish(void *context) {
    struct take *take = context;
    struct span line;
    enum err err = ERR_OK;
    while (err == ERR_OK && take->deleting > 0) {
        if (!lines_peek(&take->lines, &line)) {
            err = lines_fill(&take->lines, true);
        } else if (span_is(line, "DELETED")) {
            CHECK(lines_take(&take->lines, line, 0, NULL));
            take->deleting--;
        } else {
            struct span message;
            bool has_bytes = span_is(lines_word(line, 0), "RESERVED");
            if (!lines_take(&take->lines, line, lines_number(lines_word(line, 2)),
                            has_bytes ? &message : NULL)) {
                err = lines_fill(&take->lines, true);
            }
        }
    }
    return err;
}

static void take_close(void **context) {
    struct take *take = *context;
    lines_close(&take->lines);
    mem_free(take);
    *context = NULL;
}

const struct peer PEER_BEANSTALKD = {.name = "beanstalkd",
                                     .burst_cases = BURST_CASES,
                                     .push_open = push_open,
                                     .push_send = push_send,
                                     .push_settle = push_settle,
                                     .push_close = push_close,
                                     .take_open = take_open,
                                     .take_fds = take_fds,
                                     .take_step = take_step,
                                     .take_acknowledge = take_acknowledge,
                                     .take_finish = take_finish,
                                     .take_close = take_close};
