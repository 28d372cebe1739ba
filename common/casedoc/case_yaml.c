/* Facts as YAML in a rule document: the same checks as on the wire, with a position in the file. */
#include "base/date.h"
#include "casedoc/case_doc.h"
#include "casedoc/casedoc_priv.h"

#include <math.h>
#include <stdlib.h>

struct reader {
    const struct yaml_doc *yaml;
    struct arena *arena;
    struct diag *diag;
};

static enum err refuse(const struct reader *r, const struct fact *fact,
                       const struct yaml_node *node) {
    char expected[EXPECTED_BYTES];
    fact_expected(fact, expected);
    return yaml_fail(r->yaml, node, ERR_INVALID, r->diag, "%s: expected %s", fact->name, expected);
}

static enum err too_large(const struct reader *r, const struct yaml_node *node) {
    return yaml_fail(r->yaml, node, ERR_TOO_LARGE, r->diag, "the facts do not fit in memory");
}

/* Copies the text: the document may be freed before the value. */
static enum err read_text(const struct reader *r, const struct yaml_node *node,
                          struct value *value) {
    struct span text = arena_copy(r->arena, node->text);
    if (text.ptr == NULL) {
        return too_large(r, node);
    }
    *value = value_string(text);
    return ERR_OK;
}

static enum err read_double(const struct reader *r, const struct fact *fact,
                            const struct yaml_node *node, struct value *value) {
    const char *text = (const char *)node->text.ptr;
    char *end = NULL;
    bool number = node->style == YAML_PLAIN && node->text.len > 0 &&
                  strspn(text, "0123456789+-.eE") == node->text.len;
    double read = number ? strtod(text, &end) : NAN;
    if (!number || *end != '\0' || !isfinite(read) || (read == 0 && signbit(read))) {
        return refuse(r, fact, node);
    }
    *value = value_double(read);
    return ERR_OK;
}

static enum err read_word(const struct reader *r, const struct fact *fact,
                          const struct yaml_node *node, struct value *value) {
    bool sound = memchr(node->text.ptr, '\0', node->text.len) == NULL;
    if (fact->type == FACT_STRING) {
        sound = sound && node->text.len <= fact->bytes_max;
    } else {
        sound = fact_has_word(fact, node->text);
    }
    return sound ? read_text(r, node, value) : refuse(r, fact, node);
}

static enum err read_scalar(const struct reader *r, const struct fact *fact,
                            const struct yaml_node *node, struct value *value) {
    bool flag = false;
    int64_t number = 0;
    int32_t days = 0;
    if (node->kind != YAML_SCALAR) {
        return refuse(r, fact, node);
    }
    switch (fact->type) {
    case FACT_BOOL:
        if (yaml_bool(r->yaml, node, &flag, NULL) != ERR_OK) {
            return refuse(r, fact, node);
        }
        *value = value_bool(flag);
        return ERR_OK;
    case FACT_INT:
        if (yaml_int(r->yaml, node, fact->int_min, fact->int_max, &number, NULL) != ERR_OK) {
            return refuse(r, fact, node);
        }
        *value = value_int(number);
        return ERR_OK;
    case FACT_DATE:
        if (date_parse(node->text, &days) != ERR_OK) {
            return refuse(r, fact, node);
        }
        *value = value_date(days);
        return ERR_OK;
    case FACT_TIMESTAMP:
        return timestamp_parse(node->text, value) == ERR_OK ? ERR_OK : refuse(r, fact, node);
    case FACT_DOUBLE:
        return read_double(r, fact, node, value);
    case FACT_STRING:
    case FACT_ENUM:
    case FACT_ISO:
        return read_word(r, fact, node, value);
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        break;
    }
    UNREACHABLE();
}

