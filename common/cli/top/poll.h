/* Purpose: polling several brokers for the data of `status`, `workers` and `sources` over open
 * connections, so that a broker without an answer never delays the others. Owns: a connection and
 * two answers per broker: the last complete one and the one before, for rates.  Units: monotonic
 * milliseconds.  Read next: top/view.h. */
#ifndef CASEMILL_CLI_TOP_POLL_H
#define CASEMILL_CLI_TOP_POLL_H

#include "base/diag.h"
#include "cli/control_ask.h"

#include <jansson.h>

enum { TOP_BROKERS_MAX = 16 };
enum top_answer { TOP_STATUS, TOP_WORKERS, TOP_SOURCES, TOP_ANSWERS };

struct top_sample { /* all NULL: none yet */
    json_t *answers[TOP_ANSWERS];
    int64_t at_ms;
};
struct top_broker {
    char *endpoint;
    bool is_fresh;             /* the last round got a complete answer */
    char fault[DIAG_TEXT_MAX]; /* else why not; "" before the first round is over */
    struct top_sample now, before;
};
struct top_poll;

/* top_poll_open reads the addresses, several between commas; it connects in the first round.
 * Errors: ERR_INVALID an address, none or too many; as net_curve_read. */
MUST_USE enum err top_poll_open(const struct control_peer *peer, struct top_poll **poll,
                                struct diag *diag);
void top_poll_close(struct top_poll **poll);
void top_poll_begin(struct top_poll *poll, int64_t now_ms); /* sends to every broker */
/* top_poll_end ends the round.  A broker without an answer gets a new connection in the next round,
 * so that a late answer cannot be mistaken for another. */
void top_poll_end(struct top_poll *poll);
/* top_poll_wait waits until until_ms for answers, or until one of the descriptors (-1: none) can be
 * read; *ready has a bit for each.  True when the round is over: all have answered. */
bool top_poll_wait(struct top_poll *poll, const int fds[2], int64_t until_ms, unsigned *ready);
const struct top_broker *top_poll_brokers(const struct top_poll *poll, uint32_t *count);

#endif
