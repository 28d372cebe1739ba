/* Purpose: settings from a YAML file and the environment, checked against one table per program.
 * Keys are "section.name".  CASEMILL_SECTION_NAME overrides (lists split at commas).  An unknown
 * key or variable, a bad unit or an out-of-range value is an error with file:line and the nearest
 * key. */
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
    const char *fallback; /* the default, as written in the file; NULL: required */
    int64_t min, max;     /* of numbers: bytes accept KiB MiB GiB, ms accept ms s min */
    bool reloadable;
    const char *help; /* one line */
};

struct settings;
/* A value is written: INT 12; BYTES 1048576, 64KiB, 1 GiB; MS 250, 250ms, 10s, 2min; BOOL true or
 * false. A LIST is a YAML list or, in the environment and as a default, words between commas.  A
 * number without unit counts bytes or milliseconds.  An empty value is written "". settings_load:
 * rows are borrowed for as long as the settings live; path may be NULL (defaults and environment
 * only).  environ_block: NULL-terminated "K=V". other_sections: sections of casemill's other
 * programs, and their keys in a shared section. Their variables are ignored, as are Kubernetes
 * service variables and CASEMILL_DB_PASSWORD. Ownership: the caller's, freed with settings_free.
 * A getter takes a key of the table with the getter's type (else CHECK); its result lives as long
 * as the settings. Errors: ERR_INVALID with file and line, or the variable's name; ERR_NOT_FOUND no
 * such file; as yaml_parse_file. */
MUST_USE enum err settings_load(const struct setting_row *rows, uint32_t count, const char *path,
                                char *const *environ_block, const char *const *other_sections,
                                struct settings **settings, struct diag *diag);
/* settings_load_again reads the same table, file and sections again into *fresh; `settings` does
 * not change, and *fresh does not depend on it.  Errors: as settings_load. */
MUST_USE enum err settings_load_again(const struct settings *settings, char *const *environ_block,
                                      struct settings **fresh, struct diag *diag);
/* settings_log_reload logs what a reload changes.  Reloadable values that differ from `now` are in
 * use from then on.  Other values that differ from `start` wait for a restart. */
void settings_log_reload(const struct settings *start, const struct settings *now,
                         const struct settings *fresh);
void settings_free(struct settings **settings);
const char *settings_str(const struct settings *settings, const char *key); /* "" when empty */
int64_t settings_int(const struct settings *settings, const char *key);     /* also bytes and ms */
bool settings_bool(const struct settings *settings, const char *key);
uint32_t settings_list(const struct settings *settings, const char *key, const char *const **items);
/* settings_fail reports a value that the program's own check refuses, with its location in the file
 * or its variable's name.  Errors: err, which is not ERR_OK. */
MUST_USE enum err settings_fail(const struct settings *settings, const char *key, enum err err,
                                struct diag *diag, const char *format, ...) PRINTF_LIKE(5, 6);
bool settings_is_default(const struct settings *settings, const char *key);
/* settings_print appends "key: value  # from" lines, for --check; a value that holds a password is
 * not shown. */
void settings_print(const struct settings *settings, struct buf *out);

#endif
