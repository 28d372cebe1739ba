/* Non-blocking libpq.  One call at a time: send, flush, read results until there are no more; a
 * call that returns leaves the connection idle or marks it as unusable. */
#include "db/lane.h"

#include "base/mem.h"
#include "db/db_priv.h"
#include "db/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_PIECE_BYTES = 64 * 1024, TAG_BYTES = 64 };

struct db_lane {
    PGconn *conn;
    struct db_patience patience;
    bool unreplicated; /* a COMMIT's wait for a standby was cancelled: it counts as not committed */
    int backend;       /* as the server last reported it; 0: not yet */
    char sqlstate[SQLSTATE_BYTES];
    char tag[TAG_BYTES];
};

/* The server's source function identifies this warning in every language. */
static void notice(void *context, const PGresult *result) {
    struct db_lane *lane = context;
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0) {
        lane->unreplicated = true;
    }
}

/* Errors: as db_lane_open. */
static enum err refused(enum err err, const struct db_refusal *refusal, struct diag *diag) {
    if (err == ERR_CONNECTION && refusal->password) {
        err = ERR_DENIED;
    } else if (err == ERR_CONNECTION && refusal->sqlstate[0] != '\0') {
        err = sqlstate_err(refusal->sqlstate) == ERR_DENIED ? ERR_DENIED : ERR_CONNECTION;
    }
    return diag_fail(diag, err, "no connection: %s", refusal->text);
}

enum err db_lane_open(const char *conninfo, const char *application,
                      const struct db_lane_wait *wait, struct db_lane **lane, struct diag *diag) {
    struct db_connected connected;
    enum err err = db_connect(conninfo, application, wait, &connected, diag);
    if (err != ERR_OK) {
        return err == ERR_INVALID ? err : refused(err, &connected.refusal, diag);
    }
    struct db_lane *opened = mem_zero(1, sizeof(*opened));
    opened->conn = connected.conn;
    db_patience_init(&opened->patience, conninfo, connected.timeout_ms, wait);
    (void)PQsetNoticeReceiver(opened->conn, notice, opened);
    *lane = opened;
    return ERR_OK;
}

void db_lane_close(struct db_lane **lane) {
    if (*lane != NULL) {
        PQfinish(
            (*lane)->conn); /* not blocking: it does not wait for a server that reads nothing */
        db_patience_free(&(*lane)->patience);
        mem_free(*lane);
        *lane = NULL;
    }
}

int db_lane_fd(const struct db_lane *lane) { return PQsocket(lane->conn); }

const char *db_lane_sqlstate(const struct db_lane *lane) { return lane->sqlstate; }

bool db_lane_is_mute(const struct db_lane *lane) { return lane->patience.mute; }

const char *db_lane_tag(const struct db_lane *lane) { return lane->tag; }

int db_lane_backend(const struct db_lane *lane) { return lane->backend; }

bool db_lane_is_pooled(const struct db_lane *lane) {
    return lane->backend != PQbackendPID(lane->conn);
}

struct db_lane_wait db_lane_get_wait(const struct db_lane *lane) {
    return lane->patience.wait;
}

void db_lane_set_wait(struct db_lane *lane, struct db_lane_wait wait) {
    lane->patience.wait = wait;
}

static enum err send_copy_data(struct db_lane *lane, struct span data) {
    for (size_t at = 0; at < data.len;) {
        size_t piece = data.len - at < COPY_PIECE_BYTES ? data.len - at : COPY_PIECE_BYTES;
        int put = PQputCopyData(lane->conn, (const char *)data.ptr + at, (int)piece);
        if (put < 0) {
            return ERR_CONNECTION;
        }
        at += put == 1 ? piece : 0;
        enum err err = db_patience_flush(&lane->patience, lane->conn);
        if (err != ERR_OK) {
            return err;
        }
    }
    while (PQputCopyEnd(lane->conn, NULL) == 0) {
        enum err err = db_patience_flush(&lane->patience, lane->conn);
        if (err != ERR_OK) {
            return err;
        }
    }
    return db_patience_flush(&lane->patience, lane->conn);
}

/* Keeps the first failure's SQLSTATE; libpq may add more results after it. */
static enum err note_failure(struct db_lane *lane, const PGresult *result) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate != NULL) {
        (void)snprintf(lane->sqlstate, sizeof(lane->sqlstate), "%s", sqlstate);
    }
    return sqlstate_err(sqlstate);
}

static void note_backend(struct db_lane *lane, const PGresult *rows) {
    if (PQntuples(rows) > 0 && PQnfields(rows) > 0 && PQfformat(rows, 0) == 0 &&
        strcmp(PQfname(rows, 0), DB_LANE_BACKEND) == 0) {
        lane->backend = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
        lane->patience.backend = lane->backend;
    }
}

