/* A key is its kind in the two highest bits, then its parts.  A month counts from 2000-01 and is
 * biased, so that it has no sign.  A day counts from 1970-01-01.
 *   outcome  16 bits source, 18 month, 16 agreement, 8 disposition
 *   finding  18 bits month, 16 finding, 16 projected finding, all ones if there is none
 *   missing  16 bits source, 16 path
 *   received 16 bits source, 18 day of acceptance, 16 bucket of latency (tally.h) */
#include "worker/tally.h"

#include "base/date.h"
#include "base/mem.h"
#include "worker/active_rules.h"

enum tally_kind { KIND_OUTCOME, KIND_FINDING, KIND_MISSING, KIND_RECEIVED };
enum { KIND_SHIFT = 62, DAY_BITS = 18, MONTH_BITS = 18, MONTH_BIAS = 1 << (MONTH_BITS - 1) };
enum { SLOTS_FIRST = 256, ARRAY_HEAD_BYTES = 12, ARRAY_DIM_BYTES = 8 };
#define FIELD_NULL 0xffffffffU

/* Fields of a row, in the order of ACTIVE_RULES_FIXED. */
enum {
    FIELD_SOURCE = 1,
    FIELD_RECEIVED_AT = 4,
    FIELD_DISPOSITION = 7,
    FIELD_AGREEMENT = 8,
    FIELD_FINDINGS = 10,
    FIELD_PROJECTED = 11,
    FIELD_MISSING = 12,
    FIELD_REFERENCE_DATE = 13,
    FIELDS_READ = 14
};
_Static_assert((int)FIELDS_READ <= (int)ACTIVE_RULES_FIXED_COUNT, "the fixed columns come first");

void tally_reset(struct tally *tally, int64_t written_at) {
    tally->count = 0;
    tally->last_batch = 0;
    tally->written_at = written_at;
    if (tally->slots != NULL) {
        memset(tally->slots, 0, tally->slot_count * sizeof(*tally->slots));
    }
}

void tally_free(struct tally *tally) {
    mem_free(tally->counts);
    mem_free(tally->slots);
    *tally = (struct tally){0};
}

/* The slot of a key, or its free slot. */
static uint32_t *slot_of(const struct tally *tally, uint64_t key) {
    uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (tally->slot_count - 1);
    while (tally->slots[at] != 0 && tally->counts[tally->slots[at] - 1].key != key) {
        at = (at + 1) & (tally->slot_count - 1);
    }
    return &tally->slots[at];
}

static void grow(struct tally *tally) {
    tally->slot_count = tally->slot_count == 0 ? SLOTS_FIRST : tally->slot_count * 2;
    tally->cap = tally->slot_count / 2;
    tally->counts = mem_grow(tally->counts, tally->cap, sizeof(*tally->counts));
    mem_free(tally->slots);
    tally->slots = mem_zero(tally->slot_count, sizeof(*tally->slots));
    for (uint32_t i = 0; i < tally->count; i++) {
        *slot_of(tally, tally->counts[i].key) = i + 1;
    }
}

static struct tally_count *count_of(struct tally *tally, enum tally_kind kind, uint64_t parts) {
    if (tally->count == tally->cap) {
        grow(tally);
    }
    uint64_t key = (uint64_t)kind << KIND_SHIFT | parts;
    uint32_t *slot = slot_of(tally, key);
    if (*slot == 0) {
        tally->counts[tally->count++] = (struct tally_count){.key = key};
        *slot = tally->count;
    }
    struct tally_count *count = &tally->counts[*slot - 1];
    count->count++;
    return count;
}

static uint64_t month_of(struct tally *tally, int32_t day) {
    if (day != tally->last_day || tally->last_month == 0) {
        int32_t year = 0;
        int32_t month = 0;
        int32_t month_day = 0;
        date_to_civil(day, &year, &month, &month_day);
        tally->last_day = day;
        tally->last_month = (year - 2000) * 12 + month - 1 + MONTH_BIAS;
    }
    return (uint64_t)tally->last_month;
}

