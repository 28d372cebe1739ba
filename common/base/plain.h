/* Purpose: all output to a terminal.  Names of sources and workers, titles of rules, settings,
 * paths and server messages may come from outside.  They may hold characters that move the cursor,
 * colour the text, reverse its direction or hide.  Such characters, and bytes that are not UTF-8,
 * are shown as '?'. Never: changes harmless characters.  Nothing else prints to a stream
 * (tests/unit/check_words.sh checks this). */
#ifndef CASEMILL_BASE_PLAIN_H
#define CASEMILL_BASE_PLAIN_H

#include "base/buf.h"

#include <stdio.h>

/* plain_text appends a text of one line; a newline or tab in it is a '?' as well. */
void plain_text(struct buf *out, const char *text);
/* plain_lines appends lines; their newlines and tabs are kept. */
void plain_lines(struct buf *out, struct span lines);
/* plain_print and plain_printf write such lines.  Write errors show when the program flushes the
 * stream. */
void plain_print(FILE *to, struct span lines);
void plain_printf(FILE *to, const char *format, ...) PRINTF_LIKE(2, 3);
/* plain_json writes JSON; such characters in its strings become escapes, so its meaning is the
 * same. */
void plain_json(FILE *to, struct span json);
/* plain_exact writes bytes unchanged for another program, unless `to` is a terminal. */
void plain_exact(FILE *to, struct span bytes);
/* plain_redraw writes a line over the last one of a terminal, without ending it. */
void plain_redraw(FILE *to, struct span line);
/* plain_cell appends the text and pads it with spaces to `width` characters: on the left, or on the
 * right if width is negative, as printf does. */
void plain_cell(struct buf *out, const char *text, int width);
/* plain_columns counts UTF-8 characters; each counts as one column. */
size_t plain_columns(struct span text);
/* plain_cut returns at most the first `columns` characters. */
struct span plain_cut(struct span text, size_t columns);

/* plain_next reads the character at `at`, which is within the text.  It returns its bytes and sets
 * *code to its number; 1 and PLAIN_NO_CODE if it is not UTF-8.  plain_is_shown: whether it is
 * harmless. */
#define PLAIN_NO_CODE UINT32_MAX
size_t plain_next(struct span text, size_t at, uint32_t *code);
bool plain_is_shown(uint32_t code);
/* plain_escape appends a character as JSON escapes it: \u202e, two of them above U+FFFF. */
void plain_escape(struct buf *out, uint32_t code);

#endif
