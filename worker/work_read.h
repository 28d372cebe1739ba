/* Purpose: what work of the modes reapply, retry and bury says, read from its MessagePack: which
 * rules, which case, which letter, what became of earlier attempts.  Pure: bytes to structs.
 * Ownership: spans point into the bytes.  What is given out is in its range, or it is refused. */
#ifndef CASEMILL_WORKER_WORK_READ_H
#define CASEMILL_WORKER_WORK_READ_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Extra of a reapplication: {reapply: {ruleset, reference_date?, as_of?}}. */
struct work_request {
    struct span ruleset;
    bool has_reference_date, has_as_of;
    int32_t reference_date, as_of; /* days since 1970 */
};
/* Errors: ERR_INVALID it is none, or names no rule set. */
MUST_USE enum err work_read_request(struct span extra, struct work_request *request);

/* A stored case by its name: [source, case_id, revision]. */
struct work_triple {
    struct span source, case_id;
    int32_t revision;
};
/* work_read_triple is false where no stored case can have that name. */
bool work_read_triple(struct span body, struct work_triple *triple);

/* work_read_letter reads the number of a dead letter; false where it is none. */
bool work_read_letter(struct span raw, int64_t *dead);

/* work_peek_key reads of a case that nothing may decode what its key needs; what it cannot read
 * stays as it is.  A case_id that it gives can be stored as a text. */
void work_peek_key(struct span body, struct span *case_id, int32_t *revision);

/* Extra of a burial: {poison: {attempts, silent, reason}}; what is not said stays as it is. */
struct work_history {
    uint32_t attempts, silences; /* larger numbers are UINT32_MAX */
    struct span last_words;
};
void work_read_history(struct span extra, struct work_history *history);

#endif
