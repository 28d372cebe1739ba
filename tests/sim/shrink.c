/* A failed seed made small: fewer steps, then one fault after the other left out, as long as it
 * still fails; then its last words, and how to repeat it. */
#include "sim/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES_SHOWN = 30, LINE_BYTES = 240, SECONDS_MAX = 60 };

void plan_time(void) {
    struct itimerval limit = {.it_value = {.tv_sec = SECONDS_MAX}};
    CHECK(setitimer(ITIMER_PROF, &limit, NULL) == 0);
}

/* plan_holds runs the plan in a child process; its output goes to `out` (-1: nowhere). */
static bool plan_holds(const struct plan *plan, int out) {
    (void)fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        plan_time();
        if (out >= 0) {
            CHECK(dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0);
        } else {
            CHECK(freopen("/dev/null", "w", stderr) != NULL);
        }
        world_run(plan);
        (void)fflush(stdout);
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        CHECK(errno == EINTR);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint32_t fewest_steps(struct plan plan) {
    uint32_t holds = 0;
    uint32_t fails = plan.steps;
    while (fails - holds > 1) {
        plan.steps = holds + (fails - holds) / 2;
        if (plan_holds(&plan, -1)) {
            holds = plan.steps;
        } else {
            fails = plan.steps;
        }
    }
    return fails;
}

static void show_last_words(const struct plan *plan) {
    FILE *words = tmpfile();
    CHECK(words != NULL);
    (void)plan_holds(plan, fileno(words));
    rewind(words);
    char lines[LINES_SHOWN][LINE_BYTES];
    uint32_t count = 0;
    while (fgets(lines[count % LINES_SHOWN], LINE_BYTES, words) != NULL) {
        count++;
    }
    for (uint32_t i = count > LINES_SHOWN ? count - LINES_SHOWN : 0; i < count; i++) {
        (void)fputs(lines[i % LINES_SHOWN], stdout);
    }
    (void)fclose(words);
}

void shrink_and_show(struct plan plan) {
    plan.steps = fewest_steps(plan);
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        struct plan less = plan;
        less.faults &= ~(UINT64_C(1) << i);
        if (less.faults != plan.faults && !plan_holds(&less, -1)) {
            plan.faults = less.faults;
        }
    }
    plan.steps = fewest_steps(plan);
    plan.traced = true;
    show_last_words(&plan);
    (void)printf("faults left:");
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        if ((plan.faults >> i & 1) != 0) {
            (void)printf(" %s", fault_word((enum fault)i));
        }
    }
    (void)printf("\nrepeat: sim --from %llu --seeds 1 --steps %u --faults 0x%llx --trace\n",
                 (unsigned long long)plan.seed, plan.steps, (unsigned long long)plan.faults);
}
