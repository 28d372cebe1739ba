/* A lane's checks of a connection, before and between its transactions. */
#include "worker/writer_priv.h"

#include "base/log.h"
#include "db/sqlstate.h"

#include <stdlib.h>

/* The settings for a transaction's guarantees are part of each transaction (writer_settings).  A
 * pooler that mixes sessions loses session settings, and an administrator may change the server's
 * meanwhile.  Here they are set for a lane's queries between its transactions.
 *
 * The server's own log quotes a refused row, and the statement with the bytes of dead letters
 * (P10).  Only a role with that right can turn this off. */
#define QUIET                                                                                      \
    "DO $$ BEGIN PERFORM set_config('log_min_error_statement', 'panic', false), "                  \
    "set_config('log_error_verbosity', 'terse', false), "                                          \
    "set_config('casemill.may_quiet', 'on', false); "                                              \
    "EXCEPTION WHEN insufficient_privilege THEN "                                                  \
    "PERFORM set_config('casemill.may_quiet', 'off', false); END $$; "

#define SETUP                                                                                      \
    "SET client_min_messages = warning; SET standard_conforming_strings = on; "                    \
    "SET TIME ZONE 'UTC'; SET lock_timeout = '5s'; "                                               \
    "SET default_transaction_isolation = 'read committed'; "                                       \
    "SET idle_in_transaction_session_timeout = '30s'; "                                            \
    "SELECT set_config('synchronous_commit', 'on', false) "                                        \
    "WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply'); " QUIET

/* Durable (P2), with timeouts, and with the warning that a wait for a standby was cancelled. */
#define SETTINGS                                                                                   \
    "SELECT pg_backend_pid(), set_config('synchronous_commit', "                                   \
    "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' "          \
    "ELSE 'on' END, true), set_config('lock_timeout', '5s', true), "                               \
    "set_config('idle_in_transaction_session_timeout', '30s', true), "                             \
    "set_config('client_min_messages', 'warning', true)"
#define SETTINGS_QUIET                                                                             \
    ", set_config('log_min_error_statement', 'panic', true), "                                     \
    "set_config('log_error_verbosity', 'terse', true)"

/* No literal here has a backslash: the server may read it as an escape.
 * synchronous_standby_names: "2 (a, b)", "ANY 2 (a, b)", "FIRST 2 (a, b)", or names alone: one. */
#define QUESTIONS                                                                                  \
    "SELECT current_setting('fsync'), current_setting('server_encoding'), pg_is_in_recovery(), "   \
    "CASE WHEN btrim(current_setting('synchronous_standby_names')) = '' THEN 0 ELSE "              \
    "coalesce(substring(lower(current_setting('synchronous_standby_names')) "                      \
    "from '^[[:space:]]*(?:first|any)?[[:space:]]*([0-9]+)[[:space:]]*[(]')::int, 1) END, "        \
    "(" DB_TABLES_SQL(DB_NO_TABLES) "), "                                                          \
                                    "(SELECT count(*) FROM pg_stat_replication), "                 \
                                    "current_setting('log_min_error_statement') = 'panic' AND "    \
                                    "current_setting('log_error_verbosity') = 'terse', "           \
                                    "current_setting('casemill.may_quiet')"
#define ANSWERS "1 s s b n s? n b s"

/* Allowed, but the operator should know: DONE is only as durable as this server (P2). */
static void warn_asynchronous(const struct db_result *rows) {
    if (strtol(db_cell(rows, 0, 3), NULL, 10) == 0 && strtol(db_cell(rows, 0, 5), NULL, 10) > 0) {
        LOG(EV_SETTING_WARNING,
            "key=postgres.sync_standbys text=\"the standbys are asynchronous: a "
            "failover can lose DONE batches; set synchronous_standby_names\"");
    }
}

static void warn_talkative(const struct db_result *rows) {
    if (strcmp(db_cell(rows, 0, 6), "t") != 0) {
        LOG(EV_SETTING_WARNING,
            "key=postgres.conninfo text=\"the log of PostgreSQL quotes cases that it refuses: run "
            "sql/roles.sql as a superuser and grant casemill_worker to this role, or set "
            "log_min_error_statement = panic and log_error_verbosity = terse there\"");
    }
}

