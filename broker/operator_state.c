/* See operator_state.h. */
#include "broker/operator_state.h"

#include "base/date.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MAGIC "CM-STOPS"
enum {
    FILE_VERSION = 1,
    MAGIC_BYTES = 8,
    UUID_BYTES = 16,
    VERSION_AT = MAGIC_BYTES,
    JOURNAL_AT = VERSION_AT + 4,
    STOPS_AT = JOURNAL_AT + UUID_BYTES,
    SUM_BYTES = 8,
    FILE_BYTES_MAX = 16384,
    PATH_BYTES = 4096,
    SECOND_US = 1000000,
    DAY_S = 86400,
    HOUR_S = 3600,
    MINUTE_S = 60
};
_Static_assert(FILE_BYTES_MAX >
                   STOPS_AT + SUM_BYTES + OPERATOR_STOP_COUNT * (int)sizeof(struct operator_stop),
               "the largest state fits");

/* --- texts --- */

/* The text without characters that change a terminal or end a quoted value of the log. */
static void clean(struct span text, char *out, size_t size) {
    struct buf whole = BUF_EMPTY;
    struct buf shown = BUF_EMPTY;
    buf_append(&whole, text);
    plain_text(&shown, buf_cstr(&whole));
    size_t len = 0;
    for (size_t at = 0; at < shown.len;) {
        uint32_t code = 0;
        size_t bytes = plain_next(buf_span(&shown), at, &code);
        if (len + bytes >= size) {
            break;
        }
        memcpy(out + len, shown.ptr + at, bytes);
        out[len] = code == '"' ? '\'' : out[len];
        len += bytes;
        at += bytes;
    }
    out[len] = '\0';
    buf_free(&whole);
    buf_free(&shown);
}

void operator_who_take(struct operator_who *who, const struct wire_operator *by, struct span key) {
    clean(by->user, who->user, sizeof(who->user));
    clean(by->host, who->host, sizeof(who->host));
    clean(by->why, who->why, sizeof(who->why));
    clean(key, who->key, sizeof(who->key));
}

void operator_time_format(int64_t us, char text[OPERATOR_TIME_BYTES]) {
    CHECK(us >= 0);
    CHECK(us <= WIRE_TIME_US_MAX);
    uint64_t seconds = (uint64_t)us / SECOND_US;
    unsigned second = (unsigned)(seconds % DAY_S);
    char day[DATE_TEXT_BYTES];
    date_format((int32_t)(seconds / DAY_S), day);
    (void)snprintf(text, OPERATOR_TIME_BYTES, "%sT%02u:%02u:%02uZ", day, second / HOUR_S % 24,
                   second / MINUTE_S % 60, second % MINUTE_S);
}

void operator_stop_text(const struct operator_stop *stop, struct buf *out) {
    const struct operator_who *who = &stop->who;
    char time[OPERATOR_TIME_BYTES];
    operator_time_format(stop->since, time);
    buf_printf(out, " by %s@%s", who->user[0] == '\0' ? "unknown" : who->user,
               who->host[0] == '\0' ? "unknown" : who->host);
    if (who->key[0] != '\0') {
        buf_printf(out, " (key %s)", who->key);
    }
    buf_printf(out, " since %s, why: %s", time, who->why[0] == '\0' ? "not given" : who->why);
    if (stop->until != 0) {
        operator_time_format(stop->until, time);
        buf_printf(out, "; until %s", time);
    }
}

void operator_stop_json(const struct operator_stop *stop, struct json *json) {
    char time[OPERATOR_TIME_BYTES];
    if (!stop->is_on) {
        json_nil(json);
        return;
    }
    json_object_open(json);
    json_str(json_key(json, "user"), stop->who.user);
    json_str(json_key(json, "host"), stop->who.host);
    json_str(json_key(json, "key"), stop->who.key);
    json_str(json_key(json, "why"), stop->who.why);
    operator_time_format(stop->since, time);
    json_str(json_key(json, "since"), time);
    operator_time_format(stop->until, time);
    json_key(json, "until");
    if (stop->until == 0) {
        json_nil(json);
    } else {
        json_str(json, time);
    }
    json_object_close(json);
}

/* --- the file --- */

