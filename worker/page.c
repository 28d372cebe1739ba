/* The pages: / with its files (http/page.h), /metrics, /status, /healthz and /readyz.  HTTP's
 * thread reads the lanes' counts, which are atomic, and asks the rule watch. */
#include "http/page.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "worker/dashboard/dashboard.h"
#include "worker/lane_priv.h"
#include "worker/worker_priv.h"

#include <math.h>

#define SUM(worker, number) worker_sum(worker, offsetof(struct lane_stats, number))

#define COUNTER_FAMILY(member, name, help) {name, METRIC_COUNTER, "", help},
static const struct metric_family COUNTERS[] = {LANE_COUNTERS(COUNTER_FAMILY)};
#undef COUNTER_FAMILY
#define COUNTER_OFFSET(member, name, help) offsetof(struct lane_stats, member),
static const size_t OFFSETS[] = {LANE_COUNTERS(COUNTER_OFFSET)};
#undef COUNTER_OFFSET

#define METRIC_ID(id, name, kind, labels, help) METRICS_##id,
enum { WORKER_METRICS(METRIC_ID) METRICS_COUNT };
#undef METRIC_ID
#define METRIC_FAMILY(id, name, kind, labels, help) {name, METRIC_##kind, labels, help},
static const struct metric_family METRICS[METRICS_COUNT] = {WORKER_METRICS(METRIC_FAMILY)};
#undef METRIC_FAMILY

static double seconds(int64_t ms) { return ms < 0 ? (double)NAN : (double)ms / 1000; }

static bool is_stale(const struct worker *worker) {
    return rule_watch_is_stale(worker->watch) || WITH_FLAG(worker, stale) > 0;
}

static void put_gauges(const struct worker *worker, bool is_ready, struct buf *out) {
    char refused[DIAG_TEXT_MAX];
    struct rule_watch_health watch;
    rule_watch_health(worker->watch, &watch);
    const double values[METRICS_OUTCOMES] = {
        [METRICS_READY] = is_ready ? 1 : 0,
        [METRICS_LANES] = atomic_load(&worker->lane_count),
        [METRICS_LANES_CONNECTED] = WITH_FLAG(worker, connected),
        [METRICS_LINKS] = (double)SUM(worker, links_up),
        [METRICS_LANE_TURN] = seconds(worker_longest_turn_ms(worker)),
        [METRICS_RULESET_REFUSED] = rule_watch_refused(worker->watch, refused) ? 1 : 0,
        [METRICS_RULES_STALE] = is_stale(worker) ? 1 : 0,
        [METRICS_RULES_PLANNED] = watch.planned,
        [METRICS_RULES_AGE] = seconds(watch.looked_ms),
        [METRICS_LISTEN_AGE] = seconds(watch.notified_ms),
        [METRICS_LISTEN_DEAF] = (double)watch.deaf,
        [METRICS_CLOCK_JUMPS] = (double)watch.clock_jumps,
        [METRICS_LOG_DROPPED] = (double)log_lost()};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        metrics_one(&METRICS[i], values[i], out);
    }
}

/* A family whose label has so many words; their counts begin at the offset. */
static void put_words(const struct worker *worker, const struct metric_family *family,
                      const char *(*word_of)(uint32_t number), uint32_t words, size_t offset,
                      struct buf *out) {
    struct buf label = BUF_EMPTY;
    metrics_head(family, out);
    for (uint32_t i = 0; i < words; i++) {
        buf_clear(&label);
        metrics_label(&label, family->labels, word_of(i));
        metrics_value(family, buf_cstr(&label),
                      (double)worker_sum(worker, offset + i * sizeof(uint64_t)), out);
    }
    buf_free(&label);
}

static void put_histogram(const struct worker *worker, int id, const struct histogram_scale *scale,
                          size_t offset, struct buf *out) {
    const struct histogram *histograms[WORKER_LANES_MAX];
    uint32_t count = atomic_load(&worker->lane_count);
    for (uint32_t i = 0; i < count; i++) {
        const char *stats = (const char *)lane_stats(worker->lanes[i]);
        histograms[i] = (const struct histogram *)(const void *)(stats + offset);
    }
    metrics_histogram(&METRICS[id], scale, histograms, count, out);
}