static enum err check_answers(const struct db_result *rows, int64_t sync_standbys,
                              struct diag *diag) {
    if (strcmp(db_cell(rows, 0, 0), "on") != 0) {
        return diag_fail(diag, ERR_DENIED,
                         "PostgreSQL runs with fsync = off: DONE would not be durable");
    }
    if (strcmp(db_cell(rows, 0, 1), "UTF8") != 0) {
        return diag_fail(diag, ERR_DENIED, "the database's encoding is %s, it has to be UTF8",
                         db_cell(rows, 0, 1));
    }
    if (strcmp(db_cell(rows, 0, 2), "t") == 0) {
        return diag_fail(diag, ERR_BUSY, "PostgreSQL is a standby: it accepts no writes");
    }
    long standbys = strtol(db_cell(rows, 0, 3), NULL, 10);
    if (standbys < sync_standbys) {
        return diag_fail(diag, ERR_DENIED,
                         "PostgreSQL waits for %ld standbys, postgres.sync_standbys is %lld: set "
                         "synchronous_standby_names",
                         standbys, (long long)sync_standbys);
    }
    if (db_cell(rows, 0, 4) != NULL) {
        return diag_fail(diag, ERR_VERSION, "%s", db_cell(rows, 0, 4));
    }
    warn_asynchronous(rows);
    warn_talkative(rows);
    return ERR_OK;
}

static enum err check_migrated(struct writer *writer, struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err =
        db_lane_exec(writer->db, "SELECT coalesce(max(number), 0) FROM schema_migrations", &rows);
    if (err == ERR_OK && db_expect(rows, "1 i", diag) != ERR_OK) {
        db_result_free(&rows);
        return ERR_CORRUPT;
    }
    if (err != ERR_OK) {
        return diag_fail(diag, err, "schema_migrations cannot be read: %s",
                         sqlstate_text(db_lane_sqlstate(writer->db)));
    }
    long number = strtol(db_cell(rows, 0, 0), NULL, 10);
    db_result_free(&rows);
    if (number < DB_MIGRATION_NEEDED) {
        return diag_fail(diag, ERR_VERSION,
                         "the database is at migration %ld, this program needs %d: run `casemill "
                         "db migrate`",
                         number, (int)DB_MIGRATION_NEEDED);
    }
    return ERR_OK;
}

enum err writer_setup(struct writer *writer, struct db_lane *db, int64_t sync_standbys,
                      struct diag *diag) {
    struct db_result *rows = NULL;
    writer->db = db;
    writer->has_incoming = false;
    writer->has_incoming_reapplied = false;
    writer->details = WRITER_DETAILS_NOT_ASKED;
    writer->tables_since_ms = 0;
    writer->sqlstate[0] = '\0';
    enum err err = db_lane_exec(db, SETUP "SELECT pg_backend_pid(); " QUESTIONS, &rows);
    if (err == ERR_OK && db_expect(rows, ANSWERS, diag) != ERR_OK) {
        db_result_free(&rows);
        return ERR_CORRUPT;
    }
    if (err != ERR_OK) {
        return diag_fail(diag, err, "the connection cannot be prepared: %s",
                         sqlstate_text(db_lane_sqlstate(db)));
    }
    bool may_quiet = strcmp(db_cell(rows, 0, 7), "on") == 0;
    writer->settings = may_quiet ? SETTINGS SETTINGS_QUIET : SETTINGS;
    writer->backend = db_lane_backend(db);
    err = check_answers(rows, sync_standbys, diag);
    db_result_free(&rows);
    return err == ERR_OK ? check_migrated(writer, diag) : err;
}

enum err writer_end_lanes(struct writer *writer, const struct uuid *lanes, uint32_t count) {
    buf_clear(&writer->sql);
    buf_str(&writer->sql, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                          "WHERE pid <> pg_backend_pid() AND usename = current_user AND "
                          "application_name IN (");
    for (uint32_t i = 0; i < count; i++) {
        char text[UUID_TEXT_BYTES];
        uuid_format(&lanes[i], text);
        buf_printf(&writer->sql, i == 0 ? "'casemill/%s'" : ", 'casemill/%s'", text);
    }
    buf_byte(&writer->sql, ')');
    return db_lane_exec(writer->db, buf_cstr(&writer->sql), NULL);
}

