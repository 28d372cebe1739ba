/* Names that a fact cannot have: conditions, the table `cases` or the reports use them already.
 * Found here, the fault has its place in case.yaml; otherwise `casemill db migrate` would find it
 * when the rules are in use already. */
#include "rules/rules_priv.h"

#include "casedoc/column.h"

#include <stdio.h>

static bool is_one_of(struct span name, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, words[i])) {
            return true;
        }
    }
    return false;
}

/* What the first part of a name in a condition means already; NULL: nothing. */
static const char *meaning_in_conditions(struct span name) {
    static const char *const built_in[] = {"agreement", "reference_date", "as_of", "in_force_on"};
    static const char *const constants[] = {"true", "false", "null"};
    if (is_one_of(name, built_in, COUNT_OF(built_in))) {
        return "is a built-in name of conditions";
    }
    if (is_one_of(name, constants, COUNT_OF(constants))) {
        return "is a constant in conditions";
    }
    return cel_is_reserved(name) ? "is a reserved word of conditions" : NULL;
}

/* The key of the name or of its leaf; the schema has read both from there. */
static const struct yaml_node *key_of(const struct ruleset *ruleset, const char *name) {
    const struct yaml_node *facts = yaml_get(yaml_root(ruleset->schema_yaml), "facts");
    const char *dot = strchr(name, '.');
    struct span first = span_make(name, dot == NULL ? strlen(name) : (size_t)(dot - name));
    const struct yaml_node *fact = facts->first;
    while (!span_eq(fact->key->text, first)) {
        fact = fact->next;
    }
    return dot == NULL ? fact->key : yaml_get(yaml_get(fact, "fields"), dot + 1)->key;
}

static enum err column_check(const struct ruleset *ruleset, const struct fact *fact,
                             struct diag *diag) {
    struct buf column = BUF_EMPTY;
    enum err err = ERR_OK;
    fact_column_name(fact, &column);
    if (column.len > COLUMN_NAME_BYTES_MAX) {
        err = yaml_fail(ruleset->schema_yaml, key_of(ruleset, fact->name), ERR_TOO_LARGE, diag,
                        "the column of %s has %zu bytes, and PostgreSQL allows %d: shorten a name",
                        fact->name, column.len, (int)COLUMN_NAME_BYTES_MAX);
    } else if (column_is_reserved(buf_span(&column))) {
        err = yaml_fail(ruleset->schema_yaml, key_of(ruleset, fact->name), ERR_CONFLICT, diag,
                        "%s is the name of a column that casemill itself uses: give the fact "
                        "another name",
                        buf_cstr(&column));
    }
    buf_free(&column);
    return err;
}

enum err schema_names_check(const struct ruleset *ruleset, struct diag *diag) {
    const struct schema *schema = ruleset->schema;
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < schema->fact_count; i++) {
        const char *meaning = meaning_in_conditions(span_str(schema->facts[i].name));
        if (meaning != NULL) {
            err = yaml_fail(ruleset->schema_yaml, key_of(ruleset, schema->facts[i].name),
                            ERR_CONFLICT, diag, "%s %s: give the fact another name",
                            schema->facts[i].name, meaning);
        }
    }
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[i];
        if (cel_is_reserved(span_str(fact->leaf))) {
            err = yaml_fail(ruleset->schema_yaml, key_of(ruleset, fact->name), ERR_CONFLICT, diag,
                            "%s is a reserved word of conditions: give the fact another name",
                            fact->leaf);
        }
        err = err == ERR_OK ? column_check(ruleset, fact, diag) : err;
    }
    return err;
}
