/* The writer thread and its hand-over.  Group commit: whatever gathered while the last sync ran is
 * the next transaction, deletes first.  After a failed commit the latch is set before LMDB is asked
 * anything again: LMDB itself would happily commit the next one. */
#include "broker/journal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "broker/journal_check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MS = 100 };

struct journal {
    struct journal_options options;
    struct store *store;
    struct uuid uuid;
    uint64_t next_seq;
    int lock_fd;
    pthread_t writer;
    bool writer_runs;
    struct store_group gathered; /* the caller's: journal_hand_over gives it to the writer */
    atomic_uint_fast64_t pending_bytes, pending_count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    bool closing;
    struct store_group handed_over;
    struct journal_result *results;
    uint32_t result_len, result_cap, result_at;
    struct journal_stats stats;
    int64_t commit_began_ns; /* monotonic; 0: none is under way */
    struct histogram commit_times;
};

enum err journal_lock(const char *path, int *lock_fd, struct diag *diag) {
    char file[4096];
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return diag_fail(diag, errno == EACCES || errno == EROFS ? ERR_DENIED : ERR_IO,
                         "journal.path %s: cannot be made: %s", path, strerror(errno));
    }
    if (access(path, W_OK | X_OK) != 0) {
        return diag_fail(diag, ERR_DENIED, "journal.path %s: not writable: %s", path,
                         strerror(errno));
    }
    (void)snprintf(file, sizeof(file), "%s/lock", path);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return diag_fail(diag, ERR_DENIED, "journal.path %s: not writable: %s", path,
                         strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return diag_fail(diag, ERR_BUSY, "journal.path %s: in use by another broker", path);
    }
    *lock_fd = fd;
    return ERR_OK;
}

static enum err sync_directory(const char *path, struct diag *diag) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return result == 0 ? ERR_OK
                       : diag_fail(diag, ERR_IO, "journal.path %s: %s", path, strerror(result));
}

static void refresh_totals(struct journal *journal) {
    journal->stats.used_bytes = journal->store->used_bytes;
    journal->stats.live_count = journal->store->totals.live_count;
    journal->stats.live_bytes = journal->store->totals.live_bytes;
}

static void add_result(struct journal *journal, const struct store_put *put,
                       enum journal_outcome outcome) {
    MEM_ROOM(journal->results, journal->result_len, journal->result_cap, 256);
    journal->results[journal->result_len++] =
        (struct journal_result){put->seq, outcome, put->received_us};
}

/* Under the lock: what was handed over becomes the group; what the group had room for, the next
 * hand-over has.  Deletes that found no room stay for the next turn. */
static void take_group(struct journal *journal, struct store_group *group) {
    struct store_group taken = journal->handed_over;
    CHECK(group->put_count == 0);
    for (uint32_t i = 0; i < group->delete_count; i++) {
        store_group_delete(&taken, group->deletes[i]);
    }
    group->delete_count = 0;
    journal->handed_over = *group;
    *group = taken;
}

/* Under the lock: books one finished group. */
static void finish_group(struct journal *journal, struct store_group *group, bool failed,
                         int64_t took_us) {
    journal->stats.failed = failed;
    journal->stats.commits += failed ? 0 : 1;
    journal->stats.commit_us_last = (uint64_t)took_us;
    if (!failed) {
        histogram_note(&journal->commit_times, &histogram_seconds, took_us);
    }
    if (group->delete_count > 0 && group->deleted && !failed) {
        journal->stats.full = false; /* there is room again, even if no put waits for it */
    }
    for (uint32_t i = 0; i < group->put_count; i++) {
        const struct store_put *put = &group->puts[i];
        enum journal_outcome outcome = failed ? JOURNAL_STOPPED : put->outcome;
        journal->stats.full = outcome == JOURNAL_NO_ROOM;
        atomic_fetch_sub(&journal->pending_bytes, put->blob->len);
        add_result(journal, put, outcome);
    }
    if (!failed) {
        refresh_totals(journal);
    }
    atomic_fetch_sub(&journal->pending_count, group->put_count);
    if (group->deleted || failed) {
        atomic_fetch_sub(&journal->pending_count, group->delete_count);
        group->delete_count = 0;
    }
}

/* Under the lock: until there is something to do; deletes without room are tried again after a
 * while, because a reader that holds old pages ends some time. */
static void wait_for_work(struct journal *journal, const struct store_group *group) {
    const struct store_group *next = &journal->handed_over;
    if (group->delete_count == 0) {
        while (next->put_count == 0 && next->delete_count == 0 && !journal->closing) {
            (void)pthread_cond_wait(&journal->work, &journal->lock);
        }
    } else if (!journal->closing) {
        int64_t until_ns = clock_mono_ns() + (int64_t)RETRY_MS * 1000000;
        struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
        (void)pthread_cond_timedwait(&journal->work, &journal->lock, &until);
    }
}

