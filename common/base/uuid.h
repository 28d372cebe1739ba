/* Purpose: random 16-byte names (lanes, journals, batches). */
#ifndef CASEMILL_BASE_UUID_H
#define CASEMILL_BASE_UUID_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

struct uuid {
    uint8_t bytes[16];
};
enum { UUID_TEXT_BYTES = 37 };

/* uuid_random fills a version 4 uuid from the kernel. */
struct uuid uuid_random(void);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES]);
/* uuid_parse reads 32 hex digits with or without dashes.  Errors: ERR_INVALID. */
MUST_USE enum err uuid_parse(struct span text, struct uuid *uuid);

static inline bool uuid_eq(const struct uuid *a, const struct uuid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* A seeded generator for invented data and jitter; not for secrets. */
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t limit); /* 0 .. limit-1; limit > 0 */

#endif
