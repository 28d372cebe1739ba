/* Purpose: conditions of a document: the allowed names, lints that need the document, and compile
 * errors with their location in the document. */
#include "rules/rules_priv.h"

#include "base/mem.h"

#include <stdio.h>

/* --- names -------------------------------------------------------------------------------------
 */

static const struct cel_type *fact_type(struct cel_env *env, const struct fact *fact);

static const struct cel_type *record_type(struct cel_env *env, const struct fact *fact) {
    struct cel_field fields[PATHS_MAX];
    CHECK(fact->field_count <= COUNT_OF(fields));
    for (uint32_t i = 0; i < fact->field_count; i++) {
        fields[i].name = fact->fields[i].leaf;
        fields[i].type = fact_type(env, &fact->fields[i]);
    }
    return cel_type_record(env, fields, fact->field_count);
}

/* The schema bounds the nesting: lists and maps of scalars, lists of records of scalars. */
static const struct cel_type *fact_type(struct cel_env *env, const struct fact *fact) {
    switch (fact->type) {
    case FACT_BOOL:
        return cel_type(env, CEL_BOOL);
    case FACT_INT:
        return cel_type(env, CEL_INT);
    case FACT_DOUBLE:
        return cel_type(env, CEL_DOUBLE);
    case FACT_STRING:
        return cel_type(env, CEL_STRING);
    case FACT_ENUM:
    case FACT_ISO:
        return cel_type_words(env, fact->words, fact->word_count);
    case FACT_DATE:
        return cel_type(env, CEL_DATE);
    case FACT_TIMESTAMP:
        return cel_type(env, CEL_TIMESTAMP);
    case FACT_LIST:
        return cel_type_list(env, fact_type(env, fact->element));
    case FACT_MAP:
        return cel_type_map(env, cel_type(env, CEL_STRING), fact_type(env, fact->element));
    case FACT_RECORD:
        return record_type(env, fact);
    }
    UNREACHABLE();
}

static enum err declare_facts(struct loading *loading) {
    const struct schema *schema = loading->ruleset->schema;
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[i];
        err = cel_declare_slot(loading->agreement->env, fact->name,
                               fact_type(loading->agreement->env, fact), fact->slot, loading->diag);
    }
    return err;
}

static void name_add(struct loading *loading, const char *name, const char *what) {
    CHECK(loading->name_count < NAMES_MAX); /* PATHS_MAX + parameters + variables + built-ins */
    loading->names[loading->name_count].name = name;
    loading->names[loading->name_count].what = what;
    loading->name_count++;
}

enum err expr_declare_builtins(struct loading *loading) {
    static const char *const extra_names[] = {"reference_date", "as_of", "in_force_on"};
    _Static_assert(EXTRA_REFERENCE_DATE == 0 && EXTRA_AS_OF == 1 && EXTRA_IN_FORCE_ON == 2,
                   "extra_names is in the order of the extra slots");
    struct agreement *agreement = loading->agreement;
    const struct schema *schema = loading->ruleset->schema;
    const struct cel_type *string = cel_type(agreement->env, CEL_STRING);
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        name_add(loading, schema->facts[i].name, "fact");
    }
    uint32_t items_max = 0;
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        bool has_items = schema->slots[i]->type == FACT_LIST || schema->slots[i]->type == FACT_MAP;
        if (has_items && schema->slots[i]->count_max > items_max) {
            items_max = schema->slots[i]->count_max;
        }
    }
    cel_env_items(agreement->env, items_max);
    enum err err = declare_facts(loading);
    for (uint32_t i = 0; err == ERR_OK && i < EXTRA_COUNT; i++) {
        name_add(loading, extra_names[i], "built-in name");
        err = cel_declare_slot(agreement->env, extra_names[i], cel_type(agreement->env, CEL_DATE),
                               (uint16_t)(schema->slot_count + i), loading->diag);
    }
    name_add(loading, "agreement", "built-in name");
    if (err == ERR_OK) {
        err = cel_declare_const(agreement->env, "agreement.id", string,
                                value_string(span_str(agreement->id)), loading->diag);
    }
    if (err == ERR_OK && agreement->receiving != NULL) {
        err = cel_declare_const(agreement->env, "agreement.receiving", string,
                                value_string(span_str(agreement->receiving)), loading->diag);
    }
    return err;
}

