/* Formatting and rate limits of the log. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/plain.h"
#include "base/sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, BURST_PER_SECOND = 20, KEY_BYTES_MAX = 64, DIGITS_BYTES_MAX = 32 };

static const struct {
    const char *name;
    enum log_level level;
} ROWS[] = {
#define LOG_ROW(id, level, meaning, action) {#id, LOG_##level},
    LOG_TABLE(LOG_ROW)
#undef LOG_ROW
};

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

/* The log is the only service with global state, because no caller passes it.  The lock guards it.
 * */
static struct {
    pthread_mutex_t lock;
    struct log_options options;
    _Atomic bool json; /* atomic, since the sink's thread reads it */
    struct sink *sink; /* set before other threads start; stays when the log stops */
    pid_t owner;       /* the process whose thread writes; a child process has no such thread */
    _Atomic bool has_stopped;
    struct {
        int64_t second;
        unsigned count;
        unsigned suppressed;
    } rate[EV_COUNT];
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER,
               .options = {.program = "casemill", .level_min = LOG_INFO}};

void log_setup(const struct log_options *options) {
    (void)pthread_mutex_lock(&log_state.lock);
    log_state.options = *options;
    (void)pthread_mutex_unlock(&log_state.lock);
    log_set_json(options->json);
}

void log_set_json(bool json) { atomic_store(&log_state.json, json); }

/* Returns false when this second's limit is reached; *suppressed counts the lines that earlier
 * seconds left out. */
static bool admit(enum log_event event, unsigned *suppressed) {
    int64_t second = clock_mono_ms() / 1000;
    *suppressed = 0;
    if (log_state.rate[event].second != second) {
        *suppressed = log_state.rate[event].suppressed;
        log_state.rate[event].second = second;
        log_state.rate[event].count = 0;
        log_state.rate[event].suppressed = 0;
    }
    if (log_state.rate[event].count >= BURST_PER_SECOND) {
        log_state.rate[event].suppressed++;
        return false;
    }
    log_state.rate[event].count++;
    return true;
}

static void wall_time(char text[32]) {
    int64_t us = clock_wall_us();
    time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    size_t len = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + len, 32 - len, ".%03dZ", (int)(us / 1000 % 1000));
}

/* One "key=value" of an event's text. */
struct field {
    struct span key, value; /* without the quotes around it */
    bool is_quoted;
};

static bool begins_field(const char *at) {
    size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return len > 0 && at[len] == '=';
}

/* True where a value ends: nothing or another field follows. */
static bool ends_value(const char *at) {
    return *at == '\0' || (*at == ' ' && begins_field(at + 1));
}

/* Reads the next field and moves *at past it; false at the end.  A quoted value may hold quotes. */
static bool next_field(const char **at, struct field *field) {
    const char *equals = strchr(*at, '=');
    if (equals == NULL) {
        return false;
    }
    const char *value = equals + 1;
    const char *end = value;
    field->is_quoted = *value == '"';
    value += field->is_quoted ? 1 : 0;
    for (end = value; *end != '\0'; end++) {
        if (field->is_quoted ? *end == '"' && ends_value(end + 1) : ends_value(end)) {
            break;
        }
    }
    field->key = span_make(*at, (size_t)(equals - *at));
    field->value = span_make(value, (size_t)(end - value));
    end += *end == '"' ? 1 : 0;
    *at = end + (*end == ' ' ? 1 : 0);
    return true;
}

/* The type of a value in JSON.  The format decides, never the value: an id of digits is a text. */
enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG };

/* %d, %u, %llu and the like; without a width, which could add spaces or zeros. */
static bool is_integer_conversion(struct span text) {
    size_t len = text.len;
    bool is_conversion =
        len >= 2 && text.ptr[0] == '%' && (text.ptr[len - 1] == 'd' || text.ptr[len - 1] == 'u');
    for (size_t i = 1; is_conversion && i < len - 1; i++) {
        is_conversion = text.ptr[i] == 'l' || text.ptr[i] == 'z';
    }
    return is_conversion;
}

/* The type that the format's next field has.  A text could look like more fields, so names must
 * agree; what follows it is then a text. */
static enum field_type type_of(const char **format, struct span key) {
    struct field field;
    if (!next_field(format, &field) || !span_eq(field.key, key) || field.is_quoted) {
        return FIELD_TEXT;
    }
    return is_integer_conversion(field.value)                              ? FIELD_NUMBER
           : span_is(field.value, "true") || span_is(field.value, "false") ? FIELD_FLAG
                                                                           : FIELD_TEXT;
}

/* A line that was cut may end within a number: that one is a text. */
static void json_field(struct json *json, enum field_type type, struct span value, bool is_cut) {
    char digits[DIGITS_BYTES_MAX];
    bool is_negative = value.len > 0 && value.ptr[0] == '-';
    (void)snprintf(digits, sizeof(digits), "%.*s", SPAN_ARG(value));
    size_t len = strspn(digits + is_negative, "0123456789") + is_negative;
    if (type == FIELD_NUMBER && !is_cut && len == value.len && len > (is_negative ? 1U : 0U)) {
        if (is_negative) {
            json_int(json, strtoll(digits, NULL, 10));
        } else {
            json_uint(json, strtoull(digits, NULL, 10));
        }
    } else if (type == FIELD_FLAG) {
        json_bool(json, span_is(value, "true"));
    } else {
        json_span(json, value);
    }
}

