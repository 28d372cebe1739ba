/* The transaction's bookkeeping. */
#include "worker/txn.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM_FIRST = 64 }; /* elements of each array */

static void free_maps(struct txn *txn, uint32_t from) {
    for (uint32_t i = from; i < txn->map_count; i++) {
        buf_free(&txn->maps[i]);
    }
    txn->map_count = from;
}

void txn_reset(struct txn *txn) {
    free_maps(txn, 0);
    txn->job_count = 0;
    txn->case_count = 0;
    txn->dead_count = 0;
    txn->dead_written = 0;
    buf_clear(&txn->rows);
    buf_clear(&txn->details);
}

void txn_swap(struct txn *a, struct txn *b) {
    struct txn kept = *a;
    *a = *b;
    *b = kept;
}

struct txn_mark txn_mark(const struct txn *txn) {
    return (struct txn_mark){.jobs = txn->job_count,
                             .cases = txn->case_count,
                             .dead = txn->dead_count,
                             .maps = txn->map_count,
                             .rows = txn->rows.len,
                             .details = txn->details.len};
}

void txn_rewind(struct txn *txn, const struct txn_mark *mark) {
    CHECK(mark->jobs <= txn->job_count);
    CHECK(mark->cases <= txn->case_count);
    CHECK(mark->maps <= txn->map_count);
    free_maps(txn, mark->maps);
    txn->job_count = mark->jobs;
    txn->case_count = mark->cases;
    txn->dead_count = mark->dead;
    txn->rows.len = mark->rows;
    txn->details.len = mark->details;
}

void txn_free(struct txn *txn) {
    free_maps(txn, 0);
    mem_free(txn->maps);
    mem_free(txn->jobs);
    mem_free(txn->job_sources);
    mem_free(txn->cases);
    mem_free(txn->dead);
    mem_free(txn->letters);
    buf_free(&txn->rows);
    buf_free(&txn->details);
    *txn = (struct txn){0};
}

uint32_t txn_add_job(struct txn *txn, struct job *job, int16_t source) {
    uint32_t cap = txn->job_cap;
    MEM_ROOM(txn->jobs, txn->job_count, txn->job_cap, ROOM_FIRST);
    if (txn->job_cap != cap) {
        txn->job_sources = mem_grow(txn->job_sources, txn->job_cap, sizeof(*txn->job_sources));
    }
    txn->jobs[txn->job_count] = job;
    txn->job_sources[txn->job_count] = source;
    return txn->job_count++;
}

struct txn_case *txn_add_case(struct txn *txn) {
    MEM_ROOM(txn->cases, txn->case_count, txn->case_cap, ROOM_FIRST);
    struct txn_case *added = &txn->cases[txn->case_count];
    *added = (struct txn_case){.position = txn->case_count};
    txn->case_count++;
    return added;
}

/* A row is hashed and stored as the map that a client would send without names. */
static struct span self_contained(struct txn *txn, const struct job *job, struct span body) {
    if (job->columns == NULL) {
        return body;
    }
    MEM_ROOM(txn->maps, txn->map_count, txn->map_cap, ROOM_FIRST);
    struct buf *map = &txn->maps[txn->map_count++];
    *map = BUF_EMPTY;
    enum err err = case_row_to_map(job->columns, body, map);
    CHECK(err == ERR_OK); /* it was decoded */
    return buf_span(map);
}

struct txn_dead *txn_add_dead(struct txn *txn, uint32_t job, uint32_t index, const char *reason,
                              struct span body) {
    CHECK(job < txn->job_count);
    body = self_contained(txn, txn->jobs[job], body);
    MEM_ROOM(txn->dead, txn->dead_count, txn->dead_cap, ROOM_FIRST);
    struct txn_dead *added = &txn->dead[txn->dead_count++];
    *added = (struct txn_dead){.job = job,
                               .index = index,
                               .reason = reason,
                               .body = body,
                               .raw_hash = hash128(body),
                               .received_at = txn->jobs[job]->delivery->accepted_at,
                               .revision = CASE_REVISION_UNREAD,
                               .source = txn->job_sources[job]};
    return added;
}

struct txn_dead *txn_add_dead_case(struct txn *txn, const struct txn_case *dead,
                                   const char *reason) {
    struct txn_dead *added = txn_add_dead(txn, dead->job, dead->index, reason, dead->body);
    added->source = dead->source;
    added->case_id = dead->case_id;
    added->revision = dead->revision;
    added->received_at = dead->received_at;
    added->digest = dead->digest;
    added->has_digest = true;
    return added;
}

void txn_note_letter(struct txn *txn, int64_t letter) {
    CHECK(txn->case_count > 0);
    if (txn->letter_cap < txn->case_cap) {
        txn->letter_cap = txn->case_cap;
        txn->letters = mem_grow(txn->letters, txn->letter_cap, sizeof(*txn->letters));
    }
    txn->letters[txn->case_count - 1] = letter;
}

int txn_key_cmp(const struct txn_case *a, const struct txn_case *b) {
    if (a->source != b->source) {
        return a->source < b->source ? -1 : 1;
    }
    int order = span_cmp(a->case_id, b->case_id);
    if (order != 0) {
        return order;
    }
    return (a->revision > b->revision) - (a->revision < b->revision);
}

