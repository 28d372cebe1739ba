/* Purpose: the findings of rules/lint.h for people and as JSON. */
#ifndef CASEMILL_CLI_RULES_LINT_H
#define CASEMILL_CLI_RULES_LINT_H

#include "base/json.h"
#include "rules/lint.h"

/* rules_lint_print writes the findings on stderr with caret and hint, and their count;
 * with_warnings false: only the errors. */
void rules_lint_print(const struct lint *lint, bool with_warnings);
/* An array of {severity, file, line, column, text, hint, notes}. */
void rules_lint_json(struct json *json, const struct lint *lint);

#endif
