/* Purpose: civil dates as days since 1970-01-01 in the proleptic Gregorian calendar, years 1 to
 * 9999. Completed years and months count a 29 February anniversary as 1 March in common years. */
#ifndef CASEMILL_BASE_DATE_H
#define CASEMILL_BASE_DATE_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATE_TEXT_BYTES = 11 };  /* "YYYY-MM-DD" and NUL */
#define DATE_DAYS_MIN (-719162) /* 0001-01-01 */
#define DATE_DAYS_MAX 2932896   /* 9999-12-31 */
enum { DATE_DAY_SECONDS = 86400, DATE_POSTGRES_EPOCH = 10957 /* 2000-01-01: PostgreSQL's day 0 */ };
#define DATE_DAY_US INT64_C(86400000000)

int32_t date_from_civil(int32_t year, int32_t month, int32_t day);
void date_to_civil(int32_t days, int32_t *year, int32_t *month, int32_t *day);
bool date_is_civil(int32_t year, int32_t month, int32_t day);

/* date_parse reads exactly "YYYY-MM-DD".  Errors: ERR_INVALID, *days unchanged. */
MUST_USE enum err date_parse(struct span text, int32_t *days);
void date_format(int32_t days, char text[DATE_TEXT_BYTES]);

/* Completed years or months from a to b; negative when b < a: -(the same from b to a). */
int32_t date_years(int32_t a, int32_t b);
int32_t date_months(int32_t a, int32_t b);

#endif
