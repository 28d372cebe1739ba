/* Dates as (year, month, day) over the years 1 to 9999.  Their order is lexicographic, so most
 * conditions need no arithmetic on days.  A count of days that is compared with a small constant
 * becomes a later date; only other counts need the number of a day, which is slow to solve. */
#include "prove/prove_priv.h"

static term within(struct space *space, term a, int64_t min, int64_t max) {
    return term_and(space, term_less_equal(space, term_int(space, min), a),
                    term_less_equal(space, a, term_int(space, max)));
}

static term is_int(struct space *space, term a, int64_t value) {
    return term_equal(space, a, term_int(space, value));
}

static term divides(struct space *space, term a, int64_t by) {
    return is_int(space, Z3_mk_mod(space->z3, a, term_int(space, by)), 0);
}

static term is_leap(struct space *space, term year) {
    term by_100 = divides(space, year, 100);
    return term_and(space, divides(space, year, 4),
                    term_or(space, term_not(space, by_100), divides(space, year, 400)));
}

/* The last day of the month. */
static term last_day(struct space *space, term year, term month) {
    term is_short = space->no;
    static const int64_t short_months[] = {4, 6, 9, 11};
    for (size_t i = 0; i < COUNT_OF(short_months); i++) {
        is_short = term_or(space, is_short, is_int(space, month, short_months[i]));
    }
    term february = term_if(space, is_leap(space, year), term_int(space, 29), term_int(space, 28));
    term other = term_if(space, is_short, term_int(space, 30), term_int(space, 31));
    return term_if(space, is_int(space, month, 2), february, other);
}

void date_domain(struct space *space, const struct sym *date) {
    space_state(space, within(space, date->a, 1, 9999));
    space_state(space, within(space, date->b, 1, 12));
    space_state(space, within(space, date->c, 1, 31));
    space_state(space, term_less_equal(space, date->c, last_day(space, date->a, date->b)));
}

struct sym date_const(struct space *space, int32_t days) {
    int32_t year = 0;
    int32_t month = 0;
    int32_t day = 0;
    date_to_civil(days, &year, &month, &day);
    return (struct sym){.kind = SYM_DATE,
                        .err = space->no,
                        .unk = space->no,
                        .intake = space->no,
                        .a = term_int(space, year),
                        .b = term_int(space, month),
                        .c = term_int(space, day)};
}

/* The days of the year alone. */
static term less_in_year(struct space *space, const struct sym *a, const struct sym *b) {
    return term_or(space, term_less(space, a->b, b->b),
                   term_and(space, term_equal(space, a->b, b->b), term_less(space, a->c, b->c)));
}

term date_less(struct space *space, const struct sym *a, const struct sym *b) {
    return term_or(space, term_less(space, a->a, b->a),
                   term_and(space, term_equal(space, a->a, b->a), less_in_year(space, a, b)));
}

term date_equal(struct space *space, const struct sym *a, const struct sym *b) {
    return term_and(space, term_equal(space, a->a, b->a),
                    term_and(space, term_equal(space, a->b, b->b), term_equal(space, a->c, b->c)));
}

/* --- counting ----------------------------------------------------------------------------------
 */

/* Days before the month in a common year. */
static term days_before_month(struct space *space, term month) {
    static const int64_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    term days = term_int(space, before[11]);
    for (size_t i = COUNT_OF(before) - 1; i-- > 0;) {
        days =
            term_if(space, is_int(space, month, (int64_t)i + 1), term_int(space, before[i]), days);
    }
    return days;
}

static term date_number(struct space *space, const struct sym *date) {
    term before = term_add(space, date->a, term_int(space, -1)); /* whole years since year 1 */
    term days = term_times(space, before, 365);
    days = term_add(space, days, Z3_mk_div(space->z3, before, term_int(space, 4)));
    days = term_subtract(space, days, Z3_mk_div(space->z3, before, term_int(space, 100)));
    days = term_add(space, days, Z3_mk_div(space->z3, before, term_int(space, 400)));
    days = term_add(space, days, days_before_month(space, date->b));
    term leaps =
        term_and(space, is_leap(space, date->a), term_less(space, term_int(space, 2), date->b));
    days = term_add(space, days, term_if(space, leaps, term_int(space, 1), term_int(space, 0)));
    return term_add(space, term_add(space, days, date->c), term_int(space, DATE_DAYS_MIN - 1));
}

/* Completed years from a to a later b: the birthday of this year has come, or not. */
static term years_after(struct space *space, const struct sym *a, const struct sym *b) {
    term too_early = less_in_year(space, b, a);
    return term_subtract(space, term_subtract(space, b->a, a->a),
                         term_if(space, too_early, term_int(space, 1), term_int(space, 0)));
}

