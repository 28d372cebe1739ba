/* Reads a setting's value from text: numbers with units, bounds, lists. */
#include "settings/settings_priv.h"

#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit BYTE_UNITS[] = {
    {"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
static const struct unit MS_UNITS[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}};
static const struct unit PLAIN_UNITS[] = {{"", 1}};

static const char *keep(struct arena *arena, struct span text) {
    struct span copy = arena_copy(arena, text);
    CHECK(copy.ptr != NULL); /* the file and the environment are bounded */
    return (const char *)copy.ptr;
}

/* Digits, then one of the units; only the sign '-'. */
static bool parse_number(struct span text, const struct unit *units, size_t unit_count,
                         int64_t *number) {
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    size_t first = at;
    int64_t sum = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, text.ptr[at] - '0', &sum)) {
            return false;
        }
    }
    struct span unit = span_trim(span_make(text.ptr + at, text.len - at));
    for (size_t i = 0; at > first && i < unit_count; i++) {
        if (span_is(unit, units[i].name)) {
            *number = negative ? -sum : sum;
            return !__builtin_mul_overflow(*number, units[i].factor, number);
        }
    }
    return false;
}

static enum err read_number(const struct setting_row *row, struct span text, int64_t *number,
                            char wanted[SETTING_WANTED_BYTES]) {
    const struct unit *units = PLAIN_UNITS;
    size_t count = COUNT_OF(PLAIN_UNITS);
    const char *what = "a whole number";
    if (row->type == SETTING_BYTES) {
        units = BYTE_UNITS;
        count = COUNT_OF(BYTE_UNITS);
        what = "bytes (KiB, MiB, GiB)";
    } else if (row->type == SETTING_MS) {
        units = MS_UNITS;
        count = COUNT_OF(MS_UNITS);
        what = "milliseconds (or ms, s, min)";
    }
    int64_t read = 0;
    if (!parse_number(text, units, count, &read) || read < row->min || read > row->max) {
        (void)snprintf(wanted, SETTING_WANTED_BYTES, "%s from %lld to %lld", what,
                       (long long)row->min, (long long)row->max);
        return ERR_INVALID;
    }
    *number = read;
    return ERR_OK;
}

static void read_list(struct span text, struct arena *arena, struct setting *setting) {
    uint32_t count = 0;
    size_t commas = 0;
    for (size_t i = 0; i < text.len; i++) {
        commas += text.ptr[i] == ',' ? 1 : 0;
    }
    const char **items = arena_zero(arena, commas + 1, sizeof(*items));
    CHECK(items != NULL);
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i == text.len || text.ptr[i] == ',') {
            struct span item = span_trim(span_make(text.ptr + start, i - start));
            if (item.len > 0) {
                items[count++] = keep(arena, item);
            }
            start = i + 1;
        }
    }
    setting->items = items;
    setting->item_count = count;
}

enum err setting_read(const struct setting_row *row, struct span text, struct arena *arena,
                      struct setting *setting, char wanted[SETTING_WANTED_BYTES]) {
    struct setting read = {.from = FROM_NOWHERE};
    text = text.len == 0 ? SPAN_LIT("") : text; /* an empty YAML list has no bytes */
    if (text.len != 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        (void)snprintf(wanted, SETTING_WANTED_BYTES, "a text without NUL");
        return ERR_INVALID;
    }
    struct span bare = span_trim(text);
    enum err err = ERR_OK;
    switch (row->type) {
    case SETTING_STRING:
        break;
    case SETTING_LIST:
        read_list(text, arena, &read);
        break;
    case SETTING_INT:
    case SETTING_BYTES:
    case SETTING_MS:
        err = read_number(row, bare, &read.number, wanted);
        break;
    case SETTING_BOOL:
        read.number = span_is(bare, "true") ? 1 : 0;
        if (read.number == 0 && !span_is(bare, "false")) {
            (void)snprintf(wanted, SETTING_WANTED_BYTES, "true or false");
            err = ERR_INVALID;
        }
        break;
    }
    if (err == ERR_OK) {
        read.text = keep(arena, text);
        *setting = read;
    }
    return err;
}
