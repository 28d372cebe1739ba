/* Mode reapply: stored cases again, under the rule set that the work names.  The facts come from
 * PostgreSQL and must still match the stored digest.  Nothing here writes into `cases`.  A case
 * that cannot be read back is a dead letter:
 *
 *   not_a_triple     the value is no [source, case_id, revision]
 *   no_such_case     the case is not stored
 *   no_such_ruleset  the rule set was never published
 *   ruleset_refused  the rule set does not load here
 *   not_allowed      lanes have no right to stored cases (sql/roles.sql)
 *   not_in_schema    the case has a fact or a word that the rule set's schema does not have
 *   digest_differs   the stored row was changed */
#include "worker/lane_priv.h"

#include "casedoc/column.h"
#include "wire/walk.h"
#include "worker/work_read.h"

#include <stdio.h>

enum { READ_CASES_MAX = 1024, HAS_REFERENCE_DATE = 1, HAS_AS_OF = 2 };

/* Columns of the one query, in its order; the facts follow in slot order. */
enum column {
    COLUMN_NUMBER,
    COLUMN_SOURCE,
    COLUMN_DIGEST,
    COLUMN_RECEIVED_AT,
    COLUMN_REFERENCE_DATE,
    COLUMN_AS_OF,
    COLUMN_OTHERS,
    COLUMN_FACTS
};

struct triple {
    struct work_triple name;
    uint32_t index; /* in its batch */
    struct span body;
};

static struct txn_dead *add_dead(struct lane *lane, uint32_t job, const struct triple *triple,
                                 const char *reason) {
    struct txn_dead *dead = txn_add_dead(&lane->txn, job, triple->index, reason, triple->body);
    dead->case_id = triple->name.case_id;
    dead->revision = triple->name.revision;
    return dead;
}

/* LATERAL with LIMIT leaves the planner only one plan, the primary key, for any statistics. */
static void write_query(struct lane *lane, const struct triple *triples, uint32_t count,
                        struct buf *sql) {
    const struct schema *schema = ruleset_schema(lane->named->ruleset);
    buf_str(sql, "SELECT t.nr, s.source, c.* FROM (VALUES ");
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(sql, i == 0 ? "(%u, " : ", (%u, ", i);
        db_quote_text(sql, triples[i].name.source);
        buf_str(sql, ", ");
        db_quote_text(sql, triples[i].name.case_id);
        buf_printf(sql, ", %d)", triples[i].name.revision);
    }
    buf_printf(sql,
               ") AS t (nr, name, case_id, revision) LEFT JOIN sources s ON s.name = t.name "
               "LEFT JOIN LATERAL (SELECT c.digest, c.received_at, c.reference_date, c.as_of, "
               "%s AS others",
               (const char *)lane->named->other_columns.ptr);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        buf_str(sql, ", ");
        fact_column_select(schema->slots[i], sql);
        buf_printf(sql, " AS fact_%u", i);
    }
    buf_str(sql, " FROM cases c WHERE c.source = s.source AND c.case_id = t.case_id AND "
                 "c.revision = t.revision LIMIT 1) c ON true");
}

/* The fixed columns of a row; false if they are invalid. */
static bool read_fixed(const struct db_result *rows, uint32_t row, struct row_head *head,
                       struct hash128 *digest) {
    struct span stored = db_cell_span(rows, row, COLUMN_DIGEST);
    if (stored.len != sizeof(digest->bytes)) {
        return false;
    }
    memcpy(digest->bytes, stored.ptr, sizeof(digest->bytes));
    return column_read_time(db_cell_span(rows, row, COLUMN_RECEIVED_AT), &head->received_at) ==
               ERR_OK &&
           column_read_date(db_cell_span(rows, row, COLUMN_REFERENCE_DATE),
                            &head->reference_date) == ERR_OK &&
           column_read_date(db_cell_span(rows, row, COLUMN_AS_OF), &head->as_of) == ERR_OK;
}

/* The digest covers the dates as they were sent; an absent date is the day of acceptance.  Which
 * dates were sent is not stored, but only the right one of four possibilities gives the digest. */
