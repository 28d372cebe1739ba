/* Purpose: the broker: the phases of its turn in one struct, its startup, reload and shutdown.
 * Threads: one thread owns it all.  Read next: loop.c, whose phases are the program. */
#ifndef CASEMILL_BROKER_BROKER_H
#define CASEMILL_BROKER_BROKER_H

#include "broker/actions.h"
#include "broker/control.h"
#include "broker/doors.h"
#include "broker/intake.h"
#include "broker/lanes.h"

#include <signal.h>

struct loop {              /* loop.c's own */
    int64_t wall_ahead_us; /* of the monotonic clock */
    int64_t stop_deadline; /* when stopping */
    int64_t trim_due;
    bool trims_again;
    uint32_t trimmed; /* batches that were packed at the last trim */
    uint64_t silent_logged;
    bool is_failure_seen, is_full_logged;
    bool is_rows_logged; /* that rows wait for a lane that takes them */
};
struct broker {
    struct shell shell;
    struct doors doors;
    struct keys keys;
    struct intake intake;
    struct lanes lanes;
    struct online_verify verify;
    struct actions actions;
    struct status status;
    struct loop loop;
    struct net *net;
    struct http *http;               /* NULL: off */
    const struct settings *settings; /* borrowed: as last read, for what a HUP may change */
};

/* settings live as long as the broker.  broker_open takes directory, ports and journal; on failure
 * diag has one line for a person. Errors: ERR_INVALID, ERR_DENIED, ERR_BUSY, ERR_FULL, ERR_CORRUPT,
 * ERR_IO. */
MUST_USE enum err broker_open(const struct settings *settings, struct broker **broker,
                              struct diag *diag);
/* broker_reload takes what a HUP may change out of fresh, which then lives as long as the broker,
 * or until the next.  Errors: as broker_check_values and keys_reload: nothing is taken. */
MUST_USE enum err broker_reload(struct broker *broker, const struct settings *fresh,
                                struct diag *diag);
void broker_close(struct broker **broker);
void broker_log_ready(const struct broker *broker); /* PROGRAM_READY, with the addresses */
void broker_ready_line(const struct broker *broker, struct buf *out);
/* loop.c.  broker_turn is one turn; false when a stop has run its course.  stop: signals so far. */
bool broker_turn(struct broker *broker, sig_atomic_t stop);

#endif
