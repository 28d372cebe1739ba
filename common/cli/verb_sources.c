/* `casemill sources`: the intake systems of a broker, and their queued cases. */
#include "cli/control_table.h"

static const struct control_column COLUMNS[] = {
    {"source", "SOURCE", -24},       {"weight", "WEIGHT", 6},
    {"accepted", "ACCEPTED", 12},    {"done", "DONE", 12},
    {"queued.urgent", "URGENT", 10}, {"queued.normal", "NORMAL", 10},
    {"queued.bulk", "BULK", 10},     {0},
};

static int sources_run(const struct options *options) {
    return control_table_run(options, "SOURCES", COLUMNS);
}

const struct verb verb_sources = {
    .name = "sources",
    .summary = "show the sources, their weights and queued cases",
    .operands = "",
    .rows = NO_OPTIONS,
    .run = sources_run,
};
