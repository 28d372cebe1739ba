/* Sums of the results of cases, with the dead letters that are listed by name in receipts.
 * A dead entry is packed: index le32, then reason, path, expected, found, each le16 length + bytes.
 */
#include "broker/core_priv.h"

#include "base/mem.h"

enum { DEAD_TEXT_MAX = 1024 };

void core_tally_free(struct core_tally *tally) {
    buf_free(&tally->dead);
    *tally = (struct core_tally){.dead = BUF_EMPTY};
}

static size_t dead_entry_end(const struct buf *dead, size_t at) {
    at += 4;
    for (int field = 0; field < 4; field++) {
        at += 2U + get_le16(dead->ptr + at);
    }
    CHECK(at <= dead->len);
    return at;
}

void core_tally_add(struct core_tally *sum, const struct core_tally *more) {
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        sum->outcomes[i] += more->outcomes[i];
    }
    sum->duplicates += more->duplicates;
    sum->dead_count += more->dead_count;
    size_t end = 0;
    uint32_t taken = 0;
    while (taken < more->dead_listed && sum->dead_listed + taken < WIRE_DEAD_MAX) {
        end = dead_entry_end(&more->dead, end);
        taken++;
    }
    buf_append(&sum->dead, span_make(more->dead.ptr, end));
    sum->dead_listed += taken;
}

void core_tally_copy(struct core_tally *copy, const struct core_tally *tally) {
    *copy = *tally;
    copy->dead = BUF_EMPTY;
    buf_append(&copy->dead, buf_span(&tally->dead));
}

static void put_text(struct buf *dead, struct span text) {
    size_t len = text.len < DEAD_TEXT_MAX ? text.len : DEAD_TEXT_MAX;
    buf_le16(dead, (uint16_t)len);
    buf_append(dead, span_make(text.ptr, len));
}

void core_tally_from_wire(struct core_tally *tally, const struct wire_counts *wire,
                          const struct wire_range *range) {
    *tally = (struct core_tally){.dead = BUF_EMPTY};
    memcpy(tally->outcomes, wire->outcomes, sizeof(tally->outcomes));
    tally->duplicates = wire->duplicates;
    tally->dead_count = wire->dead_count;
    for (uint32_t i = 0; i < wire->dead_listed && i < WIRE_DEAD_MAX; i++) {
        const struct wire_dead *entry = &wire->dead[i];
        if (entry->index < range->first || entry->index - range->first >= range->count) {
            continue;
        }
        buf_le32(&tally->dead, entry->index);
        put_text(&tally->dead, entry->reason);
        put_text(&tally->dead, entry->path);
        put_text(&tally->dead, entry->expected);
        put_text(&tally->dead, entry->found);
        tally->dead_listed++;
    }
}

static struct span take_text(const struct buf *dead, size_t *at) {
    size_t len = get_le16(dead->ptr + *at);
    struct span text = span_make(dead->ptr + *at + 2, len);
    *at += 2 + len;
    return text;
}

const struct wire_dead *core_dead_view(const struct core_tally *tally, struct arena *arena) {
    struct wire_dead *entries = arena_zero(arena, tally->dead_listed + 1U, sizeof(*entries));
    size_t at = 0;
    for (uint32_t i = 0; entries != NULL && i < tally->dead_listed; i++) {
        entries[i].index = get_le32(tally->dead.ptr + at);
        at += 4;
        entries[i].reason = take_text(&tally->dead, &at);
        entries[i].path = take_text(&tally->dead, &at);
        entries[i].expected = take_text(&tally->dead, &at);
        entries[i].found = take_text(&tally->dead, &at);
    }
    return entries;
}

void core_progress_drop(struct core_part *part) {
    while (part->progress != NULL) {
        struct core_progress *progress = part->progress;
        part->progress = progress->next;
        core_tally_free(&progress->tally);
        mem_free(progress);
    }
    part->progress_cases = 0;
}
