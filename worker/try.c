/* See try.h.  A start leaves some conditions to the lanes, which log a fault and try again.
 * worker_try tries these, too: the settings of the server, the rights of the role, the files of the
 * brokers. */
#include "worker/try.h"

#include "base/clock.h"
#include "db/lane.h"
#include "http/http.h"
#include "net/net.h"
#include "net/secret.h"
#include "worker/writer.h"

#include <poll.h>
#include <string.h>

enum { CHECK_MS_MAX = 10000, CHECK_TURN_MS = 100 };

struct patience {
    int64_t end_ms;
    int stop_fd;
};

static enum err wait_some(void *context, int fd, bool want_write) {
    const struct patience *patience = context;
    struct pollfd items[] = {{.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)},
                             {.fd = patience->stop_fd, .events = POLLIN}};
    int ready = poll(items, patience->stop_fd < 0 ? 1 : 2, CHECK_TURN_MS);
    if (ready > 0 && patience->stop_fd >= 0 && items[1].revents != 0) {
        return ERR_TIMEOUT;
    }
    return clock_mono_ms() >= patience->end_ms ? ERR_CONNECTION : ERR_OK;
}

/* The conditions that lanes require; they check them again at each connection. */
static enum err check_session(const struct worker_options *options, struct diag *diag) {
    struct patience patience = {.end_ms = clock_mono_ms() + CHECK_MS_MAX,
                                .stop_fd = options->stop_fd};
    const struct db_lane_wait wait = {.wait = wait_some, .context = &patience};
    return db_check_session(options->conninfo, &wait, diag);
}

enum err try_postgres(const struct worker_options *options, struct diag *diag) {
    const struct db_limits limits = {.wake_fd = options->stop_fd, .call_ms_max = CHECK_MS_MAX};
    struct db *db = NULL;
    enum err err = db_open_limited(options->conninfo, "casemill worker", &limits, &db, diag);
    if (err == ERR_OK) {
        err = db_check_migrated(db, diag);
    }
    db_close(&db);
    err = err == ERR_OK ? check_session(options, diag) : err;
    /* A server may be starting up, and a pooler may run without a server: lanes wait. */
    bool is_away = err == ERR_CONNECTION || err == ERR_BUSY;
    return err == ERR_AGAIN || (is_away && options->wait_for_postgres) ? ERR_OK : err;
}

/* What sql/roles.sql grants and every transaction needs. */
static const char RIGHTS_SQL[] =
    "SELECT current_user, string_agg(need, ', ') FROM (SELECT p || ' on ' || t AS need FROM "
    "(VALUES ('cases', 'INSERT'), ('commits', 'INSERT'), ('tallies', 'INSERT'), "
    "('dead_letters', 'INSERT'), ('sources', 'INSERT'), ('sources', 'SELECT'), "
    "('rulesets', 'SELECT'), ('ruleset_texts', 'SELECT'), ('activations', 'SELECT'), "
    "('ruleset_pairs', 'SELECT'), ('codes', 'SELECT'), ('purged', 'SELECT')) AS needs (t, p) "
    "WHERE NOT has_table_privilege(t, p) UNION ALL SELECT 'SELECT on cases' WHERE NOT "
    "has_any_column_privilege('cases', 'SELECT') UNION ALL SELECT 'TEMPORARY on the database' "
    "WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')) missing";
static const char RULES_SQL[] = "SELECT count(*) FROM active_ruleset";

static enum err check_rights(struct db_lane *db, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_lane_exec(db, RIGHTS_SQL, &row);
    if (err != ERR_OK) {
        return diag_fail(diag, err, "the rights of the role cannot be read: %s",
                         sqlstate_text(db_lane_sqlstate(db)));
    }
    err = db_expect(row, "1 s s?", diag);
    if (err == ERR_OK && db_cell(row, 0, 1) != NULL) {
        err = diag_fail(diag, ERR_DENIED,
                        "role %s lacks rights (%s): run sql/roles.sql of this version, and grant "
                        "casemill_worker to it",
                        db_cell(row, 0, 0), db_cell(row, 0, 1));
    }
    db_result_free(&row);
    return err;
}

static enum err check_rules(struct db_lane *db, struct buf *out, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_lane_exec(db, RULES_SQL, &row);
    err = err == ERR_OK ? db_expect(row, "1 n", diag)
                        : diag_fail(diag, err, "the active rule set cannot be read: %s",
                                    sqlstate_text(db_lane_sqlstate(db)));
    if (err == ERR_OK && strcmp(db_cell(row, 0, 0), "0") == 0) {
        buf_str(out, "# rules: no rule set is active, lanes would wait: casemill rules publish, "
                     "casemill rules activate\n");
    }
    db_result_free(&row);
    return err;
}

static enum err check_lane(const struct worker_options *options, struct buf *out,
                           struct diag *diag) {
    struct patience patience = {.end_ms = clock_mono_ms() + CHECK_MS_MAX, .stop_fd = -1};
    const struct db_lane_wait wait = {.wait = wait_some, .context = &patience};
    const struct uuid none = {{0}};
    struct writer writer;
    struct db_lane *db = NULL;
    writer_init(&writer, &none);
    enum err err = db_lane_open(options->conninfo, "casemill worker", &wait, &db, diag);
    bool is_away = err == ERR_CONNECTION || err == ERR_BUSY || err == ERR_AGAIN;
    if (is_away && options->wait_for_postgres) {
        buf_printf(out, "# postgres.conninfo: %s; a start would wait\n", diag->text);
        writer_free(&writer);
        *diag = (struct diag){0};
        return ERR_OK;
    }
    err = err == ERR_OK ? writer_setup(&writer, db, options->sync_standbys, diag) : err;
    err = err == ERR_OK ? check_rights(db, diag) : err;
    err = err == ERR_OK ? check_rules(db, out, diag) : err;
    db_lane_close(&db);
    writer_free(&writer);
    return err;
}

/* A broker makes its file when it starts. */
static enum err check_secrets(const struct worker_options *options, struct buf *out,
                              struct diag *diag) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < options->secret_count; i++) {
        struct net_secret secret;
        err = net_secret_read(options->secrets[i], &secret, diag);
        if (err == ERR_NOT_FOUND) {
            buf_printf(out, "# broker.secret %s: no such file; its broker makes it at startup\n",
                       options->secrets[i]);
            *diag = (struct diag){0};
            err = ERR_OK;
        }
    }
    return err;
}

enum err worker_try(const struct worker_options *options, struct buf *out, struct diag *diag) {
    enum err err = check_secrets(options, out, diag);
    err = err == ERR_OK ? try_postgres(options, diag) : err;
    err = err == ERR_OK ? check_lane(options, out, diag) : err;
    for (uint32_t i = 0; err == ERR_OK && i < options->broker_count; i++) {
        char why[NET_WHY_BYTES];
        if (!net_is_reached(options->brokers[i], why)) {
            buf_printf(out, "# broker.connect %s: %s\n", options->brokers[i], why);
        }
    }
    if (err == ERR_OK && options->http.bind[0] != '\0') {
        err = http_bind_try(options->http.bind, diag);
        if (err == ERR_BUSY && http_is_ours(options->http.bind)) {
            buf_printf(out, "# http.bind: in use, as long as that worker runs\n");
            *diag = (struct diag){0};
            err = ERR_OK;
        }
    }
    return err;
}
