/* Purpose: the check of a journal before it is used, and by `casemill verify`.
 * Insiders: journal.c, journal_verify.c.
 * Read next: journal_pages.h, the first half of the check. */
#ifndef CASEMILL_BROKER_JOURNAL_CHECK_H
#define CASEMILL_BROKER_JOURNAL_CHECK_H

#include "broker/journal_store.h"

typedef void (*check_record_fn)(const struct journal_record *record, void *context);

/* check_records calls `each` for every record, seq ascending, the damaged ones marked, and compares
 * the sums with the totals; it sets used_bytes.  Never touches a body.
 * Errors: ERR_CORRUPT records are missing or too many; ERR_VERSION a record of another version. */
MUST_USE enum err check_records(struct store *store, check_record_fn each, void *context,
                                struct diag *diag);
/* check_in_child looks at the pages and then at the records in a child process, which damage may
 * kill.  Errors: as both; ERR_CORRUPT when it died. */
MUST_USE enum err check_in_child(const char *path, struct diag *diag);
/* check_die_quietly: in a child that damage may kill; its end leaves no line and no core file. */
void check_die_quietly(void);
/* check_part reads back one part of a durable body into bytes (record->bytes long at most) and
 * compares it with its sum.  Errors: ERR_CORRUPT, ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err check_part(struct store *store, const struct journal_record *record,
                             uint32_t part, uint8_t *bytes, uint32_t *length);
/* check_names does the same with the names of rows; ERR_OK where there are none. */
MUST_USE enum err check_names(struct store *store, const struct journal_record *record,
                              uint8_t *bytes);

#endif
