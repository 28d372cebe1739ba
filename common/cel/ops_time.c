/* Parts of an instant, in UTC or in a named zone, and of a duration. */
#include "cel/functions.h"
#include "cel/zone.h"

#include "base/date.h"

enum { NANOS_PER_MILLI = 1000 * 1000 };
/* A named zone may need a file read, so it always costs the same: a run's cost does not depend on
 * earlier runs. */
enum { ZONE_STEPS = 1000 };

struct parts {
    int32_t year;
    int32_t month;  /* from 1 */
    int32_t day;    /* from 1 */
    int32_t days;   /* since 1970 */
    int64_t second; /* of the day */
    int64_t millis;
};

/* Splits an instant into parts in its zone (second argument, else UTC); otherwise a fault. */
static struct value take_apart(struct cel_run *run, const struct value *args, uint32_t count,
                               struct parts *parts) {
    bool fits = count >= 1 && count <= 2 && args[0].kind == VAL_TIMESTAMP &&
                (count == 1 || args[1].kind == VAL_STRING);
    if (!fits) {
        return no_overload();
    }
    int32_t offset = 0;
    if (count == 2 && !run_spend(run, ZONE_STEPS)) {
        return value_error(CEL_ERROR_STEPS);
    }
    if (count == 2) {
        const struct zone *zone = zone_cache_find(&run->zones, value_span(args[1]));
        if (zone == NULL) {
            return value_error(CEL_ERROR_ARGUMENT);
        }
        offset = zone_offset(zone, args[0].i);
    }
    int64_t seconds = args[0].i + offset;
    int64_t days = seconds / DATE_DAY_SECONDS - (seconds % DATE_DAY_SECONDS < 0 ? 1 : 0);
    if (days < DATE_DAYS_MIN || days > DATE_DAYS_MAX) {
        return value_error(CEL_ERROR_RANGE);
    }
    parts->days = (int32_t)days;
    parts->second = seconds - days * DATE_DAY_SECONDS;
    parts->millis = args[0].len / NANOS_PER_MILLI;
    date_to_civil(parts->days, &parts->year, &parts->month, &parts->day);
    return value_null();
}

/* An instant in a constant zone: the local time is split as if it were UTC. */
struct value node_zoned(struct cel_run *run, const struct node *node) {
    struct value instant = node_eval(run, node->args[0]);
    if (instant.kind != VAL_TIMESTAMP) {
        return value_is_fault(instant) ? instant : no_overload();
    }
    instant.i += zone_offset(node->data, instant.i);
    return node->call(run, &instant, 1);
}

static bool is_duration(const struct value *args, uint32_t count) {
    return count == 1 && args[0].kind == VAL_DURATION;
}

/* PART: one accessor of an instant: its value from parts; linkage is empty or static. */
#define PART(linkage, name, expression)                                                            \
    linkage CEL_FUNCTION(name) {                                                                   \
        struct parts parts = {0};                                                                  \
        struct value fault = take_apart(run, args, count, &parts);                                 \
        return value_is_fault(fault) ? fault : value_int(expression);                              \
    }

PART(, op_get_full_year, parts.year)
PART(, op_get_month, parts.month - 1)
PART(, op_get_date, parts.day)
PART(, op_get_day_of_month, parts.day - 1)
PART(, op_get_day_of_week, ((parts.days + 4) % 7 + 7) % 7) /* 1970-01-01 was a Thursday */
PART(, op_get_day_of_year, parts.days - date_from_civil(parts.year, 1, 1))
PART(static, get_hours, parts.second / 3600)
PART(static, get_minutes, parts.second / 60 % 60)
PART(static, get_seconds, parts.second % 60)
PART(static, get_milliseconds, parts.millis)

CEL_FUNCTION(op_get_hours) {
    return is_duration(args, count) ? value_int(args[0].i / 3600) : get_hours(run, args, count);
}

CEL_FUNCTION(op_get_minutes) {
    return is_duration(args, count) ? value_int(args[0].i / 60) : get_minutes(run, args, count);
}

CEL_FUNCTION(op_get_seconds) {
    return is_duration(args, count) ? value_int(args[0].i) : get_seconds(run, args, count);
}

CEL_FUNCTION(op_get_milliseconds) {
    if (is_duration(args, count)) {
        return value_int((int32_t)args[0].len / NANOS_PER_MILLI);
    }
    return get_milliseconds(run, args, count);
}
