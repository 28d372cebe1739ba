/* See case_name.h. */
#include "cli/case_name.h"

#include <stdlib.h>
#include <string.h>

enum { REVISION_DIGITS_MAX = 10 };

bool case_revision_is_valid(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= REVISION_DIGITS_MAX && text[digits] == '\0' &&
           strtoll(text, NULL, 10) <= INT32_MAX;
}

struct case_name case_name_split(const char *text) {
    const char *slash = strchr(text, '/');
    const char *id = slash == NULL ? text : slash + 1;
    const char *at = strrchr(id, '@');
    struct case_name name = {.source = span_make((const uint8_t *)text, (size_t)(id - text)),
                             .case_id = span_str(id)};
    if (slash != NULL) {
        name.source.len--;
    }
    if (at != NULL && case_revision_is_valid(at + 1)) {
        name.case_id.len = (size_t)(at - id);
        name.revision = span_str(at + 1);
    }
    return name;
}
