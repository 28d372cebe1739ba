/* Head frame -> structs, along the table.  The framing of the whole frame is checked before any
 * value is read, so no claimed count can exceed the bytes there.  This file checks the values of
 * keys. */
#include "wire/wire.h"

#include "base/buf.h"
#include "wire/walk.h"
#include "wire/wire_priv.h"

struct reader {
    struct span head;
    size_t at;
    struct arena *arena;
};

static enum err read_item(struct reader *reader, enum walk_type type, struct walk_item *item) {
    enum err err = walk_next(reader->head, &reader->at, item);
    if (err != ERR_OK) {
        return err;
    }
    return item->type == type ? ERR_OK : ERR_INVALID;
}

/* A number too large for int64_t becomes INT64_MAX, which is in no range. */
static enum err take_uint(enum wire_number number, uint64_t value, int64_t *taken) {
    return wire_number_take(number, value > INT64_MAX ? INT64_MAX : (int64_t)value, taken);
}

static enum err read_number(struct reader *reader, enum wire_number number, int64_t *value) {
    struct walk_item item;
    enum err err = walk_next(reader->head, &reader->at, &item);
    if (err != ERR_OK) {
        return err;
    }
    if (item.type == WALK_INT) {
        return wire_number_take(number, item.i, value);
    }
    return item.type == WALK_UINT ? take_uint(number, item.u, value) : ERR_INVALID;
}

static enum err read_u64(struct reader *reader, enum wire_number number, uint64_t *value) {
    int64_t taken = 0;
    struct walk_item item;
    enum err err = read_item(reader, WALK_UINT, &item);
    err = err == ERR_OK ? take_uint(number, item.u, &taken) : err;
    if (err == ERR_OK) {
        CHECK(taken >= 0);
        *value = (uint64_t)taken;
    }
    return err;
}

static enum err read_u32(struct reader *reader, enum wire_number number, uint32_t *value) {
    uint64_t taken = 0;
    enum err err = read_u64(reader, number, &taken);
    if (err == ERR_OK) {
        CHECK(taken <= UINT32_MAX);
        *value = (uint32_t)taken;
    }
    return err;
}

static enum err read_uuid(struct reader *reader, struct uuid *uuid) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_BIN, &item);
    if (err != ERR_OK) {
        return err;
    }
    if (item.bytes.len != sizeof(uuid->bytes)) {
        return ERR_INVALID;
    }
    memcpy(uuid->bytes, item.bytes.ptr, sizeof(uuid->bytes));
    return ERR_OK;
}

static enum err read_text(struct reader *reader, uint32_t max, struct span *text) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_STR, &item);
    if (err != ERR_OK) {
        return err;
    }
    if (item.bytes.len > max || !span_is_utf8(item.bytes)) {
        return ERR_INVALID;
    }
    *text = item.bytes;
    return ERR_OK;
}

static enum err read_word(struct reader *reader, const struct wire_words *words, uint32_t *word) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_STR, &item);
    if (err != ERR_OK) {
        return err;
    }
    return wire_word_find(words, item.bytes, word) ? ERR_OK : ERR_INVALID;
}

/* A later peer may know more words. */
static enum err read_words(struct reader *reader, const struct wire_words *words, uint32_t *set) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_ARRAY, &item);
    for (uint32_t left = item.count; err == ERR_OK && left > 0; left--) {
        uint32_t word = 0;
        err = read_item(reader, WALK_STR, &item);
        if (err == ERR_OK && wire_word_find(words, item.bytes, &word)) {
            *set |= (uint32_t)1 << word;
        }
    }
    return err;
}

/* Reads an array's head and makes room for its elements. */
static enum err read_array(struct reader *reader, uint32_t max, size_t element_bytes,
                           uint32_t *count, void **elements) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_ARRAY, &item);
    if (err != ERR_OK) {
        return err;
    }
    if (item.count > max) {
        return ERR_INVALID;
    }
    *elements = arena_zero(reader->arena, item.count > 0 ? item.count : 1, element_bytes);
    *count = item.count;
    return *elements == NULL ? ERR_TOO_LARGE : ERR_OK;
}

