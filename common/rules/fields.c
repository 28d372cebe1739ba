/* Fields of a map in a document.  A missing key is a fault at the map, a value of another kind a
 * fault at the value. */
#include "rules/rules_priv.h"

#include <stdio.h>

static const char *kind_name(enum yaml_kind kind) {
    static const char *const names[] = {"a value", "a list", "a map"};
    CHECK(kind < COUNT_OF(names));
    return names[kind];
}

enum err field_fail(const struct loading *loading, const struct yaml_node *node, enum err err,
                    const char *format, ...) {
    char text[DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return yaml_fail(loading->yaml, node, err, loading->diag, "%s", text);
}

enum err field_expect_kind(const struct loading *loading, const struct yaml_node *node,
                           enum yaml_kind kind, const char *what) {
    if (node->kind != kind || (kind == YAML_SCALAR && yaml_is_null(node))) {
        return field_fail(loading, node, ERR_INVALID, "%s: expected %s", what, kind_name(kind));
    }
    return ERR_OK;
}

enum err field_map(const struct loading *loading, const struct yaml_node *node, const char *what,
                   const char *const *keys) {
    enum err err = field_expect_kind(loading, node, YAML_MAP, what);
    return err == ERR_OK ? yaml_only_keys(loading->yaml, node, keys, loading->diag) : err;
}

enum err field_need(const struct loading *loading, const struct yaml_node *map, const char *key,
                    enum yaml_kind kind, const struct yaml_node **node) {
    const struct yaml_node *found = yaml_get(map, key);
    if (found == NULL) {
        return field_fail(loading, map, ERR_INVALID, "`%s` is missing here", key);
    }
    enum err err = field_expect_kind(loading, found, kind, key);
    if (err == ERR_OK) {
        *node = found;
    }
    return err;
}

enum err field_text(const struct loading *loading, const struct yaml_node *map, const char *key,
                    const char **text) {
    const struct yaml_node *node = NULL;
    enum err err = field_need(loading, map, key, YAML_SCALAR, &node);
    if (err != ERR_OK) {
        return err;
    }
    if (node->text.len == 0) {
        return field_fail(loading, node, ERR_INVALID, "`%s` is empty", key);
    }
    *text = (const char *)node->text.ptr;
    return ERR_OK;
}

const struct yaml_node *field_first(const struct yaml_node *map, const char *key) {
    const struct yaml_node *node = yaml_get(map, key);
    return node == NULL ? NULL : node->first;
}

enum err field_text_opt(const struct loading *loading, const struct yaml_node *map, const char *key,
                        const char **text) {
    return yaml_get(map, key) == NULL ? ERR_OK : field_text(loading, map, key, text);
}

enum err field_date(const struct loading *loading, const struct yaml_node *map, const char *key,
                    int32_t *days) {
    const struct yaml_node *node = NULL;
    enum err err = field_need(loading, map, key, YAML_SCALAR, &node);
    return err == ERR_OK ? yaml_date(loading->yaml, node, days, loading->diag) : err;
}

enum err field_date_opt(const struct loading *loading, const struct yaml_node *map, const char *key,
                        bool *has, int32_t *days) {
    const struct yaml_node *node = yaml_get(map, key);
    if (node == NULL) {
        return ERR_OK;
    }
    enum err err = yaml_date(loading->yaml, node, days, loading->diag);
    if (err == ERR_OK) {
        *has = true;
    }
    return err;
}

enum err field_bool_opt(const struct loading *loading, const struct yaml_node *map, const char *key,
                        bool *value) {
    const struct yaml_node *node = yaml_get(map, key);
    return node == NULL ? ERR_OK : yaml_bool(loading->yaml, node, value, loading->diag);
}
