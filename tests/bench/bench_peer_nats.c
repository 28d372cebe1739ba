/* NATS JetStream, its protocol by hand: a stream in files, one durable pull consumer for all lanes,
 * each message acknowledged by itself.  The server confirms a message before it is on the disk
 * (sync_interval).  Messages have an id, so the server knows one that is sent again. */
#include "bench_peer.h"

#include "bench_peer_lines.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <unistd.h>

enum { BURST_CASES = 64, SLOTS = 2, ASKED_MAX = 4096, ASK_S = 1, ASK_AGAIN_MS = 1500 };

/* ping waits for the answer to a PING that it sends, and drops what comes before it. */
static enum err ping(struct lines *lines) {
    struct span line;
    buf_str(&lines->out, "PING\r\n");
    enum err err = lines_flush(lines);
    while (err == ERR_OK) {
        if (!lines_peek(lines, &line)) {
            err = lines_fill(lines, true);
            continue;
        }
        bool is_answer = span_is(line, "PONG");
        CHECK(lines_take(lines, line, 0, NULL));
        if (is_answer) {
            return ERR_OK;
        }
    }
    return err;
}

/* One connection, after its handshake. */
static enum err nats_open(struct lines *lines, const char *address) {
    enum err err = lines_open(lines, address);
    if (err != ERR_OK) {
        return err;
    }
    buf_str(&lines->out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,"
                         "\"no_responders\":true,\"protocol\":1,\"lang\":\"c\",\"version\":\"1\"}"
                         "\r\n");
    err = ping(lines);
    if (err != ERR_OK) {
        lines_close(lines);
    }
    return err;
}

/* What arrived. */
struct heard {
    struct span subject, reply, payload; /* of a message; the payload without headers */
    uint64_t subscription;
    bool has_headers;
};

/* False: nothing whole has arrived, or *err is set. */
static bool hear(struct lines *lines, struct heard *heard, enum err *err) {
    struct span line;
    while (*err == ERR_OK && lines_peek(lines, &line)) {
        struct span word = lines_word(line, 0);
        *heard = (struct heard){.has_headers = span_is(word, "HMSG")};
        if (heard->has_headers || span_is(word, "MSG")) {
            uint32_t words = 0;
            while (lines_word(line, words).len > 0) {
                words++;
            }
            uint32_t sizes = heard->has_headers ? 2 : 1;
            uint64_t bytes = lines_number(lines_word(line, words - 1));
            uint64_t head = heard->has_headers ? lines_number(lines_word(line, words - 2)) : 0;
            struct span all;
            if (!lines_take(lines, line, bytes, &all)) {
                return false;
            }
            heard->subject = lines_word(line, 1);
            heard->subscription = lines_number(lines_word(line, 2));
            heard->reply = words == 4 + sizes ? lines_word(line, 3) : SPAN_LIT("");
            heard->payload = head > 0 && head == bytes ? all : span_from(all, head);
            return true;
        }
        CHECK(lines_take(lines, line, 0, NULL));
        if (span_is(word, "PING")) {
            buf_str(&lines->out, "PONG\r\n");
        } else if (span_is(word, "-ERR")) {
            (void)fprintf(stderr, "bench_peers: nats: %.*s\n", SPAN_ARG(line));
            *err = ERR_INVALID;
        }
    }
    return false;
}

