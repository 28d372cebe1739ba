/* The journal's format, version 1.  One LMDB environment (data.mdb) with three databases; numbers
 * in values are little-endian, in keys big-endian, so that keys sort by sequence number.
 *
 * state   key "s", 64 bytes: 0 magic "CMJL"; 4 version u32; 8 journal uuid; 24 next_seq u64;
 *         32 live count u64; 40 live bytes of bodies u64; 48 XOR of live sequence numbers u64;
 *         56 XXH3-64 of bytes 0..55
 * meta    key seq u64: 0 version u8; 1 ack u8; 2 priority u8; 3 source length u8 (1..128);
 *         4 batch id; 20 XXH3-128 of the body; 36 cases u32; 40 body bytes u32; 44 accepted_at i64;
 *         52 parts u8 (1..16); 53 source; then per part: offset u32, XXH3-64 of its bytes u64;
 *         last 8: XXH3-64 of key and all before
 * data    key seq u64, chunk u32: 4,080 bytes of body (the last chunk: what is left), one LMDB page
 *
 * Validity: a record is valid when its meta checksum holds; a part when its sum holds, checked when
 * it is read back.  A batch stands in the journal from the commit of its put to the commit of its
 * delete; both change `state` in the same transaction.
 * Recovery: LMDB shows the last committed transaction.  The scan at open reads state and meta,
 * never bodies, and refuses when count, bytes or XOR differ: pages were lost. next_seq: a run
 * starts SEQ_GAP above what is stored, for a batch may have been dealt to a lane whose put never
 * became durable; its number must not come again. Version: another version is refused; a change of
 * any byte above is a new version. */
#include "broker/journal_store.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 4080,
    PAGE_BYTES = 4096,
    RECORD_COST_BYTES = 512, /* of the budget, beside the chunks' pages */
    STATE_BYTES = 64,
    META_FIXED_BYTES = 53,
    META_VERSION = 1,
    STATE_VERSION = 1,
    CHILD_TEXT_MAX = 400
};
#define SEQ_GAP ((uint64_t)1 << 32)
#define SET_ASIDE "set the directory aside, start on an empty one; sources send what has no DONE"
#define SPARE_BYTES_MIN ((int64_t)64 << 20)

struct store {
    MDB_env *env;
    MDB_env *after_failure; /* a second, read-only view, once the first may be in panic */
    MDB_dbi data, meta, state;
    pthread_mutex_t lock; /* guards failed, which the reading thread looks at */
    bool failed;
    int64_t bytes_max;
    uint64_t used_bytes;
    struct store_totals totals; /* as committed */
    char *path;
};

