/* Runs conformance files of the condition language: JSON lines, one test each, in the encoding
 * of the language's own test files. Prints each failing id with its result, and a last line "N
 * passed, N failed".
 * Usage: cel_conformance [--refused] [--without ID_PREFIX]... FILE.jsonl...
 * --without leaves out extensions that are no part of the language here; it is for files, not
 * for failures. --refused runs only the tests that a checker must refuse (their line has
 * celgo_check_error and disable_check), and passes an expression that is refused. */
#include "base/mem.h"
#include "cel/cel.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1024 * 1024, NAMES_MAX = 64, ARENA_BYTES_MAX = 16 * 1024 * 1024 };

struct test {
    json_t *json;
    struct cel_env *env;
    struct arena arena;
    struct value slots[NAMES_MAX];
    const char *names[NAMES_MAX];
    uint16_t name_count;
    struct buf why; /* why it failed */
    bool refused;   /* the checker is to refuse it */
};

static const char *text_of(const json_t *json, const char *key) {
    return json_string_value(json_object_get(json, key));
}

static struct value *take(struct test *test, size_t count) {
    struct value *values = arena_zero(&test->arena, count == 0 ? 1 : count, sizeof(*values));
    CHECK(values != NULL);
    return values;
}

static struct value decode(struct test *test, const json_t *json);

static struct value decode_hex(struct test *test, const char *hex) {
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(&test->arena, len + 1);
    CHECK(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    struct value value = value_string(span_make(bytes, len));
    value.kind = VAL_BYTES;
    return value;
}

static struct value decode_time(const json_t *parts, enum value_kind kind) {
    int64_t seconds = strtoll(json_string_value(json_array_get(parts, 0)), NULL, 10);
    int32_t nanos = (int32_t)json_integer_value(json_array_get(parts, 1));
    return (struct value){.kind = (uint8_t)kind, .len = (uint32_t)nanos, .i = seconds};
}

static struct value decode_map(struct test *test, const json_t *pairs) {
    size_t count = json_array_size(pairs);
    struct value *items = take(test, count * 2);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(pairs, i);
        items[2 * i] = decode(test, json_array_get(pair, 0));
        items[2 * i + 1] = decode(test, json_array_get(pair, 1));
    }
    return value_map(items, (uint32_t)count);
}

static struct value decode_tagged(struct test *test, const json_t *json) {
    const char *text = NULL;
    if ((text = text_of(json, "int")) != NULL) {
        return value_int(strtoll(text, NULL, 10));
    }
    if ((text = text_of(json, "uint")) != NULL) {
        return value_uint(strtoull(text, NULL, 10));
    }
    if ((text = text_of(json, "double")) != NULL) {
        return value_double(strtod(text, NULL));
    }
    if ((text = text_of(json, "bytes")) != NULL) {
        return decode_hex(test, text);
    }
    if ((text = text_of(json, "type")) != NULL) {
        struct value value = value_string(span_str(text));
        value.kind = VAL_TYPE;
        return value;
    }
    if (json_object_get(json, "map") != NULL) {
        return decode_map(test, json_object_get(json, "map"));
    }
    if (json_object_get(json, "timestamp") != NULL) {
        return decode_time(json_object_get(json, "timestamp"), VAL_TIMESTAMP);
    }
    if (json_object_get(json, "duration") != NULL) {
        return decode_time(json_object_get(json, "duration"), VAL_DURATION);
    }
    return (struct value){.kind = VAL_ERROR, .aux = CEL_ERROR_ARGUMENT};
}

static struct value decode(struct test *test, const json_t *json) {
    if (json_is_boolean(json)) {
        return value_bool(json_is_true(json));
    }
    if (json_is_string(json)) {
        return value_string(span_make(json_string_value(json), json_string_length(json)));
    }
    if (json_is_array(json)) {
        size_t count = json_array_size(json);
        struct value *items = take(test, count);
        for (size_t i = 0; i < count; i++) {
            items[i] = decode(test, json_array_get(json, i));
        }
        return value_list(items, (uint32_t)count);
    }
    return json_is_object(json) ? decode_tagged(test, json) : value_null();
}

static bool same(struct value a, struct value b);

static bool same_map(struct value a, struct value b) {
    for (uint32_t i = 0; i < a.len; i++) {
        bool found = false;
        for (uint32_t j = 0; j < b.len && !found; j++) {
            found = same(a.items[(size_t)i * 2], b.items[(size_t)j * 2]) &&
                    same(a.items[(size_t)i * 2 + 1], b.items[(size_t)j * 2 + 1]);
        }
        if (!found) {
            return false;
        }
    }
    return a.len == b.len;
}

