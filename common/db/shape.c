/* The only code that compares a server's result with the expected shape. */
#include "db/db_priv.h"

#include "base/uuid.h"

#include <errno.h>
#include <stdlib.h>

enum { DECIMAL = 10, TEXT_FORMAT = 0, BINARY_FORMAT = 1 };
#define COUNT_MAX ((int64_t)1 << 53)

static bool rows_fit(char wanted, uint32_t rows) {
    switch (wanted) {
    case '1':
        return rows == 1;
    case '?':
        return rows <= 1;
    case '+':
        return rows >= 1;
    default:
        CHECK(wanted == '*');
        return true;
    }
}

static bool is_whole_number(struct span cell, int64_t min, int64_t max) {
    char *end = NULL;
    const char *text = (const char *)cell.ptr; /* libpq appends a NUL */
    errno = 0;
    long long number = strtoll(text, &end, DECIMAL);
    bool has_digit = cell.len > 0 && ((text[0] >= '0' && text[0] <= '9') || text[0] == '-');
    return has_digit && errno == 0 && end == text + cell.len && number >= min && number <= max;
}

static bool is_text(struct span cell) {
    return span_is_utf8(cell) && (cell.len == 0 || memchr(cell.ptr, 0, cell.len) == NULL);
}

static bool cell_fits(char wanted, struct span cell) {
    struct uuid uuid;
    switch (wanted) {
    case 'i':
        return is_whole_number(cell, INT64_MIN, INT64_MAX);
    case 'w':
        return is_whole_number(cell, INT32_MIN, INT32_MAX);
    case 'n':
        return is_whole_number(cell, 0, COUNT_MAX);
    case 'h':
        return is_whole_number(cell, 0, INT16_MAX);
    case 'b':
        return span_is(cell, "t") || span_is(cell, "f");
    case 'u':
        return uuid_parse(cell, &uuid) == ERR_OK;
    case 's':
        return is_text(cell);
    case 'x':
        return true;
    default: /* so many bytes */
        CHECK(wanted == '2' || wanted == '4' || wanted == '8');
        return cell.len == (size_t)(wanted - '0');
    }
}

static bool is_binary(char wanted) { return strchr("248x", wanted) != NULL; }

/* Moves *shape to the next column's character; '\0' after the last. */
static char next_column(const char **shape, bool *is_nullable) {
    while (**shape == ' ') {
        ++*shape;
    }
    char wanted = **shape;
    *shape += wanted == '\0' ? 0 : 1;
    *is_nullable = **shape == '?';
    *shape += *is_nullable ? 1 : 0;
    return wanted;
}

static enum err differs(struct diag *diag, const char *what, uint32_t row, uint32_t column) {
    return diag_fail(diag, ERR_CORRUPT,
                     "PostgreSQL sent an unexpected result: %s (row %u, column %u)", what, row,
                     column);
}

static enum err column_check(const struct db_result *result, uint32_t column, char wanted,
                             bool is_nullable, struct diag *diag) {
    int format = PQfformat(result->result, (int)column);
    if (db_rows(result) > 0 && format != (is_binary(wanted) ? BINARY_FORMAT : TEXT_FORMAT)) {
        return differs(diag, "another format", 0, column + 1);
    }
    for (uint32_t row = 0; row < db_rows(result); row++) {
        if (db_cell(result, row, column) == NULL) {
            if (!is_nullable) {
                return differs(diag, "no value", row + 1, column + 1);
            }
        } else if (!cell_fits(wanted, db_cell_span(result, row, column))) {
            return differs(diag, "another kind of value", row + 1, column + 1);
        }
    }
    return ERR_OK;
}

enum err db_expect(const struct db_result *result, const char *shape, struct diag *diag) {
    if (result == NULL || !rows_fit(shape[0], db_rows(result))) {
        return differs(diag, "another number of rows", result == NULL ? 0 : db_rows(result), 0);
    }
    bool is_nullable = false;
    uint32_t column = 0;
    const char *at = shape + 1;
    char wanted = next_column(&at, &is_nullable);
    for (; wanted != '\0' && wanted != '*'; wanted = next_column(&at, &is_nullable)) {
        enum err err = column < db_columns(result)
                           ? column_check(result, column, wanted, is_nullable, diag)
                           : differs(diag, "fewer columns", 0, column + 1);
        if (err != ERR_OK) {
            return err;
        }
        column++;
    }
    return wanted == '*' || column == db_columns(result)
               ? ERR_OK
               : differs(diag, "more columns", 0, column + 1);
}
