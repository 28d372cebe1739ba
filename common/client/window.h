/* Purpose: the batches that are closed and not settled: found by id, sent in the order of
 * submission, asked about in the order of silence.  Every operation takes constant time, except
 * sending all again.
 * Ownership: a batch and its body belong to the window until it is settled. */
#ifndef CASEMILL_CLIENT_WINDOW_H
#define CASEMILL_CLIENT_WINDOW_H

#include "base/buf.h"
#include "base/uuid.h"

enum batch_state {
    BATCH_TO_SEND,
    BATCH_SENT,    /* no reply about it yet */
    BATCH_ACCEPTED /* waits for DONE; only with ack outcome */
};

struct batch {
    struct batch *next, *prev; /* in the list of its state, or free */
    struct batch *same;        /* next of one hash */
    struct uuid id;
    enum batch_state state;
    uint32_t count;
    uint64_t ordinal; /* in the order of submission */
    uint64_t position;
    uint64_t tag;
    bool is_sent_as_rows;     /* lately */
    bool stays_maps;          /* a broker has it as maps, or refused it as rows */
    uint32_t results_tries;   /* DONEs without the results that were requested */
    int64_t waiting_since_ms; /* when it was last sent, answered or asked for */
    struct buf body;
};
struct batch_list {
    struct batch *first, *last;
};
struct window {
    struct batch *slots;
    struct batch *free;
    struct batch **chains; /* by hash of the id */
    uint32_t mask;
    uint32_t count, size;
    uint64_t next_ordinal;
    struct batch_list to_send; /* by ordinal */
    struct batch *again;       /* of to_send: the last that returned, or NULL */
    struct batch_list waiting; /* sent or accepted: longest silent first */
};

void window_init(struct window *window, uint32_t size);
void window_fini(struct window *window);
/* window_add takes the bytes out of *bytes; there must be room.  The batch is to be sent. */
struct batch *window_add(struct window *window, const struct uuid *id, struct buf *bytes);
/* window_find returns the oldest batch of that id, or NULL. */
struct batch *window_find(const struct window *window, const struct uuid *id);
/* window_await records a state other than BATCH_TO_SEND; the batch is now the last to be asked
 * about. */
void window_await(struct window *window, struct batch *batch, enum batch_state state,
                  int64_t now_ms);
void window_send_again(struct window *window, struct batch *batch);
void window_send_all_again(struct window *window);
void window_settle(struct window *window, struct batch *batch);

#endif
