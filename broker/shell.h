/* Purpose: what every phase of the broker's turn needs. What one phase alone needs is in the header
 * of its file.  Threads: the loop's; libzmq's and the journal's writer use the counts of bytes.
 * Read next: loop.c, whose phases are the program. */
#ifndef CASEMILL_BROKER_SHELL_H
#define CASEMILL_BROKER_SHELL_H

#include "broker/body.h"
#include "broker/core.h"
#include "broker/journal.h"
#include "broker/operator_state.h"
#include "broker/outgoing.h"
#include "net/net.h"

#define SHELL_REASON(id, word) SHELL_REASON_##id,
enum { WIRE_REASONS(SHELL_REASON) SHELL_REASONS };
#undef SHELL_REASON
#define SHELL_BUSY(id, word) SHELL_BUSY_##id,
enum { WIRE_BUSY_REASONS(SHELL_BUSY) SHELL_BUSY_REASONS };
#undef SHELL_BUSY
struct shell_counts { /* since startup */
    uint64_t receipts_dropped, keys_refused, lanes_refused, clock_jumps;
    uint64_t batches_refused; /* before they came to the core, which counts its own */
    uint64_t peers_refused[WIRE_SOCKET_COUNT];
    uint64_t refused[SHELL_REASONS]; /* batches, by enum wire_reason, the core's too */
    uint64_t busy[SHELL_BUSY_REASONS];
};
struct shell_times {         /* of batches and deliveries */
    struct histogram accept; /* from its arrival until a batch is durable */
    struct histogram done;   /* from its acceptance until a batch's last case is committed */
    struct histogram queue;  /* from its batch's acceptance until a delivery is first sent */
};
struct shell {
    struct net_socket *sockets[WIRE_SOCKET_COUNT];
    struct net_wake *wake; /* ends the wait for input */
    struct journal *journal;
    struct core *core;
    struct operator_state operators; /* what they have ordered */
    int64_t now;                     /* monotonic ms, read once a turn */
    int64_t now_us, wall_us;         /* the same, monotonic and since 1970 */
    bool more;                       /* a phase stopped at its bound: do not wait */
    bool stopping;                   /* a TERM was seen */
    uint64_t memory_bytes_max;
    struct blob_account bodies;
    struct outgoing_receipts receipts; /* of the intake socket */
    struct outgoing work;              /* of the worker socket */
    struct core_stats stats;           /* when these actions began */
    struct shell_counts counts;
    struct shell_times times;
    struct arena arena;         /* of the message that is being read */
    struct net_message message; /* that is being read */
    struct buf head;            /* of the message being sent */
};

#endif
