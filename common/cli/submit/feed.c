/* Two stages: the file's bytes, and their content after gunzip.  The first bytes of each stage
 * decide how the rest is read. */
#include "cli/submit/feed.h"

#include "base/mem.h"
#include "cli/submit/gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum mark_kind { MARK_GZIP, MARK_SKIP, MARK_REFUSED };
struct mark {
    const char *bytes; /* the first bytes of such a file */
    size_t len;
    enum mark_kind kind;
    bool is_text_only; /* in MessagePack these bytes have no meaning */
    const char *name;  /* name of the refused format, and what to do */
};

#define TO_UTF8 "save the file as UTF-8"
#define UNPACK "unpack it, or pack it with gzip"
#define BYTES(literal) literal, sizeof(literal) - 1
static const struct mark MARKS[] = {
    {BYTES("\x1f\x8b"), MARK_GZIP, false, NULL},
    {BYTES("\xef\xbb\xbf"), MARK_SKIP, true, NULL},
    {BYTES("\xff\xfe"), MARK_REFUSED, true, "UTF-16 text: " TO_UTF8},
    {BYTES("\xfe\xff"), MARK_REFUSED, true, "UTF-16 text: " TO_UTF8},
    {BYTES("PK\x03\x04"), MARK_REFUSED, false,
     "a ZIP file or an Excel workbook: unpack it, or save the sheet as CSV UTF-8"},
    {BYTES("\xd0\xcf\x11\xe0"), MARK_REFUSED, true,
     "an old Excel workbook: save the sheet as CSV UTF-8"},
    {BYTES("\x28\xb5\x2f\xfd"), MARK_REFUSED, false, "zstd: " UNPACK},
    {BYTES("\xfd\x37zXZ"), MARK_REFUSED, false, "xz: " UNPACK},
    {BYTES("BZh"), MARK_REFUSED, false, "bzip2: " UNPACK},
};

enum look { LOOK_MORE, LOOK_DONE }; /* more bytes are needed, or not */

struct feed {
    const char *path;
    enum feed_kind kind;
    int fd; /* -1: bytes in memory */
    bool is_owned;
    struct span memory; /* the rest of it */
    bool is_read;       /* the file has ended */
    bool is_at_end;     /* and everything was returned */
    bool is_clear;      /* the file's first bytes are known */
    bool is_text_clear; /* and those of its content */
    struct buf raw;     /* bytes before raw_at are used */
    size_t raw_at;
    struct buf start;      /* the first bytes of its content, until they are known */
    struct gunzip *gunzip; /* NULL: not compressed */
};

static struct feed *feed_new(const char *path, enum feed_kind kind) {
    struct feed *made = mem_zero(1, sizeof(*made));
    made->path = path;
    made->kind = kind;
    made->fd = -1;
    return made;
}

enum err feed_open(const char *path, enum feed_kind kind, struct feed **feed, struct diag *diag) {
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                         strerror(errno));
    }
    *feed = feed_new(is_stdin ? "standard input" : path, kind);
    (*feed)->fd = fd;
    (*feed)->is_owned = !is_stdin;
    return ERR_OK;
}

struct feed *feed_open_bytes(struct span bytes, const char *path, enum feed_kind kind) {
    struct feed *made = feed_new(path, kind);
    made->memory = bytes;
    return made;
}

void feed_close(struct feed **feed) {
    if (*feed == NULL) {
        return;
    }
    if ((*feed)->is_owned) {
        (void)close((*feed)->fd); /* opened only for reading: nothing can be lost */
    }
    gunzip_free(&(*feed)->gunzip);
    buf_free(&(*feed)->raw);
    buf_free(&(*feed)->start);
    mem_free(*feed);
    *feed = NULL;
}

bool feed_is_at_end(const struct feed *feed) { return feed->is_at_end; }

const char *feed_path(const struct feed *feed) { return feed->path; }

static struct span raw_left(const struct feed *feed) {
    return span_from(buf_span(&feed->raw), feed->raw_at);
}

/* Reads one chunk after the rest of the last. */
static enum err read_chunk(struct feed *feed, struct diag *diag) {
    if (feed->raw_at > 0) {
        size_t left = feed->raw.len - feed->raw_at;
        memmove(feed->raw.ptr, feed->raw.ptr + feed->raw_at, left);
        feed->raw.len = left;
        feed->raw_at = 0;
    }
    uint8_t *room = buf_room(&feed->raw, FEED_CHUNK_BYTES);
    ssize_t got = 0;
    if (feed->fd < 0) {
        got = feed->memory.len < FEED_CHUNK_BYTES ? (ssize_t)feed->memory.len : FEED_CHUNK_BYTES;
        buf_append(&feed->raw, span_make(feed->memory.ptr, (size_t)got));
        feed->memory = span_from(feed->memory, (size_t)got);
        feed->is_read = got == 0;
        return ERR_OK;
    }
    do {
        got = read(feed->fd, room, FEED_CHUNK_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return diag_fail(diag, ERR_IO, "%s: %s", feed->path, strerror(errno));
    }
    feed->raw.len += (size_t)got;
    feed->is_read = got == 0;
    return ERR_OK;
}

/* The mark that the bytes begin with, or NULL; LOOK_MORE while more bytes could show one. */
static enum look look(const struct feed *feed, struct span bytes, bool is_last,
                      const struct mark **found) {
    enum look result = LOOK_DONE;
    *found = NULL;
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        const struct mark *mark = &MARKS[i];
        size_t common = bytes.len < mark->len ? bytes.len : mark->len;
        bool may_be = (feed->kind == FEED_TEXT || !mark->is_text_only) &&
                      memcmp(bytes.ptr, mark->bytes, common) == 0;
        if (may_be && common == mark->len) {
            *found = mark;
            return LOOK_DONE;
        }
        result = may_be && !is_last ? LOOK_MORE : result;
    }
    return result;
}

