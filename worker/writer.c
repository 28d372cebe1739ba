/* The ways of writing the table.
 * Fresh: everything in one round trip, COPY for many rows, one INSERT for few.  It ends with
 * purged_guard(), after the rows whose lock a purge waits for, and fails if there are tombstones.
 * Every way but reapply also ends with rules_guard(), which fails if another rule set has been due
 * for too long.
 * Settling, after a unique violation: COPY into a temporary table, insert new rows in key order,
 * and compare the rest with *another statement*.  Within one statement a row committed meanwhile is
 * neither inserted nor visible.
 * Splitting, after a data error: halves, down to the case that the database refuses, which becomes
 * a dead letter.
 * Invariant: verdicts and conflict dead letters of an attempt that did not commit are undone. */
#include "worker/writer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "worker/details.h"
#include "worker/writer_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { INSERT_ROWS_MAX = 15, TRIES_MAX = 5, DEAD_WAITING_MAX = 16 };

void writer_init(struct writer *writer, const struct uuid *lane) {
    *writer = (struct writer){
        .lane = *lane, .mode = WRITER_INTAKE, .tables_ms_max = WRITER_TABLES_MS_MAX};
    struct uuid seed = uuid_random();
    memcpy(&writer->rng.state, seed.bytes, sizeof(writer->rng.state));
}

void writer_free(struct writer *writer) {
    buf_free(&writer->sql);
    buf_free(&writer->data);
    buf_free(&writer->waiting);
    tally_free(&writer->tally);
    mem_free(writer->fields);
    writer->fields = NULL;
    writer->field_cap = 0;
}

/* Groups whose first row is still to be written: others of the same key are compared with it. */
static uint32_t settle_fresh(struct txn *txn, uint32_t from, uint32_t end) {
    uint32_t rows = 0;
    for (uint32_t at = from; at < end;) {
        uint32_t group_end = txn_group_end(txn, at);
        struct txn_case *leader = &txn->cases[at];
        leader->verdict = TXN_WRITTEN;
        txn_settle_behind(txn, at + 1, group_end);
        rows++;
        at = group_end;
    }
    return rows;
}

/* Rows of cases to write, as a COPY stream. */
static void gather_rows(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end,
                        int64_t commit) {
    buf_clear(&writer->data);
    row_copy_open(&writer->data);
    for (uint32_t i = from; i < end; i = txn_group_end(txn, i)) {
        const struct txn_case *leader = &txn->cases[i];
        size_t at = writer->data.len;
        buf_append(&writer->data, span_make(txn->rows.ptr + leader->row_offset, leader->row_bytes));
        row_set_commit(writer->data.ptr + at, commit);
    }
    row_copy_close(&writer->data);
}

/* Reports count only intake outcomes. */
static void count_rows(struct writer *writer, const struct txn *txn, uint32_t from, uint32_t end,
                       int64_t written_at) {
    tally_reset(&writer->tally, written_at);
    for (uint32_t i = from; i < end && writer->mode == WRITER_INTAKE; i++) {
        const struct txn_case *written = &txn->cases[i];
        if (written->verdict == TXN_WRITTEN) {
            tally_add(&writer->tally,
                      span_make(txn->rows.ptr + written->row_offset, written->row_bytes));
        }
    }
}

static enum err committed(const struct writer *writer) {
    return strcmp(db_lane_tag(writer->db), "COMMIT") == 0 ? ERR_OK : ERR_BUSY;
}

