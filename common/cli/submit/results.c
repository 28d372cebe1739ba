/* Lines are gathered and written in pieces; an error is kept and reported at the end. */
#include "cli/submit/results.h"

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "casedoc/case_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

struct submit_results {
    char path[DIAG_FILE_MAX];
    int fd;
    struct buf text;
    bool is_broken;
};

enum err submit_results_open(const char *path, bool is_continued, struct submit_results **results,
                             struct diag *diag) {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (is_continued ? O_APPEND : O_TRUNC);
    int fd = strcmp(path, "-") == 0 ? STDOUT_FILENO : open(path, flags, 0600);
    if (fd < 0) {
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    *results = mem_zero(1, sizeof(**results));
    (*results)->fd = fd;
    (void)snprintf((*results)->path, sizeof((*results)->path), "%s", path);
    return ERR_OK;
}

bool submit_results_flush(struct submit_results *results) {
    if (!results->is_broken && io_write_all(results->fd, buf_span(&results->text)) != ERR_OK) {
        results->is_broken = true;
    }
    buf_clear(&results->text);
    return !results->is_broken;
}

enum err submit_results_close(struct submit_results **results, struct diag *diag) {
    struct submit_results *closed = *results;
    if (closed == NULL) {
        return ERR_OK;
    }
    (void)submit_results_flush(closed); /* is_broken has it */
    bool is_whole = !closed->is_broken;
    if (closed->fd != STDOUT_FILENO) {
        is_whole = close(closed->fd) == 0 && is_whole;
    }
    enum err err =
        is_whole ? ERR_OK
                 : diag_fail(diag, ERR_IO, "%s: not all results could be written", closed->path);
    buf_free(&closed->text);
    mem_free(closed);
    *results = NULL;
    return err;
}

static struct span span_of(struct casemill_text text) { return span_make(text.ptr, text.len); }

static void open_line(struct submit_results *results, struct json *json,
                      const struct submit_case *one) {
    json_init(json, &results->text);
    json_object_open(json);
    json_str(json_key(json, "file"), one->path);
    json_uint(json_key(json, one->is_numbered ? "index" : "line"), one->location);
    if (one->case_id.len == 0) {
        json_nil(json_key(json, "case_id"));
    } else {
        json_span(json_key(json, "case_id"), one->case_id);
    }
    if (one->revision == CASE_REVISION_UNREAD) {
        json_nil(json_key(json, "revision"));
    } else {
        json_int(json_key(json, "revision"), one->revision);
    }
}

static void close_line(struct submit_results *results, struct json *json) {
    json_object_close(json);
    buf_byte(&results->text, '\n');
    if (results->text.len >= PIECE_BYTES) {
        (void)submit_results_flush(results); /* reported at the end */
    }
}

static void put_dead(struct json *json, const struct casemill_case_result *result) {
    json_object_open(json_key(json, "dead"));
    json_span(json_key(json, "reason"), span_of(result->reason));
    json_span(json_key(json, "path"), span_of(result->path));
    json_span(json_key(json, "expected"), span_of(result->expected));
    json_span(json_key(json, "found"), span_of(result->found));
    json_object_close(json);
}

static void put_outcome(struct json *json, const struct casemill_case_result *result) {
    json_str(json_key(json, "disposition"), casemill_disposition_name(result->disposition));
    if (result->agreement.len == 0) {
        json_nil(json_key(json, "agreement"));
    } else {
        json_span(json_key(json, "agreement"), span_of(result->agreement));
    }
    json_span(json_key(json, "reason"), span_of(result->reason));
    json_bool(json_key(json, "duplicate"), result->duplicate);
    json_array_open(json_key(json, "missing"));
    for (uint32_t i = 0; i < result->missing_count; i++) {
        json_object_open(json);
        json_span(json_key(json, "path"), span_of(result->missing[i].path));
        json_span(json_key(json, "question"), span_of(result->missing[i].question));
        json_object_close(json);
    }
    json_array_close(json);
}

void submit_results_done(struct submit_results *results, const struct submit_case *one,
                         const struct casemill_case_result *result) {
    struct json json;
    open_line(results, &json, one);
    if (result == NULL) {
        json_bool(json_key(&json, "unavailable"), true);
    } else if (result->is_dead) {
        put_dead(&json, result);
    } else {
        put_outcome(&json, result);
    }
    close_line(results, &json);
}

void submit_results_refused(struct submit_results *results, const struct submit_case *one,
                            const char *reason) {
    struct json json;
    open_line(results, &json, one);
    json_str(json_key(&json, "refused"), reason);
    close_line(results, &json);
}

void submit_results_unreadable(struct submit_results *results, const struct submit_case *one,
                               const char *text) {
    struct json json;
    open_line(results, &json, one);
    json_str(json_key(&json, "unreadable"), text);
    close_line(results, &json);
}
