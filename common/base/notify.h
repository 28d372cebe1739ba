/* Purpose: reports to the service manager that started the program: systemd with Type=notify.  The
 * manager learns that the program is ready, reloads or stops, and at half the watchdog's interval
 * that its loop turns.  Without NOTIFY_SOCKET every function does nothing.
 * Protocol: one datagram of lines KEY=VALUE for each report; sd_notify(3) defines it as stable.
 * Never: waits for the manager.
 * Threads: the program's main loop. */
#ifndef CASEMILL_BASE_NOTIFY_H
#define CASEMILL_BASE_NOTIFY_H

#include "base/diag.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd;                   /* -1: no service manager */
    struct sockaddr_un to;    /* the manager may make the socket again, so it is not connected */
    socklen_t to_bytes;       /* of `to` */
    int64_t beat_ms;          /* half of the watchdog's interval; 0: no watchdog */
    int64_t due_ms;           /* monotonic: the next beat */
    bool stopping, is_failed; /* is_failed: the last report was not delivered, and this is logged */
};

/* notify_open reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
 * Errors: ERR_INVALID a variable that systemd does not write; ERR_SYSTEM no descriptor. */
MUST_USE enum err notify_open(struct notify *notify, struct diag *diag);
/* notify_ready: the start, or a reload, is complete.  status: one line for `systemctl status`. */
void notify_ready(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify); /* notify_ready ends it */
void notify_stopping(struct notify *notify);  /* the first call reports, later calls do nothing */
/* notify_beat belongs into the loop whose hang the watchdog ends.  Call it in every turn. */
void notify_beat(struct notify *notify, int64_t now_ms);
void notify_close(struct notify *notify);

#endif
