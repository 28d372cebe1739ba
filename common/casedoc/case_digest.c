/* The canonical bytes of a case's known facts, and their hash; case_doc.h defines the encoding.
 * Changing it makes every stored case a conflict when it is sent again. */
#include "base/buf.h"
#include "casedoc/case_doc.h"

enum {
    ENCODING_VERSION = 1,
    SENT_REFERENCE_DATE = 1,
    SENT_AS_OF = 2,
    HEAD_BYTES = 2 + 4 + 4,
    SCALAR_BYTES = 1 + 8 + 4, /* of any scalar, without a text's bytes */
    TEXT_STEP = 16
};

/* Most cases fit into `first`; the rest continues in `more`.  The caller makes room before each
 * put, so puts check nothing. */
struct out {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    struct buf more;
    uint8_t first[2048];
};

__attribute__((noinline)) static void out_grow(struct out *out, size_t bytes) {
    if (out->ptr == out->first) {
        (void)buf_room(&out->more, 2 * sizeof(out->first) + bytes);
        memcpy(out->more.ptr, out->first, out->len);
    }
    out->more.len = out->len;
    (void)buf_room(&out->more, bytes);
    out->ptr = out->more.ptr;
    out->cap = out->more.cap;
}

static inline void out_room(struct out *out, size_t bytes) {
    if (out->cap - out->len < bytes) {
        out_grow(out, bytes);
    }
}

static inline void put_byte(struct out *out, uint8_t byte) { out->ptr[out->len++] = byte; }

static inline void put_32(struct out *out, uint32_t number) {
    uint32_t stored = htole32(number);
    memcpy(out->ptr + out->len, &stored, sizeof(stored));
    out->len += sizeof(stored);
}

static inline void put_64(struct out *out, uint64_t number) {
    uint64_t stored = htole64(number);
    memcpy(out->ptr + out->len, &stored, sizeof(stored));
    out->len += sizeof(stored);
}

static inline void put_tag32(struct out *out, char tag, uint32_t number) {
    put_byte(out, (uint8_t)tag);
    put_32(out, number);
}

static inline void put_tag64(struct out *out, char tag, uint64_t number) {
    put_byte(out, (uint8_t)tag);
    put_64(out, number);
}

/* Words of a vocabulary are short: two copies of a fixed size, which may overlap, cover them. */
static inline void put_text(struct out *out, struct span text) {
    put_tag32(out, 's', (uint32_t)text.len);
    uint8_t *to = out->ptr + out->len;
    if (text.len >= 8 && text.len <= TEXT_STEP) {
        memcpy(to, text.ptr, 8);
        memcpy(to + text.len - 8, text.ptr + text.len - 8, 8);
    } else if (text.len >= 4 && text.len < 8) {
        memcpy(to, text.ptr, 4);
        memcpy(to + text.len - 4, text.ptr + text.len - 4, 4);
    } else if (text.len == 2) {
        memcpy(to, text.ptr, 2);
    } else if (text.len != 0) {
        memcpy(to, text.ptr, text.len);
    }
    out->len += text.len;
}

