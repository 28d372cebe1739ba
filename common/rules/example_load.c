/* Purpose: reading the example and the tests of a document, so that `check` reports their faults
 * with line and column.  example_run.c runs them. */
#include "rules/rules_priv.h"

#include "base/suggest.h"

/* --- facts of the example and of `given` --------------------------------------------------------
 */

struct facts {
    struct value *slots;
    bool has_reference_date, has_as_of;
    int32_t reference_date, as_of;
};

static enum err unknown_name(const struct loading *loading, const struct yaml_node *node) {
    const struct schema *schema = loading->ruleset->schema;
    struct suggest suggest;
    suggest_init(&suggest, node->text);
    for (uint32_t i = 0; i < schema->path_count; i++) {
        suggest_offer(&suggest, span_str(schema->paths[i]->name));
    }
    return field_fail(loading, node, ERR_INVALID, "no fact \"%.*s\"%s%.*s%s", SPAN_ARG(node->text),
                      SUGGEST_ARG(suggest));
}

static enum err slot_read(const struct loading *loading, const struct fact *fact,
                          const struct yaml_node *node, struct facts *facts) {
    if (fact->slot == UINT16_MAX) {
        return field_fail(loading, node, ERR_INVALID, "%s is inside a list: give the whole list",
                          fact->name);
    }
    if (yaml_is_null(node)) {
        facts->slots[fact->slot] = value_unknown(fact->path);
        return ERR_OK;
    }
    struct value *slot = &facts->slots[fact->slot];
    enum err err = case_slot_from_yaml(loading->ruleset->schema, fact, loading->yaml, node,
                                       &loading->agreement->arena, slot, loading->diag);
    if (err == ERR_OK && !value_is_storable(slot) && !loading->ruleset->is_stored) {
        err = field_fail(loading, node, ERR_INVALID,
                         "%s: expected an instant of whole microseconds, as at intake", fact->name);
    }
    return err;
}

static enum err record_read(const struct loading *loading, const struct fact *record,
                            const struct yaml_node *node, struct facts *facts) {
    enum err err = ERR_OK;
    if (yaml_is_null(node)) {
        for (uint32_t i = 0; i < record->field_count; i++) {
            facts->slots[record->fields[i].slot] = value_unknown(record->fields[i].path);
        }
        return ERR_OK;
    }
    err = field_expect_kind(loading, node, YAML_MAP, record->name);
    for (const struct yaml_node *leaf = node->first; err == ERR_OK && leaf != NULL;
         leaf = leaf->next) {
        const struct fact *found = NULL;
        for (uint32_t i = 0; i < record->field_count && found == NULL; i++) {
            found = span_is(leaf->key->text, record->fields[i].leaf) ? &record->fields[i] : NULL;
        }
        err = found == NULL ? unknown_name(loading, leaf->key)
                            : slot_read(loading, found, leaf, facts);
    }
    return err;
}

static enum err fact_read(const struct loading *loading, const struct yaml_node *node,
                          struct facts *facts) {
    const struct schema *schema = loading->ruleset->schema;
    struct span name = node->key->text;
    if (span_is(name, "reference_date")) {
        facts->has_reference_date = true;
        return yaml_date(loading->yaml, node, &facts->reference_date, loading->diag);
    }
    if (span_is(name, "as_of")) {
        facts->has_as_of = true;
        return yaml_date(loading->yaml, node, &facts->as_of, loading->diag);
    }
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        if (schema->facts[i].type == FACT_RECORD && span_is(name, schema->facts[i].name)) {
            return record_read(loading, &schema->facts[i], node, facts);
        }
    }
    const struct fact *fact = schema_find(schema, name);
    return fact == NULL ? unknown_name(loading, node->key) : slot_read(loading, fact, node, facts);
}

static enum err facts_read(const struct loading *loading, const struct yaml_node *map,
                           const char *what, struct facts *facts) {
    enum err err = field_expect_kind(loading, map, YAML_MAP, what);
    for (const struct yaml_node *node = map->first; err == ERR_OK && node != NULL;
         node = node->next) {
        err = fact_read(loading, node, facts);
    }
    return err;
}

/* --- expect ------------------------------------------------------------------------------------
 */

