/* `casemill schema`: the facts that a case may hold, for people as text, for programs as JSON
 * Schema 2020-12.  It accepts what case_decode accepts, as far as JSON Schema can state it: sizes
 * are in characters there, and whether a day exists is left to the format "date". */
#include "base/json.h"
#include "base/plain.h"
#include "casedoc/case_doc.h"
#include "cli/case_schema.h"
#include "cli/rules/option.h"
#include "cli/verb.h"

#include <inttypes.h>
#include <stdio.h>

#define DATE_PATTERN "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
#define TIMESTAMP_PATTERN                                                                          \
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6}0{0,3})?(Z|[+-][0-9]{2}:" \
    "[0-9]{2})$"

static void member(struct json *json, const char *key, const char *text) {
    json_str(json_key(json, key), text);
}

static void words(struct json *json, const struct fact *fact) {
    json_array_open(json_key(json, "enum"));
    for (uint32_t i = 0; i < fact->word_count; i++) {
        json_str(json, fact->words[i]);
    }
    json_array_close(json);
}

static void value_schema(struct json *json, const struct fact *fact);

/* A fact or a field of a record: null counts as absent. */
static void nullable(struct json *json, const struct fact *fact) {
    json_object_open(json_key(json, fact->leaf));
    if (fact->help[0] != '\0') {
        member(json, "description", fact->help);
    }
    if (fact->officer) {
        member(json, "$comment", "asked_of: officer");
    }
    json_array_open(json_key(json, "anyOf"));
    json_object_open(json);
    value_schema(json, fact);
    json_object_close(json);
    json_object_open(json);
    member(json, "type", "null");
    json_object_close(json);
    json_array_close(json);
    json_object_close(json);
}

static void fields(struct json *json, const struct fact *facts, uint32_t count) {
    member(json, "type", "object");
    json_bool(json_key(json, "additionalProperties"), false);
    json_object_open(json_key(json, "properties"));
    for (uint32_t i = 0; i < count; i++) {
        nullable(json, &facts[i]);
    }
    json_object_close(json);
}

static void keys_schema(struct json *json, const struct fact *fact) {
    json_object_open(json_key(json, "propertyNames"));
    if (fact->map_keys_iso) {
        member(json, "$ref", "#/$defs/country");
    } else {
        json_uint(json_key(json, "maxLength"), fact->bytes_max);
    }
    json_object_close(json);
}

static void text_schema(struct json *json, const char *format, const char *pattern) {
    member(json, "type", "string");
    member(json, "format", format);
    member(json, "pattern", pattern);
}

static void element_schema(struct json *json, const struct fact *fact, const char *key) {
    json_object_open(json_key(json, key));
    value_schema(json, fact->element);
    json_object_close(json);
}

static void value_schema(struct json *json, const struct fact *fact) {
    switch (fact->type) {
    case FACT_BOOL:
        member(json, "type", "boolean");
        break;
    case FACT_INT:
        member(json, "type", "integer");
        json_int(json_key(json, "minimum"), fact->int_min);
        json_int(json_key(json, "maximum"), fact->int_max);
        break;
    case FACT_DOUBLE:
        member(json, "type", "number");
        break;
    case FACT_STRING:
        member(json, "type", "string");
        json_uint(json_key(json, "maxLength"), fact->bytes_max);
        break;
    case FACT_ENUM:
        words(json, fact);
        break;
    case FACT_ISO:
        member(json, "$ref", "#/$defs/country");
        break;
    case FACT_DATE:
        text_schema(json, "date", DATE_PATTERN);
        break;
    case FACT_TIMESTAMP:
        text_schema(json, "date-time", TIMESTAMP_PATTERN);
        break;
    case FACT_LIST:
        member(json, "type", "array");
        json_uint(json_key(json, "maxItems"), fact->count_max);
        element_schema(json, fact, "items");
        break;
    case FACT_MAP:
        member(json, "type", "object");
        json_uint(json_key(json, "maxProperties"), fact->count_max);
        keys_schema(json, fact);
        element_schema(json, fact, "additionalProperties");
        break;
    case FACT_RECORD:
        fields(json, fact->fields, fact->field_count);
        break;
    }
}

