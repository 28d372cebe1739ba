/* Reading cases in three notations.  A fault has file and line.  It ends the reading where the rest
 * has no clear meaning; after a line or a row that is no case the next one can be read.  The worker
 * finds faults in a case's content. */
#include "cli/submit/input.h"

#include "base/mem.h"
#include "cli/json_case.h"
#include "cli/json_text.h"
#include "cli/submit/csv.h"
#include "wire/walk.h"

#include <stdio.h>
#include <string.h>

struct submit_input {
    char path[DIAG_FILE_MAX];
    enum submit_format format;
    bool is_ended;
    struct json_text json; /* JSON; for CSV only its lines */
    struct csv *csv;
    struct buf row;    /* CSV: one of several lines */
    struct feed *feed; /* MessagePack */
    struct buf bytes;  /* bytes before `at` are consumed */
    size_t at;
    uint64_t number; /* of the case's location */
};

enum err submit_format_of(const char *name, const char *path, enum submit_format *format) {
    static const struct {
        const char *name;
        const char *ending;
        enum submit_format format;
    } known[] = {{"jsonl", ".jsonl", SUBMIT_JSONL}, {"jsonl", ".ndjson", SUBMIT_JSONL},
                 {"jsonl", ".json", SUBMIT_JSONL},  {"msgpack", ".msgpack", SUBMIT_MSGPACK},
                 {"csv", ".csv", SUBMIT_CSV},       {"csv", ".tsv", SUBMIT_CSV}};
    struct span file = span_str(path);
    if (name == NULL && span_is(file, "-")) {
        *format = SUBMIT_JSONL;
        return ERR_OK;
    }
    file.len -= span_ends(file, ".gz") ? 3 : 0;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        bool is_it =
            name != NULL ? strcmp(name, known[i].name) == 0 : span_ends(file, known[i].ending);
        if (is_it) {
            *format = known[i].format;
            return ERR_OK;
        }
    }
    return ERR_UNKNOWN;
}

/* The case cannot be read.  The caller ends the reading where no next case can be found. */
static enum err fail_case(struct submit_input *input, enum err err, const struct diag *why,
                          struct diag *diag) {
    return diag_fail_at(diag, err, input->path, (uint32_t)input->number, why->column, "%s",
                        why->text);
}

static enum err fail_here(struct submit_input *input, enum err err, const struct diag *why,
                          struct diag *diag) {
    input->is_ended = true;
    return fail_case(input, err, why, diag);
}

static enum err fail_text(struct submit_input *input, enum err err, const char *text,
                          struct diag *diag) {
    struct diag why = {0};
    return fail_here(input, diag_fail(&why, err, "%s", text), &why, diag);
}

/* A row's next line, without its line end.  Errors: ERR_NOT_FOUND, ERR_TOO_LARGE; as feed_more. */
static enum err row_line(struct submit_input *input, struct span *line, struct diag *diag) {
    bool is_cut = false;
    enum err err = lines_next(&input->json.lines, line, &is_cut, diag);
    if (err != ERR_OK) {
        input->is_ended = true;
        return err;
    }
    if (is_cut) {
        input->number = input->json.lines.number;
        return fail_text(input, ERR_TOO_LARGE, "expected a line of at most 4 MiB", diag);
    }
    return ERR_OK;
}

/* Completes a row whose quoted cell holds a newline. */
static enum err join_row(struct submit_input *input, struct csv_quotes *quotes, struct span line,
                         struct diag *diag) {
    struct buf *row = &input->row;
    buf_clear(row);
    buf_append(row, line);
    while (quotes->is_open) {
        enum err err = row_line(input, &line, diag);
        bool is_lost = err == ERR_NOT_FOUND || row->len + line.len > SUBMIT_CASE_BYTES_MAX;
        if (is_lost) {
            return fail_text(input, ERR_INVALID,
                             "a quote opens a cell here and does not close it: close it, or double "
                             "each quote within quotes",
                             diag);
        }
        if (err != ERR_OK) {
            return err;
        }
        buf_byte(row, '\n');
        buf_append(row, line);
        csv_quotes_scan(quotes, input->csv, line);
    }
    return ERR_OK;
}

/* The next row that is not empty, of one line or several; its location is its first line.
 * Errors: ERR_NOT_FOUND no more; ERR_INVALID an open quote; as row_line. */
static enum err next_row(struct submit_input *input, struct span *row, struct diag *diag) {
    struct span line = {0};
    size_t blanks = 0;
    while (blanks == line.len) {
        enum err err = row_line(input, &line, diag);
        if (err != ERR_OK) {
            return err;
        }
        blanks = 0;
        while (blanks < line.len && strchr(" \t\r", line.ptr[blanks]) != NULL &&
               line.ptr[blanks] != '\0') {
            blanks++;
        }
    }
    input->number = input->json.lines.number;
    struct csv_quotes quotes = {0};
    csv_quotes_scan(&quotes, input->csv, line);
    *row = line;
    if (quotes.is_open) {
        enum err err = join_row(input, &quotes, line, diag);
        if (err != ERR_OK) {
            return err;
        }
        *row = buf_span(&input->row);
    }
    row->len -= row->ptr[row->len - 1] == '\r' ? 1 : 0;
    return ERR_OK;
}

