/* Purpose: the connections to the brokers, one DEALER each, and which of them is in use.  Brokers
 * share nothing.  So when one is lost, silent or stopping, the client sends its unsettled batches
 * to the next: a case revision counts once, wherever it is sent.
 * Owns: the sockets.  Never: decides about batches; the caller sends all again when links_turn
 * returns true.  With only one broker the socket reconnects by itself, without limit. */
#ifndef CASEMILL_CLIENT_LINKS_H
#define CASEMILL_CLIENT_LINKS_H

#include "base/buf.h"
#include "base/uuid.h"
#include "net/net.h"

enum { LINKS_MAX = 16 };
_Static_assert((int)LINKS_MAX <= (int)NET_POLL_MAX, "all are polled at once");

struct link {
    struct buf endpoint;
    bool has_keys;
    struct net_curve curve;
    struct net_socket *socket; /* NULL while it is avoided after a failure */
    uint32_t connect_count;    /* as of the last turn */
    int64_t down_since_ms;     /* 0: connected */
    int64_t patience_ms;       /* after so long down, another is tried */
    int64_t asked_ms;          /* of the oldest question without an answer; 0: none */
    int64_t busy_until_ms;     /* nothing new is sent before: the broker sent BUSY */
    int64_t shunned_until_ms;  /* it stops or failed: not chosen before */
    int64_t backoff_ms;        /* of the last failure; 0 after any message from it */
    uint32_t body_bytes_max;   /* its limit, by its PONG on this connection; 0: not known */
    bool refuses_rows;         /* it answered unknown_command to ROWS on this connection */
    bool is_pinged;            /* a PING is under way on this connection */
    int64_t received_ms;       /* of its last message on this connection; 0: none */
    int64_t pinged_ms;         /* when it was last asked for its state */
    const char *busy;          /* static: of its last BUSY, until it accepts a batch; NULL */
    bool has_state;            /* its last PONG on this connection had its state */
    struct buf unready;        /* why the broker makes no progress; "": it does */
    uint64_t queued_cases;
};
struct links {
    struct net *net;
    struct link items[LINKS_MAX];
    uint32_t count;
    uint32_t current;   /* the one in use */
    int64_t quiet_ms;   /* a question may stay unanswered for so long */
    bool was_connected; /* any of them, ever */
    struct rng rng;
};

struct links_options { /* lists have commas */
    const char *brokers;
    const char *key;         /* file of our own secret key; "": none */
    const char *broker_keys; /* files of their public keys: one for all, or one each */
    int64_t quiet_ms;
};
/* links_open starts connecting to all; keys are for tcp alone.  On failure links_close frees what
 * was made.  Errors: ERR_INVALID with one line in diag, ERR_SYSTEM; as net_curve_read. */
MUST_USE enum err links_open(struct links *links, const struct links_options *options,
                             int64_t now_ms, struct diag *diag);
void links_close(struct links *links);
/* links_turn notices new, lost and silent connections.  True when every batch without an answer is
 * to be sent again: the connection is new, or the broker is another. */
bool links_turn(struct links *links, int64_t now_ms);
/* links_received records a message of a broker at now_ms; links_stopping that it accepts nothing
 * for so long. */
void links_received(struct link *link, int64_t now_ms);
void links_stopping(struct links *links, struct link *link, int64_t retry_ms, int64_t now_ms);
/* links_fault: why no broker accepts this client, in one line; NULL when one did or no reason is
 * known.  Lives until the next turn. */
const char *links_fault(struct links *links);
struct link *links_current(struct links *links);
/* links_can_send: one of several is used only while it is connected, so that its socket does not
 * queue batches that another has settled long ago. */
bool links_can_send(struct links *links, int64_t now_ms);

#endif
