/* A key is its kind in the two highest bits, then its parts.  A month counts from 2000-01 and is
 * biased, so that it has no sign.  A day counts from 1970-01-01.
 *   outcome  16 bits source, 18 month, 16 agreement, 8 disposition
 *   finding  18 bits month, 16 agreement's position, 16 number of the pair in the rule set's list
 *   missing  16 bits source, 16 path
 *   received 16 bits source, 18 day of acceptance, 16 bucket of latency (tally.h) */
#include "worker/tally.h"

#include "base/date.h"
#include "base/mem.h"
#include "casedoc/result_column.h"
#include "worker/active_rules.h"

enum tally_kind { KIND_OUTCOME, KIND_FINDING, KIND_MISSING, KIND_RECEIVED };
enum { KIND_SHIFT = 62, DAY_BITS = 18, MONTH_BITS = 18, MONTH_BIAS = 1 << (MONTH_BITS - 1) };
enum { SLOTS_FIRST = 256 };

/* Fields of a row, in the order of ACTIVE_RULES_FIXED. */
enum {
    FIELD_SOURCE = 1,
    FIELD_RECEIVED_AT = 4,
    FIELD_DISPOSITION = 7,
    FIELD_AGREEMENT = 8,
    FIELD_RESULT = 10,
    FIELD_REFERENCE_DATE = 11,
    FIELDS_READ = 12
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

static void add_result(struct tally *tally, uint64_t month, uint64_t source, struct span bytes) {
    struct result_view result;
    CHECK(result_read(bytes, &result) == ERR_OK); /* row_encode wrote it */
    for (uint32_t i = 0; i < result.number_count; i++) {
        (void)count_of(tally, KIND_FINDING,
                       month << 32 | (uint64_t)i << 16 | result_number(&result, i));
    }
    for (uint32_t i = 0; i < result.missing_count; i++) {
        uint16_t path = (uint16_t)result_missing(&result, i);
        count_of(tally, KIND_MISSING, source << 16 | path)->firsts += i == 0 ? 1 : 0;
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
    add_result(tally, month, source, fields[FIELD_RESULT]);
}

/* --- SQL ---------------------------------------------------------------------------------------
 */

/* A column of `tallies`: a part of the key, or a number beside it. */
struct tally_column {
    const char *name;
    enum tally_kind kind;
    enum {
        PART_SIGNED,
        PART_BYTE,
        PART_MONTH,
        PART_DAY,
        PART_FINDING,
        PART_PROJECTED,
        PART_COUNT,
        PART_FIRSTS
    } part;
    uint32_t shift;
};
static const struct tally_column COLUMNS[] = {
    {"outcome_sources", KIND_OUTCOME, PART_SIGNED, MONTH_BITS + 24},
    {"outcome_months", KIND_OUTCOME, PART_MONTH, 24},
    {"outcome_agreements", KIND_OUTCOME, PART_SIGNED, 8},
    {"outcome_dispositions", KIND_OUTCOME, PART_BYTE, 0},
    {"outcome_counts", KIND_OUTCOME, PART_COUNT, 0},
    {"finding_months", KIND_FINDING, PART_MONTH, 32},
    {"finding_codes", KIND_FINDING, PART_FINDING, 0},
    {"finding_projected", KIND_FINDING, PART_PROJECTED, 0},
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

static int64_t value_of(const struct active_rules *rules, const struct tally_column *column,
                        const struct tally_count *count) {
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
    case PART_FINDING:
        return rules->pairs[part >> 16 & UINT16_MAX].findings[part & UINT16_MAX];
    case PART_PROJECTED:
        return rules->pairs[part >> 16 & UINT16_MAX].projected[part & UINT16_MAX];
    case PART_COUNT:
        return count->count;
    case PART_FIRSTS:
        return count->firsts;
    }
    CHECK(false);
    return 0;
}

static void put_column(const struct tally *tally, const struct active_rules *rules,
                       const struct tally_column *column, struct buf *sql) {
    bool first = true;
    buf_str(sql, "'{");
    for (uint32_t i = 0; i < tally->count; i++) {
        if (tally->counts[i].key >> KIND_SHIFT != (uint64_t)column->kind) {
            continue;
        }
        if (!first) {
            buf_byte(sql, ',');
        }
        put_number(sql, value_of(rules, column, &tally->counts[i]));
        first = false;
    }
    buf_str(sql, "}'");
}

void tally_sql_names(struct buf *sql) {
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++) {
        buf_printf(sql, i == 0 ? "%s" : ", %s", COLUMNS[i].name);
    }
}

void tally_sql_values(const struct tally *tally, const struct active_rules *rules,
                      struct buf *sql) {
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++) {
        buf_str(sql, i == 0 ? "" : ", ");
        put_column(tally, rules, &COLUMNS[i], sql);
    }
}
