/* Findings of the checks, and the location of a section in the document. */
#include "rules/lint_priv.h"

#include "base/mem.h"

#include <stdio.h>

struct lint_finding *lint_finding_new(struct lint *lint, bool is_error, const char *hint) {
    MEM_ROOM(lint->findings, lint->count, lint->cap, 16);
    struct lint_finding *finding = &lint->findings[lint->count++];
    *finding = (struct lint_finding){.is_error = is_error, .hint = hint, .notes = BUF_EMPTY};
    lint->error_count += is_error ? 1 : 0;
    return finding;
}

struct lint_finding *lint_add(struct linting *linting, const struct yaml_node *node, bool is_error,
                              const char *hint, const char *format, ...) {
    char text[DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct lint_finding *finding = lint_finding_new(linting->lint, is_error, hint);
    finding->source = yaml_source(linting->known->yaml);
    (void)!yaml_fail(linting->known->yaml, node, ERR_INVALID, &finding->diag, "%s", text);
    return finding;
}

void lint_free(struct lint *lint) {
    for (uint32_t i = 0; i < lint->count; i++) {
        buf_free(&lint->findings[i].notes);
    }
    mem_free(lint->findings);
    *lint = (struct lint){0};
}

const struct yaml_node *lint_section(const struct linting *linting, enum section section) {
    const struct yaml_node *rules = yaml_get(yaml_root(linting->known->yaml), "rules");
    return yaml_get(rules, section_name(section));
}
