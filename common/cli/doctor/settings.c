/* The settings of broker and worker, as their own --check finds them: it tries the paths, the
 * addresses, the keys, and of a worker the database. */
#include "cli/doctor/check.h"
#include "cli/other_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifndef CASEMILL_CONFIG_DIR
#define CASEMILL_CONFIG_DIR "/etc/casemill"
#endif

enum { VALUE_BYTES = 4096, FREE_PERCENT_MIN = 10, PERCENT = 100 };
#define MIB ((unsigned long long)1 << 20)

struct checked {
    const char *name;     /* of the row: "broker settings" */
    const char *program;  /* "casemill-broker" */
    const char *option;   /* "--broker-config" */
    const char *path;     /* the installed file */
    const char *variable; /* set where settings come from the environment alone */
};

/* The last line of the program's standard error, without its name. */
static struct span last_line(const struct checked *checked, const struct buf *err) {
    struct span text = buf_span(err);
    while (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '\n') {
        at--;
    }
    text = span_make(text.ptr + at, text.len - at);
    size_t prefix = strlen(checked->program) + 2; /* and ": " */
    bool has_name = span_starts(text, checked->program) && text.len > prefix;
    return has_name ? span_make(text.ptr + prefix, text.len - prefix) : text;
}

/* Copies the value of "KEY: VALUE  # from"; "" when there is none. */
static void value_of(struct buf *out, const char *key, char value[VALUE_BYTES]) {
    const char *text = buf_cstr(out);
    size_t len = strlen(key);
    value[0] = '\0';
    for (const char *at = text; at != NULL && *at != '\0';) {
        const char *end = strstr(at, "  # ");
        if (strncmp(at, key, len) == 0 && at[len] == ':' && end != NULL && end > at + len + 1) {
            (void)snprintf(value, VALUE_BYTES, "%.*s", (int)(end - at - (long)len - 2),
                           at + len + 2);
            return;
        }
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
}

/* "# broker.connect ADDRESS: why": what the worker's check noticed, and did not refuse. */
static void add_notes(struct findings *findings, const struct buf *out) {
    struct span text = buf_span(out);
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.ptr) - at;
        struct span line = span_make(text.ptr + at, len);
        if (span_starts(line, "# broker.")) {
            finding_add(findings, "worker's broker", FINDING_WARNING,
                        "start that broker, or correct the setting", "%.*s", (int)len - 2,
                        (const char *)line.ptr + 2);
        }
        at += len + 1;
    }
}

/* The directory of the journal, or the one in which it would be made. */
static void check_disk(struct findings *findings, char path[VALUE_BYTES]) {
    struct statvfs disk;
    char *slash = strrchr(path, '/');
    if (access(path, F_OK) != 0 && slash != NULL && slash != path) {
        *slash = '\0';
    }
    if (statvfs(path, &disk) != 0 || disk.f_blocks == 0) {
        return; /* the check of the settings reported it */
    }
    unsigned long long left = (unsigned long long)disk.f_bavail * disk.f_frsize;
    unsigned long long percent = (unsigned long long)disk.f_bavail * PERCENT / disk.f_blocks;
    bool is_low = percent < FREE_PERCENT_MIN;
    finding_add(findings, "disk", is_low ? FINDING_WARNING : FINDING_OK,
                is_low ? "free space, or move journal.path to another disk" : NULL,
                "%llu MiB (%llu %%) are free for %s", left / MIB, percent, path);
}

static void add_good(struct findings *findings, const struct checked *checked, const char *file,
                     struct buf *out) {
    char journal[VALUE_BYTES];
    value_of(out, "journal.path", journal);
    finding_add(findings, checked->name, FINDING_OK, NULL, "%s: a start by this user would succeed",
                file == NULL ? "from the environment" : file);
    if (journal[0] != '\0') {
        bool is_used = strstr(buf_cstr(out), "# journal.path: in use") != NULL;
        finding_add(findings, "journal", FINDING_OK, NULL, "%s %s", journal,
                    is_used                      ? "is in use by a broker"
                    : access(journal, F_OK) == 0 ? "can be used"
                                                 : "can be made");
        check_disk(findings, journal);
    }
    add_notes(findings, out);
}

static void check_program(const struct options *options, struct findings *findings,
                          const struct checked *checked) {
    struct other_output output = {BUF_EMPTY, BUF_EMPTY};
    struct diag diag = {0};
    int code = 0;
    const char *given = option_str(options, checked->option, NULL);
    const char *file = given == NULL && access(checked->path, F_OK) == 0 ? checked->path : given;
    if (file == NULL && getenv(checked->variable) == NULL) {
        finding_add(findings, checked->name, FINDING_OK, NULL, "there is no %s: not checked",
                    checked->path);
        return;
    }
    const char *const arguments[] = {"--check", file == NULL ? NULL : "--config", file, NULL};
    if (other_program_run(checked->program, arguments, &output, &code, &diag) != ERR_OK) {
        finding_add(findings, checked->name, FINDING_FAULT, "install it", "%s", diag.text);
    } else if (code != 0) {
        finding_add(findings, checked->name, FINDING_FAULT, NULL,
                    "%.*s; correct it, then run %s --check",
                    SPAN_ARG(last_line(checked, &output.err)), checked->program);
    } else {
        add_good(findings, checked, file, &output.out);
    }
    buf_free(&output.out);
    buf_free(&output.err);
}

void doctor_settings(const struct options *options, struct findings *findings) {
    static const struct checked programs[] = {
        {"broker settings", "casemill-broker", "--broker-config",
         CASEMILL_CONFIG_DIR "/broker.yaml", "CASEMILL_JOURNAL_PATH"},
        {"worker settings", "casemill-worker", "--worker-config",
         CASEMILL_CONFIG_DIR "/worker.yaml", "CASEMILL_BROKER_CONNECT"}};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        check_program(options, findings, &programs[i]);
    }
}
