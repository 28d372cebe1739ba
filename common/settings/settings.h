/* Purpose: settings from a YAML file and the environment, held against one table per program.
 * Keys are "section.name".  CASEMILL_SECTION_NAME overrides (lists split at commas).  An unknown
 * key or variable, a bad unit, an out-of-range value refuses to start, with file:line and the
 * nearest key. */
#ifndef CASEMILL_SETTINGS_SETTINGS_H
#define CASEMILL_SETTINGS_SETTINGS_H

#include "base/diag.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum setting_type {
    SETTING_STRING,
    SETTING_LIST,
    SETTING_INT,
    SETTING_BYTES,
    SETTING_MS,
    SETTING_BOOL
};

struct setting_row {
    const char *key;
    enum setting_type type;
    const char *fallback; /* default as it would be written; NULL: required */
    int64_t min, max;     /* of numbers: bytes accept KiB MiB GiB, ms accept ms s min */
    bool reloadable;
    const char *help; /* one line */
};

struct settings;
/* A value is written: INT 12; BYTES 1048576, 64KiB, 1 GiB; MS 250, 250ms, 10s, 2min; BOOL true or
 * false; LIST a YAML list or, in the environment and as a default, words between commas.  A number
 * without unit counts bytes or milliseconds.  An empty value is written "". settings_load: rows are
 * borrowed for as long as the settings live; path may be NULL (defaults and environment only).
 * environ_block: NULL-terminated "K=V". other_sections: sections of casemill's other programs,
 * and keys of theirs in a shared section, whose variables are ignored, as are the service variables
 * of Kubernetes and CASEMILL_DB_PASSWORD. Ownership: the caller's,
 * freed with settings_free.  The getters take a key of the table and the getter of its type (else
 * CHECK); what they return lives as long as the settings. Errors: ERR_INVALID with file and line,
 * or the variable's name; ERR_NOT_FOUND no such file; as yaml_parse_file. */
MUST_USE enum err settings_load(const struct setting_row *rows, uint32_t count, const char *path,
                                char *const *environ_block, const char *const *other_sections,
                                struct settings **settings, struct diag *diag);
/* settings_load_again reads what settings_load read: same table, file and sections; `settings`
 * stays as it is, and must outlive nothing of *fresh.  Errors: as settings_load. */
MUST_USE enum err settings_load_again(const struct settings *settings, char *const *environ_block,
                                      struct settings **fresh, struct diag *diag);
/* settings_say_reload logs what a reload changes: of reloadable values those that differ from
 * now's, which are in use from here on; of the others those that differ from start's, which wait
 * for a restart. */
void settings_say_reload(const struct settings *start, const struct settings *now,
                         const struct settings *fresh);
void settings_free(struct settings **settings);
const char *settings_str(const struct settings *settings, const char *key); /* "" when empty */
int64_t settings_int(const struct settings *settings, const char *key);     /* also bytes and ms */
bool settings_bool(const struct settings *settings, const char *key);
uint32_t settings_list(const struct settings *settings, const char *key, const char *const **items);
/* settings_fail says what is wrong with a value that its type cannot hold against: at its place in
 * the file, or by its variable's name.  Errors: err, which is not ERR_OK. */
MUST_USE enum err settings_fail(const struct settings *settings, const char *key, enum err err,
                                struct diag *diag, const char *format, ...) PRINTF_LIKE(5, 6);
bool settings_is_default(const struct settings *settings, const char *key);
/* settings_print appends "key: value  # from" lines, for --check; a value that holds a password is
 * not shown. */
void settings_print(const struct settings *settings, struct buf *out);

#endif