static int by_key_and_position(const void *a, const void *b) {
    const struct txn_case *left = a;
    const struct txn_case *right = b;
    int order = txn_key_cmp(left, right);
    return order != 0 ? order
                      : (left->position > right->position) - (left->position < right->position);
}

/* Large batches are mostly sorted already. */
static bool is_sorted(const struct txn *txn) {
    for (uint32_t i = 1; i < txn->case_count; i++) {
        if (by_key_and_position(&txn->cases[i - 1], &txn->cases[i]) > 0) {
            return false;
        }
    }
    return true;
}

void txn_sort(struct txn *txn) {
    if (!is_sorted(txn)) {
        qsort(txn->cases, txn->case_count, sizeof(*txn->cases), by_key_and_position);
    }
}

uint32_t txn_group_end(const struct txn *txn, uint32_t at) {
    uint32_t end = at + 1;
    while (end < txn->case_count && txn_key_cmp(&txn->cases[at], &txn->cases[end]) == 0) {
        end++;
    }
    return end;
}

static void digest_text(struct hash128 digest, char text[UUID_TEXT_BYTES]) {
    struct uuid uuid;
    memcpy(uuid.bytes, digest.bytes, sizeof(uuid.bytes));
    uuid_format(&uuid, text);
}

static void add_conflict(struct txn *txn, const struct txn_case *sent, struct hash128 stored) {
    struct txn_dead *dead = txn_add_dead_case(txn, sent, "conflict");
    char text[UUID_TEXT_BYTES];
    digest_text(stored, text);
    (void)snprintf(dead->expected, sizeof(dead->expected), "%s", text);
    digest_text(sent->digest, text);
    (void)snprintf(dead->found, sizeof(dead->found), "%s", text);
    (void)snprintf(dead->path, sizeof(dead->path), "digest");
}

void txn_settle_group(struct txn *txn, uint32_t from, uint32_t end,
                      const struct txn_stored *stored) {
    for (uint32_t i = from; i < end; i++) {
        struct txn_case *sent = &txn->cases[i];
        if (hash128_eq(sent->digest, stored->digest)) {
            sent->verdict = TXN_DUPLICATE;
            sent->stored = stored->disposition;
            sent->stored_detail = stored->detail;
        } else {
            sent->verdict = TXN_DEAD;
            add_conflict(txn, sent, stored->digest);
        }
    }
}

void txn_settle_behind(struct txn *txn, uint32_t from, uint32_t end) {
    const struct txn_case *leader = &txn->cases[from - 1];
    const struct txn_stored stored = {leader->digest, leader->disposition, leader->detail};
    txn_settle_group(txn, from, end, &stored);
}

bool txn_wants_results(const struct txn *txn, uint32_t from, uint32_t end) {
    for (uint32_t i = from; i < end; i++) {
        if (txn->jobs[txn->cases[i].job]->results) {
            return true;
        }
    }
    return false;
}

/* Room for the lists: each job's dead letters, up to the limit of the wire. */
static enum err list_dead(const struct txn *txn, struct arena *arena, struct wire_counts *counts) {
    for (uint32_t i = 0; i < txn->dead_count; i++) {
        counts[txn->dead[i].job].dead_count++;
    }
    struct wire_dead **lists = arena_zero(arena, txn->job_count + 1, sizeof(struct wire_dead *));
    if (lists == NULL) {
        return ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < txn->dead_count; i++) {
        const struct txn_dead *dead = &txn->dead[i];
        struct wire_counts *of_job = &counts[dead->job];
        uint32_t room = of_job->dead_count < WIRE_DEAD_MAX ? of_job->dead_count : WIRE_DEAD_MAX;
        if (lists[dead->job] == NULL) {
            lists[dead->job] = arena_zero(arena, room, sizeof(struct wire_dead));
            of_job->dead = lists[dead->job];
            if (of_job->dead == NULL) {
                return ERR_TOO_LARGE;
            }
        }
        if (of_job->dead_listed < room) {
            lists[dead->job][of_job->dead_listed++] =
                (struct wire_dead){.index = dead->index,
                                   .reason = span_str(dead->reason),
                                   .path = span_str(dead->path),
                                   .expected = span_str(dead->expected),
                                   .found = span_str(dead->found)};
        }
    }
    return ERR_OK;
}

enum err txn_counts(const struct txn *txn, struct arena *arena, struct wire_counts *counts) {
    for (uint32_t i = 0; i < txn->job_count; i++) {
        counts[i] = (struct wire_counts){0};
    }
    for (uint32_t i = 0; i < txn->case_count; i++) {
        const struct txn_case *settled = &txn->cases[i];
        struct wire_counts *of_job = &counts[settled->job];
        CHECK(settled->verdict != TXN_PENDING);
        if (settled->verdict == TXN_WRITTEN) {
            of_job->outcomes[settled->disposition]++;
        } else if (settled->verdict == TXN_DUPLICATE) {
            of_job->outcomes[settled->stored]++;
            of_job->duplicates++;
        }
    }
    return list_dead(txn, arena, counts);
}
