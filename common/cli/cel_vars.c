/* JSON to values.  jansson bounds the depth, the file bounds the sizes. */
#include "cli/cel_vars.h"

#include "base/date.h"
#include "base/io.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { VARS_BYTES_MAX = 8 * 1024 * 1024, VARS_ARENA_BYTES_MAX = 256 * 1024 * 1024 };
enum { NANOS_MAX = 999999999 };
#define DURATION_SECONDS_MAX 9223372036LL /* fits 64 bits of nanoseconds */

struct reading {
    struct cel_vars *vars;
    uint16_t slot; /* of the name being read: the path of an unknown part */
};

void cel_vars_init(struct cel_vars *vars) {
    *vars = (struct cel_vars){.count = 0};
    arena_init(&vars->arena, VARS_ARENA_BYTES_MAX);
}

void cel_vars_fini(struct cel_vars *vars) { arena_free(&vars->arena); }

static bool read_value(struct reading *reading, const json_t *json, struct value *value);

static bool read_text(struct reading *reading, const json_t *json, struct value *value) {
    struct span copy = arena_copy(&reading->vars->arena,
                                  span_make(json_string_value(json), json_string_length(json)));
    *value = value_string(copy);
    return copy.ptr != NULL;
}

static bool read_list(struct reading *reading, const json_t *json, struct value *value) {
    size_t count = json_array_size(json);
    struct value *items = arena_zero(&reading->vars->arena, count + 1, sizeof(*items));
    for (size_t i = 0; items != NULL && i < count; i++) {
        if (!read_value(reading, json_array_get(json, i), &items[i])) {
            return false;
        }
    }
    *value = value_list(items, (uint32_t)count);
    return items != NULL;
}

static bool read_object(struct reading *reading, json_t *json, struct value *value) {
    size_t count = json_object_size(json);
    struct value *pairs = arena_zero(&reading->vars->arena, 2 * count + 1, sizeof(*pairs));
    struct value *at = pairs;
    const char *key = NULL;
    json_t *item = NULL;
    json_object_foreach(json, key, item) {
        struct span copy = {0};
        if (pairs != NULL) {
            copy = arena_copy(&reading->vars->arena, span_str(key));
        }
        if (copy.ptr == NULL || !read_value(reading, item, &at[1])) {
            return false;
        }
        at[0] = value_string(copy);
        at += 2;
    }
    *value = value_map(pairs, (uint32_t)count);
    return pairs != NULL;
}

static bool read_pairs(struct reading *reading, const json_t *json, struct value *value) {
    size_t count = json_array_size(json);
    struct value *pairs = arena_zero(&reading->vars->arena, 2 * count + 1, sizeof(*pairs));
    for (size_t i = 0; pairs != NULL && i < count; i++) {
        const json_t *pair = json_array_get(json, i);
        if (json_array_size(pair) != 2 ||
            !read_value(reading, json_array_get(pair, 0), &pairs[2 * i]) ||
            !read_value(reading, json_array_get(pair, 1), &pairs[2 * i + 1])) {
            return false;
        }
    }
    *value = value_map(pairs, (uint32_t)count);
    return pairs != NULL;
}

static bool read_hex(struct reading *reading, const char *hex, struct value *value) {
    size_t len = strlen(hex);
    uint8_t *bytes = arena_alloc(&reading->vars->arena, len / 2 + 1);
    for (size_t i = 0; bytes != NULL && i + 1 < len; i += 2) {
        char pair[3] = {hex[i], hex[i + 1], '\0'};
        char *end = NULL;
        bytes[i / 2] = (uint8_t)strtoul(pair, &end, 16);
        if (end != pair + 2) {
            return false;
        }
    }
    *value = value_string(span_make(bytes, len / 2));
    value->kind = VAL_BYTES;
    return bytes != NULL && len % 2 == 0;
}