static enum err missing_read(const struct loading *loading, const struct yaml_node *list,
                             struct expectation *expect) {
    enum err err = field_expect_kind(loading, list, YAML_SEQ, "missing");
    expect->has_missing = true;
    expect->missing = agreement_take(loading->agreement, list->count, sizeof(*expect->missing));
    for (const struct yaml_node *node = list->first; err == ERR_OK && node != NULL;
         node = node->next) {
        const struct fact *fact =
            node->kind == YAML_SCALAR ? schema_find(loading->ruleset->schema, node->text) : NULL;
        if (fact == NULL) {
            return unknown_name(loading, node);
        }
        expect->missing[expect->missing_count++] = fact->path;
    }
    return err;
}

static enum err reason_read(const struct loading *loading, const struct yaml_node *node,
                            struct expectation *expect) {
    const struct agreement *agreement = loading->agreement;
    enum disposition disposition = 0;
    while (disposition < DISPOSITION_COUNT &&
           !span_is(node->key->text, disposition_name(disposition))) {
        disposition++;
    }
    if (disposition == DISPOSITION_COUNT) {
        return field_fail(loading, node->key, ERR_INVALID,
                          "expected a disposition (not_subject, exception_applies, "
                          "insufficient_information, screening_required, subject_to_agreement), "
                          "missing or projected");
    }
    enum err err = field_expect_kind(loading, node, YAML_SCALAR, "a reason");
    if (err != ERR_OK) {
        return err;
    }
    expect->disposition = disposition;
    expect->reason = reason_find(agreement, disposition, node->text);
    if (expect->reason < agreement->reason_count) {
        return ERR_OK;
    }
    struct suggest suggest;
    suggest_init(&suggest, node->text);
    for (uint32_t i = 0; i < agreement->reason_count; i++) {
        if (agreement->reasons[i].disposition == disposition) {
            suggest_offer(&suggest, span_str(agreement->reasons[i].label));
        }
    }
    return field_fail(loading, node, ERR_INVALID,
                      "this agreement never gives %s with reason \"%.*s\"%s%.*s%s",
                      disposition_name(disposition), SPAN_ARG(node->text), SUGGEST_ARG(suggest));
}

/* test NULL: inside `projected`, which may not be nested. */
static enum err expect_read(const struct loading *loading, const struct yaml_node *map,
                            struct example_test *test, struct expectation *expect) {
    enum err err = field_expect_kind(loading, map, YAML_MAP, "expect");
    uint32_t dispositions = 0;
    for (const struct yaml_node *node = map->first; err == ERR_OK && node != NULL;
         node = node->next) {
        if (span_is(node->key->text, "missing")) {
            err = missing_read(loading, node, expect);
        } else if (span_is(node->key->text, "projected") && test != NULL) {
            test->projection = yaml_is_null(node) ? PROJECTION_NONE : PROJECTION_GIVEN;
            err = yaml_is_null(node) ? ERR_OK : expect_read(loading, node, NULL, &test->projected);
        } else {
            err = reason_read(loading, node, expect);
            dispositions++;
        }
    }
    if (err == ERR_OK && dispositions != 1) {
        err = field_fail(loading, map, ERR_INVALID, "expected one DISPOSITION: REASON");
    }
    return err;
}

/* --- set ---------------------------------------------------------------------------------------
 */

/* A list's items, written as for --set. */
static enum err set_value(const struct loading *loading, const struct yaml_node *node,
                          struct span *value) {
    if (node->kind == YAML_SCALAR) {
        *value = node->text;
        return ERR_OK;
    }
    struct buf text = BUF_EMPTY;
    enum err err = field_expect_kind(loading, node, YAML_SEQ, "a parameter's value");
    for (const struct yaml_node *item = node->first; err == ERR_OK && item != NULL;
         item = item->next) {
        err = field_expect_kind(loading, item, YAML_SCALAR, "a string");
        if (err == ERR_OK && memchr(item->text.ptr, ',', item->text.len) != NULL) {
            err = field_fail(loading, item, ERR_INVALID,
                             "a string with a comma cannot be set: commas separate");
        }
        if (err == ERR_OK) {
            buf_printf(&text, "%s%.*s", item == node->first ? "" : ",", SPAN_ARG(item->text));
        }
    }
    *value = arena_copy(&loading->agreement->arena, buf_span(&text));
    buf_free(&text);
    return err;
}

