/* Connects without blocking: host after host, each with its own connect_timeout, and reports why it
 * failed. libpq itself would wait without limit for a server that accepts connections and never
 * answers. */
#include "base/clock.h"
#include "base/mem.h"
#include "db/db_priv.h"

#include <poll.h>
#include <string.h>

#define STATE_AUTHORIZATION "28" /* the class of SQLSTATEs */

static void ignore_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

enum err db_connect_start(const char *conninfo, const char *application, const struct db_host *host,
                          PGconn **conn, struct diag *diag) {
    enum err err = db_check_conninfo(conninfo, diag);
    if (err != ERR_OK) {
        return err;
    }
    /* A later entry overrides one that expands from dbname, so the user's own timeout stays.
     * keepalives detect a lost server while waiting, tcp_user_timeout while sending. */
    const char *const keys[] = {"keepalives_idle",
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
    const char *const values[] = {"10",          "5",         "4",    "30000",
                                  conninfo,      application, "UTF8", host->name,
                                  host->address, host->port,  NULL};
    *conn = PQconnectStartParams(keys, values, 1);
    CHECK(*conn != NULL);
    (void)PQsetNoticeReceiver(*conn, ignore_notice, NULL);
    /* The only way to the SQLSTATE of a refused connection. */
    (void)PQsetErrorVerbosity(*conn, PQERRORS_VERBOSE);
    return ERR_OK;
}

bool db_is_ready(int fd, bool want_write) {
    struct pollfd item = {.fd = fd, .events = (short)(want_write ? POLLOUT : POLLIN)};
    return poll(&item, 1, 0) > 0;
}

/* Errors: ERR_BUSY no answer in time; the callback's. */
static enum err wait_connect(PGconn *conn, int64_t timeout_ms, const struct db_lane_wait *wait) {
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    int64_t began_ms = clock_mono_ms();
    while (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING) {
        bool want_write = want == PGRES_POLLING_WRITING;
        if (clock_mono_ms() - began_ms >= timeout_ms) {
            return ERR_BUSY;
        }
        enum err err = wait->wait(wait->context, PQsocket(conn), want_write);
        if (err != ERR_OK) {
            return err;
        }
        if (db_is_ready(PQsocket(conn), want_write)) {
            want = PQconnectPoll(conn);
        }
    }
    return want == PGRES_POLLING_OK ? ERR_OK : ERR_CONNECTION;
}

static bool is_state(const char *text) {
    for (size_t i = 0; i < SQLSTATE_BYTES - 1; i++) {
        bool known = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z');
        if (!known) {
            return false;
        }
    }
    return text[SQLSTATE_BYTES - 1] == ':' && text[SQLSTATE_BYTES] == ' ';
}

/* "FATAL:  28000: role ..." in every language; NULL: the message has no SQLSTATE. */
static const char *find_state(const char *message) {
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 3, ":  ")) {
        if (is_state(at + 3)) {
            return at + 3;
        }
    }
    return NULL;
}

void db_refusal_read(const char *message, struct db_refusal *refusal) {
    const char *state = find_state(message);
    struct buf plain = BUF_EMPTY;
    *refusal = (struct db_refusal){0};
    if (state == NULL) {
        buf_str(&plain, message);
    } else {
        memcpy(refusal->sqlstate, state, SQLSTATE_BYTES - 1);
        const char *text = state + SQLSTATE_BYTES + 1;
        const char *location = strstr(text, "\nLOCATION:"); /* where in the server's source */
        buf_append(&plain, span_make(message, (size_t)(state - message)));
        buf_append(&plain,
                   span_make(text, location == NULL ? strlen(text) : (size_t)(location - text)));
    }
    db_one_line(buf_cstr(&plain), refusal->text, sizeof(refusal->text));
    buf_free(&plain);
}

/* Fills in why there is no connection, and frees it. */
static void no_connection(PGconn *conn, enum err err, struct db_refusal *refusal) {
    bool used = PQconnectionUsedPassword(conn) != 0;
    bool needed = PQconnectionNeedsPassword(conn) != 0;
    if (err == ERR_BUSY) {
        const char *host = PQhost(conn) == NULL ? "" : PQhost(conn);
        char line[sizeof(refusal->text) - 64];
        *refusal = (struct db_refusal){0};
        db_one_line(host, line, sizeof(line));
        (void)snprintf(refusal->text, sizeof(refusal->text), "the server at %s does not answer",
                       line);
    } else {
        db_refusal_read(PQerrorMessage(conn), refusal);
    }
    /* A server that accepted the password can refuse the connection for another reason. */
    bool is_refused = used && strncmp(refusal->sqlstate, STATE_AUTHORIZATION, 2) == 0;
    refusal->password = err == ERR_CONNECTION && (needed || is_refused);
    PQfinish(conn);
}

static enum err connect_host(const char *conninfo, const char *application,
                             const struct db_host *host, const struct db_lane_wait *wait,
                             PGconn **conn, struct db_refusal *refusal, struct diag *diag) {
    PGconn *made = NULL;
    enum err err = db_connect_start(conninfo, application, host, &made, diag);
    if (err != ERR_OK) {
        return err;
    }
    err = PQstatus(made) == CONNECTION_BAD ? ERR_CONNECTION
                                           : wait_connect(made, host->timeout_ms, wait);
    if (err == ERR_OK && PQsetnonblocking(made, 1) != 0) {
        err = ERR_CONNECTION;
    }
    if (err != ERR_OK) {
        no_connection(made, err, refusal);
        return err == ERR_BUSY ? ERR_CONNECTION : err;
    }
    (void)PQsetErrorVerbosity(made, PQERRORS_DEFAULT);
    *conn = made;
    return ERR_OK;
}

enum err db_connect(const char *conninfo, const char *application, const struct db_lane_wait *wait,
                    struct db_connected *connected, struct diag *diag) {
    struct db_host host = {.count = 1};
    enum err err = ERR_CONNECTION;
    *connected = (struct db_connected){0};
    for (uint32_t n = 0; n < host.count && err == ERR_CONNECTION; n++) {
        db_host_free(&host);
        err = db_host_read(conninfo, n, &host, diag);
        if (err == ERR_OK) {
            connected->timeout_ms = host.timeout_ms;
            err = connect_host(conninfo, application, &host, wait, &connected->conn,
                               &connected->refusal, diag);
        }
    }
    db_host_free(&host);
    return err;
}
