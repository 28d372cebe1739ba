/* Purpose: what the pages in a browser share: page.css and page.js in http/page, which the build
 * makes arrays.  A program has its own HTML at /, which marks what it shows:
 *
 *   data-field="NAME"    the member NAME of /status; data-unit and data-good say how
 *   data-rate="NAME"     how fast it grows, per second
 *   data-trend="NAME"    a line of that rate over five minutes
 *   data-part, data-whole="NAME"   a meter of two members
 *   data-rows="NAME"     a table of a list of objects; each th has data-column */
#ifndef CASEMILL_HTTP_PAGE_H
#define CASEMILL_HTTP_PAGE_H

#include "base/span.h"
#include "http/http.h"

extern const unsigned char PAGE_STYLE[];
extern const size_t PAGE_STYLE_BYTES;
extern const unsigned char PAGE_SCRIPT[];
extern const size_t PAGE_SCRIPT_BYTES;

/* page_serve fills the reply for /, /page.css or /page.js.  False: another path. */
bool page_serve(const char *path, struct span html, struct http_reply *reply);

#endif