static bool span_has(struct span text, const char *part) {
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* One request to the server about the stream.  It exists already when a client opens again. */
static enum err request(struct lines *lines, const char *subject, const char *body) {
    struct heard heard;
    buf_printf(&lines->out, "SUB api 9\r\nUNSUB 9 1\r\nPUB %s api %zu\r\n%s\r\n", subject,
               strlen(body), body);
    enum err err = lines_flush(lines);
    while (err == ERR_OK && !hear(lines, &heard, &err)) {
        err = err == ERR_OK ? lines_fill(lines, true) : err;
    }
    if (err != ERR_OK) {
        return err;
    }
    if (heard.has_headers) { /* no responder: JetStream is still starting */
        return ERR_CONNECTION;
    }
    if (span_has(heard.payload, "\"error\"")) {
        (void)fprintf(stderr, "bench_peers: nats: %.*s\n", SPAN_ARG(heard.payload));
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err make_stream(struct lines *lines) {
    enum err err = request(lines, "$JS.API.STREAM.CREATE.cases",
                           "{\"name\":\"cases\",\"subjects\":[\"cases\"],\"storage\":\"file\","
                           "\"retention\":\"workqueue\",\"num_replicas\":1,\"max_consumers\":-1,"
                           "\"max_msgs\":-1,\"max_bytes\":-1,\"duplicate_window\":120000000000}");
    char consumer[256];
    (void)snprintf(consumer, sizeof(consumer),
                   "{\"stream_name\":\"cases\",\"config\":{\"durable_name\":\"lanes\","
                   "\"ack_policy\":\"explicit\",\"deliver_policy\":\"all\","
                   "\"max_ack_pending\":65536,\"ack_wait\":%d000000000}}",
                   PEER_ACKNOWLEDGE_S);
    return err == ERR_OK ? request(lines, "$JS.API.CONSUMER.DURABLE.CREATE.cases.lanes", consumer)
                         : err;
}

struct push {
    struct lines lines;
    uint32_t waiting;
};

static enum err push_open(const char *address, void **context) {
    struct lines lines;
    enum err err = nats_open(&lines, address);
    if (err != ERR_OK) {
        return err;
    }
    err = make_stream(&lines);
    if (err != ERR_OK) {
        lines_close(&lines);
        return err;
    }
    buf_str(&lines.out, "SUB P.* 1\r\n");
    struct push *push = mem_zero(1, sizeof(*push));
    push->lines = lines;
    *context = push;
    return ERR_OK;
}

static enum err push_send(void *context, uint32_t number, struct span message) {
    struct push *push = context;
    char head[96];
    int head_bytes = snprintf(head, sizeof(head), "NATS/1.0\r\nNats-Msg-Id: %d-%u\r\n\r\n",
                              (int)getpid(), number); /* another run's are other messages */
    buf_printf(&push->lines.out, "HPUB cases P.%u %d %zu\r\n%s", number, head_bytes,
               (size_t)head_bytes + message.len, head);
    buf_append(&push->lines.out, message);
    buf_str(&push->lines.out, "\r\n");
    push->waiting++;
    return ERR_OK;
}

static enum err push_settle(void *context, struct pushed *pushed, bool wait) {
    struct push *push = context;
    struct heard heard;
    enum err err = lines_flush(&push->lines);
    err = err == ERR_OK ? lines_fill(&push->lines, wait && push->waiting > 0) : err;
    while (err == ERR_OK && hear(&push->lines, &heard, &err)) {
        if (!span_has(heard.payload, "\"seq\"")) { /* the server is stopping */
            return ERR_CONNECTION;
        }
        pushed_confirm(pushed, (uint32_t)lines_number(span_from(heard.subject, strlen("P."))));
        push->waiting--;
    }
    return err;
}

static void push_close(void **context) {
    struct push *push = *context;
    lines_close(&push->lines);
    mem_free(push);
    *context = NULL;
}

struct take {
    struct lines lines;
    uint32_t lane;
    uint32_t asked[SLOTS];      /* messages of each request that have not come */
    int64_t asked_at_ms[SLOTS]; /* when the request was made; a client does not rely on its end */
};

static enum err take_open(const struct peer_take_options *options, void **context) {
    struct lines lines;
    enum err err = nats_open(&lines, options->address);
    if (err != ERR_OK) {
        return err;
    }
    err = make_stream(&lines);
    if (err != ERR_OK) {
        lines_close(&lines);
        return err;
    }
    struct take *take = mem_zero(1, sizeof(*take));
    take->lines = lines;
    take->lane = options->lane;
    for (uint32_t i = 0; i < SLOTS; i++) {
        buf_printf(&take->lines.out, "SUB R%u.%u %u\r\n", take->lane, i, i);
    }
    *context = take;
    return ERR_OK;
}

static uint32_t take_fds(void *context, struct pollfd *fds, int64_t *wait_ms) {
    const struct take *take = context;
    if (*wait_ms > ASK_AGAIN_MS) {
        *wait_ms = ASK_AGAIN_MS;
    }
    fds[0] = (struct pollfd){.fd = take->lines.fd, .events = POLLIN};
    return 1;
}

static enum err ask(struct take *take, uint32_t room) {
    uint32_t sum = 0;
    int64_t now = clock_mono_ms();
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (now - take->asked_at_ms[i] > ASK_AGAIN_MS) {
            take->asked[i] = 0;
        }
        sum += take->asked[i];
    }
    for (uint32_t i = 0; i < SLOTS && sum < room; i++) {
        uint32_t want = room - sum < ASKED_MAX ? room - sum : ASKED_MAX;
        if (take->asked[i] == 0) {
            char body[64];
            int bytes =
                snprintf(body, sizeof(body), "{\"batch\":%u,\"expires\":%d000000000}", want, ASK_S);
            buf_printf(&take->lines.out,
                       "PUB $JS.API.CONSUMER.MSG.NEXT.cases.lanes R%u.%u %d\r\n%s\r\n", take->lane,
                       i, bytes, body);
            take->asked[i] = want;
            take->asked_at_ms[i] = now;
            sum += want;
        }
    }
    return take->lines.out.len == 0 ? ERR_OK : lines_flush(&take->lines);
}

static enum err take_step(void *context, struct seat *seat, bool is_readable) {
    struct take *take = context;
    struct heard heard;
    enum err err = is_readable ? lines_fill(&take->lines, false) : ERR_OK;
    while (err == ERR_OK && hear(&take->lines, &heard, &err)) {
        uint64_t slot = heard.subscription; /* a case has the stream's subject, not the request's */
        CHECK(slot < SLOTS);
        if (heard.reply.len == 0) { /* the request's end: it expired, or the server is starting */
            take->asked[slot] = 0;
            continue;
        }
        struct peer_mark mark;
        CHECK(heard.reply.len < sizeof(mark.text));
        (void)snprintf(mark.text, sizeof(mark.text), "%.*s", SPAN_ARG(heard.reply));
        seat_put(seat, heard.payload, &mark);
        take->asked[slot] -= take->asked[slot] > 0 ? 1 : 0;
    }
    return err == ERR_OK ? ask(take, seat_room(seat)) : err;
}

static enum err take_acknowledge(void *context, const struct peer_mark *marks, uint32_t count) {
    struct take *take = context;
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&take->lines.out, "PUB %s 4\r\n+ACK\r\n", marks[i].text);
    }
    return lines_flush(&take->lines);
}

/* The server answers in order: after PONG it has read every acknowledgement. */
static enum err take_finish(void *context) {
    struct take *take = context;
    return ping(&take->lines);
}

static void take_close(void **context) {
    struct take *take = *context;
    lines_close(&take->lines);
    mem_free(take);
    *context = NULL;
}

const struct peer PEER_NATS = {.name = "nats",
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