static void encode_text(struct buf *out, const char *text) {
    struct span span = span_str(text);
    buf_le16(out, (uint16_t)span.len);
    buf_append(out, span);
}

static void encode(const struct operator_state *state, struct buf *out) {
    buf_str(out, MAGIC);
    buf_le32(out, FILE_VERSION);
    buf_append(out, span_make(state->journal.bytes, UUID_BYTES));
    for (int kind = 0; kind < OPERATOR_STOP_COUNT; kind++) {
        const struct operator_stop *stop = &state->stops[kind];
        buf_byte(out, stop->is_on ? 1 : 0);
        if (stop->is_on) {
            buf_le64(out, (uint64_t)stop->since);
            buf_le64(out, (uint64_t)stop->until);
            encode_text(out, stop->who.user);
            encode_text(out, stop->who.host);
            encode_text(out, stop->who.key);
            encode_text(out, stop->who.why);
        }
    }
    buf_le64(out, hash64(buf_span(out)));
}

/* The next bytes of the text; empty and *is_short when there are not so many. */
static struct span take(struct span *rest, size_t len, bool *is_short) {
    if (*is_short || rest->len < len) {
        *is_short = true;
        return SPAN_LIT("");
    }
    struct span taken = span_make(rest->ptr, len);
    *rest = span_from(*rest, len);
    return taken;
}

static int64_t take_time(struct span *rest, bool *is_short) {
    struct span bytes = take(rest, sizeof(uint64_t), is_short);
    uint64_t value = *is_short ? 0 : get_le64(bytes.ptr);
    *is_short = *is_short || value > (uint64_t)WIRE_TIME_US_MAX;
    return *is_short ? 0 : (int64_t)value;
}

static void take_text(struct span *rest, char *out, size_t size, bool *is_short) {
    struct span length = take(rest, sizeof(uint16_t), is_short);
    struct span text = take(rest, *is_short ? 0 : get_le16(length.ptr), is_short);
    *is_short = *is_short || text.len >= size;
    clean(*is_short ? SPAN_LIT("") : text, out, size);
}

static enum err decode(struct span bytes, struct operator_state *state, bool *is_foreign) {
    if (bytes.len < STOPS_AT + SUM_BYTES || !span_is(span_make(bytes.ptr, MAGIC_BYTES), MAGIC)) {
        return ERR_CORRUPT;
    }
    size_t sum_at = bytes.len - SUM_BYTES;
    if (get_le64(bytes.ptr + sum_at) != hash64(span_make(bytes.ptr, sum_at))) {
        return ERR_CORRUPT;
    }
    if (get_le32(bytes.ptr + VERSION_AT) != FILE_VERSION) {
        return ERR_VERSION;
    }
    *is_foreign = memcmp(bytes.ptr + JOURNAL_AT, state->journal.bytes, UUID_BYTES) != 0;
    struct span rest = span_make(bytes.ptr + STOPS_AT, sum_at - STOPS_AT);
    bool is_short = false;
    for (int kind = 0; kind < OPERATOR_STOP_COUNT; kind++) {
        struct operator_stop *stop = &state->stops[kind];
        struct span is_on = take(&rest, 1, &is_short);
        stop->is_on = !is_short && is_on.ptr[0] == 1;
        if (stop->is_on) {
            stop->since = take_time(&rest, &is_short);
            stop->until = take_time(&rest, &is_short);
            take_text(&rest, stop->who.user, sizeof(stop->who.user), &is_short);
            take_text(&rest, stop->who.host, sizeof(stop->who.host), &is_short);
            take_text(&rest, stop->who.key, sizeof(stop->who.key), &is_short);
            take_text(&rest, stop->who.why, sizeof(stop->who.why), &is_short);
        }
    }
    return is_short || rest.len > 0 ? ERR_CORRUPT : ERR_OK;
}

static void name_file(const struct operator_state *state, const char *name, char path[PATH_BYTES]) {
    (void)snprintf(path, PATH_BYTES, "%s/%s", state->path, name);
}

/* Writes and syncs; 0 or errno. */
static int write_synced(const char *path, struct span bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int result = io_write_all(fd, bytes) == ERR_OK && fsync(fd) == 0 ? 0 : errno;
    return close(fd) == 0 || result != 0 ? result : errno;
}

static int sync_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int result = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    return result;
}

