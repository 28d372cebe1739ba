/* Each fault on a fresh journal in a directory of its own, with the journal as the broker has it.
 */
#include "broker/crash_test_priv.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "broker/journal_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FREE_BYTES_MIN = 256 * MIB,
    RESERVE_BYTES = 64 * MIB,
    PUTS_MAX = 100000,
    SYNCS = 64,
    SYNC_US_MIN = 10 /* no disk answers so soon */
};
#define TMPFS_TYPE 0x01021994
#define RAMFS_TYPE 0x858458f6

/* Puts a body made from its number, and waits for the outcome. */
static enum journal_outcome put(struct crash_test *test, struct journal *journal, uint64_t seq,
                                size_t len, uint64_t number) {
    const struct crash_batch batch = {.seq = seq, .number = number, .bytes = (uint32_t)len};
    crash_put(test, journal, &batch);
    return crash_await(test, journal);
}

static bool body_is(struct journal *journal, uint64_t seq, size_t len, uint64_t number) {
    const struct crash_batch batch = {.seq = seq, .number = number, .bytes = (uint32_t)len};
    return crash_body_is(journal, &batch);
}

static void data_file(const struct crash_test *test, char path[CRASH_PATH_BYTES + 16]) {
    (void)snprintf(path, CRASH_PATH_BYTES + 16, "%s/data.mdb", test->dir);
}

static enum err check_lock(struct crash_test *test) {
    struct journal *first = NULL;
    struct journal *second = NULL;
    enum err err = crash_open(test, &first);
    if (err != ERR_OK) {
        return err;
    }
    err = crash_open(test, &second);
    journal_close(&second);
    journal_close(&first);
    return err == ERR_BUSY
               ? crash_result(test, ERR_OK, "a second broker is kept out")
               : crash_result(test, ERR_CORRUPT, "flock does not keep a second broker out");
}

static uint64_t free_bytes(int fd) {
    struct statvfs stat_of;
    return fstatvfs(fd, &stat_of) == 0 ? stat_of.f_bavail * stat_of.f_frsize : 0;
}

static enum err check_reserve(struct crash_test *test) {
    char path[CRASH_PATH_BYTES + 16];
    data_file(test, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return crash_result(test, ERR_IO, "%s", strerror(errno));
    }
    uint64_t before = free_bytes(fd);
    int result = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RESERVE_BYTES) == 0 ? 0 : errno;
    uint64_t after = free_bytes(fd);
    (void)close(fd);
    if (result != 0) {
        return crash_result(test, ERR_CORRUPT, "this filesystem cannot reserve space: %s",
                            strerror(result));
    }
    return before - after >= RESERVE_BYTES / 4 * 3 && before > after
               ? crash_result(test, ERR_OK, "reserved space is taken from what is free")
               : crash_result(test, ERR_CORRUPT,
                              "reserved space is not taken: a full disk can stop deletes");
}

