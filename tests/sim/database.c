/* The database: one row per case revision, written inside transactions that hold their rows
 * until they end. A lane that meets a row of another open transaction waits, as in PostgreSQL. */
#include "sim/world.h"

enum { BAD_EVERY = 23, POISON_EVERY = 4093, FROZEN_MS = 4000 };

struct sim_row *row_of(struct world *world, const struct sim_batch *batch, uint32_t index) {
    CHECK(index < batch->count);
    return &world->rows[(size_t)batch->source * SPACE + batch->first + index];
}

/* A case without a date of its own is decided by the day on which its batch was accepted. */
uint32_t disposition_of(const struct world *world, const struct sim_batch *batch, uint32_t index,
                        int64_t day) {
    uint32_t number = batch->first + index;
    uint32_t dated = number % 3 == 0 ? (uint32_t)day : 0;
    return (number * 7 + batch->version * 3U + dated + world->rules) % WIRE_DISPOSITIONS;
}

bool case_is_bad(const struct sim_batch *batch, uint32_t index) {
    return (batch->first + index + batch->version) % BAD_EVERY == BAD_EVERY - 1;
}

/* A lane that decodes it ends; in worlds that have such cases. */
bool case_is_poison(const struct world *world, const struct sim_batch *batch, uint32_t index) {
    return world->rates[FAULT_POISON] > 0 && (batch->first + index) % POISON_EVERY == 7;
}

/* It is not decoded: the lane looks for it, and otherwise it is a dead letter. */
static void bury_case(struct world *world, struct sim_piece *piece, uint32_t index) {
    const struct sim_batch *batch = &world->batches[piece->hold.batch];
    const struct sim_row *row = row_of(world, batch, index);
    if (row->owner == 0 && row->version == batch->version + 1) {
        piece->counts.outcomes[row->disposition]++;
        piece->counts.duplicates++;
    } else {
        piece->counts.dead_count++;
    }
}

/* False: the row belongs to another open transaction. */
static bool write_case(struct world *world, uint32_t lane, struct sim_piece *piece,
                       uint32_t index) {
    const struct sim_hold *hold = &piece->hold;
    const struct sim_batch *batch = &world->batches[hold->batch];
    struct sim_row *row = row_of(world, batch, index);
    if (hold->bury) {
        bury_case(world, piece, index);
    } else if (case_is_bad(batch, index)) {
        piece->counts.dead_count++;
    } else if (row->version == 0) {
        *row =
            (struct sim_row){.owner = (uint8_t)(lane + 1),
                             .version = (uint8_t)(batch->version + 1),
                             .disposition = (uint8_t)disposition_of(world, batch, index, hold->day),
                             .broker = hold->broker,
                             .buried = row->buried,
                             .seq = (uint32_t)hold->seq};
        piece->counts.outcomes[row->disposition]++;
    } else if (row->owner != 0 && row->owner != lane + 1) {
        return false;
    } else if (row->version == batch->version + 1) {
        piece->counts.outcomes[row->disposition]++;
        piece->counts.duplicates++;
        world->seen.duplicates++;
    } else {
        piece->counts.dead_count++;
    }
    return true;
}

bool txn_write(struct world *world, uint32_t lane, uint32_t cases_max) {
    struct sim_txn *txn = &world->lanes[lane].txn;
    CHECK(txn->state == TXN_WRITING);
    txn->touched = world->now;
    for (; txn->piece < txn->piece_count; txn->piece++) {
        struct sim_piece *piece = &txn->pieces[txn->piece];
        while (piece->written < piece->count) {
            if (cases_max-- == 0) {
                return false;
            }
            if (!write_case(world, lane, piece, piece->first + piece->written)) {
                txn->waits_since = txn->waits_since == 0 ? world->now : txn->waits_since;
                return false;
            }
            txn->waits_since = 0;
            piece->written++;
        }
    }
    return true;
}

/* Visits the rows that the open transaction of this lane has written. */
static void each_own(struct world *world, uint32_t lane, void (*visit)(struct sim_row *row)) {
    const struct sim_txn *txn = &world->lanes[lane].txn;
    for (uint32_t i = 0; i < txn->piece_count; i++) {
        const struct sim_piece *piece = &txn->pieces[i];
        const struct sim_batch *batch = &world->batches[piece->hold.batch];
        for (uint32_t at = 0; at < piece->written; at++) {
            struct sim_row *row = row_of(world, batch, piece->first + at);
            if (row->owner == lane + 1) {
                visit(row);
            }
        }
    }
}

static void row_commit(struct sim_row *row) { row->owner = 0; }
static void row_drop(struct sim_row *row) { *row = (struct sim_row){.buried = row->buried}; }

void txn_commit(struct world *world, uint32_t lane) {
    struct sim_txn *txn = &world->lanes[lane].txn;
    CHECK(txn->state == TXN_WRITING && !txn->ended);
    each_own(world, lane, row_commit);
    txn->state = TXN_COMMITTED;
    for (uint32_t i = 0; i < txn->piece_count; i++) {
        const struct sim_piece *piece = &txn->pieces[i];
        const struct sim_batch *batch = &world->batches[piece->hold.batch];
        if (piece->hold.bury && piece->counts.dead_count > 0) {
            row_of(world, batch, piece->first)->buried |= (uint8_t)(1U << batch->version);
            world->seen.buried++;
        }
    }
    trace(world, "lane %u commits", lane);
}

/* The rows are gone and the work is as before; the lane decides what to do with it. */
void txn_abort(struct world *world, uint32_t lane) {
    struct sim_txn *txn = &world->lanes[lane].txn;
    if (txn->state == TXN_WRITING) {
        each_own(world, lane, row_drop);
    }
    for (uint32_t i = 0; i < txn->piece_count; i++) {
        txn->pieces[i].written = 0;
        txn->pieces[i].counts = (struct wire_counts){0};
    }
    txn->piece = 0;
    txn->waits_since = 0;
}

void backend_end(struct world *world, const struct uuid *uuid) {
    for (uint32_t i = 0; i < LANES; i++) {
        struct sim_lane *lane = &world->lanes[i];
        if (uuid_eq(&lane->uuid, uuid) && lane->txn.state == TXN_WRITING && !lane->txn.ended) {
            trace(world, "the backend of lane %u is ended", i);
            txn_abort(world, i);
            lane->txn.ended = true;
            world->seen.fenced++;
        }
    }
}

/* It cannot distinguish a very slow lane from a frozen one; ending it is safe. */
void backends_end_frozen(struct world *world) {
    for (uint32_t i = 0; i < LANES; i++) {
        const struct sim_lane *lane = &world->lanes[i];
        if (lane->txn.state == TXN_WRITING && lane->txn.waits_since == 0 &&
            world->now - lane->txn.touched > FROZEN_MS) {
            struct uuid uuid = lane->uuid;
            backend_end(world, &uuid);
        }
    }
}
