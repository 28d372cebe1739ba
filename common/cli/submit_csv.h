/* Purpose: a row of CSV -> a case as MessagePack, typed by the case schema.
 * Notation: comma-separated, quoted with "..." and "" inside, a row a line.  Columns: case_id,
 * revision, reference_date, as_of, and facts by name (`minor_ctx.accompanied`).  An empty cell is
 * an absent fact. A list is split at ';' (a lone ';' is the empty list), a map is key=value split
 * at ';'.  A cell that is not of its column's type goes as text, so that the case, and it alone,
 * becomes a dead letter. */
#ifndef CASEMILL_CLI_SUBMIT_CSV_H
#define CASEMILL_CLI_SUBMIT_CSV_H

#include "base/buf.h"
#include "base/diag.h"
#include "casedoc/schema.h"

struct csv;

/* csv_open reads the header row.  Errors: ERR_INVALID with column: an unknown or repeated column,
 * or a fact that CSV cannot hold. */
MUST_USE enum err csv_open(struct span header, const struct schema *schema, struct csv **csv,
                           struct diag *diag);
void csv_close(struct csv **csv);
/* csv_encode appends one case.  Errors: ERR_INVALID quotes or the number of cells; out unchanged.
 */
MUST_USE enum err csv_encode(struct csv *csv, struct span row, struct buf *out, struct diag *diag);

#endif
