/* SQL texts of the commits row and of dead letters.  Values are our own numbers or quoted texts. */
#include "worker/writer_priv.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

int64_t writer_commit_number(struct writer *writer) {
    return (int64_t)(rng_next(&writer->rng) >> 1);
}

void writer_sql_begin(struct writer *writer) {
    buf_clear(&writer->sql);
    buf_printf(&writer->sql, DB_LANE_BEGIN "; %s; ", writer->settings);
}

void writer_commit_count(const struct txn *txn, uint32_t from, uint32_t end,
                         struct writer_commit *commit) {
    for (uint32_t i = from; i < end; i++) {
        if (txn->cases[i].verdict == TXN_WRITTEN) {
            commit->cases++;
        } else if (txn->cases[i].verdict == TXN_DUPLICATE) {
            commit->duplicates++;
        }
    }
    commit->written_at = clock_wall_us();
    commit->dead = txn->dead_count - txn->dead_written;
    for (uint32_t i = 0; i < txn->job_count; i++) {
        int64_t accepted_at = txn->jobs[i]->delivery->accepted_at;
        if (i == 0 || accepted_at < commit->received_from) {
            commit->received_from = accepted_at;
        }
        if (i == 0 || accepted_at > commit->received_until) {
            commit->received_until = accepted_at;
        }
    }
}

static void sql_uuid(struct buf *sql, const uint8_t bytes[16]) {
    struct uuid uuid;
    char text[UUID_TEXT_BYTES];
    memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
    uuid_format(&uuid, text);
    buf_printf(sql, "'%s'", text);
}

static void sql_time(struct buf *sql, int64_t us) {
    buf_printf(sql, "timestamptz 'epoch' + interval '%" PRId64 " microseconds'", us);
}

static void sql_journals(struct buf *sql, const struct writer *writer) {
    buf_str(sql, ", ARRAY[");
    for (uint32_t i = 0; i < writer->journal_count; i++) {
        buf_str(sql, i == 0 ? "" : ", ");
        sql_uuid(sql, writer->journals[i].bytes);
    }
    buf_str(sql, "]::uuid[], '{");
    for (uint32_t i = 0; i < writer->journal_count; i++) {
        buf_printf(sql, i == 0 ? "%" PRIu64 : ",%" PRIu64, writer->low_water[i]);
    }
    buf_str(sql, "}', ARRAY[");
    for (uint32_t i = 0; i < writer->journal_count; i++) {
        buf_str(sql, i == 0 ? "" : ", ");
        if (writer->low_water_at[i] == 0) {
            buf_str(sql, "NULL");
        } else {
            sql_time(sql, writer->low_water_at[i]);
        }
    }
    buf_str(sql, "]::timestamptz[]");
}

static void sql_received(struct buf *sql, uint32_t job_count, const struct writer_commit *commit) {
    if (job_count == 0) {
        buf_str(sql, "NULL, NULL");
        return;
    }
    sql_time(sql, commit->received_from);
    buf_str(sql, ", ");
    sql_time(sql, commit->received_until);
}

void writer_sql_commit(struct writer *writer, const struct txn *txn,
                       const struct writer_commit *commit) {
    struct buf *sql = &writer->sql;
    buf_printf(
        sql,
        "INSERT INTO commits (commit, committed_at, lane, mode, journals, low_water, low_water_at, "
        "received_from, received_until, cases, duplicates, dead, work_us) VALUES (%" PRId64 ", ",
        commit->number);
    sql_time(sql, commit->written_at);
    buf_str(sql, ", ");
    sql_uuid(sql, writer->lane.bytes);
    buf_str(sql, ", ");
    static const char *const modes[] = {"'intake'", "'reapply'", "'canary'"};
    buf_str(sql, modes[writer->mode]);
    sql_journals(sql, writer);
    buf_str(sql, ", ");
    sql_received(sql, txn->job_count, commit);
    buf_printf(sql, ", %u, %u, %u, %" PRId64 ")", commit->cases, commit->duplicates, commit->dead,
               (clock_mono_ns() - txn->started_mono_ns) / 1000);
}

void writer_sql_tally(struct writer *writer, const struct txn *txn,
                      const struct writer_commit *commit) {
    struct buf *sql = &writer->sql;
    char day[DATE_TEXT_BYTES];
    date_format((int32_t)(commit->written_at / DATE_DAY_US), day);
    buf_str(sql, "INSERT INTO tallies (commit, day, committed_at, cases, received_from, "
                 "received_until, journals, low_water, low_water_at, ");
    tally_sql_names(sql);
    buf_printf(sql, ") VALUES (%" PRId64 ", '%s', ", commit->number, day);
    sql_time(sql, commit->written_at);
    buf_printf(sql, ", %u, ", writer->mode == WRITER_INTAKE ? commit->cases : 0);
    sql_received(sql, writer->mode == WRITER_INTAKE ? txn->job_count : 0, commit);
    sql_journals(sql, writer);
    buf_str(sql, ", ");
    tally_sql_values(&writer->tally, writer->rules, sql);
    buf_byte(sql, ')');
}

