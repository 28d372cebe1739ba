/* Purpose: the reason why a submission waits, and when it gives up.  It waits when no batch was
 * accepted, done or refused for a while.  Then it polls the broker and logs the answer every few
 * seconds, or sooner when the answer changes.  Never: reports a broker without an answer while it
 * answers. */
#ifndef CASEMILL_CLI_SUBMIT_WAIT_H
#define CASEMILL_CLI_SUBMIT_WAIT_H

#include "base/buf.h"
#include "base/diag.h"
#include "client/casemill.h"

struct submit_wait {
    int64_t give_up_ms;  /* after so long without progress; 0: never */
    int64_t progress_ms; /* time of the last progress of a batch */
    int64_t printed_ms;  /* time of the last line; 0: none in this wait */
    int64_t turned_ms;   /* of the last turn: the wait for input does not count */
    struct buf printed;  /* the reason in the last line */
};

/* submit_wait_init: waiting begins at now_ms. submit_wait_progress: a batch made progress. */
void submit_wait_init(struct submit_wait *wait, int64_t give_up_ms, int64_t now_ms);
void submit_wait_fini(struct submit_wait *wait);
void submit_wait_progress(struct submit_wait *wait, int64_t now_ms);
/* submit_wait_turn polls the broker when due, and appends a line without its newline when one is
 * due. Errors: ERR_TIMEOUT given up, with the reason in diag. */
MUST_USE enum err submit_wait_turn(struct submit_wait *wait, struct casemill *client,
                                   int64_t now_ms, struct buf *line, struct diag *diag);
/* submit_wait_numbers appends the changing numbers: "; 250 cases ...". */
void submit_wait_numbers(const struct casemill_state *state, struct buf *out);

#endif
