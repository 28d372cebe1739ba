/* A page has four lines per broker, then its sources, the fullest first, and its lanes; rows that
 * do not fit the terminal are counted. */
#include "cli/top/view.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BAR_WIDTH = 20,
    FIXED_LINES = 7, /* of a broker: an empty one, four, and the heads of two tables */
    ROWS_MIN = 2,    /* of a table, also on a small terminal */
    NAME_COLUMNS = 24,
    RATE_BYTES = 32,
    PERCENT = 100,
    MS = 1000
};
#define RATE_UNKNOWN (-1.0)
#define NUMBER_MAX (1LL << 53)

/* Clamps every number of an answer, since a peer may send anything: sums, differences and
 * percentages then stay within 64 bits. */
static long long number(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > NUMBER_MAX ? NUMBER_MAX : value < -NUMBER_MAX ? -NUMBER_MAX : value;
}

static const char *word(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

/* Of a counter's difference; a smaller counter is from another program. */
static double rate_of(const struct top_broker *broker, int64_t more) {
    int64_t span_ms = broker->now.at_ms - broker->before.at_ms;
    bool is_known = broker->before.answers[TOP_STATUS] != NULL && span_ms > 0 && more >= 0;
    return is_known ? (double)more * MS / (double)span_ms : RATE_UNKNOWN;
}

static double total_rate(const struct top_broker *broker, const char *name) {
    return rate_of(broker, number(broker->now.answers[TOP_STATUS], name) -
                               number(broker->before.answers[TOP_STATUS], name));
}

/* A new source has counted from 0; a new lane may have counted at another broker. */
static double row_rate(const struct top_broker *broker, enum top_answer answer, const json_t *row,
                       const char *name) {
    const char *key = answer == TOP_WORKERS ? "lane" : "source";
    const json_t *before = NULL;
    const json_t *other = NULL;
    size_t i = 0;
    json_array_foreach(broker->before.answers[answer], i, other) {
        before = strcmp(word(other, key), word(row, key)) == 0 ? other : before;
    }
    bool is_known = before != NULL || answer == TOP_SOURCES;
    return is_known ? rate_of(broker, number(row, name) - number(before, name)) : RATE_UNKNOWN;
}

static void put_cell(struct buf *out, const char *text, int width) {
    buf_byte(out, ' ');
    plain_cell(out, text, width);
}

static void put_name(struct buf *out, const char *name) {
    struct buf plain = BUF_EMPTY;
    plain_text(&plain, name);
    struct span cut = plain_cut(buf_span(&plain), NAME_COLUMNS);
    buf_append(out, cut);
    for (size_t columns = plain_columns(cut); columns < NAME_COLUMNS; columns++) {
        buf_byte(out, ' ');
    }
    buf_free(&plain);
}

static void rate_text(double rate, char text[RATE_BYTES]) {
    (void)snprintf(text, RATE_BYTES, "-");
    if (rate >= 0) {
        (void)snprintf(text, RATE_BYTES, "%.0f", rate);
    }
}

static void put_rate(struct buf *out, double rate, int width) {
    char text[RATE_BYTES];
    rate_text(rate, text);
    put_cell(out, text, width);
}

static void put_number(struct buf *out, int64_t value, int width) {
    char text[32];
    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    put_cell(out, text, width);
}

static void put_bytes(struct buf *out, int64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < COUNT_OF(units)) {
        value /= 1024;
        unit++;
    }
    buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static long long journal_percent(const json_t *status) {
    int64_t max = number(status, "journal_bytes_max");
    return max <= 0 ? 0 : number(status, "journal_used_bytes") * PERCENT / max;
}

static void put_state(const struct top_broker *broker, int64_t now_ms, struct buf *out) {
    const json_t *status = broker->now.answers[TOP_STATUS];
    plain_text(out, broker->endpoint);
    if (!broker->is_fresh) {
        buf_str(out, broker->fault[0] == '\0' ? "  asked" : "  NO ANSWER: ");
        plain_text(out, broker->fault);
        if (status != NULL) {
            buf_printf(out, " (the values below are %lld s old)",
                       (long long)((now_ms - broker->now.at_ms) / MS));
        }
    } else {
        const char *unready = word(status, "unready");
        buf_str(out, "  ");
        plain_text(out, word(status, "version"));
        buf_str(out, unready[0] == '\0' ? "  ready" : "  NOT READY: ");
        plain_text(out, unready);
    }
    buf_byte(out, '\n');
}

static void put_totals(const struct top_broker *broker, struct buf *out) {
    const json_t *status = broker->now.answers[TOP_STATUS];
    buf_str(out, "cases   ");
    put_rate(out, total_rate(broker, "cases_accepted_total"), 0);
    buf_str(out, "/s accepted ");
    put_rate(out, total_rate(broker, "cases_done_total"), 0);
    buf_printf(out, "/s done   %lld queued  %lld in flight  %lld delayed  oldest %.1f s\n",
               number(status, "queued_cases"), number(status, "out_cases"),
               number(status, "delayed_cases"), (double)number(status, "oldest_ms") / MS);
    buf_printf(out,
               "total    %lld accepted  %lld done  %lld duplicates  %lld dead letters   batches: "
               "%lld live  %lld BUSY  %lld refused\n",
               number(status, "cases_accepted_total"), number(status, "cases_done_total"),
               number(status, "cases_duplicate_total"), number(status, "cases_dead_total"),
               number(status, "batches"), number(status, "batches_busy_total"),
               number(status, "batches_refused_total"));
}

static void put_journal(const struct top_broker *broker, struct buf *out) {
    const json_t *status = broker->now.answers[TOP_STATUS];
    long long percent = journal_percent(status);
    buf_str(out, "journal  [");
    for (int64_t i = 0; i < BAR_WIDTH; i++) {
        buf_byte(out, i * PERCENT < percent * BAR_WIDTH ? '#' : '.');
    }
    buf_printf(out, "] %lld %% of ", percent);
    put_bytes(out, number(status, "journal_bytes_max"));
    buf_printf(out, "  %lld batches  last commit %.1f ms   bodies in memory ",
               number(status, "journal_batches"), (double)number(status, "journal_commit_us") / MS);
    put_bytes(out, number(status, "memory_body_bytes"));
    buf_str(out, " of ");
    put_bytes(out, number(status, "memory_bytes_max"));
    buf_byte(out, '\n');
}

static int64_t queued(const json_t *source) {
    const json_t *waits = json_object_get(source, "queued");
    return number(waits, "urgent") + number(waits, "normal") + number(waits, "bulk");
}

static int fuller_first(const void *a, const void *b) {
    int64_t left = queued(*(const json_t *const *)a);
    int64_t right = queued(*(const json_t *const *)b);
    return left == right ? 0 : (left > right ? -1 : 1);
}

static void put_source(const struct top_broker *broker, const json_t *source, struct buf *out) {
    const json_t *waits = json_object_get(source, "queued");
    put_name(out, word(source, "source"));
    put_number(out, number(source, "weight"), 6);
    put_number(out, number(waits, "urgent"), 10);
    put_number(out, number(waits, "normal"), 10);
    put_number(out, number(waits, "bulk"), 10);
    put_rate(out, row_rate(broker, TOP_SOURCES, source, "accepted"), 10);
    put_rate(out, row_rate(broker, TOP_SOURCES, source, "done"), 10);
    buf_byte(out, '\n');
}

static void put_lane(const struct top_broker *broker, const json_t *lane, struct buf *out) {
    const char *phase = word(lane, "phase");
    put_name(out, word(lane, "name"));
    struct span id = plain_cut(span_str(word(lane, "lane")), 8);
    buf_printf(out, " %-8.*s ", SPAN_ARG(id));
    plain_cell(out, json_is_true(json_object_get(lane, "retiring")) ? "retiring" : phase, -10);
    put_number(out, number(lane, "held_cases"), 9);
    put_number(out, number(lane, "credit_cases"), 8);
    put_rate(out, row_rate(broker, TOP_WORKERS, lane, "done"), 8);
    put_number(out, number(lane, "done"), 12);
    buf_printf(out, " %7.1f s\n", (double)number(lane, "seen_ms") / MS);
}

static void put_more(size_t left, const char *what, struct buf *out) {
    if (left > 0) {
        buf_printf(out, "... and %zu more %s\n", left, what);
    }
}

static void put_sources(const struct top_broker *broker, size_t rows, struct buf *out) {
    const json_t *sources = broker->now.answers[TOP_SOURCES];
    size_t count = json_array_size(sources);
    const json_t **sorted = mem_zero(count + 1, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = json_array_get(sources, i);
    }
    qsort(sorted, count, sizeof(*sorted), fuller_first);
    plain_cell(out, "SOURCE", -NAME_COLUMNS);
    buf_printf(out, " %6s %10s %10s %10s %10s %10s\n", "WEIGHT", "URGENT", "NORMAL", "BULK",
               "ACCEPTED/S", "DONE/S");
    for (size_t i = 0; i < count && i < rows; i++) {
        put_source(broker, sorted[i], out);
    }
    put_more(count > rows ? count - rows : 0, "sources", out);
    mem_free(sorted);
}

static void put_lanes(const struct top_broker *broker, size_t rows, struct buf *out) {
    const json_t *lanes = broker->now.answers[TOP_WORKERS];
    size_t count = json_array_size(lanes);
    plain_cell(out, "WORKER", -NAME_COLUMNS);
    buf_printf(out, " %-8s %-10s %9s %8s %8s %12s %9s\n", "LANE", "PHASE", "IN FLIGHT", "CREDIT",
               "DONE/S", "DONE", "LAST SEEN");
    for (size_t i = 0; i < count && i < rows; i++) {
        put_lane(broker, json_array_get(lanes, i), out);
    }
    put_more(count > rows ? count - rows : 0, "lanes", out);
}

/* The number of rows of each table of a broker: half, plus the rows that the other does not use. */
static void share_rows(const struct top_broker *broker, uint32_t lines, size_t *sources,
                       size_t *lanes) {
    *sources = json_array_size(broker->now.answers[TOP_SOURCES]);
    *lanes = json_array_size(broker->now.answers[TOP_WORKERS]);
    size_t rows = lines > FIXED_LINES + 2 * ROWS_MIN ? lines - FIXED_LINES : 2 * ROWS_MIN;
    if (lines == 0 || *sources + *lanes <= rows) {
        return;
    }
    rows -= rows > 2 * ROWS_MIN ? 2 : 0; /* for the count of the left-out rows */
    size_t half = rows / 2;
    if (*sources <= half) {
        *lanes = rows - *sources;
    } else if (*lanes <= half) {
        *sources = rows - *lanes;
    } else {
        *sources = half;
        *lanes = rows - half;
    }
}

static void put_broker(const struct top_broker *broker, int64_t now_ms, uint32_t lines,
                       struct buf *out) {
    size_t sources = 0;
    size_t lanes = 0;
    put_state(broker, now_ms, out);
    if (broker->now.answers[TOP_STATUS] == NULL) {
        return;
    }
    put_totals(broker, out);
    put_journal(broker, out);
    share_rows(broker, lines, &sources, &lanes);
    put_sources(broker, sources, out);
    put_lanes(broker, lanes, out);
}

/* Cuts the lines to the terminal's columns and the page to its lines. */
static void fit(struct span page, const struct top_size *size, struct buf *out) {
    uint32_t line = 0;
    for (size_t at = 0; at < page.len && (size->lines == 0 || line < size->lines); line++) {
        const uint8_t *end = memchr(page.ptr + at, '\n', page.len - at);
        CHECK(end != NULL);
        struct span text = span_make(page.ptr + at, (size_t)(end - page.ptr) - at);
        at += text.len + 1;
        buf_append(out, size->columns == 0 ? text : plain_cut(text, size->columns));
        buf_byte(out, '\n');
    }
}

void top_view_page(const struct top_broker *brokers, uint32_t count, int64_t now_ms,
                   const struct top_size *size, struct buf *out) {
    struct buf page = BUF_EMPTY;
    CHECK(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        buf_str(&page, i == 0 ? "" : "\n");
        put_broker(&brokers[i], now_ms, size->lines / count, &page);
    }
    fit(buf_span(&page), size, out);
    buf_free(&page);
}

void top_view_time(int64_t wall_us, struct buf *out) {
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    char text[32];
    (void)gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    buf_append(out, span_make(text, len));
}

void top_view_line(const struct top_broker *broker, int64_t wall_us, struct buf *out) {
    const json_t *status = broker->now.answers[TOP_STATUS];
    char text[RATE_BYTES];
    buf_str(out, "time=");
    top_view_time(wall_us, out);
    buf_str(out, " broker=");
    plain_text(out, broker->endpoint);
    if (!broker->is_fresh) {
        buf_str(out, " answers=no fault=\"");
        plain_text(out, broker->fault);
        buf_str(out, "\"\n");
        return;
    }
    rate_text(total_rate(broker, "cases_accepted_total"), text);
    buf_printf(out, " answers=yes accepted_s=%s", text);
    rate_text(total_rate(broker, "cases_done_total"), text);
    buf_printf(out, " done_s=%s", text);
    buf_printf(out,
               " queued=%lld held=%lld delayed=%lld oldest_ms=%lld lanes=%lld journal_percent=%lld"
               " unready=\"",
               number(status, "queued_cases"), number(status, "out_cases"),
               number(status, "delayed_cases"), number(status, "oldest_ms"),
               number(status, "lanes"), journal_percent(status));
    plain_text(out, word(status, "unready"));
    buf_str(out, "\"\n");
}

static json_t *rate_json(double rate) { return rate < 0 ? json_null() : json_real(rate); }

/* A copy of an answer's rows, each with its rates. */
static json_t *rows_json(const struct top_broker *broker, enum top_answer answer) {
    json_t *rows = json_array();
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(broker->now.answers[answer], i, row) {
        json_t *copy = json_deep_copy(row);
        if (answer == TOP_SOURCES) {
            (void)json_object_set_new(copy, "accepted_per_s",
                                      rate_json(row_rate(broker, answer, row, "accepted")));
        }
        (void)json_object_set_new(copy, "done_per_s",
                                  rate_json(row_rate(broker, answer, row, "done")));
        (void)json_array_append_new(rows, copy);
    }
    return rows;
}

static json_t *broker_json(const struct top_broker *broker) {
    json_t *object = json_pack("{s:s, s:b, s:s}", "control", broker->endpoint, "answers",
                               broker->is_fresh ? 1 : 0, "fault", broker->fault);
    CHECK(object != NULL);
    if (broker->is_fresh) {
        (void)json_object_set_new(object, "accepted_per_s",
                                  rate_json(total_rate(broker, "cases_accepted_total")));
        (void)json_object_set_new(object, "done_per_s",
                                  rate_json(total_rate(broker, "cases_done_total")));
        (void)json_object_set(object, "status", broker->now.answers[TOP_STATUS]);
        (void)json_object_set_new(object, "sources", rows_json(broker, TOP_SOURCES));
        (void)json_object_set_new(object, "workers", rows_json(broker, TOP_WORKERS));
    }
    return object;
}

static int append_json(const char *text, size_t len, void *out) {
    buf_append(out, span_make(text, len));
    return 0;
}

void top_view_json(const struct top_broker *brokers, uint32_t count, int64_t wall_us,
                   struct buf *out) {
    struct buf time = BUF_EMPTY;
    top_view_time(wall_us, &time);
    json_t *root = json_pack("{s:i, s:s, s:[]}", "schema_version", JSON_SCHEMA_VERSION, "time",
                             buf_cstr(&time), "brokers");
    CHECK(root != NULL);
    for (uint32_t i = 0; i < count; i++) {
        (void)json_array_append_new(json_object_get(root, "brokers"), broker_json(&brokers[i]));
    }
    CHECK(json_dump_callback(root, append_json, out, JSON_COMPACT) == 0);
    buf_byte(out, '\n');
    json_decref(root);
    buf_free(&time);
}
