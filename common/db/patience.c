/* How long a call waits.  A silent server may be working.  While nothing comes, a second connection
 * asks every few seconds what the call's own server process does.  If that process waits for its
 * client, while the client waits for it, the connection is lost between them.  Each turn counts at
 * most one second of waiting, so a process that was stopped for an hour has not waited for one. */
#include "base/clock.h"
#include "base/mem.h"
#include "db/db_priv.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT_MS_DEFAULT = 10000, SILENT_CONNECTS = 3, TURN_MS_MAX = 1000, PAUSE_MS = 1000 };

struct db_probe {
    PGconn *conn;
    PostgresPollingStatusType want; /* while it connects */
    bool asked;
    int64_t age_ms;
};

enum answer { ANSWER_NONE_YET, ANSWER_LIVES, ANSWER_NOTHING };

void db_patience_init(struct db_patience *patience, const char *conninfo, int64_t connect_ms,
                      const struct db_lane_wait *wait) {
    int64_t one_ms =
        connect_ms > 0 && connect_ms < CONNECT_MS_DEFAULT * 360 ? connect_ms : CONNECT_MS_DEFAULT;
    *patience = (struct db_patience){.conninfo = mem_strdup(conninfo),
                                     .wait = *wait,
                                     .silent_ms_max = SILENT_CONNECTS * one_ms,
                                     .call_ms_max = INT64_MAX};
}

static void end_probe(struct db_patience *patience) {
    if (patience->probe != NULL) {
        PQfinish(patience->probe->conn);
        mem_free(patience->probe);
        patience->probe = NULL;
    }
}

void db_patience_free(struct db_patience *patience) {
    end_probe(patience);
    mem_free(patience->conninfo);
    patience->conninfo = NULL;
}

void db_patience_begin(struct db_patience *patience) {
    end_probe(patience);
    patience->turned_ms = clock_mono_ms();
    patience->call_ms = 0;
    patience->silent_ms = 0;
    patience->pause_ms = 0;
    patience->mute = false;
}

/* To the server that the call waits for. */
static void start_probe(struct db_patience *patience, const PGconn *conn) {
    struct diag diag = {0};
    char *address = PQhostaddr(conn);
    const struct db_host host = {.name = PQhost(conn),
                                 .address = address == NULL || address[0] == '\0' ? NULL : address,
                                 .port = PQport(conn)};
    struct db_probe *probe = mem_zero(1, sizeof(*probe));
    probe->want = PGRES_POLLING_WRITING;
    enum err err =
        db_connect_start(patience->conninfo, "casemill probe", &host, &probe->conn, &diag);
    CHECK(err == ERR_OK); /* it parsed when the connection was opened */
    (void)PQsetnonblocking(probe->conn, 1);
    patience->probe = probe;
}

/* Errors of class 08 come from a pooler, which has no server either. */
static bool is_of_server(const char *sqlstate) {
    return sqlstate != NULL && sqlstate[0] != '\0' && strncmp(sqlstate, "08", 2) != 0;
}

/* With a pooler, the process that libpq names may not be the one that serves this call: then every
 * answer counts, unless the server itself has reported its process. */
