/* PostgreSQL's binary formats.  Dates count from 2000-01-01, times in microseconds from there; an
 * unknown fact is NULL. */
#include "worker/row.h"

#include "base/date.h"
#include "base/json.h"
#include "casedoc/column.h"
#include "casedoc/result_column.h"

#include <stdio.h>

enum { COMMIT_OFFSET = 2 + 4 };
#define POSTGRES_EPOCH_US (DATE_POSTGRES_EPOCH * DATE_DAY_US)
#define FIELD_NULL 0xffffffffU

/* --- fields of a known size ---------------------------------------------------------------------
 * The caller has made room at the position, so nothing is checked. */

static inline uint8_t *at_be16(uint8_t *at, uint16_t value) {
    uint16_t stored = htobe16(value);
    memcpy(at, &stored, sizeof(stored));
    return at + sizeof(stored);
}

static inline uint8_t *at_be32(uint8_t *at, uint32_t value) {
    uint32_t stored = htobe32(value);
    memcpy(at, &stored, sizeof(stored));
    return at + sizeof(stored);
}

static inline uint8_t *at_be64(uint8_t *at, uint64_t value) {
    uint64_t stored = htobe64(value);
    memcpy(at, &stored, sizeof(stored));
    return at + sizeof(stored);
}

static inline uint8_t *at_int2(uint8_t *at, int16_t value) {
    return at_be16(at_be32(at, 2), (uint16_t)value);
}

static inline uint8_t *at_int4(uint8_t *at, int32_t value) {
    return at_be32(at_be32(at, 4), (uint32_t)value);
}

static inline uint8_t *at_int8(uint8_t *at, int64_t value) {
    return at_be64(at_be32(at, 8), (uint64_t)value);
}

static inline uint8_t *at_date(uint8_t *at, int32_t days) {
    return at_int4(at, days - DATE_POSTGRES_EPOCH);
}

static inline uint8_t *at_time(uint8_t *at, int64_t us) {
    return at_int8(at, us - POSTGRES_EPOCH_US);
}

static inline uint8_t *at_bytes(uint8_t *at, struct span bytes) {
    at = at_be32(at, (uint32_t)bytes.len);
    if (bytes.len == 2) { /* a country */
        memcpy(at, bytes.ptr, 2);
    } else if (bytes.len != 0) {
        memcpy(at, bytes.ptr, bytes.len);
    }
    return at + bytes.len;
}

/* --- fields of facts -----------------------------------------------------------------------------
 */

/* Opens a field whose length is set when it is closed. */
static size_t field_open(struct buf *out) {
    buf_be32(out, 0);
    return out->len;
}

static void field_close(struct buf *out, size_t start) {
    uint32_t len = (uint32_t)(out->len - start);
    for (size_t i = 0; i < 4; i++) {
        out->ptr[start - 4 + i] = (uint8_t)(len >> (24 - 8 * i));
    }
}

/* PostgreSQL reads these without quotes; an empty text and NULL need them. */
static bool is_plain(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              (byte >= '0' && byte <= '9') || byte == '_' || byte == '-')) {
            return false;
        }
    }
    return text.len != 0 && !(text.len == 4 && (text.ptr[0] | 0x20) == 'n');
}

static uint8_t *at_element(uint8_t *at, struct span text) {
    if (is_plain(text)) {
        memcpy(at, text.ptr, text.len);
        return at + text.len;
    }
    *at++ = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            *at++ = '\\';
        }
        *at++ = text.ptr[i];
    }
    *at++ = '"';
    return at;
}

/* A list of texts as PostgreSQL prints an array: the view casts it back. */
static void put_text_array(struct buf *out, const struct value *list) {
    enum { ELEMENT_EXTRA_BYTES = 3 /* quotes and comma */ };
    size_t start = field_open(out);
    size_t most = 2;
    for (uint32_t i = 0; i < list->len; i++) {
        most += ELEMENT_EXTRA_BYTES + 2 * (size_t)list->items[i].len;
    }
    uint8_t *first = buf_room(out, most);
    uint8_t *at = first;
    *at++ = '{';
    for (uint32_t i = 0; i < list->len; i++) {
        if (i > 0) {
            *at++ = ',';
        }
        at = at_element(at, value_span(list->items[i]));
    }
    *at++ = '}';
    out->len += (size_t)(at - first);
    field_close(out, start);
}

