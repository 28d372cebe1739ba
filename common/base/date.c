/* Calendar arithmetic on days since 1970-01-01. */
#include "base/date.h"

#include <endian.h>
#include <stdio.h>

static bool is_leap(int32_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int32_t month_days(int32_t year, int32_t month) {
    static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

bool date_is_civil(int32_t year, int32_t month, int32_t day) {
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= month_days(year, month);
}

/* The year is counted from March, so that the leap day is its last. */
static inline int32_t days_of(int32_t year, int32_t month, int32_t day) {
    int32_t march_year = month <= 2 ? year - 1 : year;
    int32_t era = march_year / 400;
    int32_t year_of_era = march_year - era * 400;
    int32_t month_of_year = month > 2 ? month - 3 : month + 9;
    int32_t day_of_year = (153 * month_of_year + 2) / 5 + day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int32_t date_from_civil(int32_t year, int32_t month, int32_t day) {
    CHECK(date_is_civil(year, month, day));
    return days_of(year, month, day);
}

void date_to_civil(int32_t days, int32_t *year, int32_t *month, int32_t *day) {
    CHECK(days >= DATE_DAYS_MIN);
    CHECK(days <= DATE_DAYS_MAX);
    int32_t shifted = days + 719468;
    int32_t era = shifted / 146097;
    int32_t day_of_era = shifted - era * 146097;
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t month_of_year = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_of_year + 2) / 5 + 1;
    *month = month_of_year < 10 ? month_of_year + 3 : month_of_year - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

/* "YYYY-MM-" as one number of eight bytes: each digit becomes its value and each '-' becomes 0.
 * The check for other bytes looks at the highest bit, before and after an addition. */
#define DATE_SHAPE UINT64_C(0x2d30302d30303030)
#define DATE_GAPS UINT64_C(0x7f76767f76767676)
#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline int32_t digit(uint64_t digits, unsigned at) {
    return (int32_t)(digits >> 8 * at & 0xf);
}

enum err date_parse(struct span text, int32_t *days) {
    if (text.len != 10) {
        return ERR_INVALID;
    }
    uint64_t head = 0;
    memcpy(&head, text.ptr, sizeof(head));
    head = le64toh(head) ^ DATE_SHAPE;
    uint32_t tens = (uint32_t)text.ptr[8] - '0';
    uint32_t ones = (uint32_t)text.ptr[9] - '0';
    if (((head | (head + DATE_GAPS)) & HIGH_BITS) != 0 || tens > 9 || ones > 9) {
        return ERR_INVALID;
    }
    int32_t year =
        digit(head, 0) * 1000 + digit(head, 1) * 100 + digit(head, 2) * 10 + digit(head, 3);
    int32_t month = digit(head, 5) * 10 + digit(head, 6);
    int32_t day = (int32_t)(tens * 10 + ones);
    if (!date_is_civil(year, month, day)) {
        return ERR_INVALID;
    }
    *days = days_of(year, month, day);
    return ERR_OK;
}

void date_format(int32_t days, char text[DATE_TEXT_BYTES]) {
    int32_t year = 0;
    int32_t month = 0;
    int32_t day = 0;
    date_to_civil(days, &year, &month, &day);
    (void)snprintf(text, DATE_TEXT_BYTES, "%04u-%02u-%02u", (unsigned)year % 10000U,
                   (unsigned)month % 100U, (unsigned)day % 100U);
}

int32_t date_months(int32_t a, int32_t b) {
    if (b < a) {
        return -date_months(b, a);
    }
    int32_t year_a = 0, month_a = 0, day_a = 0, year_b = 0, month_b = 0, day_b = 0;
    date_to_civil(a, &year_a, &month_a, &day_a);
    date_to_civil(b, &year_b, &month_b, &day_b);
    return (year_b - year_a) * 12 + (month_b - month_a) - (day_b < day_a ? 1 : 0);
}

int32_t date_years(int32_t a, int32_t b) { return date_months(a, b) / 12; }
