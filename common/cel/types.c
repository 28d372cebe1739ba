/* Types are interned by their env, so that equality is identity.  Joins are by structure: the
 * element type of [] is BOTTOM, which fits everywhere and is settled to DYN at the end. */
#include "base/suggest.h"
#include "cel/cel_priv.h"

static const struct cel_type *intern(struct cel_env *env, struct cel_type like) {
    for (const struct cel_type *type = env->types; type != NULL; type = type->next) {
        if (type->kind == like.kind && type->key == like.key && type->element == like.element &&
            type->words == like.words && type->fields == like.fields && type->count == like.count) {
            return type;
        }
    }
    struct cel_type *type = arena_alloc(&env->arena, sizeof(*type));
    CHECK(type != NULL);
    *type = like;
    type->next = env->types;
    env->types = type;
    return type;
}

const struct cel_type *cel_type(struct cel_env *env, enum cel_kind scalar) {
    CHECK((unsigned)scalar < CEL_SCALARS);
    return env->scalars[scalar];
}

const struct cel_type *cel_type_list(struct cel_env *env, const struct cel_type *element) {
    return intern(env, (struct cel_type){.kind = CEL_LIST, .element = element});
}

const struct cel_type *cel_type_map(struct cel_env *env, const struct cel_type *key,
                                    const struct cel_type *value) {
    return intern(env, (struct cel_type){.kind = CEL_MAP, .key = key, .element = value});
}

const struct cel_type *type_optional(struct cel_env *env, const struct cel_type *element) {
    return intern(env, (struct cel_type){.kind = CEL_OPTIONAL, .element = element});
}

const struct cel_type *type_of_type(struct cel_env *env, const struct cel_type *of) {
    return intern(env, (struct cel_type){.kind = CEL_TYPE, .element = of});
}

const struct cel_type *cel_type_words(struct cel_env *env, const char *const *words,
                                      uint32_t count) {
    return intern(env, (struct cel_type){.kind = CEL_STRING, .words = words, .count = count});
}

/* Fields are copied: a record does not depend on the caller's array. */
const struct cel_type *cel_type_record(struct cel_env *env, const struct cel_field *fields,
                                       uint32_t count) {
    struct cel_field *copy = arena_zero(&env->arena, count == 0 ? 1 : count, sizeof(*copy));
    CHECK(copy != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct span name = arena_copy(&env->arena, span_str(fields[i].name));
        CHECK(name.ptr != NULL);
        copy[i] = (struct cel_field){(const char *)name.ptr, fields[i].type};
    }
    return intern(env, (struct cel_type){.kind = CEL_RECORD, .fields = copy, .count = count});
}

bool type_is_open(const struct cel_type *type) {
    return type->kind == CEL_DYN || type->kind == CEL_KIND_BOTTOM;
}

const struct cel_field *type_field(const struct cel_type *record, struct span name) {
    CHECK(record->kind == CEL_RECORD);
    for (uint32_t i = 0; i < record->count; i++) {
        if (span_is(name, record->fields[i].name)) {
            return &record->fields[i];
        }
    }
    return NULL;
}

bool type_has_word(const struct cel_type *type, struct span word) {
    for (uint32_t i = 0; i < type->count; i++) {
        if (span_is(word, type->words[i])) {
            return true;
        }
    }
    return false;
}

static const struct cel_type *join_parts(struct cel_env *env, const struct cel_type *a,
                                         const struct cel_type *b) {
    const struct cel_type *element = type_join(env, a->element, b->element);
    if (element == NULL) {
        return NULL;
    }
    if (a->kind == CEL_LIST) {
        return cel_type_list(env, element);
    }
    if (a->kind == CEL_OPTIONAL) {
        return type_optional(env, element);
    }
    const struct cel_type *key = type_join(env, a->key, b->key);
    return key == NULL ? NULL : cel_type_map(env, key, element);
}

static bool is_instant(const struct cel_type *type) {
    return type->kind == CEL_TIMESTAMP || type->kind == CEL_DATE;
}

const struct cel_type *type_join(struct cel_env *env, const struct cel_type *a,
                                 const struct cel_type *b) {
    if (a == b || b->kind == CEL_KIND_BOTTOM) {
        return a;
    }
    if (a->kind == CEL_KIND_BOTTOM) {
        return b;
    }
    if (a->kind == CEL_DYN || b->kind == CEL_DYN) {
        return env->scalars[CEL_DYN];
    }
    if (a->kind == CEL_STRING && b->kind == CEL_STRING) {
        return env->scalars[CEL_STRING];
    }
    if (a->kind == CEL_TYPE && b->kind == CEL_TYPE) {
        return env->scalars[CEL_TYPE];
    }
    if (is_instant(a) && is_instant(b)) {
        return env->scalars[CEL_TIMESTAMP];
    }
    if (a->kind == b->kind &&
        (a->kind == CEL_LIST || a->kind == CEL_MAP || a->kind == CEL_OPTIONAL)) {
        return join_parts(env, a, b);
    }
    if (a->kind == CEL_NULL && b->kind == CEL_OPTIONAL) {
        return b;
    }
    return b->kind == CEL_NULL && a->kind == CEL_OPTIONAL ? a : NULL;
}

