/* Settings: the first byte chooses whether the rest is a file or an environment, its variables
 * between newlines. An accepted value is in the range of the table and is printed without a
 * password. A refusal names the place or the variable, and does not depend on the variable's
 * value, which may be a password (P10). */
#include "base/buf.h"
#include "base/mem.h"
#include "broker/settings_table.h"
#include "fuzz_file.h"

enum { VARIABLES_MAX = 64, ROWS_MAX = 64, FROM_ENVIRONMENT = 1 };

/* The broker's rows and one of the worker's: a text that may hold a password. */
static struct setting_row rows[ROWS_MAX];
static uint32_t row_count;

static void rows_fill(void) {
    static const struct setting_row conninfo = {"conn.info", SETTING_STRING,     "", 0, 0,
                                                true,        "as libpq reads it"};
    if (row_count == 0) {
        CHECK(COUNT_OF(BROKER_SETTINGS) + 1 <= ROWS_MAX);
        memcpy(rows, BROKER_SETTINGS, sizeof(BROKER_SETTINGS));
        row_count = COUNT_OF(BROKER_SETTINGS);
        rows[row_count++] = conninfo;
    }
}

static void row_check(const struct settings *settings, const struct setting_row *row) {
    const char *const *items = NULL;
    int64_t number = 0;
    uint32_t count = 0;
    switch (row->type) {
    case SETTING_STRING:
        CHECK(settings_str(settings, row->key) != NULL);
        return;
    case SETTING_LIST:
        count = settings_list(settings, row->key, &items);
        for (uint32_t i = 0; i < count; i++) {
            CHECK(items[i][0] != '\0' && strchr(items[i], ',') == NULL);
        }
        return;
    case SETTING_INT:
    case SETTING_BYTES:
    case SETTING_MS:
        number = settings_int(settings, row->key);
        CHECK(number >= row->min && number <= row->max);
        return;
    case SETTING_BOOL:
        (void)settings_bool(settings, row->key);
        return;
    }
}

static void settings_check(const struct settings *settings) {
    struct buf out = BUF_EMPTY;
    for (uint32_t i = 0; i < row_count; i++) {
        row_check(settings, &rows[i]);
    }
    settings_print(settings, &out);
    CHECK(strstr(buf_cstr(&out), "password") == NULL);
    buf_free(&out);
}

static enum err load(const char *path, char *const *variables, struct diag *diag) {
    struct settings *settings = NULL;
    enum err err = settings_load(rows, row_count, path, variables, OTHER_SECTIONS, &settings, diag);
    if (err == ERR_OK) {
        settings_check(settings);
    } else {
        CHECK(settings == NULL);
        CHECK(diag->text[0] != '\0' && strchr(diag->text, '\n') == NULL);
    }
    settings_free(&settings);
    return err;
}

static void file_check(struct span text) {
    static struct fuzz_file file;
    struct diag diag = {0};
    fuzz_file_fill(&file, text);
    enum err err = load(file.path, NULL, &diag);
    CHECK(err == ERR_OK || strcmp(diag.file, file.path) == 0);
}

/* The variable that a refusal names, or NULL. */
static char *refused_value(char **variables, const char *text) {
    for (size_t i = 0; variables[i] != NULL; i++) {
        char *equals = strchr(variables[i], '=');
        size_t len = equals == NULL ? 0 : (size_t)(equals - variables[i]);
        if (len > 0 && strncmp(text, variables[i], len) == 0 && text[len] == ':') {
            return equals + 1;
        }
    }
    return NULL;
}

static void environment_check(struct span text) {
    char *variables[VARIABLES_MAX + 1] = {NULL};
    char *copy = mem_strndup((const char *)text.ptr, text.len);
    char *rest = NULL;
    struct diag first = {0};
    struct diag second = {0};
    size_t count = 0;
    for (char *at = strtok_r(copy, "\n", &rest); at != NULL && count < VARIABLES_MAX;
         at = strtok_r(NULL, "\n", &rest)) {
        variables[count++] = at;
    }
    enum err err = load(NULL, variables, &first);
    char *value = err == ERR_OK ? NULL : refused_value(variables, first.text);
    if (value != NULL) {
        memset(value, '?', strlen(value));
        CHECK(load(NULL, variables, &second) == err);
        CHECK(strcmp(first.text, second.text) == 0);
    }
    mem_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    rows_fill();
    if (len > 0) {
        struct span rest = span_make(bytes + 1, len - 1);
        (bytes[0] % 2 == FROM_ENVIRONMENT ? environment_check : file_check)(rest);
    }
    return 0;
}
