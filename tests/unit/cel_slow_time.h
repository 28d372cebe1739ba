/* Purpose: instants, durations and dates of the slow evaluator.  A calendar that counts years and
 * months one by one; zones other than fixed ones are asked of the C library. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_TIME_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_TIME_H

#include "cel_slow_basic.h"

#include <stdlib.h>
#include <time.h>

static const wide SECOND = 1000 * 1000 * 1000;
static const wide DAY = (wide)86400 * 1000 * 1000 * 1000;

struct civil {
    int64_t year;
    int month; /* from 1 */
    int day;   /* from 1 */
};

static inline bool slow_leaps(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int slow_month_days(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && slow_leaps(year) ? 29 : days[month - 1];
}

static inline int64_t slow_year_days(int64_t year) { return slow_leaps(year) ? 366 : 365; }

static inline wide slow_floor(wide number, wide unit) {
    return number / unit - (number % unit < 0 ? 1 : 0);
}

/* The calendar repeats itself after 400 years. */
enum { ERA_YEARS = 400, ERA_DAYS = 146097 };

static inline struct civil slow_civil(int64_t days) {
    int64_t eras = (int64_t)slow_floor(days, ERA_DAYS);
    struct civil civil = {1970 + eras * ERA_YEARS, 1, 1};
    days -= eras * ERA_DAYS;
    while (days >= slow_year_days(civil.year)) {
        days -= slow_year_days(civil.year++);
    }
    while (days >= slow_month_days(civil.year, civil.month)) {
        days -= slow_month_days(civil.year, civil.month++);
    }
    civil.day = (int)days + 1;
    return civil;
}

static inline int64_t slow_days(struct civil civil) {
    int64_t eras = (int64_t)slow_floor(civil.year - 1970, ERA_YEARS);
    int64_t days = eras * ERA_DAYS + civil.day - 1;
    for (int month = 1; month < civil.month; month++) {
        days += slow_month_days(civil.year, month);
    }
    for (int64_t year = 1970 + eras * ERA_YEARS; year < civil.year; year++) {
        days += slow_year_days(year);
    }
    return days;
}

/* --- arithmetic --------------------------------------------------------------------------------
 */

static inline struct slow slow_instant(wide nanos) {
    static const wide first = (wide)-62135596800; /* 0001-01-01T00:00:00Z */
    static const wide end = (wide)253402300800;   /* 10000-01-01T00:00:00Z */
    bool is_inside = nanos >= first * SECOND && nanos < end * SECOND;
    return is_inside ? (struct slow){.kind = SLOW_INSTANT, .nanos = nanos} : slow_error();
}

/* A duration is what fits 64 bits of nanoseconds. */
static inline struct slow slow_duration(wide nanos) {
    bool is_inside = nanos >= INT64_MIN && nanos <= INT64_MAX;
    return is_inside ? (struct slow){.kind = SLOW_DURATION, .nanos = nanos} : slow_error();
}

/* number: 1 adds, -1 subtracts. */
SLOW_FUNCTION(slow_add_times) {
    (void)run;
    wide nanos = slow_whole(v[0]) + slow_whole(v[1]) * function->number;
    return function->result == SLOW_INSTANT ? slow_instant(nanos) : slow_duration(nanos);
}

SLOW_FUNCTION(slow_instant_of_int) {
    SLOW_UNUSED;
    return slow_instant((wide)v[0].i * SECOND);
}

SLOW_FUNCTION(slow_seconds_of_instant) {
    SLOW_UNUSED;
    return slow_of(SLOW_INT, (int64_t)slow_floor(slow_whole(v[0]), SECOND));
}

/* --- parts -------------------------------------------------------------------------------------
 */

enum { YEAR, MONTH, DATE, DAY_OF_MONTH, DAY_OF_WEEK, DAY_OF_YEAR, HOURS, MINUTES, SECONDS, MILLIS };

static inline struct slow slow_part_of(int part, wide nanos) {
    if (slow_is_fault(slow_instant(nanos))) {
        return slow_error(); /* a zone took it out of the calendar */
    }
    int64_t days = (int64_t)slow_floor(nanos, DAY);
    int64_t seconds = (int64_t)((nanos - days * DAY) / SECOND);
    struct civil civil = slow_civil(days);
    int64_t parts[] = {
        [YEAR] = civil.year,
        [MONTH] = civil.month - 1,
        [DATE] = civil.day,
        [DAY_OF_MONTH] = civil.day - 1,
        [DAY_OF_WEEK] = (days % 7 + 7 + 4) % 7, /* 1970 began on a Thursday */
        [DAY_OF_YEAR] = days - slow_days((struct civil){civil.year, 1, 1}),
        [HOURS] = seconds / 3600,
        [MINUTES] = seconds / 60 % 60,
        [SECONDS] = seconds % 60,
        [MILLIS] = (int64_t)((nanos - slow_floor(nanos, SECOND) * SECOND) / 1000000),
    };
    return slow_of(SLOW_INT, parts[part]);
}

SLOW_FUNCTION(slow_part) {
    (void)run;
    return slow_part_of(function->number, slow_whole(v[0]));
}

/* Seconds east of UTC at an instant; false when there is no such zone. */
static inline bool slow_zone(struct span name, wide nanos, int64_t *offset) {
    static const struct {
        const char *name;
        int64_t seconds;
    } fixed[] = {{"UTC", 0}, {"", 0}, {"+05:30", 19800}, {"-03:30", -12600}, {"+23:59", 86340}};
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (span_is(name, fixed[i].name)) {
            *offset = fixed[i].seconds;
            return true;
        }
    }
    if (!span_is(name, "America/New_York") && !span_is(name, "Australia/Sydney")) {
        return false;
    }
    char zone[32] = ":";
    for (size_t i = 0; i < name.len; i++) {
        zone[i + 1] = (char)name.ptr[i];
    }
    CHECK(setenv("TZ", zone, 1) == 0);
    tzset();
    time_t seconds = (time_t)slow_floor(nanos, SECOND);
    struct tm local;
    CHECK(localtime_r(&seconds, &local) != NULL);
    *offset = local.tm_gmtoff;
    return true;
}

