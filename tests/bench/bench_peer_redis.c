/* A Redis stream with a consumer group, through hiredis.  Redis keeps a stream until somebody trims
 * it, so an acknowledged entry is also deleted.  After a broken connection a lane first takes the
 * entries that it had before. */
#include "bench_peer.h"

#include "base/mem.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { BURST_CASES = 64, ASKED_MAX = 1024, BLOCK_MS = 5, NUMBERS_MAX = 1 << 16, ID_BYTES = 48 };

static enum err connect_to(const char *address, redisContext **redis) {
    const char *colon = strrchr(address, ':');
    char host[64];
    CHECK(colon != NULL);
    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    redisContext *made = redisConnect(host, (int)strtoul(colon + 1, NULL, 10));
    CHECK(made != NULL);
    if (made->err != 0) {
        redisFree(made);
        return ERR_CONNECTION;
    }
    *redis = made;
    return ERR_OK;
}

/* A server that reads its file answers LOADING. */
static enum err fault_of(const redisReply *reply) {
    if (span_starts(span_make(reply->str, reply->len), "LOADING")) {
        return ERR_CONNECTION;
    }
    (void)fprintf(stderr, "bench_peers: redis: %s\n", reply->str);
    return ERR_INVALID;
}

static enum err flush(redisContext *redis) {
    int is_done = 0;
    while (is_done == 0) {
        if (redisBufferWrite(redis, &is_done) != REDIS_OK) {
            return ERR_CONNECTION;
        }
    }
    return ERR_OK;
}

struct push {
    redisContext *redis;
    uint32_t *numbers; /* a ring: sent and not answered */
    uint32_t first, count;
};

static enum err push_open(const char *address, void **context) {
    redisContext *redis = NULL;
    enum err err = connect_to(address, &redis);
    if (err == ERR_OK) {
        struct push *push = mem_zero(1, sizeof(*push));
        push->redis = redis;
        push->numbers = mem_alloc(NUMBERS_MAX * sizeof(*push->numbers));
        *context = push;
    }
    return err;
}

static enum err push_send(void *context, uint32_t number, struct span message) {
    struct push *push = context;
    const char *words[] = {"XADD", "cases", "*", "m", (const char *)message.ptr};
    const size_t sizes[] = {4, 5, 1, 1, message.len};
    CHECK(push->count < NUMBERS_MAX);
    CHECK(redisAppendCommandArgv(push->redis, COUNT_OF(words), words, sizes) == REDIS_OK);
    push->numbers[(push->first + push->count++) & (NUMBERS_MAX - 1)] = number;
    return ERR_OK;
}

