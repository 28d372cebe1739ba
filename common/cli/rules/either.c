/* See rules/either.h. */
#include "cli/rules/either.h"

#include "cli/rules/stored_ruleset.h"

#include <sys/stat.h>

static int load_plain(const struct options *options, const char *dir, struct ruleset **ruleset) {
    struct buf source = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, NULL, 0, ruleset, &source, &diag);
    int code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, buf_span(&source));
    buf_free(&source);
    return code;
}

int rules_either_load(const struct options *options, const char *name, bool with_set,
                      struct ruleset **ruleset) {
    struct stat status;
    if (stat(name, &status) == 0 || !stored_ruleset_is_id(name)) {
        return with_set ? rules_option_load(options, name, ruleset)
                        : load_plain(options, name, ruleset);
    }
    const char *conninfo = option_db(options);
    if (conninfo == NULL) {
        return verb_usage(options, "which database? --db CONNINFO or CASEMILL_POSTGRES_CONNINFO");
    }
    struct db *db = NULL;
    struct diag diag = {0};
    enum err err = db_open(conninfo, "casemill rules", &db, &diag);
    err = err == ERR_OK ? db_check_tables(db, false, &diag) : err;
    if (err == ERR_OK) {
        err = stored_ruleset_load(db, name, ruleset, &diag);
    }
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}
