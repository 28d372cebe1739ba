/* Purpose: names and values for `casemill cel` from JSON: a reader of a file's object into an env
 * and its slots. Shape: plain JSON: a whole number is an int, another a double, an object a map of
 * strings.  Or a value with its type.  That is an object of one key: {"int": "1"} {"uint": "1"}
 * {"double": "1.5"} {"bytes": "00ff"} {"timestamp": ["seconds", nanos]} {"duration": ["seconds",
 * nanos]} {"map": [[key, value], ...]} {"date": "2020-01-31"} {"unknown": []}. */
#ifndef CASEMILL_CLI_CEL_VARS_H
#define CASEMILL_CLI_CEL_VARS_H

#include "cel/cel.h"

enum { CEL_VARS_MAX = PATHS_MAX };

struct cel_vars {
    struct arena arena;
    struct value slots[CEL_VARS_MAX];
    const char *names[CEL_VARS_MAX]; /* in the arena */
    uint32_t count;
};
void cel_vars_init(struct cel_vars *vars);
void cel_vars_fini(struct cel_vars *vars);
/* cel_vars_load declares every key of the file's object in env: slot i is the i-th key.
 * Errors: ERR_NOT_FOUND, ERR_IO the file; ERR_INVALID its content; ERR_TOO_LARGE. */
MUST_USE enum err cel_vars_load(struct cel_vars *vars, struct cel_env *env, const char *path,
                                struct diag *diag);

#endif
