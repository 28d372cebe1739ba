/* Purpose: the options of casemill-broker, for its --help and casemill-broker(8). */
#ifndef CASEMILL_BROKER_OPTIONS_TABLE_H
#define CASEMILL_BROKER_OPTIONS_TABLE_H

#include "settings/program.h"

static const struct program_option BROKER_OPTIONS[] = {
    {"--config", "FILE", "settings; without it the defaults and the variables CASEMILL_*"},
    {"--check", NULL, "print the settings in use, try a start, then exit with 0 or 1"},
    {"--verify", "DIR", "read a whole journal that no broker uses, as casemill verify does"},
    {"--salvage", "INTO", "with --verify: copy the undamaged batches into a new journal"},
    {"--crash-test", "DIR", "test a disk with the journal's faults, as casemill crash-test does"},
    {"--json", NULL, "with --verify or --crash-test: print JSON"},
    {"--version", NULL, "print the version"},
    {"--help", NULL, "print this text"},
    {NULL, NULL, NULL},
};

#endif