static void put_be(uint8_t *at, uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static MDB_val val(const void *ptr, size_t len) {
    union {
        const void *in;
        void *out; /* LMDB does not write through it */
    } pointer = {.in = ptr};
    return (MDB_val){len, pointer.out};
}

static uint64_t record_cost(uint64_t body_bytes) {
    return (body_bytes + CHUNK_BYTES - 1) / CHUNK_BYTES * PAGE_BYTES + RECORD_COST_BYTES;
}

void store_encode(const struct journal_record *record, struct buf *out) {
    CHECK(record->source.len >= 1 && record->source.len <= WIRE_NAME_MAX);
    CHECK(record->cut_count >= 1 && record->cut_count <= JOURNAL_CUTS_MAX);
    buf_byte(out, META_VERSION);
    buf_byte(out, (uint8_t)record->ack);
    buf_byte(out, (uint8_t)record->priority);
    buf_byte(out, (uint8_t)record->source.len);
    buf_append(out, span_make(record->batch.bytes, sizeof(record->batch.bytes)));
    buf_append(out, span_make(record->hash.bytes, sizeof(record->hash.bytes)));
    buf_le32(out, record->count);
    buf_le32(out, record->bytes);
    buf_le64(out, (uint64_t)record->accepted_at);
    buf_byte(out, (uint8_t)record->cut_count);
    buf_append(out, record->source);
    for (uint32_t i = 0; i < record->cut_count; i++) {
        buf_le32(out, record->cuts[i]);
        buf_le64(out, record->sums[i]);
    }
    struct buf sealed = BUF_EMPTY;
    uint8_t key[8];
    put_be(key, record->seq, 8);
    buf_append(&sealed, span_make(key, sizeof(key)));
    buf_append(&sealed, buf_span(out));
    buf_le64(out, hash64(buf_span(&sealed)));
    buf_free(&sealed);
}

static enum err record_decode(const MDB_val *key, const MDB_val *value,
                              struct journal_record *record) {
    const uint8_t *at = value->mv_data;
    if (key->mv_size != 8 || value->mv_size < META_FIXED_BYTES + 1 + 12 + 8) {
        return ERR_CORRUPT;
    }
    struct buf sealed = BUF_EMPTY;
    buf_append(&sealed, span_make(key->mv_data, key->mv_size));
    buf_append(&sealed, span_make(at, value->mv_size - 8));
    bool holds = hash64(buf_span(&sealed)) == get_le64(at + value->mv_size - 8);
    buf_free(&sealed);
    if (!holds) {
        return ERR_CORRUPT;
    }
    if (at[0] != META_VERSION) {
        return ERR_VERSION;
    }
    size_t source_bytes = at[3];
    *record = (struct journal_record){.seq = get_be64(key->mv_data),
                                      .ack = (enum wire_ack)at[1],
                                      .priority = (enum wire_priority)at[2],
                                      .count = get_le32(at + 36),
                                      .bytes = get_le32(at + 40),
                                      .accepted_at = (int64_t)get_le64(at + 44),
                                      .cut_count = at[52],
                                      .source = span_make(at + META_FIXED_BYTES, source_bytes)};
    memcpy(record->batch.bytes, at + 4, 16);
    memcpy(record->hash.bytes, at + 20, 16);
    if (at[1] > WIRE_ACK_OUTCOME || at[2] >= WIRE_PRIORITY_COUNT || source_bytes < 1 ||
        record->cut_count < 1 || record->cut_count > JOURNAL_CUTS_MAX || record->count < 1 ||
        record->count > WIRE_CASES_MAX || record->bytes > WIRE_BODY_BYTES_MAX ||
        value->mv_size != META_FIXED_BYTES + source_bytes + 12U * record->cut_count + 8) {
        return ERR_CORRUPT;
    }
    at += META_FIXED_BYTES + source_bytes;
    for (uint32_t i = 0; i < record->cut_count; i++, at += 12) {
        record->cuts[i] = get_le32(at);
        record->sums[i] = get_le64(at + 4);
    }
    return ERR_OK;
}

/* Fills diag for an LMDB result that is not a success. */
static enum err lmdb_fail(struct diag *diag, const char *path, const char *what, int result) {
    enum err err = result == EACCES || result == EROFS || result == EPERM ? ERR_DENIED
                   : result == ENOSPC                                     ? ERR_FULL
                   : result == MDB_VERSION_MISMATCH                       ? ERR_VERSION
                   : result == MDB_CORRUPTED || result == MDB_INVALID || result == MDB_PAGE_NOTFOUND
                       ? ERR_CORRUPT
                       : ERR_IO;
    return diag_fail(diag, err, "journal %s: %s: %s", path, what, mdb_strerror(result));
}

static int write_state(struct store *store, MDB_txn *txn, const struct store_totals *totals) {
    struct buf state = BUF_EMPTY;
    buf_append(&state, SPAN_LIT("CMJL"));
    buf_le32(&state, STATE_VERSION);
    buf_append(&state, span_make(totals->uuid.bytes, sizeof(totals->uuid.bytes)));
    buf_le64(&state, totals->next_seq);
    buf_le64(&state, totals->live_count);
    buf_le64(&state, totals->live_bytes);
    buf_le64(&state, totals->live_xor);
    buf_le64(&state, hash64(buf_span(&state)));
    CHECK(state.len == STATE_BYTES);
    MDB_val key = val("s", 1);
    MDB_val value = val(state.ptr, state.len);
    int result = mdb_put(txn, store->state, &key, &value, 0);
    buf_free(&state);
    return result;
}

static enum err read_state(struct store *store, MDB_txn *txn, struct diag *diag) {
    MDB_val key = val("s", 1);
    MDB_val value;
    int result = mdb_get(txn, store->state, &key, &value);
    if (result != 0) {
        return lmdb_fail(diag, store->path, "reading its totals", result);
    }
    const uint8_t *at = value.mv_data;
    if (value.mv_size != STATE_BYTES || memcmp(at, "CMJL", 4) != 0 ||
        hash64(span_make(at, STATE_BYTES - 8)) != get_le64(at + STATE_BYTES - 8)) {
        return diag_fail(diag, ERR_CORRUPT, "journal %s: its totals are damaged", store->path);
    }
    if (get_le32(at + 4) != STATE_VERSION) {
        return diag_fail(diag, ERR_VERSION, "journal %s: format version %u is not known here",
                         store->path, get_le32(at + 4));
    }
    memcpy(store->totals.uuid.bytes, at + 8, 16);
    store->totals.next_seq = get_le64(at + 24);
    store->totals.live_count = get_le64(at + 32);
    store->totals.live_bytes = get_le64(at + 40);
    store->totals.live_xor = get_le64(at + 48);
    return ERR_OK;
}

static int open_databases(struct store *store, MDB_txn *txn, unsigned flags) {
    int result = mdb_dbi_open(txn, "data", flags, &store->data);
    result = result != 0 ? result : mdb_dbi_open(txn, "meta", flags, &store->meta);
    return result != 0 ? result : mdb_dbi_open(txn, "state", flags, &store->state);
}

/* Opens the databases; a new journal gets its name and empty totals. */
static enum err open_or_make(struct store *store, bool read_only, struct diag *diag) {
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
    if (result != 0) {
        return lmdb_fail(diag, store->path, "opening", result);
    }
    result = open_databases(store, txn, read_only ? 0 : MDB_CREATE);
    MDB_stat stat = {0};
    result = result != 0 ? result : mdb_stat(txn, store->state, &stat);
    if (result == 0 && !read_only && stat.ms_entries == 0) {
        store->totals = (struct store_totals){.uuid = uuid_random(), .next_seq = 1};
        result = write_state(store, txn, &store->totals);
    }
    if (result != 0) {
        mdb_txn_abort(txn);
        return lmdb_fail(diag, store->path, "opening", result);
    }
    enum err err = read_state(store, txn, diag);
    if (err != ERR_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    result = mdb_txn_commit(txn);
    return result == 0 ? ERR_OK : lmdb_fail(diag, store->path, "opening", result);
}

static enum err env_open(const char *path, int64_t map_bytes, unsigned flags, MDB_env **env,
                         struct diag *diag) {
    int result = mdb_env_create(env);
    CHECK(result == 0);
    (void)mdb_env_set_maxdbs(*env, 3);
    if (map_bytes > 0) {
        (void)mdb_env_set_mapsize(*env, (size_t)map_bytes);
    }
    result = mdb_env_open(*env, path, flags | MDB_NOTLS, 0600);
    if (result != 0) {
        mdb_env_close(*env);
        *env = NULL;
        return lmdb_fail(diag, path, "opening", result);
    }
    return ERR_OK;
}

/* Takes the disk space now, so that a full disk cannot stop a delete later. */
static enum err reserve(const char *path, int64_t map_bytes, struct diag *diag) {
    char file[4096];
    (void)snprintf(file, sizeof(file), "%s/data.mdb", path);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(diag, ERR_IO, "journal %s: %s", path, strerror(errno));
    }
    int result = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, map_bytes) == 0 ? 0 : errno;
    (void)close(fd);
    if (result == EOPNOTSUPP || result == ENOSYS) {
        LOG(EV_SETTING_WARNING, "key=journal.path text=\"this filesystem cannot reserve space\"");
        return ERR_OK;
    }
    return result == 0
               ? ERR_OK
               : diag_fail(diag, result == ENOSPC ? ERR_FULL : ERR_IO,
                           "journal %s: cannot reserve %lld bytes for journal.bytes_max: %s", path,
                           (long long)map_bytes, strerror(result));
}

