/* Structs -> head frame, along the table.  A struct outside a limit is a programmer's error. */
#include "wire/wire_priv.h"

#include "base/buf.h"
#include "wire/mp_write.h"

static void write_uuid(struct buf *out, const struct uuid *uuid) {
    mp_write_bin(out, span_make(uuid->bytes, sizeof(uuid->bytes)));
}

static void write_fields(struct buf *out, const struct wire_field *fields, uint32_t count,
                         const uint8_t *base);

/* Clamps a number that a reader would clamp; never sends a number that a reader would refuse. */
static void write_number(struct buf *out, enum wire_number number, uint64_t value) {
    int64_t taken = 0;
    enum err err = wire_number_take(number, value > INT64_MAX ? INT64_MAX : (int64_t)value, &taken);
    CHECK(err == ERR_OK);
    mp_write_int(out, taken);
}

static void write_signed(struct buf *out, enum wire_number number, int64_t value) {
    int64_t taken = 0;
    enum err err = wire_number_take(number, value, &taken);
    CHECK(err == ERR_OK);
    mp_write_int(out, taken);
}

static void write_outcomes(struct buf *out, enum wire_number number, const uint32_t *outcomes) {
    size_t given = 0;
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        given += outcomes[i] > 0;
    }
    mp_write_map(out, given);
    for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
        if (outcomes[i] > 0) {
            mp_write_str(out, span_str(wire_dispositions.words[i]));
            write_number(out, number, outcomes[i]);
        }
    }
}

/* The count of an array field, or 1 of any other field that is present. */
static uint32_t count_at(const struct wire_field *field, const uint8_t *base) {
    return *(const uint32_t *)(const void *)(base + field->side);
}

static void write_words(struct buf *out, const struct wire_words *words, uint32_t set) {
    uint32_t given = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        given += set >> i & 1;
    }
    mp_write_array(out, given);
    for (uint32_t i = 0; i < words->count; i++) {
        if ((set >> i & 1) != 0) {
            mp_write_str(out, span_str(words->words[i]));
        }
    }
}

static void write_value(struct buf *out, const struct wire_field *field, const uint8_t *base);

static bool is_zero(const struct wire_field *field, const uint8_t *base);

/* The last element is left out when it has no meaning. */
static void write_tuple(struct buf *out, const struct wire_field *fields, uint32_t count,
                        const uint8_t *base) {
    const struct wire_field *last = &fields[count - 1];
    count -= last->need == NEED_NOT_ZERO && is_zero(last, base) ? 1 : 0;
    mp_write_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        write_value(out, &fields[i], base);
    }
}

static void write_elements(struct buf *out, const struct wire_field *field, const uint8_t *base) {
    uint32_t count = count_at(field, base);
    CHECK(count <= field->max);
    const uint8_t *element = *(const uint8_t *const *)(const void *)(base + field->at);
    mp_write_array(out, count);
    for (uint32_t i = 0; i < count; i++, element += field->element_bytes) {
        if (field->kind == KIND_UUIDS) {
            write_uuid(out, (const void *)element);
        } else if (field->kind == KIND_MAPS) {
            write_fields(out, field->fields, field->field_count, element);
        } else {
            write_tuple(out, field->fields, field->field_count, element);
        }
    }
}

static void write_value(struct buf *out, const struct wire_field *field, const uint8_t *base) {
    const void *at = base + field->at;
    switch (field->kind) {
    case KIND_UUID:
        write_uuid(out, at);
        break;
    case KIND_U32:
        write_number(out, field->number, *(const uint32_t *)at);
        break;
    case KIND_U64:
        write_number(out, field->number, *(const uint64_t *)at);
        break;
    case KIND_I64:
        write_signed(out, field->number, *(const int64_t *)at);
        break;
    case KIND_BOOL:
        mp_write_bool(out, *(const bool *)at);
        break;
    case KIND_TEXT:
        CHECK(((const struct span *)at)->len <= field->max);
        mp_write_str(out, *(const struct span *)at);
        break;
    case KIND_WORD:
        CHECK(*(const uint32_t *)at < field->words->count);
        mp_write_str(out, span_str(field->words->words[*(const uint32_t *)at]));
        break;
    case KIND_WORDS:
        write_words(out, field->words, *(const uint32_t *)at);
        break;
    case KIND_FIELDS:
        write_fields(out, field->fields, field->field_count, base);
        break;
    case KIND_OUTCOMES:
        write_outcomes(out, field->number, at);
        break;
    case KIND_RAW:
        if (((const struct span *)at)->len == 0) {
            mp_write_nil(out);
        } else {
            buf_append(out, *(const struct span *)at);
        }
        break;
    case KIND_MAPS:
    case KIND_TUPLES:
    case KIND_UUIDS:
        write_elements(out, field, base);
        break;
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
    if (field->kind == KIND_UUIDS || field->kind == KIND_TUPLES) {
        return count_at(field, base) == 0;
    }
    if (field->kind == KIND_I64) {
        return *(const int64_t *)at == 0;
    }
    if (field->kind == KIND_U64) {
        return *(const uint64_t *)at == 0;
    }
    CHECK(field->kind == KIND_WORD || field->kind == KIND_WORDS || field->kind == KIND_U32);
    return *(const uint32_t *)at == 0;
}

static void write_fields(struct buf *out, const struct wire_field *fields, uint32_t count,
                         const uint8_t *base) {
    size_t given = 0;
    for (uint32_t i = 0; i < count; i++) {
        given += fields[i].need != NEED_NOT_ZERO || !is_zero(&fields[i], base);
    }
    mp_write_map(out, given);
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_field *field = &fields[i];
        if (field->need == NEED_NOT_ZERO && is_zero(field, base)) {
            continue;
        }
        mp_write_str(out, span_str(field->key));
        if (field->need == NEED_HAS && !*(const bool *)(const void *)(base + field->side)) {
            mp_write_nil(out);
        } else {
            write_value(out, field, base);
        }
    }
}

void wire_encode(const struct wire_message *message, struct buf *out) {
    CHECK(message->command < WIRE_COMMAND_COUNT);
    const struct wire_shape *shape = wire_shape(message->command);
    mp_write_array(out, 3);
    mp_write_str(out, SPAN_LIT("CM1"));
    mp_write_str(out, span_str(wire_command_name(message->command)));
    write_fields(out, shape->fields, shape->field_count, (const uint8_t *)message + shape->at);
}
