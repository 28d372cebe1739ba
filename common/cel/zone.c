/* Zone files (TZif, RFC 8536): a header, then transition times and the offsets they lead to; after
 * the last transition a rule in POSIX form applies.  Only the 64-bit block is read. */
#include "cel/zone.h"

#include "base/buf.h"
#include "base/date.h"
#include "base/io.h"
#include "base/mem.h"

#include <stdio.h>

enum { HEADER_BYTES = 44, TYPE_BYTES = 6, FILE_BYTES_MAX = 64 * 1024 };
static const char zone_folder[] = "/usr/share/zoneinfo/";

struct zone {
    struct buf file;      /* empty: the one offset below */
    int32_t offset;       /* of a zone that never changes */
    const uint8_t *times; /* time_count x 8 bytes */
    const uint8_t *kinds; /* time_count x 1 byte, each below type_count */
    const uint8_t *types; /* type_count x 6 bytes: offset, daylight, name */
    uint32_t time_count;
    uint32_t type_count;
    struct span rule; /* POSIX rule between newlines, may be empty */
};

static size_t block_bytes(const uint8_t *header, size_t time_bytes) {
    size_t utc = get_be32(header + 20);
    size_t standard = get_be32(header + 24);
    size_t leaps = get_be32(header + 28);
    size_t times = get_be32(header + 32);
    size_t types = get_be32(header + 36);
    size_t letters = get_be32(header + 40);
    return times * time_bytes + times + types * TYPE_BYTES + letters + leaps * (time_bytes + 4) +
           standard + utc;
}

static bool has_header(struct span bytes, size_t at) {
    return bytes.len >= at + HEADER_BYTES && memcmp(bytes.ptr + at, "TZif", 4) == 0;
}

/* Sets the pointers into the file; false when a part is missing. */
static bool zone_open(struct zone *zone) {
    struct span bytes = buf_span(&zone->file);
    if (!has_header(bytes, 0) || bytes.ptr[4] < '2') {
        return false;
    }
    size_t second = HEADER_BYTES + block_bytes(bytes.ptr, 4);
    if (second > bytes.len || !has_header(bytes, second)) {
        return false;
    }
    const uint8_t *header = bytes.ptr + second;
    size_t body = block_bytes(header, 8);
    size_t rule = second + HEADER_BYTES + body + 1;
    if (body > bytes.len || rule > bytes.len) {
        return false;
    }
    zone->time_count = get_be32(header + 32);
    zone->type_count = get_be32(header + 36);
    zone->times = header + HEADER_BYTES;
    zone->kinds = zone->times + (size_t)zone->time_count * 8;
    zone->types = zone->kinds + zone->time_count;
    const uint8_t *end = memchr(bytes.ptr + rule, '\n', bytes.len - rule);
    zone->rule = span_make(bytes.ptr + rule, end == NULL ? 0 : (size_t)(end - bytes.ptr) - rule);
    for (uint32_t i = 0; i < zone->time_count; i++) {
        if (zone->kinds[i] >= zone->type_count) {
            return false;
        }
    }
    return zone->type_count != 0;
}

/* A reader of the POSIX rule. */
struct rule {
    struct span text;
    size_t at;
};

static int peek(const struct rule *rule) {
    return rule->at < rule->text.len ? rule->text.ptr[rule->at] : -1;
}

static bool accept(struct rule *rule, char c) {
    rule->at += peek(rule) == c ? 1 : 0;
    return rule->at > 0 && rule->text.ptr[rule->at - 1] == (uint8_t)c;
}

static void skip_name(struct rule *rule) {
    bool quoted = peek(rule) == '<';
    while (peek(rule) != -1 &&
           (quoted ? peek(rule) != '>' : strchr("+-0123456789,", peek(rule)) == NULL)) {
        rule->at++;
    }
    rule->at += quoted ? 1 : 0;
}

static int32_t number(struct rule *rule) {
    int32_t sum = 0;
    while (peek(rule) >= '0' && peek(rule) <= '9' && sum < 100000) {
        sum = sum * 10 + (rule->text.ptr[rule->at++] - '0');
    }
    return sum;
}

/* hh[:mm[:ss]] with an optional sign, in seconds. */
static int32_t clock_time(struct rule *rule) {
    bool minus = peek(rule) == '-';
    rule->at += minus || peek(rule) == '+' ? 1 : 0;
    int32_t seconds = number(rule) * 3600;
    for (int32_t unit = 60; unit >= 1 && peek(rule) == ':'; unit /= 60) {
        rule->at++;
        seconds += number(rule) * unit;
    }
    return minus ? -seconds : seconds;
}

