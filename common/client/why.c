/* The texts of a wait. */
#include "client/why.h"

#include <stdio.h>
#include <string.h>

enum {
    SILENT_MS = 3000,    /* it sent nothing for so long, */
    UNANSWERED_MS = 1000 /* and leaves a question unanswered for so long */
};

static const char *busy_words(const char *reason) {
    static const char *const rows[][2] = {
        {"journal_full", "its journal has reached journal.bytes_max"},
        {"queue_full", "its limit of waiting batches is reached"},
        {"rate", "batches arrive faster than its disk can write"},
        {"stopped", "it accepts nothing until an operator resumes or restarts it"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i][0], reason) == 0) {
            return rows[i][1];
        }
    }
    return "it accepts no batch now";
}

bool why_is_silent(const struct casemill_state *state) {
    bool is_quiet = state->received_ms < 0 || state->received_ms >= SILENT_MS;
    return state->is_connected && is_quiet && state->unanswered_ms >= UNANSWERED_MS;
}

void why_text(const struct casemill_state *state, const char *fault, struct buf *out) {
    if (!state->is_connected) {
        buf_str(out, fault == NULL ? "no connection" : fault);
    } else if (why_is_silent(state)) {
        buf_str(out, "it is connected, but does not answer");
    } else if (state->busy != NULL) {
        buf_printf(out, "BUSY %s: %s", state->busy, busy_words(state->busy));
        if (state->unready != NULL && state->unready[0] != '\0') {
            buf_printf(out, "; %s", state->unready);
        }
    } else if (state->unready != NULL) {
        buf_str(out, state->unready[0] == '\0' ? "at work" : state->unready);
    } else if (state->received_ms < 0) {
        buf_str(out, "it is connected, and has not answered yet");
    } else {
        buf_str(out, "it answers, but has not finished the batches");
    }
}

void casemill_why(struct casemill *client, char *line, size_t line_bytes) {
    struct casemill_state state;
    struct buf text = BUF_EMPTY;
    casemill_ask(client);
    casemill_state(client, &state);
    buf_printf(&text, "%s: ", casemill_broker(client));
    why_text(&state, casemill_fault(client), &text);
    if (line_bytes > 0) {
        (void)snprintf(line, line_bytes, "%s", buf_cstr(&text));
    }
    buf_free(&text);
}
