/* Purpose: one line an event on stderr, logfmt or JSON; ids and counts only, never case content
 * (P10). Threads: any; a line is one write.  A repeated event is cut to log_burst lines a second
 * for each id, and the next line through says how many were left out ("suppressed=N"). */
#ifndef CASEMILL_BASE_LOG_H
#define CASEMILL_BASE_LOG_H

#include "base/check.h"
#include "base/log_table.h"

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

void log_set_json(bool json); /* at any time, from any thread */

/* LOG(EV_LANE_READY, "lane=%s cases=%u", ...): the format is a list of key=value pairs; a value
 * with spaces is written as key="%s" and may hold quotes, which logfmt escapes.  In JSON each is a
 * member, a text. */
void log_event(enum log_event event, const char *format, ...) PRINTF_LIKE(2, 3);
#define LOG(event, ...) log_event(event, __VA_ARGS__)

const char *log_event_name(enum log_event event);

#endif
