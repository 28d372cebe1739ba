#include "base/thread.h"

#include "base/check.h"

#include <signal.h>
#include <string.h>

enum { PROBE_MAX = 64 };

static int start_blocked(pthread_t *thread, void *(*run)(void *argument), void *argument) {
    sigset_t all;
    sigset_t before;
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int error = pthread_create(thread, NULL, run, argument);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return error;
}

enum err thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                      const char *what, struct diag *diag) {
    int error = start_blocked(thread, run, argument);
    return error == 0 ? ERR_OK
                      : diag_fail(diag, ERR_SYSTEM,
                                  "no thread for %s: %s; raise the limit of processes (ulimit -u, "
                                  "TasksMax)",
                                  what, strerror(error));
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
};

static void *wait_at(void *argument) {
    struct gate *gate = argument;
    (void)pthread_mutex_lock(&gate->lock);
    while (!gate->is_open) {
        (void)pthread_cond_wait(&gate->opened, &gate->lock);
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return NULL;
}

enum err thread_probe(uint32_t count, struct diag *diag) {
    CHECK(count <= PROBE_MAX);
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    pthread_t threads[PROBE_MAX];
    uint32_t started = 0;
    int error = 0;
    while (started < count && error == 0) {
        error = start_blocked(&threads[started], wait_at, &gate);
        started += error == 0 ? 1 : 0;
    }
    (void)pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    (void)pthread_cond_broadcast(&gate.opened);
    (void)pthread_mutex_unlock(&gate.lock);
    for (uint32_t i = 0; i < started; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return error == 0 ? ERR_OK
                      : diag_fail(diag, ERR_SYSTEM,
                                  "%u threads are needed and only %u can be started: %s; raise the "
                                  "limit of processes (ulimit -u, TasksMax)",
                                  count, started, strerror(error));
}
