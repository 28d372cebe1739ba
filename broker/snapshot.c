/* Pages by path: / with its files (http/page.h), /metrics /status /healthz /readyz. */
#include "broker/snapshot.h"

#include "base/clock.h"
#include "base/mem.h"
#include "broker/dashboard/dashboard.h"
#include "http/page.h"

#include <pthread.h>
#include <string.h>

enum { STATUS_OK = 200, STATUS_NOT_FOUND = 404, STATUS_UNAVAILABLE = 503 };

struct snapshot {
    pthread_mutex_t lock;
    struct snapshot_page page;
    int64_t published_ms;
};

struct snapshot *snapshot_new(void) {
    struct snapshot *snapshot = mem_zero(1, sizeof(*snapshot));
    (void)pthread_mutex_init(&snapshot->lock, NULL);
    buf_str(&snapshot->page.reason, "starting");
    return snapshot;
}

static void page_free(struct snapshot_page *page) {
    buf_free(&page->metrics);
    buf_free(&page->status);
    buf_free(&page->reason);
}

void snapshot_free(struct snapshot **held) {
    if (*held != NULL) {
        page_free(&(*held)->page);
        (void)pthread_mutex_destroy(&(*held)->lock);
        mem_free(*held);
        *held = NULL;
    }
}

void snapshot_publish(struct snapshot *snapshot, struct snapshot_page *page, int64_t now_ms) {
    (void)pthread_mutex_lock(&snapshot->lock);
    struct snapshot_page old = snapshot->page;
    snapshot->page = *page;
    snapshot->published_ms = now_ms;
    (void)pthread_mutex_unlock(&snapshot->lock);
    page_free(&old);
    *page = (struct snapshot_page){0};
}

static void serve_state(struct http_reply *reply, bool good, struct span reason) {
    reply->status = good ? STATUS_OK : STATUS_UNAVAILABLE;
    buf_append(&reply->body, good ? SPAN_LIT("ok") : reason);
    buf_byte(&reply->body, '\n');
}

void snapshot_serve(const char *path, struct http_reply *reply, void *context) {
    struct snapshot *snapshot = context;
    if (page_serve(path, span_make(DASHBOARD_PAGE, DASHBOARD_PAGE_BYTES), reply)) {
        return;
    }
    (void)pthread_mutex_lock(&snapshot->lock);
    const struct snapshot_page *page = &snapshot->page;
    bool is_metrics = strcmp(path, "/metrics") == 0;
    bool stale = clock_mono_ms() - snapshot->published_ms > SNAPSHOT_STALE_MS;
    bool is_ready = page->healthy && page->ready && !stale;
    if (is_metrics) {
        reply->content_type = METRICS_CONTENT_TYPE;
        buf_append(&reply->body, buf_span(&page->metrics));
        if (page->ready_metric != NULL) {
            metrics_one(page->ready_metric, is_ready ? 1 : 0, &reply->body);
        }
    } else if (strcmp(path, "/status") == 0) {
        reply->content_type = "application/json";
        buf_append(&reply->body, buf_span(&page->status));
    } else if (strcmp(path, "/healthz") == 0) {
        serve_state(reply, page->healthy && !stale,
                    stale ? SPAN_LIT("the loop is stalled") : buf_span(&page->reason));
    } else if (strcmp(path, "/readyz") == 0) {
        serve_state(reply, is_ready,
                    stale ? SPAN_LIT("the loop is stalled") : buf_span(&page->reason));
    } else {
        reply->status = STATUS_NOT_FOUND;
    }
    (void)pthread_mutex_unlock(&snapshot->lock);
    if (is_metrics) {
        metrics_program("casemill-broker", &reply->body);
    }
}
