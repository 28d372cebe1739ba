/* Purpose: the stream of COPY ... TO STDOUT (FORMAT binary) as rows.  Pure: no connection; the
 * caller passes the server's pieces in order.  Insiders: copy_out.c.  Limits: a row is complete
 * within its piece, as PostgreSQL sends it. */
#ifndef CASEMILL_DB_COPY_READ_H
#define CASEMILL_DB_COPY_READ_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct copy_reader { /* all 0 but field_count: before the first piece */
    uint32_t field_count;
    bool has_head;    /* the signature has been read */
    bool has_end;     /* the end has been read: nothing may follow */
    uint64_t rows;    /* read so far */
    struct span left; /* what of the piece has not been read */
};

/* copy_reader_take takes the next piece, borrowed until it is read to its end.
 * Order: the piece before it is read to its end.  Errors: ERR_CORRUPT the first piece has another
 * header, or bytes follow the end. */
MUST_USE enum err copy_reader_take(struct copy_reader *reader, struct span piece);
/* copy_reader_next points fields[field_count] into the piece; a NULL ptr is SQL NULL.  *is_row is
 * false where the piece has no more rows.  Errors: ERR_CORRUPT the row has another shape. */
MUST_USE enum err copy_reader_next(struct copy_reader *reader, struct span *fields, bool *is_row);

#endif
