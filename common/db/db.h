/* Purpose: PostgreSQL for tools: one connection, parameters and results as text.  The only folder
 * that includes libpq-fe.h; lanes use db/lane.h.
 * Limits: no call waits without limit.  A host that does not accept a connection within
 * connect_timeout (10 s) is skipped.  A call ends after its own limit, or when the server gave no
 * sign of life for three times connect_timeout.  A sign of life is a byte, or an answer to a second
 * connection that checks whether the server works on the call.
 * Errors: every failure is one clear line in diag: server message, SQLSTATE, what to do. */
#ifndef CASEMILL_DB_DB_H
#define CASEMILL_DB_DB_H

#include "base/diag.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct db;
struct db_result;

/* The number of the last migration that programs of this version need. */
enum { DB_MIGRATION_NEEDED = 20 };

/* db_check_conninfo: whether it parses.  The error does not quote it, because it may hold a
 * password.  Errors: ERR_INVALID. */
MUST_USE enum err db_check_conninfo(const char *conninfo, struct diag *diag);
/* db_has_unverified_host: whether the conninfo, with what libpq's environment adds, leads to a host
 * beyond this machine whose identity the connection would not verify; *host names the first. */
enum { DB_HOST_BYTES = 256 };
#define DB_UNVERIFIED                                                                              \
    "the connection to PostgreSQL is not verified, so another host can take its place: set "       \
    "sslmode=verify-full and sslrootcert"
bool db_has_unverified_host(const char *conninfo, char host[DB_HOST_BYTES]);
/* One call of a tool: a statement of db_exec and db_query, a piece of a COPY. */
enum { DB_CALL_MS_TOOL = 600000, DB_CALL_MS_LONG = 86400000 };
struct db_limits {
    int wake_fd;         /* readable: every wait ends with ERR_TIMEOUT; -1: none */
    int64_t call_ms_max; /* for one call */
};
/* db_open connects.
 * Errors: ERR_DENIED the server refuses (password, database, role).
 * ERR_AGAIN the server is starting up or shutting down.
 * ERR_CONNECTION the server cannot be reached or does not answer.
 * ERR_INVALID the conninfo does not parse. */
MUST_USE enum err db_open(const char *conninfo, const char *application, struct db **db,
                          struct diag *diag);
/* db_open_limited is db_open with the caller's limits.  Errors: and ERR_TIMEOUT it was woken. */
MUST_USE enum err db_open_limited(const char *conninfo, const char *application,
                                  const struct db_limits *limits, struct db **db,
                                  struct diag *diag);
/* db_limit changes the limit of one call, for statements that read a whole table. */
void db_limit(struct db *db, int64_t call_ms_max);
/* db_sqlstate is the SQLSTATE of the last call if the server refused it, else "". */
const char *db_sqlstate(const struct db *db);
void db_close(struct db **db);
/* db_exec runs one statement (params) or, with param_count 0, several in one call; rows are
 * discarded.
 * Errors: see db/sqlstate.h; ERR_CONNECTION the connection is lost or given up; ERR_TIMEOUT woken;
 * after either only db_close is allowed. */
MUST_USE enum err db_exec(struct db *db, const char *sql, uint32_t param_count,
                          const char *const *params, struct diag *diag);
/* db_query returns all rows; the caller frees the result.  A NULL param is SQL NULL.
 * Errors: as db_exec; *result unchanged. */
MUST_USE enum err db_query(struct db *db, const char *sql, uint32_t param_count,
                           const char *const *params, struct db_result **result, struct diag *diag);
/* db_expect compares rows with the shape that their statement has, whichever server answered: after
 * it counts, NULLs and numbers are valid.  It follows every call that returns rows, of a lane too.
 * Shape: how many rows: 1, ? (at most one), + (at least one) or *; then one character per column,
 * followed by ? if the column may be NULL; * at the end: any further columns.
 * Text form: s text, i whole number of 64 bits, w of 32, h not negative and of 16, b bool, u uuid,
 * n a count.  A count is small enough that sums fit.  Binary form: 2, 4, 8 that many bytes, x any.
 * Errors: ERR_CORRUPT, also for a result that is NULL; diag (may be NULL) has the location. */
