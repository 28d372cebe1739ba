/* Connections for tools: a call blocks until it is done or patience.c ends it.  Server messages may
 * go to the operator's terminal from here, but never into the log of a lane, because they can quote
 * rows. */
#include "db/db.h"

#include "base/mem.h"
#include "db/db_priv.h"
#include "db/sqlstate.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURN_MS = 500 };
#define STATE_NO_DATABASE "3D000"

/* The wait of a tool's connection: for the server or the wake descriptor. */
static enum err wait_or_wake(void *context, int fd, bool want_write) {
    const struct db_limits *limits = context;
    struct pollfd fds[2] = {{.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)},
                            {.fd = limits->wake_fd, .events = POLLIN}};
    int ready = poll(fds, limits->wake_fd < 0 ? 1 : 2, TURN_MS);
    return ready > 0 && limits->wake_fd >= 0 && fds[1].revents != 0 ? ERR_TIMEOUT : ERR_OK;
}

static enum err refused(const struct db_refusal *refusal, struct diag *diag) {
    enum err by_state = sqlstate_err(refusal->sqlstate);
    if (strcmp(refusal->sqlstate, SQLSTATE_STARTING) == 0) {
        return diag_fail(diag, ERR_AGAIN, "PostgreSQL is not ready yet: %s", refusal->text);
    }
    if (strcmp(refusal->sqlstate, STATE_NO_DATABASE) == 0) {
        return diag_fail(diag, ERR_DENIED,
                         "there is no such database: create it, or correct dbname: %s",
                         refusal->text);
    }
    if (refusal->password) {
        return diag_fail(diag, ERR_DENIED, "PostgreSQL refuses the password or requires one: %s",
                         refusal->text);
    }
    if (by_state != ERR_CONNECTION) {
        return diag_fail(diag, ERR_DENIED, "PostgreSQL refuses the connection: %s", refusal->text);
    }
    return diag_fail(diag, ERR_CONNECTION, "PostgreSQL cannot be reached: %s", refusal->text);
}

enum err db_open_limited(const char *conninfo, const char *application,
                         const struct db_limits *limits, struct db **db, struct diag *diag) {
    struct db_connected connected;
    struct db *opened = mem_zero(1, sizeof(*opened));
    opened->limits = *limits;
    const struct db_lane_wait wait = {.wait = wait_or_wake, .context = &opened->limits};
    enum err err = db_connect(conninfo, application, &wait, &connected, diag);
    if (err != ERR_OK) {
        mem_free(opened);
        return err == ERR_CONNECTION ? refused(&connected.refusal, diag)
               : err == ERR_TIMEOUT  ? diag_fail(diag, err, "stopped while connecting")
                                     : err;
    }
    opened->conn = connected.conn;
    db_patience_init(&opened->patience, conninfo, connected.timeout_ms, &wait);
    opened->patience.call_ms_max = limits->call_ms_max;
    *db = opened;
    return ERR_OK;
}

enum err db_open(const char *conninfo, const char *application, struct db **db, struct diag *diag) {
    const struct db_limits limits = {.wake_fd = -1, .call_ms_max = DB_CALL_MS_TOOL};
    return db_open_limited(conninfo, application, &limits, db, diag);
}

void db_close(struct db **db) {
    if (*db != NULL) {
        PQfinish((*db)->conn); /* not blocking, as in db/lane.c */
        db_patience_free(&(*db)->patience);
        mem_free(*db);
        *db = NULL;
    }
}