SLOW_FUNCTION(slow_part_in_zone) {
    (void)run;
    int64_t offset = 0;
    wide nanos = slow_whole(v[0]);
    return slow_zone(v[1].text, nanos, &offset)
               ? slow_part_of(function->number, nanos + offset * SECOND)
               : slow_error();
}

/* Of a duration: all of it in the unit, but of milliseconds those behind the last second. */
SLOW_FUNCTION(slow_duration_part) {
    (void)run;
    wide unit = function->number == HOURS     ? 3600 * SECOND
                : function->number == MINUTES ? 60 * SECOND
                                              : SECOND;
    return slow_of(SLOW_INT, function->number == MILLIS ? (int64_t)(v[0].nanos % SECOND / 1000000)
                                                        : (int64_t)(v[0].nanos / unit));
}

/* --- dates -------------------------------------------------------------------------------------
 */

SLOW_FUNCTION(slow_days_between) {
    SLOW_UNUSED;
    return slow_of(SLOW_INT, v[1].i - v[0].i);
}

/* The day that many months later; one that the month does not have is the next month's first. */
static inline int64_t slow_months_later(int64_t days, int64_t months) {
    struct civil civil = slow_civil(days);
    int64_t month = civil.year * 12 + civil.month - 1 + months;
    struct civil later = {month / 12, (int)(month % 12) + 1, 1};
    int last = slow_month_days(later.year, later.month);
    return slow_days(later) + (civil.day > last ? last : civil.day - 1);
}

/* Completed periods of `months` from a day to a later one. */
static inline int64_t slow_completed(int64_t from, int64_t to, int64_t months) {
    int64_t count = (to - from) / 31 / months; /* never too many */
    while (slow_months_later(from, (count + 1) * months) <= to) {
        count++;
    }
    return count;
}

/* number: months of a period; negative when the second day is the earlier. */
SLOW_FUNCTION(slow_periods) {
    (void)run;
    int64_t count = v[1].i < v[0].i ? -slow_completed(v[1].i, v[0].i, function->number)
                                    : slow_completed(v[0].i, v[1].i, function->number);
    return slow_of(SLOW_INT, count);
}

/* number: 1 rolls into the next month, 0 clips to the last day of this one. */
SLOW_FUNCTION(slow_add_months) {
    (void)run;
    if (v[1].i > 200000 || v[1].i < -200000) {
        return slow_error();
    }
    struct civil civil = slow_civil(v[0].i);
    int64_t month = civil.year * 12 + civil.month - 1 + v[1].i;
    if (month < 12 || month >= 120000) {
        return slow_error(); /* not in the years 1 to 9999 */
    }
    struct civil last = {month / 12, (int)(month % 12) + 1, 1};
    last.day = slow_month_days(last.year, last.month);
    int64_t later = slow_months_later(v[0].i, v[1].i);
    int64_t clipped = slow_days(last);
    int64_t day = function->number == 0 && later > clipped ? clipped : later;
    return slow_civil(day).year > 9999 ? slow_error() : slow_of(SLOW_DATE, day);
}

/* --- text --------------------------------------------------------------------------------------
 */

/* Prints as few digits after the point as the value needs. */
static inline void slow_print_fraction(int64_t nanos, struct buf *out) {
    char digits[16];
    (void)snprintf(digits, sizeof(digits), ".%09lld", (long long)nanos);
    size_t kept = 10;
    while (kept > 1 && digits[kept - 1] == '0') {
        kept--;
    }
    buf_append(out, span_make(digits, kept == 1 ? 0 : kept));
}

static inline void slow_print_instant(wide nanos, struct buf *out) {
    int64_t days = (int64_t)slow_floor(nanos, DAY);
    int64_t seconds = (int64_t)((nanos - days * DAY) / SECOND);
    struct civil civil = slow_civil(days);
    buf_printf(out, "%04lld-%02d-%02dT%02lld:%02lld:%02lld", (long long)civil.year, civil.month,
               civil.day, (long long)(seconds / 3600), (long long)(seconds / 60 % 60),
               (long long)(seconds % 60));
    slow_print_fraction((int64_t)(nanos - slow_floor(nanos, SECOND) * SECOND), out);
    buf_str(out, "Z");
}

static inline void slow_print_duration(wide nanos, struct buf *out) {
    wide size = nanos < 0 ? -nanos : nanos;
    buf_printf(out, "%s%lld", nanos < 0 ? "-" : "", (long long)(size / SECOND));
    slow_print_fraction((int64_t)(size % SECOND), out);
    buf_str(out, "s");
}

#endif
