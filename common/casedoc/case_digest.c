/* The canonical bytes of a case's known facts, and their hash; the encoding is laid down in
 * case_doc.h. Changing it makes every stored case a conflict when it is sent again. */
#include "base/buf.h"
#include "casedoc/case_doc.h"

enum { ENCODING_VERSION = 1, SENT_REFERENCE_DATE = 1, SENT_AS_OF = 2 };

static void put_tag32(struct buf *out, char tag, uint32_t number) {
    buf_byte(out, (uint8_t)tag);
    buf_le32(out, number);
}

static void put_tag64(struct buf *out, char tag, uint64_t number) {
    buf_byte(out, (uint8_t)tag);
    buf_le64(out, number);
}

static void put_text(struct buf *out, struct span text) {
    put_tag32(out, 's', (uint32_t)text.len);
    buf_append(out, text);
}

static uint64_t double_bits(double value) {
    uint64_t bits = 0;
    _Static_assert(sizeof(bits) == sizeof(value), "IEEE 754 binary64");
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void put_scalar(struct buf *out, struct value value) {
    switch ((enum value_kind)value.kind) {
    case VAL_BOOL:
        buf_byte(out, 'b');
        buf_byte(out, value.b ? 1 : 0);
        return;
    case VAL_INT:
        put_tag64(out, 'i', (uint64_t)value.i);
        return;
    case VAL_DOUBLE:
        put_tag64(out, 'd', double_bits(value.d));
        return;
    case VAL_STRING:
        put_text(out, value_span(value));
        return;
    case VAL_TIMESTAMP:
        put_tag64(out, 't', (uint64_t)value.i);
        buf_le32(out, value.len);
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
    UNREACHABLE(); /* the decoder makes no other */
}

static void put_record(struct buf *out, const struct fact *record, struct value value) {
    uint32_t known = 0;
    CHECK(value.kind == VAL_MAP);
    CHECK(value.len == record->field_count);
    for (uint32_t i = 0; i < value.len; i++) {
        known += value.items[2 * i + 1].kind != VAL_UNKNOWN ? 1 : 0;
    }
    put_tag32(out, '{', known);
    for (uint32_t i = 0; i < value.len; i++) {
        const struct value *pair = &value.items[2 * (size_t)record->fields_by_name[i]];
        if (pair[1].kind != VAL_UNKNOWN) {
            put_text(out, value_span(pair[0]));
            put_scalar(out, pair[1]);
        }
    }
}

static void put_value(struct buf *out, const struct fact *fact, struct value value) {
    if (fact->type == FACT_LIST) {
        CHECK(value.kind == VAL_LIST);
        put_tag32(out, '[', value.len);
        for (uint32_t i = 0; i < value.len; i++) {
            if (fact->element->type == FACT_RECORD) {
                put_record(out, fact->element, value.items[i]);
            } else {
                put_scalar(out, value.items[i]);
            }
        }
    } else if (fact->type == FACT_MAP) { /* entries are sorted already */
        CHECK(value.kind == VAL_MAP);
        put_tag32(out, '{', value.len);
        for (uint32_t i = 0; i < value.len; i++) {
            put_text(out, value_span(value.items[2 * i]));
            put_scalar(out, value.items[2 * i + 1]);
        }
    } else {
        put_scalar(out, value);
    }
}

struct hash128 case_digest(const struct schema *schema, const struct case_doc *doc) {
    struct buf out = BUF_EMPTY;
    (void)buf_room(&out, 1024);
    buf_byte(&out, ENCODING_VERSION);
    buf_byte(&out, (uint8_t)((doc->has_reference_date ? SENT_REFERENCE_DATE : 0) |
                             (doc->has_as_of ? SENT_AS_OF : 0)));
    if (doc->has_reference_date) {
        buf_le32(&out, (uint32_t)doc->reference_date);
    }
    if (doc->has_as_of) {
        buf_le32(&out, (uint32_t)doc->as_of);
    }
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[schema->slots_by_name[i]];
        struct value value = doc->slots[fact->slot];
        if (value.kind != VAL_UNKNOWN) {
            buf_append(&out, span_make(fact->name, fact->name_len + 1U)); /* with its NUL */
            put_value(&out, fact, value);
        }
    }
    struct hash128 digest = hash128(buf_span(&out));
    buf_free(&out);
    return digest;
}
