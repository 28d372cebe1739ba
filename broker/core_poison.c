/* Deliveries that fail.  Whoever failed once goes alone from then on, one such at a time and to a
 * lane that holds nothing else, so that nothing else is blamed.  What fails alone is cut into
 * PIECES parts, each with its attempts before it, until a single case stands there; one that fails
 * alone attempts_max times is buried.  A part that was cut is a tree until its pieces are done;
 * then it is one part again. */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { PIECES = 16, REASON_BYTES_MAX = 64 };

struct core_part *core_leaf(struct core_batch *batch, uint32_t index) {
    struct core_part *part = &batch->parts[index / CORE_PART_CASES];
    while (part->state == PART_SPLIT) {
        part = &part->pieces[(index - part->first) / part->pieces[0].count];
    }
    return part;
}

struct core_part *core_leaf_after(const struct core_part *leaf) {
    uint32_t end = leaf->first + leaf->count;
    return end == leaf->batch->count ? NULL : core_leaf(leaf->batch, end);
}

static void free_pieces(struct core *core, struct core_part *part) {
    for (uint32_t i = 0; i < part->piece_count; i++) {
        core_part_fini(core, &part->pieces[i]);
    }
    core->piece_count -= part->piece_count;
    mem_free(part->pieces);
    part->pieces = NULL;
    part->piece_count = 0;
}

void core_part_fini(struct core *core, struct core_part *part) {
    core_progress_drop(part);
    free_pieces(core, part);
    mem_free(part->reason);
    part->reason = NULL;
}

void core_part_fold(struct core *core, struct core_part *part) {
    for (struct core_part *whole = part->whole; whole != NULL && --whole->pieces_left == 0;) {
        free_pieces(core, whole);
        whole->state = PART_DONE;
        whole = whole->whole;
    }
}

/* The pieces stand at the front of the queue, first case first. */
static void split(struct core *core, struct core_part *part) {
    uint32_t each = (part->count + PIECES - 1) / PIECES;
    uint32_t count = (part->count + each - 1) / each;
    part_move(core, part, PART_SPLIT);
    core_progress_drop(part);
    part->pieces = mem_zero(count, sizeof(*part->pieces));
    part->piece_count = (uint8_t)count;
    part->pieces_left = (uint8_t)count;
    core->piece_count += count;
    core->counters.parts_split++;
    for (uint32_t i = count; i-- > 0;) {
        struct core_part *piece = &part->pieces[i];
        uint32_t left = part->count - i * each;
        piece->batch = part->batch;
        piece->whole = part;
        piece->first = part->first + i * each;
        piece->count = left < each ? left : each;
        piece->offset = part->offset; /* where a case begins is for the caller to find */
        piece->length = part->length;
        piece->failures = 1; /* its whole's: it goes alone */
        piece->silences = part->silences > 0 ? 1 : 0;
        piece->taken_over = part->taken_over;
        part_move(core, piece, PART_QUEUED);
        part_queue_front(core, piece);
    }
}

static void note_reason(struct core_part *part, const struct span *reason) {
    if (reason == NULL) {
        part->silences++;
    } else if (part->count == 1) {
        size_t len = reason->len < REASON_BYTES_MAX ? reason->len : REASON_BYTES_MAX;
        mem_free(part->reason);
        part->reason = mem_strndup((const char *)reason->ptr, len);
    }
}

bool core_part_blame(struct core *core, struct core_part *part, const struct span *reason) {
    if (part->failures > 0 && !part->alone) {
        return false; /* others were with it: nothing is known */
    }
    part->failures++;
    note_reason(part, reason);
    bool given_up = part->failures == core->options.attempts_max + 1;
    core->counters.parts_exhausted += part->count == 1 && given_up ? 1 : 0;
    if (part->failures > 1 && part->count > 1 && core->piece_count <= CORE_PIECES_MAX - PIECES) {
        split(core, part);
        return true;
    }
    return false;
}

/* The first failure was in company. */
bool core_is_poison(const struct core *core, const struct core_part *part) {
    return part->count == 1 && part->failures > core->options.attempts_max;
}
