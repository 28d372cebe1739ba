/* Purpose: the one way to a person's terminal.  Names of sources and workers, titles of rules,
 * settings, paths, a server's words: all of it may come from outside, and may hold what moves the
 * cursor, colours the text, turns its direction round or hides a character.  Such characters, and
 * bytes that are not UTF-8, are shown as '?'.
 * Never: changes what is harmless.  tests/unit/check_words.sh holds the programs to it: nothing
 * else prints to a stream. */
#ifndef CASEMILL_BASE_PLAIN_H
#define CASEMILL_BASE_PLAIN_H

#include "base/buf.h"

#include <stdio.h>

/* plain_text appends a text of one line; a newline or tab in it is a '?' as well. */
void plain_text(struct buf *out, const char *text);
/* plain_lines appends lines; their newlines and tabs are kept. */
void plain_lines(struct buf *out, struct span lines);
/* plain_print and plain_printf write lines so.  What could not be written shows when the program
 * flushes the stream. */
void plain_print(FILE *to, struct span lines);
void plain_printf(FILE *to, const char *format, ...) PRINTF_LIKE(2, 3);
/* plain_json writes JSON, in whose strings such characters become escapes: the same JSON. */
void plain_json(FILE *to, struct span json);
/* plain_exact writes bytes that another program reads as they are, unless `to` is a terminal. */
void plain_exact(FILE *to, struct span bytes);
/* plain_redraw writes a line over the last one of a terminal, without ending it. */
void plain_redraw(FILE *to, struct span line);
/* plain_cell appends the text so and fills up to `width` characters with blanks: before it, or
 * behind it when width is negative, as printf does. */
void plain_cell(struct buf *out, const char *text, int width);
/* plain_columns counts characters of UTF-8; each is taken to be one column wide. */
size_t plain_columns(struct span text);
/* plain_cut gives the text's beginning, at most `columns` characters. */
struct span plain_cut(struct span text, size_t columns);

/* plain_next reads the character at `at`, which is within the text: its bytes and, in *code, its
 * number; 1 and PLAIN_NO_CODE where no UTF-8 is.  plain_is_shown: whether it is harmless. */
#define PLAIN_NO_CODE UINT32_MAX
size_t plain_next(struct span text, size_t at, uint32_t *code);
bool plain_is_shown(uint32_t code);
/* plain_escape appends a character as JSON escapes it: \u202e, two of them above U+FFFF. */
void plain_escape(struct buf *out, uint32_t code);

#endif