static void render_metrics(const struct worker *worker, bool is_ready, struct buf *out) {
    for (size_t i = 0; i < COUNT_OF(COUNTERS); i++) {
        metrics_one(&COUNTERS[i], (double)worker_sum(worker, OFFSETS[i]), out);
    }
    put_gauges(worker, is_ready, out);
    put_words(worker, &METRICS[METRICS_OUTCOMES], wire_disposition_word, WIRE_DISPOSITIONS,
              offsetof(struct lane_stats, outcomes), out);
    put_words(worker, &METRICS[METRICS_DEAD_LETTERS], lane_dead_reason, DEAD_REASON_COUNT,
              offsetof(struct lane_stats, dead), out);
    put_histogram(worker, METRICS_EVALUATE, &histogram_seconds,
                  offsetof(struct lane_stats, evaluate), out);
    put_histogram(worker, METRICS_TRANSACTION, &histogram_seconds,
                  offsetof(struct lane_stats, transaction), out);
    put_histogram(worker, METRICS_TRANSACTION_CASES, &histogram_cases,
                  offsetof(struct lane_stats, transaction_cases), out);
    metrics_program("casemill-worker", out);
}

/* The rule set that decides here, and why it is not the active one. */
static void render_rules(const struct worker *worker, struct json *json) {
    char refused[DIAG_TEXT_MAX];
    struct active_rules *rules = rule_watch_get(worker->watch);
    json_key(json, "ruleset");
    if (rules == NULL) {
        json_nil(json);
    } else {
        json_str(json, ruleset_id(rules->ruleset));
    }
    active_rules_unref(&rules);
    json_key(json, "ruleset_refused");
    if (rule_watch_refused(worker->watch, refused)) {
        json_str(json, refused);
    } else {
        json_nil(json);
    }
}

/* NULL: ready. */
static const char *why_unready(const struct worker *worker) {
    if (WITH_FLAG(worker, connected) == 0) {
        return "no lane is connected to PostgreSQL";
    }
    if (SUM(worker, links_up) == 0) {
        return "no lane is connected to a broker";
    }
    if (rule_watch_is_unchecked(worker->watch)) {
        return "the rules were not checked for 30 s";
    }
    if (is_stale(worker)) {
        return "the active rule set does not load here";
    }
    struct active_rules *rules = rule_watch_get(worker->watch);
    bool has_rules = rules != NULL;
    active_rules_unref(&rules);
    return has_rules ? NULL : "no rule set is active";
}

static uint64_t dead_of(const struct lane_stats *stats) {
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(stats->dead); i++) {
        sum += atomic_load(&stats->dead[i]);
    }
    return sum;
}

static void render_dead(const struct worker *worker, struct json *json) {
    uint64_t sum = 0;
    json_array_open(json_key(json, "dead_reasons"));
    for (uint32_t i = 0; i < DEAD_REASON_COUNT; i++) {
        uint64_t cases =
            worker_sum(worker, offsetof(struct lane_stats, dead) + i * sizeof(uint64_t));
        if (cases > 0) {
            json_object_open(json);
            json_str(json_key(json, "reason"), lane_dead_reason(i));
            json_uint(json_key(json, "cases"), cases);
            json_object_close(json);
        }
        sum += cases;
    }
    json_array_close(json);
    json_uint(json_key(json, "dead"), sum);
}

static void render_brokers(const struct worker *worker, struct json *json) {
    json_array_open(json_key(json, "broker_list"));
    for (uint32_t i = 0; i < worker->options.broker_count; i++) {
        size_t offset = offsetof(struct lane_stats, link_is_up) + i * sizeof(atomic_bool);
        json_object_open(json);
        json_str(json_key(json, "broker"), worker->options.brokers[i]);
        json_uint(json_key(json, "lanes_connected"), worker_with_flag(worker, offset));
        json_object_close(json);
    }
    json_array_close(json);
}