/* smallint[] as COPY sends it: dimensions, flags, type; with elements their number and lower bound;
 * then each with its length.  NULL reads as all ones. */
static uint32_t array_length(struct span array) {
    return get_be32(array.ptr) == 0 ? 0 : get_be32(array.ptr + ARRAY_HEAD_BYTES);
}

static const uint8_t *array_items(struct span array) {
    return array.ptr + ARRAY_HEAD_BYTES + ARRAY_DIM_BYTES;
}

static uint16_t next_item(const uint8_t **at) {
    uint32_t len = get_be32(*at);
    uint16_t value = len == FIELD_NULL ? UINT16_MAX : get_be16(*at + 4);
    *at += len == FIELD_NULL ? 4 : 4 + sizeof(value);
    return value;
}

static void add_findings(struct tally *tally, uint64_t month, struct span findings,
                         struct span projected) {
    const uint8_t *finding = array_items(findings);
    const uint8_t *other = array_items(projected);
    uint32_t count = array_length(findings);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t code = next_item(&finding);
        (void)count_of(tally, KIND_FINDING, month << 32 | code << 16 | next_item(&other));
    }
}

/* Rows of one batch follow each other and have the same time of acceptance. */
static void add_received(struct tally *tally, uint64_t source, struct span received_at) {
    uint64_t received = get_be64(received_at.ptr);
    if (tally->last_batch != 0 && received == tally->last_received &&
        source == tally->last_source) {
        tally->counts[tally->last_batch - 1].count++;
        return;
    }
    int64_t accepted_at = (int64_t)received + (int64_t)DATE_POSTGRES_EPOCH * DATE_DAY_US;
    int64_t day = accepted_at / DATE_DAY_US;
    uint64_t day_part = day < 0 ? 0 : (uint64_t)day & ((1U << DAY_BITS) - 1);
    uint64_t bucket = tally_bucket(tally->written_at - accepted_at);
    const struct tally_count *count =
        count_of(tally, KIND_RECEIVED, source << (DAY_BITS + 16) | day_part << 16 | bucket);
    tally->last_received = received;
    tally->last_source = source;
    tally->last_batch = (uint32_t)(count - tally->counts) + 1;
}

void tally_add(struct tally *tally, struct span row) {
    struct span fields[FIELDS_READ];
    const uint8_t *at = row.ptr + 2;
    for (size_t i = 0; i < FIELDS_READ; i++) {
        uint32_t len = get_be32(at); /* none of these is NULL */
        fields[i] = span_make(at + 4, len);
        at += 4 + len;
    }
    CHECK(at <= row.ptr + row.len);
    uint64_t source = get_be16(fields[FIELD_SOURCE].ptr);
    uint64_t agreement = get_be16(fields[FIELD_AGREEMENT].ptr);
    uint64_t disposition = get_be16(fields[FIELD_DISPOSITION].ptr);
    int32_t day = (int32_t)get_be32(fields[FIELD_REFERENCE_DATE].ptr) + DATE_POSTGRES_EPOCH;
    uint64_t month = month_of(tally, day);
    (void)count_of(tally, KIND_OUTCOME,
                   source << (MONTH_BITS + 24) | month << 24 | agreement << 8 | disposition);
    add_received(tally, source, fields[FIELD_RECEIVED_AT]);
    add_findings(tally, month, fields[FIELD_FINDINGS], fields[FIELD_PROJECTED]);
    const uint8_t *missing = array_items(fields[FIELD_MISSING]);
    uint32_t missing_count = array_length(fields[FIELD_MISSING]);
    for (uint32_t i = 0; i < missing_count; i++) {
        struct tally_count *count =
            count_of(tally, KIND_MISSING, source << 16 | next_item(&missing));
        count->firsts += i == 0 ? 1 : 0;
    }
}

