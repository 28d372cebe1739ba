/* Names that are declared but never read: facts, parameters, variables. */
#include "rules/lint_priv.h"
#include "rules/rules_priv.h"

static struct span first_part(struct span word) {
    const uint8_t *dot = memchr(word.ptr, '.', word.len);
    return dot == NULL ? word : span_make(word.ptr, (size_t)(dot - word.ptr));
}

static struct lint_name *name_find(struct linting *linting, struct span name) {
    for (uint32_t i = 0; i < linting->name_count; i++) {
        if (span_eq(linting->names[i].name, name)) {
            return &linting->names[i];
        }
    }
    return NULL;
}

/* Marks the names in the text; true when its value depends on a parameter. */
static bool mark_read(struct linting *linting, struct span text) {
    bool hangs = false;
    struct expr_words words = {.text = text};
    while (expr_words_next(&words)) {
        struct lint_name *name = name_find(linting, first_part(words.word));
        if (name != NULL) {
            name->is_read = true;
            hangs = hangs || name->hangs_on_parameter;
        }
    }
    return hangs;
}

static void add_names(struct linting *linting, const char *key, bool is_parameter) {
    const struct yaml_node *map = yaml_get(yaml_root(linting->known->yaml), key);
    for (const struct yaml_node *node = map == NULL ? NULL : map->first; node != NULL;
         node = node->next) {
        /* A variable can only name earlier ones. */
        bool hangs = !is_parameter && node->kind == YAML_SCALAR && mark_read(linting, node->text);
        linting->names[linting->name_count++] =
            (struct lint_name){.name = node->key->text,
                               .node = node->key,
                               .is_parameter = is_parameter,
                               .hangs_on_parameter = is_parameter || hangs};
    }
}

void lint_names_read(struct linting *linting) {
    add_names(linting, "parameters", true);
    add_names(linting, "variables", false);
    for (uint32_t i = 0; i < linting->expr_count; i++) {
        /* Variables are first and already marked: marking them again changes nothing. */
        linting->exprs[i].hangs_on_parameter = mark_read(linting, linting->exprs[i].node->text);
    }
}

void lint_unread(struct linting *linting) {
    for (uint32_t i = 0; i < linting->name_count; i++) {
        const struct lint_name *name = &linting->names[i];
        if (!name->is_read) {
            (void)lint_add(linting, name->node, false, "remove it, or use it",
                           "no condition reads %s %.*s",
                           name->is_parameter ? "parameter" : "variable", SPAN_ARG(name->name));
        }
    }
}

/* The key of a fact, or of a leaf of a record, in case.yaml. */
static const struct yaml_node *fact_key(const struct ruleset *ruleset, const struct fact *fact) {
    const struct yaml_node *facts = yaml_get(yaml_root(ruleset->schema_yaml), "facts");
    for (const struct yaml_node *node = facts->first; node != NULL; node = node->next) {
        if (span_is(node->key->text, fact->name)) {
            return node->key;
        }
        if (!span_eq(node->key->text, first_part(span_str(fact->name)))) {
            continue;
        }
        const struct yaml_node *fields = yaml_get(node, "fields");
        const struct yaml_node *leaf = fields == NULL ? NULL : yaml_get(fields, fact->leaf);
        return leaf == NULL ? node->key : leaf->key;
    }
    return facts;
}

void lint_facts(struct lint *lint, const struct ruleset *ruleset) {
    struct agreement schema = {.yaml = ruleset->schema_yaml};
    struct linting linting = {.lint = lint, .ruleset = ruleset, .known = &schema};
    struct path_set read = {0};
    ruleset_slots_read(ruleset, &read);
    for (uint32_t i = 0; ruleset->agreement_count > 0 && i < ruleset->schema->slot_count; i++) {
        const struct fact *fact = ruleset->schema->slots[i];
        if (!path_set_has(&read, i)) {
            (void)lint_add(&linting, fact_key(ruleset, fact), false,
                           "intake supplies it without use; its column stays",
                           "no rule reads fact %s", fact->name);
        }
    }
}
