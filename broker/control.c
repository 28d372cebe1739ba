/* The operator's socket: a verb in, JSON out; REAPPLY and RETRY have a body and a way of their own
 * (reapply.c).  PAUSE, DRAIN, RESUME, RETIRE and RETRY are logged with the operator.
 */
#include "broker/control.h"

#include "base/json.h"
#include "base/log.h"
#include "broker/reapply.h"
#include "broker/receive.h"
#include "broker/reply.h"
#include "broker/status.h"
#include "broker/trace.h"

#include <stdio.h>

enum { TURN_MESSAGES_MAX = 16 };

static const struct {
    const char *verb, *state, *switched; /* switched: the member of the answer */
} STOPS[OPERATOR_STOP_COUNT] = {[OPERATOR_PAUSE] = {"pause", "paused", "dispatching"},
                                [OPERATOR_DRAIN] = {"drain", "draining", "accepting"}};

static struct operator_time time_now(const struct shell *shell) {
    return (struct operator_time){.mono_ms = shell->now, .wall_us = shell->wall_us};
}

/* The values are cleaned: none holds a quote. */
static void log_action(const char *verb, const char *subject, const struct operator_who *who,
                       int64_t until) {
    char time[OPERATOR_TIME_BYTES] = "";
    if (until != 0) {
        operator_time_format(until, time);
    }
    LOG(EV_OPERATOR_ACTION,
        "verb=%s subject=\"%s\" user=\"%s\" host=\"%s\" key=\"%s\" until=\"%s\" why=\"%s\"", verb,
        subject, who->user, who->host, who->key, time, who->why);
}

static bool fail(struct buf *out, const char *text) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_str(json_key(&json, "error"), text);
    json_object_close(&json);
    return false;
}

/* The members that each answer to an order has. */
static void json_order(const struct shell *shell, const struct operator_who *who,
                       struct json *json) {
    char uuid[UUID_TEXT_BYTES];
    struct uuid journal = journal_uuid(shell->journal);
    uuid_format(&journal, uuid);
    json_str(json_key(json, "journal"), uuid);
    json_str(json_key(json, "key"), who->key);
}

/* --- pause, drain, resume --- */

/* A stop of the program goes before what operators order. */
static void apply_stops(struct shell *shell) {
    const struct operator_stop *stops = shell->operators.stops;
    core_set_dispatching(shell->core, !shell->stopping && !stops[OPERATOR_PAUSE].is_on);
    core_set_accepting(shell->core, !shell->stopping && !stops[OPERATOR_DRAIN].is_on);
}

/* What is about to be kept would wait for the disk, and the loop with it. */
static bool is_stalled(const struct shell *shell) {
    struct journal_stats disk;
    journal_stats(shell->journal, &disk);
    return disk.commit_runs_ms > JOURNAL_STALLED_MS;
}

static bool has_disk(const struct shell *shell, struct buf *json) {
    return !is_stalled(shell) ||
           fail(json, "nothing was changed: the journal's disk does not answer");
}

static bool stop(struct shell *shell, enum operator_stop_kind kind,
                 const struct wire_control *control, const struct operator_who *who,
                 struct buf *out) {
    struct operator_time now = time_now(shell);
    struct diag diag = {0};
    struct json json;
    int64_t until = control->for_ms > 0 ? now.wall_us + control->for_ms * 1000 : control->until;
    if (!has_disk(shell, out)) {
        return false;
    }
    if (operator_state_stop(&shell->operators, kind, who, until, now, &diag) != ERR_OK) {
        return fail(out, diag.text);
    }
    apply_stops(shell);
    log_action(STOPS[kind].verb, "", who, until);
    char time[OPERATOR_TIME_BYTES];
    operator_time_format(until, time);
    json_init(&json, out);
    json_object_open(&json);
    json_bool(json_key(&json, STOPS[kind].switched), false);
    json_order(shell, who, &json);
    json_key(&json, "until");
    if (until == 0) {
        json_nil(&json);
    } else {
        json_str(&json, time);
    }
    json_object_close(&json);
    return true;
}

static bool resume(struct shell *shell, const struct operator_who *who, struct buf *out) {
    struct diag diag = {0};
    struct json json;
    if (shell->stopping) {
        return fail(out, "the broker is stopping");
    }
    if (!has_disk(shell, out)) {
        return false;
    }
    if (operator_state_resume(&shell->operators, &diag) != ERR_OK) {
        return fail(out, diag.text);
    }
    apply_stops(shell);
    log_action("resume", "", who, 0);
    json_init(&json, out);
    json_object_open(&json);
    json_bool(json_key(&json, "dispatching"), true);
    json_bool(json_key(&json, "accepting"), true);
    json_order(shell, who, &json);
    json_object_close(&json);
    return true;
}

enum err control_open(struct shell *shell, const char *path, struct diag *diag) {
    struct uuid journal = journal_uuid(shell->journal);
    bool is_foreign = false;
    enum err err =
        operator_state_open(path, &journal, time_now(shell), &shell->operators, &is_foreign, diag);
    if (is_foreign) {
        LOG(EV_OPERATOR_STATE_FOREIGN, "file=\"%s/operator\"", path);
    }
    for (int kind = 0; err == ERR_OK && kind < OPERATOR_STOP_COUNT; kind++) {
        if (shell->operators.stops[kind].is_on) {
            struct buf text = BUF_EMPTY;
            operator_stop_text(&shell->operators.stops[kind], &text);
            LOG(EV_OPERATOR_STOP_KEPT, "verb=%s text=\"%s%s\"", STOPS[kind].verb, STOPS[kind].state,
                buf_cstr(&text));
            buf_free(&text);
        }
    }
    apply_stops(shell);
    return err;
}

