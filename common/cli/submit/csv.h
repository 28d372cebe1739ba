/* Purpose: a row of CSV -> a case as MessagePack, typed by the case schema.
 * Notation: cells separated by ',', ';' or a tab, whichever the header row has first; quoted with
 * "..." and "" inside.  A row is one line, except that a quoted cell may hold newlines.  Columns:
 * case_id, revision, reference_date, as_of, and facts by name (`minor_ctx.accompanied`).  An empty
 * cell is an absent fact, a row of empty cells is no case. A list is split at ';' (a lone ';' is
 * the empty list), a map is key=value split at ';'.  A cell of another type than its column is sent
 * as text, so that only this case becomes a dead letter. Never: puts a cell into a diag, nor a
 * header that is not a valid column name (P10). */
#ifndef CASEMILL_CLI_SUBMIT_CSV_H
#define CASEMILL_CLI_SUBMIT_CSV_H

#include "base/buf.h"
#include "base/diag.h"
#include "casedoc/schema.h"

struct csv;

/* The state of a row's quotes, line by line. */
struct csv_quotes {
    bool is_open;  /* the line ended within a quoted cell: the next line belongs to the row */
    bool is_inner; /* the last quote may be the first of two */
};
/* csv_quotes_scan reads one more line of a row; csv NULL: of the header row. */
void csv_quotes_scan(struct csv_quotes *quotes, const struct csv *csv, struct span line);

/* csv_separator_line: whether the line is Excel's "sep=;", which precedes the header. */
bool csv_separator_line(struct span line);
/* csv_open reads the header row.  Errors: ERR_INVALID with column: no header, an unknown or
 * repeated column, or a fact that CSV cannot hold. */
MUST_USE enum err csv_open(struct span header, const struct schema *schema, struct csv **csv,
                           struct diag *diag);
void csv_close(struct csv **csv);
/* csv_encode appends one case, or nothing when all cells are empty.
 * Errors: ERR_INVALID quotes, a NUL or the number of cells; out unchanged. */
MUST_USE enum err csv_encode(struct csv *csv, struct span row, struct buf *out, struct diag *diag);

#endif
