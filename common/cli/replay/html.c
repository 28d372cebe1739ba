/* The page of `casemill replay --html`: each matrix as a picture and as a table, so that it is
 * readable without colours and by screen readers.  Everything is in one file. */
#include "cli/replay/report.h"

#include <inttypes.h>
#include <math.h>

enum { LABEL_WIDTH = 190, HEAD_HEIGHT = 34, CELL_WIDTH = 104, CELL_HEIGHT = 38 };

static const char STYLE[] =
    ":root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#bbb;--same:#d9d9d9;"
    "--worse:#f4a582;--milder:#92c5de;--other:#d5c7e8}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#f2f2f2;--paper:#161616;--line:#555;"
    "--same:#4a4a4a;--worse:#94401f;--milder:#1f5f82;--other:#57437a}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
    "svg{max-width:100%;height:auto}svg text{fill:var(--ink);font-size:13px}\n"
    "rect{stroke:var(--line)}.same{fill:var(--same)}.worse{fill:var(--worse)}"
    ".milder{fill:var(--milder)}.other{fill:var(--other)}.none{fill:none}\n"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid var(--line);"
    "padding:.2rem .6rem;text-align:right}th{font-weight:600}th[scope=row]{text-align:left}\n"
    "caption{text-align:left}li{overflow-wrap:anywhere}\n";

static void escaped(struct buf *out, struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_str(out, "&amp;");
            break;
        case '<':
            buf_str(out, "&lt;");
            break;
        case '>':
            buf_str(out, "&gt;");
            break;
        case '"':
            buf_str(out, "&quot;");
            break;
        default:
            buf_byte(out, text.ptr[i]);
        }
    }
}

static void escaped_str(struct buf *out, const char *text) { escaped(out, span_str(text)); }

/* "not subject" for not_subject. */
static void words(struct buf *out, uint32_t side) {
    for (const char *at = replay_side_name(side); *at != '\0'; at++) {
        buf_byte(out, *at == '_' ? ' ' : (uint8_t)*at);
    }
}

enum direction { SAME, WORSE, MILDER, OTHER };

static enum direction direction_of(uint32_t before, uint32_t after) {
    if (before == after) {
        return SAME;
    }
    if (before == REPLAY_NONE || after == REPLAY_NONE) {
        return OTHER;
    }
    return after > before ? WORSE : MILDER;
}

/* --- the picture --- */

/* The sides that occur, in order; returns how many. */
static uint32_t sides_of(const struct replay_table *table, uint32_t sides[REPLAY_SIDES]) {
    uint32_t count = 0;
    for (uint32_t side = 0; side < REPLAY_SIDES; side++) {
        if (replay_table_has_side(table, side)) {
            sides[count++] = side;
        }
    }
    return count;
}

static void svg_cell(struct buf *out, uint32_t column, uint32_t row, uint32_t before,
                     uint32_t after, uint64_t count, uint64_t cases) {
    static const char *const classes[] = {"same", "worse", "milder", "other"};
    static const char *const arrows[] = {"", "\xe2\x86\x91 ", "\xe2\x86\x93 ", "\xe2\x86\x92 "};
    enum direction direction = direction_of(before, after);
    uint32_t x = LABEL_WIDTH + column * CELL_WIDTH;
    uint32_t y = HEAD_HEIGHT + row * CELL_HEIGHT;
    double weight = log((double)count + 1) / log((double)cases + 1);
    buf_printf(out, "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" class=\"%s\"", x, y,
               CELL_WIDTH, CELL_HEIGHT, count == 0 ? "none" : classes[direction]);
    if (count > 0) {
        buf_printf(out, " fill-opacity=\"%.2f\"", 0.25 + 0.75 * weight);
    }
    buf_str(out, "/>");
    if (count > 0) {
        buf_printf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%s%" PRIu64 "</text>\n",
                   x + CELL_WIDTH - 8, y + CELL_HEIGHT / 2 + 5, arrows[direction], count);
    }
}

static void svg_labels(struct buf *out, const uint32_t *sides, uint32_t count) {
    static const char *const heads[REPLAY_SIDES] = {"not subject", "exception", "insufficient",
                                                    "screening",   "subject",   "none"};
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "<text x=\"%u\" y=\"%d\" text-anchor=\"end\">%s</text>",
                   LABEL_WIDTH + (i + 1) * CELL_WIDTH - 8, HEAD_HEIGHT - 10, heads[sides[i]]);
        buf_printf(out, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", LABEL_WIDTH - 8,
                   HEAD_HEIGHT + i * CELL_HEIGHT + CELL_HEIGHT / 2 + 5);
        words(out, sides[i]);
        buf_str(out, "</text>\n");
    }
}

