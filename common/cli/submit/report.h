/* Purpose: the result of a submission, counted from receipts and printed at the end. */
#ifndef CASEMILL_CLI_SUBMIT_REPORT_H
#define CASEMILL_CLI_SUBMIT_REPORT_H

#include "base/buf.h"
#include "client/casemill.h"

enum { SUBMIT_LISTED_MAX = 20 };

struct submit_counts {
    uint64_t cases; /* sent */
    uint64_t batches;
    uint64_t skipped;      /* cases of batches that are done in --resume */
    uint64_t skipped_dead; /* dead letters among them */
    uint64_t accepted;
    uint64_t done;
    uint64_t outcomes[CASEMILL_DISPOSITIONS];
    uint64_t duplicates;
    uint64_t dead;
    uint64_t refused;     /* cases of refused batches */
    uint64_t unreadable;  /* skipped: they are no cases */
    uint64_t unavailable; /* done, but the broker could not give their results */
    uint64_t busy;        /* answers */
    bool is_dry_run;
};

/* submit_dead_line appends "LOCATION: dead letter REASON at PATH: expected E, found F\n". */
void submit_dead_line(const char *path, uint64_t location, const struct casemill_dead *dead,
                      struct buf *out);
/* The summary: one line for people, or one JSON object. */
void submit_summary(const struct submit_counts *counts, bool with_outcomes, bool as_json,
                    struct buf *out);

#endif
