/* Scalars and lists of text; json_read.c reads the text of other lists and of maps. */

#include "base/buf.h"
#include "base/date.h"
#include "casedoc/casedoc_priv.h"
#include "casedoc/column.h"

#include <math.h>

enum {
    SECOND_US = 1000000,
    ARRAY_HEAD_BYTES = 12, /* dimensions, flags, element type; then count and lower bound */
    ARRAY_BOUNDS_BYTES = 8,
    OID_INT2 = 21,
    INT2_ELEMENT_BYTES = 4 + 2
};

enum err column_read_date(struct span bytes, int32_t *days) {
    if (bytes.len != 4) {
        return ERR_INVALID;
    }
    int64_t count = (int64_t)(int32_t)get_be32(bytes.ptr) + DATE_POSTGRES_EPOCH;
    if (count < DATE_DAYS_MIN || count > DATE_DAYS_MAX) {
        return ERR_INVALID;
    }
    *days = (int32_t)count;
    return ERR_OK;
}

enum err column_read_time(struct span bytes, int64_t *us) {
    if (bytes.len != 8) {
        return ERR_INVALID;
    }
    int64_t count = (int64_t)get_be64(bytes.ptr);
    if (count < (DATE_DAYS_MIN - DATE_POSTGRES_EPOCH) * DATE_DAY_US ||
        count >= (DATE_DAYS_MAX + 1 - DATE_POSTGRES_EPOCH) * DATE_DAY_US) {
        return ERR_INVALID; /* no case has such a time; this includes infinity and -infinity */
    }
    *us = count + DATE_POSTGRES_EPOCH * DATE_DAY_US;
    return ERR_OK;
}

/* The elements after an array's head; an empty array has no dimension. */
static enum err array_read(struct span bytes, uint32_t oid, struct span *elements,
                           uint32_t *count) {
    if (bytes.len < ARRAY_HEAD_BYTES || get_be32(bytes.ptr + 8) != oid) {
        return ERR_INVALID;
    }
    uint32_t dimensions = get_be32(bytes.ptr);
    size_t head = ARRAY_HEAD_BYTES + (dimensions == 0 ? 0 : ARRAY_BOUNDS_BYTES);
    if (dimensions > 1 || bytes.len < head) {
        return ERR_INVALID;
    }
    *count = dimensions == 0 ? 0 : get_be32(bytes.ptr + ARRAY_HEAD_BYTES);
    *elements = span_make(bytes.ptr + head, bytes.len - head);
    return ERR_OK;
}

enum err column_read_int2s(struct span bytes, struct span *elements, uint32_t *count) {
    struct span found = {0};
    uint32_t number = 0;
    enum err err = array_read(bytes, OID_INT2, &found, &number);
    if (err == ERR_OK && found.len != (size_t)number * INT2_ELEMENT_BYTES) {
        err = ERR_INVALID; /* an element that is NULL is shorter */
    }
    if (err == ERR_OK) {
        *elements = found;
        *count = number;
    }
    return err;
}

int16_t column_int2_at(struct span elements, uint32_t index) {
    size_t at = (size_t)index * INT2_ELEMENT_BYTES + 4;
    CHECK(at + 2 <= elements.len);
    return (int16_t)get_be16(elements.ptr + at);
}

/* One element of an array's text, from *at on.  A quoted one loses its backslashes in the arena. */
static enum err element_read(struct span text, size_t *at, struct arena *arena,
                             struct span *element) {
    size_t start = *at;
    if (start == text.len || text.ptr[start] != '"') {
        while (*at < text.len && memchr(",{}\"\\", text.ptr[*at], 5) == NULL) {
            ++*at;
        }
        *element = span_make(text.ptr + start, *at - start);
        return element->len == 0 || span_is(*element, "NULL") ? ERR_INVALID : ERR_OK;
    }
    uint8_t *copy = arena_alloc(arena, text.len - start);
    size_t len = 0;
    if (copy == NULL) {
        return ERR_TOO_LARGE;
    }
    for (++*at; *at < text.len && text.ptr[*at] != '"'; ++*at) {
        *at += text.ptr[*at] == '\\' ? 1 : 0;
        if (*at == text.len) {
            return ERR_INVALID;
        }
        copy[len++] = text.ptr[*at];
    }
    *element = span_make(copy, len);
    return (*at)++ < text.len ? ERR_OK : ERR_INVALID;
}

