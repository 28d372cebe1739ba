/* Purpose: reading the properties of a document, so that `check` reports their faults with line and
 * column.  prove/ decides them; a finding never depends on one. */
#include "rules/rules_priv.h"

#include "base/suggest.h"

static bool add_reasons(const struct agreement *agreement, struct span word, bool *reasons) {
    bool is_found = false;
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        const struct reason *reason = &agreement->reasons[i];
        if (span_is(word, disposition_name(reason->disposition)) || span_is(word, reason->label)) {
            reasons[i] = true;
            is_found = true;
        }
    }
    return is_found;
}

static enum err word_read(const struct loading *loading, const struct yaml_node *node,
                          bool *reasons) {
    const struct agreement *agreement = loading->agreement;
    enum err err = field_expect_kind(loading, node, YAML_SCALAR, "a disposition or a reason");
    if (err != ERR_OK || add_reasons(agreement, node->text, reasons)) {
        return err;
    }
    struct suggest suggest;
    suggest_init(&suggest, node->text);
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        suggest_offer(&suggest, span_str(agreement->reasons[i].label));
        suggest_offer(&suggest, span_str(disposition_name(agreement->reasons[i].disposition)));
    }
    return field_fail(loading, node, ERR_INVALID,
                      "this agreement gives no disposition or reason \"%.*s\"%s%.*s%s",
                      SPAN_ARG(node->text), SUGGEST_ARG(suggest));
}

/* One word, or a list of them. */
static enum err words_read(const struct loading *loading, const struct yaml_node *node,
                           struct property *property) {
    property->reasons =
        agreement_take(loading->agreement, loading->agreement->reason_count, sizeof(bool));
    if (node->kind != YAML_SEQ) {
        return word_read(loading, node, property->reasons);
    }
    enum err err = ERR_OK;
    for (const struct yaml_node *item = node->first; err == ERR_OK && item != NULL;
         item = item->next) {
        err = word_read(loading, item, property->reasons);
    }
    return err == ERR_OK && node->first == NULL
               ? field_fail(loading, node, ERR_INVALID, "expected a disposition or a reason")
               : err;
}

static enum err claim_read(const struct loading *loading, const struct yaml_node *map,
                           struct property *property) {
    const struct yaml_node *never = yaml_get(map, "never");
    const struct yaml_node *always = yaml_get(map, "always");
    if ((never == NULL) == (always == NULL)) {
        return field_fail(loading, map, ERR_INVALID,
                          "a property has either `never` or `always`, with a disposition or a "
                          "reason");
    }
    property->is_always = always != NULL;
    return words_read(loading, never != NULL ? never : always, property);
}

static enum err property_read(struct loading *loading, const struct yaml_node *map,
                              struct property *property) {
    static const char *const keys[] = {"name", "never", "always", "when", "cite", NULL};
    enum err err = field_map(loading, map, "a property", keys);
    if (err == ERR_OK) {
        err = field_text(loading, map, "name", &property->name);
    }
    if (err == ERR_OK) {
        err = claim_read(loading, map, property);
    }
    if (err == ERR_OK) {
        err = field_text_opt(loading, map, "cite", &property->cite);
    }
    const struct yaml_node *when = err == ERR_OK ? yaml_get(map, "when") : NULL;
    property->line = map->line;
    if (when == NULL) {
        return err;
    }
    uint64_t cost = loading->cost; /* no case ever runs it */
    err = expr_compile(loading, when, cel_type(loading->agreement->env, CEL_BOOL), &property->when);
    loading->cost = cost;
    return err;
}

enum err properties_load(struct loading *loading, const struct yaml_node *root) {
    struct agreement *agreement = loading->agreement;
    const struct yaml_node *list = yaml_get(root, "properties");
    if (list == NULL || yaml_is_null(list)) {
        return ERR_OK;
    }
    enum err err = field_expect_kind(loading, list, YAML_SEQ, "properties");
    if (err == ERR_OK && list->count > PROPERTIES_MAX) {
        err = field_fail(loading, list, ERR_TOO_LARGE, "more than %d properties", PROPERTIES_MAX);
    }
    if (err != ERR_OK) {
        return err;
    }
    agreement->properties = agreement_take(agreement, list->count, sizeof(*agreement->properties));
    for (const struct yaml_node *node = list->first; err == ERR_OK && node != NULL;
         node = node->next) {
        err = property_read(loading, node, &agreement->properties[agreement->property_count]);
        agreement->property_count += err == ERR_OK ? 1 : 0;
    }
    return err;
}