static enum err csv_begin(struct submit_input *input, const struct schema *schema,
                          struct diag *diag) {
    struct span row = {0};
    enum err err = next_row(input, &row, diag);
    if (err == ERR_OK && csv_separator_line(row)) {
        err = next_row(input, &row, diag);
    }
    if (err == ERR_NOT_FOUND) {
        input->number = 1;
        return fail_text(input, ERR_INVALID, "expected a header row: case_id,revision,...", diag);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct diag why = {0};
    err = csv_open(row, schema, &input->csv, &why);
    return err == ERR_OK ? ERR_OK : fail_here(input, err, &why, diag);
}

static struct submit_input *input_new(const char *path, enum submit_format format) {
    struct submit_input *made = mem_zero(1, sizeof(*made));
    made->format = format;
    (void)snprintf(made->path, sizeof(made->path), "%s", strcmp(path, "-") == 0 ? "stdin" : path);
    return made;
}

/* Reads the header of CSV.  *made is the caller's, or freed. */
static enum err input_begin(struct submit_input **made, const struct schema *schema,
                            struct submit_input **input, struct diag *diag) {
    enum err err = (*made)->format == SUBMIT_CSV ? csv_begin(*made, schema, diag) : ERR_OK;
    if (err != ERR_OK) {
        submit_input_close(made);
        return err;
    }
    *input = *made;
    return ERR_OK;
}

enum err submit_input_open(const char *path, enum submit_format format, const struct schema *schema,
                           struct submit_input **input, struct diag *diag) {
    struct submit_input *made = input_new(path, format);
    enum err err = format == SUBMIT_MSGPACK
                       ? feed_open(path, FEED_BINARY, &made->feed, diag)
                       : json_text_open(&made->json, path, SUBMIT_CASE_BYTES_MAX, diag);
    if (err != ERR_OK) {
        submit_input_close(&made);
        return err;
    }
    return input_begin(&made, schema, input, diag);
}

enum err submit_input_open_bytes(struct span bytes, const char *path, enum submit_format format,
                                 const struct schema *schema, struct submit_input **input,
                                 struct diag *diag) {
    struct submit_input *made = input_new(path, format);
    if (format == SUBMIT_MSGPACK) {
        made->feed = feed_open_bytes(bytes, path, FEED_BINARY);
    } else {
        json_text_open_bytes(&made->json, bytes, path, SUBMIT_CASE_BYTES_MAX);
    }
    return input_begin(&made, schema, input, diag);
}

void submit_input_close(struct submit_input **input) {
    if (*input == NULL) {
        return;
    }
    csv_close(&(*input)->csv);
    json_text_close(&(*input)->json);
    feed_close(&(*input)->feed);
    buf_free(&(*input)->row);
    buf_free(&(*input)->bytes);
    mem_free(*input);
    *input = NULL;
}

/* Reads more of a MessagePack file after the rest of the buffer. */
static enum err read_more(struct submit_input *input, struct diag *diag) {
    struct buf *bytes = &input->bytes;
    if (input->at > 0) {
        bytes->len -= input->at;
        memmove(bytes->ptr, bytes->ptr + input->at, bytes->len);
        input->at = 0;
    }
    return feed_more(input->feed, bytes, diag);
}

static enum err msgpack_next(struct submit_input *input, struct buf *out, struct diag *diag) {
    input->number++;
    for (;;) {
        struct span left = span_from(buf_span(&input->bytes), input->at);
        bool is_at_end = feed_is_at_end(input->feed);
        if (left.len == 0 && is_at_end) {
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
        /* Truncated or not complete yet: a count may be right after more is read. */
        bool is_partial = err == ERR_TRUNCATED || err == ERR_SIZE_BOMB;
        if (!is_partial || is_at_end || left.len > SUBMIT_CASE_BYTES_MAX) {
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

/* A row of empty cells is no case, so the next one is read. */
static enum err csv_next(struct submit_input *input, struct buf *out, struct diag *diag) {
    size_t before = out->len;
    while (out->len == before) {
        struct span row = {0};
        struct diag why = {0};
        enum err err = next_row(input, &row, diag);
        if (err != ERR_OK) {
            return err;
        }
        err = csv_encode(input->csv, row, out, &why);
        if (err != ERR_OK) {
            return fail_case(input, err, &why, diag);
        }
    }
    return ERR_OK;
}

static enum err json_next(struct submit_input *input, struct buf *out, struct diag *diag) {
    struct span object = {0};
    struct diag why = {0};
    bool is_cut = false;
    enum err err = json_text_next(&input->json, &object, &is_cut, diag);
    if (err != ERR_OK) {
        input->is_ended = true;
        return err;
    }
    input->number = input->json.location;
    if (is_cut) {
        err = diag_fail(&why, ERR_TOO_LARGE, "expected a line of at most 4 MiB");
        return fail_case(input, err, &why, diag);
    }
    err = json_case_encode(object, out, &why);
    return err == ERR_OK ? ERR_OK : fail_case(input, err, &why, diag);
}

bool submit_input_is_ended(const struct submit_input *input) { return input->is_ended; }

bool submit_input_is_numbered(const struct submit_input *input) {
    return input->format == SUBMIT_MSGPACK ||
           (input->format == SUBMIT_JSONL && input->json.state != JSON_TEXT_LINES);
}

uint64_t submit_input_location(const struct submit_input *input) { return input->number; }

enum err submit_input_next(struct submit_input *input, struct buf *out, uint64_t *location,
                           struct diag *diag) {
    if (input->is_ended) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_NOT_FOUND;
    switch (input->format) {
    case SUBMIT_JSONL:
        err = json_next(input, out, diag);
        break;
    case SUBMIT_MSGPACK:
        err = msgpack_next(input, out, diag);
        break;
    case SUBMIT_CSV:
        err = csv_next(input, out, diag);
        break;
    }
    if (err == ERR_OK) {
        *location = input->number;
    }
    return err;
}
