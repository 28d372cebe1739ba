/* Purpose: the options of a program, one row each, for its --help and its manual page. */
#ifndef CASEMILL_SETTINGS_PROGRAM_H
#define CASEMILL_SETTINGS_PROGRAM_H

#include <stdio.h>

struct program_option {
    const char *name;     /* "--config" */
    const char *argument; /* "FILE" or NULL */
    const char *help;
};

/* program_usage prints the options; the last row has a NULL name. */
void program_usage(FILE *to, const char *program, const struct program_option *rows);

#endif