/* The language's timestamps are of the years 1 to 9999; both parts of a duration have one sign. */
static bool time_fits(enum value_kind kind, int64_t seconds, json_int_t nanos) {
    if (kind == VAL_TIMESTAMP) {
        return nanos >= 0 && nanos <= NANOS_MAX &&
               seconds >= (int64_t)DATE_DAYS_MIN * DATE_DAY_SECONDS &&
               seconds < ((int64_t)DATE_DAYS_MAX + 1) * DATE_DAY_SECONDS;
    }
    return nanos >= -NANOS_MAX && nanos <= NANOS_MAX && (seconds >= 0 || nanos <= 0) &&
           (seconds <= 0 || nanos >= 0) && seconds >= -DURATION_SECONDS_MAX &&
           seconds <= DURATION_SECONDS_MAX;
}

static bool read_time(const json_t *json, enum value_kind kind, struct value *value) {
    const char *text = json_string_value(json_array_get(json, 0));
    const json_t *nanos = json_array_get(json, 1);
    if (text == NULL || !json_is_integer(nanos)) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long seconds = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text ||
        !time_fits(kind, seconds, json_integer_value(nanos))) {
        return false;
    }
    *value = (struct value){
        .kind = (uint8_t)kind, .i = seconds, .len = (uint32_t)(int32_t)json_integer_value(nanos)};
    return true;
}

static bool read_number(const char *word, const char *text, struct value *value) {
    char *end = NULL;
    errno = 0;
    if (strcmp(word, "int") == 0) {
        *value = value_int(strtoll(text, &end, 10));
    } else if (strcmp(word, "uint") == 0) {
        *value = value_uint(strtoull(text, &end, 10));
    } else {
        *value = value_double(strtod(text, &end));
    }
    return errno == 0 && end != text && *end == '\0';
}

/* A value with its type; *is_typed is false when the object is none. */
static bool read_typed(struct reading *reading, const char *word, const json_t *json,
                       struct value *value, bool *is_typed) {
    static const char *const numbers[] = {"int", "uint", "double"};
    const char *text = json_string_value(json);
    *is_typed = true;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (strcmp(word, numbers[i]) == 0 && text != NULL) {
            return read_number(word, text, value);
        }
    }
    if (strcmp(word, "bytes") == 0 && text != NULL) {
        return read_hex(reading, text, value);
    }
    if (strcmp(word, "date") == 0 && text != NULL) {
        int32_t days = 0;
        bool is_date = date_parse(span_str(text), &days) == ERR_OK;
        *value = value_date(days);
        return is_date;
    }
    if (strcmp(word, "timestamp") == 0 && json_is_array(json)) {
        return read_time(json, VAL_TIMESTAMP, value);
    }
    if (strcmp(word, "duration") == 0 && json_is_array(json)) {
        return read_time(json, VAL_DURATION, value);
    }
    if (strcmp(word, "map") == 0 && json_is_array(json)) {
        return read_pairs(reading, json, value);
    }
    if (strcmp(word, "unknown") == 0 && json_is_array(json)) {
        *value = value_unknown(reading->slot);
        return true;
    }
    *is_typed = false;
    return true;
}

static bool read_value(struct reading *reading, const json_t *json, struct value *value) {
    switch (json_typeof(json)) {
    case JSON_OBJECT: {
        json_t *object = json_incref((json_t *)(uintptr_t)json);
        void *first = json_object_iter(object);
        bool is_typed = false;
        bool is_read = json_object_size(object) != 1 ||
                       read_typed(reading, json_object_iter_key(first),
                                  json_object_iter_value(first), value, &is_typed);
        if (is_read && !is_typed) {
            is_read = read_object(reading, object, value);
        }
        json_decref(object);
        return is_read;
    }
    case JSON_ARRAY:
        return read_list(reading, json, value);
    case JSON_STRING:
        return read_text(reading, json, value);
    case JSON_INTEGER:
        *value = value_int(json_integer_value(json));
        return true;
    case JSON_REAL:
        *value = value_double(json_real_value(json));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *value = value_bool(json_is_true(json));
        return true;
    case JSON_NULL:
        *value = value_null();
        return true;
    }
    UNREACHABLE();
}

