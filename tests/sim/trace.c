/* What happened, in words, one line each: when a failed seed is shown. */
#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>

void trace(const struct world *world, const char *format, ...) {
    if (!world->traced) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)printf("%8lld ms  ", (long long)world->now);
    (void)vprintf(format, arguments);
    (void)printf("\n");
    (void)fflush(stdout); /* a CHECK may end it at any time */
    va_end(arguments);
}
