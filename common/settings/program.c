/* See program.h. */
#include "settings/program.h"

#include "base/plain.h"

enum { HELP_COLUMN = 24 };

void program_usage(FILE *to, const char *program, const struct program_option *rows) {
    plain_printf(to, "usage: %s [OPTION...]\n\noptions:\n", program);
    for (; rows->name != NULL; rows++) {
        struct buf option = BUF_EMPTY;
        buf_printf(&option, "  %s%s%s", rows->name, rows->argument == NULL ? "" : " ",
                   rows->argument == NULL ? "" : rows->argument);
        plain_printf(to, "%-*s%s\n", HELP_COLUMN, buf_cstr(&option), rows->help);
        buf_free(&option);
    }
}
