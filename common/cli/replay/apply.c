/* One part after another: the broker answers when the last case of a part is committed.  A part's
 * name is a hash of its content, so a resent part joins the first. */
#include "cli/replay/apply.h"

#include "base/date.h"
#include "cli/progress.h"
#include "db/copy_out.h"
#include "wire/mp_write.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { PART_CASES = 8192 };
_Static_assert((int)PART_CASES <= (int)WIRE_CASES_MAX, "a part is one batch");
_Static_assert((size_t)PART_CASES *(3 * CASE_ID_BYTES_MAX + 16) <= WIRE_CONTROL_BODY_BYTES_MAX,
               "a part's triples fit a body, with the longest names");

enum triple_field { TRIPLE_SOURCE, TRIPLE_CASE_ID, TRIPLE_REVISION, TRIPLE_FIELDS };

struct applying {
    const struct control_peer *control;
    const struct replay_stored *stored;
    struct wire_message asked; /* a WIRE_REAPPLY */
    char reference_date[DATE_TEXT_BYTES], as_of[DATE_TEXT_BYTES];
    struct buf triples;
    uint32_t count;
    struct progress progress;
    struct replay_applied *applied;
};

/* Cases without an outcome under the rule set, from intake or later. */
static enum err wanted_sql(struct db *db, const struct replay_stored *stored, struct buf *from,
                           struct diag *diag) {
    struct db_result *number = NULL;
    const char *const id[] = {ruleset_id(stored->candidate)};
    enum err err = db_query(db, "SELECT ruleset FROM rulesets WHERE id = $1", 1, id, &number, diag);
    err = err == ERR_OK ? db_expect(number, "? h", diag) : err;
    if (err == ERR_OK && db_rows(number) == 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "rule set %.12s is not published", id[0]);
    } else if (err == ERR_OK) {
        const char *ruleset = db_cell(number, 0, 0);
        buf_append(from, buf_span(&stored->from));
        buf_printf(from,
                   " AND c.ruleset <> %s AND NOT EXISTS (SELECT FROM reapplied a WHERE "
                   "a.source = c.source AND a.case_id = c.case_id AND a.revision = c.revision "
                   "AND a.ruleset = %s)",
                   ruleset, ruleset);
    }
    db_result_free(&number);
    return err;
}

static enum err count_wanted(struct db *db, const struct buf *from, uint64_t *wanted,
                             struct diag *diag) {
    struct buf sql = BUF_EMPTY;
    struct db_result *result = NULL;
    buf_str(&sql, "SELECT count(*) ");
    buf_append(&sql, buf_span(from));
    enum err err = db_query(db, buf_cstr(&sql), 0, NULL, &result, diag);
    err = err == ERR_OK ? db_expect(result, "1 n", diag) : err;
    if (err == ERR_OK) {
        *wanted = strtoull(db_cell(result, 0, 0), NULL, 10);
    }
    db_result_free(&result);
    buf_free(&sql);
    return err;
}

/* --- one part --- */

static void note_dead(struct replay_applied *applied, const json_t *answer) {
    json_int_t dead = json_integer_value(json_object_get(answer, "dead_count"));
    const char *reason = json_string_value(
        json_object_get(json_array_get(json_object_get(answer, "dead"), 0), "reason"));
    if (dead > 0 && applied->dead == 0) {
        (void)snprintf(applied->reason, sizeof(applied->reason), "%s",
                       reason == NULL ? "" : reason);
    }
    applied->dead += (uint64_t)dead;
}

/* {"batch", "count", "outcomes", "duplicates", "dead_count", "dead"} */
static enum err read_answer(struct applying *applying, const struct buf *reply, struct diag *diag) {
    json_t *answer = json_loadb((const char *)reply->ptr, reply->len, 0, NULL);
    json_int_t count = json_integer_value(json_object_get(answer, "count"));
    uint64_t dead_before = applying->applied->dead;
    if (count != (json_int_t)applying->count) {
        json_decref(answer);
        return diag_fail(diag, ERR_VERSION, "the broker's answer is not about these cases");
    }
    note_dead(applying->applied, answer);
    applying->applied->done += applying->count - (applying->applied->dead - dead_before);
    json_decref(answer);
    return ERR_OK;
}

