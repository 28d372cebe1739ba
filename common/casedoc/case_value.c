/* One fact from MessagePack: exact types, except that an int may stand for a float.  Every fault is
 * noted with its path, never its value. */
#include "base/date.h"
#include "base/suggest.h"
#include "casedoc/casedoc_priv.h"
#include "casedoc/decode_priv.h"

#include <math.h>
#include <stdio.h>

/* A function of its own, so that valid values do not use its stack space. */
__attribute__((noinline, cold)) static bool fault_of(struct decoder *d, const struct fact *fact,
                                                     const char *reason,
                                                     const struct walk_item *item) {
    char expected[EXPECTED_BYTES];
    fact_expected(fact, expected);
    return decode_fault(d, reason, expected, decode_found(item, reason));
}

__attribute__((noinline, cold)) static bool range_fault(struct decoder *d, const struct fact *fact,
                                                        const struct walk_item *item) {
    char expected[EXPECTED_BYTES];
    fact_expected(fact, expected);
    return decode_fault(d, "out_of_range", expected, decode_found_int(item, fact->int_min));
}

static bool decode_int(struct decoder *d, const struct fact *fact, const struct walk_item *item,
                       struct value *out) {
    if (item->type != WALK_INT && item->type != WALK_UINT) {
        return fault_of(d, fact, "wrong_type", item);
    }
    bool fits = item->type == WALK_INT || item->u <= INT64_MAX;
    if (!fits || item->i < fact->int_min || item->i > fact->int_max) {
        return range_fault(d, fact, item);
    }
    *out = value_int(item->i);
    return true;
}

/* JavaScript writes 1.0 as 1.  Only an integer that no double equals is a fault. */
static bool decode_int_as_double(struct decoder *d, const struct walk_item *item,
                                 struct value *out) {
    bool is_negative = item->type == WALK_INT;
    double number = is_negative ? (double)item->i : (double)item->u;
    bool is_exact =
        is_negative ? (int64_t)number == item->i : number < 0x1p64 && (uint64_t)number == item->u;
    *out = value_double(number);
    return is_exact ||
           decode_fault(d, "out_of_range", "float, or an int that a 64-bit float holds exactly",
                        "int with too many digits");
}

static bool decode_double(struct decoder *d, const struct fact *fact, const struct walk_item *item,
                          struct value *out) {
    if (item->type == WALK_INT || item->type == WALK_UINT) {
        return decode_int_as_double(d, item, out);
    }
    if (item->type != WALK_FLOAT) {
        return fault_of(d, fact, "wrong_type", item);
    }
    if (!isfinite(item->d) || (item->d == 0 && signbit(item->d))) {
        return fault_of(d, fact, "not_a_number", item);
    }
    *out = value_double(item->d);
    return true;
}

static bool fault_day(struct decoder *d, const struct fact *fact, const struct walk_item *item) {
    if (date_is_partial(item->bytes)) {
        return decode_fault(d, "bad_date",
                            "whole day YYYY-MM-DD; if the day is not known, leave the fact out",
                            "str without a day");
    }
    return fault_of(d, fact, "bad_date", item);
}

/* PostgreSQL stores microseconds: a finer instant would come back as another one. */
static bool decode_timestamp(struct decoder *d, const struct fact *fact,
                             const struct walk_item *item, struct value *out) {
    if (timestamp_parse(item->bytes, out) != ERR_OK) {
        return fault_of(d, fact, "bad_date", item);
    }
    return value_is_storable(out) ||
           decode_fault(d, "bad_date", "instant of whole microseconds: six digits of fraction",
                        "str with a finer instant");
}

/* decode_plain has handled known words and days. */
static bool decode_str(struct decoder *d, const struct fact *fact, const struct walk_item *item,
                       struct value *out) {
    if (item->type != WALK_STR) {
        return fault_of(d, fact, "wrong_type", item);
    }
    bool word = fact->type == FACT_ENUM || fact->type == FACT_ISO;
    if (!span_is_utf8(item->bytes)) {
        return fault_of(d, fact, "not_utf8", item);
    }
    if (item->bytes.len != 0 && memchr(item->bytes.ptr, '\0', item->bytes.len) != NULL) {
        return fault_of(d, fact, "nul_byte", item);
    }
    if (word) {
        return fault_of(d, fact, "unknown_word", item);
    }
    if (fact->type == FACT_DATE) {
        return fault_day(d, fact, item);
    }
    if (fact->type == FACT_TIMESTAMP) {
        return decode_timestamp(d, fact, item, out);
    }
    if (item->bytes.len > fact->bytes_max) {
        return fault_of(d, fact, "too_large", item);
    }
    *out = value_string(item->bytes);
    return true;
}

/* Fast path for most facts: a valid bool, word of the vocabulary or day.  False without a fault for
 * everything that decode_scalar must check. */
