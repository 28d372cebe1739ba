/* The texts of a wait. */
#include "cli/submit/wait.h"

#include "client/why.h"
#include "net/net.h"

#include <inttypes.h>
#include <string.h>

enum {
    ASK_AFTER_MS = 1000,     /* without progress the broker is polled, */
    PRINT_AFTER_MS = 3000,   /* then a line is logged, */
    PRINT_EVERY_MS = 5000,   /* and again, */
    PRINT_CHANGED_MS = 1000, /* or sooner when the reason changes */
    GAP_MS = 1000            /* between two turns: a wait for input, or a suspended host */
};

void submit_wait_init(struct submit_wait *wait, int64_t give_up_ms, int64_t now_ms) {
    *wait =
        (struct submit_wait){.give_up_ms = give_up_ms, .progress_ms = now_ms, .turned_ms = now_ms};
}

void submit_wait_fini(struct submit_wait *wait) { buf_free(&wait->printed); }

void submit_wait_progress(struct submit_wait *wait, int64_t now_ms) {
    wait->progress_ms = now_ms;
    wait->printed_ms = 0;
    buf_clear(&wait->printed);
}

void submit_wait_numbers(const struct casemill_state *state, struct buf *out) {
    if (!state->is_connected || why_is_silent(state)) {
        return;
    }
    if (state->busy != NULL && state->retry_ms > 0) {
        buf_printf(out, "; sent again in %.1f s", (double)state->retry_ms / 1000);
    }
    if (state->unready != NULL) {
        buf_printf(out, "; %" PRIu64 " cases are queued there", state->queued_cases);
    }
}

/* Polls early enough to get an answer before the end. */
static void ask(const struct submit_wait *wait, struct casemill *client, int64_t waited_ms) {
    bool is_short = wait->give_up_ms > 0 && wait->give_up_ms / 4 < ASK_AFTER_MS;
    if (waited_ms > (is_short ? wait->give_up_ms / 4 : ASK_AFTER_MS)) {
        casemill_ask(client);
    }
}

static bool is_due(const struct submit_wait *wait, struct span reason, int64_t now_ms) {
    if (wait->printed_ms == 0) {
        return now_ms - wait->progress_ms >= PRINT_AFTER_MS;
    }
    bool is_other = !span_eq(reason, buf_span(&wait->printed));
    return now_ms - wait->printed_ms >= (is_other ? PRINT_CHANGED_MS : PRINT_EVERY_MS);
}

/* Only when a line is logged, because it waits for the network. */
static void add_why_away(struct casemill *client, const struct casemill_state *state,
                         struct buf *out) {
    if (!state->is_connected && casemill_fault(client) == NULL) {
        char why[NET_WHY_BYTES];
        net_why_away(casemill_broker(client), why);
        buf_printf(out, ": %s", why);
    }
}

enum err submit_wait_turn(struct submit_wait *wait, struct casemill *client, int64_t now_ms,
                          struct buf *line, struct diag *diag) {
    int64_t gap_ms = now_ms - wait->turned_ms;
    wait->progress_ms += gap_ms > GAP_MS ? gap_ms : 0;
    wait->turned_ms = now_ms;
    if (casemill_unsettled(client) == 0) {
        submit_wait_progress(wait, now_ms);
        return ERR_OK;
    }
    int64_t waited_ms = now_ms - wait->progress_ms;
    ask(wait, client, waited_ms);
    if (waited_ms < ASK_AFTER_MS) {
        return ERR_OK;
    }
    struct casemill_state state;
    struct buf reason = BUF_EMPTY;
    struct buf numbers = BUF_EMPTY;
    enum err err = ERR_OK;
    casemill_state(client, &state);
    why_text(&state, casemill_fault(client), &reason);
    submit_wait_numbers(&state, &numbers);
    if (wait->give_up_ms > 0 && waited_ms > wait->give_up_ms) {
        add_why_away(client, &state, &reason);
        err = diag_fail(diag, ERR_TIMEOUT,
                        "gave up after %lld s: %s: %s%s; nothing is lost: run it again",
                        (long long)(waited_ms / 1000), casemill_broker(client), buf_cstr(&reason),
                        buf_cstr(&numbers));
    } else if (is_due(wait, buf_span(&reason), now_ms)) {
        buf_printf(line, "waiting for %s: %s%s", casemill_broker(client), buf_cstr(&reason),
                   buf_cstr(&numbers));
        add_why_away(client, &state, line);
        wait->printed_ms = now_ms;
        buf_clear(&wait->printed);
        buf_append(&wait->printed, buf_span(&reason));
    }
    buf_free(&reason);
    buf_free(&numbers);
    return err;
}
