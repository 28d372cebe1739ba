/* See outline.h.  Read from the document's tree, so the outline shows the loaded source. */
#include "rules/outline.h"

#include "base/date.h"
#include "base/mem.h"
#include "rules/rules_priv.h"

#include <stdio.h>

#define OUTLINE_BYTES_MAX ((size_t)64 << 20)

const char *outline_kind_name(enum outline_kind kind) {
    static const char *const names[] = {"agreement", "event",   "parameter", "variable",
                                        "rule",      "example", "test",      "fact"};
    _Static_assert(COUNT_OF(names) == OUTLINE_KIND_COUNT, "a name per kind");
    CHECK(kind < OUTLINE_KIND_COUNT);
    return names[kind];
}

struct outliner {
    struct outline *outline;
    const struct agreement *agreement; /* NULL: of the schema */
    const struct yaml_doc *yaml;
};

static bool is_like(const struct outline_item *a, const struct outline_item *b) {
    return a->kind == b->kind && strcmp(a->section, b->section) == 0 && span_eq(a->key, b->key);
}

static struct outline_item *item_add(struct outliner *outliner, enum outline_kind kind,
                                     const char *section, struct span key) {
    struct outline *outline = outliner->outline;
    MEM_ROOM(outline->items, outline->count, outline->cap, 64);
    struct outline_item *item = &outline->items[outline->count];
    *item = (struct outline_item){.kind = kind, .section = section, .key = key, .number = 1};
    for (uint32_t i = 0; i < outline->count; i++) {
        item->number += is_like(&outline->items[i], item) ? 1 : 0;
    }
    outline->count++;
    return item;
}

static void field_add(struct outline_item *item, const char *name, struct span value) {
    CHECK(item->field_count < OUTLINE_FIELDS_MAX);
    item->fields[item->field_count++] = (struct outline_field){name, value};
}

/* A scalar's value; a list or map as written, on one line. */
static struct span node_text(struct outliner *outliner, const struct yaml_node *node) {
    if (node->kind == YAML_SCALAR) {
        return node->text;
    }
    struct span source = yaml_source(outliner->yaml);
    struct buf line = BUF_EMPTY;
    for (size_t i = node->start; i < node->end; i++) {
        bool is_blank = source.ptr[i] == ' ' || source.ptr[i] == '\n' || source.ptr[i] == '\r';
        if (!is_blank) {
            buf_byte(&line, source.ptr[i]);
        } else if (line.len > 0 && line.ptr[line.len - 1] != ' ') {
            buf_byte(&line, ' ');
        }
    }
    struct span copy = arena_copy(&outliner->outline->arena, buf_span(&line));
    CHECK(copy.ptr != NULL); /* far more than a document of 1 MiB needs */
    buf_free(&line);
    return copy;
}

/* The named fields of a map, in that order. */
static void fields_add(struct outliner *outliner, uint32_t item, const struct yaml_node *map,
                       const char *const *names) {
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct yaml_node *node = yaml_get(map, names[i]);
        if (node != NULL) {
            field_add(&outliner->outline->items[item], names[i], node_text(outliner, node));
        }
    }
}

static uint32_t item_of_map(struct outliner *outliner, enum outline_kind kind, const char *section,
                            struct span key, const struct yaml_node *map,
                            const char *const *names) {
    uint32_t at = outliner->outline->count;
    (void)item_add(outliner, kind, section, key);
    fields_add(outliner, at, map, names);
    return at;
}

/* --- parts of an agreement ---------------------------------------------------------------------
 */

static void add_events(struct outliner *outliner, const struct yaml_node *root) {
    static const char *const names[] = {"date", "recorded", "corrects", "cite", "verify", NULL};
    for (const struct yaml_node *node = field_first(root, "events"); node != NULL;
         node = node->next) {
        (void)item_of_map(outliner, OUTLINE_EVENT, "", yaml_get(node, "event")->text, node, names);
    }
}

static struct span parameter_text(struct outliner *outliner, const struct parameter *parameter) {
    struct buf text = BUF_EMPTY;
    if (parameter->type == PARAM_DATE) {
        char day[DATE_TEXT_BYTES];
        date_format((int32_t)(parameter->value.i / DATE_DAY_SECONDS), day);
        buf_str(&text, day);
    } else {
        cel_value_print(parameter->value, &text);
    }
    struct span copy = arena_copy(&outliner->outline->arena, buf_span(&text));
    CHECK(copy.ptr != NULL);
    buf_free(&text);
    return copy;
}

static void add_parameters(struct outliner *outliner, const struct yaml_node *root) {
    for (const struct yaml_node *node = field_first(root, "parameters"); node != NULL;
         node = node->next) {
        static const char *const names[] = {"type", "why", NULL};
        const struct parameter *found = parameter_find(outliner->agreement, node->key->text);
        CHECK(found != NULL);
        uint32_t at = item_of_map(outliner, OUTLINE_PARAMETER, "", node->key->text, node, names);
        field_add(&outliner->outline->items[at], "value", parameter_text(outliner, found));
    }
}

static void add_variables(struct outliner *outliner, const struct yaml_node *root) {
    for (const struct yaml_node *node = field_first(root, "variables"); node != NULL;
         node = node->next) {
        struct outline_item *item = item_add(outliner, OUTLINE_VARIABLE, "", node->key->text);
        field_add(item, "value", node_text(outliner, node));
    }
}

