/* Purpose: a terminal for a page that is redrawn.  Its modes, cursor and text are restored at the
 * end.  Plain ANSI, no library. Signals: INT, TERM, HUP, QUIT, TSTP and WINCH come through a
 * descriptor while it is open, so that none leaves the terminal changed. */
#ifndef CASEMILL_CLI_TOP_SCREEN_H
#define CASEMILL_CLI_TOP_SCREEN_H

#include "cli/top/view.h"

#include <stdbool.h>

struct top_screen;

enum top_event { TOP_NOTHING, TOP_REDRAW, TOP_END };

/* top_screen_open blocks the signals; if standard output is a terminal and is_plain is false, it is
 * taken over.  Order: before any thread starts. */
struct top_screen *top_screen_open(bool is_plain);
void top_screen_close(struct top_screen **screen); /* restores the terminal */
bool top_screen_is_drawn(const struct top_screen *screen);
void top_screen_size(struct top_size *size);
/* top_screen_fds: descriptors to wait for: signals, and keys or -1. */
void top_screen_fds(const struct top_screen *screen, int fds[2]);
/* top_screen_read reads the pending signals and keys: q, Ctrl-C and a lost terminal are TOP_END;
 * Ctrl-Z restores the terminal until the program continues. */
enum top_event top_screen_read(struct top_screen *screen);
/* top_screen_draw replaces the last lines.  Errors: ERR_IO. */
MUST_USE enum err top_screen_draw(struct top_screen *screen, struct span lines);

#endif
