/* Pieces come from libpq, rows are read out of them by copy_read.c.  A stream counts as whole only
 * with its end, and with as many rows as the server's command tag says it sent. */
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
    PGresult *result = PQexec(db->conn, sql);
    enum err err = PQresultStatus(result) == PGRES_COPY_OUT ? ERR_OK : db_fail(db, result, diag);
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
    return diag_fail(diag, ERR_CORRUPT, "PostgreSQL sent rows of another shape than asked for");
}

/* The rest of the results, so that the connection is idle; a failure of the server comes here. */
static enum err finish(struct db_copy *copy, struct diag *diag) {
    char tag[TAG_BYTES];
    bool is_whole = false;
    enum err err = ERR_OK;
    (void)snprintf(tag, sizeof(tag), "COPY %" PRIu64, copy->reader.rows);
    PGconn *conn = copy->db->conn;
    for (PGresult *result = PQgetResult(conn); result != NULL; result = PQgetResult(conn)) {
        is_whole = is_whole || strcmp(PQcmdStatus(result), tag) == 0;
        if (err == ERR_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = db_fail(copy->db, result, diag);
        }
        PQclear(result);
    }
    return err != ERR_OK || (is_whole && copy->reader.has_end) ? err : damaged(diag);
}

/* *is_end is true behind the last piece. */
static enum err next_piece(struct db_copy *copy, bool *is_end, struct diag *diag) {
    PQfreemem(copy->piece);
    copy->piece = NULL;
    int got = PQgetCopyData(copy->db->conn, &copy->piece, 0);
    *is_end = got == -1;
    if (got == -1) {
        return finish(copy, diag);
    }
    if (got <= 0) {
        return db_fail(copy->db, NULL, diag);
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
