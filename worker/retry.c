/* Mode retry: dead letters again, by their numbers.  The bytes come from PostgreSQL, the case keeps
 * its source, and it is decided for the time at which the dead letter was received.  It takes the
 * path of intake.  If it gets an outcome, or has one, the same transaction resolves the dead
 * letter; if it fails again, the dead letter counts once more.  If it cannot be retried, the retry
 * itself becomes a dead letter:
 *
 *   not_a_letter    the value is no number
 *   no_such_letter  the dead letter was dropped
 *   not_allowed     lanes have no right to dead letters (sql/roles.sql)
 *   not_a_case      its bytes are no case */
#include "worker/lane_priv.h"

#include "base/mem.h"
#include "casedoc/column.h"
#include "wire/walk.h"
#include "worker/work_read.h"

#include <inttypes.h>

enum { READ_LETTERS_MAX = 64 };

/* Columns of the one query, in its order. */
enum column { COLUMN_NUMBER, COLUMN_SOURCE, COLUMN_RECEIVED_AT, COLUMN_BODY };

struct letter {
    int64_t dead;
    uint32_t index; /* in its batch */
    struct span raw;
};

void lane_forget_letters(struct lane *lane) {
    for (uint32_t i = 0; i < lane->letter_results; i++) {
        db_result_free(&lane->letters[i]);
    }
    mem_free(lane->letters);
    lane->letters = NULL;
    lane->letter_results = 0;
}

/* Asked first: a refused statement would cost the lane its connection. */
#define MAY_RETRY                                                                                  \
    "SELECT has_column_privilege('dead_letters', 'body', 'SELECT') AND "                           \
    "has_column_privilege('dead_letters', 'dead', 'SELECT') AND "                                  \
    "has_column_privilege('dead_letters', 'first_seen_at', 'SELECT') AND "                         \
    "has_column_privilege('dead_letters', 'received_at', 'SELECT') AND "                           \
    "has_column_privilege('dead_letters', 'resolved_at', 'SELECT') AND "                           \
    "has_column_privilege('dead_letters', 'resolved_at', 'UPDATE') AND "                           \
    "has_column_privilege('dead_letters', 'resolved_by', 'UPDATE')"

static enum err read_letters(struct lane *lane, const struct letter *letters, uint32_t count,
                             struct db_result **rows) {
    struct buf sql = BUF_EMPTY;
    buf_str(&sql, "SELECT t.nr, d.source, coalesce(d.received_at, d.first_seen_at), d.body FROM "
                  "(VALUES ");
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&sql, i == 0 ? "(%u, %" PRId64 "::bigint)" : ", (%u, %" PRId64 ")", i,
                   letters[i].dead);
    }
    buf_str(&sql, ") AS t (nr, dead) LEFT JOIN dead_letters d ON d.dead = t.dead");
    enum err err = lane_read(lane, buf_cstr(&sql), rows);
    buf_free(&sql);
    err = err == ERR_OK ? db_expect(*rows, "* 4 2? 8? x?", NULL) : err;
    if (err != ERR_OK) {
        db_result_free(rows);
        return err;
    }
    lane->letters = mem_grow(lane->letters, lane->letter_results + 1, sizeof(struct db_result *));
    lane->letters[lane->letter_results++] = *rows;
    return db_rows(*rows) == count ? ERR_OK : ERR_BUSY;
}

static enum err retry_row(struct lane *lane, const struct letter *letter, uint32_t job,
                          const struct db_result *rows, uint32_t row) {
    struct txn *txn = &lane->txn;
    struct case_origin origin = {.job = job, .index = letter->index};
    struct span source = db_cell_span(rows, row, COLUMN_SOURCE);
    struct span body = db_cell_span(rows, row, COLUMN_BODY);
    if (source.len != 2 || column_read_time(db_cell_span(rows, row, COLUMN_RECEIVED_AT),
                                            &origin.received_at) != ERR_OK) {
        (void)txn_add_dead(txn, job, letter->index, "no_such_letter", letter->raw);
        return ERR_OK;
    }
    origin.source = (int16_t)get_be16(source.ptr);
    if (txn->jobs[job]->bury) {
        return lane_bury_case(lane, &origin, body);
    }
    uint32_t cases = txn->case_count;
    uint32_t dead = txn->dead_count;
    size_t at = 0;
    if (!lane_decide_case(lane, &origin, NULL, body, &at) || at != body.len) {
        txn->case_count = cases;
        txn->dead_count = dead;
        (void)txn_add_dead(txn, job, letter->index, "not_a_case", letter->raw);
    } else if (txn->case_count > cases) {
        txn_note_letter(txn, letter->dead);
    }
    return ERR_OK;
}

/* One query for all of them. */
static enum err retry_some(struct lane *lane, const struct letter *letters, uint32_t count,
                           uint32_t job) {
    struct db_result *rows = NULL;
    bool seen[READ_LETTERS_MAX] = {false};
    enum err err = read_letters(lane, letters, count, &rows);
    for (uint32_t row = 0; err == ERR_OK && row < count; row++) {
        uint32_t at = get_be32(db_cell_span(rows, row, COLUMN_NUMBER).ptr);
        if (at >= count || seen[at]) {
            err = ERR_CORRUPT; /* each dead letter has one row, or a case would get no outcome */
            break;
        }
        seen[at] = true;
        err = retry_row(lane, &letters[at], job, rows, row);
    }
    lane_beat_if_due(lane);
    return err;
}

enum err lane_retry(struct lane *lane, struct job *job, int16_t source) {
    const struct wire_delivery *delivery = job->delivery;
    struct letter letters[READ_LETTERS_MAX];
    bool allowed = false;
    enum err err = lane_ask(lane, MAY_RETRY, &allowed);
    uint32_t number = txn_add_job(&lane->txn, job, source);
    uint32_t gathered = 0;
    size_t at = 0;
    for (uint32_t i = 0; err == ERR_OK && i < delivery->count; i++) {
        size_t start = at;
        struct letter *letter = &letters[gathered];
        if (walk_value(job->body, &at) != ERR_OK) {
            return ERR_INVALID;
        }
        *letter = (struct letter){.index = delivery->first + i,
                                  .raw = span_make(job->body.ptr + start, at - start)};
        if (!work_read_letter(letter->raw, &letter->dead)) {
            (void)txn_add_dead(&lane->txn, number, letter->index, "not_a_letter", letter->raw);
        } else if (!allowed) {
            (void)txn_add_dead(&lane->txn, number, letter->index, "not_allowed", letter->raw);
        } else if (++gathered == READ_LETTERS_MAX) {
            err = retry_some(lane, letters, gathered, number);
            gathered = 0;
        }
    }
    if (err == ERR_OK && gathered > 0) {
        err = retry_some(lane, letters, gathered, number);
    }
    return err == ERR_OK && at != job->body.len ? ERR_INVALID : err;
}