static void date_member(struct json *json, const char *key, const char *description) {
    json_object_open(json_key(json, key));
    member(json, "description", description);
    json_array_open(json_key(json, "type"));
    json_str(json, "string");
    json_str(json, "null");
    json_array_close(json);
    member(json, "format", "date");
    member(json, "pattern", DATE_PATTERN);
    json_object_close(json);
}

static void case_members(struct json *json, const struct schema *schema) {
    json_object_open(json_key(json, "case_id"));
    member(json, "description", "unique within the source; 1 to 64 bytes of UTF-8");
    member(json, "type", "string");
    json_uint(json_key(json, "minLength"), 1);
    json_uint(json_key(json, "maxLength"), CASE_ID_BYTES_MAX);
    json_object_close(json);
    json_object_open(json_key(json, "revision"));
    member(json, "description", "rises with each change of the case");
    member(json, "type", "integer");
    json_uint(json_key(json, "minimum"), 0);
    json_uint(json_key(json, "maximum"), INT32_MAX);
    json_object_close(json);
    date_member(json, "reference_date",
                "the day whose law applies; absent: the day on which the broker accepted the case");
    date_member(json, "as_of", "the day whose knowledge applies; absent: the same day");
    json_object_open(json_key(json, "facts"));
    fields(json, schema->facts, schema->fact_count);
    json_object_close(json);
}

static void case_json_schema(const struct schema *schema, struct vocabulary iso, struct buf *out) {
    static const char *const required[] = {"case_id", "revision", "facts"};
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    member(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    member(&json, "title", schema->title);
    member(&json, "type", "object");
    json_array_open(json_key(&json, "required"));
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        json_str(&json, required[i]);
    }
    json_array_close(&json);
    json_bool(json_key(&json, "additionalProperties"), false);
    json_object_open(json_key(&json, "properties"));
    case_members(&json, schema);
    json_object_close(&json);
    json_object_open(json_key(&json, "$defs"));
    json_object_open(json_key(&json, "country"));
    member(&json, "description", "ISO 3166-1 alpha-2 code");
    json_array_open(json_key(&json, "enum"));
    for (uint32_t i = 0; i < iso.count; i++) {
        json_str(&json, iso.words[i]);
    }
    json_array_close(&json);
    json_object_close(&json);
    json_object_close(&json);
    json_object_close(&json);
    buf_byte(out, '\n');
}

static const char *type_word(enum fact_type type) {
    static const char *const words_of[] = {"bool", "int",       "double", "string", "enum",  "iso",
                                           "date", "timestamp", "list",   "map",    "record"};
    _Static_assert(COUNT_OF(words_of) == FACT_RECORD + 1, "every type has its word");
    return words_of[type];
}

/* One line for each fact: name, type, question. */
static void case_table(const struct schema *schema, struct buf *out) {
    int width = 0;
    for (uint32_t i = 0; i < schema->path_count; i++) {
        int len = (int)schema->paths[i]->name_len;
        width = len > width ? len : width;
    }
    for (uint32_t i = 0; i < schema->path_count; i++) {
        const struct fact *fact = schema->paths[i];
        buf_printf(out, "%-*s  %-9s  %s\n", width, fact->name, type_word(fact->type), fact->help);
    }
}

static int schema_run(const struct options *options) {
    struct schema *schema = NULL;
    struct vocabulary iso = {0};
    struct buf source = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = case_schema_load(option_str(options, "--rules", rules_default_dir()), &schema,
                                    &source, &diag);
    if (err == ERR_OK) {
        err = vocabulary_load_iso(&iso, &diag);
    }
    bool as_json = option_flag(options, "--json-schema") || option_flag(options, "--json");
    if (err == ERR_OK && as_json) {
        case_json_schema(schema, iso, &out);
    } else if (err == ERR_OK) {
        case_table(schema, &out);
    }
    plain_print(stdout, buf_span(&out));
    int code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, buf_span(&source));
    buf_free(&out);
    buf_free(&source);
    vocabulary_free(&iso);
    schema_free(&schema);
    return code;
}

static const struct option_row ROWS[] = {
    {"--rules", "DIR", "the folder of case.yaml (config here, or the installed one)"},
    {"--json-schema", NULL, "print JSON Schema 2020-12 of a case as JSON"},
    {NULL, NULL, NULL},
};

const struct verb verb_schema = {
    .name = "schema",
    .summary = "print the facts that a case may hold, with their types and questions",
    .operands = "",
    .rows = ROWS,
    .run = schema_run,
};