static inline bool decode_plain(const struct fact *fact, const struct walk_item *item,
                                struct value *out) {
    if (fact->type == FACT_BOOL && item->type == WALK_BOOL) {
        *out = value_bool(item->b);
        return true;
    }
    if ((fact->type == FACT_ENUM || fact->type == FACT_ISO) && item->type == WALK_STR) {
        uint32_t number = words_find(fact->word_index, item->bytes);
        *out = number != WORD_NONE ? value_word(item->bytes, number) : *out;
        return number != WORD_NONE;
    }
    int32_t days = 0;
    if (fact->type == FACT_DATE && item->type == WALK_STR &&
        date_parse(item->bytes, &days) == ERR_OK) {
        *out = value_date(days);
        return true;
    }
    return false;
}

__attribute__((noinline)) static bool decode_scalar(struct decoder *d, const struct fact *fact,
                                                    const struct walk_item *item,
                                                    struct value *out) {
    switch (fact->type) {
    case FACT_BOOL:
        if (item->type != WALK_BOOL) {
            return fault_of(d, fact, "wrong_type", item);
        }
        *out = value_bool(item->b);
        return true;
    case FACT_INT:
        return decode_int(d, fact, item, out);
    case FACT_DOUBLE:
        return decode_double(d, fact, item, out);
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
    case FACT_DATE:
    case FACT_TIMESTAMP:
        return decode_str(d, fact, item, out);
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        break;
    }
    UNREACHABLE();
}

/* A record inside a list: all fields, in schema order, unknown until read. */
static bool decode_record(struct decoder *d, const struct fact *record, uint32_t count,
                          struct value *out) {
    struct value *pairs = decode_take(d, (size_t)record->field_count * 2 * sizeof(*pairs));
    if (pairs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < record->field_count; i++) {
        pairs[2 * i] = value_string(span_make(record->fields[i].leaf, record->fields[i].leaf_len));
        pairs[2 * i + 1] = value_unknown(record->fields[i].path);
    }
    *out = value_record(pairs, record->field_count);
    return decode_fields(d, record_list(record), count, pairs);
}

/* A value that must be known: an element of a list, or a map's value. */
static bool decode_element(struct decoder *d, const struct fact *fact, struct value *out) {
    size_t start = d->at;
    struct walk_item item;
    if (!decode_read(d, &item)) {
        return false;
    }
    if (item.type == WALK_NIL) {
        return fault_of(d, fact, "nil_element", &item);
    }
    if (decode_plain(fact, &item, out)) {
        return true;
    }
    if (fact->type == FACT_RECORD && item.type == WALK_MAP) {
        return decode_record(d, fact, item.count, out);
    }
    bool sound = fact->type == FACT_RECORD ? fault_of(d, fact, "wrong_type", &item)
                                           : decode_scalar(d, fact, &item, out);
    if (!sound) {
        decode_skip_rest(d, start, &item);
    }
    return sound;
}