static void svg_matrix(struct buf *out, const struct replay_table *table, uint32_t number) {
    uint32_t sides[REPLAY_SIDES];
    uint32_t count = sides_of(table, sides);
    uint64_t cases = replay_table_cases(table);
    buf_printf(out,
               "<svg role=\"img\" aria-labelledby=\"t%" PRIu32 " d%" PRIu32
               "\" viewBox=\"0 0 %u %u\" width=\"%u\" xmlns=\"http://www.w3.org/2000/svg\">\n",
               number, number, LABEL_WIDTH + count * CELL_WIDTH + 1,
               HEAD_HEIGHT + count * CELL_HEIGHT + 1, LABEL_WIDTH + count * CELL_WIDTH + 1);
    buf_printf(out,
               "<title id=\"t%" PRIu32 "\">Dispositions before and after</title>"
               "<desc id=\"d%" PRIu32 "\">Rows: before. Columns: after. %" PRIu64 " of %" PRIu64
               " change. The same numbers are in the table below.</desc>\n",
               number, number, replay_table_changed(table), cases);
    svg_labels(out, sides, count);
    for (uint32_t row = 0; row < count; row++) {
        for (uint32_t column = 0; column < count; column++) {
            svg_cell(out, column, row, sides[row], sides[column],
                     table->cells[sides[row]][sides[column]].count, cases);
        }
    }
    buf_str(out, "</svg>\n");
}

/* --- the table and the samples --- */

static void html_matrix(struct buf *out, const struct replay_table *table) {
    uint32_t sides[REPLAY_SIDES];
    uint32_t count = sides_of(table, sides);
    buf_str(out, "<table><caption>Rows: before. Columns: after.</caption>\n<tr><td></td>");
    for (uint32_t i = 0; i < count; i++) {
        buf_str(out, "<th scope=\"col\">");
        words(out, sides[i]);
        buf_str(out, "</th>");
    }
    buf_str(out, "</tr>\n");
    for (uint32_t row = 0; row < count; row++) {
        buf_str(out, "<tr><th scope=\"row\">");
        words(out, sides[row]);
        buf_str(out, "</th>");
        for (uint32_t i = 0; i < count; i++) {
            buf_printf(out, "<td>%" PRIu64 "</td>", table->cells[sides[row]][sides[i]].count);
        }
        buf_str(out, "</tr>\n");
    }
    buf_str(out, "</table>\n");
}

static void html_cell_samples(struct buf *out, const struct replay_stored *stored,
                              const struct replay_table *table, uint32_t before, uint32_t after) {
    const struct replay_cell *cell = &table->cells[before][after];
    struct buf text = BUF_EMPTY;
    buf_str(out, "<li>");
    words(out, before);
    buf_str(out, " \xe2\x86\x92 ");
    words(out, after);
    buf_printf(out, ", %" PRIu64 ": ", cell->count);
    for (uint32_t i = 0; i < cell->sample_count; i++) {
        buf_clear(&text);
        replay_sample_text(stored, &cell->samples[i], &text);
        buf_str(out, i == 0 ? "" : ", ");
        escaped(out, buf_span(&text));
    }
    buf_str(out, "</li>\n");
    buf_free(&text);
}

static void html_samples(struct buf *out, const struct replay_stored *stored,
                         const struct replay_table *table) {
    if (replay_table_changed(table) == 0) {
        return;
    }
    buf_str(out, "<details><summary>Sample cases</summary><ul>\n");
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            if (table->cells[before][after].sample_count > 0) {
                html_cell_samples(out, stored, table, before, after);
            }
        }
    }
    buf_str(out, "</ul></details>\n");
}

static void html_section(struct buf *out, const struct replay_report *report, uint32_t number) {
    const struct replay_table *table = &report->result->matrix.tables[number];
    uint64_t cases = replay_table_cases(table);
    if (cases == 0) {
        return;
    }
    buf_str(out, "<section><h2>");
    escaped_str(out, report->stored->tables[number]);
    buf_printf(out, "</h2>\n<p>%" PRIu64 " of %" PRIu64 " change", replay_table_changed(table),
               cases);
    if (table->other_reason > 0) {
        buf_printf(out, "; %" PRIu64 " keep their disposition for another reason",
                   table->other_reason);
    }
    buf_str(out, ".</p>\n");
    svg_matrix(out, table, number);
    html_matrix(out, table);
    html_samples(out, report->stored, table);
    buf_str(out, "</section>\n");
}

void replay_report_html(const struct replay_report *report, struct buf *out) {
    const struct replay_result *result = report->result;
    buf_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width\">"
                 "<title>casemill replay</title>\n<style>");
    buf_str(out, STYLE);
    buf_str(out, "</style></head>\n<body><main><h1>What if?</h1>\n<p>");
    buf_printf(out, "%" PRIu64 " stored cases under ", result->cases);
    escaped_str(out, report->base);
    buf_str(out, report->change_count == 0 ? ".</p>\n" : ", with:</p>\n<ul>");
    for (uint32_t i = 0; i < report->change_count; i++) {
        buf_str(out, "<li>");
        escaped_str(out, report->changes[i]);
        buf_str(out, "</li>");
    }
    buf_str(out, report->change_count == 0 ? "" : "</ul>\n");
    if (result->unreadable > 0) {
        buf_printf(out,
                   "<p>%" PRIu64 " cases hold a fact that this rule set's schema refuses; they are "
                   "left out below.</p>\n",
                   result->unreadable);
    }
    buf_str(out, "<p>This is triage for officers, never a decision on a person. "
                 "\xe2\x86\x91 more adverse than before, \xe2\x86\x93 less, \xe2\x86\x92 an "
                 "agreement that one side does not have.</p>\n");
    for (uint32_t i = 0; i < report->stored->table_count; i++) {
        html_section(out, report, i);
    }
    buf_str(out, "</main></body></html>\n");
}
