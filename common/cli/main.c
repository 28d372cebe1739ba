/* The casemill command: only the table of its verbs. */
#include "base/log.h"
#include "cli/verb.h"
#include "cli/verb_table.h"

int main(int argc, char **argv) {
    static const struct verb *const VERBS[] = {
#define VERB_ROW(name) &verb_##name,
        VERB_TABLE(VERB_ROW)
#undef VERB_ROW
            NULL,
    };
    log_setup(&(struct log_options){.program = "casemill", .level_min = LOG_INFO});
    return verb_main(VERBS, COUNT_OF(VERBS) - 1, argc, argv);
}
