/* The check at open.  Pages first, without LMDB; then record by record through LMDB: each record
 * has its chunks, each chunk its record, and count, bytes and XOR are the committed ones.  What is
 * damaged in one record is that record's; what is missing is the journal's, and refuses. */
#include "broker/journal_check.h"

#include "base/mem.h"
#include "broker/journal_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_TEXT_MAX = DIAG_TEXT_MAX - 1 };

struct scan {
    struct store *store;
    struct diag *diag;
    MDB_cursor *records, *chunks;
    MDB_val chunk_key, chunk; /* the first that no record has had */
    int chunk_result;         /* of getting it */
    struct journal_totals found;
};

static enum err totals_differ(struct scan *scan) {
    const struct journal_totals *wanted = &scan->store->totals;
    if (scan->found.live_count == wanted->live_count &&
        scan->found.live_bytes == wanted->live_bytes && scan->chunk_result == MDB_NOTFOUND) {
        return diag_fail(scan->diag, ERR_CORRUPT,
                         "journal %s: holds other batches than were "
                         "committed: " JOURNAL_ADVICE,
                         scan->store->path);
    }
    return diag_fail(scan->diag, ERR_CORRUPT,
                     "journal %s: holds %llu batches of %llu bytes where %llu of %llu were "
                     "committed: " JOURNAL_ADVICE,
                     scan->store->path, (unsigned long long)scan->found.live_count,
                     (unsigned long long)scan->found.live_bytes,
                     (unsigned long long)wanted->live_count,
                     (unsigned long long)wanted->live_bytes);
}

static void next_chunk(struct scan *scan, MDB_cursor_op op) {
    scan->chunk_result = mdb_cursor_get(scan->chunks, &scan->chunk_key, &scan->chunk, op);
}

/* Steps over the chunks of seq; *bytes: what they hold, false when one is missing or out of shape.
 */
static bool take_chunks(struct scan *scan, uint64_t seq, uint64_t *bytes) {
    bool whole = true;
    bool last_was_full = true;
    *bytes = 0;
    for (uint32_t index = 0; scan->chunk_result == 0; index++) {
        uint8_t wanted[FORMAT_CHUNK_KEY_BYTES];
        format_chunk_key(seq, index, wanted);
        const uint8_t *key = scan->chunk_key.mv_data;
        if (scan->chunk_key.mv_size != sizeof(wanted) ||
            memcmp(key, wanted, FORMAT_RECORD_KEY_BYTES) != 0) {
            break;
        }
        whole = whole && last_was_full && memcmp(key, wanted, sizeof(wanted)) == 0;
        last_was_full = scan->chunk.mv_size == FORMAT_CHUNK_BYTES;
        *bytes += scan->chunk.mv_size;
        next_chunk(scan, MDB_NEXT);
    }
    return whole;
}

static void count_record(struct scan *scan, uint64_t seq, uint64_t bytes) {
    scan->found.live_count++;
    scan->found.live_bytes += bytes;
    scan->found.live_xor ^= seq;
}

static void take_pack(struct scan *scan, const struct pack *pack, struct span value,
                      check_record_fn each, void *context) {
    uint64_t chunk_bytes = 0;
    bool whole = take_chunks(scan, pack->first, &chunk_bytes);
    whole = whole && chunk_bytes == pack->body_bytes;
    for (uint32_t index = 0; pack_next_live(pack, &index); index++) {
        struct journal_record record;
        enum err err = pack_record(pack, value, index, &record);
        record.damage = err != ERR_OK ? JOURNAL_DAMAGE_HEADER
                        : whole       ? JOURNAL_WHOLE
                                      : JOURNAL_DAMAGE_BODY;
        count_record(scan, record.seq, record.bytes);
        if (each != NULL) {
            each(&record, context);
        }
    }
    scan->store->used_bytes += pack_cost(pack);
}

static enum err take_value(struct scan *scan, const MDB_val *key, const MDB_val *value,
                           check_record_fn each, void *context) {
    struct journal_record record;
    struct pack pack;
    uint64_t chunk_bytes = 0;
    if (pack_decode(store_span(key), store_span(value), &pack) == ERR_OK) {
        take_pack(scan, &pack, store_span(value), each, context);
        return ERR_OK;
    }
    enum err err = format_record_decode(store_span(key), store_span(value), &record);
    if (err == ERR_VERSION) {
        return diag_fail(scan->diag, err,
                         "journal %s: batch %llu was written by another version of the program: "
                         "start that one",
                         scan->store->path, (unsigned long long)record.seq);
    }
    bool whole = take_chunks(scan, record.seq, &chunk_bytes);
    bool header_holds = err == ERR_OK;
    record.damage = !header_holds                          ? JOURNAL_DAMAGE_HEADER
                    : whole && chunk_bytes == record.bytes ? JOURNAL_WHOLE
                                                           : JOURNAL_DAMAGE_BODY;
    uint64_t bytes = header_holds ? record.bytes : chunk_bytes;
    count_record(scan, record.seq, bytes);
    scan->store->used_bytes += format_cost(bytes);
    if (each != NULL) {
        each(&record, context);
    }
    return ERR_OK;
}

