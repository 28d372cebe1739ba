/* POSIX clocks. */
#include "base/clock.h"

#include "base/check.h"

#include <errno.h>
#include <time.h>

static int64_t read_ns(clockid_t id) {
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }
int64_t clock_mono_ms(void) { return clock_mono_ns() / 1000000; }
int64_t clock_wall_us(void) { return read_ns(CLOCK_REALTIME) / 1000; }

int64_t clock_jump_ms(int64_t wall_us, int64_t mono_ns, int64_t *ahead_us) {
    int64_t ahead = wall_us - mono_ns / 1000;
    int64_t jump_ms = *ahead_us == 0 ? 0 : (ahead - *ahead_us) / 1000;
    *ahead_us = ahead;
    return jump_ms >= CLOCK_JUMP_MS_MIN || jump_ms <= -CLOCK_JUMP_MS_MIN ? jump_ms : 0;
}

void clock_sleep_ms(int64_t ms) {
    CHECK(ms >= 0);
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
