/* A FIFO per priority. */
#include "worker/inbox.h"

#include "base/mem.h"

struct parcel *parcel_new(void) {
    struct parcel *parcel = mem_zero(1, sizeof(*parcel));
    parcel->refs = 1;
    arena_init(&parcel->arena, 8U << 20);
    return parcel;
}

void parcel_unref(struct parcel **parcel) {
    struct parcel *gone = *parcel;
    *parcel = NULL;
    if (gone != NULL && --gone->refs == 0) {
        net_message_close(&gone->message);
        arena_free(&gone->arena);
        mem_free(gone);
    }
}

struct job *job_new(struct parcel *parcel, const struct wire_delivery *delivery) {
    struct job *job = mem_zero(1, sizeof(*job));
    job->parcel = parcel;
    job->delivery = delivery;
    parcel->refs++;
    return job;
}

void job_free(struct job **job) {
    if (*job != NULL) {
        parcel_unref(&(*job)->parcel);
        mem_free(*job);
        *job = NULL;
    }
}

struct wire_range job_range(const struct job *job) {
    return (struct wire_range){.journal = job->journal,
                               .seq = job->delivery->seq,
                               .first = job->delivery->first,
                               .count = job->delivery->count};
}

void inbox_put(struct inbox *inbox, struct job *job) {
    enum wire_priority priority = job->delivery->priority;
    CHECK(priority < WIRE_PRIORITY_COUNT);
    job->next = NULL;
    if (inbox->last[priority] == NULL) {
        inbox->first[priority] = job;
    } else {
        inbox->last[priority]->next = job;
    }
    inbox->last[priority] = job;
    inbox->job_count++;
    inbox->case_count += job->delivery->count;
}

struct job *inbox_peek(const struct inbox *inbox) {
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        if (inbox->first[priority] != NULL) {
            return inbox->first[priority];
        }
    }
    return NULL;
}

struct job *inbox_take(struct inbox *inbox) {
    struct job *job = inbox_peek(inbox);
    if (job == NULL) {
        return NULL;
    }
    enum wire_priority priority = job->delivery->priority;
    inbox->first[priority] = job->next;
    if (job->next == NULL) {
        inbox->last[priority] = NULL;
    }
    job->next = NULL;
    inbox->job_count--;
    inbox->case_count -= job->delivery->count;
    return job;
}

bool inbox_has(const struct inbox *inbox, const struct wire_range *range) {
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        for (const struct job *job = inbox->first[priority]; job != NULL; job = job->next) {
            if (job->delivery->seq == range->seq && job->delivery->first == range->first &&
                uuid_eq(&job->journal, &range->journal)) {
                return true;
            }
        }
    }
    return false;
}
