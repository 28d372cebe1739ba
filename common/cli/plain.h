/* Purpose: what others chose (names of sources and workers, ids and facts of cases) on a person's
 * terminal: what would move its cursor, colour it or break a table is shown as '?'. */
#ifndef CASEMILL_CLI_PLAIN_H
#define CASEMILL_CLI_PLAIN_H

#include "base/buf.h"

#include <stdio.h>

/* plain_text appends the text, each control character of it as one '?'. */
void plain_text(struct buf *out, const char *text);
/* plain_print writes lines so, their newlines kept. */
void plain_print(FILE *to, struct span lines);
/* plain_cell appends the text so and fills up to `width` characters with blanks: before it, or
 * behind it when width is negative, as printf does. */
void plain_cell(struct buf *out, const char *text, int width);
/* plain_columns counts characters of UTF-8; each is taken to be one column wide. */
size_t plain_columns(struct span text);
/* plain_cut gives the text's beginning, at most `columns` characters. */
struct span plain_cut(struct span text, size_t columns);

#endif