static bool is_identifier(struct span name) {
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.ptr[i];
        bool is_letter =
            (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !(is_digit && i > 0)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64;
}

enum err expr_declare_name(struct loading *loading, const struct yaml_node *key, const char *what) {
    if (!is_identifier(key->text)) {
        return field_fail(loading, key, ERR_INVALID,
                          "a %s's name is letters, digits and _, and starts with no digit", what);
    }
    for (uint32_t i = 0; i < loading->name_count; i++) {
        if (span_is(key->text, loading->names[i].name)) {
            return field_fail(loading, key, ERR_CONFLICT, "%s `%.*s` has the name of a %s", what,
                              SPAN_ARG(key->text), loading->names[i].what);
        }
    }
    name_add(loading, (const char *)key->text.ptr, what);
    return ERR_OK;
}

/* --- lints on the text -------------------------------------------------------------------------
 */

/* The text after the word's opening parenthesis; empty when it is no call. */
static struct span call_arguments(const struct expr_words *words) {
    size_t at = words->at;
    while (at < words->text.len && words->text.ptr[at] == ' ') {
        at++;
    }
    if (at == words->text.len || words->text.ptr[at] != '(') {
        return (struct span){0};
    }
    at++;
    while (at < words->text.len && words->text.ptr[at] == ' ') {
        at++;
    }
    return span_make(words->text.ptr + at, words->text.len - at);
}

/* A named zone is read from the machine's zone files, which are not part of a rule set. */
static bool asks_for_zone(const struct expr_words *words) {
    static const char *const accessors[] = {
        "getFullYear",  "getMonth", "getDate",    "getDayOfMonth", "getDayOfWeek",
        "getDayOfYear", "getHours", "getMinutes", "getSeconds",    "getMilliseconds"};
    const uint8_t *dot = memrchr(words->word.ptr, '.', words->word.len);
    struct span last = words->word;
    if (dot != NULL) {
        last = span_make(dot + 1, words->word.len - (size_t)(dot + 1 - words->word.ptr));
    }
    for (size_t i = 0; i < COUNT_OF(accessors); i++) {
        struct span arguments = call_arguments(words);
        if (span_is(last, accessors[i]) && arguments.len > 0 && arguments.ptr[0] != ')') {
            return true;
        }
    }
    return false;
}

/* has(record.leaf): the language would only report that `record` is unknown. */
static bool asks_of_record(const struct loading *loading, const struct expr_words *words) {
    const struct schema *schema = loading->ruleset->schema;
    struct expr_words inner = {.text = call_arguments(words)};
    if (!span_is(words->word, "has") || inner.text.len == 0 || !expr_words_next(&inner)) {
        return false;
    }
    const uint8_t *dot = memchr(inner.word.ptr, '.', inner.word.len);
    size_t len = dot == NULL ? inner.word.len : (size_t)(dot - inner.word.ptr);
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        if (schema->facts[i].type == FACT_RECORD &&
            span_is(span_make(inner.word.ptr, len), schema->facts[i].name)) {
            return true;
        }
    }
    return false;
}

static enum err refuse_words(const struct loading *loading, const struct yaml_node *node) {
    struct expr_words words = {.text = node->text};
    while (expr_words_next(&words)) {
        if (loading->agreement->receiving == NULL && span_is(words.word, "agreement.receiving")) {
            return yaml_fail_in(loading->yaml, node, words.start, words.word.len, loading->diag,
                                "this agreement has no `receiving`");
        }
        if (loading->agreement->is_without_status && span_is(words.word, "in_force_on")) {
            return yaml_fail_in(loading->yaml, node, words.start, words.word.len, loading->diag,
                                "this agreement has `status: none`, so it has no day of entry into "
                                "force");
        }
        if (asks_of_record(loading, &words)) {
            return yaml_fail_in(
                loading->yaml, node, words.start, words.word.len, loading->diag,
                "has() does not work on a fact: a missing fact is unknown, never absent");
        }
        if (asks_for_zone(&words)) {
            return yaml_fail_in(loading->yaml, node, words.start, words.word.len, loading->diag,
                                "a time zone here would depend on the machine's zone files: rules "
                                "use UTC");
        }
    }
    return ERR_OK;
}

/* --- compiling ---------------------------------------------------------------------------------
 */

static bool is_several_lines(const struct loading *loading, const struct yaml_node *node) {
    struct span source = yaml_source(loading->yaml);
    CHECK(node->start <= node->end);
    CHECK(node->end <= source.len);
    return memchr(source.ptr + node->start, '\n', node->end - node->start) != NULL;
}

static void keep_program(struct agreement *agreement, struct cel_program *program) {
    MEM_ROOM(agreement->programs, agreement->program_count, agreement->program_cap, 32);
    agreement->programs[agreement->program_count++] = program;
}

/* All conditions of an agreement together fit into one run's steps, so no run ever stops early. */
static enum err cost_check(struct loading *loading, const struct yaml_node *node,
                           const struct cel_program *program) {
    uint64_t cost = cel_program_cost(program);
    if (cost > CEL_STEPS_MAX - loading->cost) {
        return field_fail(loading, node, ERR_TOO_LARGE,
                          "with this condition the agreement may need more than %d steps for one "
                          "case",
                          CEL_STEPS_MAX);
    }
    loading->cost += cost;
    return ERR_OK;
}

enum err expr_compile(struct loading *loading, const struct yaml_node *node,
                      const struct cel_type *expect, const struct cel_program **program) {
    enum err err = field_expect_kind(loading, node, YAML_SCALAR, "a condition");
    if (err != ERR_OK) {
        return err;
    }
    if (node->style == YAML_FOLDED ||
        (node->style == YAML_PLAIN && is_several_lines(loading, node))) {
        return field_fail(loading, node, ERR_INVALID,
                          "a condition is on one line, in quotes, or after `|`: a folded one "
                          "loses its positions");
    }
    err = refuse_words(loading, node);
    if (err != ERR_OK) {
        return err;
    }
    struct diag fault = {0};
    struct cel_program *fresh = NULL;
    err = cel_compile(loading->agreement->env, node->text, expect, &fresh, &fault);
    if (err == ERR_OK) {
        keep_program(loading->agreement, fresh);
        err = cel_program_lint(fresh, &fault);
    }
    if (err == ERR_OK && !loading->ruleset->is_stored) {
        err = cel_program_lint_parts(fresh, &fault);
    }
    if (err != ERR_OK) {
        return yaml_fail_in(loading->yaml, node, fault.offset, fault.width == 0 ? 1 : fault.width,
                            loading->diag, fault.text);
    }
    *program = fresh;
    return cost_check(loading, node, fresh);
}
