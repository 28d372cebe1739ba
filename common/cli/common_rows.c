/* See common_rows.h. */
#include "cli/common_rows.h"

const struct option_row common_rows[] = {
    {"--broker", "ADDRESS,...", "the broker's intake socket; of several, the next when one fails"},
    {"--control", "ADDRESS", "the broker's control socket"},
    {"--key", "FILE", "the sender's secret key, if the broker requires keys"},
    {"--broker-key", "FILE", "the broker's public key"},
    {"--db", "CONNINFO", "PostgreSQL, as libpq reads it"},
    {"--json", NULL, "print JSON instead of text"},
    {"--help", NULL, "print this text"},
    {NULL, NULL, NULL},
};
