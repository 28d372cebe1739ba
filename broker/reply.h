/* Purpose: replies that more than one file sends. A reply that cannot be sent is dropped and
 * counted: its peer asks again.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_REPLY_H
#define CASEMILL_BROKER_REPLY_H

#include "broker/shell.h"

/* reply_send sends a message of a head frame alone.  False: it was dropped, also because a peer of
 * intake does not read. */
bool reply_send(struct shell *shell, enum wire_socket which, const struct net_route *route,
                const struct wire_message *message);
/* reply_send_with sends a body frame, too: without it if there is no room for it. */
bool reply_send_with(struct shell *shell, enum wire_socket which, const struct net_route *route,
                     const struct wire_message *message, struct span body);
void reply_refused(struct shell *shell, enum wire_socket which, const struct net_route *route,
                   const struct uuid *batch, enum wire_reason reason); /* batch may be NULL */
/* reply_control answers an operator with JSON. */
void reply_control(struct shell *shell, const struct net_route *route, bool ok, struct span json);
/* reply_accepted_fill: the fields of ACCEPTED. */
void reply_accepted_fill(const struct shell *shell, const struct uuid *batch, bool duplicate,
                         struct wire_accepted *accepted);

#endif
