/* The sources: each has a slot, its index, for as long as it has a batch of any kind. A new name
 * takes over the slot of the source that has been idle longest. Sources with a weight of their own
 * keep their slots, which are not counted.  What the journal holds at start gets a slot in any
 * case.  Every naming has a number that no other has: what outlives the batches goes by that. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { SOURCES_FIRST = 16 };

void core_ring_append(struct core *core, struct core_source *source, uint32_t priority) {
    struct core_level *level = &core->levels[priority];
    source->ring_next[priority] = NULL;
    *(level->first == NULL ? &level->first : &level->last->ring_next[priority]) = source;
    level->last = source;
}

static void idle_append(struct core *core, struct core_source *source) {
    source->idle_prev = core->idle_last;
    source->idle_next = NULL;
    *(core->idle_last == NULL ? &core->idle_first : &core->idle_last->idle_next) = source;
    core->idle_last = source;
}

static void idle_remove(struct core *core, struct core_source *source) {
    *(source->idle_prev == NULL ? &core->idle_first : &source->idle_prev->idle_next) =
        source->idle_next;
    *(source->idle_next == NULL ? &core->idle_last : &source->idle_next->idle_prev) =
        source->idle_prev;
}

/* Most batches have the source of the batch before: it is tried before the table. */
uint32_t core_source_find(const struct core *core, struct span name) {
    if (core->source_last != NULL && span_is(name, core->source_last->name)) {
        return core->source_last->index;
    }
    for (struct table_node *node = table_first(&core->sources_by_name, hash64(name)); node != NULL;
         node = table_next(node)) {
        const struct core_source *source = CONTAINER_OF(node, struct core_source, by_name);
        if (span_is(name, source->name)) {
            return source->index;
        }
    }
    return UINT32_MAX;
}

static void give_name(struct core *core, struct core_source *source, struct span name) {
    source->name = mem_strndup((const char *)name.ptr, name.len);
    source->naming = ++core->namings;
    source->weight = 1;
    table_insert(&core->sources_by_name, &source->by_name, hash64(name));
    idle_append(core, source);
}

static struct core_source *source_new(struct core *core, struct span name) {
    MEM_ROOM(core->sources, core->source_count, core->source_cap, SOURCES_FIRST);
    struct core_source *source = mem_zero(1, sizeof(*source));
    source->index = core->source_count;
    core->sources[core->source_count++] = source;
    give_name(core, source, name);
    return source;
}

/* Its queues are empty and may stay in their rings; all else of the old source is cleared. */
static void take_over(struct core *core, struct core_source *source, struct span name) {
    CHECK(source->live == 0 && !source->is_kept);
    idle_remove(core, source);
    table_remove(&core->sources_by_name, &source->by_name);
    mem_free(source->name);
    memset(source->deficit, 0, sizeof(source->deficit));
    source->cases_accepted = 0;
    source->cases_done = 0;
    give_name(core, source, name);
    core->counters.sources_replaced++;
}

uint32_t core_source_claim(struct core *core, struct span name) {
    if (core->source_count - core->sources_kept < core->options.sources_max) {
        return source_new(core, name)->index;
    }
    struct core_source *idle = core->idle_first;
    if (idle == NULL) {
        return UINT32_MAX;
    }
    take_over(core, idle, name);
    return idle->index;
}

uint32_t core_source_must(struct core *core, struct span name) {
    uint32_t index = core_source_find(core, name);
    index = index == UINT32_MAX ? core_source_claim(core, name) : index;
    return index == UINT32_MAX ? source_new(core, name)->index : index;
}

void core_source_weight(struct core *core, struct span name, uint32_t weight) {
    CHECK(weight >= 1 && weight <= 100);
    uint32_t index = core_source_find(core, name);
    struct core_source *source =
        index == UINT32_MAX ? source_new(core, name) : core->sources[index];
    source->weight = weight;
    if (!source->is_kept) {
        source->is_kept = true;
        core->sources_kept++;
        if (source->live == 0) {
            idle_remove(core, source);
        }
    }
}

void core_source_joined(struct core *core, uint32_t index) {
    struct core_source *source = core->sources[index];
    core->source_last = source;
    if (source->live++ == 0 && !source->is_kept) {
        idle_remove(core, source);
    }
}

void core_source_left(struct core *core, uint32_t index) {
    struct core_source *source = core->sources[index];
    CHECK(source->live > 0);
    if (--source->live == 0 && !source->is_kept) {
        idle_append(core, source);
        core_retry_note_slot(core);
    }
}

bool core_source_view(const struct core *core, uint32_t index, struct core_source_view *view) {
    if (index >= core->source_count) {
        return false;
    }
    const struct core_source *source = core->sources[index];
    *view = (struct core_source_view){.name = source->name,
                                      .weight = source->weight,
                                      .cases_accepted = source->cases_accepted,
                                      .cases_done = source->cases_done};
    memcpy(view->queued_cases, source->queued_cases, sizeof(view->queued_cases));
    return true;
}

const char *core_source_name(const struct core *core, uint32_t index) {
    CHECK(index < core->source_count);
    return core->sources[index]->name;
}

void core_sources_init(struct core *core) {
    if (core->options.sources_max == 0) {
        core->options.sources_max = CORE_SOURCES_MAX;
    }
    table_init(&core->sources_by_name);
}

void core_sources_fini(struct core *core) {
    for (uint32_t i = 0; i < core->source_count; i++) {
        mem_free(core->sources[i]->name);
        mem_free(core->sources[i]);
    }
    mem_free(core->sources);
    table_fini(&core->sources_by_name);
}

/* A source is in a ring once. */
static void check_ring(const struct core *core, int priority) {
    const struct core_level *level = &core->levels[priority];
    uint32_t in_ring = 0;
    for (uint32_t i = 0; i < core->source_count; i++) {
        in_ring += core->sources[i]->in_ring[priority] ? 1 : 0;
    }
    for (const struct core_source *source = level->first; source != NULL;
         source = source->ring_next[priority]) {
        CHECK(source->in_ring[priority] && in_ring > 0);
        CHECK(source->ring_next[priority] != NULL || level->last == source);
        in_ring--;
    }
    CHECK(in_ring == 0);
}

void core_sources_check(const struct core *core, const uint32_t *live) {
    uint32_t kept = 0;
    uint32_t idle = 0;
    for (uint32_t i = 0; i < core->source_count; i++) {
        const struct core_source *source = core->sources[i];
        CHECK(source->index == i && source->live == live[i]);
        CHECK(core_source_find(core, span_str(source->name)) == i);
        CHECK(source->naming > 0 && source->naming <= core->namings);
        kept += source->is_kept ? 1 : 0;
        idle += source->is_kept || source->live > 0 ? 0 : 1;
    }
    CHECK(kept == core->sources_kept && core->sources_by_name.count == core->source_count);
    const struct core_source *previous = NULL;
    for (const struct core_source *source = core->idle_first; source != NULL;
         source = source->idle_next) {
        CHECK(source->idle_prev == previous && source->live == 0 && !source->is_kept && idle > 0);
        previous = source;
        idle--;
    }
    CHECK(core->idle_last == previous && idle == 0);
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        check_ring(core, priority);
    }
}
