/* Reading cases in three notations.  A fault in the notation ends the reading, with file and line:
 * what the sender meant is then not known.  A fault in a case's content is not ours to find. */
#include "cli/submit_input.h"

#include "base/mem.h"
#include "cli/json_case.h"
#include "cli/lines.h"
#include "cli/submit_csv.h"
#include "wire/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20 };

struct submit_input {
    char path[DIAG_FILE_MAX];
    enum submit_format format;
    bool is_ended;
    struct lines lines; /* of MessagePack only its file descriptor is used */
    struct csv *csv;
    struct buf bytes; /* MessagePack: read and not handed out before `at` */
    size_t at;
    bool is_at_end;
    uint64_t number;
};

static bool ends_with(const char *path, const char *ending) {
    size_t len = strlen(path);
    size_t ending_len = strlen(ending);
    return len >= ending_len && strcmp(path + len - ending_len, ending) == 0;
}

enum err submit_format_of(const char *name, const char *path, enum submit_format *format) {
    static const struct {
        const char *name;
        const char *ending;
        enum submit_format format;
    } known[] = {{"jsonl", ".jsonl", SUBMIT_JSONL},
                 {"jsonl", ".ndjson", SUBMIT_JSONL},
                 {"msgpack", ".msgpack", SUBMIT_MSGPACK},
                 {"csv", ".csv", SUBMIT_CSV}};
    if (name == NULL && strcmp(path, "-") == 0) {
        *format = SUBMIT_JSONL;
        return ERR_OK;
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        bool is_it =
            name != NULL ? strcmp(name, known[i].name) == 0 : ends_with(path, known[i].ending);
        if (is_it) {
            *format = known[i].format;
            return ERR_OK;
        }
    }
    return ERR_UNKNOWN;
}

static enum err fail_here(struct submit_input *input, enum err err, const struct diag *why,
                          struct diag *diag) {
    input->is_ended = true;
    return diag_fail_at(diag, err, input->path, (uint32_t)input->number, why->column, "%s",
                        why->text);
}

/* The next line that is not blank.  Errors: ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO. */
static enum err next_line(struct submit_input *input, struct span *line, struct diag *diag) {
    for (;;) {
        bool is_cut = false;
        enum err err = lines_next(&input->lines, line, &is_cut, diag);
        if (err != ERR_OK) {
            input->is_ended = true;
            return err;
        }
        input->number = input->lines.number;
        if (is_cut) {
            struct diag why = {.text = "expected a line of at most 4 MiB"};
            return fail_here(input, ERR_TOO_LARGE, &why, diag);
        }
        if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
            line->len--;
        }
        for (size_t i = 0; i < line->len; i++) {
            if (line->ptr[i] != ' ' && line->ptr[i] != '\t') {
                return ERR_OK;
            }
        }
    }
}

static enum err csv_begin(struct submit_input *input, const struct schema *schema,
                          struct diag *diag) {
    struct span line = {0};
    enum err err = next_line(input, &line, diag);
    if (err == ERR_NOT_FOUND) {
        return diag_fail_at(diag, ERR_INVALID, input->path, 1, 0,
                            "expected a header row: case_id,revision,...");
    }
    if (err != ERR_OK) {
        return err;
    }
    struct diag why = {0};
    err = csv_open(line, schema, &input->csv, &why);
    return err == ERR_OK ? ERR_OK : fail_here(input, err, &why, diag);
}

enum err submit_input_open(const char *path, enum submit_format format, const struct schema *schema,
                           struct submit_input **input, struct diag *diag) {
    struct submit_input *made = mem_zero(1, sizeof(*made));
    made->format = format;
    (void)snprintf(made->path, sizeof(made->path), "%s", strcmp(path, "-") == 0 ? "stdin" : path);
    enum err err = lines_open(&made->lines, path, SUBMIT_CASE_BYTES_MAX, diag);
    if (err != ERR_OK) {
        mem_free(made);
        return err;
    }
    if (format == SUBMIT_CSV) {
        err = csv_begin(made, schema, diag);
    }
    if (err != ERR_OK) {
        submit_input_close(&made);
        return err;
    }
    *input = made;
    return ERR_OK;
}

void submit_input_close(struct submit_input **input) {
    if (*input == NULL) {
        return;
    }
    csv_close(&(*input)->csv);
    lines_close(&(*input)->lines);
    buf_free(&(*input)->bytes);
    mem_free(*input);
    *input = NULL;
}

/* Reads more of a MessagePack file behind what is left of it. */
static enum err read_more(struct submit_input *input, struct diag *diag) {
    if (input->at > 0) {
        struct buf rest = BUF_EMPTY;
        buf_append(&rest, span_make(input->bytes.ptr + input->at, input->bytes.len - input->at));
        buf_free(&input->bytes);
        input->bytes = rest;
        input->at = 0;
    }
    uint8_t *room = buf_room(&input->bytes, READ_BYTES);
    ssize_t got = -1;
    do {
        got = read(input->lines.fd, room, READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return diag_fail(diag, ERR_IO, "cannot read %s: %s", input->path, strerror(errno));
    }
    input->is_at_end = got == 0;
    input->bytes.len += (size_t)got;
    return ERR_OK;
}

static enum err msgpack_next(struct submit_input *input, struct buf *out, struct diag *diag) {
    input->number++;
    for (;;) {
        struct span left = span_make(input->bytes.ptr + input->at, input->bytes.len - input->at);
        if (left.len == 0 && input->is_at_end) {
            input->is_ended = true;
            return ERR_NOT_FOUND;
        }
        size_t len = 0;
        enum err err = walk_value(left, &len);
        if (err == ERR_OK && len <= SUBMIT_CASE_BYTES_MAX) {
            buf_append(out, span_make(left.ptr, len));
            input->at += len;
            return ERR_OK;
        }
        /* Cut short or not there yet: a count may be right once more has been read. */
        bool is_partial = err == ERR_TRUNCATED || err == ERR_SIZE_BOMB;
        if (!is_partial || input->is_at_end || left.len > SUBMIT_CASE_BYTES_MAX) {
            struct diag why = {0};
            err = diag_fail(&why, err == ERR_OK ? ERR_TOO_LARGE : err,
                            "expected a whole MessagePack map of at most 4 MiB: %s",
                            err_text(err == ERR_OK ? ERR_TOO_LARGE : err));
            return fail_here(input, err, &why, diag);
        }
        err = read_more(input, diag);
        if (err != ERR_OK) {
            input->is_ended = true;
            return err;
        }
    }
}

enum err submit_input_next(struct submit_input *input, struct buf *out, uint64_t *place,
                           struct diag *diag) {
    if (input->is_ended) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_OK;
    if (input->format == SUBMIT_MSGPACK) {
        err = msgpack_next(input, out, diag);
    } else {
        struct span line = {0};
        struct diag why = {0};
        err = next_line(input, &line, diag);
        if (err != ERR_OK) {
            return err;
        }
        err = input->format == SUBMIT_CSV ? csv_encode(input->csv, line, out, &why)
                                          : json_case_encode(line, out, &why);
        if (err != ERR_OK) {
            err = fail_here(input, err, &why, diag);
        }
    }
    *place = input->number;
    return err;
}
