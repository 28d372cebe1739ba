/* Purpose: what `casemill replay` found, as text, as JSON, and as one HTML page of its own. */
#ifndef CASEMILL_CLI_REPLAY_REPORT_H
#define CASEMILL_CLI_REPLAY_REPORT_H

#include "base/buf.h"
#include "cli/replay/apply.h"

/* All borrowed. */
struct replay_report {
    const struct replay_stored *stored;
    const struct replay_result *result;
    const char *base;           /* the rule set or directory it starts from */
    const char *const *changes; /* what was put on top: "--event US-SV-...=..." */
    uint32_t change_count;
    uint32_t threads;
    const struct replay_applied *applied; /* NULL: nothing was to be */
};

void replay_report_text(const struct replay_report *report, struct buf *out);
void replay_report_json(const struct replay_report *report, struct buf *out);
/* replay_report_html needs nothing from anywhere: the matrices are SVG inside the page, and the
 * page follows the reader's light or dark. */
void replay_report_html(const struct replay_report *report, struct buf *out);

/* "SOURCE/CASE_ID revision N". */
void replay_sample_text(const struct replay_stored *stored, const struct replay_sample *sample,
                        struct buf *out);

#endif