static uint64_t double_bits(double value) {
    uint64_t bits = 0;
    _Static_assert(sizeof(bits) == sizeof(value), "IEEE 754 binary64");
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The room that put_scalar needs. */
static inline size_t scalar_bytes(const struct value *value) {
    return SCALAR_BYTES + (value->kind == VAL_STRING ? value->len : 0);
}

static inline void put_scalar(struct out *out, const struct value *value) {
    switch ((enum value_kind)value->kind) {
    case VAL_BOOL:
        put_byte(out, 'b');
        put_byte(out, value->b ? 1 : 0);
        return;
    case VAL_INT:
        put_tag64(out, 'i', (uint64_t)value->i);
        return;
    case VAL_DOUBLE:
        put_tag64(out, 'd', double_bits(value->d));
        return;
    case VAL_STRING:
        put_text(out, value_span(*value));
        return;
    case VAL_TIMESTAMP:
        put_tag64(out, 't', (uint64_t)value->i);
        put_32(out, value->len);
        return;
    case VAL_NULL:
    case VAL_UINT:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_MAP:
    case VAL_DURATION:
    case VAL_TYPE:
    case VAL_OPTIONAL:
    case VAL_UNKNOWN:
    case VAL_ERROR:
        break;
    }
    UNREACHABLE(); /* the decoder makes no other kind */
}

static void put_element(struct out *out, const struct value *value) {
    out_room(out, scalar_bytes(value));
    put_scalar(out, value);
}

static void put_pair(struct out *out, const struct value *pair) {
    put_element(out, &pair[0]);
    put_element(out, &pair[1]);
}

static void put_count(struct out *out, char tag, uint32_t count) {
    out_room(out, SCALAR_BYTES);
    put_tag32(out, tag, count);
}

static void put_record(struct out *out, const struct fact *record, const struct value *value) {
    uint32_t known = 0;
    CHECK(value->kind == VAL_MAP);
    CHECK(value->len == record->field_count);
    for (uint32_t i = 0; i < value->len; i++) {
        known += value->items[2 * i + 1].kind != VAL_UNKNOWN ? 1 : 0;
    }
    put_count(out, '{', known);
    for (uint32_t i = 0; i < value->len; i++) {
        const struct value *pair = &value->items[2 * (size_t)record->fields_by_name[i]];
        if (pair[1].kind != VAL_UNKNOWN) {
            put_pair(out, pair);
        }
    }
}

__attribute__((noinline)) static void put_items(struct out *out, const struct fact *fact,
                                                const struct value *value) {
    if (fact->type == FACT_LIST) {
        CHECK(value->kind == VAL_LIST);
        put_count(out, '[', value->len);
        for (uint32_t i = 0; i < value->len; i++) {
            if (fact->element->type == FACT_RECORD) {
                put_record(out, fact->element, &value->items[i]);
            } else {
                put_element(out, &value->items[i]);
            }
        }
    } else { /* the entries are sorted */
        CHECK(fact->type == FACT_MAP);
        CHECK(value->kind == VAL_MAP);
        put_count(out, '{', value->len);
        for (uint32_t i = 0; i < value->len; i++) {
            put_pair(out, &value->items[2 * i]);
        }
    }
}

static inline void put_name(struct out *out, const struct slot_name *name) {
    for (uint32_t at = 0; at < name->len; at += SLOT_NAME_STEP) {
        memcpy(out->ptr + out->len + at, name->text + at, SLOT_NAME_STEP);
    }
    out->len += name->len;
}

struct hash128 case_digest(const struct schema *schema, const struct case_doc *doc) {
    struct out out;
    out.ptr = out.first;
    out.len = 0;
    out.cap = sizeof(out.first);
    out.more = BUF_EMPTY;
    out_room(&out, HEAD_BYTES);
    put_byte(&out, ENCODING_VERSION);
    put_byte(&out, (uint8_t)((doc->has_reference_date ? SENT_REFERENCE_DATE : 0) |
                             (doc->has_as_of ? SENT_AS_OF : 0)));
    if (doc->has_reference_date) {
        put_32(&out, (uint32_t)doc->reference_date);
    }
    if (doc->has_as_of) {
        put_32(&out, (uint32_t)doc->as_of);
    }
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        const struct slot_name *name = &schema->names[i];
        const struct value *value = &doc->slots[name->slot];
        if (value->kind == VAL_UNKNOWN) {
            continue;
        }
        out_room(&out, name->len + SLOT_NAME_STEP + scalar_bytes(value));
        put_name(&out, name);
        if (value->kind == VAL_LIST || value->kind == VAL_MAP) {
            put_items(&out, schema->slots[name->slot], value);
        } else {
            put_scalar(&out, value);
        }
    }
    struct hash128 digest = hash128(span_make(out.ptr, out.len));
    buf_free(&out.more);
    return digest;
}