static enum err take_result(struct db_lane *lane, PGresult *got, struct span data,
                            PGresult **rows) {
    switch ((int)PQresultStatus(got)) {
    case PGRES_COPY_IN:
        PQclear(got);
        return send_copy_data(lane, data);
    case PGRES_TUPLES_OK:
        (void)snprintf(lane->tag, sizeof(lane->tag), "%s", PQcmdStatus(got));
        note_backend(lane, got);
        PQclear(*rows);
        *rows = got;
        return ERR_OK;
    case PGRES_COMMAND_OK:
        (void)snprintf(lane->tag, sizeof(lane->tag), "%s", PQcmdStatus(got));
        PQclear(got);
        return ERR_OK;
    case PGRES_PIPELINE_ABORTED: /* after the statement that failed, which is recorded */
        PQclear(got);
        return ERR_OK;
    default: {
        enum err err = note_failure(lane, got);
        PQclear(got);
        return err;
    }
    }
}

/* After the last result: of a pipeline its sync; each of its statements ends with a NULL. */
static bool is_end(struct db_lane *lane, PGresult *got) {
    if (PQpipelineStatus(lane->conn) == PQ_PIPELINE_OFF) {
        return got == NULL;
    }
    bool synced = got != NULL && PQresultStatus(got) == PGRES_PIPELINE_SYNC;
    if (synced) {
        PQclear(got);
    }
    return synced;
}

/* Everything after the send.  After a failure of the server its results are read to the end; a
 * failure of the connection ends the call at once. */
static enum err finish(struct db_lane *lane, struct span data, struct db_result **result) {
    PGresult *rows = NULL;
    enum err failure = ERR_OK;
    enum err err = db_patience_flush(&lane->patience, lane->conn);
    while (err == ERR_OK) {
        PGresult *got = NULL;
        err = db_patience_result(&lane->patience, lane->conn, &got);
        if (err != ERR_OK || is_end(lane, got)) {
            break;
        }
        if (got == NULL) {
            continue;
        }
        enum err outcome = take_result(lane, got, data, &rows);
        if (PQstatus(lane->conn) != CONNECTION_OK) {
            err = ERR_CONNECTION;
        }
        failure = failure == ERR_OK ? outcome : failure;
        if (failure != ERR_OK && lane->sqlstate[0] == '\0') {
            err = failure; /* not the server's: the wait was ended, or the socket failed */
        }
    }
    err = err == ERR_OK ? failure : err;
    if (err == ERR_OK && lane->tag[0] == '\0') {
        err = ERR_CORRUPT; /* no result shows that a statement was done */
    }
    if (err == ERR_OK && lane->unreplicated) {
        err = ERR_AGAIN;
    }
    if (err == ERR_OK && result != NULL && rows != NULL) {
        *result = db_result_new(rows);
        rows = NULL;
    }
    PQclear(rows);
    return err;
}

static void begin(struct db_lane *lane) {
    db_patience_begin(&lane->patience);
    lane->unreplicated = false;
    lane->sqlstate[0] = '\0';
    lane->tag[0] = '\0';
}

enum err db_lane_exec(struct db_lane *lane, const char *sql, struct db_result **result) {
    begin(lane);
    return PQsendQuery(lane->conn, sql) == 1 ? finish(lane, SPAN_LIT(""), result) : ERR_CONNECTION;
}

enum err db_lane_copy(struct db_lane *lane, const char *sql, struct span data) {
    begin(lane);
    return PQsendQuery(lane->conn, sql) == 1 ? finish(lane, data, NULL) : ERR_CONNECTION;
}

static bool send_bare(struct db_lane *lane, const char *sql) {
    return PQsendQueryParams(lane->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static bool send_params(struct db_lane *lane, const struct db_lane_statement *statement) {
    uint32_t count = statement->param_count;
    const char **values = mem_zero(count, sizeof(*values));
    int *lengths = mem_zero(count, sizeof(*lengths));
    int *formats = mem_zero(count, sizeof(*formats));
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (const char *)statement->params[i].ptr;
        lengths[i] = (int)statement->params[i].len;
        formats[i] = 1;
    }
    int sent = PQsendQueryParams(lane->conn, statement->sql, (int)count, NULL, values, lengths,
                                 formats, statement->binary_rows ? 1 : 0);
    mem_free(values);
    mem_free(lengths);
    mem_free(formats);
    return sent == 1;
}

enum err db_lane_transact(struct db_lane *lane, const struct db_lane_statement *statement,
                          struct db_result **result) {
    begin(lane);
    if (PQenterPipelineMode(lane->conn) != 1 || !send_bare(lane, DB_LANE_BEGIN) ||
        !send_bare(lane, statement->settings) || !send_params(lane, statement) ||
        !send_bare(lane, "COMMIT") || PQpipelineSync(lane->conn) != 1) {
        return ERR_CONNECTION;
    }
    enum err err = finish(lane, SPAN_LIT(""), result);
    return PQexitPipelineMode(lane->conn) == 1 ? err : err == ERR_OK ? ERR_CONNECTION : err;
}

enum err db_lane_idle(struct db_lane *lane) {
    return PQconsumeInput(lane->conn) == 1 && PQstatus(lane->conn) == CONNECTION_OK
               ? ERR_OK
               : ERR_CONNECTION;
}
