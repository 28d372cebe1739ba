/* Reading the core: statistics, and the check of every invariant. */
#include "broker/core_priv.h"

#include "base/mem.h"

void core_stats(const struct core *core, int64_t now, struct core_stats *stats) {
    *stats = core->counters;
    stats->batches = core->by_seq.count + core->packed.count;
    stats->packed = core->packed.count;
    stats->lanes = core->lane_count;
    stats->sources = core->source_count;
    core_oldest_stats(core, now, stats);
    core_canary_stats(core, now, stats);
    stats->retry_ms = core_retry_next_ms(core);
    stats->accepting = core->accepting;
    stats->dispatching = core->dispatching;
    stats->stopped = core->stopped;
}

bool core_lane_view(const struct core *core, uint32_t index, int64_t now,
                    struct core_lane_view *view) {
    if (index >= core->lane_count) {
        return false;
    }
    const struct core_lane *lane = core->lanes[index];
    *view = (struct core_lane_view){.uuid = lane->uuid,
                                    .name = lane->name,
                                    .phase = lane->phase,
                                    .credit_cases = lane->credit_cases,
                                    .held_cases = lane->held_cases,
                                    .credit_bytes = lane->credit_bytes,
                                    .held_bytes = lane->held_bytes,
                                    .done = lane->done,
                                    .seen_ms = now - lane->received_at,
                                    .retiring = lane->retiring};
    return true;
}

struct sums {
    uint64_t queued, delayed, out;
    uint32_t delayed_parts, pieces;
    uint32_t done; /* of the batch being looked at */
};

static void check_progress(const struct core_part *part) {
    uint32_t cases = 0;
    for (const struct core_progress *a = part->progress; a != NULL; a = a->next) {
        CHECK(a->count > 0 && a->first >= part->first);
        CHECK(a->first + a->count <= part->first + part->count);
        cases += a->count;
        for (const struct core_progress *b = a->next; b != NULL; b = b->next) {
            CHECK(a->first + a->count <= b->first || b->first + b->count <= a->first);
        }
    }
    CHECK(cases == part->progress_cases && cases < part->count);
}

static void check_part(const struct core *core, const struct core_part *part, struct sums *sums) {
    const struct core_batch *batch = part->batch;
    check_progress(part);
    CHECK((part->lane != NULL) == (part->state == PART_OUT));
    switch ((enum part_state)part->state) {
    case PART_QUEUED:
        CHECK(part->failures > 0 || core->sources[batch->source]->in_ring[batch->priority]);
        sums->queued += part->count;
        break;
    case PART_DELAYED:
        CHECK(part->due.index < core->delayed.len);
        CHECK(core->delayed.nodes[part->due.index] == &part->due);
        sums->delayed += part->count;
        sums->delayed_parts++;
        break;
    case PART_OUT:
        CHECK(batch->dealt);
        sums->out += part->count;
        break;
    case PART_DONE:
        CHECK(part->progress == NULL && part->pieces == NULL);
        sums->done += part->count;
        break;
    case PART_PARKED:
        CHECK(batch->state == BATCH_QUARANTINED);
        break;
    case PART_NEW:
    case PART_SPLIT:
        UNREACHABLE();
    }
}

/* The pieces of a part that was cut cover it, and one is not done. */
static void check_pieces(const struct core *core, const struct core_part *whole,
                         struct sums *sums) {
    uint32_t cases = whole->first;
    uint32_t left = 0;
    CHECK(whole->progress == NULL && whole->lane == NULL);
    for (uint32_t i = 0; i < whole->piece_count; i++) {
        const struct core_part *piece = &whole->pieces[i];
        CHECK(piece->whole == whole && piece->batch == whole->batch && piece->first == cases);
        cases += piece->count;
        left += piece->state == PART_DONE ? 0 : 1;
        sums->pieces++;
        if (piece->state == PART_SPLIT) {
            check_pieces(core, piece, sums);
        } else {
            check_part(core, piece, sums);
        }
    }
    CHECK(cases == whole->first + whole->count && left == whole->pieces_left && left > 0);
}

static void check_batch(const struct core *core, const struct core_batch *batch,
                        struct sums *sums) {
    uint32_t cases = 0;
    uint32_t bytes = batch->parts[0].offset;
    sums->done = 0;
    for (uint32_t i = 0; i < batch->part_count; i++) {
        const struct core_part *part = &batch->parts[i];
        CHECK(part->batch == batch && part->first == cases && part->offset == bytes);
        cases += part->count;
        bytes += part->length;
        if (part->state == PART_SPLIT) {
            check_pieces(core, part, sums);
        } else {
            check_part(core, part, sums);
        }
    }
    uint32_t done = sums->done;
    CHECK(cases == batch->count && bytes == batch->bytes && done == batch->done_cases);
    CHECK(batch->state == BATCH_PENDING || done < batch->count);
    CHECK(core_find_seq(core, batch->seq) == batch);
    struct core_name name = core_name_of(batch->source, &batch->id);
    CHECK(core_find_name(core, &name) == batch);
    uint64_t counted = batch->counts.dead_count;
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        counted += batch->counts.outcomes[i];
    }
    CHECK(counted == done);
}

