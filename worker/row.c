/* PostgreSQL's binary formats.  Dates count from 2000-01-01, times in microseconds from there; an
 * unknown fact is NULL. */
#include "worker/row.h"

#include "base/date.h"
#include "base/json.h"
#include "casedoc/column.h"

#include <stdio.h>
#include <time.h>

enum { OID_INT2 = 21, OID_TEXT = 25, JSONB_VERSION = 1, POSTGRES_EPOCH_DAYS = 10957 };
enum { COMMIT_OFFSET = 2 + 4 };
#define POSTGRES_EPOCH_US ((int64_t)POSTGRES_EPOCH_DAYS * 86400 * 1000000)
#define FIELD_NULL 0xffffffffU

static void put_int2(struct buf *out, int16_t value) {
    buf_be32(out, 2);
    buf_be16(out, (uint16_t)value);
}

static void put_int4(struct buf *out, int32_t value) {
    buf_be32(out, 4);
    buf_be32(out, (uint32_t)value);
}

static void put_int8(struct buf *out, int64_t value) {
    buf_be32(out, 8);
    buf_be64(out, (uint64_t)value);
}

static void put_bytes(struct buf *out, struct span bytes) {
    buf_be32(out, (uint32_t)bytes.len);
    buf_append(out, bytes);
}

static void put_date(struct buf *out, int32_t days) { put_int4(out, days - POSTGRES_EPOCH_DAYS); }

static void put_time(struct buf *out, int64_t us) { put_int8(out, us - POSTGRES_EPOCH_US); }

/* Opens a field whose length is known only when it is closed. */
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

static void put_array_head(struct buf *out, bool has_null, uint32_t oid, uint32_t count) {
    buf_be32(out, count == 0 ? 0 : 1);
    buf_be32(out, has_null ? 1 : 0);
    buf_be32(out, oid);
    if (count > 0) {
        buf_be32(out, count);
        buf_be32(out, 1);
    }
}

static void put_text_array(struct buf *out, const struct value *list) {
    size_t start = field_open(out);
    put_array_head(out, false, OID_TEXT, list->len);
    for (uint32_t i = 0; i < list->len; i++) {
        put_bytes(out, value_span(list->items[i]));
    }
    field_close(out, start);
}

static void json_time(struct json *json, const struct fact *fact, const struct value *value) {
    if (fact->type == FACT_DATE) {
        char text[DATE_TEXT_BYTES];
        date_format((int32_t)(value->i / 86400), text);
        json_str(json, text);
        return;
    }
    time_t seconds = (time_t)value->i;
    struct tm utc;
    char text[64];
    char whole[32];
    CHECK(gmtime_r(&seconds, &utc) != NULL);
    (void)strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text, sizeof(text), "%s.%06uZ", whole, value->len / 1000U);
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

/* A map of the schema, or a record (whose unknown leaves are left out). */
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
            json_key(json, name);
            json_value(json, of, item);
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

static void put_jsonb(struct buf *out, const struct fact *fact, const struct value *value) {
    size_t start = field_open(out);
    buf_byte(out, JSONB_VERSION);
    struct json json;
    json_init(&json, out);
    json_value(&json, fact, value);
    field_close(out, start);
}

static void put_double(struct buf *out, double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    put_int8(out, (int64_t)bits);
}

static void put_fact(struct buf *out, const struct fact *fact, const struct value *value) {
    if (value->kind == VAL_UNKNOWN || value->kind == VAL_NULL) {
        buf_be32(out, FIELD_NULL);
        return;
    }
    switch (fact->type) {
    case FACT_BOOL:
        buf_be32(out, 1);
        buf_byte(out, value->b ? 1 : 0);
        return;
    case FACT_INT:
        put_int8(out, value->i);
        return;
    case FACT_DOUBLE:
        put_double(out, value->d);
        return;
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
        put_bytes(out, value_span(*value));
        return;
    case FACT_DATE:
        put_date(out, (int32_t)(value->i / 86400));
        return;
    case FACT_TIMESTAMP:
        put_time(out, value->i * 1000000 + value->len / 1000);
        return;
    case FACT_LIST:
        if (fact_is_text(fact->element)) {
            put_text_array(out, value);
            return;
        }
        put_jsonb(out, fact, value);
        return;
    case FACT_MAP:
    case FACT_RECORD:
        put_jsonb(out, fact, value);
        return;
    }
}

static void put_findings(const struct active_rules *rules, const struct outcome *outcome,
                         struct buf *out) {
    size_t start = field_open(out);
    put_array_head(out, false, OID_INT2, rules->agreement_count);
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        put_int2(out, rules->finding_codes[i][outcome->findings[i].result.reason]);
    }
    field_close(out, start);
}

static void put_projected(const struct active_rules *rules, const struct outcome *outcome,
                          struct buf *out) {
    bool has_null = false;
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        has_null = has_null || !outcome->findings[i].has_projected;
    }
    size_t start = field_open(out);
    put_array_head(out, has_null, OID_INT2, rules->agreement_count);
    for (uint32_t i = 0; i < rules->agreement_count; i++) {
        if (outcome->findings[i].has_projected) {
            put_int2(out, rules->finding_codes[i][outcome->findings[i].projected.reason]);
        } else {
            buf_be32(out, FIELD_NULL);
        }
    }
    field_close(out, start);
}

static void put_missing(const struct active_rules *rules, const struct result *result,
                        struct buf *out) {
    size_t start = field_open(out);
    put_array_head(out, false, OID_INT2, result->missing_count);
    for (uint32_t i = 0; i < result->missing_count; i++) {
        put_int2(out, rules->path_codes[result->missing[i]]);
    }
    field_close(out, start);
}

static void put_fixed(const struct active_rules *rules, const struct row_head *head,
                      const struct case_doc *doc, const struct outcome *outcome, struct buf *out) {
    put_int8(out, 0);
    put_int2(out, head->source);
    put_bytes(out, doc->case_id);
    put_int4(out, doc->revision);
    put_time(out, head->received_at);
    put_bytes(out, span_make(doc->digest.bytes, sizeof(doc->digest.bytes)));
    put_int2(out, rules->number);
    put_int2(out, (int16_t)outcome->result.disposition);
    put_int2(out, rules->agreement_codes[outcome->agreement]);
    put_int2(out, rules->finding_codes[outcome->agreement][outcome->result.reason]);
    put_findings(rules, outcome, out);
    put_projected(rules, outcome, out);
    put_missing(rules, &outcome->result, out);
    put_date(out, head->reference_date);
    put_date(out, head->as_of);
    put_time(out, head->decided_at);
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
