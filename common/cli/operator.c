/* See operator.h. */
#include "cli/operator.h"

#include "base/date.h"
#include "base/log.h"
#include "base/plain.h"
#include "cli/database.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, DIGITS_MAX = 9 };

/* Of root by sudo, the user who called it. */
static void read_user(char user[WIRE_NAME_MAX + 1]) {
    const struct passwd *entry = getpwuid(geteuid());
    const char *caller = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    if (caller != NULL && caller[0] != '\0') {
        (void)snprintf(user, WIRE_NAME_MAX + 1, "%s", caller);
    } else if (entry != NULL) {
        (void)snprintf(user, WIRE_NAME_MAX + 1, "%s", entry->pw_name);
    } else {
        (void)snprintf(user, WIRE_NAME_MAX + 1, "uid %u", (unsigned)geteuid());
    }
}

/* A name that is not UTF-8 is no text for the broker or the database. */
static void check_name(char *name) {
    if (!span_is_utf8(span_str(name))) {
        (void)snprintf(name, WIRE_NAME_MAX + 1, "unreadable");
    }
}

static bool is_shown(struct span text) {
    for (size_t at = 0; at < text.len;) {
        uint32_t code = 0;
        at += plain_next(text, at, &code);
        if (!plain_is_shown(code)) {
            return false;
        }
    }
    return true;
}

enum err operator_read(const struct options *options, const char *missing,
                       struct operator_self *self) {
    self->why = option_str(options, "--why", "");
    struct span why = span_str(self->why);
    if (span_trim(why).len == 0 && missing != NULL) {
        (void)verb_usage(options, "%s", missing);
        return ERR_INVALID;
    }
    if (why.len > WIRE_WHY_MAX || !is_shown(why)) {
        (void)verb_usage(options, "--why is one line of at most %d bytes", (int)WIRE_WHY_MAX);
        return ERR_INVALID;
    }
    read_user(self->user);
    if (gethostname(self->host, sizeof(self->host)) != 0) {
        (void)snprintf(self->host, sizeof(self->host), "unknown");
    }
    self->host[sizeof(self->host) - 1] = '\0';
    check_name(self->user);
    check_name(self->host);
    return ERR_OK;
}

struct wire_operator operator_wire(const struct operator_self *self) {
    return (struct wire_operator){
        .user = span_str(self->user), .host = span_str(self->host), .why = span_str(self->why)};
}

/* --- until --- */

/* Reads that many digits and the character behind them. */
static bool take_number(const char **at, size_t digits, char end, int64_t most, int64_t *number) {
    *number = 0;
    for (size_t i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        *number = *number * 10 + (**at - '0');
    }
    bool fits = *number <= most && (end == '\0' || **at == end);
    *at += end == '\0' ? 0 : 1;
    return fits;
}

/* "Z", "+02:00" or "-05:30" at the end of the text, in seconds. */
static bool take_zone(const char *at, int64_t *zone_s) {
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t sign = *at == '-' ? -1 : 1;
    *zone_s = 0;
    if (strcmp(at, "Z") == 0) {
        return true;
    }
    if (*at != '+' && *at != '-') {
        return false;
    }
    at++;
    bool is_zone = take_number(&at, 2, ':', 23, &hours) && take_number(&at, 2, '\0', 59, &minutes);
    *zone_s = sign * (hours * HOUR_S + minutes * MINUTE_S);
    return is_zone && *at == '\0';
}

/* "2026-05-01T00:00:00Z" */
static bool read_moment(const char *text, int64_t *us) {
    int32_t day = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t zone_s = 0;
    if (strlen(text) < DATE_TEXT_BYTES ||
        date_parse(span_make(text, DATE_TEXT_BYTES - 1), &day) != ERR_OK ||
        text[DATE_TEXT_BYTES - 1] != 'T') {
        return false;
    }
    const char *at = text + DATE_TEXT_BYTES;
    if (!take_number(&at, 2, ':', 23, &hour) || !take_number(&at, 2, ':', 59, &minute) ||
        !take_number(&at, 2, '\0', 59, &second) || !take_zone(at, &zone_s)) {
        return false;
    }
    *us = day * DATE_DAY_US + (hour * HOUR_S + minute * MINUTE_S + second - zone_s) * 1000000;
    return *us > 0 && *us <= WIRE_TIME_US_MAX;
}