static enum err save(const struct operator_state *state, struct diag *diag) {
    struct buf bytes = BUF_EMPTY;
    char path[PATH_BYTES];
    char fresh[PATH_BYTES];
    name_file(state, "operator", path);
    name_file(state, "operator.new", fresh);
    encode(state, &bytes);
    int result = write_synced(fresh, buf_span(&bytes));
    buf_free(&bytes);
    result = result != 0 ? result : rename(fresh, path) == 0 ? 0 : errno;
    result = result != 0 ? result : sync_directory(state->path);
    return result == 0 ? ERR_OK : diag_fail(diag, ERR_IO, "%s: %s", path, strerror(result));
}

/* --- orders --- */

/* A wall clock that was set back since the order may not make it longer than it was. */
static void set_end(struct operator_stop *stop, struct operator_time now) {
    int64_t left_us = stop->until - (now.wall_us > stop->since ? now.wall_us : stop->since);
    stop->end_ms = now.mono_ms + (left_us > 0 ? (left_us + 999) / 1000 : 0);
}

enum err operator_state_open(const char *path, const struct uuid *journal, struct operator_time now,
                             struct operator_state *state, bool *is_foreign, struct diag *diag) {
    struct buf bytes = BUF_EMPTY;
    char file[PATH_BYTES];
    *state = (struct operator_state){.path = path, .journal = *journal};
    *is_foreign = false;
    name_file(state, "operator", file);
    enum err err = io_read_file(file, FILE_BYTES_MAX, &bytes, diag);
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err == ERR_OK || err == ERR_TOO_LARGE) {
        err = err == ERR_OK ? decode(buf_span(&bytes), state, is_foreign) : ERR_CORRUPT;
    }
    buf_free(&bytes);
    if (err == ERR_CORRUPT || err == ERR_VERSION) {
        return diag_fail(diag, err,
                         "%s: %s: whether an operator has paused the broker is unknown; remove the "
                         "file to start without pause and drain",
                         file, err == ERR_CORRUPT ? "damaged" : "written by another version");
    }
    for (int kind = 0; err == ERR_OK && kind < OPERATOR_STOP_COUNT; kind++) {
        struct operator_stop *stop = &state->stops[kind];
        *stop = *is_foreign ? (struct operator_stop){0} : *stop;
        set_end(stop, now);
    }
    return err;
}

enum err operator_state_stop(struct operator_state *state, enum operator_stop_kind kind,
                             const struct operator_who *who, int64_t until,
                             struct operator_time now, struct diag *diag) {
    if (until != 0 && until <= now.wall_us) {
        return diag_fail(diag, ERR_INVALID, "its end has passed by the broker's clock");
    }
    if (until - now.wall_us > WIRE_STOP_MS_MAX * 1000 || until > WIRE_TIME_US_MAX) {
        return diag_fail(diag, ERR_INVALID, "its end is more than 366 days away");
    }
    struct operator_state changed = *state;
    struct operator_stop *stop = &changed.stops[kind];
    *stop =
        (struct operator_stop){.is_on = true, .who = *who, .since = now.wall_us, .until = until};
    set_end(stop, now);
    enum err err = save(&changed, diag);
    if (err == ERR_OK) {
        *state = changed;
    }
    return err;
}

enum err operator_state_resume(struct operator_state *state, struct diag *diag) {
    struct operator_state changed = {.path = state->path, .journal = state->journal};
    bool is_any = state->stops[OPERATOR_PAUSE].is_on || state->stops[OPERATOR_DRAIN].is_on;
    enum err err = is_any ? save(&changed, diag) : ERR_OK;
    if (err == ERR_OK) {
        *state = changed;
    }
    return err;
}

bool operator_state_is_over(const struct operator_state *state, enum operator_stop_kind kind,
                            struct operator_time now) {
    const struct operator_stop *stop = &state->stops[kind];
    return stop->is_on && stop->until != 0 &&
           (now.wall_us >= stop->until || now.mono_ms >= stop->end_ms);
}

enum err operator_state_end(struct operator_state *state, enum operator_stop_kind kind,
                            struct diag *diag) {
    CHECK(state->stops[kind].is_on);
    state->stops[kind] = (struct operator_stop){0};
    return save(state, diag);
}