static int by_value(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static enum err check_sync(struct crash_test *test) {
    char path[CRASH_PATH_BYTES + 16];
    struct statfs fs;
    uint8_t page[FORMAT_PAGE_BYTES] = {1};
    int64_t took_us[SYNCS];
    data_file(test, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool works = fd >= 0 && fstatfs(fd, &fs) == 0;
    for (int i = 0; works && i < SYNCS; i++) {
        int64_t before = clock_mono_ns();
        works =
            pwrite(fd, page, sizeof(page), (off_t)i * FORMAT_PAGE_BYTES) == (ssize_t)sizeof(page) &&
            fdatasync(fd) == 0;
        took_us[i] = (clock_mono_ns() - before) / 1000;
    }
    int why = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!works) {
        return crash_result(test, ERR_IO, "%s", strerror(why));
    }
    if ((unsigned long)fs.f_type == TMPFS_TYPE || (unsigned long)fs.f_type == RAMFS_TYPE) {
        return crash_result(test, ERR_CORRUPT,
                            "this filesystem is memory: nothing outlives a power cut");
    }
    qsort(took_us, SYNCS, sizeof(took_us[0]), by_value);
    bool honest = took_us[SYNCS / 2] >= SYNC_US_MIN;
    return crash_result(test, honest ? ERR_OK : ERR_CORRUPT, "a sync takes %lld us (median)%s",
                        (long long)took_us[SYNCS / 2],
                        honest ? "; whether the disk keeps it only a power cut can show"
                               : ": nothing is on a disk so soon");
}

/* More small batches at once than there is room for; afterwards none of them is left. */
static bool fill_with_small(struct crash_test *test, struct journal *journal, uint64_t seq) {
    enum { SMALL = CRASH_BUDGET_BYTES / 4000, BYTES = 4000 };
    uint64_t durable = 0;
    bool was_full = false;
    for (uint64_t i = 0; i < SMALL; i++) {
        const struct crash_batch batch = {.seq = seq + i, .number = i, .bytes = BYTES};
        crash_put(test, journal, &batch);
    }
    for (uint64_t i = 0; i < SMALL; i++) {
        enum journal_outcome outcome = crash_await(test, journal);
        durable += outcome == JOURNAL_DURABLE ? 1 : 0;
        was_full = was_full || outcome == JOURNAL_NO_ROOM;
        journal_delete(journal, seq + i);
        journal_hand_over(journal);
    }
    return was_full && durable > 0;
}

static enum err check_full(struct crash_test *test) {
    struct journal *journal = NULL;
    enum err err = crash_open(test, &journal);
    if (err != ERR_OK) {
        return err;
    }
    uint64_t first = journal_next_seq(journal);
    uint64_t seq = first;
    enum journal_outcome outcome = JOURNAL_DURABLE;
    while (outcome == JOURNAL_DURABLE && seq < first + PUTS_MAX) {
        outcome = put(test, journal, seq, MIB, seq);
        seq++;
    }
    bool was_full = outcome == JOURNAL_NO_ROOM;
    journal_delete(journal, first);
    journal_hand_over(journal);
    journal_delete(journal, first + 1);
    journal_hand_over(journal);
    outcome = put(test, journal, seq, 1000, seq); /* behind the deletes, in any case */
    was_full = was_full && fill_with_small(test, journal, seq + 1);
    seq += PUTS_MAX;
    outcome = outcome == JOURNAL_DURABLE ? put(test, journal, seq, 1000, seq) : outcome;
    outcome = outcome == JOURNAL_DURABLE ? put(test, journal, seq + 1, MIB, seq + 1) : outcome;
    bool kept = outcome == JOURNAL_DURABLE && body_is(journal, seq + 1, MIB, seq + 1) &&
                body_is(journal, first + 2, MIB, first + 2);
    journal_close(&journal);
    return was_full && kept
               ? crash_result(test, ERR_OK, "full is BUSY, and deletes make room")
               : crash_result(test, ERR_CORRUPT, "a full journal accepts nothing after deletes");
}

/* In a child, whose files may not grow: its next commit's write fails. */
static int fail_a_write(struct crash_test *test) {
    struct journal *journal = NULL;
    struct journal_stats stats;
    struct rlimit limit = {.rlim_cur = 128 << 10, .rlim_max = RLIM_INFINITY};
    if (crash_open(test, &journal) != ERR_OK || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) {
        return 1;
    }
    uint64_t seq = journal_next_seq(journal);
    if (put(test, journal, seq, CRASH_LARGE_BYTES, 1) != JOURNAL_DURABLE ||
        setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 1;
    }
    bool stops = put(test, journal, seq + 1, 2 * MIB, 2) == JOURNAL_STOPPED;
    limit.rlim_cur = RLIM_INFINITY;
    bool stays = setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                 put(test, journal, seq + 2, 10, 3) == JOURNAL_STOPPED;
    journal_stats(journal, &stats);
    bool reads = body_is(journal, seq, CRASH_LARGE_BYTES, 1);
    journal_close(&journal);
    return stops && stays && stats.failed && reads ? 0 : 2;
}

static enum err check_write_error(struct crash_test *test) {
    pid_t child = fork();
    if (child == 0) {
        check_die_quietly();
        _exit(fail_a_write(test));
    }
    int status = 0;
    struct journal *journal = NULL;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return crash_result(test, ERR_SYSTEM, "%s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return crash_result(test, ERR_CORRUPT, "a failed write did not stop the confirms");
    }
    enum err err = crash_open(test, &journal);
    journal_close(&journal);
    if (err != ERR_OK) {
        return err;
    }
    return test->restored == 1 && test->damaged == 0
               ? crash_result(test, ERR_OK, "nothing is confirmed after it; what was, is there")
               : crash_result(test, ERR_CORRUPT,
                              "after a failed write the journal holds something else");
}

/* Large batches, then small ones that share commits. */
enum { FILL_LARGE = 8, FILL_PUTS = 100 };
static struct crash_batch fill_batch(uint64_t first, uint64_t i) {
    return (struct crash_batch){.seq = first + i,
                                .number = i,
                                .bytes = i < FILL_LARGE ? MIB : 100 + (uint32_t)(i * 37 % 900)};
}

static enum err fill(struct crash_test *test, uint64_t *first) {
    struct journal *journal = NULL;
    enum err err = crash_open(test, &journal);
    if (err != ERR_OK) {
        return err;
    }
    *first = journal_next_seq(journal);
    for (uint64_t i = 0; i < FILL_PUTS; i++) {
        struct crash_batch batch = fill_batch(*first, i);
        crash_put(test, journal, &batch);
    }
    for (uint64_t i = 0; err == ERR_OK && i < FILL_PUTS; i++) {
        if (crash_await(test, journal) != JOURNAL_DURABLE) {
            err = crash_result(test, ERR_IO, "a put was not made durable");
        }
    }
    journal_close(&journal);
    return err;
}

static enum err check_read_back(struct crash_test *test) {
    char path[CRASH_PATH_BYTES + 16];
    struct journal *journal = NULL;
    uint64_t first = 0;
    enum err err = fill(test, &first);
    data_file(test, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) { /* from the disk, where the system allows it */
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        (void)close(fd);
    }
    err = err != ERR_OK ? err : crash_open(test, &journal);
    if (err != ERR_OK) {
        return err;
    }
    bool same = test->restored == FILL_PUTS;
    for (uint64_t i = 0; same && i < FILL_PUTS; i++) {
        struct crash_batch batch = fill_batch(first, i);
        same = crash_body_is(journal, &batch);
    }
    journal_close(&journal);
    return same ? crash_result(test, ERR_OK, "each byte is what was written")
                : crash_result(test, ERR_CORRUPT, "what is read is not what was written");
}

/* Flips a bit in the middle of a body, wherever that is; false: nowhere in one piece. */
static bool flip_in_body(const char *path, const struct crash_batch *batch) {
    enum { PIECE_BYTES = 32 };
    struct buf bytes = BUF_EMPTY;
    bool found = false;
    uint8_t *body = mem_alloc(batch->bytes);
    const uint8_t *piece = body + batch->bytes / 2;
    crash_fill_body(body, batch->bytes, batch->number);
    if (io_read_file(path, FREE_BYTES_MIN, &bytes, NULL) == ERR_OK) {
        uint8_t *at = bytes.ptr;
        const uint8_t *end = bytes.ptr + bytes.len;
        while ((at = memmem(at, (size_t)(end - at), piece, PIECE_BYTES)) != NULL) {
            at[0] ^= 0x20;
            found = true;
        }
        found = found && io_write_file(path, buf_span(&bytes), NULL) == ERR_OK;
    }
    mem_free(body);
    buf_free(&bytes);
    return found;
}

/* Of a large batch and of one among small ones; *small: which. */
static bool flip_two(const char *path, uint64_t first, uint64_t *small) {
    struct crash_batch batch = fill_batch(first, FILL_LARGE / 2);
    bool flipped = flip_in_body(path, &batch);
    for (*small = (FILL_LARGE + FILL_PUTS) / 2; flipped && *small < FILL_PUTS; ++*small) {
        batch = fill_batch(first, *small);
        if (flip_in_body(path, &batch)) {
            return true;
        }
    }
    return false;
}

static enum err check_flip(struct crash_test *test) {
    char path[CRASH_PATH_BYTES + 16];
    struct journal *journal = NULL;
    struct journal_record record;
    uint64_t first = 0;
    uint64_t small = 0;
    uint64_t damaged = 0;
    uint64_t read = 0;
    bool right = true;
    enum err err = fill(test, &first);
    data_file(test, path);
    if (err == ERR_OK && !flip_two(path, first, &small)) {
        return crash_result(test, ERR_IO, "the body was not found in the file");
    }
    err = err != ERR_OK ? err : crash_open(test, &journal);
    if (err != ERR_OK) {
        return err;
    }
    for (uint64_t from = 0; journal_check_next(journal, from, &record) == ERR_OK; read++) {
        bool is_hit = record.seq == first + FILL_LARGE / 2 || record.seq == first + small;
        right = right && is_hit == (record.damage != JOURNAL_WHOLE);
        damaged += record.damage == JOURNAL_WHOLE ? 0 : 1;
        from = record.seq + 1;
    }
    journal_close(&journal);
    return right && damaged == 2 && read == FILL_PUTS
               ? crash_result(test, ERR_OK, "the two damaged batches are found, and no other")
               : crash_result(test, ERR_CORRUPT,
                              "%llu of %llu batches are reported as damaged, not the two that are",
                              (unsigned long long)damaged, (unsigned long long)read);
}

static enum err check_cut(struct crash_test *test) {
    char path[CRASH_PATH_BYTES + 16];
    struct journal *journal = NULL;
    struct stat stat_of;
    uint64_t first = 0;
    enum err err = fill(test, &first);
    data_file(test, path);
    if (err == ERR_OK && (stat(path, &stat_of) != 0 || truncate(path, stat_of.st_size / 2) != 0)) {
        err = crash_result(test, ERR_IO, "%s", strerror(errno));
    }
    if (err != ERR_OK) {
        return err;
    }
    err = crash_open(test, &journal);
    journal_close(&journal);
    return err == ERR_CORRUPT
               ? crash_result(test, ERR_OK, "a file cut short is refused")
               : crash_result(test, ERR_CORRUPT, "a file cut short is taken for a journal");
}

static const struct {
    const char *name;
    enum err (*run)(struct crash_test *test);
} CHECKS[] = {
    {"lock", check_lock},           {"reserve", check_reserve},  {"sync", check_sync},
    {"kill", crash_check_kill},     {"full", check_full},        {"write error", check_write_error},
    {"read back", check_read_back}, {"flipped bit", check_flip}, {"cut", check_cut}};

static void remove_files(const struct crash_test *test) {
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "lock"};
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        char path[CRASH_PATH_BYTES + 16];
        (void)snprintf(path, sizeof(path), "%s/%s", test->dir, FILES[i]);
        (void)unlink(path);
    }
}

