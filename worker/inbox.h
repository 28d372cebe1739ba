/* Purpose: the work a lane holds and has not begun: deliveries in order of priority, then of
 * arrival. A delivery keeps the message alive whose bytes it points into. */
#ifndef CASEMILL_WORKER_INBOX_H
#define CASEMILL_WORKER_INBOX_H

#include "base/arena.h"
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
    struct parcel *parcel;
    uint32_t link; /* of the broker it came from */
    struct uuid journal;
    const struct wire_delivery *delivery;
    struct span body; /* exactly the delivery's cases */
    bool bury;
};

struct inbox {
    struct job *first[WIRE_PRIORITY_COUNT];
    struct job *last[WIRE_PRIORITY_COUNT];
    uint32_t job_count;
    uint64_t case_count;
};

struct parcel *parcel_new(void);
void parcel_unref(struct parcel **parcel);

/* job_new takes a reference of its own to the parcel. */
struct job *job_new(struct parcel *parcel, const struct wire_delivery *delivery);
void job_free(struct job **job);
struct wire_range job_range(const struct job *job);

void inbox_put(struct inbox *inbox, struct job *job);
/* inbox_peek is the next job, NULL when empty; inbox_take takes it out. */
struct job *inbox_peek(const struct inbox *inbox);
struct job *inbox_take(struct inbox *inbox);
/* inbox_has finds a delivery that is held already (a broker may send it again). */
bool inbox_has(const struct inbox *inbox, const struct wire_range *range);

#endif