static enum err skip(struct reader *reader, uint32_t count) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        err = walk_value(reader->head, &reader->at);
    }
    return err;
}

static enum err read_raw(struct reader *reader, struct span *bytes) {
    size_t start = reader->at;
    enum err err = walk_value(reader->head, &reader->at);
    if (err != ERR_OK) {
        return err;
    }
    struct span raw = span_make(reader->head.ptr + start, reader->at - start);
    *bytes = raw.len == 1 && raw.ptr[0] == 0xc0 ? SPAN_LIT("") : raw;
    return ERR_OK;
}

static enum err read_outcomes(struct reader *reader, enum wire_number number, uint32_t *outcomes) {
    struct walk_item map;
    enum err err = read_item(reader, WALK_MAP, &map);
    for (uint32_t i = 0; err == ERR_OK && i < map.count; i++) {
        uint32_t disposition = 0;
        err = read_word(reader, &wire_dispositions, &disposition);
        if (err == ERR_OK) {
            err = read_u32(reader, number, &outcomes[disposition]);
        }
    }
    return err;
}

static enum err read_fields(struct reader *reader, const struct wire_field *fields, uint32_t count,
                            uint8_t *base);

static enum err read_value(struct reader *reader, const struct wire_field *field, uint8_t *base);

/* An array of at least as many values as fields, but for a last one that may be absent; further
 * ones are skipped. */
static enum err read_tuple(struct reader *reader, const struct wire_field *fields, uint32_t count,
                           uint8_t *base) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_ARRAY, &item);
    bool is_short = err == ERR_OK && item.count + 1U == count;
    count -= is_short && fields[count - 1].need == NEED_NOT_ZERO ? 1 : 0;
    if (err == ERR_OK && item.count < count) {
        err = ERR_INVALID;
    }
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        err = read_value(reader, &fields[i], base);
    }
    return err == ERR_OK ? skip(reader, item.count - count) : err;
}

static enum err read_elements(struct reader *reader, const struct wire_field *field,
                              uint8_t *base) {
    uint32_t count = 0;
    void *elements = NULL;
    enum err err = read_array(reader, field->max, field->element_bytes, &count, &elements);
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        uint8_t *element = (uint8_t *)elements + i * field->element_bytes;
        err = field->kind == KIND_UUIDS ? read_uuid(reader, (void *)element)
              : field->kind == KIND_TUPLES
                  ? read_tuple(reader, field->fields, field->field_count, element)
                  : read_fields(reader, field->fields, field->field_count, element);
    }
    if (err != ERR_OK) {
        return err;
    }
    uint32_t *stored = (uint32_t *)(void *)(base + field->side);
    if (field->is_per_range && *stored != count) {
        return ERR_INVALID;
    }
    *stored = count;
    *(void **)(void *)(base + field->at) = elements;
    return ERR_OK;
}

/* A number whose sum with an earlier one may be limited. */
static enum err read_part(struct reader *reader, const struct wire_field *field, uint8_t *base) {
    uint32_t *part = (uint32_t *)(void *)(base + field->at);
    enum err err = read_u32(reader, field->number, part);
    if (err != ERR_OK || field->max == 0) {
        return err;
    }
    uint32_t first = *(const uint32_t *)(const void *)(base + field->side);
    return *part > field->max - first ? ERR_INVALID : ERR_OK;
}

