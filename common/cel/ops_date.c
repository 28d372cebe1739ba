/* Calendar functions on dates: instants at midnight UTC.  An instant within a day counts as its
 * day. */
#include "cel/functions.h"

#include "base/date.h"

enum { MONTHS_MAX = 9999 * 12 };

/* False unless the value is an instant within the calendar. */
static bool day_of(struct value value, int32_t *day) {
    if (value.kind != VAL_TIMESTAMP) {
        return false;
    }
    int64_t days = value.i / DATE_DAY_SECONDS - (value.i % DATE_DAY_SECONDS < 0 ? 1 : 0);
    if (days < DATE_DAYS_MIN || days > DATE_DAYS_MAX) {
        return false;
    }
    *day = (int32_t)days;
    return true;
}

static bool two_days(const struct value *args, uint32_t count, int32_t *a, int32_t *b) {
    return count == 2 && day_of(args[0], a) && day_of(args[1], b);
}

CEL_FUNCTION(op_years) {
    int32_t a = 0;
    int32_t b = 0;
    return two_days(args, count, &a, &b) ? value_int(date_years(a, b)) : no_overload();
}

CEL_FUNCTION(op_months) {
    int32_t a = 0;
    int32_t b = 0;
    return two_days(args, count, &a, &b) ? value_int(date_months(a, b)) : no_overload();
}

CEL_FUNCTION(op_days) {
    int32_t a = 0;
    int32_t b = 0;
    return two_days(args, count, &a, &b) ? value_int((int64_t)b - a) : no_overload();
}

/* add_months(date, n, "clip" or "roll"): a day that the target month lacks becomes its last day, or
 * the first of the next month. */
CEL_FUNCTION(op_add_months) {
    int32_t from = 0;
    if (count != 3 || !day_of(args[0], &from) || args[1].kind != VAL_INT ||
        args[2].kind != VAL_STRING) {
        return no_overload();
    }
    bool roll = span_is(value_span(args[2]), "roll");
    if (!roll && !span_is(value_span(args[2]), "clip")) {
        return value_error(CEL_ERROR_ARGUMENT);
    }
    if (args[1].i < -MONTHS_MAX || args[1].i > MONTHS_MAX) {
        return value_error(CEL_ERROR_RANGE);
    }
    int32_t year = 0;
    int32_t month = 0;
    int32_t day = 0;
    date_to_civil(from, &year, &month, &day);
    int32_t months = year * 12 + month - 1 + (int32_t)args[1].i;
    if (months < 12 || months >= 10000 * 12) {
        return value_error(CEL_ERROR_RANGE);
    }
    year = months / 12;
    month = months % 12 + 1;
    bool exists = date_is_civil(year, month, day);
    while (!date_is_civil(year, month, day)) {
        day--;
    }
    return value_date(date_from_civil(year, month, day) + (roll && !exists ? 1 : 0));
}
