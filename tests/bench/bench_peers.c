/* The two sides of the benchmark `peers`: casemill's worker behind another queue, and the client
 * that fills that queue.
 *   bench_peers list
 *     prints the peers of this build
 *   bench_peers push PEER ADDRESS FILE MESSAGE_CASES
 *     sends the cases of a MessagePack file, so many per message; a message that the queue did not
 *     confirm before its connection broke is sent again
 *     prints: start_ns confirmed_ns cases resent_messages
 *   bench_peers work PEER ADDRESS CONNINFO MESSAGE_CASES CASES QUIET_S
 *     prints "ready", and "END_NS CASES DUPLICATES" when so many cases have an outcome, or when
 *     nothing came for QUIET_S from a queue that is there, after the first case; CASES 0: only then
 * Times are of the monotonic clock, which all processes share. */
#include "bench_peer.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/walk.h"
#include "worker/worker_priv.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* As bench_submit.c. */
enum { WINDOW_CASES = 8 * 8192, WINDOW_MIN = 16, WINDOW_MAX = 16384 };
enum { LANES = 2, TRANSACTION_CASES = 8192, STALE_S = 60 }; /* casemill's defaults */
enum { OPEN_MS_MAX = 60000, RETRY_MS = 100, READY_MS_MAX = 20000, DRAIN_MS_MAX = 20000 };
#define FILE_BYTES_MAX ((size_t)8 << 30)

static const struct peer *const PEERS[] = {
    &PEER_POSTGRES,
#ifdef BENCH_REDIS
    &PEER_REDIS,
#endif
    &PEER_BEANSTALKD, &PEER_NATS,
#ifdef BENCH_RABBITMQ
    &PEER_RABBITMQ,
#endif
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_peers: %s\n", what);
    exit(1);
}

const struct peer *peer_find(struct span name) {
    for (size_t i = 0; i < COUNT_OF(PEERS); i++) {
        if (span_is(name, PEERS[i]->name)) {
            return PEERS[i];
        }
    }
    return NULL;
}

static const struct peer *peer_named(const char *name) {
    const struct peer *peer = peer_find(span_str(name));
    if (peer == NULL) {
        fail("this build has no such peer; `bench_peers list` prints those it has");
    }
    return peer;
}

static uint32_t number_of(const char *text) {
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number > UINT32_MAX) {
        fail("expected a number");
    }
    return (uint32_t)number;
}

/* --- push --- */

struct messages {
    struct buf bytes;
    size_t *starts; /* one more than there are */
    uint32_t count, cap;
    uint64_t cases;
};

void pushed_confirm(struct pushed *pushed, uint32_t number) {
    CHECK(number < pushed->count);
    if (!pushed->is_confirmed[number]) {
        pushed->is_confirmed[number] = true;
        pushed->confirmed++;
        pushed->confirmed_ns = clock_mono_ns();
    }
}

static void add_start(struct messages *messages) {
    MEM_ROOM(messages->starts, messages->count, messages->cap, 1024);
    messages->starts[messages->count++] = messages->bytes.len;
}

static void read_messages(const char *path, uint32_t message_cases, struct messages *messages) {
    struct diag diag = {0};
    struct buf file = BUF_EMPTY;
    if (io_read_file(path, FILE_BYTES_MAX, &file, &diag) != ERR_OK) {
        fail(diag.text);
    }
    struct span all = buf_span(&file);
    for (size_t at = 0; at < all.len;) {
        size_t from = at;
        uint32_t count = 0;
        while (at < all.len && count < message_cases) {
            if (walk_value(all, &at) != ERR_OK) {
                fail("the file does not hold MessagePack values");
            }
            count++;
        }
        add_start(messages);
        buf_le32(&messages->bytes, count);
        buf_append(&messages->bytes, span_make(all.ptr + from, at - from));
        messages->cases += count;
    }
    add_start(messages);
    messages->count--;
    buf_free(&file);
}

static struct span message_at(const struct messages *messages, uint32_t number) {
    size_t from = messages->starts[number];
    return span_make(messages->bytes.ptr + from, messages->starts[number + 1] - from);
}

struct pusher {
    const struct peer *peer;
    const char *address;
    void *push;
    struct pushed pushed;
    uint32_t next, burst, window;
    uint32_t sent, resent; /* sent: over the present connection, and not confirmed before it */
    uint32_t confirmed_before;
};

static void open_push(struct pusher *pusher) {
    int64_t until = clock_mono_ms() + OPEN_MS_MAX;
    enum err err = pusher->peer->push_open(pusher->address, &pusher->push);
    while (err == ERR_CONNECTION && clock_mono_ms() < until) {
        clock_sleep_ms(RETRY_MS);
        err = pusher->peer->push_open(pusher->address, &pusher->push);
    }
    if (err != ERR_OK) {
        fail("the client cannot connect to the queue");
    }
    pusher->next = 0;
    pusher->sent = 0;
    pusher->confirmed_before = pusher->pushed.confirmed;
}

static uint32_t waiting(const struct pusher *pusher) {
    return pusher->sent - (pusher->pushed.confirmed - pusher->confirmed_before);
}

static enum err send_some(struct pusher *pusher, const struct messages *messages) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < pusher->burst && pusher->next < messages->count &&
                         waiting(pusher) < pusher->window;
         pusher->next++) {
        if (!pusher->pushed.is_confirmed[pusher->next]) {
            err = pusher->peer->push_send(pusher->push, pusher->next,
                                          message_at(messages, pusher->next));
            pusher->sent++;
            i++;
        }
    }
    if (err != ERR_OK) {
        return err;
    }
    bool has_to_wait = pusher->next == messages->count || waiting(pusher) >= pusher->window;
    return pusher->peer->push_settle(pusher->push, &pusher->pushed, has_to_wait);
}

