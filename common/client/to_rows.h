/* Purpose: a batch of maps as the body of ROWS, which has each name of a fact once (wire/rows.h).
 * Never: changes what a case states.  What a row cannot state exactly stays a map.
 * Invariant: the result depends on the maps alone.  A batch that is sent again has the same bytes,
 * or the broker would refuse its id.
 * Owns: room that is kept from one batch to the next. */
#ifndef CASEMILL_CLIENT_TO_ROWS_H
#define CASEMILL_CLIENT_TO_ROWS_H

#include "base/buf.h"
#include "wire/rows.h"

enum { TO_ROWS_CASES_MIN = 16 }; /* below, the names are too large a share */

struct to_rows {
    struct row_names names; /* in the order of their first case; they point into the maps */
    uint16_t *slots;        /* by hash of the name: its number + 1, or 0 */
    struct span *cells;     /* of the present case, by number of the name */
    uint32_t *written;      /* the case for which a cell was written last, from 1 */
    size_t names_bytes;
    struct buf rows; /* without the names */
    struct buf body; /* the result */
};
void to_rows_fini(struct to_rows *to);
/* to_rows_write makes to->body of `count` maps.  False: a case is no plain map of a case, or the
 * result would not be smaller. */
bool to_rows_write(struct to_rows *to, struct span maps, uint32_t count);

#endif
