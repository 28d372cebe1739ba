/* The stream: a signature with flags and an extension, then rows of be16 count and be32 lengths
 * with their bytes, then a count of -1.  The server sends whole rows in a piece. */
#include "db/copy_out.h"

#include "base/mem.h"
#include "db/db_priv.h"

enum { SIGNATURE_BYTES = 11, HEAD_BYTES = SIGNATURE_BYTES + 4 + 4, NULL_LENGTH = -1, END = -1 };

struct db_copy {
    struct db *db;
    uint32_t field_count;
    bool has_head;    /* the signature has been read */
    char *piece;      /* libpq's, or NULL */
    struct span left; /* what of it has not been read */
};

enum err db_copy_open(struct db *db, const char *sql, uint32_t field_count, struct db_copy **copy,
                      struct diag *diag) {
    PGresult *result = PQexec(db->conn, sql);
    enum err err = PQresultStatus(result) == PGRES_COPY_OUT ? ERR_OK : db_fail(db, result, diag);
    PQclear(result);
    if (err == ERR_OK) {
        *copy = mem_zero(1, sizeof(**copy));
        (*copy)->db = db;
        (*copy)->field_count = field_count;
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
static enum err finish(struct db *db, struct diag *diag) {
    enum err err = ERR_OK;
    for (PGresult *result = PQgetResult(db->conn); result != NULL; result = PQgetResult(db->conn)) {
        if (err == ERR_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = db_fail(db, result, diag);
        }
        PQclear(result);
    }
    return err;
}

/* *is_end is true behind the last piece. */
static enum err next_piece(struct db_copy *copy, bool *is_end, struct diag *diag) {
    PQfreemem(copy->piece);
    copy->piece = NULL;
    int got = PQgetCopyData(copy->db->conn, &copy->piece, 0);
    copy->left = span_make(copy->piece, got > 0 ? (size_t)got : 0);
    *is_end = got == -1;
    if (got == -1) {
        return finish(copy->db, diag);
    }
    return got > 0 ? ERR_OK : db_fail(copy->db, NULL, diag);
}

static void skip(struct span *left, size_t bytes) {
    *left = span_make(left->ptr + bytes, left->len - bytes);
}

static enum err read_head(struct db_copy *copy, struct diag *diag) {
    static const char signature[] = "PGCOPY\n\377\r\n";
    if (copy->left.len < HEAD_BYTES || memcmp(copy->left.ptr, signature, SIGNATURE_BYTES) != 0) {
        return damaged(diag);
    }
    uint32_t extension = get_be32(copy->left.ptr + HEAD_BYTES - 4);
    if (copy->left.len - HEAD_BYTES < extension) {
        return damaged(diag);
    }
    skip(&copy->left, HEAD_BYTES + extension);
    copy->has_head = true;
    return ERR_OK;
}

static enum err read_fields(struct db_copy *copy, struct span *fields, struct diag *diag) {
    struct span *left = &copy->left;
    for (uint32_t i = 0; i < copy->field_count; i++) {
        if (left->len < 4) {
            return damaged(diag);
        }
        int32_t len = (int32_t)get_be32(left->ptr);
        skip(left, 4);
        if (len == NULL_LENGTH) {
            fields[i] = span_make(NULL, 0);
            continue;
        }
        if (len < 0 || left->len < (size_t)len) {
            return damaged(diag);
        }
        fields[i] = span_make(left->ptr, (size_t)len);
        skip(left, (size_t)len);
    }
    return ERR_OK;
}

/* Makes sure that something of a row is left to read. */
static enum err fill(struct db_copy *copy, bool *is_end, struct diag *diag) {
    enum err err = ERR_OK;
    *is_end = false;
    while (err == ERR_OK && !*is_end && copy->left.len == 0) {
        err = next_piece(copy, is_end, diag);
        if (err == ERR_OK && !*is_end && !copy->has_head) {
            err = read_head(copy, diag);
        }
    }
    return err;
}

enum err db_copy_next(struct db_copy *copy, struct span *fields, bool *is_row, struct diag *diag) {
    *is_row = false;
    for (;;) {
        bool is_end = false;
        enum err err = fill(copy, &is_end, diag);
        if (err != ERR_OK || is_end) {
            return err;
        }
        int16_t count = copy->left.len < 2 ? 0 : (int16_t)get_be16(copy->left.ptr);
        if (count == END) { /* what follows are the results of the statement */
            copy->left = span_make(NULL, 0);
            continue;
        }
        if (count != (int16_t)copy->field_count) {
            return damaged(diag);
        }
        skip(&copy->left, 2);
        *is_row = true;
        return read_fields(copy, fields, diag);
    }
}