static bool decode_list(struct decoder *d, const struct fact *fact, uint32_t count,
                        struct value *out) {
    struct value *items = decode_take(d, count * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    bool sound = true;
    CHECK(d->depth < TRAIL_MAX);
    d->depth++;
    for (uint32_t i = 0; i < count && !decode_stopped(d); i++) {
        d->trail[d->depth - 1] = (struct trail_step){.index = i};
        sound = decode_element(d, fact->element, &items[i]) && sound;
    }
    d->depth--;
    if (!sound || decode_stopped(d)) {
        return false;
    }
    *out = value_list(items, count);
    return true;
}

static bool decode_map_key(struct decoder *d, const struct fact *fact, struct value *key) {
    size_t start = d->at;
    struct walk_item item;
    if (!decode_read(d, &item)) {
        return false;
    }
    const char *expected = fact->map_keys_iso ? "ISO 3166-1 alpha-2 code as key" : "str as key";
    if (item.type != WALK_STR) {
        (void)decode_fault(d, "wrong_type", expected, walk_type_name(item.type));
        decode_skip(d, start);
        return false;
    }
    if (!decode_text(d, expected, item.bytes)) {
        return false;
    }
    if (fact->map_keys_iso && !fact_has_word(fact, item.bytes)) {
        return decode_fault(d, "unknown_word", expected, decode_found(&item, "unknown_word"));
    }
    if (!fact->map_keys_iso && item.bytes.len > fact->bytes_max) {
        return decode_fault(d, "too_large", "shorter key", decode_found(&item, "too_large"));
    }
    *key = value_string(item.bytes);
    return true;
}

static bool decode_map(struct decoder *d, const struct fact *fact, uint32_t count,
                       struct value *out) {
    struct value *pairs = decode_take(d, (size_t)count * 2 * sizeof(*pairs));
    if (pairs == NULL) {
        return false;
    }
    bool sound = true;
    CHECK(d->depth < TRAIL_MAX);
    d->depth++;
    for (uint32_t i = 0; i < count && !decode_stopped(d); i++) {
        d->trail[d->depth - 1] = (struct trail_step){.index = i};
        sound = decode_map_key(d, fact, &pairs[2 * i]) && sound;
        sound = decode_element(d, fact->element, &pairs[2 * i + 1]) && sound;
    }
    d->depth--;
    if (!sound || decode_stopped(d)) {
        return false;
    }
    if (!pairs_sort(pairs, count)) {
        return decode_fault(d, "duplicate_key", "each key once", "key again");
    }
    *out = value_map(pairs, count);
    return true;
}

/* A fact or field that may be nil, which means unknown. */
static inline __attribute__((always_inline)) bool
decode_one(struct decoder *d, const struct fact *fact, struct value *out) {
    size_t start = d->at;
    struct walk_item item;
    if (!decode_read(d, &item)) {
        return false;
    }
    if (item.type == WALK_NIL) {
        return true; /* the slot is unknown already */
    }
    if (decode_plain(fact, &item, out)) {
        return true;
    }
    if (fact->type == FACT_RECORD && item.type == WALK_MAP) {
        return decode_fields(d, record_list(fact), item.count, NULL);
    }
    bool list = fact->type == FACT_LIST && item.type == WALK_ARRAY;
    bool map = fact->type == FACT_MAP && item.type == WALK_MAP;
    if ((list || map) && item.count <= fact->count_max) {
        return list ? decode_list(d, fact, item.count, out) : decode_map(d, fact, item.count, out);
    }
    bool scalar = fact->type != FACT_LIST && fact->type != FACT_MAP && fact->type != FACT_RECORD;
    bool sound = scalar ? decode_scalar(d, fact, &item, out)
                        : fault_of(d, fact, list || map ? "too_large" : "wrong_type", &item);
    if (!sound) {
        decode_skip_rest(d, start, &item);
    }
    return sound;
}

__attribute__((noinline, cold)) void decode_unknown_key(struct decoder *d, struct fact_list list,
                                                        struct span key, const char *found) {
    struct suggest suggest;
    suggest_init(&suggest, key);
    for (uint32_t i = 0; i < list.count; i++) {
        suggest_offer(&suggest, span_str(list.facts[i].leaf));
    }
    char expected[EXPECTED_BYTES] = "a fact of the case schema";
    if (suggest.best.ptr != NULL) {
        (void)snprintf(expected, sizeof(expected), "a fact of the case schema; the nearest is %.*s",
                       SPAN_ARG(suggest.best));
    }
    (void)decode_fault_key(d, key, "unknown_fact", expected, found);
}

/* An unknown key is no fault while its value is nil: then it states nothing.  True: no fault. */
__attribute__((noinline, cold)) static bool
unknown_field(struct decoder *d, const struct fact_list *list, const struct walk_item *key) {
    const char *found = decode_found_next(d);
    if (key->type != WALK_STR) {
        return decode_fault_key(d, span_str("?"), "unknown_fact", "str as key",
                                walk_type_name(key->type));
    }
    if (strcmp(found, walk_type_name(WALK_NIL)) == 0) {
        return true;
    }
    decode_unknown_key(d, *list, key->bytes, found);
    return false;
}

bool decode_fields(struct decoder *d, struct fact_list list, uint32_t pairs,
                   struct value *out_pairs) {
    struct path_set seen = {{0}};
    bool sound = true;
    CHECK(list.count <= PATHS_MAX);
    CHECK(d->depth < TRAIL_MAX);
    for (uint32_t n = 0; n < pairs && !decode_stopped(d); n++) {
        size_t key_start = d->at;
        struct walk_item key;
        if (!decode_read(d, &key)) {
            return false;
        }
        uint32_t i = key.type == WALK_STR ? words_find(list.index, key.bytes) : WORD_NONE;
        if (i == WORD_NONE || path_set_has(&seen, i)) {
            sound = (i == WORD_NONE ? unknown_field(d, &list, &key)
                                    : decode_fault_key(d, key.bytes, "duplicate_key",
                                                       "each key once", "key again")) &&
                    sound;
            decode_skip(d, key_start);
            decode_skip(d, d->at);
            continue;
        }
        path_set_add(&seen, i);
        const struct fact *fact = &list.facts[i];
        struct value *out = out_pairs != NULL           ? &out_pairs[2 * i + 1]
                            : fact->type == FACT_RECORD ? NULL
                                                        : &d->doc->slots[fact->slot];
        d->trail[d->depth++].name = key.bytes;
        sound = decode_one(d, fact, out) && sound;
        d->depth--;
    }
    return sound && !decode_stopped(d);
}

/* Apart from decode_one, which decode_fields has inline. */
bool decode_fact(struct decoder *d, const struct fact *fact, struct value *out) {
    return decode_one(d, fact, out);
}