static enum err read_value(struct reader *reader, const struct wire_field *field, uint8_t *base) {
    void *at = base + field->at;
    struct walk_item item;
    enum err err = ERR_OK;
    switch (field->kind) {
    case KIND_UUID:
        return read_uuid(reader, at);
    case KIND_U32:
        return read_part(reader, field, base);
    case KIND_U64:
        return read_u64(reader, field->number, at);
    case KIND_I64:
        return read_number(reader, field->number, at);
    case KIND_BOOL:
        err = read_item(reader, WALK_BOOL, &item);
        if (err == ERR_OK) {
            *(bool *)at = item.b;
        }
        return err;
    case KIND_TEXT:
        return read_text(reader, field->max, at);
    case KIND_WORD:
        return read_word(reader, field->words, at);
    case KIND_WORDS:
        return read_words(reader, field->words, at);
    case KIND_FIELDS:
        return read_fields(reader, field->fields, field->field_count, base);
    case KIND_OUTCOMES:
        return read_outcomes(reader, field->number, at);
    case KIND_RAW:
        return read_raw(reader, at);
    case KIND_MAPS:
    case KIND_TUPLES:
    case KIND_UUIDS:
        return read_elements(reader, field, base);
    }
    UNREACHABLE();
}

static const struct wire_field *find_field(const struct wire_field *fields, uint32_t count,
                                           const struct walk_item *key) {
    for (uint32_t i = 0; key->type == WALK_STR && i < count; i++) {
        if (span_is(key->bytes, fields[i].key)) {
            return &fields[i];
        }
    }
    return NULL;
}

/* Reads one "key: value" of a header; an unknown key is skipped, whatever its type. */
static enum err read_pair(struct reader *reader, const struct wire_field *fields, uint32_t count,
                          uint8_t *base, uint32_t *seen) {
    size_t key_at = reader->at;
    struct walk_item key;
    enum err err = walk_next(reader->head, &reader->at, &key);
    if (err != ERR_OK) {
        return err;
    }
    const struct wire_field *field = find_field(fields, count, &key);
    if (field == NULL) {
        reader->at = key_at;
        return skip(reader, 2);
    }
    uint32_t bit = (uint32_t)1 << (field - fields);
    bool is_early = field->is_per_range && (*seen & (bit - 1)) != bit - 1;
    if ((*seen & bit) != 0 || is_early) { /* verdicts must follow the ranges */
        return ERR_INVALID;
    }
    bool is_nil = reader->at < reader->head.len && reader->head.ptr[reader->at] == 0xc0;
    if (is_nil && field->need != NEED_ALWAYS) {
        return skip(reader, 1);
    }
    *seen |= bit;
    err = read_value(reader, field, base);
    if (err == ERR_OK && field->need == NEED_HAS) {
        *(bool *)(void *)(base + field->side) = true;
    }
    return err;
}

static enum err read_fields(struct reader *reader, const struct wire_field *fields, uint32_t count,
                            uint8_t *base) {
    CHECK(count <= WIRE_FIELDS_MAX);
    struct walk_item map;
    uint32_t seen = 0;
    enum err err = read_item(reader, WALK_MAP, &map);
    for (uint32_t i = 0; err == ERR_OK && i < map.count; i++) {
        err = read_pair(reader, fields, count, base, &seen);
    }
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        if (fields[i].need == NEED_ALWAYS && (seen >> i & 1) == 0) {
            err = ERR_INVALID;
        }
    }
    return err;
}

/* Reads "batch" first, so that REFUSED can name the batch even of a faulty header. */
static void find_batch(struct reader reader, struct wire_decode_fault *fault) {
    struct walk_item map;
    if (read_item(&reader, WALK_MAP, &map) != ERR_OK) {
        return;
    }
    for (uint32_t i = 0; i < map.count; i++) {
        size_t key_at = reader.at;
        struct walk_item key;
        if (walk_next(reader.head, &reader.at, &key) != ERR_OK) {
            return;
        }
        if (key.type == WALK_STR && span_is(key.bytes, "batch")) {
            fault->has_batch = read_uuid(&reader, &fault->batch) == ERR_OK;
            return;
        }
        reader.at = key_at;
        if (skip(&reader, 2) != ERR_OK) {
            return;
        }
    }
}

