/* Rows: the kind of a column states what its value is, so that a value of the usual form is read
 * without a search for its name.  All others take the path of the map. */
#include "casedoc/case_rows.h"

#include "base/mem.h"
#include "casedoc/casedoc_priv.h"
#include "casedoc/decode_priv.h"
#include "wire/mp_write.h"
#include "wire/rows.h"

#include <stdlib.h>

enum { NIL = 0xc0, FALSE_BYTE = 0xc2, TRUE_BYTE = 0xc3, STR_FIRST = 0xa0, DATE_FIRST = 0xaa };

enum column_kind {
    COLUMN_FACT, /* a fact, its value as in a map; a record, too */
    COLUMN_BOOL, /* these: a fact whose usual form has a fast path */
    COLUMN_WORD, /* enum, iso */
    COLUMN_DATE,
    COLUMN_LEAF_UNKNOWN, /* a record that the schema has, a field that it has not */
    COLUMN_RECORD_UNKNOWN,
    COLUMN_UNKNOWN
};
#define GROUP_NONE UINT16_MAX

struct column {
    enum column_kind kind;
    uint16_t slot;
    uint16_t group;            /* first column of the same record; GROUP_NONE: it is no leaf */
    uint16_t next;             /* next column of it, or GROUP_NONE */
    const struct fact *fact;   /* of a fact or a leaf */
    const struct fact *record; /* of a leaf, or NULL */
    const struct word_index *words;
    struct span key;  /* in `facts` */
    struct span leaf; /* in the record, if it is a leaf */
};

struct case_columns {
    uint32_t references;
    const struct schema *schema;
    struct buf names;               /* a copy of the array */
    uint16_t order[ROWS_NAMES_MAX]; /* columns in byte order of their names */
    uint32_t count;
    struct column items[];
};

static const struct fact *find_in(const struct fact_list *list, struct span name) {
    uint32_t i = words_find(list->index, name);
    return i == WORD_NONE ? NULL : &list->facts[i];
}

static enum column_kind kind_of(const struct fact *fact) {
    return fact->type == FACT_BOOL                             ? COLUMN_BOOL
           : fact->type == FACT_ENUM || fact->type == FACT_ISO ? COLUMN_WORD
           : fact->type == FACT_DATE                           ? COLUMN_DATE
                                                               : COLUMN_FACT;
}

/* A dotted name whose first part is a fact but no record is no leaf.  As a map the case has the
 * whole name as its key, which is unknown there as well. */
static void resolve(const struct schema *schema, struct span name, struct column *column) {
    struct fact_list facts = decode_facts(schema);
    struct span record;
    bool has_dot = rows_name_record(name, &record);
    const struct fact *whole = find_in(&facts, has_dot ? record : name);
    *column = (struct column){
        .kind = COLUMN_UNKNOWN, .group = GROUP_NONE, .next = GROUP_NONE, .key = name};
    if (has_dot && (whole == NULL || whole->type == FACT_RECORD)) {
        column->key = record;
        column->leaf = span_from(name, record.len + 1);
        column->group = 0;
        column->kind = whole == NULL ? COLUMN_RECORD_UNKNOWN : COLUMN_LEAF_UNKNOWN;
        column->record = whole;
        struct fact_list fields = whole == NULL ? facts : record_list(whole);
        column->fact = whole == NULL ? NULL : find_in(&fields, column->leaf);
    } else if (!has_dot) {
        column->fact = whole;
    }
    if (column->fact != NULL) {
        column->kind = kind_of(column->fact);
        column->slot = column->fact->slot;
        column->words = column->fact->word_index;
    }
}

static int by_key(const void *left, const void *right) {
    const struct column *a = *(const struct column *const *)left;
    const struct column *b = *(const struct column *const *)right;
    int order = span_cmp(a->key, b->key);
    return order != 0 ? order : span_cmp(a->leaf, b->leaf);
}

/* Sorts the columns and joins the leaves of one record, which are neighbours then. */
static void order_columns(struct case_columns *columns) {
    const struct column *sorted[ROWS_NAMES_MAX];
    struct column *last = NULL;
    for (uint32_t i = 0; i < columns->count; i++) {
        sorted[i] = &columns->items[i];
    }
    qsort(sorted, columns->count, sizeof(*sorted), by_key);
    for (uint32_t i = 0; i < columns->count; i++) {
        uint16_t number = (uint16_t)(sorted[i] - columns->items);
        struct column *column = &columns->items[number];
        columns->order[i] = number;
        if (column->group != GROUP_NONE) {
            bool is_same =
                last != NULL && last->group != GROUP_NONE && span_eq(last->key, column->key);
            column->group = is_same ? last->group : number;
            if (is_same) {
                last->next = number;
            }
        }
        last = column;
    }
}

