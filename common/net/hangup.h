/* Purpose: keeps libzmq alive when a peer hangs up while libzmq has stopped reading from it.  It
 * also limits the bytes that libzmq reads of a connection before the program takes them.
 * Why: libzmq stops reading a connection whose messages nobody takes (high-water mark).  epoll
 * reports a hang-up all the same.  libzmq then marks the connection as broken, and its next message
 * there (a heartbeat, the reply to a PING) is a failed assertion: the program aborts.  All versions
 * have this fault.  And libzmq's only limit counts messages, of any size.
 * How: a program that calls hangup_start defines epoll_ctl, epoll_wait, send, recv and accept4
 * itself, so that the shared libzmq calls these.  They work like libc's, with two exceptions.  They
 * report a hang-up only as the event that libzmq waits for: readable or writable.  At the limit
 * they report no input until there is room again.  The calls of all other libraries pass unchanged.
 * Never: for a library.  A library must not define such symbols; its sockets have no receive mark
 * and never stop reading (net_dealer_connect).  Threads: any. */
#ifndef CASEMILL_NET_HANGUP_H
#define CASEMILL_NET_HANGUP_H

#include "base/diag.h"

#include <stdint.h>

/* hangup_start begins to guard libzmq and proves it: it makes and closes a context and a socket,
 * and libzmq must have called these functions.
 * Errors: ERR_SYSTEM libzmq does not call them, with one line in diag; the program must not
 * continue.
 * Order: before the first net_open of the program. */
MUST_USE enum err hangup_start(struct diag *diag);

/* How often libzmq called, and how often a hang-up was hidden because libzmq waited for nothing. */
struct hangup_counts {
    uint64_t ctl, wait, hidden;
};
void hangup_counts(struct hangup_counts *counts);

#endif
