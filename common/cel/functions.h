/* Purpose: the table of all functions and operators, and the functions behind it, by subject:
 * ops_*.c.  The checker selects an overload by type.  A function checks the kinds again, so that
 * DYN arguments are safe: an invalid combination of kinds gives no_such_overload.  Arguments are
 * known values. */
#ifndef CASEMILL_CEL_FUNCTIONS_H
#define CASEMILL_CEL_FUNCTIONS_H

#include "cel/cel_priv.h"

#define CEL_FUNCTION(name)                                                                         \
    struct value name(struct cel_run *run MAYBE_UNUSED, const struct value *args, uint32_t count)

static inline struct value no_overload(void) { return value_error(CEL_ERROR_NO_SUCH_OVERLOAD); }

/* All orders that numbers, texts and times have. */
#define CEL_ORDERED "bb:b ii:b iu:b id:b ui:b uu:b ud:b di:b du:b dd:b ss:b yy:b tt:b pp:b"
/* Up to five numbers, or a list of them. */
#define CEL_EXTREME                                                                                \
    "i:i u:u d:d N:* ii:i uu:u dd:d NN:* iii:i uuu:u ddd:d NNN:* iiii:i uuuu:u dddd:d NNNN:* "     \
    "iiiii:i uuuuu:u ddddd:d NNNNN:* Li:i Lu:u Ld:d LN:*"

/* Function, name in the language, whether it is called on a receiver, overloads: see struct
 * function. */
