/* Purpose: invented cases from a seed, for demos, tests and load.  Nationalities, dates and routes
 * follow published figures (mostly the south-west border), and facts are missing about as often as
 * in real intake.  Every case is invented; none describes a person.  The same seed and index always
 * give the same case, in any order and on any machine. */
#ifndef CASEMILL_CLI_INVENT_H
#define CASEMILL_CLI_INVENT_H

#include "base/buf.h"

#include <stdint.h>

struct invent_options {
    uint64_t seed;
    int32_t from, to;            /* days since 1970: reference dates, both ends included */
    uint32_t bad_percent;        /* cases that cannot be decoded */
    uint32_t duplicates_percent; /* cases that repeat an earlier one exactly */
};

/* invent_case appends case `index` (from 0) as one JSON object, without a line end. */
void invent_case(const struct invent_options *options, uint64_t index, struct buf *out);

#endif