static void json_time(struct json *json, const struct fact *fact, const struct value *value) {
    char day[DATE_TEXT_BYTES];
    int64_t second =
        value->i % DATE_DAY_SECONDS + (value->i % DATE_DAY_SECONDS < 0 ? DATE_DAY_SECONDS : 0);
    date_format((int32_t)((value->i - second) / DATE_DAY_SECONDS), day);
    if (fact->type == FACT_DATE) {
        json_str(json, day);
        return;
    }
    char text[64]; /* strftime does not write four digits for every year */
    (void)snprintf(text, sizeof(text), "%sT%02u:%02u:%02u.%06uZ", day, (unsigned)(second / 3600),
                   (unsigned)(second / 60 % 60), (unsigned)(second % 60), value->len / 1000U);
    json_str(json, text);
}

static const struct fact *field_named(const struct fact *record, struct span leaf) {
    for (uint32_t i = 0; i < record->field_count; i++) {
        if (span_is(leaf, record->fields[i].leaf)) {
            return &record->fields[i];
        }
    }
    return NULL;
}

static void json_value(struct json *json, const struct fact *fact, const struct value *value);

/* A map of the schema, or a record (without its unknown leaves). */
static void json_pairs(struct json *json, const struct fact *fact, const struct value *value) {
    json_object_open(json);
    for (uint32_t i = 0; i < value->len; i++) {
        const struct value *key = &value->items[2 * i];
        const struct value *item = &value->items[2 * i + 1];
        const struct fact *of =
            fact->type == FACT_RECORD ? field_named(fact, value_span(*key)) : fact->element;
        if (of != NULL && item->kind != VAL_UNKNOWN && item->kind != VAL_NULL) {
            size_t len = key->len < 255 ? key->len : 255;
            char name[256];
            memcpy(name, key->text, len);
            name[len] = '\0';
            json_value(json_key(json, name), of, item);
        }
    }
    json_object_close(json);
}

static void json_value(struct json *json, const struct fact *fact, const struct value *value) {
    switch ((enum value_kind)value->kind) {
    case VAL_BOOL:
        json_bool(json, value->b);
        return;
    case VAL_INT:
        json_int(json, value->i);
        return;
    case VAL_UINT:
        json_uint(json, value->u);
        return;
    case VAL_DOUBLE:
        json_double(json, value->d);
        return;
    case VAL_STRING:
        json_span(json, value_span(*value));
        return;
    case VAL_TIMESTAMP:
        json_time(json, fact, value);
        return;
    case VAL_LIST:
        json_array_open(json);
        for (uint32_t i = 0; i < value->len; i++) {
            json_value(json, fact->element, &value->items[i]);
        }
        json_array_close(json);
        return;
    case VAL_MAP:
        json_pairs(json, fact, value);
        return;
    case VAL_NULL:
    case VAL_UNKNOWN:
    case VAL_BYTES:
    case VAL_DURATION:
    case VAL_TYPE:
    case VAL_OPTIONAL:
    case VAL_ERROR:
        json_nil(json);
        return;
    }
}

static void put_json(struct buf *out, const struct fact *fact, const struct value *value) {
    size_t start = field_open(out);
    struct json json;
    json_init(&json, out);
    json_value(&json, fact, value);
    field_close(out, start);
}

static inline uint8_t *at_double(uint8_t *at, double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return at_int8(at, (int64_t)bits);
}

static inline uint8_t *at_bool(uint8_t *at, bool value) {
    at = at_be32(at, 1);
    *at = value ? 1 : 0;
    return at + 1;
}

static void put_items(struct buf *out, const struct fact *fact, const struct value *value) {
    if (fact->type == FACT_LIST && fact_is_text(fact->element)) {
        put_text_array(out, value);
    } else {
        put_json(out, fact, value);
    }
}

enum { SCALAR_BYTES = 4 + 8 /* of any type except text */ };

static inline void put_fact(struct buf *out, const struct fact *fact, const struct value *value) {
    size_t text = value->kind == VAL_STRING ? value->len : 0;
    uint8_t *start = buf_room(out, SCALAR_BYTES + text);
    uint8_t *at = start;
    if (value->kind == VAL_UNKNOWN || value->kind == VAL_NULL) {
        out->len += (size_t)(at_be32(at, FIELD_NULL) - start);
        return;
    }
    switch (fact->type) {
    case FACT_BOOL:
        at = at_bool(at, value->b);
        break;
    case FACT_INT:
        at = at_int8(at, value->i);
        break;
    case FACT_DOUBLE:
        at = at_double(at, value->d);
        break;
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
        at = at_bytes(at, value_span(*value));
        break;
    case FACT_DATE:
        at = at_date(at, (int32_t)(value->i / DATE_DAY_SECONDS));
        break;
    case FACT_TIMESTAMP:
        at = at_time(at, value->i * 1000000 + value->len / 1000);
        break;
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        put_items(out, fact, value);
        return;
    }
    out->len += (size_t)(at - start);
}

