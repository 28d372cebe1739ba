/* Deliveries that fail. A part that failed once is dispatched alone from then on, one at a time and
 * to a lane that holds nothing else, so that no other part is suspected. A part that fails alone is
 * cut into PIECES parts with new attempts, until each is a single case. A case that fails alone
 * attempts_max times is buried. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { PIECES = 16, REASON_BYTES_MAX = 64 };

static void note_reason(struct core_part *part, const struct span *reason) {
    if (reason == NULL) {
        part->silences++;
    } else if (part->count == 1) {
        size_t len = reason->len < REASON_BYTES_MAX ? reason->len : REASON_BYTES_MAX;
        mem_free(part->reason);
        part->reason = mem_strndup((const char *)reason->ptr, len);
    }
}

bool core_part_count_failure(struct core *core, struct core_part *part, const struct span *reason) {
    if (part->failures > 0 && !part->alone) {
        return false; /* others were with it: nothing is known */
    }
    part->failures++;
    note_reason(part, reason);
    bool given_up = part->failures == core->options.attempts_max + 1;
    core->counters.parts_exhausted += part->count == 1 && given_up ? 1 : 0;
    if (part->failures > 1 && part->count > 1 && core->piece_count <= CORE_PIECES_MAX - PIECES) {
        part_split(core, part, PIECES);
        return true;
    }
    return false;
}

/* The first failure was in company. */
bool core_is_poison(const struct core *core, const struct core_part *part) {
    return part->count == 1 && part->failures > core->options.attempts_max;
}
