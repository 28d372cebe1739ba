/* Prometheus exposition format. */
#include "base/metrics.h"

void metrics_write(const struct metric *rows, size_t count, struct buf *out) {
    for (size_t i = 0; i < count; i++) {
        const struct metric *row = &rows[i];
        if (i == 0 || strcmp(row->name, rows[i - 1].name) != 0) {
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                       row->kind == METRIC_COUNTER ? "counter" : "gauge");
        }
        if (row->labels[0] != '\0') {
            buf_printf(out, "%s{%s} %.17g\n", row->name, row->labels, row->value);
        } else {
            buf_printf(out, "%s %.17g\n", row->name, row->value);
        }
    }
}
