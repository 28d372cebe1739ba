/* Purpose: a queue that replaces casemill's broker in the benchmark `peers`: its client's side
 * (push) and a lane's side (take).  bench_peers.c pushes; bench_peer_lane.c joins the lanes of
 * casemill's own worker to the queue.
 * A message is the number of its cases (4 bytes, little endian), then that many encoded cases.
 * Errors of all calls: ERR_CONNECTION the queue is away: close and open again; ERR_INVALID it
 * refuses or answers what it should not. */
#ifndef CASEMILL_TESTS_BENCH_BENCH_PEER_H
#define CASEMILL_TESTS_BENCH_BENCH_PEER_H

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"

#include <poll.h>

enum { PEER_HEAD_BYTES = 4, PEER_FDS_MAX = 8, PEER_MARK_BYTES = 112 };
enum { PEER_ACKNOWLEDGE_S = 10 }; /* casemill's own: lanes.silent_ms */

/* Which messages the queue has confirmed. */
struct pushed {
    bool *is_confirmed;
    uint32_t count, confirmed;
    int64_t confirmed_ns; /* when the last one was; monotonic */
};
void pushed_confirm(struct pushed *pushed, uint32_t number);

/* What the queue needs to acknowledge a message. */
struct peer_mark {
    union {
        uint64_t number;
        char text[PEER_MARK_BYTES];
    };
};

struct seat; /* a lane's place at the queue */
/* seat_put gives the lane a message; it copies the bytes. */
void seat_put(struct seat *seat, struct span message, const struct peer_mark *mark);
/* seat_room: how many more messages the lane takes now: its credit is casemill's. */
uint32_t seat_room(const struct seat *seat);

struct peer_take_options {
    const char *address;
    uint32_t lane;     /* from 0 */
    uint32_t messages; /* the lane's whole credit */
};

struct peer {
    const char *name;
    uint32_t burst_cases; /* sent between two calls of push_settle */

    enum err (*push_open)(const char *address, void **push);
    enum err (*push_send)(void *push, uint32_t number, struct span message);
    /* push_settle sends what is buffered and notes confirmed messages; with wait it returns after
     * at least one. */
    enum err (*push_settle)(void *push, struct pushed *pushed, bool wait);
    void (*push_close)(void **push);

    enum err (*take_open)(const struct peer_take_options *options, void **take);
    /* take_fds fills at most PEER_FDS_MAX and lowers *wait_ms to when step is due without them. */
    uint32_t (*take_fds)(void *take, struct pollfd *fds, int64_t *wait_ms);
    /* take_step puts what has arrived into the seat and requests more; it does not wait. */
    enum err (*take_step)(void *take, struct seat *seat, bool is_readable);
    /* take_acknowledge: the cases of these messages are committed. */
    enum err (*take_acknowledge)(void *take, const struct peer_mark *marks, uint32_t count);
    /* take_finish waits until the queue has processed every acknowledgement; only take_close
     * follows. */
    enum err (*take_finish)(void *take);
    void (*take_close)(void **take);
};

extern const struct peer PEER_POSTGRES;
extern const struct peer PEER_REDIS;
extern const struct peer PEER_BEANSTALKD;
extern const struct peer PEER_NATS;
extern const struct peer PEER_RABBITMQ;

/* peer_find returns NULL if this build has no such peer.  A lane's address of a peer is
 * "NAME MESSAGE_CASES ADDRESS". */
const struct peer *peer_find(struct span name);

#endif