static enum err send_part(struct applying *applying, struct diag *diag) {
    struct buf reply = BUF_EMPTY;
    struct wire_reapply *asked = &applying->asked.reapply;
    struct hash128 name = hash128_joined(asked->ruleset, buf_span(&applying->triples));
    memcpy(asked->batch.bytes, name.bytes, sizeof(name.bytes));
    asked->count = applying->count;
    enum err err =
        control_do(applying->control, &applying->asked, buf_span(&applying->triples), &reply, diag);
    if (err == ERR_OK) {
        err = read_answer(applying, &reply, diag);
    }
    buf_free(&reply);
    buf_clear(&applying->triples);
    applying->count = 0;
    progress_step(&applying->progress, applying->applied->done);
    return err;
}

/* --- all of them --- */

static enum err take_triple(struct applying *applying, const struct span *fields,
                            struct diag *diag) {
    if (fields[TRIPLE_SOURCE].ptr == NULL || fields[TRIPLE_REVISION].len != 4) {
        return diag_fail(diag, ERR_CORRUPT, "a case is of a source that table sources lacks");
    }
    mp_write_array(&applying->triples, TRIPLE_FIELDS);
    mp_write_str(&applying->triples, fields[TRIPLE_SOURCE]);
    mp_write_str(&applying->triples, fields[TRIPLE_CASE_ID]);
    mp_write_int(&applying->triples, (int32_t)get_be32(fields[TRIPLE_REVISION].ptr));
    applying->count++;
    return applying->count == PART_CASES ? send_part(applying, diag) : ERR_OK;
}

static enum err send_all(struct db *db, const struct buf *from, struct applying *applying,
                         struct diag *diag) {
    struct buf sql = BUF_EMPTY;
    struct db_copy *copy = NULL;
    bool is_row = true;
    buf_str(&sql, "COPY (SELECT (SELECT s.name FROM sources s WHERE s.source = c.source), "
                  "c.case_id, c.revision ");
    buf_append(&sql, buf_span(from));
    buf_str(&sql, " ORDER BY c.source, c.case_id, c.revision) TO STDOUT (FORMAT binary)");
    enum err err = db_copy_open(db, buf_cstr(&sql), TRIPLE_FIELDS, &copy, diag);
    while (err == ERR_OK && is_row) {
        struct span fields[TRIPLE_FIELDS];
        err = db_copy_next(copy, fields, &is_row, diag);
        if (err == ERR_OK && is_row) {
            err = take_triple(applying, fields, diag);
        }
    }
    if (err == ERR_OK && applying->count > 0) {
        err = send_part(applying, diag);
    }
    db_copy_close(&copy);
    buf_free(&sql);
    return err;
}

static struct span date_text(bool has, int32_t days, char text[DATE_TEXT_BYTES]) {
    if (!has) {
        return SPAN_LIT("");
    }
    date_format(days, text);
    return span_str(text);
}

enum err replay_apply(struct db *db, const struct control_peer *control,
                      const struct replay_stored *stored, const struct replay_options *options,
                      struct replay_applied *applied, struct diag *diag) {
    struct buf from = BUF_EMPTY;
    struct applying applying = {.control = control, .stored = stored, .applied = applied};
    *applied = (struct replay_applied){0};
    applying.asked = (struct wire_message){
        .command = WIRE_REAPPLY,
        .reapply = {.ack = WIRE_ACK_OUTCOME,
                    .ruleset = span_str(ruleset_id(stored->candidate)),
                    .reference_date = date_text(options->has_reference_date,
                                                options->reference_date, applying.reference_date),
                    .as_of = date_text(options->has_as_of, options->as_of, applying.as_of)}};
    enum err err = wanted_sql(db, stored, &from, diag);
    if (err == ERR_OK) {
        err = count_wanted(db, &from, &applied->wanted, diag);
    }
    if (err == ERR_OK && applied->wanted > 0) {
        err = control_reach(control, diag);
    }
    if (err == ERR_OK && applied->wanted > 0) {
        progress_init(&applying.progress, "cases applied", applied->wanted);
        err = send_all(db, &from, &applying, diag);
        progress_end(&applying.progress, applied->done);
    }
    buf_free(&from);
    buf_free(&applying.triples);
    return err;
}