/* An event as log_event got it. */
struct entry {
    enum log_event event;
    const char *format;
    const char *fields; /* the format with its values */
    bool is_cut;        /* they did not fit */
    unsigned suppressed;
};

static void write_logfmt(struct buf *line, const struct entry *entry, const char *time) {
    struct field field;
    const char *fields = entry->fields;
    buf_printf(line, "time=%s level=%s program=%s event=%s", time, LEVELS[ROWS[entry->event].level],
               log_state.options.program, ROWS[entry->event].name);
    while (next_field(&fields, &field)) {
        buf_printf(line, " %.*s=%s", SPAN_ARG(field.key), field.is_quoted ? "\"" : "");
        for (size_t i = 0; i < field.value.len; i++) {
            buf_str(line, field.is_quoted && field.value.ptr[i] == '"' ? "\\" : "");
            buf_byte(line, field.value.ptr[i]);
        }
        buf_str(line, field.is_quoted ? "\"" : "");
    }
    if (entry->suppressed > 0) {
        buf_printf(line, " suppressed=%u", entry->suppressed);
    }
}

static void write_json(struct buf *line, const struct entry *entry, const char *time) {
    struct json json;
    struct field field;
    const char *fields = entry->fields;
    const char *format = entry->format;
    json_init(&json, line);
    json_object_open(&json);
    json_str(json_key(&json, "time"), time);
    json_str(json_key(&json, "level"), LEVELS[ROWS[entry->event].level]);
    json_str(json_key(&json, "program"), log_state.options.program);
    json_str(json_key(&json, "event"), ROWS[entry->event].name);
    while (next_field(&fields, &field)) {
        char key[KEY_BYTES_MAX];
        (void)snprintf(key, sizeof(key), "%.*s", SPAN_ARG(field.key));
        json_field(json_key(&json, key), type_of(&format, field.key), field.value,
                   entry->is_cut && *fields == '\0');
    }
    if (entry->suppressed > 0) {
        json_uint(json_key(&json, "suppressed"), entry->suppressed);
    }
    json_object_close(&json);
}

static void write_line(struct buf *line, const struct entry *entry) {
    char time[32];
    wall_time(time);
    (atomic_load(&log_state.json) ? write_json : write_logfmt)(line, entry, time);
    buf_byte(line, '\n');
}

static void write_gap(uint64_t lines, struct buf *out) {
    char fields[32];
    (void)snprintf(fields, sizeof(fields), "lines=%llu", (unsigned long long)lines);
    write_line(out,
               &(struct entry){.event = EV_LOG_DROPPED, .format = "lines=%llu", .fields = fields});
}

/* Whether the writing thread is in this process.  A child process has neither the thread nor its
 * locks. */
static bool has_thread(void) { return log_state.sink != NULL && log_state.owner == getpid(); }

void log_stop(void) {
    if (!has_thread() || atomic_exchange(&log_state.has_stopped, true)) {
        return;
    }
    enum err flushed = sink_flush(log_state.sink, LOG_END_MS);
    (void)flushed; /* there is no other place to report it */
}

uint64_t log_lost(void) { return log_state.sink == NULL ? 0 : sink_lost(log_state.sink); }

static void put_text(struct span lines) {
    if (!has_thread()) {
        enum err written = io_write_all(STDERR_FILENO, lines);
        (void)written; /* there is no other place to report it */
    } else if (!atomic_load(&log_state.has_stopped)) {
        sink_put(log_state.sink, lines);
    }
}

void log_text(struct span lines) {
    struct buf plain = BUF_EMPTY;
    plain_lines(&plain, lines);
    put_text(buf_span(&plain));
    buf_free(&plain);
}

/* The last line of a program that aborts, at most LOG_END_MS from now.  The text comes from this
 * program.  No allocation: memory may be exhausted. */
static void log_dying(const char *text) {
    put_text(span_str(text));
    log_stop();
}

enum err log_start(struct diag *diag) {
    CHECK(log_state.sink == NULL);
    log_state.owner = getpid();
    check_set_writer(log_dying);
    return sink_open(STDERR_FILENO, write_gap, &log_state.sink, diag);
}

void log_event(enum log_event event, const char *format, ...) {
    CHECK((size_t)event < COUNT_OF(ROWS));
    if (ROWS[event].level < log_state.options.level_min) {
        return;
    }
    char fields[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(fields, sizeof(fields), format, arguments);
    va_end(arguments);
    struct entry entry = {
        .event = event, .format = format, .fields = fields, .is_cut = len >= (int)sizeof(fields)};
    for (char *at = fields; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' ? ' ' : *at; /* an event is one line */
    }
    struct buf line = BUF_EMPTY;
    /* The order of lines is the order in which they are admitted. */
    (void)pthread_mutex_lock(&log_state.lock);
    if (admit(event, &entry.suppressed)) {
        write_line(&line, &entry);
        log_text(buf_span(&line));
    }
    (void)pthread_mutex_unlock(&log_state.lock);
    buf_free(&line);
}
