/* CSV by the header row: each column has one cell in the case.  Each row fills these cells, and
 * the case is written from them in the schema's order. */
#include "cli/submit/csv.h"

#include "base/mem.h"
#include "base/suggest.h"
#include "wire/mp_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS_MAX = 512,
    NUMBER_BYTES_MAX = 40,
    CELL_CASE_ID = PATHS_MAX, /* after the slots of facts */
    CELL_REVISION,
    CELL_REFERENCE_DATE,
    CELL_AS_OF,
    CELL_COUNT
};

static const char *const ENVELOPE[] = {"case_id", "revision", "reference_date", "as_of"};

struct csv {
    const struct schema *schema;
    uint8_t separator;
    uint32_t column_count;
    uint16_t cell_of[COLUMNS_MAX]; /* of each column */
    struct span cells[CELL_COUNT]; /* of the current row; ptr NULL: no cell */
    struct buf text;               /* unquoted cells; sized before, so that it never moves */
};

static bool is_separator(uint8_t byte) { return byte == ',' || byte == ';' || byte == '\t'; }

static bool ends_cell(const struct csv *csv, uint8_t byte) {
    return csv == NULL ? is_separator(byte) : byte == csv->separator;
}

void csv_quotes_scan(struct csv_quotes *quotes, const struct csv *csv, struct span line) {
    bool is_start = !quotes->is_open;
    quotes->is_inner = false;
    for (size_t i = 0; i < line.len; i++) {
        bool is_quote = line.ptr[i] == '"';
        if (quotes->is_open) {
            quotes->is_open = !is_quote;
            quotes->is_inner = is_quote;
        } else {
            quotes->is_open = is_quote && (is_start || quotes->is_inner);
            quotes->is_inner = false;
            is_start = ends_cell(csv, line.ptr[i]);
        }
    }
}

bool csv_separator_line(struct span line) {
    return line.len == 5 && memcmp(line.ptr, "sep=", 4) == 0 && is_separator(line.ptr[4]);
}

/* The first separator outside quotes: no column's name holds one. */
static uint8_t find_separator(struct span header) {
    bool is_quoted = false;
    for (size_t i = 0; i < header.len; i++) {
        is_quoted = is_quoted != (header.ptr[i] == '"');
        if (!is_quoted && is_separator(header.ptr[i])) {
            return header.ptr[i];
        }
    }
    return ',';
}

/* Reads the cell at *at into the row's text and moves past its separator; *is_last if there is
 * none. */
static enum err read_cell(struct csv *csv, struct span row, size_t *at, struct span *cell,
                          bool *is_last) {
    struct buf *text = &csv->text;
    size_t start = text->len;
    size_t i = *at;
    if (i < row.len && row.ptr[i] == '"') {
        for (i++;; i++) {
            if (i >= row.len) {
                return ERR_INVALID;
            }
            if (row.ptr[i] == '"' && !(i + 1 < row.len && row.ptr[i + 1] == '"')) {
                break;
            }
            i += row.ptr[i] == '"';
            buf_byte(text, row.ptr[i]);
        }
        i++;
        if (i < row.len && row.ptr[i] != csv->separator) {
            return ERR_INVALID;
        }
    } else {
        for (; i < row.len && row.ptr[i] != csv->separator; i++) {
            buf_byte(text, row.ptr[i]);
        }
    }
    *cell = span_make(text->ptr + start, text->len - start);
    *is_last = i >= row.len;
    *at = i + 1;
    return ERR_OK;
}

static bool is_scalar(const struct fact *fact) {
    return fact->type != FACT_LIST && fact->type != FACT_MAP && fact->type != FACT_RECORD;
}

static bool fits_csv(const struct fact *fact) {
    return fact->slot != UINT16_MAX && fact->type != FACT_RECORD &&
           (is_scalar(fact) || is_scalar(fact->element));
}

/* The cell of a column's name, CELL_COUNT when it is none; *fact is NULL for the case's own. */
static uint16_t find_cell(const struct schema *schema, struct span name, const struct fact **fact) {
    *fact = NULL;
    for (size_t i = 0; i < COUNT_OF(ENVELOPE); i++) {
        if (span_is(name, ENVELOPE[i])) {
            return (uint16_t)(CELL_CASE_ID + i);
        }
    }
    *fact = schema_find(schema, name);
    return *fact == NULL ? CELL_COUNT : (*fact)->slot;
}

/* The part of *rest before the next `mark`; *rest moves past it. */
static struct span cut_at(struct span *rest, uint8_t mark) {
    size_t i = 0;
    while (i < rest->len && rest->ptr[i] != mark) {
        i++;
    }
    struct span part = span_make(rest->ptr, i);
    size_t taken = i < rest->len ? i + 1 : i;
    *rest = span_make(rest->ptr + taken, rest->len - taken);
    return part;
}

/* A fact's name, or a record's and its leaf's: longer texts are not shown. */
static bool looks_like_path(struct span name) {
    bool is_path = name.len <= 2 * FACT_NAME_BYTES_MAX + 1;
    while (is_path && name.len > 0) {
        struct span part = cut_at(&name, '.');
        is_path = schema_is_name(part);
    }
    return is_path;
}

