/* Purpose: gzip -> the bytes it holds, step by step: the only user of zlib.h.  Concatenated members
 * (as from `cat a.gz b.gz`) count as one; zeros between or after them are padding. Limits: memory
 * does not depend on the input; a step writes at most the bytes that fit. */
#ifndef CASEMILL_CLI_SUBMIT_GUNZIP_H
#define CASEMILL_CLI_SUBMIT_GUNZIP_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

struct gunzip;

/* gunzip_new.  Ownership: the caller's, freed by gunzip_free, which accepts a NULL inside. */
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip **gunzip);
/* gunzip_step unpacks from *packed, which moves past the used bytes, into room; *made is the number
 * of bytes written, which may be 0. Errors: ERR_CORRUPT damaged, or other bytes follow the last
 * member; ERR_SYSTEM no memory. */
MUST_USE enum err gunzip_step(struct gunzip *gunzip, struct span *packed, uint8_t *room,
                              size_t room_bytes, size_t *made);
/* Whether the input may end here. */
bool gunzip_is_whole(const struct gunzip *gunzip);

#endif
