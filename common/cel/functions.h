/* Purpose: the functions behind the table, by subject: ops_*.c.  Arguments are known values; an
 * invalid combination of kinds gives no_such_overload. */
#ifndef CASEMILL_CEL_FUNCTIONS_H
#define CASEMILL_CEL_FUNCTIONS_H

#include "cel/cel_priv.h"

#define CEL_FUNCTION(name)                                                                         \
    struct value name(struct cel_run *run, const struct value *args, uint32_t count)

static inline struct value no_overload(void) { return value_error(CEL_ERROR_NO_SUCH_OVERLOAD); }

/* ops_logic.c */
CEL_FUNCTION(op_not);
CEL_FUNCTION(op_equal);
CEL_FUNCTION(op_not_equal);
CEL_FUNCTION(op_less);
CEL_FUNCTION(op_less_equal);
CEL_FUNCTION(op_greater);
CEL_FUNCTION(op_greater_equal);
CEL_FUNCTION(op_in);
CEL_FUNCTION(op_size);
CEL_FUNCTION(op_dyn);
CEL_FUNCTION(op_type);
/* ops_math.c */
CEL_FUNCTION(op_add);
CEL_FUNCTION(op_subtract);
CEL_FUNCTION(op_multiply);
CEL_FUNCTION(op_divide);
CEL_FUNCTION(op_modulo);
CEL_FUNCTION(op_negate);
/* ops_convert.c */
CEL_FUNCTION(op_int);
CEL_FUNCTION(op_uint);
CEL_FUNCTION(op_double);
CEL_FUNCTION(op_string);
CEL_FUNCTION(op_bytes);
CEL_FUNCTION(op_bool);
CEL_FUNCTION(op_timestamp);
CEL_FUNCTION(op_duration);
/* ops_time.c */
CEL_FUNCTION(op_get_full_year);
CEL_FUNCTION(op_get_month);
CEL_FUNCTION(op_get_date);
CEL_FUNCTION(op_get_day_of_month);
CEL_FUNCTION(op_get_day_of_week);
CEL_FUNCTION(op_get_day_of_year);
CEL_FUNCTION(op_get_hours);
CEL_FUNCTION(op_get_minutes);
CEL_FUNCTION(op_get_seconds);
CEL_FUNCTION(op_get_milliseconds);
/* ops_text.c */
CEL_FUNCTION(op_starts_with);
CEL_FUNCTION(op_ends_with);
CEL_FUNCTION(op_contains);
CEL_FUNCTION(op_matches);
/* ops_strings.c */
CEL_FUNCTION(op_char_at);
CEL_FUNCTION(op_index_of);
CEL_FUNCTION(op_last_index_of);
CEL_FUNCTION(op_lower_ascii);
CEL_FUNCTION(op_upper_ascii);
CEL_FUNCTION(op_replace);
CEL_FUNCTION(op_split);
CEL_FUNCTION(op_substring);
CEL_FUNCTION(op_trim);
CEL_FUNCTION(op_join);
CEL_FUNCTION(op_reverse);
CEL_FUNCTION(op_quote);
/* ops_format.c */
CEL_FUNCTION(op_format);
/* ops_numbers.c */
CEL_FUNCTION(op_greatest);
CEL_FUNCTION(op_least);
CEL_FUNCTION(op_ceil);
CEL_FUNCTION(op_floor);
CEL_FUNCTION(op_round);
CEL_FUNCTION(op_trunc);
CEL_FUNCTION(op_is_nan);
CEL_FUNCTION(op_is_inf);
CEL_FUNCTION(op_is_finite);
CEL_FUNCTION(op_abs);
CEL_FUNCTION(op_sign);
CEL_FUNCTION(op_bit_and);
CEL_FUNCTION(op_bit_or);
CEL_FUNCTION(op_bit_xor);
CEL_FUNCTION(op_bit_not);
CEL_FUNCTION(op_bit_shift_left);
CEL_FUNCTION(op_bit_shift_right);
/* ops_optional.c */
CEL_FUNCTION(op_optional_of);
CEL_FUNCTION(op_optional_of_non_zero);
CEL_FUNCTION(op_optional_none);
CEL_FUNCTION(op_has_value);
CEL_FUNCTION(op_value);
CEL_FUNCTION(op_or);
CEL_FUNCTION(op_or_value);
/* ops_date.c */
CEL_FUNCTION(op_years);
CEL_FUNCTION(op_months);
CEL_FUNCTION(op_days);
CEL_FUNCTION(op_add_months);

#endif
