/* Purpose: an agreement's parameters (typed constants that an operator may override) and its
 * variables (named conditions, run when first needed; or constant lists). */
#include "rules/rules_priv.h"

#include "base/date.h"
#include "base/suggest.h"

#include <errno.h>
#include <stdlib.h>

static const char *const type_names[] = {"bool", "int", "date", "string", "list"};

const char *parameter_type_name(enum parameter_type type) {
    static const char *const texts[] = {"true or false", "an integer", "a date, YYYY-MM-DD",
                                        "a string", "strings, separated by commas"};
    CHECK(type < COUNT_OF(texts));
    return texts[type];
}

const struct parameter *parameter_find(const struct agreement *agreement, struct span name) {
    for (uint32_t i = 0; i < agreement->parameter_count; i++) {
        if (span_is(name, agreement->parameters[i].name)) {
            return &agreement->parameters[i];
        }
    }
    return NULL;
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool int_parse(struct span text, struct value *value) {
    char digits[24];
    if (text.len == 0 || text.len >= sizeof(digits) || text.ptr[0] == '+' || text.ptr[0] <= ' ') {
        return false;
    }
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    char *end = NULL;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (errno != 0 || end != digits + text.len) {
        return false;
    }
    *value = value_int(number);
    return true;
}

static struct value string_copy(struct agreement *agreement, struct span text) {
    uint8_t *copy = agreement_take(agreement, text.len + 1, 1);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return value_string(span_make(copy, text.len));
}

static struct value list_parse(struct agreement *agreement, struct span text) {
    uint32_t count = text.len == 0 ? 0 : 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == ',' ? 1 : 0;
    }
    struct value *items = agreement_take(agreement, count, sizeof(*items));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        items[i] = string_copy(agreement, span_make(text.ptr, len));
        text = comma == NULL ? (struct span){0} : span_make(comma + 1, text.len - len - 1);
    }
    return value_list(items, count);
}

bool parameter_parse(struct agreement *agreement, enum parameter_type type, struct span text,
                     struct value *value) {
    int32_t days = 0;
    switch (type) {
    case PARAM_BOOL:
        *value = value_bool(span_is(text, "true"));
        return span_is(text, "true") || span_is(text, "false");
    case PARAM_INT:
        return int_parse(text, value);
    case PARAM_DATE:
        if (date_parse(text, &days) != ERR_OK) {
            return false;
        }
        *value = value_date(days);
        return true;
    case PARAM_STRING:
        *value = string_copy(agreement, text);
        return span_is_utf8(text);
    case PARAM_LIST:
        *value = list_parse(agreement, text);
        return span_is_utf8(text);
    }
    UNREACHABLE();
}

static const struct cel_type *parameter_cel_type(struct cel_env *env, enum parameter_type type) {
    static const enum cel_kind kinds[] = {CEL_BOOL, CEL_INT, CEL_DATE, CEL_STRING};
    if (type == PARAM_LIST) {
        return cel_type_list(env, cel_type(env, CEL_STRING));
    }
    CHECK(type < COUNT_OF(kinds));
    return cel_type(env, kinds[type]);
}

/* A YAML list of strings as a value. */
static enum err list_read(const struct loading *loading, const struct yaml_node *node,
                          struct value *value) {
    enum err err = field_expect_kind(loading, node, YAML_SEQ, "a list of strings");
    struct value *items = agreement_take(loading->agreement, node->count, sizeof(*items));
    uint32_t count = 0;
    for (const struct yaml_node *item = node->first; err == ERR_OK && item != NULL;
         item = item->next) {
        err = field_expect_kind(loading, item, YAML_SCALAR, "a string");
        items[count++] = value_string(item->text);
    }
    *value = value_list(items, count);
    return err;
}

/* --- overrides ---------------------------------------------------------------------------------
 */

bool override_split(struct span text, struct override *parts) {
    const uint8_t *equals = text.len == 0 ? NULL : memchr(text.ptr, '=', text.len);
    size_t head = equals == NULL ? 0 : (size_t)(equals - text.ptr);
    const uint8_t *dot = head == 0 ? NULL : memrchr(text.ptr, '.', head);
    if (dot == NULL || dot == text.ptr || dot + 1 == equals) {
        return false;
    }
    parts->agreement = span_make(text.ptr, (size_t)(dot - text.ptr));
    parts->parameter = span_make(dot + 1, (size_t)(equals - dot - 1));
    parts->value = span_make(equals + 1, text.len - head - 1);
    return true;
}

enum err override_parse(struct span text, struct override *override, struct diag *diag) {
    if (!override_split(text, override) || memchr(text.ptr, '\n', text.len) != NULL) {
        return diag_fail(diag, ERR_INVALID, "expected AGREEMENT.PARAM=VALUE, found \"%.*s\"",
                         text.len > 80 ? 80 : (int)text.len, (const char *)text.ptr);
    }
    return ERR_OK;
}

static enum err override_apply(struct loading *loading, const struct override *override) {
    struct agreement *agreement = loading->agreement;
    struct suggest suggest;
    suggest_init(&suggest, override->parameter);
    for (uint32_t i = 0; i < agreement->parameter_count; i++) {
        struct parameter *parameter = &agreement->parameters[i];
        if (!span_is(override->parameter, parameter->name)) {
            suggest_offer(&suggest, span_str(parameter->name));
            continue;
        }
        if (!parameter_parse(agreement, parameter->type, override->value, &parameter->value)) {
            return diag_fail(loading->diag, ERR_INVALID, "%s.%s: expected %s", agreement->id,
                             parameter->name, parameter_type_name(parameter->type));
        }
        return ERR_OK;
    }
    return diag_fail(loading->diag, ERR_INVALID, "%s has no parameter \"%.*s\"%s%.*s%s",
                     agreement->id, SPAN_ARG(override->parameter), SUGGEST_ARG(suggest));
}

