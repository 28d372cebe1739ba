/* Purpose: what a submission waits for, in words, and when it gives up.  Waiting is when no batch
 * was accepted, done or refused for a while; then the broker is asked how it is, and a line says
 * what it answered: every few seconds, and soon when the answer is another. Never: calls a broker
 * silent that answers. */
#ifndef CASEMILL_CLI_SUBMIT_WAIT_H
#define CASEMILL_CLI_SUBMIT_WAIT_H

#include "base/buf.h"
#include "base/diag.h"
#include "client/casemill.h"

struct submit_wait {
    int64_t give_up_ms;  /* after so long without progress; 0: never */
    int64_t progress_ms; /* when a batch last got further */
    int64_t said_ms;     /* when a line was last said; 0: not in this wait */
    int64_t turned_ms;   /* of the last turn: while input was waited for, nobody waited */
    struct buf said;     /* the reason in that line */
};

/* submit_wait_init: waiting begins at now_ms.  submit_wait_progress: a batch got further. */
void submit_wait_init(struct submit_wait *wait, int64_t give_up_ms, int64_t now_ms);
void submit_wait_fini(struct submit_wait *wait);
void submit_wait_progress(struct submit_wait *wait, int64_t now_ms);
/* submit_wait_turn asks the broker where that is due, and appends a line without its newline where
 * one is to be said.  Errors: ERR_TIMEOUT given up, with the reason in diag. */
MUST_USE enum err submit_wait_turn(struct submit_wait *wait, struct casemill *client,
                                   int64_t now_ms, struct buf *line, struct diag *diag);
/* submit_wait_reason appends what is waited for, without numbers; fault: why the broker lets nobody
 * in, or NULL.  submit_wait_numbers appends what changes all the time: "; 250 cases ...". */
void submit_wait_reason(const struct casemill_state *state, const char *fault, struct buf *out);
void submit_wait_numbers(const struct casemill_state *state, struct buf *out);

#endif
