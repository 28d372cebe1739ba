/* Prometheus exposition format. */
#include "base/metrics.h"

#include "base/plain.h"

static const char *const KINDS[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

void metrics_head(const struct metric_family *family, struct buf *out) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
               KINDS[family->kind]);
}

static void put_sample(const char *name, const char *suffix, const char *labels, double value,
                       struct buf *out) {
    bool has_labels = labels[0] != '\0';
    buf_printf(out, "%s%s%s%s%s ", name, suffix, has_labels ? "{" : "", labels,
               has_labels ? "}" : "");
    if (value != value) {
        buf_str(out, "NaN\n"); /* printf may write -nan, which Prometheus does not read */
    } else {
        buf_printf(out, "%.15g\n", value);
    }
}

void metrics_value(const struct metric_family *family, const char *labels, double value,
                   struct buf *out) {
    put_sample(family->name, "", labels, value, out);
}

void metrics_one(const struct metric_family *family, double value, struct buf *out) {
    metrics_head(family, out);
    metrics_value(family, "", value, out);
}

void metrics_label(struct buf *labels, const char *name, const char *value) {
    struct buf shown = BUF_EMPTY;
    plain_text(&shown, value);
    buf_printf(labels, "%s%s=\"", labels->len == 0 ? "" : ",", name);
    for (size_t i = 0; i < shown.len; i++) {
        if (shown.ptr[i] == '"' || shown.ptr[i] == '\\') {
            buf_byte(labels, '\\');
        }
        buf_byte(labels, shown.ptr[i]);
    }
    buf_byte(labels, '"');
    buf_free(&shown);
}

void metrics_histogram(const struct metric_family *family, const struct histogram_scale *scale,
                       const struct histogram *const *histograms, size_t count, struct buf *out) {
    uint64_t seen = 0;
    uint64_t sum = 0;
    metrics_head(family, out);
    for (uint32_t bucket = 0; bucket <= scale->count; bucket++) {
        char label[32] = "le=\"+Inf\"";
        for (size_t i = 0; i < count; i++) {
            seen += atomic_load_explicit(&histograms[i]->counts[bucket], memory_order_relaxed);
        }
        if (bucket < scale->count) {
            (void)snprintf(label, sizeof(label), "le=\"%g\"",
                           (double)scale->bounds[bucket] * scale->unit);
        }
        put_sample(family->name, "_bucket", label, (double)seen, out);
    }
    for (size_t i = 0; i < count; i++) {
        sum += atomic_load_explicit(&histograms[i]->sum, memory_order_relaxed);
    }
    put_sample(family->name, "_sum", "", (double)sum * scale->unit, out);
    put_sample(family->name, "_count", "", (double)seen, out);
}
