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

void clock_sleep_ms(int64_t ms) {
    CHECK(ms >= 0);
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