static enum err scan_all(struct scan *scan, check_record_fn each, void *context) {
    MDB_val key;
    MDB_val value;
    int result = 0;
    enum err err = ERR_OK;
    next_chunk(scan, MDB_FIRST);
    while (err == ERR_OK && (result = mdb_cursor_get(scan->records, &key, &value, MDB_NEXT)) == 0) {
        err = take_value(scan, &key, &value, each, context);
    }
    if (err == ERR_OK && result != MDB_NOTFOUND) {
        return store_fail(scan->diag, scan->store->path, "checking", result);
    }
    const struct journal_totals *wanted = &scan->store->totals;
    if (err == ERR_OK &&
        (scan->chunk_result != MDB_NOTFOUND || scan->found.live_count != wanted->live_count ||
         scan->found.live_bytes != wanted->live_bytes ||
         scan->found.live_xor != wanted->live_xor)) {
        err = totals_differ(scan);
    }
    return err;
}

enum err check_records(struct store *store, check_record_fn each, void *context,
                       struct diag *diag) {
    struct scan scan = {.store = store, .diag = diag};
    MDB_txn *txn = NULL;
    store->used_bytes = 0;
    int result = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (result == 0) {
        result = mdb_cursor_open(txn, store->meta, &scan.records);
    }
    if (result == 0) {
        result = mdb_cursor_open(txn, store->data, &scan.chunks);
    }
    enum err err = result == 0 ? scan_all(&scan, each, context)
                               : store_fail(diag, store->path, "checking", result);
    if (scan.chunks != NULL) {
        mdb_cursor_close(scan.chunks);
    }
    if (scan.records != NULL) {
        mdb_cursor_close(scan.records);
    }
    if (txn != NULL) {
        mdb_txn_abort(txn);
    }
    return err;
}

enum err check_part(struct store *store, const struct journal_record *record, uint32_t part,
                    uint8_t *bytes, uint32_t *length) {
    CHECK(part < record->cut_count);
    uint32_t end = part + 1 < record->cut_count ? record->cuts[part + 1] : record->bytes;
    *length = end - record->cuts[part];
    enum err err = store_read(store, record->seq, record->cuts[part], *length, bytes);
    return err == ERR_OK && hash64(span_make(bytes, *length)) != record->sums[part] ? ERR_CORRUPT
                                                                                    : err;
}

enum err check_names(struct store *store, const struct journal_record *record, uint8_t *bytes) {
    if (record->names_bytes == 0) {
        return ERR_OK;
    }
    enum err err = store_read(store, record->seq, 0, record->names_bytes, bytes);
    bool holds = hash64(span_make(bytes, record->names_bytes)) == record->names_sum;
    return err == ERR_OK && !holds ? ERR_CORRUPT : err;
}

static enum err check_all(const char *path, struct diag *diag) {
    struct store *store = NULL;
    enum err err = pages_check(path, false, diag);
    if (err == ERR_CORRUPT) {
        struct diag found = *diag;
        return diag_fail(diag, err, "%s: " JOURNAL_ADVICE, found.text);
    }
    err = err != ERR_OK ? err : store_view(path, &store, diag);
    err = err != ERR_OK ? err : check_records(store, NULL, NULL, diag);
    store_close(&store);
    return err;
}

void check_die_quietly(void) {
    const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)signal(signals[i], SIG_DFL);
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) {
        (void)dup2(nowhere, STDERR_FILENO);
    }
}

enum err check_in_child(const char *path, struct diag *diag) {
    int pipe_fds[2];
    if (pipe(pipe_fds) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "pipe: %s", strerror(errno));
    }
    pid_t child = fork();
    if (child < 0) {
        (void)close(pipe_fds[0]);
        (void)close(pipe_fds[1]);
        return diag_fail(diag, ERR_SYSTEM, "fork: %s", strerror(errno));
    }
    if (child == 0) {
        check_die_quietly();
        struct diag found = {0};
        enum err err = check_all(path, &found);
        ssize_t written = write(pipe_fds[1], found.text, strnlen(found.text, CHILD_TEXT_MAX));
        _exit(written < 0 ? (int)ERR_IO : (int)err);
    }
    (void)close(pipe_fds[1]);
    char text[CHILD_TEXT_MAX + 1] = "";
    ssize_t got = read(pipe_fds[0], text, CHILD_TEXT_MAX);
    (void)close(pipe_fds[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == ERR_OK) {
        return ERR_OK;
    }
    if (!WIFEXITED(status) || got <= 0) {
        return diag_fail(diag, ERR_CORRUPT, "journal %s: reading it crashes: " JOURNAL_ADVICE,
                         path);
    }
    text[got] = '\0';
    return diag_fail(diag, (enum err)WEXITSTATUS(status), "%s", text);
}