/* --- SQL ---------------------------------------------------------------------------------------
 */

/* A column of `tallies`: a part of the key, or a number beside it. */
struct tally_column {
    const char *name;
    enum tally_kind kind;
    enum { PART_SIGNED, PART_BYTE, PART_MONTH, PART_DAY, PART_COUNT, PART_FIRSTS } part;
    uint32_t shift;
};
static const struct tally_column COLUMNS[] = {
    {"outcome_sources", KIND_OUTCOME, PART_SIGNED, MONTH_BITS + 24},
    {"outcome_months", KIND_OUTCOME, PART_MONTH, 24},
    {"outcome_agreements", KIND_OUTCOME, PART_SIGNED, 8},
    {"outcome_dispositions", KIND_OUTCOME, PART_BYTE, 0},
    {"outcome_counts", KIND_OUTCOME, PART_COUNT, 0},
    {"finding_months", KIND_FINDING, PART_MONTH, 32},
    {"finding_codes", KIND_FINDING, PART_SIGNED, 16},
    {"finding_projected", KIND_FINDING, PART_SIGNED, 0},
    {"finding_counts", KIND_FINDING, PART_COUNT, 0},
    {"missing_sources", KIND_MISSING, PART_SIGNED, 16},
    {"missing_paths", KIND_MISSING, PART_SIGNED, 0},
    {"missing_counts", KIND_MISSING, PART_COUNT, 0},
    {"missing_firsts", KIND_MISSING, PART_FIRSTS, 0},
    {"received_sources", KIND_RECEIVED, PART_SIGNED, DAY_BITS + 16},
    {"received_days", KIND_RECEIVED, PART_DAY, 16},
    {"received_buckets", KIND_RECEIVED, PART_SIGNED, 0},
    {"received_counts", KIND_RECEIVED, PART_COUNT, 0},
};

/* A number as text: printf for each number would take longer than all counting. */
static void put_number(struct buf *sql, int64_t value) {
    char text[24];
    size_t at = sizeof(text);
    uint64_t rest = (uint64_t)(value < 0 ? -value : value);
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        text[--at] = '-';
    }
    buf_append(sql, span_make((const uint8_t *)text + at, sizeof(text) - at));
}

static int64_t value_of(const struct tally_column *column, const struct tally_count *count) {
    uint64_t part = count->key >> column->shift;
    switch (column->part) {
    case PART_SIGNED:
        return (int16_t)(part & UINT16_MAX);
    case PART_BYTE:
        return (int64_t)(part & UINT8_MAX);
    case PART_MONTH:
        return (int64_t)(part & ((1U << MONTH_BITS) - 1)) - MONTH_BIAS;
    case PART_DAY:
        return (int64_t)(part & ((1U << DAY_BITS) - 1));
    case PART_COUNT:
        return count->count;
    case PART_FIRSTS:
        return count->firsts;
    }
    CHECK(false);
    return 0;
}

static void put_column(const struct tally *tally, const struct tally_column *column,
                       struct buf *sql) {
    bool first = true;
    buf_str(sql, "'{");
    for (uint32_t i = 0; i < tally->count; i++) {
        if (tally->counts[i].key >> KIND_SHIFT != (uint64_t)column->kind) {
            continue;
        }
        if (!first) {
            buf_byte(sql, ',');
        }
        put_number(sql, value_of(column, &tally->counts[i]));
        first = false;
    }
    buf_str(sql, "}'");
}

void tally_sql_names(struct buf *sql) {
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++) {
        buf_printf(sql, i == 0 ? "%s" : ", %s", COLUMNS[i].name);
    }
}

void tally_sql_values(const struct tally *tally, struct buf *sql) {
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++) {
        buf_str(sql, i == 0 ? "" : ", ");
        put_column(tally, &COLUMNS[i], sql);
    }
}
