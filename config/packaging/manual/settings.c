/* casemill.yaml(5), from the tables of settings.  The worker's table is in settings_worker.c, since
 * both programs have one with the same names. */
#include "manual/settings.h"
#include "broker/settings_table.h"
#include "manual/manual.h"

#include <inttypes.h>
#include <string.h>

/* A number as it is written in the file. */
static void put_number(struct buf *out, enum setting_type type, int64_t value) {
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (type == SETTING_BYTES && value >= 1024 && value % 1024 == 0 &&
           unit + 1 < COUNT_OF(units)) {
        value /= 1024;
        unit++;
    }
    buf_printf(out, "%" PRId64 "%s", value, type == SETTING_MS ? "ms" : units[unit]);
}

static const char *type_name(enum setting_type type) {
    static const char *const names[] = {
        [SETTING_STRING] = "text", [SETTING_LIST] = "list",    [SETTING_INT] = "number",
        [SETTING_BYTES] = "bytes", [SETTING_MS] = "time span", [SETTING_BOOL] = "true or false"};
    return names[type];
}

void manual_setting_rows(struct buf *out, const struct setting_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct buf text = BUF_EMPTY;
        bool has_bounds = rows[i].type == SETTING_INT || rows[i].type == SETTING_BYTES ||
                          rows[i].type == SETTING_MS;
        const char *fallback = rows[i].fallback == NULL ? "" : rows[i].fallback;
        manual_option(out, rows[i].key, NULL);
        buf_printf(&text, "%s.  (%s, default %s", rows[i].help, type_name(rows[i].type),
                   fallback[0] == '\0' ? "empty" : fallback);
        if (has_bounds) {
            buf_str(&text, ", from ");
            put_number(&text, rows[i].type, rows[i].min);
            buf_str(&text, " to ");
            put_number(&text, rows[i].type, rows[i].max);
        }
        buf_str(&text, rows[i].reloadable ? "; SIGHUP changes it)" : ")");
        manual_line(out, buf_cstr(&text));
        buf_free(&text);
    }
}

void manual_settings(struct buf *out) {
    manual_section(out, "NAME");
    buf_str(out, "casemill.yaml \\- settings of casemill\\-broker and casemill\\-worker\n");
    manual_section(out, "DESCRIPTION");
    manual_line(out, "Each program reads one YAML file, given by --config: /etc/casemill/"
                     "broker.yaml and /etc/casemill/worker.yaml.  A key section.name is the line "
                     "`name:` below `section:`.  An unknown key, a wrong unit or a value outside "
                     "the bounds is refused with file and line, and so is an unknown variable.");
    buf_str(out, ".PP\n");
    manual_line(out, "A variable CASEMILL_SECTION_NAME overrides a key; in it a list is words "
                     "between commas.  Bytes are written as 1048576, 64KiB, 16MiB or 1GiB, time "
                     "spans as 250ms, 10s or 2min.  --check of the programs prints the settings "
                     "in use and where each is from.");
    manual_section(out, "SETTINGS OF THE BROKER");
    manual_setting_rows(out, BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS));
    manual_section(out, "SETTINGS OF THE WORKER");
    manual_worker_rows(out);
    manual_section(out, "EXAMPLE");
    buf_str(out, ".EX\njournal:\n  path: /srv/casemill/journal\n  bytes_max: 4GiB\n"
                 "queue:\n  weights: [north=3, south=2]\n.EE\n");
    manual_section(out, "SEE ALSO");
    buf_str(out, "\\fBcasemill\\-broker\\fR(8), \\fBcasemill\\-worker\\fR(8), "
                 "\\fBcasemill\\fR(1)\n");
}
