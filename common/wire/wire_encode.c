/* Structs -> head frame, along the table.  What is encoded is our own: a struct that breaks a limit
 * is a programmer's error. */
#include "wire/wire_priv.h"

#include "base/buf.h"

#include <msgpack.h>

static int write_bytes(void *data, const char *bytes, size_t len) {
    buf_append((struct buf *)data, span_make(bytes, len));
    return 0;
}

static void pack_text(msgpack_packer *packer, struct span text) {
    (void)msgpack_pack_str_with_body(packer, text.ptr, text.len);
}

static void pack_uuid(msgpack_packer *packer, const struct uuid *uuid) {
    (void)msgpack_pack_bin_with_body(packer, uuid->bytes, sizeof(uuid->bytes));
}

static void pack_fields(msgpack_packer *packer, const struct wire_field *fields, uint32_t count,
                        const uint8_t *base);

static void pack_outcomes(msgpack_packer *packer, const uint32_t *outcomes) {
    size_t given = 0;
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        given += outcomes[i] > 0;
    }
    (void)msgpack_pack_map(packer, given);
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        if (outcomes[i] > 0) {
            pack_text(packer, span_str(wire_dispositions.words[i]));
            (void)msgpack_pack_uint32(packer, outcomes[i]);
        }
    }
}

static void pack_ranges(msgpack_packer *packer, const struct wire_range *ranges, uint32_t count) {
    (void)msgpack_pack_array(packer, count);
    for (uint32_t i = 0; i < count; i++) {
        (void)msgpack_pack_array(packer, WIRE_RANGE_ITEMS);
        pack_uuid(packer, &ranges[i].journal);
        (void)msgpack_pack_uint64(packer, ranges[i].seq);
        (void)msgpack_pack_uint32(packer, ranges[i].first);
        (void)msgpack_pack_uint32(packer, ranges[i].count);
    }
}

static void pack_delivery(msgpack_packer *packer, const struct wire_delivery *delivery) {
    (void)msgpack_pack_array(packer, WIRE_DELIVERY_ITEMS);
    (void)msgpack_pack_uint32(packer, delivery->frame);
    (void)msgpack_pack_uint32(packer, delivery->offset);
    (void)msgpack_pack_uint32(packer, delivery->length);
    pack_uuid(packer, &delivery->batch);
    (void)msgpack_pack_uint64(packer, delivery->seq);
    (void)msgpack_pack_uint32(packer, delivery->first);
    (void)msgpack_pack_uint32(packer, delivery->count);
    (void)msgpack_pack_uint32(packer, delivery->attempt);
    (void)msgpack_pack_int64(packer, delivery->accepted_at);
    pack_text(packer, delivery->source);
    pack_text(packer, span_str(wire_priority_word(delivery->priority)));
    if (delivery->extra.len == 0) {
        (void)msgpack_pack_nil(packer);
    } else {
        (void)write_bytes(packer->data, (const char *)delivery->extra.ptr, delivery->extra.len);
    }
}

/* The count of an array field, or 1 of anything else that is there. */
static uint32_t count_at(const struct wire_field *field, const uint8_t *base) {
    return *(const uint32_t *)(const void *)(base + field->side);
}

static void pack_array_of(msgpack_packer *packer, const struct wire_field *field,
                          const uint8_t *base, size_t element_bytes) {
    uint32_t count = count_at(field, base);
    CHECK(count <= field->max);
    const uint8_t *element = *(const uint8_t *const *)(const void *)(base + field->at);
    (void)msgpack_pack_array(packer, count);
    for (uint32_t i = 0; i < count; i++) {
        pack_fields(packer, field->fields, field->field_count, element + i * element_bytes);
    }
}

