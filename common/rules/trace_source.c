/* The locations of a loaded agreement's rules in its document, and the names in their conditions.
 * The walk is the same as in rule_list.c, over a document that it has accepted. */
#include "rules/rules_priv.h"

static void rule_source(const struct yaml_node *map, const struct yaml_node *given,
                        struct rule_source *source) {
    const struct yaml_node *when = yaml_get(map, "when");
    *source = (struct rule_source){.node = map, .given = given, .when = when};
}

void rule_sources(const struct agreement *agreement, struct rule_source *sources) {
    const struct yaml_node *rules = yaml_get(yaml_root(agreement->yaml), "rules");
    uint32_t count = 0;
    for (enum section i = 0; i < SECTION_COUNT; i++) {
        for (const struct yaml_node *node = field_first(rules, section_name(i)); node != NULL;
             node = node->next) {
            const struct yaml_node *group = yaml_get(node, "rules");
            const struct yaml_node *inner = group == NULL ? node : group->first;
            while (inner != NULL) {
                rule_source(inner, yaml_get(node, "given"), &sources[count++]);
                inner = group == NULL ? NULL : inner->next;
            }
        }
    }
    CHECK(count == agreement->rule_count);
}

static bool is_named(struct span word, struct span name) {
    return word.len >= name.len && (word.len == name.len || word.ptr[name.len] == '.') &&
           memcmp(word.ptr, name.ptr, name.len) == 0;
}

bool source_names(const struct yaml_node *condition, struct span name) {
    struct expr_words words = {.text = condition == NULL ? (struct span){0} : condition->text};
    while (expr_words_next(&words)) {
        if (is_named(words.word, name)) {
            return true;
        }
    }
    return false;
}
