/* Purpose: an input as a file, for readers that take a path: one file in memory, filled again
 * for each input. */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_FILE_H
#define CASEMILL_TESTS_FUZZ_FUZZ_FILE_H

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct fuzz_file {
    int fd; /* 0: not made yet */
    char path[32];
};

/* fuzz_file_fill makes the bytes the content of the file at file->path. */
static inline void fuzz_file_fill(struct fuzz_file *file, struct span bytes) {
    if (file->fd == 0) {
        file->fd = memfd_create("fuzz", MFD_CLOEXEC);
        CHECK(file->fd > 0);
        (void)snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
    }
    CHECK(ftruncate(file->fd, 0) == 0);
    CHECK(pwrite(file->fd, bytes.ptr, bytes.len, 0) == (ssize_t)bytes.len);
}

#endif
