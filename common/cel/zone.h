/* Purpose: time zones by name, from the system's zone files: the offset at an instant.  Names never
 * reach the file system unchecked. */
#ifndef CASEMILL_CEL_ZONE_H
#define CASEMILL_CEL_ZONE_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

/* zone_offset gives seconds east of UTC at an instant.  Names: UTC, GMT, Z, +hh:mm, -hh:mm, or one
 * of the zone database ("Australia/Sydney").  Errors: ERR_NOT_FOUND no such zone; ERR_CORRUPT its
 * file is damaged. */
MUST_USE enum err zone_offset(struct span name, int64_t seconds, int32_t *offset);

#endif
