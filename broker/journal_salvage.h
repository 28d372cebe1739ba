/* Purpose: records found in the raw file of a journal without its trees: leaf by leaf, each record
 * by its checksum, each chunk by its key.  A leaf that the trees no longer hold is read as well, so
 * what is found can be more than what was live.
 * Never: takes bytes inside a body for a record. Insiders: journal_verify.c.  Threads: the
 * caller's. */
#ifndef CASEMILL_BROKER_JOURNAL_SALVAGE_H
#define CASEMILL_BROKER_JOURNAL_SALVAGE_H

#include "base/diag.h"
#include "broker/journal_format.h"

struct salvage;

/* salvage_open reads the whole file once.  Errors: ERR_IO. */
MUST_USE enum err salvage_open(const char *path, struct salvage **salvage, struct diag *diag);
void salvage_close(struct salvage **salvage);
/* salvage_next gives the records whose header is whole, seq ascending, each once; false at the end.
 * The record is valid until the next call. */
bool salvage_next(struct salvage *salvage, struct journal_record *record);
/* salvage_body reads the body of the record last given into bytes (record->bytes of them); *length:
 * up to the first chunk that is nowhere.  Errors: ERR_CORRUPT it is not the body that was put. */
MUST_USE enum err salvage_body(struct salvage *salvage, const struct journal_record *record,
                               uint8_t *bytes, uint32_t *length);
/* salvage_totals: of the latest commit that can be seen; all 0 when none can. */
struct journal_totals salvage_totals(const struct salvage *salvage);

#endif
