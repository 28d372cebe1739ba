/* Purpose: time zones by name, from the system's zone files: the offset at an instant.  Names never
 * reach the file system unchecked.
 * Threads: a zone never changes and may be shared; a cache belongs to one thread. */
#ifndef CASEMILL_CEL_ZONE_H
#define CASEMILL_CEL_ZONE_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

enum { ZONE_NAME_BYTES_MAX = 64, ZONE_CACHE_MAX = 16 };

struct zone;

/* zone_read takes the names UTC, GMT, Z, +hh:mm, -hh:mm, or one of the zone database
 * ("Australia/Sydney").  Ownership: *zone is the caller's, freed with zone_free.
 * Errors: ERR_NOT_FOUND no such zone; ERR_CORRUPT its file is damaged; those of io_read_file. */
MUST_USE enum err zone_read(struct span name, struct zone **zone);
void zone_free(struct zone **zone);
/* zone_offset gives seconds east of UTC at an instant. */
int32_t zone_offset(const struct zone *zone, int64_t seconds);

/* A cache reads a name's file once, also for an unknown name, and keeps the last ZONE_CACHE_MAX
 * names. */
struct zone_cache;
/* zone_cache_find makes the cache when it is first needed.  Ownership: *cache is the caller's,
 * freed with zone_cache_free; the zone is borrowed until the next call.  NULL: no such zone. */
const struct zone *zone_cache_find(struct zone_cache **cache, struct span name);
void zone_cache_free(struct zone_cache **cache);

#endif
