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