static enum err set_read(const struct loading *loading, const struct yaml_node *map,
                         struct example_test *test) {
    struct agreement *agreement = loading->agreement;
    enum err err = field_expect_kind(loading, map, YAML_MAP, "set");
    if (err != ERR_OK) {
        return err;
    }
    test->set = agreement_take(agreement, map->count, sizeof(*test->set));
    for (const struct yaml_node *node = map->first; err == ERR_OK && node != NULL;
         node = node->next) {
        const struct parameter *parameter = parameter_find(agreement, node->key->text);
        if (parameter == NULL) {
            return field_fail(loading, node->key, ERR_INVALID, "no parameter \"%.*s\"",
                              SPAN_ARG(node->key->text));
        }
        struct override *set = &test->set[test->set_count++];
        struct value parsed = value_null();
        *set =
            (struct override){.agreement = span_str(agreement->id), .parameter = node->key->text};
        err = set_value(loading, node, &set->value);
        if (err == ERR_OK && !parameter_parse(agreement, parameter->type, set->value, &parsed)) {
            err = field_fail(loading, node, ERR_INVALID, "expected %s",
                             parameter_type_name(parameter->type));
        }
    }
    return err;
}

/* --- a test ------------------------------------------------------------------------------------
 */

static enum err test_read(const struct loading *loading, const struct yaml_node *map,
                          const struct facts *example, struct example_test *test) {
    static const char *const keys[] = {"name", "given", "set", "as_of", "expect", NULL};
    uint32_t slot_count = loading->ruleset->schema->slot_count;
    struct facts facts = *example;
    facts.slots = agreement_take(loading->agreement, slot_count, sizeof(*facts.slots));
    memcpy(facts.slots, example->slots, slot_count * sizeof(*facts.slots));
    test->slots = facts.slots;
    test->line = map->line;
    enum err err = field_map(loading, map, "a test", keys);
    if (err == ERR_OK) {
        err = field_text(loading, map, "name", &test->name);
    }
    if (err == ERR_OK && yaml_get(map, "given") != NULL) {
        err = facts_read(loading, yaml_get(map, "given"), "given", &facts);
    }
    if (err == ERR_OK && yaml_get(map, "set") != NULL) {
        err = set_read(loading, yaml_get(map, "set"), test);
    }
    if (err == ERR_OK) {
        err = field_date_opt(loading, map, "as_of", &facts.has_as_of, &facts.as_of);
    }
    const struct yaml_node *expect = NULL;
    if (err == ERR_OK) {
        err = field_need(loading, map, "expect", YAML_MAP, &expect);
    }
    if (err == ERR_OK) {
        err = expect_read(loading, expect, test, &test->expect);
    }
    if (err == ERR_OK && !facts.has_reference_date) {
        err = field_fail(loading, map, ERR_INVALID,
                         "neither the example nor `given` has a reference_date");
    }
    test->reference_date = facts.reference_date;
    test->as_of = facts.has_as_of ? facts.as_of : facts.reference_date;
    return err;
}

enum err example_load(struct loading *loading, const struct yaml_node *root) {
    struct agreement *agreement = loading->agreement;
    const struct schema *schema = loading->ruleset->schema;
    const struct yaml_node *example_node = yaml_get(root, "example");
    const struct yaml_node *tests = yaml_get(root, "tests");
    struct facts example = {0};
    example.slots = agreement_take(agreement, schema->slot_count, sizeof(*example.slots));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        example.slots[i] = value_unknown(schema->slots[i]->path);
    }
    enum err err = ERR_OK;
    if (example_node != NULL) {
        err = facts_read(loading, example_node, "example", &example);
    }
    agreement->example = example.slots;
    agreement->example_has_reference_date = example.has_reference_date;
    agreement->example_has_as_of = example.has_as_of;
    agreement->example_reference_date = example.reference_date;
    agreement->example_as_of = example.as_of;
    if (err != ERR_OK || tests == NULL) {
        return err;
    }
    err = field_expect_kind(loading, tests, YAML_SEQ, "tests");
    if (err == ERR_OK && tests->count > TESTS_MAX) {
        err = field_fail(loading, tests, ERR_TOO_LARGE, "more than %d tests", TESTS_MAX);
    }
    if (err == ERR_OK && example_node == NULL) {
        err = field_fail(loading, tests, ERR_INVALID,
                         "tests change the document's `example`, which is missing");
    }
    agreement->tests = agreement_take(agreement, tests->count, sizeof(*agreement->tests));
    for (const struct yaml_node *node = tests->first; err == ERR_OK && node != NULL;
         node = node->next) {
        err = test_read(loading, node, &example, &agreement->tests[agreement->test_count]);
        agreement->test_count += err == ERR_OK ? 1 : 0;
    }
    return err;
}
