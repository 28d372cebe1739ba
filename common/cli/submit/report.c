/* The texts at a submission's end. */
#include "cli/submit/report.h"

#include "base/json.h"

#include <inttypes.h>

static struct span span_of(struct casemill_text text) { return span_make(text.ptr, text.len); }

void submit_dead_line(const char *path, uint64_t location, const struct casemill_dead *dead,
                      struct buf *out) {
    buf_printf(out, "%s:%" PRIu64 ": dead letter %.*s", path, location,
               SPAN_ARG(span_of(dead->reason)));
    if (dead->path.len > 0) {
        buf_printf(out, " at %.*s", SPAN_ARG(span_of(dead->path)));
    }
    if (dead->expected.len > 0) {
        buf_printf(out, ": expected %.*s", SPAN_ARG(span_of(dead->expected)));
    }
    if (dead->found.len > 0) {
        buf_printf(out, ", found %.*s", SPAN_ARG(span_of(dead->found)));
    }
    buf_byte(out, '\n');
}

static void summary_json(const struct submit_counts *counts, bool with_outcomes, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_int(json_key(&json, "schema_version"), JSON_SCHEMA_VERSION);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {{"cases", counts->cases},
                {"batches", counts->batches},
                {"skipped", counts->skipped},
                {"skipped_dead", counts->skipped_dead},
                {"accepted", counts->accepted},
                {"refused", counts->refused},
                {"done", counts->done},
                {"duplicates", counts->duplicates},
                {"dead", counts->dead},
                {"unreadable", counts->unreadable},
                {"unavailable", counts->unavailable}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_uint(json_key(&json, rows[i].key), rows[i].value);
    }
    if (with_outcomes) {
        json_object_open(json_key(&json, "outcomes"));
        for (uint32_t i = 0; i < CASEMILL_DISPOSITIONS; i++) {
            json_uint(json_key(&json, casemill_disposition_name(i)), counts->outcomes[i]);
        }
        json_object_close(&json);
    }
    json_object_close(&json);
    buf_byte(out, '\n');
}

static void plural(struct buf *out, uint64_t count, const char *one, const char *many) {
    buf_printf(out, "%" PRIu64 " %s", count, count == 1 ? one : many);
}

static void summary_outcomes(const struct submit_counts *counts, struct buf *out) {
    buf_printf(out, ", %" PRIu64 " done:", counts->done);
    const char *comma = "";
    for (uint32_t i = 0; i < CASEMILL_DISPOSITIONS; i++) {
        if (counts->outcomes[i] > 0) {
            buf_printf(out, "%s %" PRIu64 " %s", comma, counts->outcomes[i],
                       casemill_disposition_name(i));
            comma = ",";
        }
    }
    buf_printf(out, "%s ", comma);
    plural(out, counts->dead, "dead letter", "dead letters");
    buf_str(out, "; ");
    plural(out, counts->duplicates, "duplicate", "duplicates");
    buf_str(out, " among them");
}

void submit_summary(const struct submit_counts *counts, bool with_outcomes, bool as_json,
                    struct buf *out) {
    if (as_json) {
        summary_json(counts, with_outcomes, out);
        return;
    }
    plural(out, counts->cases, "case", "cases");
    if (counts->is_dry_run) {
        buf_str(out, " decided here and not sent");
    } else {
        buf_str(out, " in ");
        plural(out, counts->batches, "batch", "batches");
    }
    if (with_outcomes) {
        summary_outcomes(counts, out);
    } else {
        buf_printf(out, ", %" PRIu64 " accepted", counts->accepted);
    }
    if (counts->skipped > 0) {
        buf_printf(out, "; %" PRIu64 " skipped as done before", counts->skipped);
        if (counts->skipped_dead > 0) {
            buf_str(out, ", ");
            plural(out, counts->skipped_dead, "dead letter", "dead letters");
            buf_str(out, " among them");
        }
    }
    if (counts->refused > 0) {
        buf_printf(out, "; %" PRIu64 " REFUSED", counts->refused);
    }
    if (counts->unreadable > 0) {
        buf_printf(out, "; %" PRIu64 " could not be read and were not sent", counts->unreadable);
    }
    if (counts->unavailable > 0) {
        buf_printf(out, "; %" PRIu64 " without a result: send them again", counts->unavailable);
    }
    buf_byte(out, '\n');
}
