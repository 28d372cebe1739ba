/* Purpose: which peers are allowed: the broker's key, a keyring for each socket, and which sockets
 * require keys.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_KEYS_H
#define CASEMILL_BROKER_KEYS_H

#include "broker/shell.h"
#include "net/guard.h"
#include "settings/settings.h"

struct keys {
    struct net_guard *guard;            /* NULL: no keys */
    struct net_curve curve;             /* the broker's own key */
    bool are_wanted[WIRE_SOCKET_COUNT]; /* at this socket */
    uint64_t faults_logged[WIRE_SOCKET_COUNT];
};

MUST_USE enum err keys_check_endpoint(const struct settings *settings, enum wire_socket which,
                                      const char *endpoint, struct diag *diag);
/* keys_check reads every key file; report (or NULL) gets the keys that would be used. */
MUST_USE enum err keys_check(const struct settings *settings, struct buf *report,
                             struct diag *diag);
MUST_USE enum err keys_open(struct keys *keys, struct net *net, const struct settings *settings,
                            struct diag *diag);
/* keys_curve: with what the socket is bound; NULL: without keys. */
const struct net_curve *keys_curve(struct keys *keys, enum wire_socket which, const char *endpoint);
/* keys_admit: false when the key of shell->message is not (any more) allowed; name is the key's,
 * empty on a socket without keys. */
bool keys_admit(const struct keys *keys, struct shell *shell, enum wire_socket which,
                struct span *name);
/* keys_step answers handshakes and logs those that failed. */
void keys_step(struct keys *keys, struct shell *shell);
/* keys_reload: on a fault, which it logs, the old ones stay.  Errors: as net_keyring_read. */
MUST_USE enum err keys_reload(struct keys *keys, const struct settings *fresh, struct diag *diag);
const char *keys_socket_name(enum wire_socket which); /* "intake", "worker", "control" */

#endif
