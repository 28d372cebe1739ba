/* See stored.h.  Every statement selects an event's time, what, who, batch, lane, details. */
#include "cli/trace/stored.h"

#include <string.h>

/* to_char(MOMENT AS_TIME: all decimals, so that the order of texts is the order of times. */
#define AS_TIME " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') "
#define SHAPE "* s s s? u? u? s"
#define LETTERS_MAX "200"

enum column { COLUMN_AT, COLUMN_WHAT, COLUMN_WHO, COLUMN_BATCH, COLUMN_LANE, COLUMN_DETAILS };

static enum err add_rows(struct db *db, const char *sql, uint32_t param_count,
                         const char *const *params, struct timeline *timeline, struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err = db_query(db, sql, param_count, params, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, SHAPE, diag) : err;
    for (uint32_t i = 0; err == ERR_OK && i < db_rows(rows); i++) {
        const struct timeline_event event = {.at = db_cell(rows, i, COLUMN_AT),
                                             .what = db_cell(rows, i, COLUMN_WHAT),
                                             .who = db_cell(rows, i, COLUMN_WHO),
                                             .details = db_cell(rows, i, COLUMN_DETAILS)};
        timeline_add(timeline, &event);
        timeline_note_id(&timeline->batches, db_cell(rows, i, COLUMN_BATCH));
        timeline_note_id(&timeline->lanes, db_cell(rows, i, COLUMN_LANE));
    }
    db_result_free(&rows);
    return err;
}

/* --- outcomes: the key of cases and of reapplied begins with the source --- */

#define OF_CASE                                                                                    \
    "x.source = s.source AND x.case_id = $1 AND ($2::text IS NULL OR s.name = $2) "                \
    "AND ($3::text IS NULL OR x.revision = $3::integer) "
#define OUTCOME                                                                                    \
    "x.revision, x.disposition, x.agreement, x.reason, x.ruleset, x.decided_at, x.commit "
/* One row for each outcome, with its names and its transaction. */
static const char OUTCOMES_SQL[] =
    "WITH o AS (SELECT s.name, i.again, i.received_at, i.revision, i.decided_at, i.commit, "
    "d.disposition, a.agreement, f.label AS reason, left(r.id, 12) AS ruleset, k.lane, "
    "k.committed_at, k.mode, k.cases FROM sources s CROSS JOIN LATERAL ("
    "SELECT false AS again, x.received_at, " OUTCOME "FROM cases x WHERE " OF_CASE
    "UNION ALL SELECT true, NULL, " OUTCOME "FROM reapplied x WHERE " OF_CASE
    ") i LEFT JOIN rulesets r ON r.ruleset = i.ruleset "
    "LEFT JOIN codes d ON d.code = i.disposition LEFT JOIN codes a ON a.code = i.agreement "
    "LEFT JOIN codes f ON f.code = i.reason LEFT JOIN commits k ON k.commit = i.commit) "
    "SELECT to_char(received_at" AS_TIME "AS at, 'accepted', name, NULL::uuid, NULL::uuid, "
    "format('revision=%s', revision) FROM o WHERE received_at IS NOT NULL UNION ALL "
    "SELECT to_char(decided_at" AS_TIME ", CASE WHEN again THEN 'reapplied' ELSE 'decided' END, "
    "'lane ' || left(lane::text, 8), NULL, lane, format('revision=%s disposition=%s agreement=%s "
    "reason=%s ruleset=%s', revision, disposition, agreement, reason, ruleset) "
    "FROM o UNION ALL "
    "SELECT to_char(committed_at" AS_TIME ", 'committed', 'lane ' || left(lane::text, 8), NULL, "
    "lane, format('revision=%s commit=%s mode=%s cases=%s lane=%s', revision, commit, mode, "
    "cases, lane) FROM o WHERE committed_at IS NOT NULL ORDER BY 1";

/* --- dead letters --- */

#define LETTERS                                                                                    \
    "SELECT x.dead, s.name, x.reason, x.path, x.batch, x.position, x.revision, x.received_at, "    \
    "x.first_seen_at, x.last_seen_at, x.seen, x.commit, x.resolved_at, x.resolved_by, "            \
    "x.reapplied FROM sources s JOIN dead_letters x ON "
#define LETTER_EVENTS                                                                              \
    "ORDER BY x.dead LIMIT " LETTERS_MAX ") "                                                      \
    "SELECT to_char(l.received_at" AS_TIME "AS at, 'accepted', l.name, l.batch, NULL::uuid, "      \
    "format('batch=%s', l.batch) "                                                                 \
    "FROM l WHERE l.received_at IS NOT NULL AND NOT l.reapplied UNION ALL "                        \
    "SELECT to_char(l.first_seen_at" AS_TIME ", 'dead letter', 'lane ' || left(k.lane::text, 8), " \
    "l.batch, k.lane, format('letter=%s reason=%s path=%s batch=%s position=%s commit=%s "         \
    "lane=%s', l.dead, l.reason, l.path, l.batch, l.position, l.commit, k.lane) "                  \
    "FROM l LEFT JOIN commits k ON k.commit = l.commit UNION ALL "                                 \
    "SELECT to_char(l.last_seen_at" AS_TIME ", 'dead again', NULL, l.batch, NULL, "                \
    "format('letter=%s reason=%s seen=%s', l.dead, l.reason, l.seen) "                             \
    "FROM l WHERE l.seen > 1 UNION ALL "                                                           \
    "SELECT to_char(l.resolved_at" AS_TIME ", 'resolved', 'lane ' || left(k.lane::text, 8), "      \
    "l.batch, k.lane, format('letter=%s commit=%s lane=%s', l.dead, l.resolved_by, k.lane) "       \
    "FROM l LEFT JOIN commits k ON k.commit = l.resolved_by "                                      \
    "WHERE l.resolved_at IS NOT NULL UNION ALL "                                                   \
    "SELECT to_char(a.done_at" AS_TIME ", 'dead ' || a.kind, a.done_by, NULL, NULL, "              \
    "format('letter=%s why=%s', l.dead, a.why) "                                                   \
    "FROM l JOIN operator_actions a ON l.dead = ANY (a.letters) ORDER BY 1"
