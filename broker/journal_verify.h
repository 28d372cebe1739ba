/* Purpose: a journal looked at while no broker has it: what `casemill-broker --verify` prints.
 * verify_run reads everything, bodies included; verify_salvage saves what can be read from the raw
 * file, even when LMDB cannot.  Both lock the directory.
 * Read next: journal_salvage.c, how records are found without trees. */
#ifndef CASEMILL_BROKER_JOURNAL_VERIFY_H
#define CASEMILL_BROKER_JOURNAL_VERIFY_H

#include "broker/journal_format.h"

/* What is found goes to `out`, a line a time: text, or JSON objects. */
struct verify_report {
    int out; /* descriptor */
    bool json;
    bool unwritten; /* some of it could not be written */
    uint64_t batches, cases, damaged;
};

/* verify_run names every damaged record with the ids of its cases as far as they can be read.
 * Errors: ERR_BUSY a broker has it; ERR_CORRUPT something is damaged; as journal_open. */
MUST_USE enum err verify_run(const char *path, struct verify_report *report, struct diag *diag);
/* verify_salvage writes what is whole into a new journal in the directory `into`, and names what is
 * lost.  Errors: ERR_BUSY; ERR_CONFLICT `into` is not empty; ERR_CORRUPT something was lost;
 * ERR_IO.
 */
MUST_USE enum err verify_salvage(const char *path, const char *into, struct verify_report *report,
                                 struct diag *diag);

#endif
