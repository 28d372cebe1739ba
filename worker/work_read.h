/* Purpose: reads work of the modes reapply, retry and bury from its MessagePack: the rule set, the
 * case, the dead letter, the history of attempts.  Pure: bytes to structs.
 * Ownership: spans point into the bytes.  Every value that is returned is in its range. */
#ifndef CASEMILL_WORKER_WORK_READ_H
#define CASEMILL_WORKER_WORK_READ_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Extra of a reapply: {reapply: {ruleset, reference_date?, as_of?}}. */
struct work_request {
    struct span ruleset;
    bool has_reference_date, has_as_of;
    int32_t reference_date, as_of; /* days since 1970 */
};
/* Errors: ERR_INVALID it is no request, or names no rule set. */
MUST_USE enum err work_read_request(struct span extra, struct work_request *request);

/* Extra of intake work: {results: true}. */
bool work_wants_results(struct span extra);

/* A stored case by its name: [source, case_id, revision]. */
struct work_triple {
    struct span source, case_id;
    int32_t revision;
};
/* work_read_triple is false if no stored case can have that name. */
bool work_read_triple(struct span body, struct work_triple *triple);

/* work_read_letter reads the number of a dead letter; false if it is none. */
bool work_read_letter(struct span raw, int64_t *dead);

/* Extra of a burial: {poison: {attempts, silent, reason, results?}}; absent fields are unchanged.
 */
struct work_history {
    bool wants_results;
    uint32_t attempts, silences; /* larger numbers are UINT32_MAX */
    struct span last_words;
};
void work_read_history(struct span extra, struct work_history *history);

#endif
