/* Checks on single values that MessagePack and YAML decoding share. */
#include "base/buf.h"
#include "base/date.h"
#include "casedoc/case_doc.h"
#include "casedoc/casedoc_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* Reads two digits below limit. */
static bool two_digits(const uint8_t *ptr, int32_t limit, int32_t *value) {
    if (ptr[0] < '0' || ptr[0] > '9' || ptr[1] < '0' || ptr[1] > '9') {
        return false;
    }
    *value = (ptr[0] - '0') * 10 + (ptr[1] - '0');
    return *value < limit;
}

static bool fraction(struct span text, size_t *at, uint32_t *nanos) {
    if (*at >= text.len || text.ptr[*at] != '.') {
        return true;
    }
    size_t digits = 0;
    *nanos = 0;
    for ((*at)++; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; (*at)++) {
        if (++digits > 9) {
            return false;
        }
        *nanos = *nanos * 10 + (uint32_t)(text.ptr[*at] - '0');
    }
    for (size_t i = digits; i < 9; i++) {
        *nanos *= 10;
    }
    return digits > 0;
}

static bool zone(struct span rest, int64_t *offset_seconds) {
    int32_t hours = 0;
    int32_t minutes = 0;
    if (rest.len == 1 && rest.ptr[0] == 'Z') {
        *offset_seconds = 0;
        return true;
    }
    if (rest.len != 6 || (rest.ptr[0] != '+' && rest.ptr[0] != '-') || rest.ptr[3] != ':' ||
        !two_digits(rest.ptr + 1, 24, &hours) || !two_digits(rest.ptr + 4, 60, &minutes)) {
        return false;
    }
    int64_t seconds = hours * 3600 + minutes * 60;
    *offset_seconds = rest.ptr[0] == '+' ? seconds : -seconds;
    return true;
}

enum err timestamp_parse(struct span text, struct value *value) {
    int32_t days = 0;
    int32_t hour = 0;
    int32_t minute = 0;
    int32_t second = 0;
    if (text.len < 20 || date_parse(span_make(text.ptr, 10), &days) != ERR_OK ||
        text.ptr[10] != 'T' || !two_digits(text.ptr + 11, 24, &hour) || text.ptr[13] != ':' ||
        !two_digits(text.ptr + 14, 60, &minute) || text.ptr[16] != ':' ||
        !two_digits(text.ptr + 17, 60, &second)) {
        return ERR_INVALID;
    }
    size_t at = 19;
    uint32_t nanos = 0;
    int64_t offset = 0;
    if (!fraction(text, &at, &nanos) || !zone(span_make(text.ptr + at, text.len - at), &offset)) {
        return ERR_INVALID;
    }
    int64_t seconds =
        (int64_t)days * DATE_DAY_SECONDS + hour * 3600 + minute * 60 + second - offset;
    if (seconds < (int64_t)DATE_DAYS_MIN * DATE_DAY_SECONDS ||
        seconds >= ((int64_t)DATE_DAYS_MAX + 1) * DATE_DAY_SECONDS) {
        return ERR_INVALID;
    }
    *value = (struct value){.kind = VAL_TIMESTAMP, .len = nanos, .i = seconds};
    return ERR_OK;
}

bool value_is_storable(const struct value *value) {
    if (value->kind == VAL_TIMESTAMP) {
        return value->len % 1000 == 0;
    }
    uint32_t count = value->kind == VAL_LIST  ? value->len
                     : value->kind == VAL_MAP ? 2 * value->len
                                              : 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!value_is_storable(&value->items[i])) {
            return false;
        }
    }
    return true;
}

bool date_is_partial(struct span text) {
    uint8_t day[10] = "0000-00-01";
    if (text.len != 4 && text.len != 7) {
        return false;
    }
    memcpy(day, text.ptr, text.len);
    if (text.len == 4) {
        memcpy(day + 4, "-01", 3);
    }
    int32_t days = 0;
    return date_parse(span_make(day, sizeof(day)), &days) == ERR_OK;
}

static void expected_words(const struct fact *fact, char text[EXPECTED_BYTES]) {
    static const char more[] = ", ...";
    size_t len = (size_t)snprintf(text, EXPECTED_BYTES, "one of ");
    for (uint32_t i = 0; i < fact->word_count; i++) {
        const char *comma = i == 0 ? "" : ", ";
        size_t need = strlen(comma) + strlen(fact->words[i]);
        bool last = i + 1 == fact->word_count;
        if (len + need + (last ? 0 : sizeof(more) - 1) >= EXPECTED_BYTES) {
            (void)snprintf(text + len, EXPECTED_BYTES - len, "%s", more);
            return;
        }
        len += (size_t)snprintf(text + len, EXPECTED_BYTES - len, "%s%s", comma, fact->words[i]);
    }
}

void fact_expected(const struct fact *fact, char text[EXPECTED_BYTES]) {
    const char *plain = "";
    switch (fact->type) {
    case FACT_BOOL:
        plain = "bool";
        break;
    case FACT_INT:
        (void)snprintf(text, EXPECTED_BYTES, "int from %lld to %lld", (long long)fact->int_min,
                       (long long)fact->int_max);
        return;
    case FACT_DOUBLE:
        plain = "finite float, not -0.0";
        break;
    case FACT_STRING:
        (void)snprintf(text, EXPECTED_BYTES, "str of at most %u bytes", fact->bytes_max);
        return;
    case FACT_ENUM:
        expected_words(fact, text);
        return;
    case FACT_ISO:
        plain = "ISO 3166-1 alpha-2 code";
        break;
    case FACT_DATE:
        plain = "day as str YYYY-MM-DD";
        break;
    case FACT_TIMESTAMP:
        plain = "instant as str YYYY-MM-DDTHH:MM:SSZ";
        break;
    case FACT_LIST:
        (void)snprintf(text, EXPECTED_BYTES, "array of at most %u elements", fact->count_max);
        return;
    case FACT_MAP:
        (void)snprintf(text, EXPECTED_BYTES, "map of at most %u entries", fact->count_max);
        return;
    case FACT_RECORD:
        plain = "map";
        break;
    }
    (void)snprintf(text, EXPECTED_BYTES, "%s", plain);
}

static int pair_order(const void *left, const void *right) {
    return span_cmp(value_span(*(const struct value *)left),
                    value_span(*(const struct value *)right));
}

/* Pairs are mostly in order already. */
bool pairs_sort(struct value *pairs, uint32_t count) {
    uint32_t i = 1;
    while (i < count && pair_order(&pairs[2 * i - 2], &pairs[2 * i]) < 0) {
        i++;
    }
    if (i >= count) {
        return true;
    }
    qsort(pairs, count, 2 * sizeof(*pairs), pair_order);
    for (i = 1; i < count; i++) {
        if (pair_order(&pairs[2 * i - 2], &pairs[2 * i]) == 0) {
            return false;
        }
    }
    return true;
}
