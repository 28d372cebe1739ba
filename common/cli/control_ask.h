/* Purpose: one question to a broker's control socket and its answer, for the operator's verbs. */
#ifndef CASEMILL_CLI_CONTROL_ASK_H
#define CASEMILL_CLI_CONTROL_ASK_H

#include "base/buf.h"
#include "base/diag.h"

enum { CONTROL_WAIT_MS = 5000 };

/* control_ask sends the verb with its arguments (a JSON text, "" for none) and appends the answer's
 * JSON to reply. Errors: ERR_INVALID the address; ERR_TIMEOUT no answer in wait_ms; ERR_DENIED the
 * broker said no, or does not know the verb: diag has its words; ERR_VERSION the answer cannot be
 * read. */
MUST_USE enum err control_ask(const char *endpoint, const char *verb, const char *arguments,
                              int64_t wait_ms, struct buf *reply, struct diag *diag);

#endif
