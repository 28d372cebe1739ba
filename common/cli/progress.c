/* A progress bar, or lines for a log.  A failed write is ignored: nothing depends on it. */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/plain.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, BAR_EVERY_MS = 100, LINE_EVERY_MS = 5000, RATE_AFTER_MS = 50 };

void progress_init(struct progress *progress, const char *what, uint64_t total) {
    int64_t now_ms = clock_mono_ms();
    *progress = (struct progress){.what = what,
                                  .total = total,
                                  .is_terminal = isatty(STDERR_FILENO) == 1,
                                  .started_ms = now_ms,
                                  .shown_ms = now_ms};
}

static void bar(uint64_t done, uint64_t total, struct buf *out) {
    uint64_t filled =
        done >= total ? BAR_WIDTH : (uint64_t)((double)done / (double)total * BAR_WIDTH);
    buf_byte(out, '[');
    for (uint64_t i = 0; i < BAR_WIDTH; i++) {
        buf_byte(out, i < filled ? '#' : '.');
    }
    buf_str(out, "] ");
}

void progress_line(const struct progress *progress, uint64_t done, int64_t now_ms,
                   struct buf *out) {
    int64_t elapsed_ms = now_ms - progress->started_ms;
    double rate = elapsed_ms < RATE_AFTER_MS ? 0 : (double)done / (double)elapsed_ms * 1000;
    if (progress->total > 0 && progress->is_terminal) {
        bar(done, progress->total, out);
    }
    buf_printf(out, "%llu", (unsigned long long)done);
    if (progress->total > 0) {
        buf_printf(out, " of %llu", (unsigned long long)progress->total);
    }
    buf_printf(out, " %s", progress->what);
    if (rate > 0) {
        buf_printf(out, ", %.0f per second", rate);
    }
    if (progress->total > done && rate > 0) {
        buf_printf(out, ", %.0f s left", (double)(progress->total - done) / rate);
    }
}

static void show(struct progress *progress, uint64_t done, int64_t now_ms, const char *end) {
    struct buf line = BUF_EMPTY;
    progress_line(progress, done, now_ms, &line);
    if (progress->is_terminal) {
        plain_redraw(stderr, buf_span(&line));
    } else {
        plain_print(stderr, buf_span(&line));
    }
    plain_printf(stderr, "%s", end);
    (void)fflush(stderr);
    buf_free(&line);
    progress->shown_ms = now_ms;
}

void progress_step(struct progress *progress, uint64_t done) {
    int64_t now_ms = clock_mono_ms();
    int64_t every_ms = progress->is_terminal ? BAR_EVERY_MS : LINE_EVERY_MS;
    if (now_ms - progress->shown_ms >= every_ms) {
        show(progress, done, now_ms, progress->is_terminal ? "" : "\n");
    }
}

void progress_note(struct progress *progress, const char *line) {
    if (progress->is_terminal) {
        plain_redraw(stderr, SPAN_LIT(""));
    }
    plain_printf(stderr, "%s\n", line);
    (void)fflush(stderr);
    progress->shown_ms = clock_mono_ms();
}

void progress_end(struct progress *progress, uint64_t done) {
    show(progress, done, clock_mono_ms(), "\n");
}
