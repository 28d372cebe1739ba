/* A FIFO per priority, and the index: chains by hash, with at least as many slots as jobs. */
#include "worker/inbox.h"

#include "base/buf.h"
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

enum { SLOTS_MIN = 64 };

static struct job **slot_of(const struct inbox *inbox, const struct uuid *journal, uint64_t seq,
                            uint32_t first) {
    uint64_t mixed = (get_le64(journal->bytes) ^ seq ^ (uint64_t)first << 32) * 0x9e3779b97f4a7c15U;
    return &inbox->slots[mixed >> 32 & (inbox->slot_count - 1)];
}

static void index_insert(struct inbox *inbox, struct job *job) {
    struct job **slot = slot_of(inbox, &job->journal, job->delivery->seq, job->delivery->first);
    job->same = *slot;
    *slot = job;
}

static void index_grow(struct inbox *inbox) {
    struct job **old = inbox->slots;
    uint32_t old_count = inbox->slot_count;
    inbox->slot_count = old_count == 0 ? SLOTS_MIN : old_count * 2;
    inbox->slots = mem_zero(inbox->slot_count, sizeof(struct job *));
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct job *job = old[i]; job != NULL;) {
            struct job *same = job->same;
            index_insert(inbox, job);
            job = same;
        }
    }
    mem_free(old);
}

static void index_add(struct inbox *inbox, struct job *job) {
    if (inbox->held_count == inbox->slot_count) {
        index_grow(inbox);
    }
    index_insert(inbox, job);
    job->holder = inbox;
    inbox->held_count++;
}

static void index_remove(struct job *job) {
    struct inbox *inbox = job->holder;
    struct job **at = slot_of(inbox, &job->journal, job->delivery->seq, job->delivery->first);
    while (*at != job) {
        CHECK(*at != NULL);
        at = &(*at)->same;
    }
    *at = job->same;
    job->holder = NULL;
    inbox->held_count--;
}

void inbox_fini(struct inbox *inbox) {
    CHECK(inbox->held_count == 0);
    mem_free(inbox->slots);
    *inbox = (struct inbox){0};
}

void job_free(struct job **job) {
    if (*job != NULL) {
        if ((*job)->holder != NULL) {
            index_remove(*job);
        }
        parcel_unref(&(*job)->parcel);
        case_columns_unref(&(*job)->columns);
        buf_free(&(*job)->maps);
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
    if (job->holder == NULL) {
        index_add(inbox, job);
    }
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
    if (inbox->held_count == 0) {
        return false;
    }
    for (const struct job *job = *slot_of(inbox, &range->journal, range->seq, range->first);
         job != NULL; job = job->same) {
        if (job->delivery->seq == range->seq && job->delivery->first == range->first &&
            uuid_eq(&job->journal, &range->journal)) {
            return true;
        }
    }
    return false;
}
