/* Two stores of lines: the callers fill one while the thread writes the other.  The stores are
 * allocated once, so a program without free memory can still log that. */
#include "base/sink.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STORE_BYTES_MAX = 64 << 10, NS_PER_MS = 1000000, MS_PER_S = 1000 };

struct store {
    size_t len;
    uint64_t dropped; /* lines, all of them later than those in `bytes` */
    uint8_t bytes[STORE_BYTES_MAX];
};

struct sink {
    int fd;
    sink_gap_fn on_gap;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct store *fill; /* under lock */
    bool is_writing;    /* under lock: the thread has lines that are not written yet */
    bool ends;          /* under lock */
    bool is_left;       /* under lock: the thread frees the sink when its write returns */
    _Atomic uint64_t lost;
    /* The thread's own. */
    struct store *out;
    uint64_t unreported; /* lost lines that no gap line has named yet */
    bool is_torn;        /* the last line was written in part */
    struct buf gap;
};

/* Waits for a descriptor that another process made non-blocking. */
static void wait_writable(int fd) {
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    int got = poll(&wanted, 1, -1);
    (void)got;
}

/* One line in one write, which a pipe takes whole up to PIPE_BUF.  False: the descriptor refused
 * it. */
static bool write_line(struct sink *sink, struct span line) {
    size_t done = 0;
    if (sink->is_torn && write(sink->fd, "\n", 1) == 1) {
        sink->is_torn = false;
    }
    while (done < line.len) {
        ssize_t put = write(sink->fd, line.ptr + done, line.len - done);
        if (put < 0 && errno == EAGAIN) {
            wait_writable(sink->fd);
        } else if (put <= 0 && errno != EINTR) {
            sink->is_torn = sink->is_torn || done > 0;
            return false;
        } else {
            done += put > 0 ? (size_t)put : 0;
        }
    }
    return true;
}

/* Names the lines that were lost, once the descriptor takes lines again. */
static bool write_gap(struct sink *sink) {
    if (sink->unreported == 0 || sink->on_gap == NULL) {
        return true;
    }
    buf_clear(&sink->gap);
    sink->on_gap(sink->unreported, &sink->gap);
    if (!write_line(sink, buf_span(&sink->gap))) {
        return false;
    }
    sink->unreported = 0;
    return true;
}

static void write_store(struct sink *sink) {
    struct store *store = sink->out;
    bool works = true;
    for (size_t at = 0; at < store->len;) {
        const uint8_t *line = store->bytes + at;
        const uint8_t *end = memchr(line, '\n', store->len - at);
        size_t len = end == NULL ? store->len - at : (size_t)(end - line) + 1;
        works = write_gap(sink) && write_line(sink, span_make(line, len));
        if (!works) {
            sink->unreported++;
            (void)atomic_fetch_add(&sink->lost, 1U);
        }
        at += len;
    }
    sink->unreported += store->dropped;
    if (works) {
        (void)write_gap(sink); /* else again before the next line */
    }
    store->len = 0;
    store->dropped = 0;
}

static void sink_free(struct sink *sink) {
    buf_free(&sink->gap);
    mem_free(sink->fill);
    mem_free(sink->out);
    (void)pthread_cond_destroy(&sink->work);
    (void)pthread_cond_destroy(&sink->idle);
    (void)pthread_mutex_destroy(&sink->lock);
    mem_free(sink);
}

static void *run(void *context) {
    struct sink *sink = context;
    (void)pthread_mutex_lock(&sink->lock);
    for (;;) {
        if (sink->fill->len > 0 || sink->fill->dropped > 0) {
            struct store *full = sink->fill;
            sink->fill = sink->out;
            sink->out = full;
            sink->is_writing = true;
            (void)pthread_mutex_unlock(&sink->lock);
            write_store(sink);
            (void)pthread_mutex_lock(&sink->lock);
            sink->is_writing = false;
            (void)pthread_cond_broadcast(&sink->idle);
        } else if (sink->ends) {
            break;
        } else {
            (void)pthread_cond_wait(&sink->work, &sink->lock);
        }
    }
    bool is_left = sink->is_left;
    (void)pthread_mutex_unlock(&sink->lock);
    if (is_left) {
        sink_free(sink);
    }
    return NULL;
}

enum err sink_open(int fd, sink_gap_fn on_gap, struct sink **sink, struct diag *diag) {
    struct sink *made = mem_zero(1, sizeof(*made));
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    CHECK(pthread_cond_init(&made->work, NULL) == 0);
    CHECK(pthread_cond_init(&made->idle, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
    made->fd = fd;
    made->on_gap = on_gap;
    made->fill = mem_zero(1, sizeof(*made->fill));
    made->out = mem_zero(1, sizeof(*made->out));
    /* Signals are for the program's own threads.  A pipe without a reader is an error of write. */
    enum err err = thread_start(&made->thread, run, made, "the log", diag);
    if (err != ERR_OK) {
        sink_free(made);
        return err;
    }
    *sink = made;
    return ERR_OK;
}

static uint64_t count_lines(struct span lines) {
    uint64_t count = 0;
    for (size_t i = 0; i < lines.len; i++) {
        count += lines.ptr[i] == '\n' ? 1 : 0;
    }
    return count;
}

void sink_put(struct sink *sink, struct span lines) {
    (void)pthread_mutex_lock(&sink->lock);
    struct store *store = sink->fill;
    if (store->dropped == 0 && lines.len <= sizeof(store->bytes) - store->len) {
        memcpy(store->bytes + store->len, lines.ptr, lines.len);
        store->len += lines.len;
    } else {
        uint64_t count = count_lines(lines);
        store->dropped += count;
        (void)atomic_fetch_add(&sink->lost, count);
    }
    (void)pthread_cond_signal(&sink->work);
    (void)pthread_mutex_unlock(&sink->lock);
}

enum err sink_flush(struct sink *sink, int64_t ms) {
    int64_t until_ns = clock_mono_ns() + ms * NS_PER_MS;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / (MS_PER_S * NS_PER_MS)),
                                   .tv_nsec = (long)(until_ns % (MS_PER_S * NS_PER_MS))};
    int waited = 0;
    (void)pthread_mutex_lock(&sink->lock);
    while (waited == 0 && (sink->is_writing || sink->fill->len > 0 || sink->fill->dropped > 0)) {
        waited = pthread_cond_timedwait(&sink->idle, &sink->lock, &until);
    }
    (void)pthread_mutex_unlock(&sink->lock);
    if (waited != 0) {
        return ERR_TIMEOUT;
    }
    return sink_lost(sink) == 0 ? ERR_OK : ERR_IO;
}

uint64_t sink_lost(struct sink *sink) { return atomic_load(&sink->lost); }

void sink_close(struct sink **sink) {
    struct sink *gone = *sink;
    *sink = NULL;
    if (gone == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&gone->lock);
    gone->ends = true;
    bool is_left = gone->is_writing || gone->fill->len > 0 || gone->fill->dropped > 0;
    gone->is_left = is_left;
    pthread_t thread = gone->thread;
    (void)pthread_cond_signal(&gone->work);
    (void)pthread_mutex_unlock(&gone->lock);
    if (is_left) {
        (void)pthread_detach(thread);
        return;
    }
    (void)pthread_join(thread, NULL);
    sink_free(gone);
}

enum err sink_write_within(int fd, struct span line, int64_t ms, struct diag *diag) {
    struct sink *sink = NULL;
    enum err err = sink_open(fd, NULL, &sink, diag);
    if (err != ERR_OK) {
        return err;
    }
    sink_put(sink, line);
    err = sink_flush(sink, ms);
    sink_close(&sink);
    return err;
}
