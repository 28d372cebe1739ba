/* See broker.h.  The answer's form is in broker/trace.c. */
#include "cli/trace/broker.h"

#include "base/clock.h"
#include "base/date.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 2000, SECOND_US = 1000000 };

static void format_time(int64_t us, char text[TRACE_TIME_BYTES]) {
    char date[DATE_TEXT_BYTES];
    int64_t days = us / DATE_DAY_US;
    int64_t rest = us % DATE_DAY_US;
    text[0] = '\0';
    if (us < 0 || days > DATE_DAYS_MAX) {
        return; /* not a time that a broker stamps */
    }
    date_format((int32_t)days, date);
    int second = (int)(rest / SECOND_US);
    (void)snprintf(text, TRACE_TIME_BYTES, "%s", date);
    (void)snprintf(text + DATE_TEXT_BYTES - 1, TRACE_TIME_BYTES - DATE_TEXT_BYTES + 1,
                   "T%02d:%02d:%02d.%06dZ", second / 3600 % 24, second / 60 % 60, second % 60,
                   (int)(rest % SECOND_US));
}

static const char *text_of(const json_t *object, const char *member) {
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

static long long number_of(const json_t *object, const char *member) {
    return (long long)json_integer_value(json_object_get(object, member));
}

static void add_part(const json_t *part, const char *batch, const char *now,
                     struct timeline *timeline) {
    struct buf who = BUF_EMPTY;
    struct buf details = BUF_EMPTY;
    const char *lane = text_of(part, "lane");
    const char *state = text_of(part, "state");
    if (*lane != '\0') {
        buf_printf(&who, "lane %.8s", lane);
    }
    buf_printf(&details, "batch=%s first=%lld cases=%lld attempt=%lld%s%s", batch,
               number_of(part, "first"), number_of(part, "cases"), number_of(part, "attempt"),
               *lane == '\0' ? "" : " lane=", lane);
    bool is_out = strcmp(state, "in_flight") == 0;
    const struct timeline_event event = {now, is_out ? "in flight" : state, buf_cstr(&who),
                                         buf_cstr(&details)};
    timeline_add(timeline, &event);
    timeline_note_id(&timeline->lanes, lane);
    buf_free(&who);
    buf_free(&details);
}

/* A batch that is done has no parts, and counts instead. */
static void add_state(const json_t *found, const char *batch, const char *now,
                      struct timeline *timeline) {
    struct buf details = BUF_EMPTY;
    const char *state = text_of(found, "state");
    if (strcmp(state, "done") == 0) {
        buf_printf(&details, "batch=%s cases=%lld duplicates=%lld dead=%lld", batch,
                   number_of(found, "cases"), number_of(found, "duplicates"),
                   number_of(found, "dead"));
        const struct timeline_event event = {now, "known as done", text_of(found, "source"),
                                             buf_cstr(&details)};
        timeline_add(timeline, &event);
        timeline_unknown(timeline,
                         "when the broker sent DONE of batch %s: it does not keep that "
                         "time",
                         batch);
    } else if (strcmp(state, "quarantined") == 0) {
        buf_printf(&details, "batch=%s done=%lld", batch, number_of(found, "done_cases"));
        const struct timeline_event event = {now, state, text_of(found, "source"),
                                             buf_cstr(&details)};
        timeline_add(timeline, &event);
    }
    buf_free(&details);
}

static void add_batch(const json_t *found, const char *batch, const char *now,
                      struct timeline *timeline, char accepted_at[TRACE_TIME_BYTES]) {
    struct buf details = BUF_EMPTY;
    buf_printf(&details, "batch=%s cases=%lld", batch, number_of(found, "cases"));
    if (json_object_get(found, "seq") != NULL) {
        buf_printf(&details, " done=%lld priority=%s seq=%lld", number_of(found, "done_cases"),
                   text_of(found, "priority"), number_of(found, "seq"));
    }
    format_time(number_of(found, "accepted_at_us"), accepted_at);
    const struct timeline_event event = {accepted_at, "accepted", text_of(found, "source"),
                                         buf_cstr(&details)};
    timeline_add(timeline, &event);
    buf_free(&details);
    add_state(found, batch, now, timeline);
    size_t i = 0;
    const json_t *part = NULL;
    const json_t *parts = json_object_get(found, "parts");
    json_array_foreach(parts, i, part) { add_part(part, batch, now, timeline); }
    if (number_of(found, "part_count") > (long long)json_array_size(parts)) {
        timeline_unknown(timeline, "%lld more parts of batch %s: the broker lists %zu",
                         number_of(found, "part_count") - (long long)json_array_size(parts), batch,
                         json_array_size(parts));
    }
}

void trace_broker(const struct control_peer *peer, const char *batch, struct timeline *timeline,
                  char accepted_at[TRACE_TIME_BYTES]) {
    struct buf question = BUF_EMPTY;
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    char now[TRACE_TIME_BYTES];
    accepted_at[0] = '\0';
    buf_printf(&question, "\"%s\"", batch);
    enum err err = control_ask(peer, "TRACE", buf_cstr(&question), WAIT_MS, &reply, &diag);
    json_t *root =
        err == ERR_OK ? json_loadb((const char *)reply.ptr, reply.len, JSON_REJECT_DUPLICATES, NULL)
                      : NULL;
    const json_t *batches = json_object_get(root, "batches");
    format_time(clock_wall_us(), now);
    if (err != ERR_OK) {
        timeline_unknown(timeline, "the state of batch %s in the broker: %s", batch, diag.text);
    } else if (!json_is_array(batches)) {
        timeline_unknown(timeline, "the state of batch %s: the broker's answer cannot be read",
                         batch);
    } else if (json_array_size(batches) == 0) {
        timeline_unknown(timeline, "batch %s: this broker does not have it, or it is done long ago",
                         batch);
    }
    size_t i = 0;
    const json_t *found = NULL;
    json_array_foreach(batches, i, found) { add_batch(found, batch, now, timeline, accepted_at); }
    if (json_is_true(json_object_get(root, "more"))) {
        timeline_unknown(timeline, "more sources have a batch %s: the broker lists %zu", batch,
                         json_array_size(batches));
    }
    json_decref(root);
    buf_free(&question);
    buf_free(&reply);
}