static bool ask(struct db_probe *probe, int backend, bool is_known) {
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT coalesce((SELECT wait_event IS DISTINCT FROM 'ClientRead' FROM "
                   "pg_stat_activity WHERE pid = %d AND usename = current_user), %s)",
                   backend, is_known ? "false" : "true");
    probe->asked = true;
    return PQsendQuery(probe->conn, sql) == 1;
}

static enum answer connect_probe(struct db_probe *probe, int backend, bool is_known) {
    if (PQstatus(probe->conn) != CONNECTION_BAD &&
        db_is_ready(PQsocket(probe->conn), probe->want == PGRES_POLLING_WRITING)) {
        probe->want = PQconnectPoll(probe->conn);
    }
    if (PQstatus(probe->conn) == CONNECTION_BAD || probe->want == PGRES_POLLING_FAILED) {
        struct db_refusal refusal;
        db_refusal_read(PQerrorMessage(probe->conn), &refusal);
        return is_of_server(refusal.sqlstate) ? ANSWER_LIVES : ANSWER_NOTHING;
    }
    if (probe->want == PGRES_POLLING_OK) {
        return ask(probe, backend, is_known) ? ANSWER_NONE_YET : ANSWER_NOTHING;
    }
    return ANSWER_NONE_YET;
}

static enum answer ask_probe(struct db_probe *probe) {
    if (PQflush(probe->conn) < 0 || PQconsumeInput(probe->conn) == 0) {
        return ANSWER_NOTHING;
    }
    if (PQisBusy(probe->conn) != 0) {
        return ANSWER_NONE_YET;
    }
    PGresult *result = PQgetResult(probe->conn);
    bool lives = PQresultStatus(result) == PGRES_TUPLES_OK
                     ? PQntuples(result) == 1 && PQnfields(result) == 1 &&
                           strcmp(PQgetvalue(result, 0, 0), "t") == 0
                     : is_of_server(PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
    return lives ? ANSWER_LIVES : ANSWER_NOTHING;
}

static void ask_whether_it_lives(struct db_patience *patience, const PGconn *conn,
                                 int64_t turn_ms) {
    patience->pause_ms -= turn_ms;
    if (patience->probe == NULL) {
        if (patience->pause_ms <= 0) {
            start_probe(patience, conn);
        }
        return;
    }
    struct db_probe *probe = patience->probe;
    probe->age_ms += turn_ms;
    bool is_known = patience->backend != 0;
    int backend = is_known ? patience->backend : PQbackendPID(conn);
    enum answer answer = probe->asked ? ask_probe(probe) : connect_probe(probe, backend, is_known);
    if (answer == ANSWER_LIVES) {
        patience->silent_ms = 0;
    }
    if (answer != ANSWER_NONE_YET || probe->age_ms >= patience->silent_ms_max / SILENT_CONNECTS) {
        end_probe(patience);
        patience->pause_ms = PAUSE_MS;
    }
}

enum err db_patience_wait(struct db_patience *patience, PGconn *conn, bool want_write) {
    enum err err = patience->wait.wait(patience->wait.context, PQsocket(conn), want_write);
    if (err != ERR_OK) {
        return err;
    }
    int64_t now_ms = clock_mono_ms();
    int64_t turn_ms = now_ms - patience->turned_ms;
    turn_ms = turn_ms < TURN_MS_MAX ? turn_ms : TURN_MS_MAX;
    patience->turned_ms = now_ms;
    patience->call_ms += turn_ms;
    if (db_is_ready(PQsocket(conn), false) || (want_write && db_is_ready(PQsocket(conn), true))) {
        patience->silent_ms = 0;
        end_probe(patience);
    } else {
        patience->silent_ms += turn_ms;
    }
    if (patience->probe != NULL ||
        patience->silent_ms >= patience->silent_ms_max / SILENT_CONNECTS) {
        ask_whether_it_lives(patience, conn, turn_ms);
    }
    if (patience->silent_ms >= patience->silent_ms_max ||
        patience->call_ms >= patience->call_ms_max) {
        patience->mute = true;
        return ERR_CONNECTION;
    }
    return PQconsumeInput(conn) == 1 ? ERR_OK : ERR_CONNECTION;
}

enum err db_patience_flush(struct db_patience *patience, PGconn *conn) {
    for (;;) {
        int left = PQflush(conn);
        if (left <= 0) {
            return left == 0 ? ERR_OK : ERR_CONNECTION;
        }
        enum err err = db_patience_wait(patience, conn, true);
        if (err != ERR_OK) {
            return err;
        }
    }
}

enum err db_patience_result(struct db_patience *patience, PGconn *conn, PGresult **result) {
    while (PQisBusy(conn) != 0) {
        enum err err = db_patience_wait(patience, conn, false);
        if (err != ERR_OK) {
            return err;
        }
    }
    *result = PQgetResult(conn);
    return ERR_OK;
}
