/* libpq supplies the pieces, copy_read.c reads their rows.  A stream is complete only if it has its
 * end and as many rows as the server's command tag states. */
#include "db/copy_out.h"

#include "base/mem.h"
#include "db/copy_read.h"
#include "db/db_priv.h"

#include <inttypes.h>
#include <stdio.h>

enum { TAG_BYTES = 32 };

struct db_copy {
    struct db *db;
    struct copy_reader reader;
    char *piece; /* libpq's, or NULL */
};

enum err db_copy_open(struct db *db, const char *sql, uint32_t field_count, struct db_copy **copy,
                      struct diag *diag) {
    PGresult *result = NULL;
    enum err err = db_send(db, sql, 0, NULL, diag);
    err = err == ERR_OK ? db_last_result(db, &result, diag) : err;
    if (err == ERR_OK && PQresultStatus(result) != PGRES_COPY_OUT) {
        err = db_fail(db, result, diag);
    }
    PQclear(result);
    if (err == ERR_OK) {
        *copy = mem_zero(1, sizeof(**copy));
        (*copy)->db = db;
        (*copy)->reader.field_count = field_count;
    }
    return err;
}

void db_copy_close(struct db_copy **copy) {
    if (*copy != NULL) {
        PQfreemem((*copy)->piece);
        mem_free(*copy);
        *copy = NULL;
    }
}

static enum err damaged(struct diag *diag) {
    return diag_fail(diag, ERR_CORRUPT, "PostgreSQL sent rows of another shape than expected");
}

/* The rest of the results, so that the connection is idle; a failure of the server comes here. */
static enum err finish(struct db_copy *copy, struct diag *diag) {
    char tag[TAG_BYTES];
    PGresult *result = NULL;
    (void)snprintf(tag, sizeof(tag), "COPY %" PRIu64, copy->reader.rows);
    enum err err = db_last_result(copy->db, &result, diag);
    if (err == ERR_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        err = db_fail(copy->db, result, diag);
    }
    bool is_whole = err == ERR_OK && copy->reader.has_end && strcmp(PQcmdStatus(result), tag) == 0;
    PQclear(result);
    return err != ERR_OK || is_whole ? err : damaged(diag);
}

/* The next piece: its length, -1 after the last.  Each has the limit of one call. */
static enum err receive(struct db_copy *copy, int *got, struct diag *diag) {
    struct db *db = copy->db;
    db_patience_begin(&db->patience);
    for (;;) {
        *got = PQgetCopyData(db->conn, &copy->piece, 1);
        if (*got != 0) {
            return *got == -2 ? db_fail(db, NULL, diag) : ERR_OK;
        }
        enum err err = db_patience_wait(&db->patience, db->conn, false);
        if (err != ERR_OK) {
            return db_given_up(db, err, diag);
        }
    }
}

/* *is_end is true after the last piece. */
static enum err next_piece(struct db_copy *copy, bool *is_end, struct diag *diag) {
    PQfreemem(copy->piece);
    copy->piece = NULL;
    int got = 0;
    enum err err = receive(copy, &got, diag);
    if (err != ERR_OK) {
        return err;
    }
    *is_end = got == -1;
    if (*is_end) {
        return finish(copy, diag);
    }
    return copy_reader_take(&copy->reader, span_make(copy->piece, (size_t)got)) == ERR_OK
               ? ERR_OK
               : damaged(diag);
}

enum err db_copy_next(struct db_copy *copy, struct span *fields, bool *is_row, struct diag *diag) {
    for (bool is_end = false;;) {
        if (copy_reader_next(&copy->reader, fields, is_row) != ERR_OK) {
            return damaged(diag);
        }
        if (*is_row || is_end) {
            return ERR_OK;
        }
        enum err err = next_piece(copy, &is_end, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
}