static void *writer_run(void *context) {
    struct journal *journal = context;
    struct store_group group = {.headers = BUF_EMPTY};
    bool failed = false;
    bool closing = false;
    (void)pthread_mutex_lock(&journal->lock);
    while (!closing) {
        wait_for_work(journal, &group);
        take_group(journal, &group);
        closing = journal->closing;
        if (group.put_count == 0 && group.delete_count == 0) {
            continue;
        }
        int64_t before = clock_mono_ns();
        journal->commit_began_ns = before;
        (void)pthread_mutex_unlock(&journal->lock);
        failed = failed || store_commit(journal->store, &group) != ERR_OK;
        int64_t took_us = (clock_mono_ns() - before) / 1000;
        (void)pthread_mutex_lock(&journal->lock);
        journal->commit_began_ns = 0;
        finish_group(journal, &group, failed, took_us);
        journal->options.notify(journal->options.context);
        (void)pthread_mutex_unlock(&journal->lock);
        store_group_clear_puts(&group);
        (void)pthread_mutex_lock(&journal->lock);
    }
    (void)pthread_mutex_unlock(&journal->lock);
    store_group_free(&group);
    return NULL;
}

/* What journal_open was given, with an eye on the damaged ones. */
struct restoring {
    check_record_fn restore;
    void *context;
    uint64_t damaged;
};

static void restore_one(const struct journal_record *record, void *context) {
    struct restoring *restoring = context;
    restoring->damaged += record->damage == JOURNAL_WHOLE ? 0 : 1;
    restoring->restore(record, restoring->context);
}

/* The lock file holds the journal's name once there is something to lose: a data.mdb that is gone,
 * empty or another's does not pass for a new journal. */
static enum err check_name(const struct journal *journal, struct diag *diag) {
    char kept[UUID_TEXT_BYTES] = "";
    ssize_t got = pread(journal->lock_fd, kept, sizeof(kept) - 1, 0);
    char name[UUID_TEXT_BYTES] = "";
    if (journal->store != NULL) {
        uuid_format(&journal->store->totals.uuid, name);
    }
    if (got == 0 || strcmp(kept, name) == 0) {
        return ERR_OK;
    }
    return diag_fail(diag, got < 0 ? ERR_IO : ERR_CORRUPT,
                     "journal.path %s: its data.mdb is %s: put the one back that belongs to it, or "
                     "start on an empty directory",
                     journal->options.path,
                     name[0] == '\0' ? "gone or empty" : "another journal's");
}

static enum err keep_name(const struct journal *journal, struct diag *diag) {
    char name[UUID_TEXT_BYTES];
    uuid_format(&journal->store->totals.uuid, name);
    ssize_t length = sizeof(name) - 1;
    return pwrite(journal->lock_fd, name, (size_t)length, 0) == length &&
                   fsync(journal->lock_fd) == 0
               ? ERR_OK
               : diag_fail(diag, errno == ENOSPC ? ERR_FULL : ERR_IO, "journal.path %s: lock: %s",
                           journal->options.path, strerror(errno));
}

static enum err open_checked(struct journal *journal, struct restoring *restoring,
                             struct diag *diag) {
    const char *path = journal->options.path;
    char file[4096];
    (void)snprintf(file, sizeof(file), "%s/data.mdb", path);
    struct stat stat_of;
    bool is_new = stat(file, &stat_of) != 0 || stat_of.st_size == 0;
    enum err err = is_new ? check_name(journal, diag) : check_in_child(path, diag);
    err = err != ERR_OK ? err : store_open(path, journal->options.bytes_max, &journal->store, diag);
    err = err != ERR_OK ? err : check_name(journal, diag);
    err = err != ERR_OK ? err : keep_name(journal, diag);
    err = err != ERR_OK ? err : sync_directory(path, diag);
    err = err != ERR_OK ? err : check_records(journal->store, restore_one, restoring, diag);
    journal->stats.damaged = restoring->damaged;
    return err != ERR_OK ? err : store_begin_run(journal->store, diag);
}

