/* As text and as JSON; replay/html.c has the page. */
#include "cli/replay/report.h"

#include "base/json.h"

#include <inttypes.h>

enum { SIDE_WIDTH = 25, COUNT_WIDTH = 12 };

/* Heads of columns; rows have the whole word. */
static const char *const HEADS[REPLAY_SIDES] = {"not_subject", "exception", "insufficient",
                                                "screening",   "subject",   "none"};

void replay_sample_text(const struct replay_stored *stored, const struct replay_sample *sample,
                        struct buf *out) {
    const char *source = sample->source < 0 ? NULL : stored->sources[sample->source];
    buf_printf(out, "%s/%.*s", source == NULL ? "?" : source, (int)sample->id_len, sample->id);
    if (sample->revision != 0) {
        buf_printf(out, " revision %" PRId32, sample->revision);
    }
}

/* --- text --- */

static void text_matrix(const struct replay_table *table, struct buf *out) {
    buf_printf(out, "  %-*s", SIDE_WIDTH, "before \\ after");
    for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
        if (replay_table_has_side(table, after)) {
            buf_printf(out, " %*s", COUNT_WIDTH, HEADS[after]);
        }
    }
    buf_byte(out, '\n');
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        if (!replay_table_has_side(table, before)) {
            continue;
        }
        buf_printf(out, "  %-*s", SIDE_WIDTH, replay_side_name(before));
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            uint64_t count = table->cells[before][after].count;
            if (replay_table_has_side(table, after) && count == 0) {
                buf_printf(out, " %*s", COUNT_WIDTH, "-");
            } else if (count > 0) {
                buf_printf(out, " %*" PRIu64, COUNT_WIDTH, count);
            }
        }
        buf_byte(out, '\n');
    }
}

static void text_samples(const struct replay_stored *stored, const struct replay_table *table,
                         struct buf *out) {
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            const struct replay_cell *cell = &table->cells[before][after];
            if (cell->sample_count == 0) {
                continue;
            }
            buf_printf(out, "  %s -> %s, %" PRIu64 ":", replay_side_name(before),
                       replay_side_name(after), cell->count);
            for (uint32_t i = 0; i < cell->sample_count; i++) {
                buf_str(out, i == 0 ? " " : ", ");
                replay_sample_text(stored, &cell->samples[i], out);
            }
            buf_byte(out, '\n');
        }
    }
}

static void text_table(const struct replay_report *report, uint32_t number, struct buf *out) {
    const struct replay_table *table = &report->result->matrix.tables[number];
    uint64_t cases = replay_table_cases(table);
    uint64_t changed = replay_table_changed(table);
    if (cases == 0) {
        return;
    }
    buf_printf(out, "\n%s: %" PRIu64 " of %" PRIu64 " change", report->stored->tables[number],
               changed, cases);
    if (table->other_reason > 0) {
        buf_printf(out, "; %" PRIu64 " keep their disposition for another reason",
                   table->other_reason);
    }
    buf_byte(out, '\n');
    text_matrix(table, out);
    text_samples(report->stored, table, out);
}

static void text_applied(const struct replay_applied *applied, struct buf *out) {
    buf_printf(out, "\napplied: %" PRIu64 " of %" PRIu64 " cases that had no outcome under it\n",
               applied->done, applied->wanted);
    if (applied->dead > 0) {
        buf_printf(out, "%" PRIu64 " got none; the reason of the first: %s\n", applied->dead,
                   applied->reason);
    }
}

