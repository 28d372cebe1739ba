/* The batches that are not packed, as a heap by sequence number: the oldest is always known. */
#include "broker/core_priv.h"

#include "base/mem.h"

static void place(struct core *core, struct core_batch *batch, uint32_t index) {
    core->live[index] = batch;
    batch->live_index = index;
}

static void settle(struct core *core, struct core_batch *batch, uint32_t index) {
    while (index > 0 && core->live[(index - 1) / 2]->seq > batch->seq) {
        place(core, core->live[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    for (;;) {
        uint32_t child = index * 2 + 1;
        if (child + 1 < core->live_len && core->live[child + 1]->seq < core->live[child]->seq) {
            child++;
        }
        if (child >= core->live_len || core->live[child]->seq >= batch->seq) {
            break;
        }
        place(core, core->live[child], index);
        index = child;
    }
    place(core, batch, index);
}

void core_live_add(struct core *core, struct core_batch *batch) {
    if (core->live_len == core->live_cap) {
        core->live_cap = core->live_cap == 0 ? 64 : core->live_cap * 2;
        core->live = mem_grow(core->live, core->live_cap, sizeof(struct core_batch *));
    }
    settle(core, batch, core->live_len++);
}

void core_live_remove(struct core *core, struct core_batch *batch) {
    uint32_t index = batch->live_index;
    CHECK(index < core->live_len && core->live[index] == batch);
    struct core_batch *last = core->live[--core->live_len];
    if (last != batch) {
        settle(core, last, index);
    }
}
