/* The database: each question has its own row, so that one fault does not hide the others. */
#include "base/clock.h"
#include "cli/doctor/check.h"
#include "db/db.h"
#include "rules/ruleset.h"

#include <stdlib.h>
#include <string.h>

enum { SKEW_MS_MAX = 1000 };

/* Of sql/roles.sql; the text names those that are missing. */
static const char ROLES_SQL[] =
    "SELECT string_agg(name, ', ' ORDER BY name) FROM unnest(ARRAY['casemill_worker', "
    "'casemill_publisher', 'casemill_operator', 'casemill_reporter', 'casemill_analyst']) name "
    "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)";
/* Login roles that may write cases and cannot turn off what the server's log quotes of them. */
static const char QUOTED_SQL[] =
    "SELECT string_agg(rolname, ', ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin "
    "AND has_table_privilege(oid, 'cases', 'INSERT') "
    "AND NOT (has_parameter_privilege(oid, 'log_min_error_statement', 'SET') "
    "AND has_parameter_privilege(oid, 'log_error_verbosity', 'SET')) "
    "AND NOT (current_setting('log_min_error_statement') = 'panic' "
    "AND current_setting('log_error_verbosity') = 'terse')";
static const char SYNC_SQL[] =
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery(), "
    "btrim(current_setting('synchronous_standby_names')) = '' AND EXISTS (SELECT FROM "
    "pg_stat_replication)";
static const char RULES_SQL[] = "SELECT r.id, r.engine::bigint, (SELECT " DB_UTC(
    "min(active_from)") " FROM activations "
                        "WHERE active_from > now()) FROM rulesets r JOIN active_ruleset a ON "
                        "a.ruleset = r.ruleset";

/* Runs a question; false: its failure is the row. */
static bool ask(struct db *db, struct findings *findings, const char *check, const char *sql,
                const char *shape, struct db_result **row) {
    struct diag diag = {0};
    enum err err = db_query(db, sql, 0, NULL, row, &diag);
    err = err == ERR_OK ? db_expect(*row, shape, &diag) : err;
    if (err != ERR_OK) {
        finding_add(findings, check, FINDING_FAULT,
                    "run it as a role that may read this, or after casemill db migrate", "%s",
                    diag.text);
    }
    return err == ERR_OK;
}

static void check_encoding(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    if (ask(db, findings, "encoding",
            "SELECT current_database(), current_setting('server_encoding')", "1 s s", &row)) {
        bool is_good = strcmp(db_cell(row, 0, 1), "UTF8") == 0;
        finding_add(findings, "encoding", is_good ? FINDING_OK : FINDING_FAULT,
                    is_good ? NULL
                            : "make another database with ENCODING 'UTF8' TEMPLATE template0",
                    "database %s has %s", db_cell(row, 0, 0), db_cell(row, 0, 1));
    }
    db_result_free(&row);
}

/* True when the tables can be read. */
static bool check_migrations(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    struct diag diag = {0};
    if (db_check_migrated(db, &diag) != ERR_OK) { /* the text states what to do */
        finding_add(findings, "migrations", FINDING_FAULT, NULL, "%s", diag.text);
        return false;
    }
    if (ask(db, findings, "migrations", "SELECT max(number)::bigint FROM schema_migrations", "1 i",
            &row)) {
        bool is_newer = strtol(db_cell(row, 0, 0), NULL, 10) > DB_MIGRATION_NEEDED;
        finding_add(findings, "migrations", is_newer ? FINDING_WARNING : FINDING_OK,
                    is_newer ? "upgrade this program" : NULL,
                    "the tables are at migration %s, this program needs %d", db_cell(row, 0, 0),
                    (int)DB_MIGRATION_NEEDED);
    }
    db_result_free(&row);
    return true;
}

static void check_roles(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    if (ask(db, findings, "roles", ROLES_SQL, "1 s?", &row)) {
        const char *missing = db_cell(row, 0, 0);
        finding_add(findings, "roles", missing == NULL ? FINDING_OK : FINDING_WARNING,
                    missing == NULL ? NULL : "run sql/roles.sql, and grant the roles to the logins",
                    missing == NULL ? "those of sql/roles.sql exist%s" : "missing: %s",
                    missing == NULL ? "" : missing);
    }
    db_result_free(&row);
}

static void check_server_log(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    if (ask(db, findings, "server log", QUOTED_SQL, "1 s?", &row)) {
        const char *roles = db_cell(row, 0, 0);
        finding_add(findings, "server log", roles == NULL ? FINDING_OK : FINDING_WARNING,
                    roles == NULL ? NULL
                                  : "run sql/roles.sql as a superuser, and grant casemill_worker "
                                    "to the worker's role",
                    roles == NULL
                        ? "it quotes no case%s"
                        : "it quotes the cases of these roles that PostgreSQL refuses: %s",
                    roles == NULL ? "" : roles);
    }
    db_result_free(&row);
}