enum err store_open(const char *path, int64_t bytes_max, struct store **held, struct diag *diag) {
    struct store *store = mem_zero(1, sizeof(*store));
    store->path = mem_strdup(path);
    store->bytes_max = bytes_max;
    (void)pthread_mutex_init(&store->lock, NULL);
    int64_t spare = bytes_max / 8 > SPARE_BYTES_MIN ? bytes_max / 8 : SPARE_BYTES_MIN;
    int64_t map_bytes = (bytes_max + spare + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    enum err err = env_open(path, map_bytes, 0, &store->env, diag);
    err = err != ERR_OK ? err : reserve(path, map_bytes, diag);
    err = err != ERR_OK ? err : open_or_make(store, false, diag);
    if (err != ERR_OK) {
        store_close(&store);
        return err;
    }
    *held = store;
    return ERR_OK;
}

void store_close(struct store **held) {
    struct store *store = *held;
    if (store == NULL) {
        return;
    }
    if (store->after_failure != NULL) {
        mdb_env_close(store->after_failure);
    }
    if (store->env != NULL) {
        mdb_env_close(store->env);
    }
    (void)pthread_mutex_destroy(&store->lock);
    mem_free(store->path);
    mem_free(store);
    *held = NULL;
}

static enum err scan_records(struct store *store, MDB_txn *txn,
                             void (*restore)(const struct journal_record *record, void *context),
                             void *context, struct diag *diag) {
    MDB_cursor *cursor = NULL;
    int result = mdb_cursor_open(txn, store->meta, &cursor);
    if (result != 0) {
        return lmdb_fail(diag, store->path, "checking", result);
    }
    struct store_totals found = {0};
    MDB_val key;
    MDB_val value;
    enum err err = ERR_OK;
    store->used_bytes = 0;
    while (err == ERR_OK && (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct journal_record record;
        err = record_decode(&key, &value, &record);
        if (err != ERR_OK) {
            err = diag_fail(diag, err, "journal %s: a record is damaged: " SET_ASIDE, store->path);
        } else {
            found.live_count++;
            found.live_bytes += record.bytes;
            found.live_xor ^= record.seq;
            store->used_bytes += record_cost(record.bytes);
            if (restore != NULL) {
                restore(&record, context);
            }
        }
    }
    mdb_cursor_close(cursor);
    if (err == ERR_OK && result != MDB_NOTFOUND) {
        return lmdb_fail(diag, store->path, "checking", result);
    }
    if (err == ERR_OK && (found.live_count != store->totals.live_count ||
                          found.live_bytes != store->totals.live_bytes ||
                          found.live_xor != store->totals.live_xor)) {
        err = diag_fail(diag, ERR_CORRUPT,
                        "journal %s: holds %llu batches of %llu bytes where %llu of %llu were "
                        "committed: " SET_ASIDE,
                        store->path, (unsigned long long)found.live_count,
                        (unsigned long long)found.live_bytes,
                        (unsigned long long)store->totals.live_count,
                        (unsigned long long)store->totals.live_bytes);
    }
    return err;
}

enum err store_scan(struct store *store,
                    void (*restore)(const struct journal_record *record, void *context),
                    void *context, struct diag *diag) {
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (result != 0) {
        return lmdb_fail(diag, store->path, "checking", result);
    }
    enum err err = scan_records(store, txn, restore, context, diag);
    mdb_txn_abort(txn);
    return err;
}

static enum err scan_read_only(const char *path, struct diag *diag) {
    struct store store = {0};
    store.path = mem_strdup(path);
    enum err err = env_open(path, 0, MDB_RDONLY | MDB_NOLOCK, &store.env, diag);
    err = err != ERR_OK ? err : open_or_make(&store, true, diag);
    return err != ERR_OK ? err : store_scan(&store, NULL, NULL, diag);
}

enum err store_scan_in_child(const char *path, struct diag *diag) {
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
        struct diag found = {0};
        enum err err = scan_read_only(path, &found);
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
        return diag_fail(diag, ERR_CORRUPT, "journal %s: reading it crashes: " SET_ASIDE, path);
    }
    text[got] = '\0';
    return diag_fail(diag, (enum err)WEXITSTATUS(status), "%s", text);
}

enum err store_begin_run(struct store *store, struct diag *diag) {
    struct store_totals totals = store->totals;
    totals.next_seq += totals.next_seq == 1 ? 0 : SEQ_GAP;
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (result == 0) {
        /* The next run must start above this one even if this one commits nothing. */
        struct store_totals marked = totals;
        marked.next_seq += 1;
        result = write_state(store, txn, &marked);
        if (result != 0) {
            mdb_txn_abort(txn);
        } else {
            result = mdb_txn_commit(txn);
        }
    }
    if (result != 0) {
        return lmdb_fail(diag, store->path, "writing", result);
    }
    store->totals = totals;
    return ERR_OK;
}

static int delete_record(struct store *store, MDB_txn *txn, uint64_t seq,
                         struct store_totals *totals, uint64_t *used_bytes) {
    uint8_t key_bytes[12];
    put_be(key_bytes, seq, 8);
    MDB_val key = val(key_bytes, 8);
    MDB_val value;
    int result = mdb_get(txn, store->meta, &key, &value);
    if (result != 0) {
        return result == MDB_NOTFOUND ? 0 : result;
    }
    uint32_t bytes = get_le32((const uint8_t *)value.mv_data + 40);
    result = mdb_del(txn, store->meta, &key, NULL);
    for (uint32_t chunk = 0; result == 0 && chunk * (uint64_t)CHUNK_BYTES < bytes; chunk++) {
        put_be(key_bytes + 8, chunk, 4);
        MDB_val chunk_key = val(key_bytes, sizeof(key_bytes));
        result = mdb_del(txn, store->data, &chunk_key, NULL);
        result = result == MDB_NOTFOUND ? 0 : result;
    }
    totals->live_count--;
    totals->live_bytes -= bytes;
    totals->live_xor ^= seq;
    *used_bytes -= record_cost(bytes);
    return result;
}

static int put_record(struct store *store, MDB_txn *txn, const struct store_put *put,
                      struct store_totals *totals, uint64_t *used_bytes) {
    uint8_t key_bytes[12];
    put_be(key_bytes, put->seq, 8);
    MDB_val key = val(key_bytes, 8);
    MDB_val value = val(put->meta.ptr, put->meta.len);
    int result = mdb_put(txn, store->meta, &key, &value, MDB_APPEND);
    size_t len = put->blob->len;
    for (uint32_t chunk = 0; result == 0 && chunk * (size_t)CHUNK_BYTES < len; chunk++) {
        size_t at = chunk * (size_t)CHUNK_BYTES;
        put_be(key_bytes + 8, chunk, 4);
        MDB_val chunk_key = val(key_bytes, sizeof(key_bytes));
        value = val(put->blob->bytes + at, len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES);
        result = mdb_put(txn, store->data, &chunk_key, &value, MDB_APPEND);
    }
    totals->live_count++;
    totals->live_bytes += len;
    totals->live_xor ^= put->seq;
    *used_bytes += record_cost(len);
    return result;
}

/* One transaction; on MDB_MAP_FULL nothing of it has happened. */
static int try_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                      const uint64_t *deletes, uint32_t delete_count) {
    struct store_totals totals = store->totals;
    uint64_t used_bytes = store->used_bytes;
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (result != 0) {
        return result;
    }
    for (uint32_t i = 0; result == 0 && i < delete_count; i++) {
        result = delete_record(store, txn, deletes[i], &totals, &used_bytes);
    }
    for (uint32_t i = 0; result == 0 && i < put_count; i++) {
        totals.next_seq = puts[i].seq + 1;
        if (used_bytes + record_cost(puts[i].blob->len) > (uint64_t)store->bytes_max) {
            puts[i].outcome = JOURNAL_NO_ROOM;
            continue;
        }
        puts[i].outcome = JOURNAL_DURABLE;
        result = put_record(store, txn, &puts[i], &totals, &used_bytes);
    }
    result = result != 0 ? result : write_state(store, txn, &totals);
    if (result != 0) {
        mdb_txn_abort(txn);
        return result;
    }
    result = mdb_txn_commit(txn);
    if (result == 0) {
        store->totals = totals;
        store->used_bytes = used_bytes;
    }
    return result;
}

