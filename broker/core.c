/* Batches: how they come in, become durable, are answered for and leave.
 * ACCEPTED is emitted by core_journaled or for what is durable already, nowhere else (P1); DELETE
 * by core_batch_settle when every case is committed and the put is over (P5). */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { RETRY_STOPPED_MS = 5000, RETRY_RATE_MS = 200 };

struct core *core_new(const struct core_options *options) {
    CHECK(options->next_seq > 0);
    CHECK(options->beat_ms > 0);
    struct core *core = mem_zero(1, sizeof(*core));
    core->options = *options;
    core->next_seq = options->next_seq;
    core->room_bytes = UINT64_MAX;
    core->accepting = true;
    core->dispatching = true;
    arena_init(&core->action_routes, SIZE_MAX);
    table_init(&core->by_seq);
    table_init(&core->by_name);
    packed_init(core);
    core_sources_init(core);
    core->lanes = mem_zero(CORE_LANES_MAX, sizeof(struct core_lane *));
    uint32_t recent_max = options->recent_max;
    core_recents_init(&core->recents, recent_max == 0 ? CORE_RECENT_MAX : recent_max);
    return core;
}

void core_set_journal(struct core *core, const struct uuid *journal, uint64_t next_seq) {
    CHECK(core->live.len == 0 || core->live.nodes[core->live.len - 1]->key < next_seq);
    core->options.journal = *journal;
    core->next_seq = next_seq;
}

void core_free(struct core **held) {
    struct core *core = *held;
    if (core == NULL) {
        return;
    }
    core_actions_clear(core);
    while (core->live.len > 0) {
        core_batch_forget(core, core_live_batch(core->live.nodes[core->live.len - 1]));
    }
    packed_fini(core);
    for (uint32_t i = 0; i < core->lane_count; i++) {
        core_route_drop(core, &core->lanes[i]->route);
        mem_free(core->lanes[i]);
    }
    core_sources_fini(core);
    core_recents_fini(&core->recents);
    mem_free(core->lanes);
    heap_fini(&core->delayed);
    heap_fini(&core->live);
    mem_free(core->actions);
    CHECK(core->route_bytes == 0);
    CHECK(core->results_bytes == 0);
    arena_free(&core->action_routes);
    table_fini(&core->by_seq);
    table_fini(&core->by_name);
    mem_free(core);
    *held = NULL;
}

void core_each_tag(const struct core *core, void (*visit)(void *tag, void *context),
                   void *context) {
    for (uint32_t i = 0; i < core->live.len; i++) {
        visit(core_live_batch(core->live.nodes[i])->tag, context);
    }
}

void *core_tag(const struct core *core, uint64_t seq) {
    const struct core_batch *batch = core_find_seq(core, seq);
    return batch == NULL ? NULL : batch->tag;
}

struct core_batch *core_batch_of(struct core *core, uint64_t seq) {
    struct core_batch *batch = core_find_seq(core, seq);
    if (batch != NULL) {
        return batch;
    }
    struct packed_ref ref = packed_find_seq(core, seq);
    return ref.chunk == NULL ? NULL : packed_unpack(core, ref);
}

static struct core_batch *add(struct core *core, const struct core_batch_meta *meta,
                              const struct core_name *name, uint64_t seq) {
    core_note_accepted(core, seq, meta->accepted_at);
    core_source_joined(core, name->source);
    struct core_batch *batch = core_batch_new(core, meta, name, seq);
    for (uint32_t i = 0; i < batch->part_count; i++) {
        part_queue_last(core, &batch->parts[i]);
    }
    return batch;
}

/* Out of every queue and every lane. */
static void park(struct core *core, struct core_batch *batch) {
    for (struct core_part *part = core_leaf(batch, 0); part != NULL; part = core_leaf_after(part)) {
        if (part->state != PART_PARKED && part->state != PART_DONE) {
            part_park(core, part);
        }
    }
}

static void batch_remove(struct core *core, struct core_batch *batch) {
    park(core, batch);
    struct core_action *action = core_emit(core, CORE_RELEASE);
    action->seq = batch->seq;
    action->tag = batch->tag;
    core_source_left(core, batch->source);
    core_batch_forget(core, batch);
}

static void emit_busy(struct core *core, const struct net_route *route, const struct uuid *id,
                      enum wire_busy reason, int64_t retry_ms) {
    struct core_action *action = core_emit_to(core, CORE_BUSY, route);
    action->batch = *id;
    action->busy.reason = reason;
    action->busy.retry_ms = retry_ms;
    core->counters.batches_busy++;
}

void core_turn_away(struct core *core, const struct net_route *route, const struct uuid *batch,
                    int64_t retry_ms) {
    emit_busy(core, route, batch, WIRE_BUSY_RATE, retry_ms);
}

