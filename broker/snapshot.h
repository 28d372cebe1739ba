/* Purpose: the pages of HTTP, as finished texts that the loop publishes and HTTP copies.
 * Threads: any; guarded by its own lock.  A loop that has not published for SNAPSHOT_STALE_MS is
 * reported as stalled by /healthz. */
#ifndef CASEMILL_BROKER_SNAPSHOT_H
#define CASEMILL_BROKER_SNAPSHOT_H

#include "base/metrics.h"
#include "http/http.h"

#include <stdbool.h>

enum { SNAPSHOT_STALE_MS = 5000 };

struct snapshot;
struct snapshot_page {
    struct buf metrics, status;
    struct buf reason; /* "" when healthy and ready */
    bool healthy, ready;
    const struct metric_family *ready_metric; /* static: added as it is when it is read */
};

struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot **snapshot);
/* snapshot_publish takes the page's bytes. */
void snapshot_publish(struct snapshot *snapshot, struct snapshot_page *page, int64_t now_ms);
/* snapshot_serve is an http_render_fn; context is the snapshot. */
void snapshot_serve(const char *path, struct http_reply *reply, void *context);

#endif
