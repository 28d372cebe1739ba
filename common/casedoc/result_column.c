/* Version, check, count of missing paths, numbers, codes of missing paths.  Numbers of two bytes
 * and codes have their high byte first. */
#include "casedoc/result_column.h"

#include "base/buf.h"
#include "base/check.h"

enum { AT_VERSION, AT_CHECK, AT_COUNT, CHECK_FACTOR = 31 };

/* The factor is odd, so a change of one byte always changes the sum. */
static uint8_t check_of(const uint8_t *bytes, size_t count) {
    uint8_t sum = bytes[AT_VERSION];
    for (size_t i = AT_COUNT; i < count; i++) {
        sum = (uint8_t)(sum * CHECK_FACTOR + bytes[i]);
    }
    return sum;
}

static uint8_t *put(uint8_t *at, uint32_t value, bool wide) {
    if (wide) {
        *at++ = (uint8_t)(value >> 8);
    }
    *at = (uint8_t)value;
    return at + 1;
}

uint8_t *result_write(uint8_t *at, const uint16_t *numbers, uint32_t agreement_count,
                      const int16_t *missing, uint32_t missing_count, bool wide) {
    uint8_t *start = at;
    CHECK(missing_count <= (wide ? UINT16_MAX : UINT8_MAX));
    start[AT_VERSION] = wide ? RESULT_VERSION_WIDE : RESULT_VERSION_NARROW;
    at = put(at + AT_COUNT, missing_count, wide);
    for (uint32_t i = 0; i < agreement_count; i++) {
        at = put(at, numbers[i], wide);
    }
    for (uint32_t i = 0; i < missing_count; i++) {
        at = put(at, (uint16_t)missing[i], true);
    }
    start[AT_CHECK] = check_of(start, (size_t)(at - start));
    return at;
}

enum err result_read(struct span bytes, struct result_view *view) {
    bool wide = bytes.len > 0 && bytes.ptr[AT_VERSION] == RESULT_VERSION_WIDE;
    uint32_t width = wide ? 2 : 1;
    if (bytes.len < AT_COUNT + width || (!wide && bytes.ptr[AT_VERSION] != RESULT_VERSION_NARROW) ||
        bytes.ptr[AT_CHECK] != check_of(bytes.ptr, bytes.len)) {
        return ERR_CORRUPT;
    }
    uint32_t missing = wide ? get_be16(bytes.ptr + AT_COUNT) : bytes.ptr[AT_COUNT];
    size_t rest = bytes.len - AT_COUNT - width;
    if (rest < 2 * (size_t)missing || (rest - 2 * (size_t)missing) % width != 0) {
        return ERR_CORRUPT;
    }
    *view = (struct result_view){.numbers = bytes.ptr + AT_COUNT + width,
                                 .missing = bytes.ptr + bytes.len - 2 * (size_t)missing,
                                 .number_count = (uint32_t)((rest - 2 * (size_t)missing) / width),
                                 .missing_count = missing,
                                 .width = width};
    return ERR_OK;
}

uint16_t result_number(const struct result_view *view, uint32_t agreement) {
    CHECK(agreement < view->number_count);
    return view->width == 2 ? get_be16(view->numbers + 2 * (size_t)agreement)
                            : view->numbers[agreement];
}

int16_t result_missing(const struct result_view *view, uint32_t index) {
    CHECK(index < view->missing_count);
    return (int16_t)get_be16(view->missing + 2 * (size_t)index);
}
