/* Purpose: the client's state, shared by casemill.c (what the caller asks) and receipt.c (what the
 * broker says). */
#ifndef CASEMILL_CLIENT_CLIENT_PRIV_H
#define CASEMILL_CLIENT_CLIENT_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "client/casemill.h"
#include "net/net.h"
#include "wire/wire.h"

enum batch_state {
    BATCH_TO_SEND, /* not before send_at_ms */
    BATCH_SENT,    /* no word of it yet */
    BATCH_ACCEPTED /* waits for DONE; only with ack outcome */
};

struct batch {
    struct uuid id;
    enum batch_state state;
    uint32_t count;
    uint64_t position;
    uint64_t tag;
    int64_t send_at_ms;
    int64_t heard_ms; /* when it was last sent, answered or asked for */
    struct buf body;
};

struct casemill {
    struct casemill_options options;
    struct buf source; /* a copy */
    struct net *net;
    struct net_socket *socket;
    uint32_t connect_count; /* as of the last step */
    bool is_failed;
    int64_t busy_until_ms; /* nothing new is sent before: the broker asked for it */
    struct arena arena;    /* of one receipt */
    struct buf head;       /* of one send */
    struct buf open_body;  /* the batch being filled */
    uint32_t open_count;
    int64_t open_since_ms;
    uint64_t position; /* of the open batch's first case */
    uint32_t batch_count;
    struct batch batches[CASEMILL_WINDOW_MAX]; /* in the order of submission */
};

/* receipt_take handles one message of the broker: callback, then the batch's new state. */
void receipt_take(struct casemill *client, struct span head, int64_t now_ms);
struct batch *client_find(struct casemill *client, const struct uuid *id);
void client_settle(struct casemill *client, struct batch *batch);
void client_check(const struct casemill *client);

#endif
