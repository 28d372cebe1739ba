/* Purpose: the metrics that every program has: id, name, kind, labels, help.  The tables in the
 * READMEs of broker and worker end with them. */
#ifndef CASEMILL_BASE_METRICS_TABLE_H
#define CASEMILL_BASE_METRICS_TABLE_H

#define PROGRAM_METRICS(ROW)                                                                       \
    ROW(BUILD_INFO, "casemill_build_info", GAUGE, "program, version",                              \
        "always 1: the labels name the program and its version")                                   \
    ROW(CPU_SECONDS, "process_cpu_seconds_total", COUNTER, "", "processor time, user and system")  \
    ROW(RESIDENT_BYTES, "process_resident_memory_bytes", GAUGE, "", "resident memory")             \
    ROW(OPEN_FDS, "process_open_fds", GAUGE, "", "open file descriptors")                          \
    ROW(MAX_FDS, "process_max_fds", GAUGE, "", "limit of open file descriptors")                   \
    ROW(START_TIME, "process_start_time_seconds", GAUGE, "", "when the process started, since 1970")

#endif
