/* Purpose: the work a lane holds: deliveries not begun, in order of priority, then of arrival.  An
 * index has all deliveries that were received and not freed, begun or not.  A delivery keeps its
 * message alive, because it points into its bytes. */
#ifndef CASEMILL_WORKER_INBOX_H
#define CASEMILL_WORKER_INBOX_H

#include "base/arena.h"
#include "casedoc/case_rows.h"
#include "net/net.h"
#include "wire/wire.h"

/* One received message; freed with its last job. */
struct parcel {
    uint32_t refs;
    struct net_message message;
    struct arena arena; /* of the decoded head */
    struct wire_message head;
};

struct job {
    struct job *next;
    struct job *same;     /* next of one hash */
    struct inbox *holder; /* the inbox whose index has it, or NULL */
    struct parcel *parcel;
    uint32_t link; /* of the broker it came from */
    struct uuid journal;
    const struct wire_delivery *delivery;
    struct span body;             /* exactly the delivery's cases */
    struct span names;            /* of rows: their array of names; empty: the cases are maps */
    struct case_columns *columns; /* of names, while its cases are decided or written; or NULL */
    struct buf maps;              /* of rows that are to be buried: the body as maps */
    bool bury;
    bool reapply; /* of mode reapply: the body holds triples, the delivery's extra the request */
    bool results; /* its client asked for the results of single cases */
    bool retry;   /* of mode retry: the body holds numbers of dead letters */
};

struct inbox {
    struct job *first[WIRE_PRIORITY_COUNT];
    struct job *last[WIRE_PRIORITY_COUNT];
    uint32_t job_count;
    uint64_t case_count;
    struct job **slots; /* the index, by hash of journal, seq and first */
    uint32_t slot_count, held_count;
};
void inbox_fini(struct inbox *inbox); /* after its last job is freed */

struct parcel *parcel_new(void);
void parcel_unref(struct parcel **parcel);

/* job_new takes its own reference to the parcel. */
struct job *job_new(struct parcel *parcel, const struct wire_delivery *delivery);
void job_free(struct job **job); /* and removes it from its inbox's index */
struct wire_range job_range(const struct job *job);

void inbox_put(struct inbox *inbox, struct job *job);
/* inbox_peek is the next job, NULL when empty; inbox_take removes it. */
struct job *inbox_peek(const struct inbox *inbox);
struct job *inbox_take(struct inbox *inbox);
/* inbox_has finds a delivery that was received and not freed: a broker may send it again. */
bool inbox_has(const struct inbox *inbox, const struct wire_range *range);

#endif
