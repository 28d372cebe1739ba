/* The journals. Puts and deletes are in a group until the disk has synced it. A crash before
 * that keeps the group or loses it, never half of it, and may damage a record. A disk that
 * failed confirms nothing until the broker restarts. */
#include "base/mem.h"
#include "sim/world.h"

enum {
    SEQ_GAP =
        1000, /* above the numbers that any run can have used before its first put was durable */
    WEIGHT_RUNS =
        4 /* one run of so many is without weights: the journal has more sources than places */
};

struct sim_record *record_of(struct sim_broker *broker, uint64_t seq) {
    for (uint32_t i = broker->record_count; i-- > 0;) {
        if (broker->records[i].seq == seq) {
            return &broker->records[i];
        }
    }
    return NULL;
}

static struct sim_record *record_add(struct sim_broker *broker) {
    MEM_ROOM(broker->records, broker->record_count, broker->record_cap, 64);
    struct sim_record *record = &broker->records[broker->record_count++];
    *record = (struct sim_record){0};
    return record;
}

struct sim_record *disk_put(struct sim_broker *broker, uint64_t seq, uint32_t batch,
                            int64_t accepted_at) {
    CHECK(record_of(broker, seq) == NULL); /* a sequence number is never used again */
    struct sim_record *record = record_add(broker);
    record->seq = seq;
    record->batch = (uint16_t)batch;
    record->accepted_at = accepted_at;
    record->queued = true;
    broker->live++;
    return record;
}

/* As if the body had been dropped for lack of memory: of some, and of all that wait behind one. */
static void pack(struct sim_broker *broker, uint64_t seq) {
    if (seq % 3 != 0 || core_queue_has_packed(broker->core, seq)) {
        core_pack(broker->core, seq, NULL);
    }
}

static void put_fails(struct world *world, struct sim_broker *broker, struct sim_record *record,
                      enum wire_busy reason) {
    record->queued = false;
    record->deleted = true;
    record->delete_durable = true;
    broker->live--;
    book_close(record);
    core_put_failed(broker->core, record->seq, reason);
    perform(world, broker);
}

static void group_fails(struct world *world, struct sim_broker *broker, enum wire_busy reason) {
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        struct sim_record *record = &broker->records[i];
        if (!record->durable && record->queued && !record->deleted) {
            put_fails(world, broker, record, reason);
        }
    }
}

static void delete_all(struct sim_broker *broker) {
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        broker->records[i].delete_durable = broker->records[i].deleted;
    }
    while (broker->oldest < broker->record_count &&
           broker->records[broker->oldest].delete_durable) {
        broker->oldest++;
    }
}

/* One group: deletes first, then puts, in order. */
void disk_sync(struct world *world, struct sim_broker *broker) {
    if (broker->stopped) {
        group_fails(world, broker, WIRE_BUSY_STOPPED);
        return;
    }
    delete_all(broker);
    if (fault(world, FAULT_DISK_FULL)) {
        trace(world, "broker %u: the disk is full", broker->index);
        broker->full = true;
        group_fails(world, broker, WIRE_BUSY_JOURNAL_FULL);
        broker->full = false;
        return;
    }
    uint32_t end = broker->record_count;
    for (uint32_t i = broker->oldest; i < end; i++) {
        struct sim_record *record = &broker->records[i];
        if (!record->durable && record->queued && !record->deleted) {
            record->durable = true;
            broker->next_seq = record->seq + 1;
            trace(world, "broker %u: batch %u is durable, seq %llu", broker->index, record->batch,
                  (unsigned long long)record->seq);
            core_journaled(broker->core, record->seq);
            perform(world, broker);
            CHECK(broker->records[i].must_accept == 0);
            pack(broker, broker->records[i].seq);
        }
    }
}

void disk_step(struct world *world, struct sim_broker *broker) {
    if (!broker->stopped && fault(world, FAULT_DISK_FAILS)) {
        trace(world, "broker %u: the disk fails for good", broker->index);
        broker->stopped = true;
        core_stop(broker->core);
    }
    if (!fault(world, FAULT_DISK_SLOW)) {
        disk_sync(world, broker);
    }
}

static void restore(struct world *world, struct sim_broker *broker, struct sim_record *record) {
    const struct sim_batch *batch = &world->batches[record->batch];
    uint32_t cuts[CORE_PARTS_MAX];
    struct core_batch_meta meta;
    char source[8];
    batch_meta(batch, record->accepted_at, cuts, source, &meta);
    core_restore(broker->core, record->seq, &meta, world->now);
    pack(broker, record->seq);
    book_open(record, batch->count);
    broker->live++;
    if (fault(world, FAULT_DISK_DAMAGE)) {
        disk_damage(world, broker, record);
    }
}

/* The record is found damaged when it is read. */
void disk_damage(struct world *world, struct sim_broker *broker, struct sim_record *record) {
    trace(world, "broker %u: seq %llu is damaged", broker->index, (unsigned long long)record->seq);
    record->quarantined = true;
    record->accepted = false; /* the disk broke this promise: QUERY reports it */
    record->may_done = 0;
    core_quarantine(broker->core, record->seq);
    perform(world, broker);
    record->must_done = 0;
}

void broker_start(struct world *world, struct sim_broker *broker) {
    broker->next_seq += SEQ_GAP;
    broker->stopped = false;
    broker->paused = false;
    broker->ticked = 0;
    broker->proved = broker->asked = 0;
    broker->live = 0;
    broker->run++;
    broker->placed = true;
    struct core_options options = {.journal = broker->journal,
                                   .next_seq = broker->next_seq,
                                   .batches_max = LIVE_MAX,
                                   .attempts_max = ATTEMPTS_MAX,
                                   .recent_max = 8,
                                   .sources_max = world->places,
                                   .beat_ms = BEAT_MS,
                                   .silent_ms = SILENT_MS,
                                   .results_bytes_max = UINT64_MAX / 2,
                                   .canary_ms = CANARY_MS};
    broker->core = core_new(&options);
    broker->keeps = broker->run % WEIGHT_RUNS != 0 ? 1U << 1 : 0;
    if (broker->keeps != 0) {
        core_source_weight(broker->core, SPAN_LIT("s1"), 3);
    }
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        struct sim_record *record = &broker->records[i];
        if (!record->delete_durable) {
            restore(world, broker, record);
        }
    }
    struct core_stats stats;
    core_stats(broker->core, world->now, &stats);
    uint32_t most = world->places + (uint32_t)__builtin_popcount(broker->keeps);
    broker->places = stats.sources > most ? stats.sources : most;
    broker->room = UINT64_MAX;
}

/* kill -9, or a power cut: the group that was not synced is kept or lost as a whole. */
void broker_crash(struct world *world, struct sim_broker *broker, bool kept) {
    trace(world, "broker %u crashes; what was not synced is %s", broker->index,
          kept ? "kept" : "lost");
    kept = kept && !broker->stopped;
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        struct sim_record *record = &broker->records[i];
        book_close(record);
        record->must_accept = record->must_done = record->may_done = 0;
        record->quarantined = false;
        if (record->deleted && !record->delete_durable) {
            record->deleted = record->delete_durable = kept || !record->durable;
        }
        if (!record->durable && !record->deleted) {
            record->durable = kept;
            record->deleted = record->delete_durable = !kept;
            broker->next_seq = kept ? record->seq + 1 : broker->next_seq;
        }
    }
    book_crash(broker);
    core_free(&broker->core);
    broker_start(world, broker);
}
