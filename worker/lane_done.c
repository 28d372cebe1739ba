/* DONE: the result of the jobs of a committed transaction, to the broker of each, with those of
 * single cases in its body frame. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/mem.h"

enum { DONE_RANGES_MAX = 2048 };

/* How many of the transaction's jobs, from `from`, fit into one DONE: each listed dead letter needs
 * room, and both frames are bounded. */
static uint32_t done_chunk(const struct lane *lane, uint32_t from,
                           const struct wire_counts *counts) {
    uint32_t end = from;
    uint32_t listed = 0;
    uint64_t bytes = 0;
    while (end < lane->writing.job_count && end - from < DONE_RANGES_MAX &&
           (end == from || (listed + counts[end].dead_listed <= WIRE_DEAD_MAX &&
                            bytes + counts[end].results_bytes <= DETAILS_BYTES_MAX))) {
        listed += counts[end].dead_listed;
        bytes += counts[end].results_bytes;
        end++;
    }
    return end;
}

/* Ranges, counts and results of one broker's jobs among [from, end); *at is where the results of
 * job `from` begin. */
static void send_done_to(struct lane *lane, uint32_t link, const struct wire_counts *counts,
                         uint32_t from, uint32_t end, size_t at) {
    const struct txn *txn = &lane->writing;
    struct buf body = BUF_EMPTY;
    struct wire_range *ranges = mem_zero(end - from, sizeof(*ranges));
    struct wire_counts *verdicts = mem_zero(end - from, sizeof(*verdicts));
    uint32_t count = 0;
    for (uint32_t i = from; i < end; i++) {
        if (txn->jobs[i]->link == link) {
            ranges[count] = job_range(txn->jobs[i]);
            verdicts[count++] = counts[i];
            buf_append(&body, span_make(lane->results.ptr + at, counts[i].results_bytes));
        }
        at += counts[i].results_bytes;
    }
    if (count > 0 || lane->links[link].canary) {
        struct wire_message message = {
            .command = WIRE_LANE_DONE,
            .lane_done = {.range_count = count, .ranges = ranges, .verdicts = verdicts}};
        lane_send_with(lane, link, &message, buf_span(&body));
        lane->links[link].canary = false;
    }
    buf_free(&body);
    mem_free(ranges);
    mem_free(verdicts);
}

void lane_send_done(struct lane *lane) {
    struct txn *txn = &lane->writing;
    struct arena lists;
    arena_init(&lists, (size_t)64 << 20);
    struct wire_counts *counts = mem_zero(txn->job_count, sizeof(*counts));
    enum err err = txn_counts(txn, &lists, counts);
    CHECK(err == ERR_OK); /* the arena has room for all lists of one transaction */
    lane_count_committed(lane, counts, clock_mono_ns() - lane->writing_ns);
    buf_clear(&lane->results);
    details_write(txn, &lane->results_writer, &lane->results, counts);
    uint32_t from = 0;
    size_t at = 0;
    do { /* also once without jobs, for a waiting canary */
        uint32_t end = done_chunk(lane, from, counts);
        for (uint32_t i = 0; i < lane->link_count; i++) {
            send_done_to(lane, i, counts, from, end, at);
        }
        while (from < end) {
            at += counts[from++].results_bytes;
        }
    } while (from < txn->job_count);
    for (uint32_t i = 0; i < txn->job_count; i++) {
        job_free(&txn->jobs[i]);
    }
    mem_free(counts);
    arena_free(&lists);
    txn_reset(txn);
}
