/* Blocking connections for tools.  Server messages may go to the operator's terminal from here, but
 * never into the log of a lane, because they can quote what was written. */
#include "db/db.h"

#include "base/mem.h"
#include "db/db_priv.h"
#include "db/sqlstate.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

void db_one_line(const char *message, char *text, size_t size) {
    CHECK(size > 0);
    size_t len = 0;
    for (const char *at = message; *at != '\0' && len + 1 < size; at++) {
        bool space = *at == '\n' || *at == '\r' || *at == '\t' || *at == ' ';
        if (!space) {
            text[len++] = *at == '"' ? '\'' : *at; /* it stands in a quoted log field */
        } else if (len > 0 && text[len - 1] != ' ') {
            text[len++] = ' ';
        }
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    text[len] = '\0';
}

static void ignore_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

/* libpq's own words repeat the part that it stumbled over, which may be half of a password. */
enum err db_check_conninfo(const char *conninfo, struct diag *diag) {
    PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
    if (parsed == NULL) {
        return diag_fail(diag, ERR_INVALID,
                         "PostgreSQL conninfo does not parse: wanted key=value words, quoted where "
                         "they hold spaces, or a postgresql:// URI");
    }
    PQconninfoFree(parsed);
    return ERR_OK;
}

enum err db_connect(const char *conninfo, const char *application, const struct db_host *host,
                    PGconn **conn, struct diag *diag) {
    enum err err = db_check_conninfo(conninfo, diag);
    if (err != ERR_OK) {
        return err;
    }
    /* A later entry wins over what expands from dbname, so a timeout of the user's own stays.  A
     * server that has gone without a word is noticed while waiting (keepalives) and while sending
     * (tcp_user_timeout) alike. */
    const char *const keys[] = {"connect_timeout",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                "dbname",
                                "application_name",
                                "client_encoding",
                                "host",
                                "hostaddr",
                                "port",
                                NULL};
    const struct db_host any = {0};
    const struct db_host *one = host == NULL ? &any : host;
    const char *const values[] = {"10",        "10",   "5",       "4",          "30000",   conninfo,
                                  application, "UTF8", one->name, one->address, one->port, NULL};
    *conn =
        host == NULL ? PQconnectdbParams(keys, values, 1) : PQconnectStartParams(keys, values, 1);
    CHECK(*conn != NULL);
    (void)PQsetNoticeReceiver(*conn, ignore_notice, NULL);
    return ERR_OK;
}

enum err db_open(const char *conninfo, const char *application, struct db **db, struct diag *diag) {
    PGconn *conn = NULL;
    enum err err = db_connect(conninfo, application, NULL, &conn, diag);
    if (err != ERR_OK) {
        return err;
    }
    if (PQstatus(conn) == CONNECTION_OK) {
        *db = mem_zero(1, sizeof(**db));
        (*db)->conn = conn;
        return ERR_OK;
    }
    char text[384];
    db_one_line(PQerrorMessage(conn), text, sizeof(text));
    bool password = PQconnectionUsedPassword(conn) != 0 || PQconnectionNeedsPassword(conn) != 0;
    PQfinish(conn);
    if (password) {
        return diag_fail(diag, ERR_DENIED, "PostgreSQL refuses the password or wants one: %s",
                         text);
    }
    if (PQping(conninfo) == PQPING_OK) {
        return diag_fail(diag, ERR_DENIED, "PostgreSQL refuses the connection: %s", text);
    }
    return diag_fail(diag, ERR_CONNECTION, "PostgreSQL cannot be reached: %s", text);
}

void db_close(struct db **db) {
    if (*db != NULL) {
        PQfinish((*db)->conn);
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
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[384];
    db_one_line(primary == NULL ? PQerrorMessage(db->conn) : primary, text, sizeof(text));
    return diag_fail(diag, sqlstate_err(sqlstate), "PostgreSQL: %s (SQLSTATE %s)", text,
                     sqlstate == NULL ? "none" : sqlstate);
}

static enum err run(struct db *db, const char *sql, uint32_t param_count, const char *const *params,
                    PGresult **result, struct diag *diag) {
    PGresult *got = param_count == 0 ? PQexec(db->conn, sql)
                                     : PQexecParams(db->conn, sql, (int)param_count, NULL, params,
                                                    NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(got);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *result = got;
        return ERR_OK;
    }
    enum err err = db_fail(db, got, diag);
    PQclear(got);
    return err;
}

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

struct db_result *db_result_new(PGresult *result) {
    struct db_result *holder = mem_zero(1, sizeof(*holder));
    holder->result = result;
    return holder;
}

void db_result_free(struct db_result **result) {
    if (*result != NULL) {
        PQclear((*result)->result);
        mem_free(*result);
        *result = NULL;
    }
}

uint32_t db_rows(const struct db_result *result) { return (uint32_t)PQntuples(result->result); }

uint32_t db_columns(const struct db_result *result) { return (uint32_t)PQnfields(result->result); }

const char *db_column_name(const struct db_result *result, uint32_t column) {
    return PQfname(result->result, (int)column);
}

const char *db_cell(const struct db_result *result, uint32_t row, uint32_t column) {
    CHECK(row < db_rows(result));
    CHECK(column < db_columns(result));
    return PQgetisnull(result->result, (int)row, (int)column) != 0
               ? NULL
               : PQgetvalue(result->result, (int)row, (int)column);
}

bool db_column_is_int(const struct db_result *result, uint32_t column) {
    enum { INT8_OID = 20, INT2_OID = 21, INT4_OID = 23 }; /* of pg_type, fixed for ever */
    Oid type = PQftype(result->result, (int)column);
    return type == INT8_OID || type == INT2_OID || type == INT4_OID;
}

struct span db_cell_span(const struct db_result *result, uint32_t row, uint32_t column) {
    const char *cell = db_cell(result, row, column);
    return span_make(cell,
                     cell == NULL ? 0 : (size_t)PQgetlength(result->result, (int)row, (int)column));
}

/* One number from a query of one row; 0 for NULL. */
static enum err query_number(struct db *db, const char *sql, long *number, struct diag *diag) {
    struct db_result *result = NULL;
    enum err err = db_query(db, sql, 0, NULL, &result, diag);
    if (err == ERR_OK) {
        const char *cell = db_cell(result, 0, 0);
        *number = cell == NULL ? 0 : strtol(cell, NULL, 10);
    }
    db_result_free(&result);
    return err;
}

enum err db_check_place(struct db *db, bool may_miss, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(db, may_miss ? DB_PLACE_SQL("NULL") : DB_PLACE_SQL(DB_NO_TABLES), 0,
                            NULL, &row, diag);
    const char *fault = err == ERR_OK ? db_cell(row, 0, 0) : NULL;
    err = fault == NULL ? err : diag_fail(diag, ERR_VERSION, "%s", fault);
    db_result_free(&row);
    return err;
}

enum err db_check_migrated(struct db *db, struct diag *diag) {
    long number = 0;
    enum err err = db_check_place(db, false, diag);
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

enum err db_wait(struct db *db, int wake_fd, int64_t timeout_ms, bool *notified,
                 struct diag *diag) {
    *notified = false;
    struct pollfd fds[2] = {{.fd = PQsocket(db->conn), .events = POLLIN},
                            {.fd = wake_fd, .events = POLLIN}};
    int ready = poll(fds, wake_fd < 0 ? 1 : 2, (int)timeout_ms);
    if (ready > 0 && fds[0].revents != 0 && PQconsumeInput(db->conn) == 0) {
        return db_fail(db, NULL, diag);
    }
    for (PGnotify *notify = PQnotifies(db->conn); notify != NULL; notify = PQnotifies(db->conn)) {
        *notified = true;
        PQfreemem(notify);
    }
    return ERR_OK;
}