/* Exact: kind and value; NaN is itself, -0.0 is not 0.0. */
static bool same(struct value a, struct value b) {
    if (a.kind != b.kind) {
        return false;
    }
    if (a.kind == VAL_DOUBLE) {
        return (isnan(a.d) && isnan(b.d)) || (a.d == b.d && signbit(a.d) == signbit(b.d));
    }
    if (a.kind == VAL_MAP) {
        return same_map(a, b);
    }
    if (a.kind == VAL_LIST) {
        for (uint32_t i = 0; a.len == b.len && i < a.len; i++) {
            if (!same(a.items[i], b.items[i])) {
                return false;
            }
        }
        return a.len == b.len;
    }
    return cel_value_equal(a, b);
}

/* A type in text form: a word, or a word with parts in parentheses. */
static const struct cel_type *type_read(struct test *test, const char **text) {
    static const struct {
        const char *name;
        enum cel_kind kind;
    } scalars[] = {{"bool", CEL_BOOL},        {"int", CEL_INT},       {"uint", CEL_UINT},
                   {"double", CEL_DOUBLE},    {"string", CEL_STRING}, {"bytes", CEL_BYTES},
                   {"null_type", CEL_NULL},   {"type", CEL_TYPE},     {"timestamp", CEL_TIMESTAMP},
                   {"duration", CEL_DURATION}};
    size_t len = strcspn(*text, "(),");
    struct span word = span_make(*text, len);
    *text += len;
    const struct cel_type *parts[2] = {NULL, NULL};
    for (int i = 0; i < 2 && (**text == '(' || (**text == ',' && i == 1)); i++) {
        (*text)++;
        parts[i] = type_read(test, text);
    }
    *text += parts[0] != NULL && **text == ')' ? 1 : 0;
    if (span_is(word, "list") && parts[0] != NULL) {
        return cel_type_list(test->env, parts[0]);
    }
    if (span_is(word, "map") && parts[1] != NULL) {
        return cel_type_map(test->env, parts[0], parts[1]);
    }
    for (size_t i = 0; i < COUNT_OF(scalars); i++) {
        if (span_is(word, scalars[i].name)) {
            return cel_type(test->env, scalars[i].kind);
        }
    }
    return cel_type(test->env, CEL_DYN);
}

static bool declare(struct test *test, const char *name, const struct cel_type *type) {
    struct diag diag = {0};
    CHECK(test->name_count < NAMES_MAX);
    /* Constants cannot be declared over; a test of that binds them without effect. */
    if (cel_declare_slot(test->env, name, type, test->name_count, &diag) != ERR_OK) {
        buf_printf(&test->why, "declaration: %s", diag.text);
        return false;
    }
    const json_t *bound = json_object_get(json_object_get(test->json, "bindings"), name);
    struct value value = value_unknown(test->name_count);
    if (bound != NULL && json_object_get(bound, "unknown") == NULL) {
        value = decode(test, bound);
    }
    test->slots[test->name_count] = value;
    test->names[test->name_count++] = name;
    return true;
}

static bool declare_all(struct test *test) {
    const json_t *types = json_object_get(test->json, "type_env");
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *one = json_array_get(types, i);
        const char *type = text_of(one, "type");
        if (type == NULL) {
            buf_str(&test->why, "custom functions are not part of the language here");
            return false;
        }
        if (!declare(test, text_of(one, "name"), type_read(test, &type))) {
            return false;
        }
    }
    return true;
}

/* Unknown facts, sorted by declaration, as "x,y". */
static void print_unknown(const struct test *test, struct value value, struct buf *out) {
    struct path_set set = {0};
    value_unknown_paths(value, &set);
    size_t before = out->len;
    for (unsigned i = 0; i < test->name_count; i++) {
        if (path_set_has(&set, i)) {
            buf_printf(out, "%s%s", out->len == before ? "" : ",", test->names[i]);
        }
    }
}

static bool same_facts(const struct test *test, struct value value, const json_t *facts) {
    struct path_set set = {0};
    if (value.kind != VAL_UNKNOWN) {
        return false;
    }
    value_unknown_paths(value, &set);
    size_t count = 0;
    for (unsigned i = 0; i < test->name_count; i++) {
        bool named = false;
        for (size_t j = 0; j < json_array_size(facts); j++) {
            named |= strcmp(json_string_value(json_array_get(facts, j)), test->names[i]) == 0;
        }
        if (named != path_set_has(&set, i)) {
            return false;
        }
        count += named;
    }
    return count == json_array_size(facts);
}

/* "abstract(optional_type,T)" is how the files spell what is printed as "optional_type(T)". */
static bool same_type(const struct cel_program *program, const char *expected) {
    struct buf found = BUF_EMPTY;
    struct buf wanted = BUF_EMPTY;
    cel_type_print(cel_program_type(program), &found);
    static const char abstract[] = "abstract(optional_type,";
    for (const char *at = expected; *at != '\0';) {
        bool optional = strncmp(at, abstract, sizeof(abstract) - 1) == 0;
        buf_str(&wanted, optional ? "optional_type(" : (char[2]){*at, '\0'});
        at += optional ? sizeof(abstract) - 1 : 1;
    }
    bool equal = span_eq(buf_span(&found), buf_span(&wanted));
    buf_free(&found);
    buf_free(&wanted);
    return equal;
}