/* --- fields of outcomes --------------------------------------------------------------------------
 */

static uint8_t *at_result(const struct active_rules *rules, const struct outcome *outcome,
                          uint8_t *at) {
    uint16_t numbers[AGREEMENTS_MAX];
    int16_t missing[PATHS_MAX];
    uint32_t count = rules->agreement_count;
    uint32_t missing_count = outcome->result.missing_count;
    uint32_t highest = missing_count;
    CHECK(count <= AGREEMENTS_MAX && missing_count <= PATHS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = pair_number(&rules->pairs[i], &outcome->findings[i]);
        highest = numbers[i] > highest ? numbers[i] : highest;
    }
    for (uint32_t i = 0; i < missing_count; i++) {
        missing[i] = rules->path_codes[outcome->result.missing[i]];
    }
    bool wide = highest > UINT8_MAX;
    at = at_be32(at, (uint32_t)result_bytes(count, missing_count, wide));
    return result_write(at, numbers, count, missing, missing_count, wide);
}

/* An upper bound of the fields of a known size. */
enum { FIXED_BYTES = 256 };

static void put_fixed(const struct active_rules *rules, const struct row_head *head,
                      const struct case_doc *doc, const struct outcome *outcome, struct buf *out) {
    size_t result = result_bytes(rules->agreement_count, outcome->result.missing_count, true);
    uint8_t *start = buf_room(out, FIXED_BYTES + doc->case_id.len + result);
    uint8_t *at = start;
    at = at_int8(at, 0);
    at = at_int2(at, head->source);
    at = at_bytes(at, doc->case_id);
    at = at_int4(at, doc->revision);
    at = at_time(at, head->received_at);
    at = at_bytes(at, span_make(doc->digest.bytes, sizeof(doc->digest.bytes)));
    at = at_int2(at, rules->number);
    at = at_int2(at, (int16_t)outcome->result.disposition);
    at = at_int2(at, rules->agreement_codes[outcome->agreement]);
    at = at_int2(at, rules->finding_codes[outcome->agreement][outcome->result.reason]);
    at = at_result(rules, outcome, at);
    at = at_date(at, head->reference_date);
    at = at_date(at, head->as_of);
    at = at_time(at, head->decided_at);
    out->len += (size_t)(at - start);
}

void row_encode_fixed(const struct active_rules *rules, const struct row_head *head,
                      const struct case_doc *doc, const struct outcome *outcome, struct buf *out) {
    buf_be16(out, ACTIVE_RULES_FIXED_COUNT);
    put_fixed(rules, head, doc, outcome, out);
}

void row_encode(const struct active_rules *rules, const struct row_head *head,
                const struct case_doc *doc, const struct outcome *outcome, struct buf *out) {
    const struct schema *schema = ruleset_schema(rules->ruleset);
    buf_be16(out, (uint16_t)rules->column_count);
    put_fixed(rules, head, doc, outcome, out);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        put_fact(out, schema->slots[i], &doc->slots[i]);
    }
}

void row_set_commit(uint8_t *row, int64_t commit) {
    for (size_t i = 0; i < 8; i++) {
        row[COMMIT_OFFSET + i] = (uint8_t)((uint64_t)commit >> (56 - 8 * i));
    }
}

void row_fields(struct span row, uint32_t column_count, struct span *fields) {
    size_t at = 2;
    for (uint32_t i = 0; i < column_count; i++) {
        uint32_t len = get_be32(row.ptr + at);
        at += 4;
        fields[i] = len == FIELD_NULL ? span_make(NULL, 0) : span_make(row.ptr + at, len);
        at += len == FIELD_NULL ? 0 : len;
    }
    CHECK(at == row.len);
}

void row_copy_open(struct buf *out) {
    static const uint8_t signature[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n',
                                        0,   0,   0,   0,   0,   0,   0,    0,    0};
    buf_append(out, span_make(signature, sizeof(signature)));
}

void row_copy_close(struct buf *out) { buf_be16(out, 0xffff); }