/* The declared type of a name; a list or map has an element type if its parts are of one kind. */
static const struct cel_type *type_of(struct cel_env *env, struct value value, bool is_date);

static const struct cel_type *type_of_parts(struct cel_env *env, struct value value, uint32_t first,
                                            uint32_t step) {
    const struct cel_type *type = NULL;
    uint32_t count = value.kind == VAL_MAP ? value.len * 2 : value.len;
    for (uint32_t i = first; i < count; i += step) {
        const struct cel_type *one = type_of(env, value.items[i], false);
        if (type != NULL && one != type) {
            return cel_type(env, CEL_DYN);
        }
        type = one;
    }
    return type == NULL ? cel_type(env, CEL_DYN) : type;
}

static const struct cel_type *type_of(struct cel_env *env, struct value value, bool is_date) {
    static const enum cel_kind kinds[] = {
        [VAL_NULL] = CEL_NULL,   [VAL_BOOL] = CEL_BOOL,           [VAL_INT] = CEL_INT,
        [VAL_UINT] = CEL_UINT,   [VAL_DOUBLE] = CEL_DOUBLE,       [VAL_STRING] = CEL_STRING,
        [VAL_BYTES] = CEL_BYTES, [VAL_TIMESTAMP] = CEL_TIMESTAMP, [VAL_DURATION] = CEL_DURATION,
        [VAL_UNKNOWN] = CEL_DYN};
    if (is_date) {
        return cel_type(env, CEL_DATE);
    }
    if (value.kind == VAL_LIST) {
        return cel_type_list(env, type_of_parts(env, value, 0, 1));
    }
    if (value.kind == VAL_MAP) {
        return cel_type_map(env, type_of_parts(env, value, 0, 2), type_of_parts(env, value, 1, 2));
    }
    return cel_type(env, kinds[value.kind]);
}

static enum err declare(struct cel_vars *vars, struct cel_env *env, const char *name, json_t *json,
                        struct diag *diag) {
    struct reading reading = {.vars = vars, .slot = (uint16_t)vars->count};
    struct value value = {0};
    struct span copy = arena_copy(&vars->arena, span_str(name));
    if (vars->count == CEL_VARS_MAX || copy.ptr == NULL) {
        return diag_fail(diag, ERR_TOO_LARGE, "at most %d names", CEL_VARS_MAX);
    }
    if (!read_value(&reading, json, &value)) {
        return diag_fail(diag, ERR_INVALID, "the value of `%s` cannot be read; see --help", name);
    }
    bool is_date = json_object_size(json) == 1 && json_object_get(json, "date") != NULL &&
                   value.kind == VAL_TIMESTAMP;
    enum err err = cel_declare_slot(env, name, type_of(env, value, is_date), reading.slot, diag);
    if (err == ERR_OK) {
        vars->names[vars->count] = (const char *)copy.ptr;
        vars->slots[vars->count++] = value;
    }
    return err;
}

enum err cel_vars_load(struct cel_vars *vars, struct cel_env *env, const char *path,
                       struct diag *diag) {
    struct buf text = BUF_EMPTY;
    json_error_t error;
    json_t *root = NULL;
    enum err err = io_read_file(path, VARS_BYTES_MAX, &text, diag);
    if (err == ERR_OK) {
        root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                          &error);
        if (root == NULL) {
            err = diag_fail_at(diag, ERR_INVALID, path, (uint32_t)error.line,
                               (uint32_t)error.column, "not JSON: expected one object of names");
        } else if (!json_is_object(root)) {
            err = diag_fail_at(diag, ERR_INVALID, path, 1, 1, "expected one object of names");
        }
    }
    const char *name = NULL;
    json_t *value = NULL;
    if (err == ERR_OK) {
        json_object_foreach(root, name, value) {
            err = err == ERR_OK ? declare(vars, env, name, value, diag) : err;
        }
    }
    json_decref(root);
    buf_free(&text);
    return err;
}
