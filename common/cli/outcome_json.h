/* Purpose: an outcome as the JSON object that `casemill evaluate` prints. */
#ifndef CASEMILL_CLI_OUTCOME_JSON_H
#define CASEMILL_CLI_OUTCOME_JSON_H

#include "base/json.h"
#include "rules/ruleset.h"

/* outcome_json writes {case_id, revision, ruleset, reference_date, as_of, disposition, agreement,
 * reason, missing, findings}. */
void outcome_json(struct json *json, const struct ruleset *ruleset, const struct case_doc *doc,
                  int32_t reference_date, int32_t as_of, const struct outcome *outcome);
/* outcome_json_dead writes {case_id, revision, dead: [{path, expected, found}]}; if the id could
 * not be read, id and revision are null. */
void outcome_json_dead(struct json *json, const struct case_doc *doc);

#endif
