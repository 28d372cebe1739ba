/* Purpose: a terminal taken over for a page that is drawn again and again, and given back as it
 * was: its modes, its cursor, its text.  Plain ANSI, no library.
 * Signals: INT, TERM, HUP, QUIT, TSTP and WINCH come through a descriptor while it is open, so that
 * none of them leaves the terminal behind. */
#ifndef CASEMILL_CLI_TOP_SCREEN_H
#define CASEMILL_CLI_TOP_SCREEN_H

#include "cli/top/view.h"

#include <stdbool.h>

struct top_screen;

enum top_event { TOP_NOTHING, TOP_REDRAW, TOP_END };

/* top_screen_open blocks the signals; where standard output is a terminal, and is_plain is not
 * asked for, it is taken over.  Order: before any thread starts. */
struct top_screen *top_screen_open(bool is_plain);
void top_screen_close(struct top_screen **screen); /* gives the terminal back */
bool top_screen_is_drawn(const struct top_screen *screen);
void top_screen_size(struct top_size *size);
/* top_screen_fds: of signals, and of keys or -1: to be waited for. */
void top_screen_fds(const struct top_screen *screen, int fds[2]);
/* top_screen_read takes the signals and keys that are there: q, Ctrl-C and a lost terminal are
 * TOP_END; a Ctrl-Z gives the terminal back until the program goes on. */
enum top_event top_screen_read(struct top_screen *screen);
/* top_screen_draw shows the lines in place of the last ones.  Errors: ERR_IO. */
MUST_USE enum err top_screen_draw(struct top_screen *screen, struct span lines);

#endif