#define CEL_FUNCTIONS(ROW)                                                                         \
    ROW(op_not, "!_", FUNCTION, "b:b")                                                             \
    ROW(op_equal, "_==_", FUNCTION, "AA:b")                                                        \
    ROW(op_not_equal, "_!=_", FUNCTION, "AA:b")                                                    \
    ROW(op_less, "_<_", FUNCTION, CEL_ORDERED)                                                     \
    ROW(op_less_equal, "_<=_", FUNCTION, CEL_ORDERED)                                              \
    ROW(op_greater, "_>_", FUNCTION, CEL_ORDERED)                                                  \
    ROW(op_greater_equal, "_>=_", FUNCTION, CEL_ORDERED)                                           \
    ROW(op_in, "@in", FUNCTION, "ALA:b AMAB:b")                                                    \
    ROW(op_size, "size", FUNCTION, "s:i y:i LA:i MAB:i")                                           \
    ROW(op_size, "size", METHOD, "s:i y:i LA:i MAB:i")                                             \
    ROW(op_dyn, "dyn", FUNCTION, "A:*")                                                            \
    ROW(op_type, "type", FUNCTION, "A:TA")                                                         \
    ROW(op_add, "_+_", FUNCTION, "ii:i uu:u dd:d ss:s yy:y LALA:LA tp:t pt:t pp:p")                \
    ROW(op_subtract, "_-_", FUNCTION, "ii:i uu:u dd:d tt:p tp:t pp:p")                             \
    ROW(op_multiply, "_*_", FUNCTION, "ii:i uu:u dd:d")                                            \
    ROW(op_divide, "_/_", FUNCTION, "ii:i uu:u dd:d")                                              \
    ROW(op_modulo, "_%_", FUNCTION, "ii:i uu:u")                                                   \
    ROW(op_negate, "-_", FUNCTION, "i:i d:d")                                                      \
    ROW(op_int, "int", FUNCTION, "i:i u:i d:i s:i t:i")                                            \
    ROW(op_uint, "uint", FUNCTION, "u:u i:u d:u s:u")                                              \
    ROW(op_double, "double", FUNCTION, "d:d i:d u:d s:d")                                          \
    ROW(op_string, "string", FUNCTION, "s:s i:s u:s d:s b:s y:s t:s p:s")                          \
    ROW(op_bytes, "bytes", FUNCTION, "y:y s:y")                                                    \
    ROW(op_bool, "bool", FUNCTION, "b:b s:b")                                                      \
    ROW(op_timestamp, "timestamp", FUNCTION, "t:t i:t s:t")                                        \
    ROW(op_duration, "duration", FUNCTION, "p:p i:p s:p")                                          \
    ROW(op_get_full_year, "getFullYear", METHOD, "t:i ts:i")                                       \
    ROW(op_get_month, "getMonth", METHOD, "t:i ts:i")                                              \
    ROW(op_get_date, "getDate", METHOD, "t:i ts:i")                                                \
    ROW(op_get_day_of_month, "getDayOfMonth", METHOD, "t:i ts:i")                                  \
    ROW(op_get_day_of_week, "getDayOfWeek", METHOD, "t:i ts:i")                                    \
    ROW(op_get_day_of_year, "getDayOfYear", METHOD, "t:i ts:i")                                    \
    ROW(op_get_hours, "getHours", METHOD, "t:i ts:i p:i")                                          \
    ROW(op_get_minutes, "getMinutes", METHOD, "t:i ts:i p:i")                                      \
    ROW(op_get_seconds, "getSeconds", METHOD, "t:i ts:i p:i")                                      \
    ROW(op_get_milliseconds, "getMilliseconds", METHOD, "t:i ts:i p:i")                            \
    ROW(op_starts_with, "startsWith", METHOD, "ss:b")                                              \
    ROW(op_ends_with, "endsWith", METHOD, "ss:b")                                                  \
    ROW(op_contains, "contains", METHOD, "ss:b")                                                   \
    ROW(op_matches, "matches", METHOD, "ss:b")                                                     \
    ROW(op_matches, "matches", FUNCTION, "ss:b")                                                   \
    ROW(op_char_at, "charAt", METHOD, "si:s")                                                      \
    ROW(op_index_of, "indexOf", METHOD, "ss:i ssi:i")                                              \
    ROW(op_last_index_of, "lastIndexOf", METHOD, "ss:i ssi:i")                                     \
    ROW(op_lower_ascii, "lowerAscii", METHOD, "s:s")                                               \
    ROW(op_upper_ascii, "upperAscii", METHOD, "s:s")                                               \
    ROW(op_replace, "replace", METHOD, "sss:s sssi:s")                                             \
    ROW(op_split, "split", METHOD, "ss:Ls ssi:Ls")                                                 \
    ROW(op_substring, "substring", METHOD, "si:s sii:s")                                           \
    ROW(op_trim, "trim", METHOD, "s:s")                                                            \
    ROW(op_join, "join", METHOD, "Ls:s Lss:s")                                                     \
    ROW(op_reverse, "reverse", METHOD, "s:s")                                                      \
    ROW(op_quote, "strings.quote", FUNCTION, "s:s")                                                \
    ROW(op_format, "format", METHOD, "sL*:s")                                                      \
    ROW(op_greatest, "math.greatest", FUNCTION, CEL_EXTREME)                                       \
    ROW(op_least, "math.least", FUNCTION, CEL_EXTREME)                                             \
    ROW(op_ceil, "math.ceil", FUNCTION, "d:d")                                                     \
    ROW(op_floor, "math.floor", FUNCTION, "d:d")                                                   \
    ROW(op_round, "math.round", FUNCTION, "d:d")                                                   \
    ROW(op_trunc, "math.trunc", FUNCTION, "d:d")                                                   \
    ROW(op_is_nan, "math.isNaN", FUNCTION, "d:b")                                                  \
    ROW(op_is_inf, "math.isInf", FUNCTION, "d:b")                                                  \
    ROW(op_is_finite, "math.isFinite", FUNCTION, "d:b")                                            \
    ROW(op_abs, "math.abs", FUNCTION, "i:i u:u d:d")                                               \
    ROW(op_sign, "math.sign", FUNCTION, "i:i u:u d:d")                                             \
    ROW(op_bit_and, "math.bitAnd", FUNCTION, "ii:i uu:u")                                          \
    ROW(op_bit_or, "math.bitOr", FUNCTION, "ii:i uu:u")                                            \
    ROW(op_bit_xor, "math.bitXor", FUNCTION, "ii:i uu:u")                                          \
    ROW(op_bit_not, "math.bitNot", FUNCTION, "i:i u:u")                                            \
    ROW(op_bit_shift_left, "math.bitShiftLeft", FUNCTION, "ii:i ui:u")                             \
    ROW(op_bit_shift_right, "math.bitShiftRight", FUNCTION, "ii:i ui:u")                           \
    ROW(op_optional_of, "optional.of", FUNCTION, "A:OA")                                           \
    ROW(op_optional_of_non_zero, "optional.ofNonZeroValue", FUNCTION, "A:OA")                      \
    ROW(op_optional_none, "optional.none", FUNCTION, ":OA")                                        \
    ROW(op_has_value, "hasValue", METHOD, "OA:b")                                                  \
    ROW(op_value, "value", METHOD, "OA:A")                                                         \
    ROW(op_or, "or", METHOD, "OAOA:OA")                                                            \
    ROW(op_or_value, "orValue", METHOD, "OAA:A")                                                   \
    ROW(op_years, "years", FUNCTION, "DD:i")                                                       \
    ROW(op_months, "months", FUNCTION, "DD:i")                                                     \
    ROW(op_days, "days", FUNCTION, "DD:i")                                                         \
    ROW(op_add_months, "add_months", FUNCTION, "Dis:D")

#define CEL_DECLARE(call, ...) CEL_FUNCTION(call);
CEL_FUNCTIONS(CEL_DECLARE)
#undef CEL_DECLARE

#endif
