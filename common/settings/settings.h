/* Purpose: settings from a YAML file and the environment, held against one table per program.
 * Keys are "section.name".  CASEMILL_SECTION_NAME overrides (lists split at commas).  An unknown key or
 * variable, a bad unit, an out-of-range value refuses to start, with file:line and the nearest key. */
#ifndef CASEMILL_SETTINGS_SETTINGS_H
#define CASEMILL_SETTINGS_SETTINGS_H

#include "base/diag.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum setting_type { SETTING_STRING, SETTING_LIST, SETTING_INT, SETTING_BYTES, SETTING_MS, SETTING_BOOL };

struct setting_row {
    const char *key;
    enum setting_type type;
    const char *fallback; /* default as it would be written; NULL: required */
    int64_t min, max;     /* of numbers: bytes accept KiB MiB GiB, ms accept ms s min */
    bool reloadable;
    const char *help; /* one line */
};

struct settings;
/* settings_load: path may be NULL (defaults and environment only).  environ_block: NULL-terminated "K=V".
 * other_sections: sections of casemill's other programs, whose variables are ignored.
 * Errors: ERR_INVALID, ERR_NOT_FOUND. */
MUST_USE enum err settings_load(const struct setting_row *rows, uint32_t count, const char *path,
                                char *const *environ_block, const char *const *other_sections,
                                struct settings **settings, struct diag *diag);
void settings_free(struct settings **settings);
const char *settings_str(const struct settings *settings, const char *key); /* "" when empty */
int64_t settings_int(const struct settings *settings, const char *key);     /* also bytes and ms */
bool settings_bool(const struct settings *settings, const char *key);
uint32_t settings_list(const struct settings *settings, const char *key, const char *const **items);
void settings_print(const struct settings *settings, struct buf *out); /* for --check */

#endif