static void render_lanes(const struct worker *worker, struct json *json) {
    int64_t now_ms = clock_mono_ms();
    bool is_stopping = false;
    json_array_open(json_key(json, "lane_list"));
    for (uint32_t i = 0; i < atomic_load(&worker->lane_count); i++) {
        const struct lane_stats *stats = lane_stats(worker->lanes[i]);
        bool has_ended = atomic_load(&stats->ended);
        json_object_open(json);
        json_str(json_key(json, "lane"), worker->lanes[i]->uuid_text);
        json_str(json_key(json, "phase"), has_ended ? "ended" : atomic_load(&stats->phase));
        json_bool(json_key(json, "connected"), atomic_load(&stats->connected));
        json_uint(json_key(json, "brokers"), atomic_load(&stats->links_up));
        json_uint(json_key(json, "cases"), atomic_load(&stats->cases_done));
        json_uint(json_key(json, "dead"), dead_of(stats));
        json_uint(json_key(json, "transactions"), atomic_load(&stats->transactions));
        json_int(json_key(json, "turn_ms"), now_ms - atomic_load(&stats->turned_at));
        json_object_close(json);
        is_stopping = is_stopping || atomic_load(&worker->lanes[i]->draining);
    }
    json_array_close(json);
    json_bool(json_key(json, "stopping"), is_stopping);
}

static void render_status(const struct worker *worker, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_str(json_key(&json, "version"), CASEMILL_VERSION);
    const char *missing = why_unready(worker);
    json_str(json_key(&json, "unready"), missing == NULL ? "" : missing);
    json_int(json_key(&json, "uptime_ms"), clock_mono_ms() - worker->started_ms);
    json_uint(json_key(&json, "lanes"), atomic_load(&worker->lane_count));
    json_uint(json_key(&json, "lanes_connected"), WITH_FLAG(worker, connected));
    json_uint(json_key(&json, "links_connected"), SUM(worker, links_up));
    json_uint(json_key(&json, "postgres_connections"), SUM(worker, reconnects));
    json_uint(json_key(&json, "cases"), SUM(worker, cases_done));
    json_uint(json_key(&json, "transactions"), SUM(worker, transactions));
    json_uint(json_key(&json, "duplicates"), SUM(worker, duplicates));
    struct rule_watch_health watch;
    rule_watch_health(worker->watch, &watch);
    json_int(json_key(&json, "lane_turn_ms"), worker_longest_turn_ms(worker));
    json_int(json_key(&json, "rules_looked_ms"), watch.looked_ms);
    json_int(json_key(&json, "listen_notified_ms"), watch.notified_ms);
    json_uint(json_key(&json, "listen_deaf"), watch.deaf);
    json_uint(json_key(&json, "clock_jumps"), watch.clock_jumps);
    render_rules(worker, &json);
    render_dead(worker, &json);
    render_brokers(worker, &json);
    render_lanes(worker, &json);
    json_object_close(&json);
    buf_byte(out, '\n');
}

void page_render(const char *path, struct http_reply *reply, void *context) {
    const struct worker *worker = context;
    if (page_serve(path, span_make(WORKER_PAGE, WORKER_PAGE_BYTES), reply)) {
        return;
    }
    if (strcmp(path, "/metrics") == 0) {
        reply->content_type = METRICS_CONTENT_TYPE;
        render_metrics(worker, why_unready(worker) == NULL, &reply->body);
    } else if (strcmp(path, "/status") == 0) {
        reply->content_type = "application/json";
        render_status(worker, &reply->body);
    } else if (strcmp(path, "/healthz") == 0) {
        bool stalled = worker_is_stalled(worker);
        reply->status = stalled ? 503 : 200;
        buf_str(&reply->body, stalled ? "a lane is stalled\n" : "ok\n");
    } else if (strcmp(path, "/readyz") == 0) {
        const char *missing = why_unready(worker);
        reply->status = missing == NULL ? 200 : 503;
        buf_printf(&reply->body, "%s\n", missing == NULL ? "ready" : missing);
    } else {
        reply->status = 404;
    }
}
