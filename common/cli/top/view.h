/* Purpose: the views of `casemill top`: a page for a terminal, a line for a log, JSON for scripts.
 * Pure: text from answers. Units: rates are per second, from the last two complete answers; "-" or
 * null if there is only one. */
#ifndef CASEMILL_CLI_TOP_VIEW_H
#define CASEMILL_CLI_TOP_VIEW_H

#include "cli/top/poll.h"

#include "base/buf.h"

struct top_size { /* of a terminal; 0: no limit */
    uint32_t lines, columns;
};

/* Each appends lines that end in newlines; now_ms is monotonic, wall_us since 1970. */
void top_view_page(const struct top_broker *brokers, uint32_t count, int64_t now_ms,
                   const struct top_size *size, struct buf *out);
void top_view_line(const struct top_broker *broker, int64_t wall_us, struct buf *out);
void top_view_json(const struct top_broker *brokers, uint32_t count, int64_t wall_us,
                   struct buf *out);
/* top_view_time appends 2026-11-28T08:10:11Z. */
void top_view_time(int64_t wall_us, struct buf *out);

#endif
