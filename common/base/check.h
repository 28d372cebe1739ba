/* Purpose: checks that stay on, and the compiler attributes in use.
 * CHECK is for programmer errors only: it prints the location and the condition, then aborts; the
 * journal makes that safe.  Input from outside is never CHECKed: it is validated, and a fault is an
 * error. */
#ifndef CASEMILL_BASE_CHECK_H
#define CASEMILL_BASE_CHECK_H

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#define NO_RETURN __attribute__((noreturn))
#define MAYBE_UNUSED __attribute__((unused)) /* a parameter of a callback */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_failed(#condition, __FILE__, __LINE__, __func__);                                \
        }                                                                                          \
    } while (0)

#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__, __func__)

/* check_abort writes the last line of a program, by way of the log once there is one, and aborts.
 */
NO_RETURN void check_abort(const char *text);
void check_set_writer(void (*write_text)(const char *text)); /* log_start calls it */
NO_RETURN void check_failed(const char *condition, const char *file, int line,
                            const char *function);

#endif
