/* The oldest batch that lives, packed or not, and when it was accepted: what was accepted before is
 * done. */
#include "broker/core_priv.h"

/* False: no batch lives. */
static bool find_oldest(const struct core *core, struct core_oldest *oldest) {
    bool found = packed_oldest(core, oldest);
    struct heap_node *first = heap_first(&core->live);
    if (first != NULL && (!found || first->key < oldest->seq)) {
        const struct core_batch *batch = core_live_batch(first);
        *oldest = (struct core_oldest){batch->seq, batch->accepted_at, batch->since};
    }
    return found || first != NULL;
}

/* While the clock only moves forward, the oldest batch was accepted first.  One that was accepted
 * "before" the newest shows that the clock was set back; until all that came before it are done,
 * the lowest such time is the limit. */
void core_note_accepted(struct core *core, uint64_t seq, int64_t accepted_at) {
    struct core_oldest oldest;
    if (accepted_at < core->newest_at && find_oldest(core, &oldest)) {
        bool is_over = oldest.seq >= core->dip_seq;
        core->dip_at = is_over || accepted_at < core->dip_at ? accepted_at : core->dip_at;
        core->dip_seq = seq;
    }
    core->newest_at = accepted_at;
}

void core_oldest_stats(const struct core *core, int64_t now, struct core_stats *stats) {
    struct core_oldest oldest;
    if (!find_oldest(core, &oldest)) {
        stats->low_water = core->next_seq;
        return;
    }
    bool dips = oldest.seq < core->dip_seq && core->dip_at < oldest.accepted_at;
    stats->oldest_ms = now - oldest.since;
    stats->low_water = oldest.seq;
    stats->low_water_at = dips ? core->dip_at : oldest.accepted_at;
}
