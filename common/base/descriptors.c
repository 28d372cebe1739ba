#include "base/descriptors.h"

#include "base/check.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>

uint64_t descriptors_max(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_cur;
}

uint64_t descriptors_raise(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* a refusal shows in descriptors_check */
    return descriptors_max();
}

uint64_t descriptors_open(void) {
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return errno == EMFILE ? descriptors_max() : 3;
    }
    uint64_t count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(dir);
    return count - 1; /* without the directory's own */
}

enum err descriptors_check(uint64_t count, const char *what, struct diag *diag) {
    uint64_t max = descriptors_max();
    uint64_t need = descriptors_open() + count;
    return need <= max
               ? ERR_OK
               : diag_fail(diag, ERR_SYSTEM,
                           "%s need %llu file descriptors, and the limit is %llu: raise it (ulimit "
                           "-n, LimitNOFILE)",
                           what, (unsigned long long)need, (unsigned long long)max);
}
