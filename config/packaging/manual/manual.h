/* Purpose: the language of man, and the page of the settings.  Read next: manual.c. */
#ifndef CASEMILL_MANUAL_MANUAL_H
#define CASEMILL_MANUAL_MANUAL_H

#include "base/buf.h"

void manual_section(struct buf *out, const char *title);
void manual_line(struct buf *out, const char *text); /* escaped, and a newline */
/* manual_option begins a paragraph with a name in bold and its argument. */
void manual_option(struct buf *out, const char *name, const char *argument);

/* settings.c: what casemill.yaml(5) has after its head. */
void manual_settings(struct buf *out);

#endif