enum err db_fail(struct db *db, const PGresult *result, struct diag *diag) {
    if (PQstatus(db->conn) != CONNECTION_OK) {
        char lost[384];
        db_one_line(PQerrorMessage(db->conn), lost, sizeof(lost));
        return diag_fail(diag, ERR_CONNECTION, "PostgreSQL connection lost: %s", lost);
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(db->sqlstate, sizeof(db->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[384];
    db_one_line(primary == NULL ? PQerrorMessage(db->conn) : primary, text, sizeof(text));
    return diag_fail(diag, sqlstate_err(sqlstate), "PostgreSQL: %s (SQLSTATE %s)", text,
                     sqlstate == NULL ? "none" : sqlstate);
}

enum err db_given_up(struct db *db, enum err err, struct diag *diag) {
    db->unusable = true;
    if (err != ERR_CONNECTION) {
        return diag_fail(diag, err, "stopped while waiting for PostgreSQL");
    }
    if (db->patience.mute) {
        return diag_fail(diag, ERR_CONNECTION, "PostgreSQL does not answer any more");
    }
    err = db_fail(db, NULL, diag);
    return err == ERR_CONNECTION ? err : diag_fail(diag, ERR_CONNECTION, "%s", diag->text);
}

enum err db_send(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                 struct diag *diag) {
    if (db->unusable) {
        return diag_fail(diag, ERR_CONNECTION, "PostgreSQL connection was given up earlier");
    }
    db->sqlstate[0] = '\0';
    db_patience_begin(&db->patience);
    int sent = param_count == 0 ? PQsendQuery(db->conn, sql)
                                : PQsendQueryParams(db->conn, sql, (int)param_count, NULL, params,
                                                    NULL, NULL, 0);
    enum err err = sent == 1 ? db_patience_flush(&db->patience, db->conn) : ERR_CONNECTION;
    return err == ERR_OK ? ERR_OK : db_given_up(db, err, diag);
}

enum err db_last_result(struct db *db, PGresult **result, struct diag *diag) {
    PGresult *last = NULL;
    for (;;) {
        PGresult *got = NULL;
        enum err err = db_patience_result(&db->patience, db->conn, &got);
        if (err != ERR_OK) {
            PQclear(last);
            return db_given_up(db, err, diag);
        }
        if (got == NULL) {
            break;
        }
        bool failed = last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR;
        PQclear(failed ? got : last);
        last = failed ? last : got;
        ExecStatusType status = PQresultStatus(last);
        if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH ||
            PQstatus(db->conn) != CONNECTION_OK) {
            break;
        }
    }
    *result = last;
    return ERR_OK;
}

static enum err run(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                    PGresult **result, struct diag *diag) {
    PGresult *got = NULL;
    enum err err = db_send(db, sql, param_count, params, diag);
    err = err == ERR_OK ? db_last_result(db, &got, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    ExecStatusType status = PQresultStatus(got);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *result = got;
        return ERR_OK;
    }
    err = db_fail(db, got, diag);
    PQclear(got);
    return err;
}

const char *db_sqlstate(const struct db *db) { return db->sqlstate; }

void db_limit(struct db *db, int64_t call_ms_max) { db->patience.call_ms_max = call_ms_max; }

enum err db_exec(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                 struct diag *diag) {
    PGresult *result = NULL;
    enum err err = run(db, sql, param_count, params, &result, diag);
    PQclear(result);
    return err;
}

enum err db_query(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                  struct db_result **result, struct diag *diag) {
    PGresult *got = NULL;
    enum err err = run(db, sql, param_count, params, &got, diag);
    if (err == ERR_OK) {
        *result = db_result_new(got);
    }
    return err;
}

/* One number from a query of one row; 0 for NULL. */
static enum err query_number(struct db *db, const char *sql, long *number, struct diag *diag) {
    struct db_result *result = NULL;
    enum err err = db_query(db, sql, 0, NULL, &result, diag);
    err = err == ERR_OK ? db_expect(result, "1 i?", diag) : err;
    if (err == ERR_OK) {
        const char *cell = db_cell(result, 0, 0);
        *number = cell == NULL ? 0 : strtol(cell, NULL, 10);
    }
    db_result_free(&result);
    return err;
}

enum err db_check_tables(struct db *db, bool may_miss, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(db, may_miss ? DB_TABLES_SQL("NULL") : DB_TABLES_SQL(DB_NO_TABLES), 0,
                            NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 s?", diag) : err;
    const char *fault = err == ERR_OK ? db_cell(row, 0, 0) : NULL;
    err = fault == NULL ? err : diag_fail(diag, ERR_VERSION, "%s", fault);
    db_result_free(&row);
    return err;
}

/* By the catalog, which everybody may read: before anything else is refused. */
enum err db_check_facts(struct db *db, const char *verb, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(db,
                            "SELECT current_user FROM pg_class c JOIN pg_namespace n ON n.oid = "
                            "c.relnamespace WHERE c.relname = 'cases' AND c.relkind = 'r' HAVING "
                            "NOT bool_or(has_schema_privilege(n.oid, 'USAGE') AND "
                            "has_table_privilege(c.oid, 'SELECT'))",
                            0, NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "? s", diag) : err;
    if (err == ERR_OK && db_rows(row) == 1) {
        err = diag_fail(diag, ERR_DENIED,
                        "role %s may not read facts, which %s needs: connect as a member of role "
                        "casemill_analyst (sql/roles.sql)",
                        db_cell(row, 0, 0), verb);
    }
    db_result_free(&row);
    return err;
}

/* The catalog alone: to_regclass would fail for a role without a right to the schema. */
enum err db_check_views(struct db *db, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(
        db,
        "SELECT CASE WHEN count(c.oid) = 0 THEN " DB_NO_TABLES " WHEN NOT "
        "bool_and(has_schema_privilege(n.oid, 'USAGE')) THEN format('role %s has no right to use "
        "schema report: grant casemill_reporter to it, after sql/roles.sql', current_user) END "
        "FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = "
        "'dead_letters' WHERE n.nspname = 'report'",
        0, NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 s?", diag) : err;
    const char *fault = err == ERR_OK ? db_cell(row, 0, 0) : NULL;
    err = fault == NULL ? err : diag_fail(diag, ERR_VERSION, "%s", fault);
    db_result_free(&row);
    return err;
}

enum err db_check_migrated(struct db *db, struct diag *diag) {
    long number = 0;
    enum err err = db_check_tables(db, false, diag);
    if (err == ERR_OK) {
        err = query_number(db, "SELECT max(number) FROM schema_migrations", &number, diag);
    }
    if (err == ERR_OK && number < DB_MIGRATION_NEEDED) {
        return diag_fail(diag, ERR_VERSION,
                         "the database is at migration %ld, this program needs %d: run `casemill "
                         "db migrate`",
                         number, (int)DB_MIGRATION_NEEDED);
    }
    return err;
}

enum err db_wait(struct db *db, int64_t timeout_ms, bool *notified, struct diag *diag) {
    *notified = false;
    struct pollfd fds[2] = {{.fd = PQsocket(db->conn), .events = POLLIN},
                            {.fd = db->limits.wake_fd, .events = POLLIN}};
    int ready = poll(fds, db->limits.wake_fd < 0 ? 1 : 2, (int)timeout_ms);
    if (ready > 0 && fds[0].revents != 0 && PQconsumeInput(db->conn) == 0) {
        return db_fail(db, NULL, diag);
    }
    for (PGnotify *notify = PQnotifies(db->conn); notify != NULL; notify = PQnotifies(db->conn)) {
        *notified = true;
        PQfreemem(notify);
    }
    return ERR_OK;
}

enum err db_wait_notice(struct db *db, int64_t timeout_ms, struct buf *payload, bool *got,
                        struct diag *diag) {
    *got = false;
    buf_clear(payload);
    PGnotify *notify = PQnotifies(db->conn);
    if (notify == NULL) {
        struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
        int ready = poll(&fd, 1, (int)timeout_ms);
        if (ready > 0 && PQconsumeInput(db->conn) == 0) {
            return db_fail(db, NULL, diag);
        }
        notify = PQnotifies(db->conn);
    }
    if (notify != NULL) {
        *got = true;
        buf_str(payload, notify->extra);
        PQfreemem(notify);
    }
    return ERR_OK;
}
