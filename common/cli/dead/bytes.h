/* Purpose: dead letters with their bytes, which are personal data: whoever reads them is recorded
 * first. */
#ifndef CASEMILL_CLI_DEAD_BYTES_H
#define CASEMILL_CLI_DEAD_BYTES_H

#include "base/json.h"
#include "cli/operator.h"
#include "db/db.h"

/* dead_letters_read records the reason with the numbers, "{1,2}", in operator_actions, and
 * returns the rows, which the caller frees.  Errors: as db_query, and db_expect. */
MUST_USE enum err dead_letters_read(struct db *db, const char *numbers,
                                    const struct operator_self *self, struct db_result **rows,
                                    struct diag *diag);
/* dead_letter_bytes appends the case as it was sent: MessagePack. */
void dead_letter_bytes(const struct db_result *rows, uint32_t row, struct buf *out);
/* dead_letter_json writes an object, whose keys are the columns' names; its body is readable. */
void dead_letter_json(const struct db_result *rows, uint32_t row, struct json *json);

#endif
