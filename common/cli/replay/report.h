/* Purpose: the result of `casemill replay` as text, as JSON and as one HTML page. */
#ifndef CASEMILL_CLI_REPLAY_REPORT_H
#define CASEMILL_CLI_REPLAY_REPORT_H

#include "base/buf.h"
#include "cli/replay/apply.h"

/* All borrowed. */
struct replay_report {
    const struct replay_stored *stored;
    const struct replay_result *result;
    const char *base;           /* the rule set or directory before the changes */
    const char *const *changes; /* the changes: "--event US-SV-...=..." */
    uint32_t change_count;
    uint32_t threads;
    const struct replay_applied *applied; /* NULL: without --apply */
};

void replay_report_text(const struct replay_report *report, struct buf *out);
void replay_report_json(const struct replay_report *report, struct buf *out);
/* replay_report_html writes a self-contained page: the matrices are SVG inside it, and it follows
 * the reader's light or dark mode. */
void replay_report_html(const struct replay_report *report, struct buf *out);

/* "SOURCE/CASE_ID revision N". */
void replay_sample_text(const struct replay_stored *stored, const struct replay_sample *sample,
                        struct buf *out);

#endif
