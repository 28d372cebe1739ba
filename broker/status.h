/* Purpose: the state of the broker as JSON, metrics and health.  Threads: the loop's; HTTP reads
 * the snapshot alone. */
#ifndef CASEMILL_BROKER_STATUS_H
#define CASEMILL_BROKER_STATUS_H

#include "broker/shell.h"
#include "broker/snapshot.h"
#include "broker/source_metrics.h"

struct status {
    struct snapshot *snapshot;
    struct source_metrics sources;
    const char *unready;   /* why /readyz is 503, as of the snapshot; "": ready */
    uint64_t queued_cases; /* as of then */
    int64_t due;           /* the next snapshot */
    bool is_stall_logged;
};
void status_publish(struct status *status, struct shell *shell); /* a snapshot, now */
void status_step(struct status *status, struct shell *shell);    /* a snapshot when it is due */
void status_json(struct shell *shell, struct buf *out);
void status_lanes_json(const struct shell *shell, struct buf *out);
void status_sources_json(const struct shell *shell, struct buf *out);

#endif
