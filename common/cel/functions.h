/* Purpose: the functions behind the table, by subject: ops_*.c.  Arguments are known values; a
 * combination of kinds that has no meaning gives no_such_overload. */
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
