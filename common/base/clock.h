/* Purpose: time.  Read once per step and passed down; durations are monotonic, wall time is for
 * display and for default dates.  The only sleeper. */
#ifndef CASEMILL_BASE_CLOCK_H
#define CASEMILL_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_us(void); /* microseconds since 1970-01-01T00:00Z */
void clock_sleep_ms(int64_t ms);

#endif
