/* Purpose: one request to a broker's control socket and its answer, for the operator's verbs. */
#ifndef CASEMILL_CLI_CONTROL_ASK_H
#define CASEMILL_CLI_CONTROL_ASK_H

#include "base/buf.h"
#include "base/diag.h"
#include "cli/verb.h"
#include "net/net.h"
#include "wire/wire.h"

enum { CONTROL_WAIT_MS = 5000 };

struct control_peer { /* borrowed from the options */
    const char *endpoint;
    const char *key, *broker_key; /* files; "": none; only for tcp */
};
struct control_peer control_peer(const struct options *options);

/* control_ask sends the verb with its arguments (a JSON text, "" for none) and appends the answer's
 * JSON to reply. Errors: ERR_INVALID the address; as net_curve_read; ERR_TIMEOUT no answer in
 * wait_ms; ERR_DENIED the broker denied the request or has no such verb: diag has its text.
 * ERR_VERSION the answer cannot be read. */
MUST_USE enum err control_ask(const struct control_peer *peer, const char *verb,
                              const char *arguments, int64_t wait_ms, struct buf *reply,
                              struct diag *diag);

/* control_order sends a verb with all that belongs to it.  Errors: as control_ask. */
MUST_USE enum err control_order(const struct control_peer *peer, const struct wire_control *order,
                                struct buf *reply, struct diag *diag);

/* control_show asks a verb and prints the answer: as cli/answer.h with --json, else by print, whose
 * errors are the verb's.  Returns the verb's exit code. */
typedef enum err (*control_print_fn)(struct span json, struct diag *diag);
int control_show(const struct options *options, const char *verb, int64_t wait_ms,
                 control_print_fn print);
void control_print_json(const struct buf *reply); /* for --json */

/* control_reach reports a broker that does not answer.  Errors: as control_ask. */
MUST_USE enum err control_reach(const struct control_peer *peer, struct diag *diag);
/* control_do sends a WIRE_REAPPLY or WIRE_RETRY until the broker has done it; a resend is safe,
 * because the batch is the same.  The body is MessagePack, one value after another, in at most
 * WIRE_CONTROL_BODY_BYTES_MAX bytes.  reply is the last answer alone.
 * Errors: as control_ask; ERR_BUSY, ERR_TIMEOUT not done in ten minutes. */
MUST_USE enum err control_do(const struct control_peer *peer, const struct wire_message *asked,
                             struct span body, struct buf *reply, struct diag *diag);

/* The two halves of control_ask, over an open connection: control_send sends a verb without
 * arguments; control_read reads an answer's head frame.  Errors: ERR_CONNECTION; of control_read as
 * of control_ask. */
MUST_USE enum err control_send(struct net_socket *socket, const char *verb, struct diag *diag);
MUST_USE enum err control_read(struct span head, struct buf *reply, struct diag *diag);

#endif
