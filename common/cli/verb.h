/* Purpose: one file for each verb: its function, its options, its help; verb_table.h lists them.
 * Exit codes: 0 done, 1 failed, 2 usage; submit also has 3: done, but some cases are dead
 * letters. */
#ifndef CASEMILL_CLI_VERB_H
#define CASEMILL_CLI_VERB_H

#include "base/buf.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DEAD = 3 };

/* A verb's options, one row each: "--cases N" has argument "N"; a flag has NULL.  Every verb has
 * --help and --json. */
struct option_row {
    const char *name;     /* "--cases" */
    const char *argument; /* "N" or NULL */
    const char *help;
};
struct options; /* parsed command line */

struct verb {
    const char *name;              /* "submit" or "rules check" (two words) */
    const char *summary;           /* one line */
    const char *operands;          /* for the usage line: "FILE..." or "" */
    const struct option_row *rows; /* ends with a NULL name */
    const char *notes;             /* after the options in its help; NULL: none */
    int (*run)(const struct options *options);
};

const char *option_str(const struct options *options, const char *name, const char *fallback);
bool option_flag(const struct options *options, const char *name);
/* option_int prints a usage line and returns ERR_INVALID when the text is not a number in range. */
MUST_USE enum err option_int(const struct options *options, const char *name, int64_t fallback,
                             int64_t min, int64_t max, int64_t *value);
/* option_date reads YYYY-MM-DD as days since 1970; without the option and without a fallback *days
 * is unchanged.  It prints a usage line and returns ERR_INVALID when the text is no date. */
MUST_USE enum err option_date(const struct options *options, const char *name, const char *fallback,
                              int32_t *days);
/* option_list has every value of a repeatable option.  Ownership: texts is the caller's, freed by
 * mem_free. */
struct option_list {
    const char **texts;
    uint32_t count;
};
struct option_list option_list(const struct options *options, const char *name);
uint32_t option_operand_count(const struct options *options);
const char *option_operand(const struct options *options, uint32_t index);

/* Addresses: --broker, --control, --db, else CASEMILL_INTAKE_CONNECT or the broker's own
 * CASEMILL_INTAKE_BIND, CASEMILL_CONTROL_BIND, CASEMILL_POSTGRES_CONNINFO, else the default (NULL
 * for --db).  CASEMILL_BROKER_CONNECT is the workers': another socket. */
const char *option_broker(const struct options *options);
const char *option_control(const struct options *options);
const char *option_db(const struct options *options);
/* Keys: --key, --broker-key, else CASEMILL_KEYS_SECRET, CASEMILL_KEYS_BROKER, else "". */
const char *option_key(const struct options *options);
const char *option_broker_key(const struct options *options);

extern const struct option_row verb_no_options[]; /* the rows of a verb without its own */

const char *verb_name(const struct options *options);
/* verb_fail prints "casemill VERB: text" from a diag (with caret when source is given) and returns
 * EXIT_FAILED. */
int verb_fail(const struct options *options, const struct diag *diag, struct span source);
int verb_usage(const struct options *options, const char *format, ...) PRINTF_LIKE(2, 3);

/* For main.c, and for tests with a table of their own.  verb_main runs the verb that argv names and
 * returns the exit code.  Help and results go to stdout, faults to stderr; a failed write of the
 * output is EXIT_FAILED.  Ownership: all arguments are borrowed until return. */
enum { OPTIONS_MAX = 64 }; /* on one command line */
int verb_main(const struct verb *const *verbs, uint32_t verb_count, int argc, char *const *argv);

#endif
