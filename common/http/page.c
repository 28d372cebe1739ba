/* The files of a page by path. */
#include "http/page.h"

#include <string.h>

bool page_serve(const char *path, struct span html, struct http_reply *reply) {
    const struct {
        const char *path, *content_type;
        struct span bytes;
    } FILES[] = {
        {"/", "text/html; charset=utf-8", html},
        {"/page.css", "text/css; charset=utf-8", span_make(PAGE_STYLE, PAGE_STYLE_BYTES)},
        {"/page.js", "text/javascript; charset=utf-8", span_make(PAGE_SCRIPT, PAGE_SCRIPT_BYTES)}};
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        if (strcmp(path, FILES[i].path) == 0) {
            reply->content_type = FILES[i].content_type;
            buf_append(&reply->body, FILES[i].bytes);
            return true;
        }
    }
    return false;
}
