/* The one table of SQLSTATE prefixes. */
#include "db/sqlstate.h"

#include "base/check.h"

#include <string.h>

static const struct row {
    const char *prefix;
    enum err err;
    const char *text;
} ROWS[] = {
#define SQLSTATE_ROW(prefix, err, text) {prefix, ERR_##err, text},
    SQLSTATE_TABLE(SQLSTATE_ROW)
#undef SQLSTATE_ROW
};

static const struct row *find(const char *sqlstate) {
    const struct row *best = NULL;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        size_t len = strlen(ROWS[i].prefix);
        if (strncmp(sqlstate, ROWS[i].prefix, len) == 0 &&
            (best == NULL || len > strlen(best->prefix))) {
            best = &ROWS[i];
        }
    }
    return best;
}

enum err sqlstate_err(const char *sqlstate) {
    if (sqlstate == NULL || sqlstate[0] == '\0') {
        return ERR_CONNECTION;
    }
    const struct row *row = find(sqlstate);
    return row == NULL ? ERR_BUSY : row->err;
}

const char *sqlstate_text(const char *sqlstate) {
    if (sqlstate == NULL || sqlstate[0] == '\0') {
        return "connection lost";
    }
    const struct row *row = find(sqlstate);
    return row == NULL ? "error of the server" : row->text;
}