/* --- parameters --------------------------------------------------------------------------------
 */

static enum err parameter_type_read(const struct loading *loading, const struct yaml_node *node,
                                    enum parameter_type *type) {
    const char *text = NULL;
    enum err err = field_text(loading, node, "type", &text);
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < COUNT_OF(type_names); i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *type = (enum parameter_type)i;
            return ERR_OK;
        }
    }
    return field_fail(loading, yaml_get(node, "type"), ERR_INVALID,
                      "expected one of bool, int, date, string, list (of strings)");
}

static enum err parameter_read(struct loading *loading, const struct yaml_node *node,
                               struct parameter *parameter) {
    static const char *const keys[] = {"type", "value", "why", NULL};
    enum err err = field_map(loading, node, "a parameter", keys);
    if (err == ERR_OK) {
        err = expr_declare_name(loading, node->key, "parameter");
    }
    if (err == ERR_OK) {
        err = parameter_type_read(loading, node, &parameter->type);
    }
    if (err == ERR_OK) {
        err = field_text_opt(loading, node, "why", &parameter->why);
    }
    if (err != ERR_OK) {
        return err;
    }
    parameter->name = (const char *)node->key->text.ptr;
    const struct yaml_node *value = NULL;
    err = field_need(loading, node, "value", parameter->type == PARAM_LIST ? YAML_SEQ : YAML_SCALAR,
                     &value);
    if (err != ERR_OK) {
        return err;
    }
    if (parameter->type == PARAM_LIST) {
        return list_read(loading, value, &parameter->value);
    }
    if (!parameter_parse(loading->agreement, parameter->type, value->text, &parameter->value)) {
        return field_fail(loading, value, ERR_INVALID, "expected %s",
                          parameter_type_name(parameter->type));
    }
    return ERR_OK;
}

static enum err apply_overrides(struct loading *loading) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < loading->override_count; i++) {
        if (span_is(loading->overrides[i].agreement, loading->agreement->id)) {
            err = override_apply(loading, &loading->overrides[i]);
        }
    }
    return err;
}

enum err parameters_load(struct loading *loading, const struct yaml_node *root) {
    struct agreement *agreement = loading->agreement;
    const struct yaml_node *map = yaml_get(root, "parameters");
    enum err err = map == NULL ? ERR_OK : field_expect_kind(loading, map, YAML_MAP, "parameters");
    if (err == ERR_OK && map != NULL && map->count > PARAMETERS_MAX) {
        err = field_fail(loading, map, ERR_TOO_LARGE, "more than %d parameters", PARAMETERS_MAX);
    }
    if (err == ERR_OK && map != NULL) {
        agreement->parameters =
            agreement_take(agreement, map->count, sizeof(*agreement->parameters));
    }
    for (const struct yaml_node *node = map == NULL ? NULL : map->first;
         err == ERR_OK && node != NULL; node = node->next) {
        err = parameter_read(loading, node, &agreement->parameters[agreement->parameter_count]);
        if (err == ERR_OK) {
            agreement->parameter_count++;
        }
    }
    if (err == ERR_OK) {
        err = apply_overrides(loading);
    }
    for (uint32_t i = 0; err == ERR_OK && i < agreement->parameter_count; i++) {
        const struct parameter *parameter = &agreement->parameters[i];
        err = cel_declare_const(agreement->env, parameter->name,
                                parameter_cel_type(agreement->env, parameter->type),
                                parameter->value, loading->diag);
    }
    return err;
}

/* --- variables ---------------------------------------------------------------------------------
 */

static enum err constant_list(struct loading *loading, const struct yaml_node *node) {
    struct value list = value_null();
    enum err err = expr_declare_name(loading, node->key, "variable");
    if (err == ERR_OK) {
        err = list_read(loading, node, &list);
    }
    if (err == ERR_OK) {
        struct cel_env *env = loading->agreement->env;
        err = cel_declare_const(env, (const char *)node->key->text.ptr,
                                cel_type_list(env, cel_type(env, CEL_STRING)), list, loading->diag);
    }
    return err;
}

static enum err variable_read(struct loading *loading, const struct yaml_node *node) {
    if (node->kind == YAML_SEQ) {
        return constant_list(loading, node);
    }
    const struct cel_program *program = NULL;
    enum err err = expr_compile(loading, node, NULL, &program);
    if (err != ERR_OK) {
        return err;
    }
    err = expr_declare_name(loading, node->key, "variable");
    if (err == ERR_OK) {
        err = cel_declare_expr(loading->agreement->env, (const char *)node->key->text.ptr, program,
                               loading->diag);
    }
    return err;
}

enum err variables_load(struct loading *loading, const struct yaml_node *root) {
    const struct yaml_node *map = yaml_get(root, "variables");
    if (map == NULL) {
        return ERR_OK;
    }
    enum err err = field_expect_kind(loading, map, YAML_MAP, "variables");
    if (err == ERR_OK && map->count > VARIABLES_MAX) {
        err = field_fail(loading, map, ERR_TOO_LARGE, "more than %d variables", VARIABLES_MAX);
    }
    for (const struct yaml_node *node = map->first; err == ERR_OK && node != NULL;
         node = node->next) {
        err = variable_read(loading, node);
    }
    return err;
}