enum err store_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                      const uint64_t *deletes, uint32_t delete_count) {
    CHECK(!store->failed);
    int result = try_commit(store, puts, put_count, deletes, delete_count);
    if (result == MDB_MAP_FULL || result == MDB_TXN_FULL) {
        for (uint32_t i = 0; i < put_count; i++) {
            puts[i].outcome = JOURNAL_NO_ROOM;
        }
        result = delete_count == 0 ? 0 : try_commit(store, NULL, 0, deletes, delete_count);
    }
    if (result == 0) {
        return ERR_OK;
    }
    (void)pthread_mutex_lock(&store->lock);
    store->failed = true;
    (void)pthread_mutex_unlock(&store->lock);
    LOG(EV_JOURNAL_FAILED, "text=\"%s\"", mdb_strerror(result));
    return ERR_IO;
}

/* The environment to read from: after a failure a second one, made on first use. */
static enum err env_for_reading(struct store *store, MDB_env **env) {
    (void)pthread_mutex_lock(&store->lock);
    bool failed = store->failed;
    (void)pthread_mutex_unlock(&store->lock);
    *env = store->env;
    if (!failed) {
        return ERR_OK;
    }
    if (store->after_failure == NULL) {
        enum err err =
            env_open(store->path, 0, MDB_RDONLY | MDB_NOLOCK, &store->after_failure, NULL);
        if (err != ERR_OK) {
            return ERR_IO;
        }
    }
    *env = store->after_failure;
    return ERR_OK;
}

