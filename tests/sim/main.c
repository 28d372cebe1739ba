/* sim: worlds from seeds, side by side in worker processes. A worker writes the seed that it
 * runs into shared memory; if that seed ends it, the next worker continues with the seed after
 * it. */
#include "sim/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 500, JOBS_MAX = 64, SHOWN_MAX = 3 };

struct options {
    uint64_t from, seeds, steps, faults, jobs;
    bool traced, named;
    const char *one; /* named case */
};
struct job {
    pid_t pid;
    uint64_t at, end; /* at: the seed being run; written by the worker alone */
};

static void work(const struct options *options, struct job *job) {
    CHECK(freopen("/dev/null", "w", stderr) != NULL); /* a failed seed is run again to show it */
    for (; job->at < job->end; job->at++) {
        plan_time();
        struct plan plan = {job->at, options->faults, (uint32_t)options->steps, false};
        world_run(&plan);
    }
    _exit(0);
}

static void start(const struct options *options, struct job *job) {
    (void)fflush(stdout);
    pid_t pid = fork(); /* not into the shared memory at once: the child would write 0 there */
    CHECK(pid >= 0);
    if (pid == 0) {
        work(options, job);
    }
    job->pid = pid;
}

static void note_failed(const struct options *options, uint64_t seed, uint64_t failed) {
    (void)printf("failed: sim --from %llu --seeds 1\n", (unsigned long long)seed);
    if (failed <= SHOWN_MAX) {
        shrink_and_show((struct plan){seed, options->faults, (uint32_t)options->steps, false});
    }
}

static uint64_t run_seeds(const struct options *options) {
    struct job *jobs = mmap(NULL, JOBS_MAX * sizeof(struct job), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(jobs != MAP_FAILED);
    uint64_t next = options->from;
    for (uint64_t i = 0; i < options->jobs; i++) {
        jobs[i].at = next;
        next += options->seeds / options->jobs + (i < options->seeds % options->jobs ? 1 : 0);
        jobs[i].end = next;
        start(options, &jobs[i]);
    }
    uint64_t failed = 0;
    for (uint64_t running = options->jobs; running > 0;) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, 0);
        CHECK(pid > 0 || errno == EINTR);
        for (uint64_t i = 0; i < options->jobs; i++) {
            if (pid <= 0 || jobs[i].pid != pid) {
                continue;
            }
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                running--;
                continue;
            }
            note_failed(options, jobs[i].at++, ++failed);
            start(options, &jobs[i]);
        }
    }
    return failed;
}

static int usage(void) {
    (void)fprintf(stderr,
                  "usage: sim [--from SEED] [--seeds N] [--jobs N] [--steps N] [--faults MASK] "
                  "[--trace] | --named | --case NAME\n");
    return 2;
}

static bool parse(struct options *options, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        uint64_t *number = strcmp(word, "--from") == 0     ? &options->from
                           : strcmp(word, "--seeds") == 0  ? &options->seeds
                           : strcmp(word, "--steps") == 0  ? &options->steps
                           : strcmp(word, "--faults") == 0 ? &options->faults
                           : strcmp(word, "--jobs") == 0   ? &options->jobs
                                                           : NULL;
        if (number != NULL && i + 1 < argc) {
            *number = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(word, "--case") == 0 && i + 1 < argc) {
            options->named = true;
            options->one = argv[++i];
        } else if (strcmp(word, "--named") == 0) {
            options->named = true;
        } else if (strcmp(word, "--trace") == 0) {
            options->traced = true;
        } else {
            return false;
        }
    }
    return options->jobs >= 1 && options->jobs <= JOBS_MAX;
}

int main(int argc, char **argv) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {.from = 1,
                              .seeds = 100,
                              .steps = STEPS,
                              .faults = (UINT64_C(1) << FAULT_COUNT) - 1,
                              .jobs = cores < 1          ? 1
                                      : cores > JOBS_MAX ? JOBS_MAX
                                                         : (uint64_t)cores};
    if (!parse(&options, argc, argv)) {
        return usage();
    }
    struct rlimit no_core = {0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
    if (options.named) {
        return named_run(options.one);
    }
    if (options.traced) {
        struct plan plan = {options.from, options.faults, (uint32_t)options.steps, true};
        world_run(&plan);
        return 0;
    }
    uint64_t failed = run_seeds(&options);
    (void)printf("%llu seeds, %llu failed\n", (unsigned long long)options.seeds,
                 (unsigned long long)failed);
    return failed == 0 ? 0 : 1;
}
