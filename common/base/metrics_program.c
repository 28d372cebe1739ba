/* What every Prometheus client exports about its process, under the names of the convention. */
#include "base/descriptors.h"
#include "base/io.h"
#include "base/metrics.h"
#include "base/metrics_table.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PROC_BYTES_MAX = 1 << 20, SPACES_BEFORE_START = 20 };

#define METRIC_ID(id, name, kind, labels, help) id,
enum { PROGRAM_METRICS(METRIC_ID) METRICS_COUNT };
#undef METRIC_ID
#define METRIC_FAMILY(id, name, kind, labels, help) {name, METRIC_##kind, labels, help},
static const struct metric_family FAMILIES[METRICS_COUNT] = {PROGRAM_METRICS(METRIC_FAMILY)};
#undef METRIC_FAMILY

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* A number in a file of /proc: so many spaces after the last mark ("": after the beginning); NAN:
 * it is not there. */
static double read_number(const char *path, const char *mark, int spaces) {
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    const char *at = NULL;
    if (io_read_file(path, PROC_BYTES_MAX, &text, &diag) == ERR_OK) {
        at = buf_cstr(&text);
        for (const char *next = strstr(at, mark); next != NULL && mark[0] != '\0';
             next = strstr(at, mark)) {
            at = next + strlen(mark);
        }
        for (; at != NULL && spaces > 0; spaces--) {
            at = strchr(at, ' ');
            at = at == NULL ? NULL : at + 1;
        }
    }
    double number = at == NULL ? NAN : strtod(at, NULL);
    buf_free(&text);
    return number;
}

/* Both times as the kernel has them, so that the sum is the same at every scrape. */
static double start_time(void) {
    /* ")" ends the program's name, which may hold spaces. */
    double ticks = read_number("/proc/self/stat", ")", SPACES_BEFORE_START);
    return read_number("/proc/stat", "\nbtime ", 0) + ticks / (double)sysconf(_SC_CLK_TCK);
}

void metrics_program(const char *program, struct buf *out) {
    struct rusage usage;
    struct buf labels = BUF_EMPTY;
    metrics_label(&labels, "program", program);
    metrics_label(&labels, "version", CASEMILL_VERSION);
    metrics_head(&FAMILIES[BUILD_INFO], out);
    metrics_value(&FAMILIES[BUILD_INFO], buf_cstr(&labels), 1, out);
    buf_free(&labels);
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    metrics_one(&FAMILIES[CPU_SECONDS], seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
                out);
    metrics_one(&FAMILIES[RESIDENT_BYTES],
                read_number("/proc/self/statm", "", 1) * (double)sysconf(_SC_PAGESIZE), out);
    metrics_one(&FAMILIES[OPEN_FDS], (double)descriptors_open(), out);
    metrics_one(&FAMILIES[MAX_FDS], (double)descriptors_max(), out);
    metrics_one(&FAMILIES[START_TIME], start_time(), out);
}
