/* Ids in a sorted array for looking up, in a file for the next run. */
#include "cli/submit_resume.h"

#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 33, FILE_BYTES_MAX = 1 << 30 };

struct resume {
    int fd;
    uint32_t count;
    struct uuid *ids; /* sorted by bytes */
};

static int compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct uuid)); }

static enum err parse(struct resume *resume, const char *path, struct span text,
                      struct diag *diag) {
    size_t lines = text.len / LINE_BYTES;
    resume->ids = mem_zero(lines + 1, sizeof(*resume->ids));
    for (size_t i = 0; i < lines; i++) {
        struct span line = span_make(text.ptr + i * LINE_BYTES, LINE_BYTES);
        struct span id = span_make(line.ptr, LINE_BYTES - 1);
        if (line.ptr[LINE_BYTES - 1] != '\n' || uuid_parse(id, &resume->ids[i]) != ERR_OK) {
            return diag_fail_at(diag, ERR_INVALID, path, (uint32_t)i + 1, 0,
                                "expected a batch id of 32 hex digits");
        }
    }
    struct span tail = span_make(text.ptr + lines * LINE_BYTES, text.len - lines * LINE_BYTES);
    for (size_t i = 0; i < tail.len; i++) {
        if (strchr("0123456789abcdef", tail.ptr[i]) == NULL || tail.ptr[i] == '\0') {
            return diag_fail_at(diag, ERR_INVALID, path, (uint32_t)lines + 1, 0,
                                "expected a batch id of 32 hex digits");
        }
    }
    resume->count = (uint32_t)lines;
    qsort(resume->ids, resume->count, sizeof(*resume->ids), compare);
    return ERR_OK;
}

enum err resume_open(const char *path, struct resume **resume, struct diag *diag) {
    struct resume *made = mem_zero(1, sizeof(*made));
    struct buf text = BUF_EMPTY;
    made->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    enum err err = ERR_OK;
    if (made->fd < 0) {
        err = diag_fail(diag, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    }
    if (err == ERR_OK) {
        err = io_read_file(path, FILE_BYTES_MAX, &text, diag);
    }
    if (err == ERR_OK) {
        err = parse(made, path, buf_span(&text), diag);
    }
    off_t whole = (off_t)(text.len / LINE_BYTES * LINE_BYTES);
    buf_free(&text);
    if (err == ERR_OK && (ftruncate(made->fd, whole) != 0 || lseek(made->fd, 0, SEEK_END) < 0)) {
        err = diag_fail(diag, ERR_IO, "cannot write %s: %s", path, strerror(errno));
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
        (void)close((*resume)->fd);
    }
    mem_free((*resume)->ids);
    mem_free(*resume);
    *resume = NULL;
}

bool resume_has(const struct resume *resume, const struct uuid *id) {
    return resume->count > 0 &&
           bsearch(id, resume->ids, resume->count, sizeof(*id), compare) != NULL;
}

enum err resume_add(struct resume *resume, const struct uuid *id) {
    struct buf line = BUF_EMPTY;
    buf_hex(&line, span_make(id->bytes, sizeof(id->bytes)));
    buf_byte(&line, '\n');
    CHECK(line.len == LINE_BYTES);
    enum err err = io_write_all(resume->fd, buf_span(&line));
    buf_free(&line);
    return err;
}