/* "{a,\"b c\"}" */
static enum err text_list_read(const struct fact *fact, struct span text, struct arena *arena,
                               struct value *slot) {
    if (text.len < 2 || text.ptr[0] != '{') {
        return ERR_INVALID;
    }
    size_t most = text.len / 2 < fact->count_max ? text.len / 2 : fact->count_max;
    struct value *items = arena_alloc(arena, most * sizeof(*items));
    uint32_t count = 0;
    size_t at = text.ptr[1] == '}' ? 1 : 0;
    if (items == NULL) {
        return ERR_TOO_LARGE;
    }
    while (at + 1 < text.len && text.ptr[at] != '}') { /* at { or a comma */
        struct span element = {0};
        at++;
        enum err err = count < most ? element_read(text, &at, arena, &element) : ERR_INVALID;
        err = err == ERR_OK ? fact_text_value(fact->element, element, &items[count]) : err;
        if (err != ERR_OK) {
            return err;
        }
        count++;
        if (at == text.len || (text.ptr[at] != ',' && text.ptr[at] != '}')) {
            return ERR_INVALID;
        }
    }
    if (at + 1 != text.len || text.ptr[at] != '}') {
        return ERR_INVALID;
    }
    *slot = value_list(items, count);
    return ERR_OK;
}

static enum err bool_read(struct span bytes, struct value *slot) {
    if (bytes.len != 1) {
        return ERR_INVALID;
    }
    *slot = value_bool(bytes.ptr[0] != 0);
    return ERR_OK;
}

static enum err int_read(const struct fact *fact, struct span bytes, struct value *slot) {
    int64_t number = bytes.len == 8 ? (int64_t)get_be64(bytes.ptr) : 0;
    if (bytes.len != 8 || number < fact->int_min || number > fact->int_max) {
        return ERR_INVALID;
    }
    *slot = value_int(number);
    return ERR_OK;
}

static enum err double_read(struct span bytes, struct value *slot) {
    double number = 0;
    if (bytes.len != 8) {
        return ERR_INVALID;
    }
    uint64_t bits = get_be64(bytes.ptr);
    memcpy(&number, &bits, sizeof(number));
    if (!isfinite(number)) {
        return ERR_INVALID;
    }
    *slot = value_double(number);
    return ERR_OK;
}

static enum err date_read(struct span bytes, struct value *slot) {
    int32_t days = 0;
    enum err err = column_read_date(bytes, &days);
    if (err == ERR_OK) {
        *slot = value_date(days);
    }
    return err;
}

static enum err timestamp_read(struct span bytes, struct value *slot) {
    int64_t us = 0;
    enum err err = column_read_time(bytes, &us);
    if (err != ERR_OK) {
        return err;
    }
    int64_t seconds = us / SECOND_US - (us % SECOND_US < 0 ? 1 : 0);
    *slot = (struct value){
        .kind = VAL_TIMESTAMP, .len = (uint32_t)(us - seconds * SECOND_US) * 1000, .i = seconds};
    return ERR_OK;
}

static enum err known_read(const struct fact *fact, struct span bytes, struct arena *arena,
                           struct value *slot) {
    switch (fact->type) {
    case FACT_BOOL:
        return bool_read(bytes, slot);
    case FACT_INT:
        return int_read(fact, bytes, slot);
    case FACT_DOUBLE:
        return double_read(bytes, slot);
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
        return fact_text_value(fact, bytes, slot);
    case FACT_DATE:
        return date_read(bytes, slot);
    case FACT_TIMESTAMP:
        return timestamp_read(bytes, slot);
    case FACT_LIST:
        return fact_is_text(fact->element) ? text_list_read(fact, bytes, arena, slot)
                                           : json_read(fact, bytes, arena, slot);
    case FACT_MAP:
        return json_read(fact, bytes, arena, slot);
    case FACT_RECORD: /* its leaves are slots, the record is not */
        return ERR_INVALID;
    }
    UNREACHABLE();
}

enum err column_read(const struct fact *fact, struct span bytes, struct arena *arena,
                     struct value *slot) {
    if (bytes.ptr == NULL) {
        *slot = value_unknown(fact->path);
        return ERR_OK;
    }
    return known_read(fact, bytes, arena, slot);
}
