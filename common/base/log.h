/* Purpose: the log: one line per event on stderr, logfmt or JSON; ids and counts only, never case
 * content (P10). Threads: any; a line is one write, and no caller waits for it.  Each id is limited
 * to log_burst lines per second; the next line counts the lines that were left out
 * ("suppressed=N"). */
#ifndef CASEMILL_BASE_LOG_H
#define CASEMILL_BASE_LOG_H

#include "base/check.h"
#include "base/diag.h"
#include "base/log_table.h"
#include "base/span.h"

#include <stdbool.h>

enum log_event {
#define LOG_ENUM(id, level, meaning, action) EV_##id,
    LOG_TABLE(LOG_ENUM)
#undef LOG_ENUM
        EV_COUNT
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_options {
    const char *program; /* borrowed permanently, for example "broker" */
    bool json;
    enum log_level level_min;
};

/* log_setup is called once, before any thread starts. */
void log_setup(const struct log_options *options);
/* log_start starts the log's own writing thread (base/sink.h): a caller never waits for the reader
 * of the log.  Lines without a reader are dropped and counted; LOG_DROPPED reports them once the
 * log works again.  Before log_start, and in a child process, the caller writes the line itself.
 * Order: after log_setup; log_stop comes last.  Errors: ERR_SYSTEM no thread. */
MUST_USE enum err log_start(struct diag *diag);
/* log_stop waits up to LOG_END_MS for lines not yet written; nothing is logged afterwards. */
enum { LOG_END_MS = 2000 };
void log_stop(void);
/* log_text writes lines that are no event, such as why a program does not start, through the same
 * thread.  All log output goes through base/plain.h: the reader may be a terminal. */
void log_text(struct span lines);
uint64_t log_lost(void); /* lines that were dropped since log_start */

void log_set_json(bool json); /* at any time, from any thread */

/* LOG(EV_LANE_READY, "lane=%s cases=%u", ...): the format is a list of key=value pairs; a value
 * with spaces is written as key="%s" and may hold quotes, which logfmt escapes.  In JSON each is a
 * member.  The format gives its type.  key=%u (or another integer) is a number.  key=true and
 * key=false are booleans.  Anything else is a text, also if it has only digits. */
void log_event(enum log_event event, const char *format, ...) PRINTF_LIKE(2, 3);
#define LOG(event, ...) log_event(event, __VA_ARGS__)

#endif