static void push_all(struct pusher *pusher, const struct messages *messages) {
    while (pusher->pushed.confirmed < messages->count) {
        enum err err = send_some(pusher, messages);
        if (err == ERR_CONNECTION) {
            pusher->resent += waiting(pusher);
            pusher->peer->push_close(&pusher->push);
            open_push(pusher);
        } else if (err != ERR_OK) {
            fail("the queue refuses a message");
        }
    }
}

static int push(char **words) {
    uint32_t message_cases = number_of(words[3]);
    struct messages messages = {.bytes = BUF_EMPTY};
    if (message_cases == 0) {
        fail("expected at least one case per message");
    }
    read_messages(words[2], message_cases, &messages);
    struct pusher pusher = {.peer = peer_named(words[0]), .address = words[1]};
    pusher.pushed = (struct pushed){.is_confirmed = mem_zero(messages.count, sizeof(bool)),
                                    .count = messages.count};
    uint32_t window = WINDOW_CASES / message_cases;
    pusher.window = window < WINDOW_MIN ? WINDOW_MIN : window > WINDOW_MAX ? WINDOW_MAX : window;
    uint32_t burst = pusher.peer->burst_cases / message_cases;
    pusher.burst = burst == 0 ? 1 : burst;
    open_push(&pusher);
    int64_t start = clock_mono_ns();
    push_all(&pusher, &messages);
    pusher.peer->push_close(&pusher.push);
    (void)printf("%" PRId64 " %" PRId64 " %" PRIu64 " %u\n", start, pusher.pushed.confirmed_ns,
                 messages.cases, pusher.resent);
    mem_free(pusher.pushed.is_confirmed);
    mem_free(messages.starts);
    buf_free(&messages.bytes);
    return 0;
}

/* --- work --- */

#define SUM(worker, field) worker_sum(worker, offsetof(struct lane_stats, field))

static void wait_ready(const struct worker *worker) {
    int64_t until = clock_mono_ms() + READY_MS_MAX;
    while (SUM(worker, links_up) < LANES) {
        if (clock_mono_ms() > until) {
            fail("the lanes have no queue, no database or no rule set");
        }
        clock_sleep_ms(1);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
}

/* Returns when the last case was committed.  A queue that is away is not quiet: a server that was
 * killed may take long to start. */
static int64_t wait_done(const struct worker *worker, uint64_t cases, int64_t quiet_ms) {
    uint64_t seen = 0;
    int64_t moved_ns = clock_mono_ns();
    int64_t quiet_ns = moved_ns; /* since then */
    for (;;) {
        uint64_t done = SUM(worker, cases_done);
        int64_t now_ns = clock_mono_ns();
        if (done != seen) {
            seen = done;
            moved_ns = now_ns;
            quiet_ns = now_ns;
        }
        if (SUM(worker, links_up) < LANES) {
            quiet_ns = now_ns;
        }
        if ((cases > 0 && done - SUM(worker, duplicates) >= cases) ||
            (seen > 0 && now_ns - quiet_ns > quiet_ms * 1000000)) {
            return moved_ns;
        }
        clock_sleep_ms(1);
    }
}

static void end_worker(struct worker **worker) {
    int64_t until = clock_mono_ms() + DRAIN_MS_MAX;
    worker_drain(*worker);
    while (!worker_has_ended(*worker) && clock_mono_ms() < until) {
        clock_sleep_ms(1);
    }
    worker_stop(worker);
}

static int work(char **words) {
    uint32_t message_cases = number_of(words[3]);
    uint32_t cases = number_of(words[4]);
    int64_t quiet_ms = (int64_t)number_of(words[5]) * 1000;
    struct buf address = BUF_EMPTY;
    struct diag diag = {0};
    struct worker *worker = NULL;
    buf_printf(&address, "%s %u %s", peer_named(words[0])->name, message_cases, words[1]);
    const char *brokers[] = {buf_cstr(&address)};
    const struct worker_options options = {.conninfo = words[2],
                                           .stop_fd = -1,
                                           .stale_s = STALE_S,
                                           .brokers = brokers,
                                           .broker_count = 1,
                                           .lane_count = LANES,
                                           .cases_max = TRANSACTION_CASES,
                                           .http = {.bind = ""},
                                           .secret_key = ""};
    log_setup(&(struct log_options){.program = "bench_peers", .level_min = LOG_WARN});
    if (worker_start(&options, &worker, &diag) != ERR_OK) {
        fail(diag.text);
    }
    wait_ready(worker);
    int64_t end = wait_done(worker, cases, quiet_ms);
    uint64_t done = SUM(worker, cases_done);
    uint64_t duplicates = SUM(worker, duplicates);
    end_worker(&worker);
    (void)printf("%" PRId64 " %" PRIu64 " %" PRIu64 "\n", end, done, duplicates);
    buf_free(&address);
    return 0;
}

int main(int argc, char **argv) {
    const struct sigaction ignore = {.sa_handler = SIG_IGN}; /* a queue that is killed */
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < COUNT_OF(PEERS); i++) {
            (void)printf("%s\n", PEERS[i]->name);
        }
        return 0;
    }
    if (argc == 6 && strcmp(argv[1], "push") == 0) {
        return push(argv + 2);
    }
    if (argc == 8 && strcmp(argv[1], "work") == 0) {
        return work(argv + 2);
    }
    (void)fprintf(stderr, "usage: bench_peers list | push PEER ADDRESS FILE MESSAGE_CASES | "
                          "work PEER ADDRESS CONNINFO MESSAGE_CASES CASES QUIET_S\n");
    return 2;
}
