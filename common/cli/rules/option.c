/* See rules/option.h. */
#include "cli/rules/option.h"

#include "base/mem.h"
#include "base/plain.h"
#include "cli/database.h"
#include "cli/rules/stored_ruleset.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CASEMILL_CONFIG_DIR
#define CASEMILL_CONFIG_DIR "/etc/casemill"
#endif

/* set may be NULL. */
static int load_dir(const struct options *options, const char *dir, const struct option_list *set,
                    struct ruleset **ruleset) {
    struct buf source = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, set == NULL ? NULL : set->texts,
                                    set == NULL ? 0 : set->count, ruleset, &source, &diag);
    int code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, buf_span(&source));
    buf_free(&source);
    return code;
}

int rules_option_load(const struct options *options, const char *dir, struct ruleset **ruleset) {
    struct option_list set = option_list(options, "--set");
    int code = load_dir(options, dir, &set, ruleset);
    mem_free(set.texts);
    return code;
}

int rules_option_either(const struct options *options, const char *name, bool with_set,
                        struct ruleset **ruleset) {
    struct stat status;
    if (stat(name, &status) == 0 || !stored_ruleset_is_id(name)) {
        return with_set ? rules_option_load(options, name, ruleset)
                        : load_dir(options, name, NULL, ruleset);
    }
    struct db *db = NULL;
    struct diag diag = {0};
    int code = database_open(options, DATABASE_PLACED, &db);
    if (code == EXIT_DONE && stored_ruleset_load(db, name, ruleset, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    }
    db_close(&db);
    return code;
}

const char *rules_default_dir(void) {
    bool is_installed = access("config/case.yaml", F_OK) != 0 &&
                        access(CASEMILL_CONFIG_DIR "/case.yaml", F_OK) == 0;
    return is_installed ? CASEMILL_CONFIG_DIR : "config";
}

const char *rules_option_dir(const struct options *options) {
    return option_operand_count(options) == 0 ? rules_default_dir() : option_operand(options, 0);
}

bool rules_option_failed(struct ruleset *ruleset) {
    uint32_t passed = 0;
    uint32_t failed = 0;
    struct buf report = BUF_EMPTY;
    ruleset_test(ruleset, &passed, &failed, &report);
    if (failed > 0) {
        plain_printf(stderr, "%s%" PRIu32 " passed, %" PRIu32 " failed\n", buf_cstr(&report),
                     passed, failed);
    }
    buf_free(&report);
    return failed > 0;
}