static enum err read_record(const struct reader *r, const struct fact *record,
                            const struct yaml_node *node, struct value *value) {
    const char *names[FACT_FIELDS_MAX + 1] = {NULL};
    struct value *pairs = arena_zero(r->arena, record->field_count, 2 * sizeof(*pairs));
    if (pairs == NULL) {
        return too_large(r, node);
    }
    for (uint32_t i = 0; i < record->field_count; i++) {
        names[i] = record->fields[i].leaf;
    }
    enum err err = yaml_only_keys(r->yaml, node, names, r->diag);
    for (uint32_t i = 0; err == ERR_OK && i < record->field_count; i++) {
        const struct fact *field = &record->fields[i];
        const struct yaml_node *child = yaml_get(node, field->leaf);
        pairs[2 * i] = value_string(span_str(field->leaf));
        pairs[2 * i + 1] = value_unknown(field->path);
        if (child != NULL && !yaml_is_null(child)) {
            err = read_scalar(r, field, child, &pairs[2 * i + 1]);
        }
    }
    if (err == ERR_OK) {
        *value = value_map(pairs, record->field_count);
    }
    return err;
}

static enum err read_element(const struct reader *r, const struct fact *element,
                             const struct yaml_node *node, struct value *value) {
    if (yaml_is_null(node)) {
        return refuse(r, element, node);
    }
    return element->type == FACT_RECORD ? read_record(r, element, node, value)
                                        : read_scalar(r, element, node, value);
}

static enum err read_key(const struct reader *r, const struct fact *fact,
                         const struct yaml_node *key, struct value *value) {
    if (fact->map_keys_iso && !fact_has_word(fact, key->text)) {
        return yaml_fail(r->yaml, key, ERR_INVALID, r->diag,
                         "%s: expected an ISO 3166-1 alpha-2 code as key", fact->name);
    }
    if (!fact->map_keys_iso &&
        (key->text.len > fact->bytes_max || memchr(key->text.ptr, '\0', key->text.len) != NULL)) {
        return yaml_fail(r->yaml, key, ERR_INVALID, r->diag,
                         "%s: expected a key of at most %u bytes", fact->name, fact->bytes_max);
    }
    return read_text(r, key, value);
}

/* The elements of a list, or the entries of a map. */
static enum err read_many(const struct reader *r, const struct fact *fact,
                          const struct yaml_node *node, struct value *value) {
    bool is_map = fact->type == FACT_MAP;
    size_t width = is_map ? 2 : 1;
    if (node->kind != (is_map ? YAML_MAP : YAML_SEQ) || node->count > fact->count_max) {
        return refuse(r, fact, node);
    }
    struct value *items = arena_zero(r->arena, node->count, width * sizeof(*items));
    if (items == NULL) {
        return too_large(r, node);
    }
    struct value *item = items;
    enum err err = ERR_OK;
    for (const struct yaml_node *child = node->first; err == ERR_OK && child != NULL;
         child = child->next) {
        err = is_map ? read_key(r, fact, child->key, item++) : ERR_OK;
        err = err == ERR_OK ? read_element(r, fact->element, child, item++) : err;
    }
    if (err != ERR_OK) {
        return err;
    }
    CHECK(!is_map || pairs_sort(items, node->count)); /* a YAML map has no key twice */
    *value = is_map ? value_map(items, node->count) : value_list(items, node->count);
    return ERR_OK;
}

enum err case_slot_from_yaml(const struct schema *schema, const struct fact *fact,
                             const struct yaml_doc *yaml, const struct yaml_node *node,
                             struct arena *arena, struct value *slot, struct diag *diag) {
    CHECK(fact->slot < schema->slot_count);
    CHECK(schema->slots[fact->slot] == fact);
    struct reader reader = {.yaml = yaml, .arena = arena, .diag = diag};
    struct value value = value_unknown(fact->path);
    enum err err = ERR_OK;
    if (!yaml_is_null(node)) {
        bool is_many = fact->type == FACT_LIST || fact->type == FACT_MAP;
        err = is_many ? read_many(&reader, fact, node, &value)
                      : read_scalar(&reader, fact, node, &value);
    }
    if (err == ERR_OK) {
        *slot = value;
    }
    return err;
}
