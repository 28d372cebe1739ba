/* Purpose: one setting's value, read from text. */
#ifndef CASEMILL_SETTINGS_SETTINGS_PRIV_H
#define CASEMILL_SETTINGS_SETTINGS_PRIV_H

#include "base/arena.h"
#include "settings/settings.h"

enum setting_from { FROM_NOWHERE, FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT };

struct setting {
    const char *text;         /* as written; of a list: its items, separated by commas */
    const char *const *items; /* of a list */
    uint32_t item_count;
    int64_t number; /* of a bool: 0 or 1 */
    enum setting_from from;
    uint32_t line, column; /* FROM_FILE: its location */
};

enum { SETTING_WANTED_BYTES = 128 };

/* setting_read parses text for this row into *setting; on failure `wanted` is the expected form.
 * Errors: ERR_INVALID, *setting unchanged.  Ownership: the arena owns the bytes that *setting
 * points to. */
MUST_USE enum err setting_read(const struct setting_row *row, struct span text, struct arena *arena,
                               struct setting *setting, char wanted[SETTING_WANTED_BYTES]);

#endif
