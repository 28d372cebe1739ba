/* `casemill top`: the state of brokers, sources and lanes every second: a page on a terminal,
 * otherwise a line per broker, JSON for scripts. */
#include "cli/verb.h"
#include "base/clock.h"
#include "base/plain.h"
#include "cli/top/once.h"
#include "cli/top/poll.h"
#include "cli/top/screen.h"
#include "cli/top/view.h"

#include <stdio.h>

enum { INTERVAL_S = 1, INTERVAL_S_MAX = 3600, ONCE_ROUNDS = 2, HEAD_LINES = 2 };

struct top {
    const struct options *options;
    struct top_poll *poll;
    struct top_screen *screen;
    int64_t interval_ms;
    int64_t wait_ms; /* for an answer */
    bool once, as_json;
    bool has_ended; /* q, a signal, or output without a reader */
};

static void add_head(const struct top *top, uint32_t columns, struct buf *page) {
    uint32_t count = 0;
    struct buf head = BUF_EMPTY;
    (void)top_poll_brokers(top->poll, &count);
    buf_str(&head, "casemill top  ");
    top_view_time(clock_wall_us(), &head);
    buf_printf(&head, "  every %lld s  %u broker%s  q ends", (long long)(top->interval_ms / 1000),
               count, count == 1 ? "" : "s");
    buf_append(page, plain_cut(buf_span(&head), columns));
    buf_str(page, "\n\n");
    buf_free(&head);
}

static void draw(struct top *top) {
    uint32_t count = 0;
    const struct top_broker *brokers = top_poll_brokers(top->poll, &count);
    struct buf page = BUF_EMPTY;
    struct top_size size;
    top_screen_size(&size);
    add_head(top, size.columns, &page);
    size.lines = size.lines > HEAD_LINES + 1 ? size.lines - HEAD_LINES : 1;
    top_view_page(brokers, count, clock_mono_ms(), &size, &page);
    top->has_ended = top_screen_draw(top->screen, buf_span(&page)) != ERR_OK || top->has_ended;
    buf_free(&page);
}

static void print(struct top *top) {
    uint32_t count = 0;
    const struct top_broker *brokers = top_poll_brokers(top->poll, &count);
    const struct top_size endless = {0, 0};
    struct buf text = BUF_EMPTY;
    if (top->as_json) {
        top_view_json(brokers, count, clock_wall_us(), &text);
    } else if (top->once) {
        top_view_page(brokers, count, clock_mono_ms(), &endless, &text);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            top_view_line(&brokers[i], clock_wall_us(), &text);
        }
    }
    (top->as_json ? plain_json : plain_print)(stdout, buf_span(&text));
    top->has_ended = fflush(stdout) != 0 || top->has_ended; /* verb_main reports it */
    buf_free(&text);
}

/* Waits until until_ms, or until all have answered where that ends the round. */
static void wait_until(struct top *top, int64_t until_ms, bool ends_with_answers) {
    bool is_over = false;
    int fds[2];
    top_screen_fds(top->screen, fds);
    while (!top->has_ended && !is_over && clock_mono_ms() < until_ms) {
        unsigned ready = 0;
        is_over = top_poll_wait(top->poll, fds, until_ms, &ready) && ends_with_answers;
        enum top_event event = ready == 0 ? TOP_NOTHING : top_screen_read(top->screen);
        top->has_ended = event == TOP_END;
        if (event == TOP_REDRAW && top_screen_is_drawn(top->screen)) {
            draw(top);
        }
    }
}

static bool all_answer(const struct top *top) {
    uint32_t count = 0;
    const struct top_broker *brokers = top_poll_brokers(top->poll, &count);
    bool all = true;
    for (uint32_t i = 0; i < count; i++) {
        all = all && brokers[i].is_fresh;
    }
    return all;
}

/* With --once, a broker that did not answer the first poll is not polled again. */
static int64_t patience_ms(const struct top *top, uint32_t round) {
    bool is_short =
        top->interval_ms < top->wait_ms && (!top->once || (round > 1 && !all_answer(top)));
    return is_short ? top->interval_ms : top->wait_ms;
}

static void run_rounds(struct top *top) {
    for (uint32_t round = 1; !top->has_ended; round++) {
        int64_t began_ms = clock_mono_ms();
        int64_t until_ms = began_ms + patience_ms(top, round);
        top_poll_begin(top->poll, began_ms);
        wait_until(top, until_ms, true);
        if (top->has_ended) {
            return;
        }
        top_poll_end(top->poll);
        if (top_screen_is_drawn(top->screen)) {
            draw(top);
        } else if (!top->once || round == ONCE_ROUNDS) {
            print(top);
        }
        if (top->once && round == ONCE_ROUNDS) {
            return;
        }
        wait_until(top, began_ms + top->interval_ms, false);
    }
}

/* With --once, a missing answer is a failure; the live view shows it and continues. */
static int end_of_once(const struct top *top) {
    uint32_t count = 0;
    const struct top_broker *brokers = top_poll_brokers(top->poll, &count);
    for (uint32_t i = 0; top->once && !top->has_ended && i < count; i++) {
        if (!brokers[i].is_fresh) {
            plain_printf(stderr, "casemill %s: no answer from %s: %s\n", verb_name(top->options),
                         brokers[i].endpoint, brokers[i].fault);
        }
    }
    return !top->once || (!top->has_ended && all_answer(top)) ? EXIT_DONE : EXIT_FAILED;
}

static int watch(struct top *top) {
    struct diag diag = {0};
    const struct control_peer peer = control_peer(top->options);
    top->screen = top_screen_open(top->once || top->as_json);
    enum err err = top_poll_open(&peer, &top->poll, &diag);
    int code = EXIT_DONE;
    if (err == ERR_OK) {
        run_rounds(top);
        code = end_of_once(top);
    }
    top_poll_close(&top->poll);
    top_screen_close(&top->screen); /* before a text that must stay */
    return err == ERR_OK ? code : verb_fail(top->options, &diag, SPAN_LIT(""));
}

int top_show_once(const struct options *options, int64_t wait_ms) {
    struct top top = {
        .options = options, .interval_ms = INTERVAL_S * 1000, .wait_ms = wait_ms, .once = true};
    return watch(&top);
}

static int top_run(const struct options *options) {
    struct top top = {.options = options,
                      .wait_ms = CONTROL_WAIT_MS,
                      .once = option_flag(options, "--once"),
                      .as_json = option_flag(options, "--json")};
    int64_t interval_s = 0;
    if (option_int(options, "--interval", INTERVAL_S, 1, INTERVAL_S_MAX, &interval_s) != ERR_OK) {
        return EXIT_USAGE;
    }
    top.interval_ms = interval_s * 1000;
    return watch(&top);
}

static const struct option_row ROWS[] = {
    {"--interval", "SECONDS", "between two polls (1)"},
    {"--once", NULL, "poll twice, for the rates, print the result and end"},
    {NULL, NULL, NULL},
};

const struct verb verb_top = {
    .name = "top",
    .summary = "watch brokers, sources and lanes; several with --control A,B; q or Ctrl-C ends it",
    .operands = "",
    .rows = ROWS,
    .run = top_run,
};
