/* Purpose: the options of casemill-worker, for its --help and casemill-worker(8). */
#ifndef CASEMILL_WORKER_OPTIONS_TABLE_H
#define CASEMILL_WORKER_OPTIONS_TABLE_H

#include "settings/program.h"

static const struct program_option WORKER_OPTIONS[] = {
    {"--config", "FILE", "settings; without it the defaults and the variables CASEMILL_*"},
    {"--check", NULL, "print the settings in use, try a start, then exit with 0 or 1"},
    {"--version", NULL, "print the version"},
    {"--help", NULL, "print this text"},
    {NULL, NULL, NULL},
};

#endif