void replay_report_text(const struct replay_report *report, struct buf *out) {
    const struct replay_result *result = report->result;
    buf_printf(out, "%" PRIu64 " stored cases under %s", result->cases, report->base);
    for (uint32_t i = 0; i < report->change_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? " with " : ", ", report->changes[i]);
    }
    buf_printf(out, "\n%.1f s", (double)result->took_ms / 1000);
    if (result->took_ms > 0) {
        buf_printf(out, ", %.0f cases per second",
                   (double)result->cases * 1000 / (double)result->took_ms);
    }
    buf_printf(out, ", %" PRIu32 " thread%s%s\n", report->threads, report->threads == 1 ? "" : "s",
               report->applied == NULL ? "; nothing was changed" : "");
    if (result->unreadable > 0) {
        buf_printf(out,
                   "%" PRIu64 " cases hold a fact that this rule set's schema refuses: they are "
                   "left out below\n",
                   result->unreadable);
    }
    for (uint32_t i = 0; i < report->stored->table_count; i++) {
        text_table(report, i, out);
    }
    if (report->applied != NULL) {
        text_applied(report->applied, out);
    }
}

/* --- JSON --- */

static void json_sample(struct json *json, const struct replay_stored *stored,
                        const struct replay_sample *sample) {
    const char *source = sample->source < 0 ? NULL : stored->sources[sample->source];
    json_object_open(json);
    json_str(json_key(json, "source"), source == NULL ? "?" : source);
    json_span(json_key(json, "case_id"), span_make(sample->id, sample->id_len));
    json_int(json_key(json, "revision"), sample->revision);
    json_object_close(json);
}

static void json_cell(struct json *json, const struct replay_stored *stored,
                      const struct replay_table *table, uint32_t before, uint32_t after) {
    const struct replay_cell *cell = &table->cells[before][after];
    json_object_open(json);
    json_str(json_key(json, "before"), replay_side_name(before));
    json_str(json_key(json, "after"), replay_side_name(after));
    json_uint(json_key(json, "cases"), cell->count);
    json_array_open(json_key(json, "samples"));
    for (uint32_t i = 0; i < cell->sample_count; i++) {
        json_sample(json, stored, &cell->samples[i]);
    }
    json_array_close(json);
    json_object_close(json);
}

/* {cases, changed, other_reason, matrix}: shared by an agreement and the whole case. */
static void json_table(struct json *json, const struct replay_report *report, uint32_t number) {
    const struct replay_table *table = &report->result->matrix.tables[number];
    json_uint(json_key(json, "cases"), replay_table_cases(table));
    json_uint(json_key(json, "changed"), replay_table_changed(table));
    json_uint(json_key(json, "other_reason"), table->other_reason);
    json_array_open(json_key(json, "matrix"));
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            if (table->cells[before][after].count > 0) {
                json_cell(json, report->stored, table, before, after);
            }
        }
    }
    json_array_close(json);
}

static void json_applied(struct json *json, const struct replay_applied *applied) {
    json_object_open(json_key(json, "applied"));
    json_uint(json_key(json, "wanted"), applied->wanted);
    json_uint(json_key(json, "done"), applied->done);
    json_uint(json_key(json, "dead"), applied->dead);
    json_object_close(json);
}

void replay_report_json(const struct replay_report *report, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_str(json_key(&json, "ruleset"), report->base);
    json_array_open(json_key(&json, "changes"));
    for (uint32_t i = 0; i < report->change_count; i++) {
        json_str(&json, report->changes[i]);
    }
    json_array_close(&json);
    json_uint(json_key(&json, "cases"), report->result->cases);
    json_uint(json_key(&json, "unreadable"), report->result->unreadable);
    json_uint(json_key(&json, "threads"), report->threads);
    json_int(json_key(&json, "took_ms"), report->result->took_ms);
    json_array_open(json_key(&json, "agreements"));
    for (uint32_t i = 0; i + 1 < report->stored->table_count; i++) {
        json_object_open(&json);
        json_str(json_key(&json, "agreement"), report->stored->tables[i]);
        json_table(&json, report, i);
        json_object_close(&json);
    }
    json_array_close(&json);
    json_object_open(json_key(&json, "case"));
    json_table(&json, report, report->stored->table_count - 1);
    json_object_close(&json);
    if (report->applied != NULL) {
        json_applied(&json, report->applied);
    }
    json_object_close(&json);
}
