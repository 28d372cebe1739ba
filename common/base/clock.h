/* Purpose: time.  Read once per step and passed down; durations are monotonic, wall time is for
 * display and for default dates.  Only this file sleeps. */
#ifndef CASEMILL_BASE_CLOCK_H
#define CASEMILL_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_us(void); /* microseconds since 1970-01-01T00:00Z */

/* clock_jump_ms compares the wall clock with the monotonic one: by how much it was set forward (or
 * back: negative) since the last call; 0 without a jump.  The caller keeps *ahead_us, 0 before the
 * first call.  Slewing (below CLOCK_JUMP_MS_MIN per call) is no jump. */
enum { CLOCK_JUMP_MS_MIN = 1000 };
int64_t clock_jump_ms(int64_t wall_us, int64_t mono_ns, int64_t *ahead_us);
void clock_sleep_ms(int64_t ms);

#endif
