/* `casemill pause`, `resume`, `drain` and `retire`: whether a broker dispatches, whether it
 * accepts, and lanes that must end.  Work in flight is always finished, and no attempt is
 * counted. */
#include "base/clock.h"
#include "base/plain.h"
#include "cli/control_ask.h"
#include "cli/lane_choice.h"
#include "cli/operator.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 100, WAIT_S = 60, WAIT_S_MAX = 86400 };

/* Prints the broker's answer, or one line for a person. */
static int print_answer(const struct options *options, enum err err, const struct buf *reply,
                        const char *line, const struct diag *diag) {
    if (err != ERR_OK) {
        return verb_fail(options, diag, SPAN_LIT(""));
    }
    if (option_flag(options, "--json")) {
        control_print_json(reply);
    } else {
        plain_printf(stdout, "%s\n", line);
    }
    return EXIT_DONE;
}

static enum err ask(const struct options *options, const char *verb, struct buf *reply,
                    struct diag *diag) {
    buf_clear(reply);
    const struct control_peer peer = control_peer(options);
    return control_ask(&peer, verb, "", CONTROL_WAIT_MS, reply, diag);
}

/* Sends the order with the operator, and records it: it may take long until it is carried out. */
static enum err act(const struct options *options, const struct operator_self *self,
                    struct wire_control *order, const char *subject, struct buf *reply,
                    struct diag *diag) {
    const struct control_peer peer = control_peer(options);
    order->by = operator_wire(self);
    buf_clear(reply);
    enum err err = control_order(&peer, order, reply, diag);
    if (err == ERR_OK) {
        operator_record(options, self,
                        &(struct operator_record){
                            .kind = verb_name(options), .subject = subject, .reply = reply});
    }
    return err;
}

/* Waits until no batch is left (drain), or no case is in flight (pause). */
static enum err wait_for_none(const struct options *options, bool drains, int64_t wait_s,
                              struct buf *reply, struct diag *diag) {
    int64_t end_ms = clock_mono_ms() + wait_s * 1000;
    for (;;) {
        enum err err = ask(options, "STATUS", reply, diag);
        if (err != ERR_OK) {
            return err;
        }
        json_t *status = json_loadb((const char *)reply->ptr, reply->len, 0, NULL);
        const json_t *count = json_object_get(status, drains ? "batches" : "out_cases");
        json_int_t left = json_is_integer(count) ? json_integer_value(count) : 1;
        bool paused = !json_is_true(json_object_get(status, "dispatching"));
        json_decref(status);
        if (left == 0) {
            return ERR_OK;
        }
        if (paused && drains) {
            return diag_fail(diag, ERR_BUSY,
                             "%lld batches wait, but dispatch is paused: casemill resume",
                             (long long)left);
        }
        if (clock_mono_ms() >= end_ms) {
            return diag_fail(diag, ERR_TIMEOUT, "%lld %s after %lld s", (long long)left,
                             drains ? "batches are not done" : "cases are in flight",
                             (long long)wait_s);
        }
        clock_sleep_ms(LOOK_MS);
    }
}

/* An older broker ignores the end. */
static enum err check_end(const struct wire_control *order, const struct buf *reply,
                          struct diag *diag) {
    json_t *answer = json_loadb((const char *)reply->ptr, reply->len, 0, NULL);
    bool has_end = json_is_string(json_object_get(answer, "until"));
    json_decref(answer);
    return has_end || (order->for_ms == 0 && order->until == 0)
               ? ERR_OK
               : diag_fail(diag, ERR_VERSION,
                           "done, but this broker does not support --until: casemill resume ends "
                           "it");
}

static int change_and_wait(const struct options *options, bool drains, const char *lines[2]) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    struct operator_self self;
    struct wire_control order = {.verb = drains ? SPAN_LIT("DRAIN") : SPAN_LIT("PAUSE")};
    int64_t wait_s = 0;
    if (option_int(options, "--wait", WAIT_S, 0, WAIT_S_MAX, &wait_s) != ERR_OK ||
        operator_read(options, NULL, &self) != ERR_OK ||
        operator_read_end(options, &order.for_ms, &order.until) != ERR_OK) {
        return EXIT_USAGE;
    }
    enum err err = act(options, &self, &order, NULL, &reply, &diag);
    err = err == ERR_OK ? check_end(&order, &reply, &diag) : err;
    if (err == ERR_OK && wait_s > 0) {
        err = wait_for_none(options, drains, wait_s, &reply, &diag);
    }
    int code = print_answer(options, err, &reply, lines[wait_s > 0 ? 1 : 0], &diag);
    buf_free(&reply);
    return code;
}

static int pause_run(const struct options *options) {
    const char *lines[] = {"paused: nothing more is dispatched",
                           "paused: nothing more is dispatched, and nothing is in flight"};
    return change_and_wait(options, false, lines);
}

static int drain_run(const struct options *options) {
    const char *lines[] = {"draining: no batch is accepted",
                           "drained: no batch is accepted, and all accepted batches are done"};
    return change_and_wait(options, true, lines);
}

