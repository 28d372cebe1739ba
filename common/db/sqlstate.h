/* Purpose: what a lane does about each error of PostgreSQL, in one table. */
#ifndef CASEMILL_DB_SQLSTATE_H
#define CASEMILL_DB_SQLSTATE_H

#include "base/check.h"
#include "base/err.h"

enum { SQLSTATE_BYTES = 6 };
#define SQLSTATE_TOMBSTONES "23CM1" /* our own: purged_guard of sql/baseline/6_purge.sql */
#define SQLSTATE_MIXED "CM001"      /* our own: another server process than the prepared one */
#define SQLSTATE_LOCKED "55P03"
#define SQLSTATE_STALE_RULES "55CM1" /* our own: rules_guard of sql/baseline/2_rules.sql */
#define SQLSTATE_STARTING "57P03"    /* cannot connect now */

/* Longest matching prefix wins; an unlisted SQLSTATE is ERR_BUSY: return the work, try later.
 *   ERR_CONFLICT   the key exists already: settle duplicates
 *   ERR_INVALID    the data: split the transaction, down to the case; never where every case
 *                  would be refused because the table is another
 *   ERR_AGAIN      the same transaction again, at once; costs no attempt
 *   ERR_BUSY       the server cannot now: return the work and close the connection
 *   ERR_DENIED     an operator has to act: return the work and log it
 *   ERR_CONNECTION there is no connection any more */
#define SQLSTATE_TABLE(ROW)                                                                        \
    ROW("08", CONNECTION, "connection exception")                                                  \
    ROW("08P01", DENIED,                                                                           \
        "a column of cases has another type than its fact (see db migrate), or a pooler refuses")  \
    ROW("22", INVALID, "data exception")                                                           \
    ROW("22P03", DENIED, "a column of cases has another type than its fact: see db migrate")       \
    ROW("22P04", DENIED, "cases has other columns than its facts: run `casemill db migrate`")      \
    ROW("23", INVALID, "integrity constraint violation")                                           \
    ROW("23505", CONFLICT, "unique violation")                                                     \
    ROW(SQLSTATE_TOMBSTONES, CONFLICT, "there are tombstones to look at")                          \
    ROW("25006", BUSY, "read-only: a standby, perhaps after a failover")                           \
    ROW("25P03", CONNECTION, "idle in transaction too long")                                       \
    ROW("28", DENIED, "invalid authorization")                                                     \
    ROW("3D", DENIED, "no such database")                                                          \
    ROW("3F", DENIED, "no such schema")                                                            \
    ROW("40", AGAIN, "serialization failure or deadlock")                                          \
    ROW("42", DENIED, "this database does not support a statement: run `casemill db migrate`")     \
    ROW("42501", DENIED, "no right to a table or function: run sql/roles.sql of this version")     \
    ROW("42703", DENIED, "no such column: run `casemill db migrate`")                              \
    ROW("42P01", DENIED, "no such table: run `casemill db migrate`")                               \
    ROW("53", BUSY, "disk full, out of memory, too many connections")                              \
    ROW("54", INVALID, "larger than the server's limits")                                          \
    ROW(SQLSTATE_STALE_RULES, BUSY, "another rule set than the lane's is due")                     \
    ROW(SQLSTATE_LOCKED, AGAIN, "another session holds a lock for too long: see pg_locks")         \
    ROW("57014", AGAIN, "query cancelled by an operator or by a statement_timeout")                \
    ROW("57P", CONNECTION, "server shutting down or starting")                                     \
    ROW("58", BUSY, "system error of the server")                                                  \
    ROW(SQLSTATE_MIXED, DENIED,                                                                    \
        "a pooler mixes sessions: set its pool_mode to session, or connect directly")              \
    ROW("XX", BUSY, "internal error of the server")

/* sqlstate_err accepts NULL and "" (no state: the connection is gone). */
MUST_USE enum err sqlstate_err(const char *sqlstate);
/* sqlstate_text is a fixed text without case content, unlike the server's own message (P10). */
const char *sqlstate_text(const char *sqlstate);

#endif
