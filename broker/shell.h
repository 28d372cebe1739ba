/* Purpose: what every phase of the broker's turn needs. What one phase alone needs is in the header
 * of its file.  Threads: the loop's; libzmq's and the journal's writer use the counts of bytes.
 * Read next: loop.c, whose phases are the program. */
#ifndef CASEMILL_BROKER_SHELL_H
#define CASEMILL_BROKER_SHELL_H

#include "broker/body.h"
#include "broker/core.h"
#include "broker/journal.h"
#include "broker/outgoing.h"
#include "net/net.h"

struct shell_counts { /* since startup */
    uint64_t receipts_dropped, peers_refused, keys_refused, lanes_refused, clock_jumps;
    uint64_t batches_refused; /* before they came to the core, which counts its own */
};
struct shell {
    struct net_socket *sockets[WIRE_SOCKET_COUNT];
    struct net_wake *wake; /* ends the wait for input */
    struct journal *journal;
    struct core *core;
    int64_t now;   /* monotonic ms, read once a turn */
    bool more;     /* a phase stopped at its bound: do not wait */
    bool stopping; /* a TERM was seen */
    uint64_t memory_bytes_max;
    struct blob_account bodies;
    struct outgoing_receipts receipts; /* of the intake socket */
    struct outgoing work;              /* of the worker socket */
    struct core_stats stats;           /* when these actions began */
    struct shell_counts counts;
    struct arena arena;         /* of the message that is being read */
    struct net_message message; /* that is being read */
    struct buf head;            /* of the message being sent */
};

#endif
