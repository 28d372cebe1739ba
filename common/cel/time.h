/* Purpose: instants and durations: limits, construction, text. */
#ifndef CASEMILL_CEL_TIME_H
#define CASEMILL_CEL_TIME_H

#include "cel/cel_priv.h"

#define CEL_SECONDS_MIN (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define CEL_SECONDS_MAX 253402300799LL   /* 9999-12-31T23:59:59Z */
/* A duration fits 64 bits of nanoseconds, about 292 years. */
#define CEL_DURATION_SECONDS_MAX 9223372036LL

/* Both accept nanos within two seconds of zero and normalize them; CEL_ERROR_RANGE outside the
 * calendar or the range of a duration. */
struct value time_instant(int64_t seconds, int64_t nanos);
struct value time_span(int64_t seconds, int64_t nanos);

/* Errors of the texts: CEL_ERROR_CONVERSION, CEL_ERROR_RANGE. */
struct value time_parse_instant(struct span text);
struct value time_parse_span(struct span text);

#endif