/* One statement: the commits row and the tallies are part of it in a WITH. */
static enum err insert_few(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end,
                           const struct writer_commit *commit) {
    uint32_t columns = writer->rules->column_count;
    uint32_t rows = 0;
    buf_clear(&writer->sql);
    buf_str(&writer->sql, "WITH noted AS (");
    writer_sql_commit(writer, txn, commit);
    writer_sql_guard(writer, " RETURNING ", "");
    buf_str(&writer->sql, "), tallied AS (");
    writer_sql_tally(writer, txn, commit);
    buf_printf(&writer->sql, ") INSERT INTO cases (%s) VALUES ",
               (const char *)writer->rules->columns.ptr);
    if (writer->field_cap < columns * INSERT_ROWS_MAX) {
        writer->field_cap = columns * INSERT_ROWS_MAX;
        writer->fields = mem_grow(writer->fields, writer->field_cap, sizeof(*writer->fields));
    }
    for (uint32_t i = from; i < end; i = txn_group_end(txn, i)) {
        const struct txn_case *leader = &txn->cases[i];
        uint8_t *row = txn->rows.ptr + leader->row_offset;
        row_set_commit(row, commit->number);
        row_fields(span_make(row, leader->row_bytes), columns, writer->fields + rows * columns);
        buf_str(&writer->sql, rows == 0 ? "(" : ", (");
        for (uint32_t c = 0; c < columns; c++) {
            buf_printf(&writer->sql, c == 0 ? "$%u" : ",$%u", rows * columns + c + 1);
        }
        buf_byte(&writer->sql, ')');
        rows++;
    }
    buf_str(&writer->sql, " RETURNING purged_guard()");
    const struct db_lane_statement statement = {.settings = writer->settings,
                                                .sql = buf_cstr(&writer->sql),
                                                .param_count = rows * columns,
                                                .params = writer->fields};
    enum err err = db_lane_transact(writer->db, &statement, NULL);
    return err == ERR_OK ? committed(writer) : err;
}

/* Everything in one round trip; without cases only the commits row and dead letters.  Every
 * transaction locks cases before dead letters, a purge too: none waits for a case while it holds a
 * dead letter. */
static enum err copy_many(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end,
                          const struct writer_commit *commit) {
    writer_sql_begin(writer);
    writer_sql_commit(writer, txn, commit);
    buf_str(&writer->sql, "; ");
    writer_sql_tally(writer, txn, commit);
    buf_str(&writer->sql, "; ");
    if (from < end) {
        buf_printf(&writer->sql,
                   "COPY cases (%s) FROM STDIN (FORMAT binary); SELECT purged_guard()",
                   (const char *)writer->rules->columns.ptr);
        writer_sql_guard(writer, ", ", "");
        buf_str(&writer->sql, "; ");
        gather_rows(writer, txn, from, end, commit->number);
    } else {
        writer_sql_guard(writer, "SELECT ", "; ");
    }
    writer_sql_dead(writer, txn, commit);
    buf_str(&writer->sql, "COMMIT");
    enum err err = from < end
                       ? db_lane_copy(writer->db, buf_cstr(&writer->sql), buf_span(&writer->data))
                       : db_lane_exec(writer->db, buf_cstr(&writer->sql), NULL);
    return err == ERR_OK ? committed(writer) : err;
}

static enum err write_fresh(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end) {
    uint32_t rows = settle_fresh(txn, from, end);
    struct writer_commit commit = {.number = writer_commit_number(writer)};
    writer_commit_count(txn, from, end, &commit);
    count_rows(writer, txn, from, end, commit.written_at);
    bool has_dead = txn->dead_written < txn->dead_count;
    return rows > 0 && rows <= INSERT_ROWS_MAX && !has_dead
               ? insert_few(writer, txn, from, end, &commit)
               : copy_many(writer, txn, from, end, &commit);
}