const struct cel_type *type_settle(struct cel_env *env, const struct cel_type *type) {
    if (type->kind == CEL_KIND_BOTTOM) {
        return env->scalars[CEL_DYN];
    }
    if (type->kind == CEL_LIST) {
        return cel_type_list(env, type_settle(env, type->element));
    }
    if (type->kind == CEL_OPTIONAL) {
        return type_optional(env, type_settle(env, type->element));
    }
    if (type->kind == CEL_TYPE && type->element != NULL) {
        return type_of_type(env, type_settle(env, type->element));
    }
    if (type->kind == CEL_MAP) {
        return cel_type_map(env, type_settle(env, type->key), type_settle(env, type->element));
    }
    return type;
}

static const char *const type_names[] = {
    [CEL_DYN] = "dyn",       [CEL_NULL] = "null_type",    [CEL_BOOL] = "bool",
    [CEL_INT] = "int",       [CEL_UINT] = "uint",         [CEL_DOUBLE] = "double",
    [CEL_STRING] = "string", [CEL_BYTES] = "bytes",       [CEL_TIMESTAMP] = "timestamp",
    [CEL_DATE] = "date",     [CEL_DURATION] = "duration", [CEL_TYPE] = "type",
    [CEL_LIST] = "list",     [CEL_MAP] = "map",           [CEL_OPTIONAL] = "optional_type",
    [CEL_RECORD] = "record", [CEL_KIND_BOTTOM] = "dyn",
};

void cel_type_print(const struct cel_type *type, struct buf *out) {
    buf_str(out, type_names[type->kind]);
    if (type->kind == CEL_MAP) {
        buf_str(out, "(");
        cel_type_print(type->key, out);
        buf_str(out, ",");
        cel_type_print(type->element, out);
        buf_str(out, ")");
    } else if (type->element != NULL) {
        buf_str(out, "(");
        cel_type_print(type->element, out);
        buf_str(out, ")");
    }
}

/* Type values carry the name the language prints. */
static const struct {
    const char *name;
    enum cel_kind kind;
    enum value_kind of; /* the kind of values of this type */
} value_types[] = {
    {"bool", CEL_BOOL, VAL_BOOL},
    {"int", CEL_INT, VAL_INT},
    {"uint", CEL_UINT, VAL_UINT},
    {"double", CEL_DOUBLE, VAL_DOUBLE},
    {"string", CEL_STRING, VAL_STRING},
    {"bytes", CEL_BYTES, VAL_BYTES},
    {"list", CEL_LIST, VAL_LIST},
    {"map", CEL_MAP, VAL_MAP},
    {"null_type", CEL_NULL, VAL_NULL},
    {"type", CEL_TYPE, VAL_TYPE},
    {"google.protobuf.Timestamp", CEL_TIMESTAMP, VAL_TIMESTAMP},
    {"google.protobuf.Duration", CEL_DURATION, VAL_DURATION},
    {"optional_type", CEL_OPTIONAL, VAL_OPTIONAL},
};

static struct value type_value(const char *name) {
    return (struct value){.kind = VAL_TYPE, .len = (uint32_t)strlen(name), .text = name};
}

/* The type of a kind that is named alone: a list is a list of anything. */
static const struct cel_type *type_alone(struct cel_env *env, enum cel_kind kind) {
    const struct cel_type *dyn = env->scalars[CEL_DYN];
    return kind == CEL_LIST       ? cel_type_list(env, dyn)
           : kind == CEL_MAP      ? cel_type_map(env, dyn, dyn)
           : kind == CEL_OPTIONAL ? type_optional(env, dyn)
                                  : env->scalars[kind];
}

bool type_of_name(struct cel_env *env, struct span name, struct value *value,
                  const struct cel_type **type) {
    for (size_t i = 0; i < COUNT_OF(value_types); i++) {
        if (span_is(name, value_types[i].name)) {
            *value = type_value(value_types[i].name);
            *type = type_of_type(env, type_alone(env, value_types[i].kind));
            return true;
        }
    }
    return false;
}

struct value value_type(struct value value) {
    for (size_t i = 0; i < COUNT_OF(value_types); i++) {
        if (value_types[i].of == value.kind) {
            return type_value(value_types[i].name);
        }
    }
    UNREACHABLE();
}