static bool judge(struct test *test, const struct cel_program *program, const json_t *expected) {
    struct cel_run run;
    cel_run_init(&run, test->env, &test->arena);
    cel_run_begin(&run, test->slots);
    struct value value = cel_run(&run, program);
    cel_run_fini(&run);
    const json_t *typed = json_object_get(expected, "typed");
    bool passed = false;
    if (typed != NULL) {
        passed = same_type(program, text_of(typed, "type")) &&
                 (json_is_true(json_object_get(test->json, "check_only")) ||
                  same(value, decode(test, json_object_get(typed, "value"))));
    } else if (json_object_get(expected, "value") != NULL) {
        passed = same(value, decode(test, json_object_get(expected, "value")));
    } else if (json_object_get(expected, "unknown_facts") != NULL) {
        passed = same_facts(test, value, json_object_get(expected, "unknown_facts"));
    } else {
        passed = value.kind == VAL_ERROR;
    }
    if (!passed) {
        buf_str(&test->why, "found ");
        cel_value_print(value, &test->why);
        buf_str(&test->why, " of type ");
        cel_type_print(cel_program_type(program), &test->why);
        if (value.kind == VAL_UNKNOWN) {
            buf_str(&test->why, ": ");
            print_unknown(test, value, &test->why);
        }
    }
    return passed;
}

static bool run_test(struct test *test) {
    const json_t *expected = json_object_get(test->json, "expected");
    const char *container = text_of(test->json, "container");
    cel_env_container(test->env, container == NULL ? "" : container);
    cel_env_unchecked(test->env,
                      !test->refused && json_is_true(json_object_get(test->json, "disable_check")));
    if (!declare_all(test)) {
        return false;
    }
    const json_t *expr = json_object_get(test->json, "expr");
    struct cel_program *program = NULL;
    struct diag diag = {0};
    enum err err =
        cel_compile(test->env, span_make(json_string_value(expr), json_string_length(expr)), NULL,
                    &program, &diag);
    if (err != ERR_OK) {
        buf_printf(&test->why, "%zu: %s", diag.offset, diag.text);
        return test->refused || json_object_get(expected, "error") != NULL;
    }
    bool passed = !test->refused && judge(test, program, expected);
    if (test->refused) {
        buf_str(&test->why, "passed the checker");
    }
    cel_program_free(&program);
    return passed;
}

struct options {
    char **prefixes; /* borrowed from argv: "--without", PREFIX, ... */
    int count;
    bool refused;
};

static bool is_left_out(const struct options *options, const json_t *json) {
    bool must_refuse = json_object_get(json, "celgo_check_error") != NULL &&
                       json_is_true(json_object_get(json, "disable_check"));
    if (options->refused && !must_refuse) {
        return true;
    }
    const char *id = text_of(json, "id");
    for (int i = 1; i < options->count; i += 2) {
        if (id != NULL && strncmp(id, options->prefixes[i], strlen(options->prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

struct tally {
    unsigned long passed;
    unsigned long failed;
};

static void run_line(const struct options *options, const char *line, size_t number,
                     struct tally *tally) {
    json_error_t error;
    struct test test = {.json = json_loads(line, JSON_ALLOW_NUL, &error),
                        .refused = options->refused};
    if (test.json == NULL) {
        printf("line %zu: %s\n", number, error.text);
        tally->failed++;
        return;
    }
    const char *id = text_of(test.json, "id");
    if (!is_left_out(options, test.json)) {
        test.env = cel_env_new();
        arena_init(&test.arena, ARENA_BYTES_MAX);
        bool passed = run_test(&test);
        tally->passed += passed;
        tally->failed += !passed;
        if (!passed) {
            printf("%s: %s\n", id == NULL ? "?" : id, buf_cstr(&test.why));
        }
        buf_free(&test.why);
        arena_free(&test.arena);
        cel_env_free(&test.env);
    }
    json_decref(test.json);
}

static bool run_file(const struct options *options, const char *path, struct tally *tally) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "cel_conformance: cannot open %s\n", path);
        return false;
    }
    char *line = mem_alloc(LINE_BYTES_MAX);
    for (size_t number = 1; fgets(line, LINE_BYTES_MAX, file) != NULL; number++) {
        run_line(options, line, number, tally);
    }
    mem_free(line);
    (void)fclose(file);
    return true;
}

int main(int argc, char **argv) {
    bool refused = argc > 1 && strcmp(argv[1], "--refused") == 0;
    int before = refused ? 2 : 1;
    int first = before;
    while (first + 1 < argc && strcmp(argv[first], "--without") == 0) {
        first += 2;
    }
    struct options options = {
        .prefixes = argv + before, .count = first - before, .refused = refused};
    struct tally tally = {0};
    for (int i = first; i < argc; i++) {
        if (!run_file(&options, argv[i], &tally)) {
            return 2;
        }
    }
    printf("%lu passed, %lu failed\n", tally.passed, tally.failed);
    return tally.failed == 0 && tally.passed != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