/* Finds the group of a key that the server returned; ERR_CORRUPT if it was never sent. */
static enum err find_key(const struct txn *txn, uint32_t from, uint32_t end,
                         const struct db_result *rows, uint32_t row, uint32_t *at) {
    struct txn_case key = {.source = (int16_t)strtol(db_cell(rows, row, 0), NULL, 10),
                           .case_id = db_cell_span(rows, row, 1),
                           .revision = (int32_t)strtol(db_cell(rows, row, 2), NULL, 10)};
    uint32_t low = from;
    uint32_t high = end;
    while (low < high) { /* the first case not below the key */
        uint32_t middle = low + (high - low) / 2;
        if (txn_key_cmp(&txn->cases[middle], &key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == end || txn_key_cmp(&txn->cases[low], &key) != 0) {
        return ERR_CORRUPT;
    }
    *at = low;
    return ERR_OK;
}

static enum err note_inserted(struct txn *txn, uint32_t from, uint32_t end,
                              const struct db_result *inserted) {
    for (uint32_t row = 0; row < db_rows(inserted); row++) {
        uint32_t at = 0;
        enum err err = find_key(txn, from, end, inserted, row, &at);
        if (err != ERR_OK) {
            return err;
        }
        txn->cases[at].verdict = TXN_WRITTEN;
        txn_settle_behind(txn, at + 1, txn_group_end(txn, at));
    }
    return ERR_OK;
}

/* Columns of the stored rows that are compared; the last three only where a client requests
 * results.
 */
enum { STORED_DIGEST = 3, STORED_DISPOSITION, STORED_AGREEMENT, STORED_REASON, STORED_PATHS };

static struct span text_of(const struct db_result *rows, uint32_t row, uint32_t column) {
    return db_cell(rows, row, column) == NULL ? SPAN_LIT("") : db_cell_span(rows, row, column);
}

static enum err note_stored(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end,
                            const struct db_result *stored, bool with_details) {
    for (uint32_t row = 0; row < db_rows(stored); row++) {
        uint32_t at = 0;
        struct uuid digest;
        unsigned long disposition = strtoul(db_cell(stored, row, STORED_DISPOSITION), NULL, 10);
        enum err err = find_key(txn, from, end, stored, row, &at);
        if (err == ERR_OK) {
            err = uuid_parse(db_cell_span(stored, row, STORED_DIGEST), &digest);
        }
        if (err == ERR_OK && disposition >= WIRE_DISPOSITIONS) {
            err = ERR_CORRUPT; /* of a later version: no tally has it */
        }
        if (err != ERR_OK) {
            return err;
        }
        if (txn->cases[at].verdict == TXN_PENDING) {
            struct txn_stored found = {.disposition = (uint8_t)disposition};
            memcpy(found.digest.bytes, digest.bytes, sizeof(found.digest.bytes));
            if (with_details) {
                found.detail = details_stored(
                    &txn->details, writer->rules->ruleset, text_of(stored, row, STORED_AGREEMENT),
                    text_of(stored, row, STORED_REASON), text_of(stored, row, STORED_PATHS));
            }
            txn_settle_group(txn, at, txn_group_end(txn, at), &found);
        }
    }
    return ERR_OK;
}

/* Where rows settle: through a temporary table of this connection. */
struct target {
    const char *table;
    const char *columns; /* of the table */
    const char *incoming;
    const char *incoming_columns; /* as COPY sends them */
    const char *typed_columns;
    const char *only;    /* which rows may go into the table at all */
    const char *compare; /* key, digest and disposition of the stored rows for the others */
    const char *details; /* the same with agreement, reason and missing paths */
    bool *has_incoming;
};

/* The stored row may be in reapplied or be the case's first outcome; a case that was deleted
 * meanwhile is neither inserted nor found. */
static const struct target REAPPLY_TARGET = {
    .table = "reapplied",
    .columns = "commit, source, case_id, revision, ruleset, disposition, agreement, reason, "
               "result, reference_date, as_of, decided_at",
    .incoming = "incoming_reapplied",
    .incoming_columns = ACTIVE_RULES_FIXED,
    .typed_columns = ACTIVE_RULES_FIXED_TYPED,
    .only = "WHERE EXISTS (SELECT FROM cases c WHERE c.source = i.source AND "
            "c.case_id = i.case_id AND c.revision = i.revision AND c.ruleset <> i.ruleset) ",
    .compare = "SELECT source, case_id, revision, i.digest, c.disposition "
               "FROM incoming_reapplied i JOIN reapplied c "
               "USING (source, case_id, revision, ruleset) UNION ALL "
               "SELECT source, case_id, revision, i.digest, c.disposition "
               "FROM incoming_reapplied i JOIN cases c "
               "USING (source, case_id, revision, ruleset)"};

static struct target target_of(struct writer *writer) {
    if (writer->mode == WRITER_REAPPLY) {
        struct target target = REAPPLY_TARGET;
        target.has_incoming = &writer->has_incoming_reapplied;
        return target;
    }
    return (struct target){
        .table = "cases",
        .columns = (const char *)writer->rules->columns.ptr,
        .incoming = "incoming",
        .incoming_columns = (const char *)writer->rules->columns.ptr,
        .typed_columns = (const char *)writer->rules->typed_columns.ptr,
        .only = "WHERE NOT EXISTS (SELECT FROM purged p WHERE p.source = i.source AND "
                "p.case_id = i.case_id AND p.revision = i.revision) ",
        .compare = "SELECT c.source, c.case_id, c.revision, c.digest, c.disposition "
                   "FROM incoming i JOIN cases c USING (source, case_id, revision) UNION ALL "
                   "SELECT p.source, p.case_id, p.revision, p.digest, p.disposition "
                   "FROM incoming i JOIN purged p USING (source, case_id, revision)",
        .details =
            "SELECT c.source, c.case_id, c.revision, c.digest, c.disposition, a.agreement, "
            "r.label, (SELECT string_agg(p.label, ',' ORDER BY m.nr) "
            "FROM unnest(coalesce(c.missing, result_read(c.result, NULL)::smallint[])) WITH "
            "ORDINALITY AS m "
            "(code, nr) "
            "JOIN codes p ON p.code = m.code) "
            "FROM incoming i JOIN cases c USING (source, case_id, revision) "
            "JOIN codes a ON a.code = c.agreement JOIN codes r ON r.code = c.reason UNION ALL "
            "SELECT p.source, p.case_id, p.revision, p.digest, p.disposition, NULL, 'purged', NULL "
            "FROM incoming i JOIN purged p USING (source, case_id, revision)",
        .has_incoming = &writer->has_incoming};
}

/* LIKE cases would require the right to read the whole table, which a lane need not have. */
static enum err make_incoming(struct writer *writer, const struct target *target) {
    if (*target->has_incoming) {
        return ERR_OK;
    }
    buf_clear(&writer->sql);
    buf_printf(&writer->sql,
               "DROP TABLE IF EXISTS pg_temp.%s; CREATE TEMPORARY TABLE %s (%s) "
               "ON COMMIT DELETE ROWS",
               target->incoming, target->incoming, target->typed_columns);
    enum err err = db_lane_exec(writer->db, buf_cstr(&writer->sql), NULL);
    *target->has_incoming = err == ERR_OK;
    if (err == ERR_OK && writer->tables_since_ms == 0) {
        writer->tables_since_ms = clock_mono_ms();
    }
    return err;
}

enum err writer_tidy(struct writer *writer) {
    if (db_lane_backend(writer->db) != writer->backend) {
        (void)snprintf(writer->sqlstate, sizeof(writer->sqlstate), "%s", SQLSTATE_MIXED);
        return ERR_DENIED;
    }
    if (writer->tables_since_ms == 0 ||
        clock_mono_ms() - writer->tables_since_ms < writer->tables_ms_max) {
        return ERR_OK;
    }
    writer->tables_since_ms = 0;
    writer->has_incoming = false;
    writer->has_incoming_reapplied = false;
    return db_lane_exec(writer->db,
                        "DROP TABLE IF EXISTS pg_temp.incoming, pg_temp.incoming_reapplied", NULL);
}

/* The temporary table has no statistics: only one plan is right for any size of the other table. */
#define ONE_PLAN "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "

/* Asked once per connection: a refused statement would cost the lane its connection. */
static enum err ask_details(struct writer *writer) {
    struct db_result *rows = NULL;
    if (writer->details != WRITER_DETAILS_NOT_ASKED) {
        return ERR_OK;
    }
    enum err err = db_lane_exec(writer->db,
                                "SELECT has_column_privilege('cases', 'agreement', 'SELECT') AND "
                                "has_column_privilege('cases', 'reason', 'SELECT') AND "
                                "has_column_privilege('cases', 'missing', 'SELECT') AND "
                                "has_column_privilege('cases', 'result', 'SELECT') AND "
                                "has_function_privilege('result_read(bytea, integer)', 'EXECUTE')",
                                &rows);
    err = err == ERR_OK ? db_expect(rows, "1 b", NULL) : err;
    if (err == ERR_OK) {
        writer->details =
            strcmp(db_cell(rows, 0, 0), "t") == 0 ? WRITER_DETAILS_READ : WRITER_DETAILS_DENIED;
    }
    db_result_free(&rows);
    return err;
}

/* Inserts new rows, then returns the stored rows for the rest. */
static enum err insert_and_compare(struct writer *writer, const struct target *target,
                                   struct txn *txn, uint32_t from, uint32_t end) {
    struct db_result *rows = NULL;
    buf_clear(&writer->sql);
    buf_str(&writer->sql, ONE_PLAN);
    buf_printf(&writer->sql,
               "INSERT INTO %s (%s) SELECT %s FROM %s i %sORDER BY source, case_id, revision "
               "ON CONFLICT DO NOTHING RETURNING source, case_id, revision",
               target->table, target->columns, target->columns, target->incoming, target->only);
    enum err err = db_lane_exec(writer->db, buf_cstr(&writer->sql), &rows);
    err = err == ERR_OK ? db_expect(rows, "* h s w", NULL) : err;
    if (err == ERR_OK) {
        err = note_inserted(txn, from, end, rows);
    }
    db_result_free(&rows);
    bool is_wanted = target->details != NULL && txn_wants_results(txn, from, end);
    err = err == ERR_OK && is_wanted ? ask_details(writer) : err;
    bool with_details = is_wanted && writer->details == WRITER_DETAILS_READ;
    if (err == ERR_OK) {
        err = db_lane_exec(writer->db, with_details ? target->details : target->compare, &rows);
    }
    if (err == ERR_OK) {
        err = db_expect(rows, with_details ? "* h s w u h s? s s?" : "* h s w u h", NULL);
    }
    if (err == ERR_OK) {
        err = note_stored(writer, txn, from, end, rows, with_details);
    }
    db_result_free(&rows);
    return err;
}

/* ERR_AGAIN: a key was neither inserted nor found. */
static enum err write_settling(struct writer *writer, struct txn *txn, uint32_t from,
                               uint32_t end) {
    const struct target target = target_of(writer);
    enum err err = make_incoming(writer, &target);
    if (err != ERR_OK) {
        return err;
    }
    struct writer_commit commit = {.number = writer_commit_number(writer)};
    writer_sql_begin(writer);
    buf_printf(&writer->sql, "COPY %s (%s) FROM STDIN (FORMAT binary)", target.incoming,
               target.incoming_columns);
    gather_rows(writer, txn, from, end, commit.number);
    err = db_lane_copy(writer->db, buf_cstr(&writer->sql), buf_span(&writer->data));
    if (err == ERR_OK) {
        err = insert_and_compare(writer, &target, txn, from, end);
    }
    for (uint32_t i = from; err == ERR_OK && i < end; i++) {
        err = txn->cases[i].verdict == TXN_PENDING ? ERR_AGAIN : ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    writer_commit_count(txn, from, end, &commit);
    count_rows(writer, txn, from, end, commit.written_at);
    buf_clear(&writer->sql);
    writer_sql_commit(writer, txn, &commit);
    buf_str(&writer->sql, "; ");
    writer_sql_tally(writer, txn, &commit);
    buf_str(&writer->sql, "; ");
    writer_sql_dead(writer, txn, &commit);
    if (writer->resolves) {
        writer_sql_resolve(writer, txn, from, end, commit.number);
    }
    writer_sql_guard(writer, "SELECT ", "; ");
    buf_str(&writer->sql, "COMMIT");
    err = db_lane_exec(writer->db, buf_cstr(&writer->sql), NULL);
    return err == ERR_OK ? committed(writer) : err;
}

/* One attempt; undone when it did not commit. */
static enum err attempt(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end,
                        bool settling) {
    uint32_t dead_before = txn->dead_count;
    size_t details_before = txn->details.len;
    for (uint32_t i = from; i < end; i++) {
        txn->cases[i].verdict = TXN_PENDING;
    }
    enum err err =
        settling ? write_settling(writer, txn, from, end) : write_fresh(writer, txn, from, end);
    if (err == ERR_OK) {
        txn->dead_written = txn->dead_count;
        writer->sqlstate[0] = '\0';
        return ERR_OK;
    }
    txn->dead_count = dead_before;
    txn->details.len = details_before;
    (void)snprintf(writer->sqlstate, sizeof(writer->sqlstate), "%s", db_lane_sqlstate(writer->db));
    /* Without an SQLSTATE of the server the connection is unusable, except after a COMMIT that no
     * standby confirmed or a key that was not found. */
    if (err == ERR_CONNECTION || (writer->sqlstate[0] == '\0' && err != ERR_AGAIN)) {
        return err;
    }
    enum err undone = db_lane_exec(writer->db, "ROLLBACK", NULL);
    return undone == ERR_OK ? err : undone;
}

static enum err write_slice(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end);

/* The database refuses this one case. */
static void refuse_case(struct txn *txn, uint32_t at) {
    struct txn_case *refused = &txn->cases[at];
    (void)txn_add_dead_case(txn, refused, "not_storable");
    refused->verdict = TXN_DEAD;
}

/* Equal keys: each in turn is tried as the first. */
static enum err refuse_leaders(struct writer *writer, struct txn *txn, uint32_t from,
                               uint32_t end) {
    enum err err = ERR_INVALID;
    for (uint32_t at = from; at < end && err == ERR_INVALID; at++) {
        refuse_case(txn, at);
        err = at + 1 < end ? attempt(writer, txn, at + 1, end, writer->resolves) : ERR_OK;
        if (err == ERR_CONFLICT) {
            err = attempt(writer, txn, at + 1, end, true);
        }
    }
    return err;
}

/* Halves that do not separate equal keys. */
static enum err split(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end) {
    if (txn->dead_count - txn->dead_written >= DEAD_WAITING_MAX) { /* each try would carry them */
        enum err err = writer_write_dead(writer, txn);
        if (err != ERR_OK) {
            return err;
        }
    }
    uint32_t middle = from;
    while (middle < from + (end - from + 1) / 2) {
        middle = txn_group_end(txn, middle);
    }
    if (middle >= end) {
        middle = from;
        while (txn_group_end(txn, middle) < end) {
            middle = txn_group_end(txn, middle);
        }
    }
    if (middle == from) {
        return refuse_leaders(writer, txn, from, end);
    }
    enum err err = write_slice(writer, txn, from, middle);
    return err == ERR_OK ? write_slice(writer, txn, middle, end) : err;
}

static enum err write_slice(struct writer *writer, struct txn *txn, uint32_t from, uint32_t end) {
    bool settling =
        from < end && (writer->mode == WRITER_REAPPLY || writer->has_purged || writer->resolves);
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        enum err err = attempt(writer, txn, from, end, settling);
        if (err == ERR_CONFLICT) {
            settling = true;
            /* A fresh write would fail from now on. */
            writer->has_purged =
                writer->has_purged || strcmp(writer->sqlstate, SQLSTATE_TOMBSTONES) == 0;
        } else if (err == ERR_INVALID && from < end) {
            return split(writer, txn, from, end);
        } else if (err != ERR_AGAIN) {
            return err;
        }
        if (err == ERR_AGAIN && writer->blocked != NULL &&
            strcmp(writer->sqlstate, SQLSTATE_LOCKED) == 0) {
            err = writer->blocked(writer->context);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return ERR_BUSY;
}

enum err writer_write(struct writer *writer, struct txn *txn) {
    enum err err = write_slice(writer, txn, 0, txn->case_count);
    return err == ERR_OK && txn->dead_written < txn->dead_count ? writer_write_dead(writer, txn)
                                                                : err;
}

enum err writer_write_dead(struct writer *writer, struct txn *txn) {
    return write_slice(writer, txn, txn->case_count, txn->case_count);
}