/* "90s", "30m", "2h", "1d" */
static bool read_duration(const char *text, int64_t *ms) {
    static const struct {
        char unit;
        int64_t seconds;
    } UNITS[] = {{'s', 1}, {'m', MINUTE_S}, {'h', HOUR_S}, {'d', DAY_S}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[digits] == '\0' || text[digits + 1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(UNITS); i++) {
        if (UNITS[i].unit == text[digits]) {
            *ms = strtoll(text, NULL, 10) * UNITS[i].seconds * SECOND_MS;
            return *ms > 0 && *ms <= WIRE_STOP_MS_MAX;
        }
    }
    return false;
}

enum err operator_read_end(const struct options *options, int64_t *for_ms, int64_t *until) {
    const char *text = option_str(options, "--until", NULL);
    *for_ms = 0;
    *until = 0;
    if (text == NULL || read_duration(text, for_ms)) {
        return ERR_OK;
    }
    *for_ms = 0;
    if (read_moment(text, until)) {
        return ERR_OK;
    }
    (void)verb_usage(options,
                     "--until is a time from now on as in 90s, 30m, 2h or 1d (at most 366d), or a "
                     "moment as in 2026-05-01T00:00:00Z; not \"%s\"",
                     text);
    return ERR_INVALID;
}

/* --- where it is kept --- */

/* A quote would end the value. */
static void quote(const char *text, char out[WIRE_WHY_MAX + 1]) {
    (void)snprintf(out, WIRE_WHY_MAX + 1, "%s", text);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '"' ? '\'' : *at;
    }
}

void operator_log(const struct operator_self *self, const char *kind, const char *subject) {
    char why[WIRE_WHY_MAX + 1];
    char user[WIRE_WHY_MAX + 1];
    char what[WIRE_WHY_MAX + 1];
    quote(self->why, why);
    quote(self->user, user);
    quote(subject, what);
    LOG(EV_OPERATOR_ACTION, "verb=%s subject=\"%s\" user=\"%s\" host=\"%s\" why=\"%s\"", kind, what,
        user, self->host, why);
}

static const char *member(const json_t *reply, const char *name) {
    const char *text = json_string_value(json_object_get(reply, name));
    return text == NULL || text[0] == '\0' ? NULL : text;
}

void operator_record(const struct options *options, const struct operator_self *self,
                     const struct operator_record *record) {
    struct db *db = NULL;
    struct diag diag = {0};
    if (option_db(options) == NULL) {
        return;
    }
    json_t *reply = json_loadb((const char *)record->reply->ptr, record->reply->len, 0, NULL);
    const char *const params[] = {record->kind,
                                  self->why,
                                  self->user,
                                  self->host,
                                  member(reply, "key"),
                                  record->subject,
                                  member(reply, "journal"),
                                  member(reply, "until")};
    enum err err =
        database_open(options, DATABASE_MIGRATED, &db) == EXIT_DONE ? ERR_OK : ERR_DENIED;
    if (err == ERR_OK) {
        err =
            db_exec(db,
                    "INSERT INTO operator_actions (kind, why, login, host, key, subject, journal, "
                    "until) VALUES ($1, $2, $3, $4, $5, $6, $7::uuid, $8::timestamptz)",
                    COUNT_OF(params), params, &diag);
        if (err != ERR_OK) {
            (void)verb_fail(options, &diag, SPAN_LIT(""));
        }
    }
    if (err != ERR_OK) {
        plain_printf(stderr,
                     "casemill %s: warning: done, and in the broker's log, but not recorded in "
                     "PostgreSQL\n",
                     verb_name(options));
    }
    json_decref(reply);
    db_close(&db);
}