static void add_rule(struct outliner *outliner, const char *section, const struct yaml_node *given,
                     const struct yaml_node *node) {
    static const char *const names[] = {"when",     "by",   "from",   "until",
                                        "recorded", "cite", "verify", NULL};
    if (node->kind == YAML_SCALAR) {
        (void)item_add(outliner, OUTLINE_RULE, section, node->text);
        return;
    }
    if (yaml_get(node, "status") != NULL) {
        static const char *const status_names[] = {"status", "why", NULL};
        (void)item_of_map(outliner, OUTLINE_RULE, section, SPAN_LIT("status"), node, status_names);
        return;
    }
    uint32_t at =
        item_of_map(outliner, OUTLINE_RULE, section, yaml_get(node, "label")->text, node, names);
    if (given != NULL) {
        field_add(&outliner->outline->items[at], "given", given->text);
    }
}

static void add_rules(struct outliner *outliner, const struct yaml_node *root) {
    const struct yaml_node *rules = yaml_get(root, "rules");
    for (enum section section = 0; section < SECTION_COUNT; section++) {
        for (const struct yaml_node *node = field_first(rules, section_name(section)); node != NULL;
             node = node->next) {
            const struct yaml_node *given = yaml_get(node, "given");
            if (given == NULL) {
                add_rule(outliner, section_name(section), NULL, node);
            }
            for (const struct yaml_node *rule = given == NULL ? NULL : field_first(node, "rules");
                 rule != NULL; rule = rule->next) {
                add_rule(outliner, section_name(section), given, rule);
            }
        }
    }
    add_rule(outliner, "otherwise", NULL, yaml_get(rules, "otherwise"));
}

static void add_tests(struct outliner *outliner, const struct yaml_node *root) {
    static const char *const names[] = {"as_of", "given", "set", "expect", NULL};
    const struct yaml_node *example = yaml_get(root, "example");
    if (example != NULL) {
        struct outline_item *item = item_add(outliner, OUTLINE_EXAMPLE, "", SPAN_LIT("example"));
        field_add(item, "facts", node_text(outliner, example));
    }
    for (const struct yaml_node *node = field_first(root, "tests"); node != NULL;
         node = node->next) {
        (void)item_of_map(outliner, OUTLINE_TEST, "", yaml_get(node, "name")->text, node, names);
    }
}

void outline_agreement(const struct ruleset *ruleset, uint32_t agreement, struct outline *outline) {
    CHECK(agreement < ruleset->agreement_count);
    static const char *const names[] = {"title", "parties", "receiving", NULL};
    const struct agreement *found = ruleset->agreements[agreement];
    struct outliner outliner = {.outline = outline, .agreement = found, .yaml = found->yaml};
    const struct yaml_node *root = yaml_root(found->yaml);
    arena_init(&outline->arena, OUTLINE_BYTES_MAX);
    (void)item_of_map(&outliner, OUTLINE_HEAD, "", span_str(found->id), root, names);
    add_events(&outliner, root);
    add_parameters(&outliner, root);
    add_variables(&outliner, root);
    add_rules(&outliner, root);
    add_tests(&outliner, root);
}

void outline_schema(const struct ruleset *ruleset, struct outline *outline) {
    static const char *const names[] = {"type",  "words", "keys",     "of",   "fields", "max",
                                        "bytes", "range", "asked_of", "help", NULL};
    struct outliner outliner = {.outline = outline, .yaml = ruleset->schema_yaml};
    arena_init(&outline->arena, OUTLINE_BYTES_MAX);
    for (const struct yaml_node *node = field_first(yaml_root(ruleset->schema_yaml), "facts");
         node != NULL; node = node->next) {
        (void)item_of_map(&outliner, OUTLINE_FACT, "", node->key->text, node, names);
    }
}

void outline_free(struct outline *outline) {
    arena_free(&outline->arena);
    mem_free(outline->items);
    *outline = (struct outline){0};
}

const struct outline_item *outline_find(const struct outline *outline,
                                        const struct outline_item *like) {
    for (uint32_t i = 0; i < outline->count; i++) {
        if (is_like(&outline->items[i], like) && outline->items[i].number == like->number) {
            return &outline->items[i];
        }
    }
    return NULL;
}

struct span outline_field(const struct outline_item *item, const char *name) {
    for (uint32_t i = 0; i < item->field_count; i++) {
        if (strcmp(item->fields[i].name, name) == 0) {
            return item->fields[i].value;
        }
    }
    return (struct span){0};
}

const char *outline_status(const struct ruleset *ruleset, uint32_t agreement, int32_t day) {
    CHECK(agreement < ruleset->agreement_count);
    struct status status = agreement_status(ruleset->agreements[agreement], day, DATE_DAYS_MAX);
    return status.reason == STATUS_GOES_ON ? "in force" : status_reason_label(status.reason);
}

uint32_t ruleset_doc_case_count(const struct ruleset *ruleset, uint32_t agreement) {
    CHECK(agreement < ruleset->agreement_count);
    return ruleset->agreements[agreement]->test_count;
}

struct doc_case ruleset_doc_case(const struct ruleset *ruleset, uint32_t agreement,
                                 uint32_t index) {
    CHECK(index < ruleset_doc_case_count(ruleset, agreement));
    const struct example_test *test = &ruleset->agreements[agreement]->tests[index];
    return (struct doc_case){.name = test->name,
                             .slots = test->slots,
                             .reference_date = test->reference_date,
                             .as_of = test->as_of};
}