static enum err print(int out, struct buf *line) {
    struct buf plain = BUF_EMPTY; /* a path may hold anything */
    buf_byte(line, '\n');
    plain_lines(&plain, buf_span(line));
    enum err err = io_write_all(out, buf_span(&plain));
    buf_free(&plain);
    buf_free(line);
    return err;
}

static enum err print_check(int out, bool as_json, const char *name, bool passed,
                            const char *text) {
    struct buf line = BUF_EMPTY;
    struct json json;
    if (as_json) {
        json_init(&json, &line);
        json_object_open(&json);
        json_int(json_key(&json, "schema_version"), JSON_SCHEMA_VERSION);
        json_key(&json, "fault");
        json_str(&json, name);
        json_key(&json, "pass");
        json_bool(&json, passed);
        json_key(&json, "text");
        json_str(&json, text);
        json_object_close(&json);
    } else {
        buf_printf(&line, "%s %s: %s", passed ? "PASS" : "FAIL", name, text);
    }
    return print(out, &line);
}

/* Errors: ERR_IO what was found cannot be written: nothing more is tried. */
static enum err run_checks(struct crash_test *test, int out, bool json, uint32_t *failures) {
    uint32_t failed = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < COUNT_OF(CHECKS); i++) {
        memset(&test->found, 0, sizeof(test->found));
        bool passed = CHECKS[i].run(test) == ERR_OK;
        failed += passed ? 0 : 1;
        err = print_check(out, json, CHECKS[i].name, passed, test->found.text);
        remove_files(test);
    }
    struct buf line = BUF_EMPTY;
    uint32_t passed = (uint32_t)COUNT_OF(CHECKS) - failed;
    buf_printf(&line, json ? "{\"passed\":%u,\"failed\":%u}" : "%u passed, %u failed", passed,
               failed);
    *failures = failed;
    enum err written = print(out, &line);
    return err == ERR_OK ? written : err;
}

