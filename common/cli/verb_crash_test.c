/* `casemill crash-test DIR`: the faults that the journal must survive, tested on an operator's disk
 * by the broker's program. */
#include "cli/broker_program.h"
#include "cli/verb.h"

static int crash_test_run(const struct options *options) {
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "takes one directory, on the disk for a journal");
    }
    const char *arguments[] = {"--crash-test", option_operand(options, 0),
                               option_flag(options, "--json") ? "--json" : NULL, NULL};
    struct diag diag = {0};
    int code = 0;
    if (broker_program_run(arguments, &code, &diag) != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct verb verb_crash_test = {
    .name = "crash-test",
    .summary =
        "test a disk with the journal's faults: one line PASS or FAIL each, 256 MiB, half a minute",
    .operands = "DIR",
    .rows = NO_OPTIONS,
    .run = crash_test_run,
};
