/* `casemill workers`: the lanes of a broker, by worker. */
#include "cli/control_table.h"

static const struct control_column COLUMNS[] = {
    {"name", "WORKER", -24},          {"lane", "LANE", -36},         {"phase", "PHASE", -10},
    {"held_cases", "IN FLIGHT", 9},   {"credit_cases", "CREDIT", 8}, {"done", "DONE", 12},
    {"heard_ms", "LAST BEAT MS", 12}, {"retiring", "RETIRING", 8},   {0},
};

static int workers_run(const struct options *options) {
    return control_table_run(options, "WORKERS", COLUMNS);
}

const struct verb verb_workers = {
    .name = "workers",
    .summary = "show the workers' lanes and their work in flight",
    .operands = "",
    .rows = NO_OPTIONS,
    .run = workers_run,
};