/* The header may hold a person's data: a cell is shown only if it could be a name, and only after
 * another column proved that this is a header. */
static enum err unknown_column(const struct schema *schema, struct span name, uint32_t column,
                               struct diag *diag) {
    struct suggest suggest;
    struct span shown = looks_like_path(name) ? name : SPAN_LIT("?");
    suggest_init(&suggest, name);
    for (size_t i = 0; i < COUNT_OF(ENVELOPE); i++) {
        suggest_offer(&suggest, span_str(ENVELOPE[i]));
    }
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        suggest_offer(&suggest, span_str(schema->slots[i]->name));
    }
    return diag_fail(diag, ERR_INVALID, "column %u: there is no fact \"%.*s\"%s%.*s%s", column + 1,
                     SPAN_ARG(shown), SUGGEST_ARG(suggest));
}

static enum err bind_column(struct csv *csv, struct span name, struct diag *diag) {
    uint32_t column = csv->column_count;
    if (column == COLUMNS_MAX) {
        return diag_fail(diag, ERR_INVALID, "more than %d columns", COLUMNS_MAX);
    }
    const struct fact *fact = NULL;
    uint16_t index = find_cell(csv->schema, name, &fact);
    if (fact != NULL && !fits_csv(fact)) {
        return diag_fail(diag, ERR_INVALID,
                         "column %u: %s holds records, which CSV cannot hold; use JSON lines",
                         column + 1, fact->name);
    }
    if (index == CELL_COUNT) {
        return unknown_column(csv->schema, name, column, diag);
    }
    for (uint32_t i = 0; i < column; i++) {
        if (csv->cell_of[i] == index) {
            return diag_fail(diag, ERR_INVALID, "column %u: \"%.*s\" occurs twice", column + 1,
                             SPAN_ARG(name));
        }
    }
    csv->cell_of[csv->column_count++] = index;
    return ERR_OK;
}

/* A first row without any column's name is a case, not a header. */
static enum err check_header(struct csv *csv, struct span header, struct diag *diag) {
    bool is_last = false;
    for (size_t at = 0; !is_last;) {
        struct span name = {0};
        const struct fact *fact = NULL;
        if (read_cell(csv, header, &at, &name, &is_last) != ERR_OK) {
            return diag_fail(diag, ERR_INVALID,
                             "the header row: expected a closing quote before the end of the line");
        }
        if (find_cell(csv->schema, name, &fact) != CELL_COUNT) {
            return ERR_OK;
        }
    }
    return diag_fail(diag, ERR_INVALID,
                     "no column is known: expected a header row first, as case_id,revision,...");
}

enum err csv_open(struct span header, const struct schema *schema, struct csv **csv,
                  struct diag *diag) {
    struct csv *made = mem_zero(1, sizeof(*made));
    made->schema = schema;
    made->separator = find_separator(header);
    (void)buf_room(&made->text, header.len + 1);
    enum err err = check_header(made, header, diag);
    buf_clear(&made->text);
    bool is_last = false;
    for (size_t at = 0; err == ERR_OK && !is_last;) {
        struct span name = {0};
        err = read_cell(made, header, &at, &name, &is_last);
        err = err == ERR_OK
                  ? bind_column(made, name, diag)
                  : diag_fail(diag, err, "expected a closing quote before the end of the line");
    }
    if (err != ERR_OK) {
        csv_close(&made);
        return err;
    }
    *csv = made;
    return ERR_OK;
}

void csv_close(struct csv **csv) {
    if (*csv == NULL) {
        return;
    }
    buf_free(&(*csv)->text);
    mem_free(*csv);
    *csv = NULL;
}

/* Reads the row into cells; *is_blank when all of them are empty. */
static enum err read_row(struct csv *csv, struct span row, bool *is_blank, struct diag *diag) {
    for (uint32_t i = 0; i < CELL_COUNT; i++) {
        csv->cells[i] = span_make(NULL, 0);
    }
    buf_clear(&csv->text);
    (void)buf_room(&csv->text, row.len + 1);
    *is_blank = true;
    bool is_last = false;
    uint32_t column = 0;
    for (size_t at = 0; !is_last; column++) {
        struct span cell = {0};
        if (read_cell(csv, row, &at, &cell, &is_last) != ERR_OK) {
            return diag_fail(diag, ERR_INVALID,
                             "column %u: expected a separator or the end of the row after a quote",
                             column + 1);
        }
        if (cell.len > 0 && memchr(cell.ptr, '\0', cell.len) != NULL) {
            return diag_fail(
                diag, ERR_INVALID,
                "column %u: a NUL byte, which no text may hold; save the file as UTF-8",
                column + 1);
        }
        *is_blank = *is_blank && span_trim(cell).len == 0;
        if (column < csv->column_count && cell.len > 0) {
            csv->cells[csv->cell_of[column]] = cell;
        }
    }
    if (column != csv->column_count && !*is_blank) {
        return diag_fail(diag, ERR_INVALID, "expected %u cells, found %u", csv->column_count,
                         column);
    }
    return ERR_OK;
}

