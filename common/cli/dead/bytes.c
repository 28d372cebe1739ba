/* See bytes.h. */
#include "cli/dead/bytes.h"

#include "cli/database.h"
#include "cli/msgpack_json.h"

/* Recorded before it is shown, in the snapshot of the same statement. */
#define FIRST_SEEN_UTC DB_UTC("d.first_seen_at")
#define LAST_SEEN_UTC DB_UTC("d.last_seen_at")
#define RESOLVED_UTC DB_UTC("d.resolved_at")
static const char SHOW_SQL[] =
    "WITH noted AS (INSERT INTO operator_actions (kind, why, letters, login, host) "
    "VALUES ('show', $2, $1::bigint[], $3, $4)) "
    "SELECT d.dead AS letter, s.name AS source, d.reason, d.path, d.expected, d.found, d.case_id, "
    "d.revision, d.batch, d.position, " FIRST_SEEN_UTC " AS first_seen_at, " LAST_SEEN_UTC
    " AS last_seen_at, d.seen, " RESOLVED_UTC " AS resolved_at, "
    "d.history::text AS history, encode(d.body, 'hex') AS body "
    "FROM dead_letters d JOIN sources s ON s.source = d.source "
    "WHERE d.dead = ANY ($1::bigint[]) ORDER BY d.dead";

#define SHOW_SHAPE "* i s s s? s? s? s? w? s? w? s s n s? s? s"

enum err dead_letters_read(struct db *db, const char *numbers, const struct operator_self *self,
                           struct db_result **rows, struct diag *diag) {
    const char *const params[] = {numbers, self->why, self->user, self->host};
    struct db_result *got = NULL;
    enum err err = db_query(db, SHOW_SQL, COUNT_OF(params), params, &got, diag);
    err = err == ERR_OK ? db_expect(got, SHOW_SHAPE, diag) : err;
    if (err != ERR_OK) {
        db_result_free(&got);
        return err;
    }
    *rows = got;
    return ERR_OK;
}

static uint8_t digit_of(char c) { return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10); }

void dead_letter_bytes(const struct db_result *rows, uint32_t row, struct buf *out) {
    struct span hex = db_cell_span(rows, row, db_columns(rows) - 1);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        buf_byte(out, (uint8_t)(digit_of((char)hex.ptr[i]) << 4 | digit_of((char)hex.ptr[i + 1])));
    }
}

void dead_letter_json(const struct db_result *rows, uint32_t row, struct json *json) {
    struct buf bytes = BUF_EMPTY;
    uint32_t last = db_columns(rows) - 1;
    json_object_open(json);
    for (uint32_t column = 0; column < last; column++) {
        database_json_cell(json_key(json, db_column_name(rows, column)), rows, row, column);
    }
    dead_letter_bytes(rows, row, &bytes);
    msgpack_json(buf_span(&bytes), json_key(json, db_column_name(rows, last)));
    json_object_close(json);
    buf_free(&bytes);
}
