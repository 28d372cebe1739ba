/* A result's rows and cells, and a server's message in one line. */
#include "db/db_priv.h"

#include "base/mem.h"

void db_one_line(const char *message, char *text, size_t size) {
    CHECK(size > 0);
    size_t len = 0;
    for (const char *at = message; *at != '\0' && len + 1 < size; at++) {
        bool space = *at == '\n' || *at == '\r' || *at == '\t' || *at == ' ';
        if (!space) {
            text[len++] =
                *at == '"' ? '\'' : *at; /* the message becomes part of a quoted log field */
        } else if (len > 0 && text[len - 1] != ' ') {
            text[len++] = ' ';
        }
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    text[len] = '\0';
}

struct db_result *db_result_new(PGresult *result) {
    struct db_result *holder = mem_zero(1, sizeof(*holder));
    holder->result = result;
    return holder;
}

void db_result_free(struct db_result **result) {
    if (*result != NULL) {
        PQclear((*result)->result);
        mem_free(*result);
        *result = NULL;
    }
}

uint32_t db_rows(const struct db_result *result) { return (uint32_t)PQntuples(result->result); }

uint32_t db_columns(const struct db_result *result) { return (uint32_t)PQnfields(result->result); }

const char *db_column_name(const struct db_result *result, uint32_t column) {
    return PQfname(result->result, (int)column);
}

const char *db_cell(const struct db_result *result, uint32_t row, uint32_t column) {
    CHECK(row < db_rows(result));
    CHECK(column < db_columns(result));
    return PQgetisnull(result->result, (int)row, (int)column) != 0
               ? NULL
               : PQgetvalue(result->result, (int)row, (int)column);
}

bool db_column_is_int(const struct db_result *result, uint32_t column) {
    enum { INT8_OID = 20, INT2_OID = 21, INT4_OID = 23 }; /* of pg_type; they never change */
    Oid type = PQftype(result->result, (int)column);
    return type == INT8_OID || type == INT2_OID || type == INT4_OID;
}

struct span db_cell_span(const struct db_result *result, uint32_t row, uint32_t column) {
    const char *cell = db_cell(result, row, column);
    return span_make(cell,
                     cell == NULL ? 0 : (size_t)PQgetlength(result->result, (int)row, (int)column));
}
