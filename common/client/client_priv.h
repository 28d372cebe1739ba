/* Purpose: the client's state, shared by casemill.c (calls of the caller) and receipt.c (replies of
 * the broker). */
#ifndef CASEMILL_CLIENT_CLIENT_PRIV_H
#define CASEMILL_CLIENT_CLIENT_PRIV_H

#include "base/arena.h"
#include "client/casemill.h"
#include "client/links.h"
#include "client/to_rows.h"
#include "client/window.h"
#include "wire/wire.h"

struct casemill {
    struct casemill_options options;
    struct buf source; /* a copy */
    struct links links;
    bool is_failed;
    struct arena arena; /* of one receipt */
    struct buf head;    /* of one send */
    struct to_rows to_rows;
    struct buf open_body; /* the batch being filled */
    uint32_t open_count;
    int64_t open_since_ms;
    uint64_t position; /* of the open batch's first case */
    struct window window;
};

/* receipt_take handles one message of a broker: callback, then the batch's new state.  body: its
 * second frame, or empty. */
void receipt_take(struct casemill *client, struct link *from, struct span head, struct span body,
                  int64_t now_ms);
/* receipt_too_large settles as refused a batch above the limit in the broker's PONG. */
void receipt_too_large(struct casemill *client, struct batch *batch, uint32_t message_bytes_max);

#endif