static bool digest_holds(const struct schema *schema, const struct row_head *head,
                         struct hash128 stored, struct case_doc *doc) {
    int32_t day = lane_day_of(head->received_at);
    doc->reference_date = head->reference_date;
    doc->as_of = head->as_of;
    for (int sent = HAS_REFERENCE_DATE | HAS_AS_OF; sent >= 0; sent--) {
        doc->has_reference_date = (sent & HAS_REFERENCE_DATE) != 0;
        doc->has_as_of = (sent & HAS_AS_OF) != 0;
        if ((!doc->has_reference_date && head->reference_date != day) ||
            (!doc->has_as_of && head->as_of != day)) {
            continue;
        }
        doc->digest = case_digest(schema, doc);
        if (hash128_eq(doc->digest, stored)) {
            return true;
        }
    }
    return false;
}

static void add_outcome(struct lane *lane, uint32_t job, const struct triple *triple,
                        const struct work_request *request, struct row_head *head,
                        const struct case_doc *doc) {
    struct txn *txn = &lane->txn;
    struct outcome outcome;
    head->reference_date =
        request->has_reference_date ? request->reference_date : head->reference_date;
    head->as_of = request->has_as_of ? request->as_of : head->as_of;
    head->decided_at = txn->started_us;
    ruleset_evaluate(lane->named_run, doc, head->reference_date, head->as_of, &outcome);
    struct txn_case *decided = lane_add_case(lane, job, triple->index, doc, triple->body);
    decided->source = head->source;
    decided->received_at = txn->jobs[job]->delivery->accepted_at;
    decided->agreement = lane->named->agreement_codes[outcome.agreement];
    decided->disposition = (uint8_t)outcome.result.disposition;
    decided->row_offset = txn->rows.len;
    row_encode_fixed(lane->named, head, doc, &outcome, &txn->rows);
    decided->row_bytes = txn->rows.len - decided->row_offset;
}

/* NULL, or why the facts are not the original ones; *path then names the fact, if it is one. */
static const char *read_facts(struct lane *lane, const struct db_result *rows, uint32_t row,
                              struct case_doc *doc, const char **path) {
    const struct schema *schema = ruleset_schema(lane->named->ruleset);
    struct span others = db_cell_span(rows, row, COLUMN_OTHERS);
    if (others.len != 1 || others.ptr[0] != 0) {
        return "not_in_schema";
    }
    doc->slots = arena_zero(&lane->arena, schema->slot_count, sizeof(*doc->slots));
    for (uint32_t i = 0; doc->slots != NULL && i < schema->slot_count; i++) {
        enum err err = column_read(schema->slots[i], db_cell_span(rows, row, COLUMN_FACTS + i),
                                   &lane->arena, &doc->slots[i]);
        if (err != ERR_OK) {
            *path = schema->slots[i]->name;
            return err == ERR_TOO_LARGE ? "too_large" : "not_in_schema";
        }
    }
    return doc->slots == NULL ? "too_large" : NULL;
}

static void reapply_row(struct lane *lane, uint32_t job, const struct triple *triple,
                        const struct work_request *request, const struct db_result *rows,
                        uint32_t row) {
    struct span source = db_cell_span(rows, row, COLUMN_SOURCE);
    if (db_cell(rows, row, COLUMN_DIGEST) == NULL || source.len != 2) {
        struct txn_dead *dead = add_dead(lane, job, triple, "no_such_case");
        dead->source = source.len == 2 ? (int16_t)get_be16(source.ptr) : dead->source;
        return;
    }
    struct row_head head = {.source = (int16_t)get_be16(source.ptr)};
    struct hash128 stored;
    struct case_doc doc = {.case_id = triple->name.case_id, .revision = triple->name.revision};
    const char *path = "";
    const char *reason = read_facts(lane, rows, row, &doc, &path);
    if (reason == NULL &&
        (!read_fixed(rows, row, &head, &stored) ||
         !digest_holds(ruleset_schema(lane->named->ruleset), &head, stored, &doc))) {
        reason = "digest_differs";
        path = "digest";
    }
    if (reason == NULL) {
        add_outcome(lane, job, triple, request, &head, &doc);
        return;
    }
    struct txn_dead *dead = add_dead(lane, job, triple, reason);
    dead->source = head.source;
    (void)snprintf(dead->path, sizeof(dead->path), "%s", path);
}

