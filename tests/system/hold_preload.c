/* Preloaded into a shipped program: a file in the directory TEST_HOLD_DIR stops the program, or a
 * part of it, while the file exists.
 *   freeze     the process stops (SIGSTOP) before the next end of a COPY; the file is removed
 *   fdatasync  no fdatasync returns
 *   zmq_poll   no zmq_poll returns: the broker's loop, a worker's lanes
 *   clock      the wall clock is off by so many seconds
 * NAME.held gets a line for each call that is held. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void next_function(const char *name, void *function, size_t size) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    memcpy(function, &found, size);
}

static void file_of(char path[4096], const char *name) {
    const char *directory = getenv("TEST_HOLD_DIR");
    (void)snprintf(path, 4096, "%s/%s", directory == NULL ? "/nowhere" : directory, name);
}

static void note_held(const char *name) {
    char path[4096];
    char held[64];
    (void)snprintf(held, sizeof(held), "%s.held", name);
    file_of(path, held);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "held\n", 5) != 5 || close(fd) != 0) {
        abort();
    }
}

static void hold_while(const char *name) {
    char path[4096];
    file_of(path, name);
    if (access(path, F_OK) == 0) {
        note_held(name);
    }
    while (access(path, F_OK) == 0) {
        const struct timespec wait = {.tv_nsec = 10000000};
        (void)nanosleep(&wait, NULL);
    }
}

int PQputCopyEnd(void *connection, const char *error);
int PQputCopyEnd(void *connection, const char *error) {
    int (*next)(void *, const char *) = NULL;
    char path[4096];
    next_function("PQputCopyEnd", &next, sizeof(next));
    file_of(path, "freeze");
    if (unlink(path) == 0) {
        (void)raise(SIGSTOP); /* to this thread: it does not get past here */
    }
    return next(connection, error);
}

int fdatasync(int fd) {
    int (*next)(int) = NULL;
    next_function("fdatasync", &next, sizeof(next));
    hold_while("fdatasync");
    return next(fd);
}

int zmq_poll(void *items, int count, long timeout);
int zmq_poll(void *items, int count, long timeout) {
    int (*next)(void *, int, long) = NULL;
    next_function("zmq_poll", &next, sizeof(next));
    hold_while("zmq_poll");
    return next(items, count, timeout);
}

static long clock_offset_s(void) {
    char path[4096];
    char text[32] = "";
    file_of(path, "clock");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t got = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_REALTIME) {
        now->tv_sec += clock_offset_s();
    }
    return result;
}