void writer_sql_guard(struct writer *writer, const char *before, const char *behind) {
    if (writer->mode == WRITER_REAPPLY || writer->rules == NULL || writer->stale_s == 0) {
        return;
    }
    buf_printf(&writer->sql, "%srules_guard(%d::smallint, '%s', interval '%" PRId64 " s')%s",
               before, writer->rules->number, ruleset_id(writer->rules->ruleset), writer->stale_s,
               behind);
}

/* The order of the unique key: two lanes with the same dead letters never wait for each other. */
static int by_unique_key(const void *a, const void *b) {
    const struct txn_dead *left = *(const struct txn_dead *const *)a;
    const struct txn_dead *right = *(const struct txn_dead *const *)b;
    if (left->source != right->source) {
        return left->source < right->source ? -1 : 1;
    }
    int order = memcmp(left->raw_hash.bytes, right->raw_hash.bytes, sizeof(left->raw_hash.bytes));
    return order != 0 ? order : strcmp(left->reason, right->reason);
}

static void sql_history(struct buf *sql, const struct txn_dead *dead) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_uint(json_key(&json, "attempts"), dead->attempts);
    json_uint(json_key(&json, "silent"), dead->silences);
    json_key(&json, "reason");
    if (dead->last_words.len > 0 && span_is_utf8(dead->last_words) &&
        memchr(dead->last_words.ptr, 0, dead->last_words.len) == NULL) {
        json_span(&json, dead->last_words);
    } else {
        json_nil(&json);
    }
    json_object_close(&json);
    db_quote_text(sql, buf_span(&text));
    buf_free(&text);
}

static void sql_one_dead(struct writer *writer, const struct txn *txn, const struct txn_dead *dead,
                         int64_t commit) {
    struct buf *sql = &writer->sql;
    buf_printf(sql,
               "INSERT INTO dead_letters (source, raw_hash, reason, path, expected, found, "
               "case_id, revision, body, history, batch, position, received_at, digest, "
               "reapplied, first_seen_at, last_seen_at, commit) VALUES (%d, ",
               dead->source);
    sql_uuid(sql, dead->raw_hash.bytes);
    const char *const texts[] = {dead->reason, dead->path, dead->expected, dead->found};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_str(sql, ", ");
        db_quote_text(sql, span_str(texts[i]));
    }
    buf_str(sql, ", ");
    if (dead->case_id.len == 0) {
        buf_str(sql, "NULL, NULL");
    } else {
        db_quote_text(sql, dead->case_id);
        buf_printf(sql, dead->revision == CASE_REVISION_UNREAD ? ", NULL" : ", %d", dead->revision);
    }
    buf_str(sql, ", ");
    db_quote_bytes(sql, dead->body);
    if (dead->attempts == 0) {
        buf_str(sql, ", NULL, ");
    } else {
        buf_str(sql, ", ");
        sql_history(sql, dead);
        buf_str(sql, ", ");
    }
    sql_uuid(sql, txn->jobs[dead->job]->delivery->batch.bytes);
    buf_printf(sql, ", %u, ", dead->index);
    sql_time(sql, dead->received_at);
    buf_str(sql, ", ");
    if (dead->has_digest) {
        sql_uuid(sql, dead->digest.bytes);
    } else {
        buf_str(sql, "NULL");
    }
    buf_str(sql, writer->mode == WRITER_REAPPLY ? ", true, " : ", false, ");
    sql_time(sql, txn->started_us);
    buf_str(sql, ", ");
    sql_time(sql, txn->started_us);
    buf_printf(sql,
               ", %" PRId64 ") ON CONFLICT (source, raw_hash, reason) DO UPDATE SET seen = "
               "dead_letters.seen + 1, last_seen_at = excluded.last_seen_at; ",
               commit);
}

void writer_sql_dead(struct writer *writer, const struct txn *txn,
                     const struct writer_commit *commit) {
    uint32_t count = txn->dead_count - txn->dead_written;
    const struct txn_dead **order = mem_zero(count, sizeof(*order));
    for (uint32_t i = 0; i < count; i++) {
        order[i] = &txn->dead[txn->dead_written + i];
    }
    if (count > 1) {
        qsort(order, count, sizeof(*order), by_unique_key);
    }
    for (uint32_t i = 0; i < count; i++) {
        sql_one_dead(writer, txn, order[i], commit->number);
    }
    mem_free(order);
}

void writer_sql_resolve(struct writer *writer, const struct txn *txn, uint32_t from, uint32_t end,
                        int64_t commit) {
    struct buf *sql = &writer->sql;
    bool any = false;
    for (uint32_t i = from; i < end; i++) {
        const struct txn_case *settled = &txn->cases[i];
        if (settled->verdict != TXN_WRITTEN && settled->verdict != TXN_DUPLICATE) {
            continue;
        }
        if (!any) {
            buf_str(sql, "UPDATE dead_letters SET resolved_at = ");
            sql_time(sql, txn->started_us);
            buf_printf(sql, ", resolved_by = %" PRId64 " WHERE resolved_at IS NULL AND dead IN (",
                       commit);
        }
        buf_printf(sql, any ? ", %" PRId64 : "%" PRId64, txn->letters[settled->position]);
        any = true;
    }
    buf_str(sql, any ? "); " : "");
}