static void pack_value(msgpack_packer *packer, const struct wire_field *field,
                       const uint8_t *base) {
    const void *at = base + field->at;
    switch (field->kind) {
    case KIND_UUID:
        pack_uuid(packer, at);
        break;
    case KIND_U32:
        CHECK(*(const uint32_t *)at <= field->max);
        (void)msgpack_pack_uint32(packer, *(const uint32_t *)at);
        break;
    case KIND_U64:
        (void)msgpack_pack_uint64(packer, *(const uint64_t *)at);
        break;
    case KIND_I64:
        (void)msgpack_pack_int64(packer, *(const int64_t *)at);
        break;
    case KIND_BOOL:
        (void)(*(const bool *)at ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
        break;
    case KIND_TEXT:
        CHECK(((const struct span *)at)->len <= field->max);
        pack_text(packer, *(const struct span *)at);
        break;
    case KIND_WORD:
        CHECK(*(const uint32_t *)at < field->words->count);
        pack_text(packer, span_str(field->words->words[*(const uint32_t *)at]));
        break;
    case KIND_FIELDS:
        pack_fields(packer, field->fields, field->field_count, base);
        break;
    case KIND_OUTCOMES:
        pack_outcomes(packer, at);
        break;
    case KIND_DEAD:
        pack_array_of(packer, field, base, sizeof(struct wire_dead));
        break;
    case KIND_TALLIES:
        pack_array_of(packer, field, base, sizeof(struct wire_tally));
        break;
    case KIND_RANGES:
        CHECK(count_at(field, base) <= field->max);
        pack_ranges(packer, *(const struct wire_range *const *)at, count_at(field, base));
        break;
    case KIND_DELIVERIES: {
        const struct wire_delivery *deliveries = *(const struct wire_delivery *const *)at;
        CHECK(count_at(field, base) <= field->max);
        (void)msgpack_pack_array(packer, count_at(field, base));
        for (uint32_t i = 0; i < count_at(field, base); i++) {
            pack_delivery(packer, &deliveries[i]);
        }
        break;
    }
    case KIND_UUIDS: {
        const struct uuid *uuids = *(const struct uuid *const *)at;
        CHECK(count_at(field, base) <= field->max);
        (void)msgpack_pack_array(packer, count_at(field, base));
        for (uint32_t i = 0; i < count_at(field, base); i++) {
            pack_uuid(packer, &uuids[i]);
        }
        break;
    }
    }
}

static bool is_zero(const struct wire_field *field, const uint8_t *base) {
    const void *at = base + field->at;
    if (field->kind == KIND_TEXT) {
        return ((const struct span *)at)->len == 0;
    }
    if (field->kind == KIND_BOOL) {
        return !*(const bool *)at;
    }
    if (field->kind == KIND_UUIDS) {
        return count_at(field, base) == 0;
    }
    CHECK(field->kind == KIND_WORD || field->kind == KIND_U32);
    return *(const uint32_t *)at == 0;
}

static void pack_fields(msgpack_packer *packer, const struct wire_field *fields, uint32_t count,
                        const uint8_t *base) {
    size_t given = 0;
    for (uint32_t i = 0; i < count; i++) {
        given += fields[i].need != NEED_NOT_ZERO || !is_zero(&fields[i], base);
    }
    (void)msgpack_pack_map(packer, given);
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_field *field = &fields[i];
        if (field->need == NEED_NOT_ZERO && is_zero(field, base)) {
            continue;
        }
        pack_text(packer, span_str(field->key));
        if (field->need == NEED_HAS && !*(const bool *)(const void *)(base + field->side)) {
            (void)msgpack_pack_nil(packer);
        } else {
            pack_value(packer, field, base);
        }
    }
}

void wire_encode(const struct wire_message *message, struct buf *out) {
    CHECK(message->command < WIRE_COMMAND_COUNT);
    const struct wire_shape *shape = wire_shape(message->command);
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_bytes);
    (void)msgpack_pack_array(&packer, 3);
    pack_text(&packer, SPAN_LIT("CM1"));
    pack_text(&packer, span_str(wire_command_name(message->command)));
    pack_fields(&packer, shape->fields, shape->field_count, (const uint8_t *)message + shape->at);
}
