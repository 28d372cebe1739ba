/* Counts of the results of cases, with the dead letters that are listed by name in receipts.
 * A dead entry is packed: index le32, then reason, path, expected, found, each le16 length + bytes.
 */
#include "broker/core_priv.h"

#include "base/mem.h"
#include "wire/results.h"

enum { DEAD_TEXT_MAX = 1024 };

static void free_runs(struct core *core, struct core_counts *counts) {
    if (counts->runs != NULL) {
        core->results_bytes -= counts->runs->bytes.len;
        buf_free(&counts->runs->bytes);
        mem_free(counts->runs);
    }
}

static void put_runs(struct core *core, struct core_counts *counts, struct span bytes,
                     uint32_t cases) {
    if (counts->runs == NULL) {
        counts->runs = mem_zero(1, sizeof(*counts->runs));
    }
    buf_append(&counts->runs->bytes, bytes);
    counts->runs->cases += cases;
    core->results_bytes += bytes.len;
}

/* What does not fit is left out; a batch without all of them has none for its client. */
static void add_runs(struct core *core, struct core_counts *sum, struct span bytes,
                     uint32_t cases) {
    size_t held = sum->runs == NULL ? 0 : sum->runs->bytes.len;
    if (core->results_bytes + bytes.len <= core->options.results_bytes_max &&
        held + bytes.len <= WIRE_RESULTS_BYTES_MAX) {
        put_runs(core, sum, bytes, cases);
    }
}

void core_counts_free_lists(struct core *core, struct core_counts *counts) {
    buf_free(&counts->dead);
    free_runs(core, counts);
    *counts = (struct core_counts){.dead = BUF_EMPTY};
}

static size_t dead_entry_end(const struct buf *dead, size_t at) {
    at += 4;
    for (int field = 0; field < 4; field++) {
        at += 2U + get_le16(dead->ptr + at);
    }
    CHECK(at <= dead->len);
    return at;
}

void core_counts_add(struct core *core, struct core_counts *sum, struct core_counts *more) {
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
    if (sum->runs == NULL) {
        sum->runs = more->runs;
        more->runs = NULL;
    } else if (more->runs != NULL) {
        add_runs(core, sum, buf_span(&more->runs->bytes), more->runs->cases);
    }
}

void core_counts_copy(struct core_counts *copy, const struct core_counts *counts) {
    *copy = *counts;
    copy->dead = BUF_EMPTY;
    copy->runs = NULL;
    buf_append(&copy->dead, buf_span(&counts->dead));
}

void core_counts_copy_runs(struct core *core, struct core_counts *copy,
                           const struct core_runs *runs) {
    add_runs(core, copy, buf_span(&runs->bytes), runs->cases);
}

static void put_text(struct buf *dead, struct span text) {
    size_t len = text.len < DEAD_TEXT_MAX ? text.len : DEAD_TEXT_MAX;
    buf_le16(dead, (uint16_t)len);
    buf_append(dead, span_make(text.ptr, len));
}

void core_counts_from_wire(struct core *core, struct core_counts *counts,
                           const struct wire_counts *wire, struct span results,
                           const struct wire_range *range) {
    *counts = (struct core_counts){.dead = BUF_EMPTY};
    if (results.len > 0 && results_is_run(results, range->first, range->count)) {
        add_runs(core, counts, results, range->count);
    }
    memcpy(counts->outcomes, wire->outcomes, sizeof(counts->outcomes));
    counts->duplicates = wire->duplicates;
    counts->dead_count = wire->dead_count;
    for (uint32_t i = 0; i < wire->dead_listed && i < WIRE_DEAD_MAX; i++) {
        const struct wire_dead *entry = &wire->dead[i];
        if (entry->index < range->first || entry->index - range->first >= range->count) {
            continue;
        }
        buf_le32(&counts->dead, entry->index);
        put_text(&counts->dead, entry->reason);
        put_text(&counts->dead, entry->path);
        put_text(&counts->dead, entry->expected);
        put_text(&counts->dead, entry->found);
        counts->dead_listed++;
    }
}

static struct span take_text(const struct buf *dead, size_t *at) {
    size_t len = get_le16(dead->ptr + *at);
    struct span text = span_make(dead->ptr + *at + 2, len);
    *at += 2 + len;
    return text;
}

const struct wire_dead *core_dead_view(const struct core_counts *counts, struct arena *arena) {
    struct wire_dead *entries = arena_zero(arena, counts->dead_listed + 1U, sizeof(*entries));
    size_t at = 0;
    for (uint32_t i = 0; entries != NULL && i < counts->dead_listed; i++) {
        entries[i].index = get_le32(counts->dead.ptr + at);
        at += 4;
        entries[i].reason = take_text(&counts->dead, &at);
        entries[i].path = take_text(&counts->dead, &at);
        entries[i].expected = take_text(&counts->dead, &at);
        entries[i].found = take_text(&counts->dead, &at);
    }
    return entries;
}

void core_progress_free(struct core *core, struct core_part *part) {
    while (part->progress != NULL) {
        struct core_progress *progress = part->progress;
        part->progress = progress->next;
        core_counts_free(core, &progress->counts);
        mem_free(progress);
    }
    part->progress_cases = 0;
}