static enum err refuse(const struct feed *feed, const char *name, struct diag *diag) {
    return diag_fail(diag, ERR_INVALID, "%s is %s", feed->path, name);
}

/* UTF-16 or UTF-32 without a byte order mark begins with an ASCII character and a NUL. */
static bool is_wide(struct span bytes) {
    return bytes.len >= 2 && (bytes.ptr[0] == 0 || bytes.ptr[1] == 0);
}

/* Checks the file's first bytes: is it compressed? */
static enum err clear_file(struct feed *feed, struct diag *diag) {
    const struct mark *mark = NULL;
    while (!feed->is_read) {
        enum err err = read_chunk(feed, diag);
        if (err != ERR_OK) {
            return err;
        }
        if (raw_left(feed).len > 0 &&
            look(feed, raw_left(feed), feed->is_read, &mark) == LOOK_DONE) {
            break;
        }
    }
    if (mark != NULL && mark->kind == MARK_GZIP) {
        feed->gunzip = gunzip_new();
    }
    feed->is_clear = true;
    return ERR_OK;
}

static enum err unpack(struct feed *feed, struct buf *out, struct diag *diag) {
    size_t made = 0;
    while (made == 0) {
        struct span packed = raw_left(feed);
        size_t before = packed.len;
        enum err err = gunzip_step(feed->gunzip, &packed, buf_room(out, FEED_CHUNK_BYTES),
                                   FEED_CHUNK_BYTES, &made);
        feed->raw_at += before - packed.len;
        if (err == ERR_CORRUPT) {
            return diag_fail(diag, err, "%s is gzip, but damaged: make or copy it again",
                             feed->path);
        }
        if (err != ERR_OK) {
            return diag_fail(diag, err, "%s: cannot unpack: %s", feed->path, err_text(err));
        }
        out->len += made;
        bool is_stuck = made == 0 && packed.len == before;
        if (is_stuck && feed->is_read && !gunzip_is_whole(feed->gunzip)) {
            return diag_fail(diag, ERR_TRUNCATED,
                             "%s is gzip that ends too early: make or copy it again", feed->path);
        }
        if (is_stuck && feed->is_read) {
            feed->is_at_end = true;
            return ERR_OK;
        }
        if (is_stuck) {
            err = read_chunk(feed, diag);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return ERR_OK;
}

static enum err take_plain(struct feed *feed, struct buf *out, struct diag *diag) {
    if (raw_left(feed).len == 0 && !feed->is_read) {
        enum err err = read_chunk(feed, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    buf_append(out, raw_left(feed));
    feed->raw_at = feed->raw.len;
    feed->is_at_end = feed->is_read;
    return ERR_OK;
}

static enum err take(struct feed *feed, struct buf *out, struct diag *diag) {
    return feed->gunzip != NULL ? unpack(feed, out, diag) : take_plain(feed, out, diag);
}

/* Checks the first bytes of the content: does the reader expect them? */
static enum err clear_content(struct feed *feed, struct diag *diag) {
    const struct mark *mark = NULL;
    struct buf *start = &feed->start;
    while (!feed->is_at_end) {
        enum err err = take(feed, start, diag);
        if (err != ERR_OK) {
            return err;
        }
        bool is_short = feed->kind == FEED_TEXT && start->len < 2 && !feed->is_at_end;
        if (start->len > 0 && !is_short &&
            look(feed, buf_span(start), feed->is_at_end, &mark) == LOOK_DONE) {
            break;
        }
    }
    feed->is_text_clear = true;
    if (mark != NULL && mark->kind == MARK_GZIP) {
        return refuse(feed, "gzip within gzip: unpack it once", diag);
    }
    if (mark != NULL && mark->kind == MARK_REFUSED) {
        return refuse(feed, mark->name, diag);
    }
    if (feed->kind == FEED_TEXT && is_wide(buf_span(start))) {
        return refuse(feed, "UTF-16 text: " TO_UTF8, diag);
    }
    if (mark != NULL) {
        start->len -= mark->len;
        memmove(start->ptr, start->ptr + mark->len, start->len);
    }
    return ERR_OK;
}

enum err feed_more(struct feed *feed, struct buf *out, struct diag *diag) {
    enum err err = feed->is_clear ? ERR_OK : clear_file(feed, diag);
    if (err == ERR_OK && !feed->is_text_clear) {
        err = clear_content(feed, diag);
    }
    if (err == ERR_OK && feed->start.len > 0) {
        buf_append(out, buf_span(&feed->start));
        buf_free(&feed->start);
        return ERR_OK;
    }
    return err == ERR_OK && !feed->is_at_end ? take(feed, out, diag) : err;
}