static const char CASE_LETTERS_SQL[] = "WITH l AS (" LETTERS OF_CASE LETTER_EVENTS;
static const char BATCH_LETTERS_SQL[] =
    "WITH l AS (" LETTERS "x.source = s.source AND x.batch = $1::uuid " LETTER_EVENTS;
/* A batch may have as many dead letters as cases. */
static const char LETTERS_LEFT_SQL[] =
    "SELECT greatest(count(*) - " LETTERS_MAX ", 0) FROM dead_letters WHERE batch = $1::uuid";

/* --- purges --- */

static const char PURGED_SQL[] =
    "SELECT to_char(p.purged_at" AS_TIME "AS at, 'purged', p.purged_by, NULL::uuid, NULL::uuid, "
    "format('revision=%s purge=%s disposition=%s why=%s', x.revision, x.purge, c.disposition, "
    "p.why) FROM sources s JOIN purged x ON " OF_CASE
    "LEFT JOIN codes c ON c.code = x.disposition JOIN purges p ON p.purge = x.purge ORDER BY 1";

enum err trace_stored_case(struct db *db, const struct trace_case *wanted,
                           struct timeline *timeline, struct diag *diag) {
    const char *const params[] = {wanted->case_id, wanted->source, wanted->revision};
    enum err err = add_rows(db, OUTCOMES_SQL, COUNT_OF(params), params, timeline, diag);
    if (err == ERR_OK && timeline->count > 0) {
        timeline_unknown(timeline, "the batch of an outcome is not stored with it: trace the batch "
                                   "that the client reported, or give its logs with --log");
    }
    if (err == ERR_OK) {
        err = add_rows(db, CASE_LETTERS_SQL, COUNT_OF(params), params, timeline, diag);
    }
    uint32_t before_purge = timeline->count;
    if (err == ERR_OK) {
        err = add_rows(db, PURGED_SQL, COUNT_OF(params), params, timeline, diag);
    }
    if (err == ERR_OK && timeline->count > before_purge) {
        timeline_unknown(timeline, "a purge removed the outcomes, their times and the dead letters "
                                   "of the purged revisions");
    }
    return err;
}

enum { LIMITED_PARAMS = 1 };

/* What the query leaves out is counted by the second one and stated. */
static enum err add_limited(struct db *db, const char *sql, const char *left_sql,
                            const char *const params[LIMITED_PARAMS], struct timeline *timeline,
                            const char *left_text, struct diag *diag) {
    struct db_result *left = NULL;
    enum err err = add_rows(db, sql, LIMITED_PARAMS, params, timeline, diag);
    err = err == ERR_OK ? db_query(db, left_sql, LIMITED_PARAMS, params, &left, diag) : err;
    err = err == ERR_OK ? db_expect(left, "1 n", diag) : err;
    if (err == ERR_OK && strcmp(db_cell(left, 0, 0), "0") != 0) {
        timeline_unknown(timeline, "%s more %s", db_cell(left, 0, 0), left_text);
    }
    db_result_free(&left);
    return err;
}

enum err trace_stored_batch(struct db *db, const char *batch, struct timeline *timeline,
                            struct diag *diag) {
    const char *const params[] = {batch};
    return add_limited(db, BATCH_LETTERS_SQL, LETTERS_LEFT_SQL, params, timeline,
                       "dead letters of this batch: see report.dead_letters", diag);
}

#define COMMITS_MAX "20"
/* The BRIN index of committed_at leaves out what was written before; a lane's clock may be an hour
 * behind the broker's. */
#define COMMITS_OF                                                                                 \
    "committed_at >= $1::timestamptz - interval '1 hour' "                                         \
    "AND received_from <= $1::timestamptz AND received_until >= $1::timestamptz "
static const char COMMITS_SQL[] =
    "SELECT to_char(committed_at" AS_TIME "AS at, 'committed', 'lane ' || left(lane::text, 8), "
    "NULL::uuid, lane, format('may have cases of it: commit=%s mode=%s cases=%s duplicates=%s "
    "dead=%s lane=%s', commit, mode, cases, duplicates, dead, lane) FROM commits "
    "WHERE " COMMITS_OF "ORDER BY committed_at LIMIT " COMMITS_MAX;
static const char COMMITS_LEFT_SQL[] =
    "SELECT greatest(count(*) - " COMMITS_MAX ", 0) FROM commits WHERE " COMMITS_OF;

enum err trace_stored_commits(struct db *db, const char *accepted_at, struct timeline *timeline,
                              struct diag *diag) {
    const char *const params[] = {accepted_at};
    return add_limited(db, COMMITS_SQL, COMMITS_LEFT_SQL, params, timeline,
                       "transactions that may have cases of it: see the table commits", diag);
}