static uint32_t check_list(const struct part_list *list, enum part_state state, uint64_t *cases,
                           uint64_t *bytes) {
    const struct core_part *previous = NULL;
    uint32_t parts = 0;
    for (const struct core_part *part = list->first; part != NULL; part = part->next) {
        CHECK(part->prev == previous && part->state == state);
        *cases += part->count;
        *bytes += part->length;
        previous = part;
        parts++;
    }
    CHECK(list->last == previous);
    return parts;
}

static uint64_t suspected(const struct core *core, uint32_t source, int priority) {
    uint64_t cases = 0;
    for (const struct core_part *part = core->suspects.first; part != NULL; part = part->next) {
        CHECK(part->failures > 0);
        bool here = part->batch->source == source && part->batch->priority == priority;
        cases += here ? part->count : 0;
    }
    return cases;
}

void core_check(const struct core *core) {
    struct sums sums = {0};
    uint32_t batches = 0;
    uint32_t *live = mem_zero(core->source_count + 1U, sizeof(*live));
    heap_check(&core->live);
    heap_check(&core->delayed);
    for (uint32_t i = 0; i < core->live.len; i++) {
        const struct core_batch *batch = core_live_batch(core->live.nodes[i]);
        CHECK(core->live.nodes[i]->key == batch->seq);
        check_batch(core, batch, &sums);
        live[batch->source]++;
        batches++;
    }
    CHECK(batches == core->by_seq.count && batches == core->by_name.count);
    CHECK(sums.delayed == core->counters.delayed_cases && sums.delayed_parts == core->delayed.len);
    CHECK(sums.out == core->counters.out_cases);
    CHECK(sums.pieces == core->piece_count && sums.pieces <= CORE_PIECES_MAX);
    struct packed_sums packed = {0};
    uint64_t queued = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < core->source_count; i++) {
        for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
            const struct part_queue *queue = &core->sources[i]->queue[priority];
            uint64_t here = suspected(core, i, priority);
            const struct packed_sums before = packed;
            (void)check_list(&queue->front, PART_QUEUED, &here, &bytes);
            (void)check_list(&queue->tail, PART_QUEUED, &here, &bytes);
            uint64_t maps = here;
            (void)check_list(&core->sources[i]->rows[priority], PART_QUEUED, &here, &bytes);
            rows += here - maps;
            packed_check(core, queue, &packed);
            for (uint32_t k = 0; k < queue->len; k++) {
                (void)check_list(&queue->chunks[queue->head + k]->unpacked, PART_QUEUED, &here,
                                 &bytes);
            }
            here += packed.cases - before.cases;
            live[i] += packed.batches - before.batches;
            CHECK(here == core->sources[i]->queued_cases[priority]);
            CHECK(here == 0 || core->sources[i]->in_ring[priority] ||
                  suspected(core, i, priority) > 0);
            queued += here;
        }
    }
    core_sources_check(core, live);
    mem_free(live);
    CHECK(packed.batches == core->packed.count);
    CHECK(queued == sums.queued + packed.cases && queued == core->counters.queued_cases);
    for (const struct core_part *part = core->suspects.first; part != NULL; part = part->next) {
        rows += part->batch->is_rows ? part->count : 0;
    }
    CHECK(rows == core->counters.queued_rows);
    uint64_t suspects = 0;
    (void)check_list(&core->suspects, PART_QUEUED, &suspects, &bytes);
    CHECK(core->on_trial == NULL || core->on_trial->state == PART_OUT);
    uint32_t lanes_rows = 0;
    for (uint32_t i = 0; i < core->lane_count; i++) {
        uint64_t held = 0;
        uint64_t held_bytes = 0;
        uint32_t parts = check_list(&core->lanes[i]->held, PART_OUT, &held, &held_bytes);
        CHECK(parts == core->lanes[i]->held_parts);
        CHECK(held == core->lanes[i]->held_cases && held_bytes == core->lanes[i]->held_bytes);
        lanes_rows += core->lanes[i]->takes_rows ? 1 : 0;
    }
    CHECK(lanes_rows == core->counters.lanes_rows);
}