static term months_after(struct space *space, const struct sym *a, const struct sym *b) {
    term months = term_add(space, term_times(space, term_subtract(space, b->a, a->a), 12),
                           term_subtract(space, b->b, a->b));
    return term_subtract(
        space, months,
        term_if(space, term_less(space, b->c, a->c), term_int(space, 1), term_int(space, 0)));
}

typedef term after_fn(struct space *space, const struct sym *a, const struct sym *b);

static term count_either_way(struct space *space, const struct sym *a, const struct sym *b,
                             after_fn *after) {
    term back = term_subtract(space, term_int(space, 0), after(space, b, a));
    return term_if(space, date_less(space, b, a), back, after(space, a, b));
}

term date_count_years(struct space *space, const struct sym *a, const struct sym *b) {
    return count_either_way(space, a, b, years_after);
}

term date_count_months(struct space *space, const struct sym *a, const struct sym *b) {
    return count_either_way(space, a, b, months_after);
}

/* --- counts of days that are compared with a constant ------------------------------------------
 */

struct sym date_days(struct space *space, const struct sym *a, const struct sym *b) {
    struct sym *dates = space_take(space, 2, sizeof(*dates));
    struct sym made =
        sym_int(space, term_subtract(space, date_number(space, b), date_number(space, a)));
    dates[0] = *a;
    dates[1] = *b;
    made.items = dates;
    made.count = 2;
    return made;
}

bool date_is_near(struct space *space, const struct sym *days, const struct sym *other,
                  int64_t *count) {
    return days->kind == SYM_INT && days->count == 2 && other->kind == SYM_INT &&
           term_number(space, other->a, count) && *count >= -DAYS_NEAR_MAX &&
           *count <= DAYS_NEAR_MAX;
}

/* The date some days later, month by month.  It may be in the year 10000. */
static struct sym later(struct space *space, const struct sym *date, int64_t days) {
    struct sym made = *date;
    made.c = term_add(space, made.c, term_int(space, days));
    for (int64_t left = days; left > 0; left -= 28) { /* each month takes 28 days at least */
        term last = last_day(space, made.a, made.b);
        term is_past = term_less(space, last, made.c);
        term is_december = is_int(space, made.b, 12);
        term next = term_if(space, is_december, term_int(space, 1),
                            term_add(space, made.b, term_int(space, 1)));
        term new_year = term_and(space, is_past, is_december);
        made.c = term_if(space, is_past, term_subtract(space, made.c, last), made.c);
        made.b = term_if(space, is_past, next, made.b);
        made.a = term_if(space, new_year, term_add(space, made.a, term_int(space, 1)), made.a);
    }
    return made;
}

term date_days_less(struct space *space, const struct sym *days, int64_t count) {
    const struct sym *dates = days->items;
    struct sym moved = later(space, &dates[count < 0 ? 1 : 0], count < 0 ? -count : count);
    return count < 0 ? date_less(space, &moved, &dates[0]) : date_less(space, &dates[1], &moved);
}

term date_days_equal(struct space *space, const struct sym *days, int64_t count) {
    const struct sym *dates = days->items;
    struct sym moved = later(space, &dates[count < 0 ? 1 : 0], count < 0 ? -count : count);
    return date_equal(space, &moved, &dates[count < 0 ? 0 : 1]);
}

/* A month that lacks the day gives its last day, or the first of the next month.  An error: months
 * out of range, or a result outside the calendar. */
struct sym date_plus(struct space *space, const struct sym *date, term months, bool roll) {
    const int64_t months_max = INT64_C(9999) * 12;
    term total = term_add(space, term_add(space, term_times(space, date->a, 12), date->b),
                          term_add(space, months, term_int(space, -1)));
    term in_range = term_and(space, within(space, months, -months_max, months_max),
                             within(space, total, 12, INT64_C(10000) * 12 - 1));
    term year = Z3_mk_div(space->z3, total, term_int(space, 12));
    term month =
        term_add(space, Z3_mk_mod(space->z3, total, term_int(space, 12)), term_int(space, 1));
    term last = last_day(space, year, month);
    term is_short = term_less(space, last, date->c);
    struct sym made = {.kind = SYM_DATE,
                       .err = term_not(space, in_range),
                       .unk = space->no,
                       .intake = space->no,
                       .a = year,
                       .b = month,
                       .c = term_if(space, is_short, last, date->c)};
    if (roll) {
        /* A month that is too short is never December. */
        made.b = term_if(space, is_short, term_add(space, month, term_int(space, 1)), month);
        made.c = term_if(space, is_short, term_int(space, 1), date->c);
    }
    return made;
}
