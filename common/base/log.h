/* Purpose: one line an event on stderr, logfmt or JSON; ids and counts only, never case content
 * (P10). Threads: any; a line is one write, and nobody waits for it.  A repeated event is cut to
 * log_burst lines a second for each id, and the next line through says how many were left out
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
    const char *program; /* borrowed for ever, e.g. "broker" */
    bool json;
    enum log_level level_min;
};

/* log_setup is called once, before any thread starts. */
void log_setup(const struct log_options *options);
/* log_start has all that follows written by a thread of the log's own (base/sink.h): whoever logs
 * never waits for whoever reads the log.  Lines that nobody takes are dropped, counted, and named
 * by LOG_DROPPED once the log works again.  Without it, and in a child process, a line is written
 * on the spot.  Order: after log_setup; log_stop comes last.  Errors: ERR_SYSTEM no thread. */
MUST_USE enum err log_start(struct diag *diag);
/* log_stop waits LOG_END_MS for what is not written yet; nothing is logged afterwards. */
enum { LOG_END_MS = 2000 };
void log_stop(void);
/* log_text writes lines that are no event, such as why a program does not start, by the log's road.
 * Whatever is logged goes through base/plain.h: the log may be read on a terminal. */
void log_text(struct span lines);
/* log_dying writes the last line of a program that aborts: at most LOG_END_MS from now. */
void log_dying(const char *text);
uint64_t log_lost(void); /* lines that were dropped since log_start */

void log_set_json(bool json); /* at any time, from any thread */

/* LOG(EV_LANE_READY, "lane=%s cases=%u", ...): the format is a list of key=value pairs; a value
 * with spaces is written as key="%s" and may hold quotes, which logfmt escapes.  In JSON each is a
 * member, a text. */
void log_event(enum log_event event, const char *format, ...) PRINTF_LIKE(2, 3);
#define LOG(event, ...) log_event(event, __VA_ARGS__)

#endif
