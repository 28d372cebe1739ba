/* Purpose: metrics as Prometheus text (format 0.0.4).  A family is a name with its kind, labels and
 * help; the tables of the READMEs come from the same rows.
 * Names: base units (seconds, bytes), counters end in _total.
 * Threads: all belongs to its caller.  Read next: histogram.h. */
#ifndef CASEMILL_BASE_METRICS_H
#define CASEMILL_BASE_METRICS_H

#include "base/buf.h"
#include "base/histogram.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_family {
    const char *name; /* "casemill_broker_lanes" */
    enum metric_kind kind;
    const char *labels; /* their names: "source, priority"; "": none */
    const char *help;   /* one line, without a backslash */
};

/* metrics_head begins a family; its values follow at once. */
void metrics_head(const struct metric_family *family, struct buf *out);
/* metrics_value appends a sample of the family; labels as metrics_label wrote them, or "". */
void metrics_value(const struct metric_family *family, const char *labels, double value,
                   struct buf *out);
/* metrics_one is a family of one sample without labels. */
void metrics_one(const struct metric_family *family, double value, struct buf *out);
/* metrics_label appends NAME="VALUE" to the labels.  The value may come from outside: characters
 * that plain.h does not show are '?'. */
void metrics_label(struct buf *labels, const char *name, const char *value);
/* metrics_histogram appends a family that is the sum of `count` histograms. */
void metrics_histogram(const struct metric_family *family, const struct histogram_scale *scale,
                       const struct histogram *const *histograms, size_t count, struct buf *out);

/* metrics_program appends casemill_build_info and the process's own metrics (metrics_table.h), as
 * of now; it reads /proc. */
void metrics_program(const char *program, struct buf *out);

#endif
