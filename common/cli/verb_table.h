/* Purpose: every verb of casemill, one row each, sorted: ROW(rules_check) is `verb_rules_check` in
 * rules/verb.c or rules/verb_check.c.  Each row has its file. */
#ifndef CASEMILL_CLI_VERB_TABLE_H
#define CASEMILL_CLI_VERB_TABLE_H

#include "cli/verb.h"

/* clang-format off */
#define VERB_TABLE(ROW) \
    ROW(cel) \
    ROW(completion) \
    ROW(crash_test) \
    ROW(db_migrate) \
    ROW(db_purge) \
    ROW(dead_drop) \
    ROW(dead_export) \
    ROW(dead_list) \
    ROW(dead_retry) \
    ROW(dead_show) \
    ROW(doctor) \
    ROW(drain) \
    ROW(evaluate) \
    ROW(events) \
    ROW(explain) \
    ROW(generate) \
    ROW(keys_new) \
    ROW(keys_show) \
    ROW(pause) \
    ROW(replay) \
    ROW(report) \
    ROW(resume) \
    ROW(retire) \
    ROW(rules_activate) \
    ROW(rules_check) \
    ROW(rules_coverage) \
    ROW(rules_diff) \
    ROW(rules_fmt) \
    ROW(rules_list) \
    ROW(rules_prove) \
    ROW(rules_publish) \
    ROW(rules_show) \
    ROW(rules_test) \
    ROW(schema) \
    ROW(sources) \
    ROW(status) \
    ROW(submit) \
    ROW(top) \
    ROW(trace) \
    ROW(verify) \
    ROW(workers)

/* clang-format on */

#define VERB_EXTERN(name) extern const struct verb verb_##name;
VERB_TABLE(VERB_EXTERN)
#undef VERB_EXTERN

#endif