static void emit_accepted(struct core *core, const struct core_batch *batch,
                          const struct core_waiter *waiter) {
    CHECK(batch->state == BATCH_DURABLE);
    struct core_action *action = core_emit_to(core, CORE_ACCEPTED, &waiter->route);
    action->batch = batch->id;
    action->seq = batch->seq;
    action->duplicate = waiter->duplicate;
}

static bool gets_one_reply(const struct net_route *route) {
    return route->delimited || route->channel == CORE_CHANNEL_OPERATOR;
}

static void join(struct core *core, struct core_batch *batch, const struct net_route *route,
                 enum wire_ack ack, bool duplicate) {
    struct core_waiter *waiter =
        core_route_fits(core, route) ? core_waiter_add(core, batch, route) : NULL;
    if (waiter == NULL) {
        emit_busy(core, route, &batch->id, WIRE_BUSY_RATE, RETRY_RATE_MS);
        return;
    }
    waiter->duplicate = duplicate;
    bool both = !gets_one_reply(route);
    waiter->want_accepted = both || ack == WIRE_ACK_JOURNAL;
    waiter->want_done = both || ack == WIRE_ACK_OUTCOME;
    if (batch->state == BATCH_DURABLE && waiter->want_accepted) {
        waiter->want_accepted = false;
        emit_accepted(core, batch, waiter);
    }
}

static void emit_refused(struct core *core, const struct net_route *route, const struct uuid *id,
                         enum wire_reason reason) {
    struct core_action *action = core_emit_to(core, CORE_REFUSED, route);
    action->batch = *id;
    action->reason = reason;
    core->counters.batches_refused++;
}

/* A resend of what is damaged in the journal takes its place. */
static void replace_quarantined(struct core *core, struct core_batch *old) {
    CHECK(old->state == BATCH_QUARANTINED);
    core_emit(core, CORE_DELETE)->seq = old->seq;
    batch_remove(core, old);
}

/* The batch of that name, unpacked if it was packed. */
static struct core_batch *batch_named(struct core *core, const struct core_name *name) {
    struct core_batch *batch = core_find_name(core, name);
    if (batch != NULL) {
        return batch;
    }
    struct packed_ref ref = packed_find_name(core, name);
    return ref.chunk == NULL ? NULL : packed_unpack(core, ref);
}

uint64_t core_submit(struct core *core, const struct net_route *route,
                     const struct core_batch_meta *meta, int64_t now) {
    uint32_t source = core_source_find(core, meta->source);
    struct core_name name = core_name_of(source, &meta->batch);
    struct core_batch *old = source == UINT32_MAX ? NULL : batch_named(core, &name);
    if (old != NULL && old->state != BATCH_QUARANTINED) {
        if (!hash128_eq(old->hash, meta->hash) || old->work_hash != meta->work_hash ||
            old->count != meta->count) {
            emit_refused(core, route, &meta->batch, WIRE_REASON_BATCH_ID_REUSED);
            return 0;
        }
        core->counters.batches_duplicate++;
        join(core, old, route, meta->ack, true);
        return 0;
    }
    if (core->stopped || !core->accepting) {
        emit_busy(core, route, &meta->batch, WIRE_BUSY_STOPPED, RETRY_STOPPED_MS);
        return 0;
    }
    if (!core_route_fits(core, route)) {
        emit_busy(core, route, &meta->batch, WIRE_BUSY_RATE, RETRY_RATE_MS);
        return 0;
    }
    if (core->by_seq.count + core->packed.count >= core->options.batches_max) {
        emit_busy(core, route, &meta->batch, WIRE_BUSY_QUEUE_FULL, core_retry_batch_ms(core));
        return 0;
    }
    if (source == UINT32_MAX) {
        name = core_name_of(core_source_claim(core, meta->source), &meta->batch);
    }
    if (name.source == UINT32_MAX) {
        emit_busy(core, route, &meta->batch, WIRE_BUSY_QUEUE_FULL, core_retry_slot_ms(core));
        return 0;
    }
    if (old != NULL) {
        replace_quarantined(core, old);
    }
    struct core_batch *batch = add(core, meta, &name, core->next_seq++);
    batch->since = now;
    join(core, batch, route, meta->ack, false);
    return batch->seq;
}

void core_restore(struct core *core, uint64_t seq, const struct core_batch_meta *meta,
                  int64_t now) {
    CHECK(seq < core->next_seq);
    struct core_name name = core_name_of(core_source_must(core, meta->source), &meta->batch);
    struct core_batch *batch = add(core, meta, &name, seq);
    batch_make_durable(batch);
    batch->since = now;
}

static struct core_action *emit_status(struct core *core, const struct net_route *route,
                                       const struct uuid *id) {
    struct core_action *action = core_emit_to(core, CORE_STATUS, route);
    action->batch = *id;
    return action;
}

