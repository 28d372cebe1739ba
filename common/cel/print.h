/* Purpose: the texts of numbers and times, shared by printing and by conversion to string. */
#ifndef CASEMILL_CEL_PRINT_H
#define CASEMILL_CEL_PRINT_H

#include "base/buf.h"
#include "base/value.h"

void print_double(double value, struct buf *out); /* shortest text that reads back the same */
void print_timestamp(struct value value, struct buf *out); /* RFC 3339 in UTC */
void print_duration(struct value value, struct buf *out);  /* seconds: "1.5s" */

#endif
