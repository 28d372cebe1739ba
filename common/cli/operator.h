/* Purpose: the operator of a verb that is audited: the user, the host, the reason (--why), and how
 * they get into the log and into operator_actions.  User and host are what the system reports here:
 * whoever receives them cannot check them. */
#ifndef CASEMILL_CLI_OPERATOR_H
#define CASEMILL_CLI_OPERATOR_H

#include "cli/verb.h"
#include "wire/wire.h"

struct operator_self {
    char user[WIRE_NAME_MAX + 1], host[WIRE_NAME_MAX + 1];
    const char *why; /* borrowed from the options; "" when none is given */
};

/* operator_read reads --why, user and host.  missing: the usage fault of a verb that requires a
 * reason; NULL: it does not.  Errors: ERR_INVALID, already reported. */
MUST_USE enum err operator_read(const struct options *options, const char *missing,
                                struct operator_self *self);
struct wire_operator operator_wire(const struct operator_self *self); /* borrows from self */

/* operator_read_end reads --until, a moment or a time from now on: one of *for_ms and *until
 * (microseconds since 1970) is not 0, both are without the option.  Errors: ERR_INVALID, already
 * reported. */
MUST_USE enum err operator_read_end(const struct options *options, int64_t *for_ms, int64_t *until);

/* operator_log writes the line of an action that no broker logs to stderr. */
void operator_log(const struct operator_self *self, const char *kind, const char *subject);

/* operator_record adds an action at a broker to operator_actions if a database is given.  reply is
 * the broker's.  What was done is done: a fault is a warning on stderr. */
struct operator_record {
    const char *kind, *subject; /* subject may be NULL */
    const struct buf *reply;
};
void operator_record(const struct options *options, const struct operator_self *self,
                     const struct operator_record *record);

#define OPERATOR_WHY_ROW                                                                           \
    { "--why", "TEXT", "the reason, for the log and PostgreSQL" }

#endif