void core_query(struct core *core, const struct net_route *route, struct span source_name,
                const struct uuid *id) {
    uint32_t source = core_source_find(core, source_name);
    struct core_name name = core_name_of(source, id);
    struct packed_ref ref =
        source == UINT32_MAX ? (struct packed_ref){NULL, 0} : packed_find_name(core, &name);
    if (ref.chunk != NULL && (route->delimited || packed_wait(core, ref, route))) {
        emit_status(core, route, id)->done.state = WIRE_STATE_ACCEPTED;
        return; /* it stays packed for that */
    }
    struct core_batch *batch = source == UINT32_MAX ? NULL : batch_named(core, &name);
    struct core_action *action = emit_status(core, route, id);
    action->done.state = WIRE_STATE_UNKNOWN;
    if (batch != NULL && batch->state == BATCH_QUARANTINED) {
        action->done.state = WIRE_STATE_QUARANTINED;
    } else if (batch != NULL && batch->state == BATCH_DURABLE) {
        action->done.state = batch->dealt ? WIRE_STATE_WORKING : WIRE_STATE_ACCEPTED;
        if (!route->delimited && core_route_fits(core, route)) {
            core_wait_done(core, batch, route);
        }
    } else if (batch == NULL && source != UINT32_MAX) {
        const struct core_recent *recent = core_find_recent(core, source, id);
        if (recent != NULL) {
            action->done.state = WIRE_STATE_DONE;
            action->done.count = recent->count;
            memcpy(action->done.counts.outcomes, recent->outcomes, sizeof(recent->outcomes));
            action->done.counts.duplicates = recent->duplicates;
            action->done.counts.dead_count = recent->dead_count;
        }
    }
}

/* Every case is committed and the put is over: receipts, then out of the journal. */
void core_batch_settle(struct core *core, struct core_batch *batch) {
    if (batch->state != BATCH_DURABLE || batch->done_cases < batch->count) {
        return;
    }
    const struct core_runs *given = NULL; /* to the first who requested them, uncopied */
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->want_done) {
            struct core_action *action = core_emit_to(core, CORE_DONE, &waiter->route);
            action->batch = batch->id;
            action->seq = batch->seq;
            action->done.count = batch->count;
            core_counts_copy(&action->done.counts, &batch->counts);
            if (waiter->route.channel == CORE_CHANNEL_RESULTS && given != NULL) {
                core_counts_copy_runs(core, &action->done.counts, given);
            } else if (waiter->route.channel == CORE_CHANNEL_RESULTS) {
                action->done.counts.runs = batch->counts.runs;
                given = batch->counts.runs;
                batch->counts.runs = NULL;
            }
        }
    }
    core->counters.batches_done++;
    core_retry_note_batch(core, batch->bytes);
    core_remember_done(core, batch);
    struct core_action *action = core_emit(core, CORE_DELETE);
    action->seq = batch->seq;
    action->accepted_at = batch->accepted_at;
    batch_remove(core, batch);
}

void core_journaled(struct core *core, uint64_t seq) {
    struct core_batch *batch = core_find_seq(core, seq);
    CHECK(batch != NULL);
    batch_make_durable(batch);
    core->counters.batches_accepted++;
    core->counters.cases_accepted += batch->count;
    core->sources[batch->source]->cases_accepted += batch->count;
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->want_accepted) {
            waiter->want_accepted = false;
            emit_accepted(core, batch, waiter);
        }
    }
    core_batch_settle(core, batch);
}

void core_put_failed(struct core *core, uint64_t seq, enum wire_busy reason) {
    struct core_batch *batch = core_find_seq(core, seq);
    CHECK(batch != NULL);
    CHECK(batch->state == BATCH_PENDING);
    CHECK(reason == WIRE_BUSY_JOURNAL_FULL || reason == WIRE_BUSY_STOPPED);
    bool full = reason == WIRE_BUSY_JOURNAL_FULL;
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->want_accepted || waiter->want_done) {
            emit_busy(core, &waiter->route, &batch->id, reason,
                      full ? core_retry_bytes_ms(core, batch->bytes) : RETRY_STOPPED_MS);
        }
    }
    batch_remove(core, batch);
}

void core_stop(struct core *core) { core->stopped = true; }
void core_set_accepting(struct core *core, bool accepting) { core->accepting = accepting; }
void core_set_dispatching(struct core *core, bool dispatching) { core->dispatching = dispatching; }

void core_quarantine(struct core *core, uint64_t seq) {
    struct core_batch *batch = core_batch_of(core, seq);
    if (batch == NULL || batch->state != BATCH_DURABLE) {
        return; /* a pending one is still whole in memory */
    }
    batch_quarantine(batch);
    /* A REQ waits for its one reply and cannot ask: BUSY makes it send again, which heals. */
    for (struct core_waiter *waiter = batch->waiters; waiter != NULL; waiter = waiter->next) {
        if (gets_one_reply(&waiter->route) && waiter->want_done) {
            waiter->want_done = false;
            emit_busy(core, &waiter->route, &batch->id, WIRE_BUSY_STOPPED, RETRY_STOPPED_MS);
        }
    }
    core->counters.batches_quarantined++;
    park(core, batch);
}
