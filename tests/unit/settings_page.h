/* Purpose: compares a program's page in config/ with its settings table. Every key of the table
 * is on the page with its default and, on its line, an explanation; the page has no other key. */
#ifndef CASEMILL_TESTS_UNIT_SETTINGS_PAGE_H
#define CASEMILL_TESTS_UNIT_SETTINGS_PAGE_H

#include "base/io.h"
#include "settings/settings.h"
#include "yaml/yaml_doc.h"

#include <check.h>

static inline const struct yaml_node *page_value(const struct yaml_doc *doc, const char *key) {
    char section[64];
    const char *dot = strchr(key, '.');
    ck_assert_ptr_nonnull(dot);
    size_t len = (size_t)(dot - key);
    ck_assert_uint_lt(len, sizeof(section));
    memcpy(section, key, len);
    section[len] = '\0';
    const struct yaml_node *map = yaml_get(yaml_root(doc), section);
    return map == NULL ? NULL : yaml_get(map, dot + 1);
}

static inline bool page_has_words(const struct yaml_doc *doc, const struct yaml_node *node) {
    struct span source = yaml_source(doc);
    const uint8_t *end = memchr(source.ptr + node->end, '\n', source.len - node->end);
    const uint8_t *mark = memchr(source.ptr + node->end, '#', source.len - node->end);
    return mark != NULL && (end == NULL || mark < end);
}

static inline bool page_says(const struct yaml_node *node, const char *fallback) {
    if (node->kind != YAML_SEQ) {
        return span_is(node->text, fallback);
    }
    return node->count == 0 ? fallback[0] == '\0'
                            : node->count == 1 && span_is(node->first->text, fallback);
}

static inline void page_check(const char *path, const struct setting_row *rows, uint32_t count) {
    struct settings *settings = NULL;
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    char *none[] = {NULL};
    ck_assert_msg(settings_load(rows, count, path, none, NULL, &settings, &diag) == ERR_OK, "%s",
                  diag.text);
    settings_free(&settings);
    ck_assert_msg(yaml_parse_file(path, &doc, &diag) == ERR_OK, "%s", diag.text);
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *node = page_value(doc, rows[i].key);
        ck_assert_msg(node != NULL, "%s: %s is not there", path, rows[i].key);
        ck_assert_msg(page_says(node, rows[i].fallback), "%s: %s is not its default, %s", path,
                      rows[i].key, rows[i].fallback);
        ck_assert_msg(page_has_words(doc, node), "%s: nothing is said of %s", path, rows[i].key);
    }
    yaml_doc_free(&doc);
}

/* Whether every setting of another program's page may be in a shared environment. */
static inline void page_ignores(const char *path, const struct setting_row *rows, uint32_t count,
                                const char *const *other_sections) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    uint32_t seen = 0;
    ck_assert_msg(yaml_parse_file(path, &doc, &diag) == ERR_OK, "%s", diag.text);
    for (const struct yaml_node *map = yaml_root(doc)->first; map != NULL; map = map->next) {
        for (const struct yaml_node *node = map->first; node != NULL; node = node->next, seen++) {
            struct settings *settings = NULL;
            struct buf variable = BUF_EMPTY;
            buf_printf(&variable, "CASEMILL_%.*s_%.*s=", SPAN_ARG(map->key->text),
                       SPAN_ARG(node->key->text));
            for (size_t i = 0; i < variable.len; i++) {
                bool is_lower = variable.ptr[i] >= 'a' && variable.ptr[i] <= 'z';
                variable.ptr[i] = (uint8_t)(variable.ptr[i] - (is_lower ? 'a' - 'A' : 0));
            }
            if (node->kind == YAML_SCALAR) { /* of a list the empty one will do */
                buf_append(&variable, node->text);
            }
            buf_byte(&variable, '\0');
            char *environment[] = {(char *)variable.ptr, NULL};
            ck_assert_msg(settings_load(rows, count, NULL, environment, other_sections, &settings,
                                        &diag) == ERR_OK,
                          "%s", diag.text);
            settings_free(&settings);
            buf_free(&variable);
        }
    }
    ck_assert_uint_gt(seen, 0);
    yaml_doc_free(&doc);
}

static inline int page_run(const char *name, const TTest *test) {
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create("page");
    tcase_add_test(cases, test);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