MUST_USE enum err db_expect(const struct db_result *result, const char *shape, struct diag *diag);
void db_result_free(struct db_result **result);
uint32_t db_rows(const struct db_result *result);
uint32_t db_columns(const struct db_result *result);
const char *db_column_name(const struct db_result *result, uint32_t column);
const char *db_cell(const struct db_result *result, uint32_t row, uint32_t column); /* NULL is NULL
                                                                                     */
bool db_column_is_int(const struct db_result *result, uint32_t column); /* smallint to bigint */
struct span db_cell_span(const struct db_result *result, uint32_t row, uint32_t column);

/* db_check_migrated reports in one line that the tables are missing or older than this program.
 * Errors: ERR_VERSION, else as db_query. */
MUST_USE enum err db_check_migrated(struct db *db, struct diag *diag);

/* How a server prints a time or a type depends on its settings (DateStyle, TimeZone,
 * quote_all_identifiers, ...).  So verbs select numbers, or texts made by these macros.
 * A time as 2026-05-01T00:00:00Z. */
#define DB_UTC(moment) "to_char(" moment " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
/* The name of a column's type (pg_attribute), also where quote_all_identifiers would quote it. */
#define DB_TYPE_NAME "replace(format_type(atttypid, atttypmod), '\"', '')"

/* A row with the fault; NULL when search_path leads to the tables.  It needs only PUBLIC's rights
 * to the catalog.  no_tables: the fault when there are no tables. */
#define DB_TABLES_SQL(no_tables)                                                                   \
    "SELECT CASE WHEN to_regclass('ruleset_texts') IS NOT NULL THEN NULL "                         \
    "WHEN at.name IS NULL THEN " no_tables " "                                                     \
    "WHEN NOT has_schema_privilege(at.oid, 'USAGE') THEN format('role %s has no right to use "     \
    "schema %s: run sql/roles.sql of this version', current_user, at.name) "                       \
    "ELSE format('the tables are in schema %s, which search_path (%s) does not lead to: set "      \
    "search_path for this role or database', at.name, current_setting('search_path')) END "        \
    "FROM (SELECT) one LEFT JOIN (SELECT n.oid, n.nspname AS name FROM pg_class c "                \
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'ruleset_texts' AND "         \
    "c.relkind = 'r' ORDER BY n.nspname LIMIT 1) at ON true"
#define DB_NO_TABLES "'the database has no tables: run `casemill db migrate`'"

/* db_check_tables reports in one line that search_path does not lead to the tables, and why.
 * Errors: ERR_VERSION (missing tables are no fault with may_miss), else as db_query. */
MUST_USE enum err db_check_tables(struct db *db, bool may_miss, struct diag *diag);

/* db_check_facts reports in one line that the role may not read facts, and which role may: verb is
 * what needs them.  Errors: ERR_DENIED, else as db_query. */
MUST_USE enum err db_check_facts(struct db *db, const char *verb, struct diag *diag);
/* db_check_views reports in one line that there are no views of schema report, or that the role may
 * not read them; for reporters, who have no right to the tables.
 * Errors: ERR_VERSION, else as db_query. */
MUST_USE enum err db_check_views(struct db *db, struct diag *diag);

/* db_wait waits for a notification on a LISTENed channel, until it is woken or timeout_ms have
 * passed; *notified is true if one came.  Errors: ERR_CONNECTION. */
MUST_USE enum err db_wait(struct db *db, int64_t timeout_ms, bool *notified, struct diag *diag);

/* The application_name of a worker's rule watch, and the channel on which it answers an activation:
 * "ACTIVATION taken|refused WORKER [TEXT]". */
#define DB_RULE_WATCH "casemill rule watch"
#define DB_RULE_ANSWERS "casemill_rules_answers"

/* db_wait_notice waits for one notification and gives its text; *got is false when none came.
 * payload is cleared first.  Errors: ERR_CONNECTION. */
MUST_USE enum err db_wait_notice(struct db *db, int64_t timeout_ms, struct buf *payload, bool *got,
                                 struct diag *diag);

/* Each appends to SQL text, and accepts any bytes: a quoted text literal ('' doubled, NUL left out,
 * bytes that are not UTF-8 as '?'), a quoted identifier, a bytea literal. */
void db_quote_text(struct buf *sql, struct span text);
void db_quote_name(struct buf *sql, struct span name);
void db_quote_bytes(struct buf *sql, struct span bytes);

#endif
