/* The table of functions for the checker, see functions.h. */
#include "cel/functions.h"

enum { FUNCTION, METHOD };
#define ROW(call, name, is_method, overloads) {name, is_method, overloads, call},
static const struct function functions[] = {CEL_FUNCTIONS(ROW)};
#undef ROW

const struct function *function_table(uint32_t *count) {
    *count = COUNT_OF(functions);
    return functions;
}