/* ,Mm.w.d[/time]: the instant of a change in a year, in local seconds; other forms do not occur. */
static bool change(struct rule *rule, int32_t year, int64_t *local) {
    if (!accept(rule, ',') || !accept(rule, 'M')) {
        return false;
    }
    int32_t month = number(rule);
    bool dots = accept(rule, '.');
    int32_t week = number(rule);
    dots = dots && accept(rule, '.');
    int32_t weekday = number(rule);
    int32_t time = 7200;
    if (peek(rule) == '/') {
        rule->at++;
        time = clock_time(rule);
    }
    if (!dots || month < 1 || month > 12 || week < 1 || week > 5 || weekday > 6) {
        return false;
    }
    int32_t first = date_from_civil(year, month, 1);
    int32_t first_weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int32_t day = 1 + (weekday - first_weekday + 7) % 7 + (week - 1) * 7;
    while (!date_is_civil(year, month, day)) {
        day -= 7;
    }
    *local = (int64_t)date_from_civil(year, month, day) * DATE_DAY_SECONDS + time;
    return true;
}

/* The rule's offset at an instant; false when the rule has a form that is not read here. */
static bool rule_offset(struct span text, int64_t seconds, int32_t *offset) {
    struct rule rule = {.text = text};
    skip_name(&rule);
    int32_t standard = -clock_time(&rule);
    *offset = standard;
    if (peek(&rule) == -1) {
        return text.len != 0;
    }
    skip_name(&rule);
    int32_t daylight = peek(&rule) == ',' ? standard + 3600 : -clock_time(&rule);
    int64_t days = (seconds + standard) / DATE_DAY_SECONDS -
                   ((seconds + standard) % DATE_DAY_SECONDS < 0 ? 1 : 0);
    int32_t year = 0;
    int32_t month = 0;
    int32_t day = 0;
    if (days < DATE_DAYS_MIN || days > DATE_DAYS_MAX) {
        return true;
    }
    date_to_civil((int32_t)days, &year, &month, &day);
    int64_t start = 0;
    int64_t end = 0;
    if (!change(&rule, year, &start) || !change(&rule, year, &end)) {
        return false;
    }
    start -= standard;
    end -= daylight;
    bool summer =
        start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
    *offset = summer ? daylight : standard;
    return true;
}

int32_t zone_offset(const struct zone *zone, int64_t seconds) {
    if (zone->type_count == 0) {
        return zone->offset;
    }
    uint32_t low = 0; /* transitions at or before the instant */
    uint32_t high = zone->time_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((int64_t)get_be64(zone->times + (size_t)middle * 8) <= seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int32_t offset = 0;
    if (low == zone->time_count && rule_offset(zone->rule, seconds, &offset)) {
        return offset;
    }
    uint32_t kind = low == 0 ? 0 : zone->kinds[low - 1];
    return (int32_t)get_be32(zone->types + (size_t)kind * TYPE_BYTES);
}

static bool fixed_offset(struct span name, int32_t *offset) {
    if (span_is(name, "UTC") || span_is(name, "GMT") || span_is(name, "Z") || name.len == 0) {
        *offset = 0;
        return true;
    }
    bool minus = name.ptr[0] == '-';
    size_t sign = minus || name.ptr[0] == '+' ? 1 : 0;
    if (name.len != sign + 5 || name.ptr[sign + 2] != ':') {
        return false;
    }
    int32_t digits[4];
    static const size_t positions[4] = {0, 1, 3, 4};
    for (int i = 0; i < 4; i++) {
        digits[i] = name.ptr[sign + positions[i]] - '0';
        if (digits[i] < 0 || digits[i] > 9) {
            return false;
        }
    }
    int32_t hours = digits[0] * 10 + digits[1];
    int32_t minutes = digits[2] * 10 + digits[3];
    *offset = (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

/* ASCII alphanumerics, _ + - and single slashes between names: no path leaves the zone folder. */
static bool is_zone_name(struct span name) {
    bool after_slash = true;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
        if (c == '/' ? after_slash : after_slash ? !letter : !letter && !other) {
            return false;
        }
        after_slash = c == '/';
    }
    return name.len != 0 && name.len <= ZONE_NAME_BYTES_MAX && !after_slash;
}

static enum err read_file(struct span name, struct zone *zone) {
    if (!is_zone_name(name)) {
        return ERR_NOT_FOUND;
    }
    char path[sizeof(zone_folder) + ZONE_NAME_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s%.*s", zone_folder, SPAN_ARG(name));
    enum err err = io_read_file(path, FILE_BYTES_MAX, &zone->file, NULL);
    return err != ERR_OK ? err : zone_open(zone) ? ERR_OK : ERR_CORRUPT;
}

enum err zone_read(struct span name, struct zone **zone) {
    struct zone *made = mem_zero(1, sizeof(*made));
    enum err err = fixed_offset(name, &made->offset) ? ERR_OK : read_file(name, made);
    if (err != ERR_OK) {
        zone_free(&made);
        return err;
    }
    *zone = made;
    return ERR_OK;
}

void zone_free(struct zone **zone) {
    if (*zone != NULL) {
        buf_free(&(*zone)->file);
        mem_free(*zone);
        *zone = NULL;
    }
}
