/* Looks batches and lanes up, for the log and for operators.  Changes nothing: a packed batch stays
 * packed. */
#include "broker/core_priv.h"

bool core_label(const struct core *core, uint64_t seq, struct core_label *label) {
    const struct core_batch *batch = core_find_seq(core, seq);
    struct packed_ref ref = packed_find_seq(core, seq);
    if (batch == NULL && ref.chunk == NULL) {
        return false;
    }
    label->batch = batch != NULL ? batch->id : ref.chunk->slots[ref.slot].id;
    label->source = core_source_name(core, batch != NULL ? batch->source : ref.chunk->source);
    return true;
}

bool core_lane_of(const struct core *core, const struct net_route *route, struct uuid *lane) {
    for (uint32_t i = 0; i < core->lane_count; i++) {
        if (net_route_eq(&core->lanes[i]->route, route)) {
            *lane = core->lanes[i]->uuid;
            return true;
        }
    }
    return false;
}

bool core_has_source(const struct core *core, struct span name) {
    return core_source_find(core, name) != UINT32_MAX;
}

static const char *const PART_WORDS[] = {
    [PART_NEW] = "pending",       [PART_QUEUED] = "queued",  [PART_DELAYED] = "delayed",
    [PART_OUT] = "in_flight",     [PART_DONE] = "committed", [PART_PARKED] = "parked",
    [PART_SPLIT] = "unreachable", /* its pieces are shown */
};
_Static_assert(COUNT_OF(PART_WORDS) == PART_STATES, "a word for each state");

static const char *state_word(const struct core_batch *batch) {
    return batch->state == BATCH_PENDING       ? "pending"
           : batch->state == BATCH_QUARANTINED ? "quarantined"
           : batch->dealt                      ? "working"
                                               : "queued";
}

static void trace_parts(struct core_batch *batch, struct core_trace *trace) {
    for (const struct core_part *part = core_leaf(batch, 0); part != NULL;
         part = core_leaf_after(part)) {
        if (trace->part_count < CORE_TRACE_PARTS) {
            struct core_trace_part *shown = &trace->parts[trace->part_count];
            *shown = (struct core_trace_part){.first = part->first,
                                              .count = part->count,
                                              .attempt = part->failures + 1,
                                              .state = PART_WORDS[part->state],
                                              .has_lane = part->lane != NULL};
            if (part->lane != NULL) {
                shown->lane = part->lane->uuid;
            }
        }
        trace->part_count++;
    }
}

static void trace_packed(struct packed_ref ref, struct core_trace *trace) {
    const struct packed_batch *entry = &ref.chunk->slots[ref.slot];
    trace->state = "queued";
    trace->seq = ref.chunk->seq + entry->after;
    trace->cases = (uint32_t)(entry->accepted % CORE_PART_CASES) + 1;
    trace->accepted_at = (int64_t)(entry->accepted / CORE_PART_CASES);
    trace->priority = ref.chunk->priority;
    trace->part_count = 1;
    trace->parts[0] = (struct core_trace_part){
        .count = trace->cases, .attempt = 1, .state = PART_WORDS[PART_QUEUED]};
}

static bool trace_of_source(const struct core *core, uint32_t source, const struct uuid *id,
                            struct core_trace *trace) {
    struct core_name name = core_name_of(source, id);
    struct packed_ref ref = packed_find_name(core, &name);
    struct core_batch *batch = core_find_name(core, &name);
    const struct core_recent *recent = core_find_recent(core, source, id);
    *trace = (struct core_trace){.source = core_source_name(core, source)};
    if (ref.chunk != NULL) {
        trace_packed(ref, trace);
    } else if (batch != NULL) {
        trace->state = state_word(batch);
        trace->seq = batch->seq;
        trace->cases = batch->count;
        trace->accepted_at = batch->accepted_at;
        trace->priority = batch->priority;
        trace->done_cases = batch->done_cases;
        trace_parts(batch, trace);
    } else if (recent != NULL) {
        trace->state = "done";
        trace->cases = recent->count;
        trace->accepted_at = recent->accepted_at;
        trace->duplicates = recent->duplicates;
        trace->dead = recent->dead_count;
    }
    return trace->state != NULL;
}

bool core_trace(const struct core *core, const struct uuid *batch, uint32_t *index,
                struct core_trace *trace) {
    while (*index < core->source_count) {
        if (trace_of_source(core, (*index)++, batch, trace)) {
            return true;
        }
    }
    return false;
}