enum err crash_test_run(const char *dir, int out, bool json, struct diag *diag) {
    struct crash_test *test = mem_zero(1, sizeof(*test));
    struct statvfs stat_of;
    int length = snprintf(test->dir, sizeof(test->dir), "%s/casemill-crash-test-XXXXXX", dir);
    enum err err = ERR_OK;
    if (statvfs(dir, &stat_of) != 0 || length >= CRASH_PATH_BYTES || mkdtemp(test->dir) == NULL) {
        err = diag_fail(diag, errno == EACCES || errno == EROFS ? ERR_DENIED : ERR_IO, "%s: %s",
                        dir, strerror(errno));
    } else if (stat_of.f_bavail * stat_of.f_frsize < FREE_BYTES_MIN) {
        err = diag_fail(diag, ERR_FULL, "%s: %d MiB have to be free", dir, FREE_BYTES_MIN / MIB);
        (void)rmdir(test->dir);
    } else {
        test->wake_fd = eventfd(0, EFD_CLOEXEC);
        CHECK(test->wake_fd >= 0);
        uint32_t failed = 0;
        err = run_checks(test, out, json, &failed);
        (void)close(test->wake_fd);
        (void)rmdir(test->dir);
        if (err != ERR_OK) {
            err = diag_fail(diag, err, "standard output cannot be written");
        } else if (failed > 0) {
            err = diag_fail(diag, ERR_CORRUPT, "%s: no place for a journal", dir);
        }
    }
    mem_free(test);
    return err;
}