static void check_sync(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    if (!ask(db, findings, "sync settings", SYNC_SQL, "1 s s b b", &row)) {
        db_result_free(&row);
        return;
    }
    const char *const settings[] = {"fsync", "full_page_writes"};
    bool is_good = true;
    for (uint32_t i = 0; i < COUNT_OF(settings); i++) {
        if (strcmp(db_cell(row, 0, i), "on") != 0) {
            finding_add(findings, "sync settings", FINDING_FAULT,
                        "set it to on in postgresql.conf, or outcomes are lost in a crash",
                        "%s is %s", settings[i], db_cell(row, 0, i));
            is_good = false;
        }
    }
    if (strcmp(db_cell(row, 0, 2), "t") == 0) {
        finding_add(findings, "sync settings", FINDING_FAULT, "connect to the primary",
                    "this server is a standby, which accepts no writes");
    } else if (strcmp(db_cell(row, 0, 3), "t") == 0) {
        finding_add(findings, "sync settings", FINDING_WARNING,
                    "set synchronous_standby_names, or a failover can lose outcomes",
                    "the standbys are asynchronous");
    } else if (is_good) {
        finding_add(findings, "sync settings", FINDING_OK, NULL,
                    "fsync and full_page_writes are on");
    }
    db_result_free(&row);
}

/* Activations are due by the server's clock, cases are dated by the clocks of the lanes. */
static void check_skew(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    int64_t before_ms = clock_wall_us() / 1000;
    if (ask(db, findings, "database clock",
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", "1 i", &row)) {
        int64_t after_ms = clock_wall_us() / 1000;
        int64_t theirs_ms = strtoll(db_cell(row, 0, 0), NULL, 10);
        int64_t off_ms = theirs_ms < before_ms  ? before_ms - theirs_ms
                         : theirs_ms > after_ms ? theirs_ms - after_ms
                                                : 0;
        bool is_good = off_ms <= SKEW_MS_MAX;
        finding_add(findings, "database clock", is_good ? FINDING_OK : FINDING_WARNING,
                    is_good ? NULL : "synchronize the clocks of both hosts",
                    "it differs from this host's by %lld ms", (long long)off_ms);
    }
    db_result_free(&row);
}

static void check_rules(struct db *db, struct findings *findings) {
    struct db_result *row = NULL;
    if (!ask(db, findings, "rule set", RULES_SQL, "? s i s?", &row)) {
        db_result_free(&row);
        return;
    }
    if (db_rows(row) == 0) {
        finding_add(findings, "rule set", FINDING_FAULT,
                    "casemill rules publish DIR, then casemill rules activate ID --why TEXT",
                    "no rule set is active");
    } else if (strtol(db_cell(row, 0, 1), NULL, 10) != RULESET_ENGINE_VERSION) {
        finding_add(findings, "rule set", FINDING_FAULT,
                    "publish and activate it with this version",
                    "%.12s is for engine %s, this program has %d", db_cell(row, 0, 0),
                    db_cell(row, 0, 1), RULESET_ENGINE_VERSION);
    } else {
        const char *next = db_cell(row, 0, 2);
        finding_add(findings, "rule set", FINDING_OK, NULL, "%.12s is active%s%s",
                    db_cell(row, 0, 0), next == NULL ? "" : "; another one follows at ",
                    next == NULL ? "" : next);
    }
    db_result_free(&row);
}

void doctor_database(const struct options *options, struct findings *findings) {
    const char *conninfo = option_db(options);
    struct db *db = NULL;
    struct diag diag = {0};
    if (conninfo == NULL) {
        finding_add(findings, "database", FINDING_WARNING,
                    "give --db CONNINFO or CASEMILL_POSTGRES_CONNINFO", "not checked");
        return;
    }
    enum err err = db_open(conninfo, "casemill doctor", &db, &diag);
    if (err != ERR_OK) {
        finding_add(findings, "database", FINDING_FAULT,
                    err == ERR_CONNECTION ? "start PostgreSQL, or correct host and port of --db"
                                          : "correct --db, pg_hba.conf or the role",
                    "%s", diag.text);
        return;
    }
    finding_add(findings, "database", FINDING_OK, NULL, "reachable");
    check_encoding(db, findings);
    bool has_tables = check_migrations(db, findings);
    check_roles(db, findings);
    check_sync(db, findings);
    check_skew(db, findings);
    if (has_tables) {
        check_server_log(db, findings);
        check_rules(db, findings);
    }
    db_close(&db);
}