enum err case_columns_new(const struct schema *schema, struct span bytes,
                          struct case_columns **columns) {
    struct row_names names;
    struct walk_fault fault;
    uint32_t length = 0;
    struct buf copy = BUF_EMPTY;
    buf_append(&copy, bytes);
    if (rows_names_read(buf_span(&copy), &names, &length, &fault) != ERR_OK || length != copy.len) {
        buf_free(&copy);
        return ERR_INVALID;
    }
    struct case_columns *made = mem_zero(1, sizeof(*made) + names.count * sizeof(made->items[0]));
    made->references = 1;
    made->schema = schema;
    made->names = copy;
    made->count = names.count;
    for (uint32_t i = 0; i < names.count; i++) {
        resolve(schema, names.names[i], &made->items[i]);
    }
    order_columns(made);
    *columns = made;
    return ERR_OK;
}

struct case_columns *case_columns_ref(struct case_columns *columns) {
    columns->references++;
    return columns;
}

void case_columns_unref(struct case_columns **held) {
    struct case_columns *columns = *held;
    *held = NULL;
    if (columns != NULL && --columns->references == 0) {
        buf_free(&columns->names);
        mem_free(columns);
    }
}

bool case_columns_are(const struct case_columns *columns, const struct schema *schema,
                      struct span names) {
    return columns->schema == schema && span_eq(buf_span(&columns->names), names);
}

/* What the map form does with an unknown key. */
__attribute__((noinline, cold)) static void decode_unknown(struct decoder *d,
                                                           const struct column *column) {
    size_t start = d->at;
    if (column->kind == COLUMN_RECORD_UNKNOWN) {
        decode_unknown_key(d, decode_facts(d->schema), column->key, walk_type_name(WALK_MAP));
    } else if (column->kind == COLUMN_LEAF_UNKNOWN) {
        d->trail[d->depth++].name = column->key;
        decode_unknown_key(d, record_list(column->record), column->leaf, decode_found_next(d));
        d->depth--;
    } else {
        decode_unknown_key(d, decode_facts(d->schema), column->key, decode_found_next(d));
    }
    decode_skip(d, start);
}

__attribute__((noinline)) static void decode_as_map(struct decoder *d,
                                                    const struct column *column) {
    if (column->fact == NULL) {
        decode_unknown(d, column);
        return;
    }
    d->trail[d->depth++].name = column->key;
    if (column->record != NULL) {
        d->trail[d->depth++].name = column->leaf;
    }
    (void)decode_fact(d, column->fact,
                      column->fact->type == FACT_RECORD ? NULL : &d->doc->slots[column->slot]);
    d->depth -= column->record != NULL ? 2 : 1;
}

/* Reads the usual form of a value; false: it has another. */
static inline bool decode_usual(struct decoder *d, const struct column *column) {
    size_t left = d->bytes.len - d->at;
    const uint8_t *at = d->bytes.ptr + d->at;
    struct value *slot = &d->doc->slots[column->slot];
    int32_t days = 0;
    switch (column->kind) {
    case COLUMN_BOOL:
        if (*at != TRUE_BYTE && *at != FALSE_BYTE) {
            return false;
        }
        *slot = value_bool(*at == TRUE_BYTE);
        d->at++;
        return true;
    case COLUMN_WORD: {
        uint32_t len = (uint32_t)*at - STR_FIRST;
        if (len >= 32 || len >= left) {
            return false;
        }
        struct span text = span_make(at + 1, len);
        uint32_t number = words_find(column->words, text);
        if (number == WORD_NONE) {
            return false;
        }
        *slot = value_word(text, number);
        d->at += 1 + len;
        return true;
    }
    case COLUMN_DATE:
        if (*at != DATE_FIRST || left < 11 || date_parse(span_make(at + 1, 10), &days) != ERR_OK) {
            return false;
        }
        *slot = value_date(days);
        d->at += 11;
        return true;
    case COLUMN_FACT:
    case COLUMN_LEAF_UNKNOWN:
    case COLUMN_RECORD_UNKNOWN:
    case COLUMN_UNKNOWN:
        break;
    }
    return false;
}

static void decode_facts_of(struct decoder *d, const struct case_columns *columns, uint32_t count) {
    d->base = DECODE_FACTS_BASE;
    for (uint32_t i = 0; i < count && !decode_stopped(d); i++) {
        if (d->at >= d->bytes.len) {
            d->err = ERR_TRUNCATED;
            return;
        }
        if (d->bytes.ptr[d->at] == NIL) {
            d->at++;
        } else if (!decode_usual(d, &columns->items[i])) {
            decode_as_map(d, &columns->items[i]);
        }
    }
}