static bool find_command(struct span name, enum wire_socket socket, enum wire_direction direction,
                         enum wire_command *command) {
    for (uint32_t i = 0; i < WIRE_COMMAND_COUNT; i++) {
        const struct wire_head *row = wire_head((enum wire_command)i);
        bool is_here = row->socket == socket || i == WIRE_REFUSED;
        if (is_here && row->direction == direction && span_is(name, row->name)) {
            *command = (enum wire_command)i;
            return true;
        }
    }
    return false;
}

static enum err refuse(struct wire_decode_fault *fault, enum err err, enum wire_reason reason) {
    fault->reason = reason;
    return err;
}

/* A log must not hold text that a peer chose. */
static struct span printable_version(struct span version) {
    for (size_t i = 0; i < version.len; i++) {
        uint8_t c = version.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) {
            return SPAN_LIT("");
        }
    }
    return version.len <= WIRE_VERSION_BYTES_MAX ? version : SPAN_LIT("");
}

/* Reads ["CM1", COMMAND, and leaves the reader at the header.  The first two characters distinguish
 * a faulty version from noise. */
static enum err read_opening(struct reader *reader, struct span *command,
                             struct wire_decode_fault *fault) {
    struct walk_item item;
    enum err err = read_item(reader, WALK_ARRAY, &item);
    if (err != ERR_OK || item.count < 2) {
        return refuse(fault, ERR_INVALID, WIRE_REASON_BAD_HEAD);
    }
    bool is_whole = item.count == 3;
    err = read_item(reader, WALK_STR, &item);
    if (err != ERR_OK || item.bytes.len < 2 || item.bytes.ptr[0] != 'C' ||
        item.bytes.ptr[1] != 'M') {
        return refuse(fault, ERR_INVALID, WIRE_REASON_BAD_HEAD);
    }
    if (!span_is(item.bytes, WIRE_VERSION)) {
        fault->version = printable_version(item.bytes);
        return refuse(fault, ERR_VERSION, WIRE_REASON_UNKNOWN_VERSION);
    }
    err = read_item(reader, WALK_STR, &item);
    if (err != ERR_OK || !is_whole) {
        return refuse(fault, ERR_INVALID, WIRE_REASON_BAD_HEAD);
    }
    *command = item.bytes;
    return ERR_OK;
}

enum err wire_decode(struct span head, enum wire_socket socket, enum wire_direction direction,
                     struct arena *arena, struct wire_message *message,
                     struct wire_decode_fault *fault) {
    *fault = (struct wire_decode_fault){.reason = WIRE_REASON_NONE};
    if (head.len > WIRE_HEAD_BYTES_MAX) {
        return refuse(fault, ERR_TOO_LARGE, WIRE_REASON_TOO_LARGE);
    }
    size_t end = 0;
    if (walk_value(head, &end) != ERR_OK || end != head.len) {
        return refuse(fault, ERR_INVALID, WIRE_REASON_BAD_HEAD);
    }
    struct reader reader = {.head = head, .arena = arena};
    struct span name = {0};
    enum err err = read_opening(&reader, &name, fault);
    if (err != ERR_OK) {
        return err;
    }
    find_batch(reader, fault);
    enum wire_command command = WIRE_SUBMIT;
    if (!find_command(name, socket, direction, &command)) {
        return refuse(fault, ERR_UNKNOWN, WIRE_REASON_UNKNOWN_COMMAND);
    }
    struct wire_message read = {.command = command};
    if (command == WIRE_SUBMIT || command == WIRE_ROWS) {
        read.submit.priority = WIRE_NORMAL;
    }
    const struct wire_shape *shape = wire_shape(command);
    err = read_fields(&reader, shape->fields, shape->field_count, (uint8_t *)&read + shape->at);
    if (err == ERR_TOO_LARGE) {
        return refuse(fault, err, WIRE_REASON_TOO_LARGE);
    }
    if (err != ERR_OK) {
        return refuse(fault, ERR_INVALID, WIRE_REASON_BAD_HEADER);
    }
    *message = read;
    return ERR_OK;
}