/* Copies the text for the number readers, which need a NUL, unless it has a character that only
 * they accept in a number (spaces, "inf", "0x"). */
static bool number_text(struct span cell, const char *letters, char text[NUMBER_BYTES_MAX]) {
    if (cell.len == 0 || cell.len >= NUMBER_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '\0' || strchr(letters, cell.ptr[i]) == NULL) {
            return false;
        }
    }
    memcpy(text, cell.ptr, cell.len);
    text[cell.len] = '\0';
    return true;
}

static void write_int_cell(struct span cell, struct buf *out) {
    char text[NUMBER_BYTES_MAX];
    char *end = NULL;
    errno = 0;
    if (number_text(cell, "+-0123456789", text)) {
        long long number = strtoll(text, &end, 10);
        if (errno == 0 && end == text + cell.len) {
            mp_write_int(out, number);
            return;
        }
    }
    mp_write_str(out, cell);
}

static void write_double_cell(struct span cell, struct buf *out) {
    char text[NUMBER_BYTES_MAX];
    char *end = NULL;
    errno = 0;
    if (number_text(cell, "+-.0123456789eE", text)) {
        double number = strtod(text, &end);
        if (errno == 0 && end == text + cell.len) {
            mp_write_double(out, number);
            return;
        }
    }
    mp_write_str(out, cell);
}

/* As JSON, Excel and Python write it. */
static bool read_bool(struct span cell, bool *value) {
    static const char *const words[][2] = {{"false", "true"}, {"FALSE", "TRUE"}, {"False", "True"}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        *value = span_is(cell, words[i][1]);
        if (*value || span_is(cell, words[i][0])) {
            return true;
        }
    }
    return false;
}

static void write_scalar(const struct fact *fact, struct span cell, struct buf *out) {
    bool value = false;
    if (fact->type == FACT_BOOL && read_bool(cell, &value)) {
        mp_write_bool(out, value);
    } else if (fact->type == FACT_INT) {
        write_int_cell(cell, out);
    } else if (fact->type == FACT_DOUBLE) {
        write_double_cell(cell, out);
    } else {
        mp_write_str(out, cell);
    }
}

static void write_cell(const struct fact *fact, struct span cell, struct buf *out) {
    if (is_scalar(fact)) {
        write_scalar(fact, cell, out);
        return;
    }
    size_t count = 0;
    struct span rest = span_is(cell, ";") ? span_make(NULL, 0) : cell;
    for (struct span left = rest; left.len > 0; count++) {
        (void)cut_at(&left, ';');
    }
    if (fact->type == FACT_LIST) {
        mp_write_array(out, count);
    } else {
        mp_write_map(out, count);
    }
    while (rest.len > 0) {
        struct span part = cut_at(&rest, ';');
        if (fact->type == FACT_MAP) {
            mp_write_str(out, cut_at(&part, '='));
        }
        write_scalar(fact->element, part, out);
    }
}

static uint32_t count_fields(const struct csv *csv, const struct fact *record) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < record->field_count; i++) {
        count += csv->cells[record->fields[i].slot].ptr != NULL;
    }
    return count;
}

static void write_facts(const struct csv *csv, struct buf *out) {
    const struct schema *schema = csv->schema;
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        const struct fact *fact = &schema->facts[i];
        count += fact->type == FACT_RECORD ? count_fields(csv, fact) > 0
                                           : csv->cells[fact->slot].ptr != NULL;
    }
    mp_write_map(out, count);
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        const struct fact *fact = &schema->facts[i];
        bool is_record = fact->type == FACT_RECORD;
        uint32_t fields = is_record ? count_fields(csv, fact) : 0;
        if (fields > 0) {
            mp_write_str(out, span_str(fact->leaf));
            mp_write_map(out, fields);
        }
        for (uint32_t k = 0; k < (is_record ? fact->field_count : 1); k++) {
            const struct fact *leaf = is_record ? &fact->fields[k] : fact;
            struct span cell = csv->cells[leaf->slot];
            if (cell.ptr != NULL) {
                mp_write_str(out, span_str(leaf->leaf));
                write_cell(leaf, cell, out);
            }
        }
    }
}

enum err csv_encode(struct csv *csv, struct span row, struct buf *out, struct diag *diag) {
    bool is_blank = false;
    enum err err = read_row(csv, row, &is_blank, diag);
    if (err != ERR_OK || is_blank) {
        return err;
    }
    uint32_t given = 1;
    for (uint32_t index = CELL_CASE_ID; index < CELL_COUNT; index++) {
        given += csv->cells[index].ptr != NULL;
    }
    mp_write_map(out, given);
    for (uint32_t index = CELL_CASE_ID; index < CELL_COUNT; index++) {
        struct span cell = csv->cells[index];
        if (cell.ptr == NULL) {
            continue;
        }
        mp_write_str(out, span_str(ENVELOPE[index - CELL_CASE_ID]));
        if (index == CELL_REVISION) {
            write_int_cell(cell, out);
        } else {
            mp_write_str(out, cell);
        }
    }
    mp_write_str(out, SPAN_LIT("facts"));
    write_facts(csv, out);
    return ERR_OK;
}
