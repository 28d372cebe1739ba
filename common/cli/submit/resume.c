/* Batches: in an array by position for the search, in a file for the next run. */
#include "cli/submit/resume.h"

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/casemill.h"
#include "wire/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 2, FILE_BYTES_MAX = 1 << 30, ID_DIGITS = 32 };

#define AGAIN_IS_SAFE "remove it and run again: batches that are done are recognized"

struct entry {
    struct resume_batch batch;
    uint32_t order; /* in the file */
};
struct resume {
    char path[DIAG_FILE_MAX];
    int fd; /* -1: nothing can be added */
    uint32_t count;
    struct entry *entries; /* by position, then order */
};

static int compare(const void *a, const void *b) {
    const struct entry *left = a;
    const struct entry *right = b;
    if (left->batch.position != right->batch.position) {
        return left->batch.position < right->batch.position ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static void write_head(const struct resume_target *target, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_object_open(&json);
    json_uint(json_key(&json, "casemill_resume"), VERSION);
    json_str(json_key(&json, "source"), target->source);
    json_str(json_key(&json, "broker"), target->broker);
    json_str(json_key(&json, "key"), target->key);
    json_object_close(&json);
    buf_byte(out, '\n');
}

/* Reads the text before the next newline; false when there is none. */
static bool take_line(struct span *text, struct span *line) {
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
    if (end == NULL) {
        return false;
    }
    *line = span_make(text->ptr, (size_t)(end - text->ptr));
    *text = span_make(end + 1, text->len - line->len - 1);
    return true;
}

/* A file of the first version holds only ids; the last may be torn. */
static bool is_first_version(struct span text) {
    size_t len = 0;
    while (len < text.len && len < ID_DIGITS && strchr("0123456789abcdef", text.ptr[len]) != NULL &&
           text.ptr[len] != '\0') {
        len++;
    }
    return len > 0 && (len == text.len || (len == ID_DIGITS && text.ptr[len] == '\n'));
}

static const char *text_of(const json_t *head, const char *key) {
    const char *text = json_string_value(json_object_get(head, key));
    return text == NULL ? "" : text;
}

static enum err check_target(const json_t *head, const char *path,
                             const struct resume_target *target, struct diag *diag) {
    const struct {
        const char *key, *ours;
    } parts[] = {{"source", target->source}, {"broker", target->broker}, {"key", target->key}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const char *theirs = text_of(head, parts[i].key);
        if (strcmp(theirs, parts[i].ours) != 0) {
            return diag_fail(
                diag, ERR_CONFLICT,
                "%s records what was sent with %s \"%s\", not \"%s\": use a --resume file for each",
                path, parts[i].key, theirs, parts[i].ours);
        }
    }
    return ERR_OK;
}

/* The first line.  Errors: as resume_open. */
static enum err read_head(struct span line, const char *path, const struct resume_target *target,
                          struct diag *diag) {
    json_t *head = json_loadb((const char *)line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *version = json_object_get(head, "casemill_resume");
    enum err err = ERR_OK;
    if (!json_is_integer(version)) {
        err = diag_fail(diag, ERR_INVALID, "%s is no --resume file: name another, or remove it",
                        path);
    } else if (json_integer_value(version) != VERSION) {
        err = diag_fail(diag, ERR_VERSION,
                        "%s is a --resume file of version %lld, expected %d: " AGAIN_IS_SAFE, path,
                        (long long)json_integer_value(version), VERSION);
    } else {
        err = check_target(head, path, target, diag);
    }
    json_decref(head);
    return err;
}

/* Reads a space and the number after it. */
static bool take_number(struct span *line, uint64_t max, uint64_t *number) {
    size_t len = 1;
    *number = 0;
    if (line->len < 2 || line->ptr[0] != ' ') {
        return false;
    }
    for (; len < line->len && line->ptr[len] >= '0' && line->ptr[len] <= '9'; len++) {
        uint64_t digit = (uint64_t)(line->ptr[len] - '0');
        if (digit > max || *number > (max - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    *line = span_make(line->ptr + len, line->len - len);
    return len > 1;
}

static bool read_batch(struct span line, struct resume_batch *batch) {
    uint64_t count = 0;
    uint64_t dead = 0;
    if (line.len < ID_DIGITS || uuid_parse(span_make(line.ptr, ID_DIGITS), &batch->id) != ERR_OK) {
        return false;
    }
    line = span_make(line.ptr + ID_DIGITS, line.len - ID_DIGITS);
    bool is_whole = take_number(&line, UINT64_MAX, &batch->position) &&
                    take_number(&line, UINT32_MAX, &count) && take_number(&line, count, &dead) &&
                    line.len == 0 && count > 0;
    batch->count = (uint32_t)count;
    batch->dead = (uint32_t)dead;
    return is_whole;
}

static uint32_t count_lines(struct span text) {
    uint32_t count = 0;
    for (struct span line = {0}; take_line(&text, &line);) {
        count++;
    }
    return count;
}

static enum err read_batches(struct resume *resume, struct span text, const char *path,
                             struct diag *diag) {
    struct span line = {0};
    resume->entries = mem_zero((size_t)count_lines(text) + 1, sizeof(*resume->entries));
    while (take_line(&text, &line)) {
        struct entry *entry = &resume->entries[resume->count];
        entry->order = resume->count++;
        if (!read_batch(line, &entry->batch)) {
            return diag_fail_at(diag, ERR_INVALID, path, resume->count + 1, 0,
                                "expected a batch, as ID POSITION COUNT DEAD: " AGAIN_IS_SAFE);
        }
    }
    qsort(resume->entries, resume->count, sizeof(*resume->entries), compare);
    return ERR_OK;
}

enum err resume_parse(struct span text, const char *path, const struct resume_target *target,
                      struct resume **resume, struct diag *diag) {
    struct resume *made = mem_zero(1, sizeof(*made));
    struct span line = text; /* a head without its newline is read to report its fault */
    made->fd = -1;
    (void)snprintf(made->path, sizeof(made->path), "%s", path);
    enum err err = ERR_OK;
    if (is_first_version(text)) {
        err = diag_fail(
            diag, ERR_VERSION,
            "%s is of an older version, which kept neither source nor broker: " AGAIN_IS_SAFE,
            path);
    } else if (text.len > 0) {
        bool is_whole = take_line(&text, &line);
        err = read_head(line, path, target, diag);
        if (err == ERR_OK && !is_whole) {
            err =
                diag_fail(diag, ERR_INVALID, "%s ends within its first line: " AGAIN_IS_SAFE, path);
        }
    }
    if (err == ERR_OK) {
        err = read_batches(made, text, path, diag);
    }
    if (err != ERR_OK) {
        resume_close(&made);
        return err;
    }
    *resume = made;
    return ERR_OK;
}

/* Removes a torn last line, and writes the head of an empty file. */
static enum err prepare(struct resume *resume, struct span text,
                        const struct resume_target *target) {
    size_t whole = text.len;
    while (whole > 0 && text.ptr[whole - 1] != '\n') {
        whole--;
    }
    if (ftruncate(resume->fd, (off_t)whole) != 0 || lseek(resume->fd, 0, SEEK_END) < 0) {
        return ERR_IO;
    }
    enum err err = ERR_OK;
    if (whole == 0) {
        struct buf head = BUF_EMPTY;
        write_head(target, &head);
        err = io_write_all(resume->fd, buf_span(&head));
        if (err != ERR_OK && ftruncate(resume->fd, 0) != 0) {
            err = ERR_IO; /* a part of the head stays: the next run reports it */
        }
        buf_free(&head);
    }
    return err;
}

enum err resume_open(const char *path, const struct resume_target *target, struct resume **resume,
                     struct diag *diag) {
    struct buf text = BUF_EMPTY;
    struct resume *made = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    enum err err = ERR_OK;
    if (fd < 0) {
        err = diag_fail(diag, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    }
    if (err == ERR_OK) {
        err = io_read_file(path, FILE_BYTES_MAX, &text, diag);
    }
    if (err == ERR_OK) {
        err = resume_parse(buf_span(&text), path, target, &made, diag);
    }
    if (err == ERR_OK) {
        made->fd = fd;
        fd = -1;
        if (prepare(made, buf_span(&text), target) != ERR_OK) {
            err = diag_fail(diag, ERR_IO, "cannot write %s: %s", path, strerror(errno));
        }
    }
    buf_free(&text);
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
    }
    if (err != ERR_OK) {
        resume_close(&made);
        return err;
    }
    *resume = made;
    return ERR_OK;
}

void resume_close(struct resume **resume) {
    if (*resume == NULL) {
        return;
    }
    if ((*resume)->fd >= 0) {
        (void)close((*resume)->fd); /* each line was written whole, or was reported */
    }
    mem_free((*resume)->entries);
    mem_free(*resume);
    *resume = NULL;
}

const struct resume_batch *resume_at(const struct resume *resume, uint64_t position) {
    uint32_t low = 0;
    uint32_t high = resume->count;
    while (low < high) { /* the first entry after the position */
        uint32_t middle = low + (high - low) / 2;
        if (resume->entries[middle].batch.position <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low > 0 && resume->entries[low - 1].batch.position == position;
    return is_found ? &resume->entries[low - 1].batch : NULL;
}

/* Whether the body begins with the cases of a batch that is done: then its file has grown. */
static bool begins_with(struct span body, const struct resume_batch *done) {
    size_t at = 0;
    for (uint32_t i = 0; i < done->count; i++) {
        if (walk_value(body, &at) != ERR_OK) {
            return false;
        }
    }
    struct uuid id;
    casemill_batch_id(body.ptr, at, done->position, id.bytes);
    return memcmp(id.bytes, done->id.bytes, sizeof(id.bytes)) == 0;
}

enum err resume_check(const struct resume *resume, const struct resume_batch *batch,
                      struct span body, bool *is_done, struct diag *diag) {
    const struct resume_batch *done = resume_at(resume, batch->position);
    *is_done = done != NULL && memcmp(done->id.bytes, batch->id.bytes, sizeof(done->id.bytes)) == 0;
    if (done == NULL || *is_done || (done->count < batch->count && begins_with(body, done))) {
        return ERR_OK;
    }
    return diag_fail(diag, ERR_CONFLICT,
                     "%s records other cases from number %" PRIu64
                     " on: the files, their order, --batch or the dates differ; give these cases "
                     "their own --resume file, or none",
                     resume->path, batch->position + 1);
}

enum err resume_add(struct resume *resume, const struct resume_batch *batch) {
    struct buf line = BUF_EMPTY;
    CHECK(resume->fd >= 0);
    buf_hex(&line, span_make(batch->id.bytes, sizeof(batch->id.bytes)));
    buf_printf(&line, " %" PRIu64 " %u %u\n", batch->position, batch->count, batch->dead);
    enum err err = io_write_all(resume->fd, buf_span(&line));
    buf_free(&line);
    return err;
}