static enum err read_chunks(MDB_txn *txn, MDB_dbi data, uint64_t seq, uint32_t offset,
                            uint32_t length, uint8_t *bytes) {
    uint8_t key_bytes[12];
    put_be(key_bytes, seq, 8);
    while (length > 0) {
        uint32_t skip = offset % CHUNK_BYTES;
        put_be(key_bytes + 8, offset / CHUNK_BYTES, 4);
        MDB_val key = val(key_bytes, sizeof(key_bytes));
        MDB_val value;
        int result = mdb_get(txn, data, &key, &value);
        if (result != 0) {
            return result == MDB_NOTFOUND ? ERR_NOT_FOUND : ERR_IO;
        }
        if (value.mv_size <= skip) {
            return ERR_CORRUPT;
        }
        size_t here = value.mv_size - skip < length ? value.mv_size - skip : length;
        memcpy(bytes, (const uint8_t *)value.mv_data + skip, here);
        bytes += here;
        offset += (uint32_t)here;
        length -= (uint32_t)here;
    }
    return ERR_OK;
}

enum err store_read(struct store *store, uint64_t seq, uint32_t offset, uint32_t length,
                    uint8_t *bytes) {
    MDB_env *env = NULL;
    enum err err = env_for_reading(store, &env);
    if (err != ERR_OK) {
        return err;
    }
    MDB_txn *txn = NULL;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0) {
        return ERR_IO;
    }
    MDB_dbi data = store->data;
    int result = env == store->env ? 0 : mdb_dbi_open(txn, "data", 0, &data);
    err = result != 0 ? ERR_IO : read_chunks(txn, data, seq, offset, length, bytes);
    mdb_txn_abort(txn);
    return err;
}

void store_totals(const struct store *store, struct store_totals *totals, uint64_t *used_bytes) {
    *totals = store->totals;
    *used_bytes = store->used_bytes;
}
