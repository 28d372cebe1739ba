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

/* control_reapply sends asked->count triples [source, case_id, revision], MessagePack, one after
 * another: at most WIRE_CASES_MAX in WIRE_CONTROL_BODY_BYTES_MAX bytes.  The answer comes when they
 * are on the broker's disk, or, with ack outcome, when they are done; a resend is safe. Errors: as
 * control_ask; ERR_BUSY the broker cannot accept them now: diag has the retry time. */
MUST_USE enum err control_reapply(const struct control_peer *peer, const struct wire_reapply *asked,
                                  struct span triples, int64_t wait_ms, struct buf *reply,
                                  struct diag *diag);

/* control_retry does the same with the numbers of asked->count dead letters. */
MUST_USE enum err control_retry(const struct control_peer *peer, const struct wire_retry *asked,
                                struct span numbers, int64_t wait_ms, struct buf *reply,
                                struct diag *diag);

/* The two halves of control_ask, over an open connection: control_send sends a verb without
 * arguments; control_read reads an answer's head frame.  Errors: ERR_CONNECTION; of control_read as
 * of control_ask. */
MUST_USE enum err control_send(struct net_socket *socket, const char *verb, struct diag *diag);
MUST_USE enum err control_read(struct span head, struct buf *reply, struct diag *diag);

#endif
