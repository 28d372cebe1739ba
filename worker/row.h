/* Purpose: one case and its outcome as a row of binary COPY; its fields also serve as parameters of
 * an INSERT.  Pure. */
#ifndef CASEMILL_WORKER_ROW_H
#define CASEMILL_WORKER_ROW_H

#include "worker/active_rules.h"

/* The fields of a row besides case and outcome. */
struct row_head {
    int16_t source;
    int64_t received_at; /* microseconds since 1970 */
    int64_t decided_at;
    int32_t reference_date; /* days since 1970, resolved */
    int32_t as_of;
};

/* row_encode appends one row in the order of rules->columns, with commit 0. */
void row_encode(const struct active_rules *rules, const struct row_head *head,
                const struct case_doc *doc, const struct outcome *outcome, struct buf *out);

/* row_encode_fixed appends one row of only the fixed columns, for an outcome that is not a case's
 * first. */
void row_encode_fixed(const struct active_rules *rules, const struct row_head *head,
                      const struct case_doc *doc, const struct outcome *outcome, struct buf *out);

/* row_set_commit writes the transaction's number into an encoded row. */
void row_set_commit(uint8_t *row, int64_t commit);

/* row_fields points fields[column_count] at the values of one encoded row; NULL ptr is SQL NULL. */
void row_fields(struct span row, uint32_t column_count, struct span *fields);

/* The bytes before the first row and after the last. */
void row_copy_open(struct buf *out);
void row_copy_close(struct buf *out);

#endif