void control_tick(struct shell *shell) {
    struct operator_time now = time_now(shell);
    for (int kind = 0; kind < OPERATOR_STOP_COUNT; kind++) {
        struct diag diag = {0};
        if (!operator_state_is_over(&shell->operators, (enum operator_stop_kind)kind, now) ||
            is_stalled(shell)) {
            continue; /* a later tick ends it */
        }
        enum err err = operator_state_end(&shell->operators, (enum operator_stop_kind)kind, &diag);
        apply_stops(shell);
        LOG(EV_OPERATOR_STOP_ENDED, "verb=%s text=\"%s\"", STOPS[kind].verb,
            err == ERR_OK ? "its end time is reached" : diag.text);
    }
}

/* --- retire --- */

/* The text between the quotes of a JSON string; a name has no escapes. */
static struct span quoted(struct span text) {
    bool is_name = text.len > 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"' &&
                   memchr(text.ptr, '\\', text.len) == NULL;
    return is_name ? span_make(text.ptr + 1, text.len - 2) : SPAN_LIT("");
}

/* RETIRE takes a lane's uuid or a worker's name, which is that of all its lanes. */
static bool retire(struct shell *shell, struct span arguments, const struct operator_who *who,
                   struct buf *out) {
    struct span name = quoted(arguments);
    struct core_lane_view view;
    struct json json;
    uint32_t lanes = 0;
    for (uint32_t i = 0; core_lane_view(shell->core, i, shell->now, &view); i++) {
        char uuid[UUID_TEXT_BYTES];
        uuid_format(&view.uuid, uuid);
        if (span_is(name, uuid) || span_is(name, view.name)) {
            lanes += core_retire(shell->core, &view.uuid) ? 1 : 0;
            LOG(EV_LANE_RETIRING, "lane=%s", uuid);
        }
    }
    if (lanes == 0) {
        return fail(out, "no such lane or worker");
    }
    struct operator_who subject;
    operator_who_take(&subject, &(struct wire_operator){.why = name}, SPAN_LIT(""));
    log_action("retire", subject.why, who, 0);
    json_init(&json, out);
    json_object_open(&json);
    json_uint(json_key(&json, "retiring"), lanes);
    json_order(shell, who, &json);
    json_object_close(&json);
    return true;
}

/* --- */

static bool run_verb(struct shell *shell, const struct wire_control *control, struct span key,
                     struct buf *json) {
    struct span verb = control->verb;
    struct operator_who who;
    operator_who_take(&who, &control->by, key);
    if (span_is(verb, "STATUS")) {
        status_json(shell, json);
    } else if (span_is(verb, "WORKERS")) {
        status_lanes_json(shell, json);
    } else if (span_is(verb, "SOURCES")) {
        status_sources_json(shell, json);
    } else if (span_is(verb, "PAUSE")) {
        return stop(shell, OPERATOR_PAUSE, control, &who, json);
    } else if (span_is(verb, "DRAIN")) {
        /* What is queued is worked off; RESUME accepts again. */
        return stop(shell, OPERATOR_DRAIN, control, &who, json);
    } else if (span_is(verb, "RESUME")) {
        return resume(shell, &who, json);
    } else if (span_is(verb, "RETIRE")) {
        return retire(shell, control->arguments, &who, json);
    } else if (span_is(verb, "TRACE")) {
        return trace_json(shell, quoted(control->arguments), json);
    } else {
        return fail(json, shell->stopping ? "the broker is stopping" : "unknown verb");
    }
    return true;
}

static void take_retry(struct shell *shell, const struct wire_retry *retry, struct span key) {
    struct operator_who who;
    char letters[32];
    operator_who_take(&who, &retry->by, key);
    (void)snprintf(letters, sizeof(letters), "%u dead letters", retry->count);
    log_action("dead_retry", letters, &who, 0);
    reapply_take_retry(shell, retry);
}

static void take_message(struct shell *shell, struct span key, struct online_verify *verify) {
    struct wire_message request;
    if (!receive_head(shell, WIRE_CONTROL_SOCKET, &request)) {
        return;
    }
    if (request.command == WIRE_REAPPLY) {
        reapply_take(shell, &request.reapply);
    } else if (request.command == WIRE_RETRY) {
        take_retry(shell, &request.retry, key);
    } else if (span_is(request.control.verb, "VERIFY")) {
        online_verify_start(verify, shell); /* answers when it is through */
    } else {
        struct buf json = BUF_EMPTY;
        bool ok = run_verb(shell, &request.control, key, &json);
        reply_control(shell, &shell->message.route, ok, buf_span(&json));
        buf_free(&json);
    }
}

void control_receive(struct shell *shell, const struct keys *keys, struct online_verify *verify) {
    for (int i = 0; i < TURN_MESSAGES_MAX; i++) {
        struct span name;
        if (!receive_next(shell, WIRE_CONTROL_SOCKET)) {
            return;
        }
        if (keys_admit(keys, shell, WIRE_CONTROL_SOCKET, &name)) {
            take_message(shell, name, verify);
        } else {
            reply_refused(shell, WIRE_CONTROL_SOCKET, &shell->message.route, NULL,
                          WIRE_REASON_NOT_ALLOWED);
        }
        net_message_close(&shell->message);
    }
    shell->more = true;
}
