/* Reading a tree: typed scalars. */
#include "yaml/yaml_doc.h"

#include "base/date.h"
#include "base/suggest.h"

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key) {
    if (map->kind != YAML_MAP) {
        return NULL;
    }
    for (const struct yaml_node *value = map->first; value != NULL; value = value->next) {
        if (span_is(value->key->text, key)) {
            return value;
        }
    }
    return NULL;
}

static bool is_plain(const struct yaml_node *node) {
    return node->kind == YAML_SCALAR && node->style == YAML_PLAIN;
}

bool yaml_is_null(const struct yaml_node *node) {
    return is_plain(node) &&
           (node->text.len == 0 || span_is(node->text, "~") || span_is(node->text, "null"));
}

enum err yaml_bool(const struct yaml_doc *doc, const struct yaml_node *node, bool *value,
                   struct diag *diag) {
    bool is_true = is_plain(node) && span_is(node->text, "true");
    if (!is_true && !(is_plain(node) && span_is(node->text, "false"))) {
        return yaml_fail(doc, node, ERR_INVALID, diag, "expected true or false");
    }
    *value = is_true;
    return ERR_OK;
}

/* Only the sign '-', no leading zero: some YAML readers read 010 as eight. */
static bool parse_int(struct span text, int64_t *value) {
    size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    bool negative = at == 1;
    if (text.len == at || (text.ptr[at] == '0' && text.len > 1)) {
        return false;
    }
    int64_t sum = 0; /* negative, because that range is larger */
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, text.ptr[at] - '0', &sum)) {
            return false;
        }
    }
    if (!negative && sum == INT64_MIN) {
        return false;
    }
    *value = negative ? sum : -sum;
    return true;
}

enum err yaml_int(const struct yaml_doc *doc, const struct yaml_node *node, int64_t min,
                  int64_t max, int64_t *value, struct diag *diag) {
    int64_t read = 0;
    if (!is_plain(node) || !parse_int(node->text, &read) || read < min || read > max) {
        return yaml_fail(doc, node, ERR_INVALID, diag, "expected a whole number from %lld to %lld",
                         (long long)min, (long long)max);
    }
    *value = read;
    return ERR_OK;
}

enum err yaml_date(const struct yaml_doc *doc, const struct yaml_node *node, int32_t *days,
                   struct diag *diag) {
    if (node->kind != YAML_SCALAR || date_parse(node->text, days) != ERR_OK) {
        return yaml_fail(doc, node, ERR_INVALID, diag, "expected a day as YYYY-MM-DD");
    }
    return ERR_OK;
}

enum err yaml_only_keys(const struct yaml_doc *doc, const struct yaml_node *map,
                        const char *const names[], struct diag *diag) {
    if (map->kind != YAML_MAP) {
        return yaml_fail(doc, map, ERR_INVALID, diag, "expected a map");
    }
    for (const struct yaml_node *value = map->first; value != NULL; value = value->next) {
        struct suggest suggest;
        suggest_init(&suggest, value->key->text);
        bool known = false;
        for (size_t i = 0; names[i] != NULL && !known; i++) {
            known = span_is(value->key->text, names[i]);
            suggest_offer(&suggest, span_str(names[i]));
        }
        if (known) {
            continue;
        }
        if (suggest.best.ptr == NULL) {
            return yaml_fail(doc, value->key, ERR_INVALID, diag, "unknown key \"%.*s\"",
                             SPAN_ARG(value->key->text));
        }
        return yaml_fail(doc, value->key, ERR_INVALID, diag,
                         "unknown key \"%.*s\"; did you mean \"%.*s\"?", SPAN_ARG(value->key->text),
                         SPAN_ARG(suggest.best));
    }
    return ERR_OK;
}