/* The row of a waiting backend has every value that changes when its client moves: statement,
 * bytes. */
enum err writer_end_frozen(struct writer *writer, uint32_t still_s, uint32_t *ended) {
    struct db_result *rows = NULL;
    buf_clear(&writer->sql);
    buf_printf(&writer->sql,
               "WITH waits AS MATERIALIZED (SELECT a.pid, "
               "a.query_start < clock_timestamp() - interval '%u s' AS is_old, "
               "concat_ws('/', a.pid, a.backend_xid, extract(epoch FROM a.query_start), "
               "c.bytes_processed) AS look FROM pg_stat_activity a "
               "LEFT JOIN pg_stat_progress_copy c ON c.pid = a.pid "
               "WHERE a.pid <> pg_backend_pid() AND a.usename = current_user AND "
               "a.datname = current_database() AND a.application_name LIKE 'casemill/%%' AND "
               "a.backend_xid IS NOT NULL AND a.wait_event_type = 'Client') "
               "SELECT count(*) FILTER (WHERE CASE WHEN is_old AND look = ANY (",
               still_s);
    db_quote_text(&writer->sql,
                  writer->waiting.len > 0 ? buf_span(&writer->waiting) : SPAN_LIT("{}"));
    buf_str(&writer->sql, "::text[]) THEN pg_terminate_backend(pid, 5000) ELSE false END), "
                          "coalesce(array_agg(look), '{}') FROM waits");
    enum err err = db_lane_exec(writer->db, buf_cstr(&writer->sql), &rows);
    err = err == ERR_OK ? db_expect(rows, "1 n s", NULL) : err;
    if (err == ERR_OK) {
        *ended = (uint32_t)strtoul(db_cell(rows, 0, 0), NULL, 10);
        buf_clear(&writer->waiting);
        buf_append(&writer->waiting, db_cell_span(rows, 0, 1));
    }
    db_result_free(&rows);
    return err;
}

enum err writer_source(struct writer *writer, struct span name, int16_t *source) {
    struct db_result *rows = NULL;
    buf_clear(&writer->sql);
    buf_str(&writer->sql, "SELECT source_for(");
    db_quote_text(&writer->sql, name);
    buf_byte(&writer->sql, ')');
    enum err err = db_lane_exec(writer->db, buf_cstr(&writer->sql), &rows);
    err = err == ERR_OK ? db_expect(rows, "1 h", NULL) : err;
    if (err == ERR_OK) {
        *source = (int16_t)strtol(db_cell(rows, 0, 0), NULL, 10);
    }
    db_result_free(&rows);
    return err;
}

enum err writer_find(struct writer *writer, int16_t source, struct span case_id, int32_t revision,
                     struct writer_found *found) {
    struct db_result *rows = NULL;
    writer_sql_begin(writer);
    buf_printf(&writer->sql,
               "SELECT disposition, digest FROM cases WHERE source = %d AND revision = %d "
               "AND case_id = ",
               source, revision);
    db_quote_text(&writer->sql, case_id);
    buf_printf(
        &writer->sql,
        " UNION ALL SELECT disposition, digest FROM purged WHERE source = %d AND revision = %d "
        "AND case_id = ",
        source, revision);
    db_quote_text(&writer->sql, case_id);
    buf_str(&writer->sql, "; COMMIT");
    enum err err = db_lane_exec(writer->db, buf_cstr(&writer->sql), &rows);
    err = err == ERR_OK ? db_expect(rows, "* h u", NULL) : err;
    if (err == ERR_OK) {
        *found = (struct writer_found){.disposition = -1};
    }
    if (err == ERR_OK && db_rows(rows) > 0) {
        struct uuid digest;
        found->disposition = (int)strtol(db_cell(rows, 0, 0), NULL, 10);
        err = uuid_parse(db_cell_span(rows, 0, 1), &digest);
        memcpy(found->digest.bytes, digest.bytes, sizeof(found->digest.bytes));
        err = err == ERR_OK && found->disposition >= WIRE_DISPOSITIONS ? ERR_CORRUPT : err;
    }
    db_result_free(&rows);
    return err;
}
