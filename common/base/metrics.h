/* Purpose: Prometheus text from a table of counters and gauges. */
#ifndef CASEMILL_BASE_METRICS_H
#define CASEMILL_BASE_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name;   /* "casemill_broker_cases_accepted_total" */
    const char *help;   /* one line */
    const char *labels; /* "" or "lane=\"1\",state=\"busy\"" */
    enum metric_kind kind;
    double value;
};

/* metrics_write appends the exposition text.  Rows of one name must be adjacent: HELP and TYPE are
 * written before the first. */
void metrics_write(const struct metric *rows, size_t count, struct buf *out);

#endif