static enum err rows_check(struct lane *lane, const struct db_result *rows, uint32_t count) {
    enum err err = db_expect(rows, "* 4 2? x? 8? 4? 4? x? *", NULL);
    if (err != ERR_OK) {
        return err;
    }
    if (db_columns(rows) != COLUMN_FACTS + ruleset_schema(lane->named->ruleset)->slot_count) {
        return ERR_CORRUPT;
    }
    return db_rows(rows) == count ? ERR_OK : ERR_BUSY;
}

/* One query for all of them. */
static enum err reapply_some(struct lane *lane, uint32_t job, const struct triple *triples,
                             uint32_t count, const struct work_request *request) {
    struct db_result *rows = NULL;
    struct buf sql = BUF_EMPTY;
    write_query(lane, triples, count, &sql);
    bool seen[READ_CASES_MAX] = {false};
    enum err err = lane_read(lane, buf_cstr(&sql), &rows);
    buf_free(&sql);
    err = err == ERR_OK ? rows_check(lane, rows, count) : err;
    for (uint32_t row = 0; err == ERR_OK && row < count; row++) {
        uint32_t at = get_be32(db_cell_span(rows, row, COLUMN_NUMBER).ptr);
        if (at >= count || seen[at]) {
            err = ERR_CORRUPT; /* each triple must have one row, or a case would get no outcome */
            break;
        }
        seen[at] = true;
        struct arena_mark mark = arena_mark(&lane->arena);
        reapply_row(lane, job, &triples[at], request, rows, row);
        arena_rewind(&lane->arena, mark);
    }
    db_result_free(&rows);
    lane_beat_if_due(lane);
    return err;
}

/* Asked first: a refused statement would cost the lane its connection. */
#define MAY_REAPPLY                                                                                \
    "SELECT has_table_privilege('cases', 'SELECT') AND "                                           \
    "has_table_privilege('reapplied', 'INSERT') AND "                                              \
    "has_column_privilege('reapplied', 'disposition', 'SELECT')"

/* Why no case of the job can be decided, or NULL.  Errors: those of db/sqlstate.h. */
static enum err find_rules(struct lane *lane, const struct work_request *request,
                           const char **reason) {
    bool allowed = false;
    enum err err = lane_ask(lane, MAY_REAPPLY, &allowed);
    if (err != ERR_OK || !allowed) {
        *reason = err == ERR_OK ? "not_allowed" : NULL;
        return err;
    }
    err = lane_name_rules(lane, request->ruleset);
    *reason = err == ERR_NOT_FOUND ? "no_such_ruleset"
              : err == ERR_INVALID ? "ruleset_refused"
                                   : NULL;
    return *reason != NULL ? ERR_OK : err;
}

enum err lane_reapply(struct lane *lane, struct job *job, int16_t source) {
    const struct wire_delivery *delivery = job->delivery;
    struct triple triples[READ_CASES_MAX];
    struct work_request request;
    const char *refused = NULL;
    enum err err = work_read_request(delivery->extra, &request);
    err = err == ERR_OK ? find_rules(lane, &request, &refused) : err;
    uint32_t number = txn_add_job(&lane->txn, job, source);
    uint32_t gathered = 0;
    size_t at = 0;
    for (uint32_t i = 0; err == ERR_OK && i < delivery->count; i++) {
        size_t start = at;
        struct triple *triple = &triples[gathered];
        *triple = (struct triple){.index = delivery->first + i};
        if (walk_value(job->body, &at) != ERR_OK) {
            return ERR_INVALID;
        }
        triple->body = span_make(job->body.ptr + start, at - start);
        if (!work_read_triple(triple->body, &triple->name)) {
            triple->name.case_id = SPAN_LIT("");
            (void)add_dead(lane, number, triple, "not_a_triple");
        } else if (refused != NULL) {
            (void)add_dead(lane, number, triple, refused);
        } else if (++gathered == READ_CASES_MAX) {
            err = reapply_some(lane, number, triples, gathered, &request);
            gathered = 0;
        }
    }
    if (err == ERR_OK && gathered > 0) {
        err = reapply_some(lane, number, triples, gathered, &request);
    }
    return err == ERR_OK && at != job->body.len ? ERR_INVALID : err;
}