static int resume_run(const struct options *options) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    struct operator_self self;
    struct wire_control order = {.verb = SPAN_LIT("RESUME")};
    if (operator_read(options, NULL, &self) != ERR_OK) {
        return EXIT_USAGE;
    }
    enum err err = act(options, &self, &order, NULL, &reply, &diag);
    int code =
        print_answer(options, err, &reply, "resumed: batches are accepted and dispatched", &diag);
    buf_free(&reply);
    return code;
}

/* True while the broker lists a lane with that uuid, or of a worker with that name. */
static bool is_known(struct span workers, const char *who) {
    json_t *lanes = json_loadb((const char *)workers.ptr, workers.len, 0, NULL);
    bool found = !json_is_array(lanes);
    size_t i = 0;
    const json_t *lane = NULL;
    json_array_foreach(lanes, i, lane) {
        const char *uuid = json_string_value(json_object_get(lane, "lane"));
        const char *name = json_string_value(json_object_get(lane, "name"));
        found = found || (uuid != NULL && strcmp(uuid, who) == 0) ||
                (name != NULL && strcmp(name, who) == 0);
    }
    json_decref(lanes);
    return found;
}

static enum err wait_until_gone(const struct options *options, const char *who, int64_t wait_s,
                                struct diag *diag) {
    struct buf reply = BUF_EMPTY;
    int64_t end_ms = clock_mono_ms() + wait_s * 1000;
    enum err err = ask(options, "WORKERS", &reply, diag);
    while (err == ERR_OK && is_known(buf_span(&reply), who)) {
        if (clock_mono_ms() >= end_ms) {
            err = diag_fail(diag, ERR_TIMEOUT, "%s is still there after %lld s", who,
                            (long long)wait_s);
            break;
        }
        clock_sleep_ms(LOOK_MS);
        err = ask(options, "WORKERS", &reply, diag);
    }
    buf_free(&reply);
    return err;
}

static int retire_run(const struct options *options) {
    struct buf reply = BUF_EMPTY;
    struct buf name = BUF_EMPTY;
    struct diag diag = {0};
    struct operator_self self;
    struct wire_control order = {.verb = SPAN_LIT("RETIRE")};
    int64_t wait_s = 0;
    if (option_int(options, "--wait", WAIT_S, 0, WAIT_S_MAX, &wait_s) != ERR_OK ||
        operator_read(options, NULL, &self) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (option_operand_count(options) != 1 || strpbrk(option_operand(options, 0), "\"\\") != NULL) {
        return verb_usage(options, "expected one worker or lane, as in `casemill workers`");
    }
    struct buf found = BUF_EMPTY;
    enum err err = ask(options, "WORKERS", &reply, &diag);
    err = err == ERR_OK
              ? lane_choice_name(buf_span(&reply), option_operand(options, 0), &found, &diag)
              : err;
    const char *who = buf_cstr(&found);
    buf_printf(&name, "\"%s\"", who);
    order.arguments = span_str(buf_cstr(&name));
    err = err == ERR_OK ? act(options, &self, &order, who, &reply, &diag) : err;
    if (err == ERR_OK && wait_s > 0) {
        err = wait_until_gone(options, who, wait_s, &diag);
    }
    int code = print_answer(options, err, &reply,
                            wait_s > 0 ? "retired: its work is done or returned, and it has ended"
                                       : "retiring: it receives no more work",
                            &diag);
    buf_free(&reply);
    buf_free(&name);
    buf_free(&found);
    return code;
}

#define WAIT_ROW                                                                                   \
    { "--wait", "SECONDS", "wait for the work in flight; 0: do not wait (60)" }
static const struct option_row STOP_ROWS[] = {
    WAIT_ROW,
    OPERATOR_WHY_ROW,
    {"--until", "TIME", "it ends by itself: a moment, or a time from now on as in 2h"},
    {NULL, NULL, NULL},
};
static const struct option_row RESUME_ROWS[] = {OPERATOR_WHY_ROW, {NULL, NULL, NULL}};
static const struct option_row RETIRE_ROWS[] = {WAIT_ROW, OPERATOR_WHY_ROW, {NULL, NULL, NULL}};

const struct verb verb_pause = {
    .name = "pause",
    .summary = "dispatch nothing more, also after a restart; batches are still accepted",
    .operands = "",
    .rows = STOP_ROWS,
    .run = pause_run,
};
const struct verb verb_drain = {
    .name = "drain",
    .summary = "accept no more batches, also after a restart, and finish the accepted ones",
    .operands = "",
    .rows = STOP_ROWS,
    .run = drain_run,
};
const struct verb verb_resume = {
    .name = "resume",
    .summary = "accept and dispatch again, after pause or drain",
    .operands = "",
    .rows = RESUME_ROWS,
    .run = resume_run,
};
const struct verb verb_retire = {
    .name = "retire",
    .summary = "let one worker, or one lane, finish its work and end",
    .operands = "WORKER|LANE",
    .rows = RETIRE_ROWS,
    .run = retire_run,
};
