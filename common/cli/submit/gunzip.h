/* Purpose: gzip -> the bytes it holds, step by step: the only user of zlib.h.  Members one after
 * another (as `cat a.gz b.gz` makes them) count as one; zeros between or behind them are padding.
 * Limits: memory does not depend on the input; a step makes as many bytes as its caller has room
 * for. */
#ifndef CASEMILL_CLI_SUBMIT_GUNZIP_H
#define CASEMILL_CLI_SUBMIT_GUNZIP_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

struct gunzip;

/* gunzip_new.  Ownership: the caller's, freed by gunzip_free, which accepts a NULL inside. */
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip **gunzip);
/* gunzip_step unpacks from *packed, which moves behind what was used, into room; *made says how
 * many bytes that gave, which may be 0.
 * Errors: ERR_CORRUPT damaged, or something else stands behind the last member; ERR_SYSTEM no
 * memory. */
MUST_USE enum err gunzip_step(struct gunzip *gunzip, struct span *packed, uint8_t *room,
                              size_t room_bytes, size_t *made);
/* Whether the input may end here. */
bool gunzip_is_whole(const struct gunzip *gunzip);

#endif