/* Its deadlines are monotonic: a wall clock that is set back must not make it wait for hours. */
static void cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(cond, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

enum err journal_open(const struct journal_options *options,
                      void (*restore)(const struct journal_record *record, void *context),
                      void *context, struct journal **held, struct diag *diag) {
    CHECK(options->bytes_max > 0 && options->notify != NULL);
    struct journal *journal = mem_zero(1, sizeof(*journal));
    journal->options = *options;
    journal->lock_fd = -1;
    journal->stats.bytes_max = (uint64_t)options->bytes_max;
    (void)pthread_mutex_init(&journal->lock, NULL);
    cond_init(&journal->work);
    enum err err = journal_lock(options->path, &journal->lock_fd, diag);
    struct restoring restoring = {.restore = restore, .context = context};
    err = err != ERR_OK ? err : open_checked(journal, &restoring, diag);
    if (err == ERR_OK) {
        journal->uuid = journal->store->totals.uuid;
        journal->next_seq = journal->store->totals.next_seq;
        refresh_totals(journal);
        err = thread_start(&journal->writer, writer_run, journal, "the journal's writer", diag);
    }
    if (err == ERR_OK) {
        journal->writer_runs = true;
        *held = journal;
        return ERR_OK;
    }
    journal_close(&journal);
    return err;
}

void journal_close(struct journal **held) {
    struct journal *journal = *held;
    if (journal == NULL) {
        return;
    }
    if (journal->writer_runs) {
        journal_hand_over(journal);
        (void)pthread_mutex_lock(&journal->lock);
        journal->closing = true;
        (void)pthread_cond_signal(&journal->work);
        (void)pthread_mutex_unlock(&journal->lock);
        CHECK(pthread_join(journal->writer, NULL) == 0);
    }
    store_close(&journal->store);
    if (journal->lock_fd >= 0) {
        (void)close(journal->lock_fd);
    }
    (void)pthread_cond_destroy(&journal->work);
    (void)pthread_mutex_destroy(&journal->lock);
    store_group_free(&journal->gathered);
    store_group_free(&journal->handed_over);
    mem_free(journal->results);
    mem_free(journal);
    *held = NULL;
}

struct uuid journal_uuid(const struct journal *journal) {
    return journal->uuid;
}
uint64_t journal_next_seq(const struct journal *journal) { return journal->next_seq; }

void journal_put(struct journal *journal, const struct journal_record *record, struct blob *blob) {
    CHECK(record->bytes == blob->len);
    store_group_put(&journal->gathered, record, blob);
    atomic_fetch_add(&journal->pending_bytes, blob->len);
    atomic_fetch_add(&journal->pending_count, 1);
}

void journal_delete(struct journal *journal, uint64_t seq) {
    store_group_delete(&journal->gathered, seq);
    atomic_fetch_add(&journal->pending_count, 1);
}

void journal_hand_over(struct journal *journal) {
    struct store_group *gathered = &journal->gathered;
    if (gathered->put_count == 0 && gathered->delete_count == 0) {
        return;
    }
    (void)pthread_mutex_lock(&journal->lock);
    store_group_join(&journal->handed_over, gathered);
    (void)pthread_cond_signal(&journal->work);
    (void)pthread_mutex_unlock(&journal->lock);
}

uint32_t journal_collect(struct journal *journal, struct journal_result *results, uint32_t max,
                         bool *failed) {
    journal_hand_over(journal);
    (void)pthread_mutex_lock(&journal->lock);
    uint32_t count = journal->result_len - journal->result_at;
    count = count < max ? count : max;
    if (count > 0) {
        memcpy(results, journal->results + journal->result_at, count * sizeof(*results));
    }
    journal->result_at += count;
    if (journal->result_at == journal->result_len) {
        journal->result_at = 0;
        journal->result_len = 0;
    }
    *failed = journal->stats.failed;
    (void)pthread_mutex_unlock(&journal->lock);
    return count;
}

enum err journal_read(struct journal *journal, uint64_t seq, uint32_t offset, uint32_t length,
                      uint8_t *bytes) {
    return store_read(journal->store, seq, offset, length, bytes);
}

enum err journal_check_next(struct journal *journal, uint64_t from, struct journal_record *record) {
    enum err err = store_next(journal->store, from, record);
    if (err != ERR_OK || record->damage != JOURNAL_WHOLE) {
        return err;
    }
    uint8_t *bytes = mem_alloc(record->bytes);
    err = check_names(journal->store, record, bytes);
    for (uint32_t part = 0; part < record->cut_count && err == ERR_OK; part++) {
        uint32_t length = 0;
        err = check_part(journal->store, record, part, bytes, &length);
    }
    mem_free(bytes);
    record->damage = err == ERR_OK ? JOURNAL_WHOLE : JOURNAL_DAMAGE_BODY;
    return ERR_OK;
}

void journal_pending(const struct journal *journal, uint64_t *bytes, uint64_t *count) {
    *bytes = atomic_load(&journal->pending_bytes);
    *count = atomic_load(&journal->pending_count);
}

void journal_stats(struct journal *journal, struct journal_stats *stats) {
    (void)pthread_mutex_lock(&journal->lock);
    *stats = journal->stats;
    journal_pending(journal, &stats->pending_bytes, &stats->pending_count);
    if (journal->commit_began_ns != 0) {
        stats->commit_runs_ms = (clock_mono_ns() - journal->commit_began_ns) / 1000000;
    }
    (void)pthread_mutex_unlock(&journal->lock);
}

const struct histogram *journal_commit_times(const struct journal *journal) {
    return &journal->commit_times;
}