/* The head of a row: how many values it has. */
static enum err read_head(const struct case_columns *columns, struct span bytes, size_t *at,
                          uint32_t *count) {
    struct walk_item item;
    enum err err = walk_next(bytes, at, &item);
    if (err != ERR_OK) {
        return err;
    }
    if (item.type != WALK_ARRAY || item.count > ROWS_KEYS + columns->count) {
        return ERR_INVALID;
    }
    *count = item.count;
    return ERR_OK;
}

enum err case_row_next(const struct case_columns *columns, struct span bytes, size_t *offset,
                       struct arena *arena, struct case_doc *doc) {
    struct decoder d = {.schema = columns->schema,
                        .bytes = bytes,
                        .at = *offset,
                        .arena = arena,
                        .doc = doc,
                        .base = "case"};
    uint32_t count = 0;
    enum err err = read_head(columns, bytes, &d.at, &count);
    if (err != ERR_OK) {
        return err;
    }
    if (decode_begin(&d)) {
        uint32_t keys = count < ROWS_KEYS ? count : ROWS_KEYS;
        decode_keys(&d, keys);
        decode_facts_of(&d, columns, count - keys);
        decode_end(&d);
    }
    if (!decode_stopped(&d)) {
        *offset = d.at;
        return ERR_OK;
    }
    err = walk_value(bytes, offset);
    return d.err != ERR_OK && err == ERR_OK ? d.err : err;
}

/* --- as a map -------------------------------------------------------------------------------- */

struct cells {
    struct span keys[ROWS_KEYS];
    struct span values[ROWS_NAMES_MAX];
    uint16_t in_group[ROWS_NAMES_MAX]; /* values of the group that begins with this column */
    uint32_t pairs;
};

static bool is_known(struct span value) { return value.len > 0 && value.ptr[0] != NIL; }

static enum err read_cells(const struct case_columns *columns, struct span row,
                           struct cells *cells) {
    size_t at = 0;
    uint32_t count = 0;
    enum err err = read_head(columns, row, &at, &count);
    memset(cells, 0, sizeof(*cells));
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        size_t start = at;
        err = walk_value(row, &at);
        struct span value = span_make(row.ptr + start, at - start);
        if (i < ROWS_KEYS) {
            cells->keys[i] = value;
            continue;
        }
        const struct column *column = &columns->items[i - ROWS_KEYS];
        cells->values[i - ROWS_KEYS] = value;
        if (is_known(value)) {
            bool is_first = column->group == GROUP_NONE || cells->in_group[column->group]++ == 0;
            cells->pairs += is_first ? 1 : 0;
        }
    }
    return err == ERR_OK ? ERR_OK : ERR_INVALID;
}

static void write_group(const struct case_columns *columns, struct cells *cells, uint16_t group,
                        struct buf *out) {
    mp_write_str(out, columns->items[group].key);
    mp_write_map(out, cells->in_group[group]);
    for (uint32_t i = group; i != GROUP_NONE; i = columns->items[i].next) {
        if (is_known(cells->values[i])) {
            mp_write_str(out, columns->items[i].leaf);
            buf_append(out, cells->values[i]);
        }
    }
    cells->in_group[group] = 0;
}

enum err case_row_to_map(const struct case_columns *columns, struct span row, struct buf *out) {
    static const char *const KEYS[ROWS_KEYS] = {"case_id", "revision", "reference_date", "as_of"};
    struct cells cells;
    if (read_cells(columns, row, &cells) != ERR_OK) {
        return ERR_INVALID;
    }
    size_t parts = 1;
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        parts += is_known(cells.keys[i]) ? 1 : 0;
    }
    mp_write_map(out, parts);
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        if (is_known(cells.keys[i])) {
            mp_write_str(out, span_str(KEYS[i]));
            buf_append(out, cells.keys[i]);
        }
    }
    mp_write_str(out, SPAN_LIT("facts"));
    mp_write_map(out, cells.pairs);
    for (uint32_t k = 0; k < columns->count; k++) {
        uint32_t i = columns->order[k];
        const struct column *column = &columns->items[i];
        if (!is_known(cells.values[i])) {
            continue;
        }
        if (column->group == GROUP_NONE) {
            mp_write_str(out, column->key);
            buf_append(out, cells.values[i]);
        } else if (cells.in_group[column->group] > 0) {
            write_group(columns, &cells, column->group, out);
        }
    }
    return ERR_OK;
}
