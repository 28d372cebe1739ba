/* The table of all functions and operators: one row an overload.  The checker picks by type, the
 * function itself looks at the kinds again, so that DYN arguments are safe. */
#include "cel/functions.h"

static const struct function functions[] = {
    {"!_", false, "b", "b", op_not},
    {"_==_", false, "AA", "b", op_equal},
    {"_!=_", false, "AA", "b", op_not_equal},
#define ORDERED(name, call)                                                                        \
    {name, false, "bb", "b", call}, {name, false, "ii", "b", call},                                \
        {name, false, "iu", "b", call}, {name, false, "id", "b", call},                            \
        {name, false, "ui", "b", call}, {name, false, "uu", "b", call},                            \
        {name, false, "ud", "b", call}, {name, false, "di", "b", call},                            \
        {name, false, "du", "b", call}, {name, false, "dd", "b", call},                            \
        {name, false, "ss", "b", call}, {name, false, "yy", "b", call},                            \
        {name, false, "tt", "b", call}, {                                                          \
        name, false, "pp", "b", call                                                               \
    }
    ORDERED("_<_", op_less),
    ORDERED("_<=_", op_less_equal),
    ORDERED("_>_", op_greater),
    ORDERED("_>=_", op_greater_equal),
#undef ORDERED
    {"@in", false, "ALA", "b", op_in},
    {"@in", false, "AMAB", "b", op_in},
    {"size", false, "s", "i", op_size},
    {"size", false, "y", "i", op_size},
    {"size", false, "LA", "i", op_size},
    {"size", false, "MAB", "i", op_size},
    {"size", true, "s", "i", op_size},
    {"size", true, "y", "i", op_size},
    {"size", true, "LA", "i", op_size},
    {"size", true, "MAB", "i", op_size},
    {"dyn", false, "A", "*", op_dyn},
    {"type", false, "A", "T", op_type},
    {"_+_", false, "ii", "i", op_add},
    {"_+_", false, "uu", "u", op_add},
    {"_+_", false, "dd", "d", op_add},
    {"_+_", false, "ss", "s", op_add},
    {"_+_", false, "yy", "y", op_add},
    {"_+_", false, "LALA", "LA", op_add},
    {"_+_", false, "tp", "t", op_add},
    {"_+_", false, "pt", "t", op_add},
    {"_+_", false, "pp", "p", op_add},
    {"_-_", false, "ii", "i", op_subtract},
    {"_-_", false, "uu", "u", op_subtract},
    {"_-_", false, "dd", "d", op_subtract},
    {"_-_", false, "tt", "p", op_subtract},
    {"_-_", false, "tp", "t", op_subtract},
    {"_-_", false, "pp", "p", op_subtract},
    {"_*_", false, "ii", "i", op_multiply},
    {"_*_", false, "uu", "u", op_multiply},
    {"_*_", false, "dd", "d", op_multiply},
    {"_/_", false, "ii", "i", op_divide},
    {"_/_", false, "uu", "u", op_divide},
    {"_/_", false, "dd", "d", op_divide},
    {"_%_", false, "ii", "i", op_modulo},
    {"_%_", false, "uu", "u", op_modulo},
    {"-_", false, "i", "i", op_negate},
    {"-_", false, "d", "d", op_negate},
    {"int", false, "i", "i", op_int},
    {"int", false, "u", "i", op_int},
    {"int", false, "d", "i", op_int},
    {"int", false, "s", "i", op_int},
    {"int", false, "t", "i", op_int},
    {"uint", false, "u", "u", op_uint},
    {"uint", false, "i", "u", op_uint},
    {"uint", false, "d", "u", op_uint},
    {"uint", false, "s", "u", op_uint},
    {"double", false, "d", "d", op_double},
    {"double", false, "i", "d", op_double},
    {"double", false, "u", "d", op_double},
    {"double", false, "s", "d", op_double},
    {"string", false, "s", "s", op_string},
    {"string", false, "i", "s", op_string},
    {"string", false, "u", "s", op_string},
    {"string", false, "d", "s", op_string},
    {"string", false, "b", "s", op_string},
    {"string", false, "y", "s", op_string},
    {"string", false, "t", "s", op_string},
    {"string", false, "p", "s", op_string},
    {"bytes", false, "y", "y", op_bytes},
    {"bytes", false, "s", "y", op_bytes},
    {"bool", false, "b", "b", op_bool},
    {"bool", false, "s", "b", op_bool},
    {"timestamp", false, "t", "t", op_timestamp},
    {"timestamp", false, "i", "t", op_timestamp},
    {"timestamp", false, "s", "t", op_timestamp},
    {"duration", false, "p", "p", op_duration},
    {"duration", false, "i", "p", op_duration},
    {"duration", false, "s", "p", op_duration},
    {"optional.of", false, "A", "OA", op_optional_of},
    {"optional.ofNonZeroValue", false, "A", "OA", op_optional_of_non_zero},
    {"optional.none", false, "", "OA", op_optional_none},
    {"hasValue", true, "OA", "b", op_has_value},
    {"value", true, "OA", "A", op_value},
    {"or", true, "OAOA", "OA", op_or},
    {"orValue", true, "OAA", "A", op_or_value},
    {"years", false, "DD", "i", op_years},
    {"months", false, "DD", "i", op_months},
    {"days", false, "DD", "i", op_days},
    {"add_months", false, "Dis", "D", op_add_months},
};

const struct function *function_table(uint32_t *count) {
    *count = COUNT_OF(functions);
    return functions;
}
