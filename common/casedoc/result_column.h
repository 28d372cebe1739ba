/* Purpose: the column `result` of a stored outcome.  It has for each agreement the number of its
 * pair (finding, projected finding) in the rule set's list, and the codes of the missing paths.
 * sql/README.md specifies the bytes; result_numbers() and result_missing() read them in SQL.  Pure.
 * Ownership: a result_view points into the bytes. */
#ifndef CASEMILL_CASEDOC_RESULT_COLUMN_H
#define CASEMILL_CASEDOC_RESULT_COLUMN_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

enum { RESULT_VERSION_NARROW = 1, RESULT_VERSION_WIDE = 2 };

/* result_bytes: the size of a column; wide if a number or missing_count is above 255. */
static inline size_t result_bytes(uint32_t agreement_count, uint32_t missing_count, bool wide) {
    return 2 + (wide ? 2U : 1U) * ((size_t)agreement_count + 1) + 2 * (size_t)missing_count;
}
/* result_write writes result_bytes() bytes at `at` and returns the end. */
uint8_t *result_write(uint8_t *at, const uint16_t *numbers, uint32_t agreement_count,
                      const int16_t *missing, uint32_t missing_count, bool wide);

struct result_view {
    const uint8_t *numbers, *missing;
    uint32_t number_count, missing_count;
    uint32_t width; /* bytes of a number: 1 or 2 */
};
/* result_read.  Errors: ERR_CORRUPT the bytes are damaged, or of a later version. */
MUST_USE enum err result_read(struct span bytes, struct result_view *view);
uint16_t result_number(const struct result_view *view, uint32_t agreement); /* below number_count */
int16_t result_missing(const struct result_view *view, uint32_t index); /* below missing_count */

#endif
