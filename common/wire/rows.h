/* Purpose: the body of ROWS: one array of names, then `count` arrays
 * [case_id, revision, reference_date, as_of, fact, ...] whose facts are in the order of the names.
 * Never: looks inside a value beyond its framing.
 * Limits: ROWS_NAMES_MAX names, ROWS_NAMES_BYTES_MAX bytes of the whole array. */
#ifndef CASEMILL_WIRE_ROWS_H
#define CASEMILL_WIRE_ROWS_H

#include "wire/walk.h"

enum {
    ROWS_NAMES_MAX = 1024,
    ROWS_NAMES_BYTES_MAX = 16 << 10,
    ROWS_KEYS = 4, /* values of a row before its facts */
    /* How deep a value of a row may be nested: its case is within WALK_DEPTH_MAX as a map, too.
     * There the value is in the case, in `facts`, and perhaps in a record. */
    ROWS_DEPTH_MAX = WALK_DEPTH_MAX - 3
};

struct row_names {
    uint32_t count;
    struct span names[ROWS_NAMES_MAX];
};
/* rows_names_read reads the array at the start of bytes; *length is then its length.  The names
 * point into bytes.  Errors: as in fault, with the number of the name as its index.  BAD_NAMES: no
 * array, too many, too long, no str, twice, or a leaf beside its record; TRUNCATED; SIZE_BOMB. */
MUST_USE enum err rows_names_read(struct span bytes, struct row_names *names, uint32_t *length,
                                  struct walk_fault *fault);
/* rows_name_record gives the part of a name before its first dot: the record of a leaf.  False: the
 * name has no dot. */
bool rows_name_record(struct span name, struct span *record);

/* rows_walk checks a body as walk_body does: cut 0 is where the first row begins, and so the length
 * of the names.  Errors: as in fault; BAD_ROW: the case is no array, or longer than the names. */
MUST_USE enum err rows_walk(struct span body, uint32_t count, uint32_t stride, uint32_t *cuts,
                            uint32_t cut_max, struct walk_fault *fault);

#endif
