/* Purpose: the events of one trace, from whichever place they come, and what is not known.
 * Owns: copies of all texts. */
#ifndef CASEMILL_CLI_TRACE_TIMELINE_H
#define CASEMILL_CLI_TRACE_TIMELINE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* A time is UTC as 2026-05-01T00:00:00.123456Z, with any number of decimals: the order of texts is
 * the order of times. */
struct timeline_event {
    const char *at, *what, *who, *details;
};
struct timeline {
    struct timeline_row *rows;
    uint32_t count, cap;
    struct buf batches, lanes; /* ids, each with a newline: the logs are searched for them */
    struct buf unknown;        /* lines */
};

void timeline_fini(struct timeline *timeline);
/* timeline_add copies an event; NULL for who is none.  What several places have of one acceptance
 * is one event. */
void timeline_add(struct timeline *timeline, const struct timeline_event *event);
/* timeline_note_id adds an id to batches or lanes, once; NULL and "" are none. */
void timeline_note_id(struct buf *ids, const char *id);
void timeline_unknown(struct timeline *timeline, const char *format, ...) PRINTF_LIKE(2, 3);
/* The first and the last time; "": there is no event. */
const char *timeline_first(const struct timeline *timeline);
const char *timeline_last(const struct timeline *timeline);
/* timeline_print sorts by time; events of one moment stay in the order of their addition. */
void timeline_print(struct timeline *timeline, const char *subject, bool as_json);

#endif