/* All answers that are there; with wait, at least one. */
static enum err push_settle(void *context, struct pushed *pushed, bool wait) {
    struct push *push = context;
    struct pollfd fd = {.fd = push->redis->fd, .events = POLLIN};
    enum err err = flush(push->redis);
    if (err != ERR_OK || push->count == 0 || poll(&fd, 1, wait ? -1 : 0) <= 0) {
        return err;
    }
    if (redisBufferRead(push->redis) != REDIS_OK) {
        return ERR_CONNECTION;
    }
    while (push->count > 0) {
        void *reply = NULL;
        if (redisReaderGetReply(push->redis->reader, &reply) != REDIS_OK) {
            return ERR_INVALID;
        }
        if (reply == NULL) {
            return ERR_OK;
        }
        if (((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
            err = fault_of(reply);
            freeReplyObject(reply);
            return err;
        }
        freeReplyObject(reply);
        pushed_confirm(pushed, push->numbers[push->first]);
        push->first = (push->first + 1) & (NUMBERS_MAX - 1);
        push->count--;
    }
    return ERR_OK;
}

static void push_close(void **context) {
    struct push *push = *context;
    redisFree(push->redis);
    mem_free(push->numbers);
    mem_free(push);
    *context = NULL;
}

struct take {
    redisContext *redis;
    uint32_t lane;
    bool is_asking, has_old; /* it takes the entries that it had before */
    char from[ID_BYTES];     /* the last of them */
};

static void take_close(void **context) {
    struct take *take = *context;
    redisFree(take->redis);
    mem_free(take);
    *context = NULL;
}

static enum err take_open(const struct peer_take_options *options, void **context) {
    redisContext *redis = NULL;
    enum err err = connect_to(options->address, &redis);
    if (err != ERR_OK) {
        return err;
    }
    struct take *take = mem_zero(1, sizeof(*take));
    *take = (struct take){.redis = redis, .lane = options->lane, .has_old = true, .from = "0"};
    *context = take;
    redisReply *reply = redisCommand(redis, "XGROUP CREATE cases lanes 0 MKSTREAM");
    bool is_there = reply != NULL && reply->type == REDIS_REPLY_ERROR &&
                    span_starts(span_make(reply->str, reply->len), "BUSYGROUP");
    err = reply == NULL                                   ? ERR_CONNECTION
          : reply->type == REDIS_REPLY_ERROR && !is_there ? fault_of(reply)
                                                          : ERR_OK;
    freeReplyObject(reply);
    if (err != ERR_OK) {
        take_close(context);
    }
    return err;
}

static uint32_t take_fds(void *context, struct pollfd *fds, int64_t *wait_ms) {
    const struct take *take = context;
    (void)wait_ms;
    fds[0] = (struct pollfd){.fd = take->redis->fd, .events = POLLIN};
    return 1;
}

static enum err ask(struct take *take, uint32_t messages) {
    const char *from = take->has_old ? take->from : ">";
    if (redisAppendCommand(take->redis,
                           "XREADGROUP GROUP lanes lane%u COUNT %u BLOCK %d STREAMS cases %s",
                           take->lane, messages, BLOCK_MS, from) != REDIS_OK) {
        return ERR_CONNECTION;
    }
    take->is_asking = true;
    return flush(take->redis);
}

/* [[stream, [[id, [field, value]], ...]]]; an entry that was deleted has no fields. */
static enum err take_entries(struct take *take, const redisReply *reply, struct seat *seat) {
    if (reply->elements != 1 || reply->element[0]->elements != 2) {
        return ERR_INVALID;
    }
    const redisReply *entries = reply->element[0]->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *id = entries->element[i]->element[0];
        const redisReply *fields = entries->element[i]->element[1];
        (void)snprintf(take->from, sizeof(take->from), "%s", id->str);
        if (fields->type == REDIS_REPLY_ARRAY && fields->elements == 2) {
            struct peer_mark mark;
            (void)snprintf(mark.text, sizeof(mark.text), "%s", id->str);
            seat_put(seat, span_make(fields->element[1]->str, fields->element[1]->len), &mark);
        }
    }
    take->has_old = take->has_old && entries->elements > 0;
    return ERR_OK;
}

static enum err take_reply(struct take *take, const redisReply *reply, struct seat *seat) {
    switch (reply->type) {
    case REDIS_REPLY_ARRAY:
        take->is_asking = false;
        return take_entries(take, reply, seat);
    case REDIS_REPLY_NIL: /* nothing came in BLOCK_MS */
        take->is_asking = false;
        return ERR_OK;
    case REDIS_REPLY_INTEGER: /* XACK, XDEL */
        return ERR_OK;
    default:
        return fault_of(reply);
    }
}

static enum err take_step(void *context, struct seat *seat, bool is_readable) {
    struct take *take = context;
    enum err err = ERR_OK;
    if (is_readable && redisBufferRead(take->redis) != REDIS_OK) {
        return ERR_CONNECTION;
    }
    while (err == ERR_OK && is_readable) {
        void *reply = NULL;
        if (redisReaderGetReply(take->redis->reader, &reply) != REDIS_OK) {
            return ERR_INVALID;
        }
        if (reply == NULL) {
            break;
        }
        err = take_reply(take, reply, seat);
        freeReplyObject(reply);
    }
    uint32_t room = seat_room(seat);
    if (err == ERR_OK && !take->is_asking && room > 0) {
        err = ask(take, room < ASKED_MAX ? room : ASKED_MAX);
    }
    return err;
}

/* Redis answers in order: after this answer all before it were processed. */
static enum err take_finish(void *context) {
    struct take *take = context;
    if (redisAppendCommand(take->redis, "PING") != REDIS_OK) {
        return ERR_CONNECTION;
    }
    for (bool is_last = false; !is_last;) {
        void *reply = NULL;
        if (redisGetReply(take->redis, &reply) != REDIS_OK) {
            return ERR_CONNECTION;
        }
        is_last = ((redisReply *)reply)->type == REDIS_REPLY_STATUS;
        freeReplyObject(reply);
    }
    return ERR_OK;
}

static enum err append_ids(redisContext *redis, const char *const *head, uint32_t head_count,
                           const struct peer_mark *marks, uint32_t count) {
    const char **words = mem_alloc((head_count + count) * sizeof(*words));
    for (uint32_t i = 0; i < head_count; i++) {
        words[i] = head[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        words[head_count + i] = marks[i].text;
    }
    int added = redisAppendCommandArgv(redis, (int)(head_count + count), words, NULL);
    mem_free(words);
    return added == REDIS_OK ? ERR_OK : ERR_CONNECTION;
}

static enum err take_acknowledge(void *context, const struct peer_mark *marks, uint32_t count) {
    static const char *const ACKNOWLEDGE[] = {"XACK", "cases", "lanes"};
    static const char *const REMOVE[] = {"XDEL", "cases"};
    struct take *take = context;
    enum err err = append_ids(take->redis, ACKNOWLEDGE, COUNT_OF(ACKNOWLEDGE), marks, count);
    err = err == ERR_OK ? append_ids(take->redis, REMOVE, COUNT_OF(REMOVE), marks, count) : err;
    return err == ERR_OK ? flush(take->redis) : err;
}

const struct peer PEER_REDIS = {.name = "redis",
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
