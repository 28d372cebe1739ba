/* Transactions on LMDB.  One environment with three databases; journal_format.c has their bytes.
 * The put of a batch and its delete each change `state` in the same transaction, and `state` holds
 * the transaction's own number: an older state of the file, however whole, does not pass for the
 * latest.  next_seq: a run starts SEQ_GAP above what is stored, for a batch may have been dealt to
 * a lane whose put never became durable; its number must not come again. */
#include "broker/journal_store.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SEQ_GAP ((uint64_t)1 << 32)
#define SPARE_BYTES_MIN ((int64_t)64 << 20)
/* Of LMDB 0.9: a larger node has its value on pages of its own, since a leaf holds at least two. */
enum {
    OVERFLOW_FLAGS = 4,
    PAGE_HEADER_BYTES = FORMAT_PAGE_BYTES - FORMAT_CHUNK_BYTES,
    NODE_HEADER_BYTES = 8,
    NODE_BYTES_MAX = FORMAT_CHUNK_BYTES / 2 - 2
};

static MDB_val val(const void *ptr, size_t len) {
    union {
        const void *in;
        void *out; /* LMDB does not write through it */
    } pointer = {.in = ptr};
    return (MDB_val){len, pointer.out};
}

enum err store_fail(struct diag *diag, const char *path, const char *what, int result) {
    enum err err = result == EACCES || result == EROFS || result == EPERM ? ERR_DENIED
                   : result == ENOSPC                                     ? ERR_FULL
                   : result == MDB_VERSION_MISMATCH                       ? ERR_VERSION
                   : result == MDB_CORRUPTED || result == MDB_INVALID ||
                           result == MDB_PAGE_NOTFOUND || result == MDB_NOTFOUND
                       ? ERR_CORRUPT
                       : ERR_IO;
    return diag_fail(diag, err, "journal %s: %s: %s%s", path, what, mdb_strerror(result),
                     err == ERR_CORRUPT ? ": " JOURNAL_ADVICE : "");
}

/* The number of this transaction is the last thing to go into totals. */
static int write_state(struct store *store, MDB_txn *txn, struct journal_totals *totals) {
    struct buf state = BUF_EMPTY;
    totals->txn = mdb_txn_id(txn);
    format_state_encode(totals, &state);
    MDB_val key = val("s", 1);
    MDB_val value = val(state.ptr, state.len);
    int result = mdb_put(txn, store->state, &key, &value, 0);
    buf_free(&state);
    return result;
}

/* Where LMDB has mapped the file: a leaf knows its own number. */
static const uint8_t *map_of(const MDB_val *on_leaf) {
    const uint8_t *at = on_leaf->mv_data;
    const uint8_t *page = at - (uintptr_t)at % FORMAT_PAGE_BYTES;
    return page - get_le64(page) * FORMAT_PAGE_BYTES;
}

/* Of a read transaction, whose number is that of the last commit. */
static enum err read_state(struct store *store, MDB_txn *txn, struct diag *diag) {
    MDB_val key = val("s", 1);
    MDB_val value;
    uint32_t version = 0;
    int result = mdb_get(txn, store->state, &key, &value);
    if (result != 0) {
        return store_fail(diag, store->path, "reading its totals", result);
    }
    enum err err =
        format_state_decode(span_make(value.mv_data, value.mv_size), &store->totals, &version);
    if (err == ERR_VERSION) {
        return diag_fail(diag, err,
                         "journal %s: format version %u is another program's: start that one, or "
                         "set journal.path to an empty directory",
                         store->path, version);
    }
    if (err != ERR_OK || store->totals.txn != mdb_txn_id(txn)) {
        return diag_fail(diag, ERR_CORRUPT, "journal %s: %s: " JOURNAL_ADVICE, store->path,
                         err != ERR_OK ? "its totals are damaged"
                                       : "its totals are not those of the last commit");
    }
    store->map = map_of(&value);
    return ERR_OK;
}

static int open_databases(struct store *store, MDB_txn *txn, unsigned flags) {
    int result = mdb_dbi_open(txn, "data", flags, &store->data);
    result = result != 0 ? result : mdb_dbi_open(txn, "meta", flags, &store->meta);
    return result != 0 ? result : mdb_dbi_open(txn, "state", flags, &store->state);
}

/* A new journal gets its name and empty totals. */
static int make_databases(struct store *store) {
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (result != 0) {
        return result;
    }
    result = open_databases(store, txn, MDB_CREATE);
    MDB_stat stat = {0};
    result = result != 0 ? result : mdb_stat(txn, store->state, &stat);
    if (result == 0 && stat.ms_entries == 0) {
        store->totals = (struct journal_totals){.uuid = uuid_random(), .next_seq = 1};
        result = write_state(store, txn, &store->totals);
    }
    if (result != 0) {
        mdb_txn_abort(txn);
        return result;
    }
    return mdb_txn_commit(txn);
}

static enum err read_databases(struct store *store, struct diag *diag) {
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (result != 0) {
        return store_fail(diag, store->path, "opening", result);
    }
    result = open_databases(store, txn, 0);
    enum err err = result == 0 ? read_state(store, txn, diag)
                               : store_fail(diag, store->path, "opening", result);
    if (err != ERR_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    result = mdb_txn_commit(txn); /* keeps the databases open */
    return result == 0 ? ERR_OK : store_fail(diag, store->path, "opening", result);
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
        return store_fail(diag, path, "opening", result);
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

static struct store *store_new(const char *path) {
    struct store *store = mem_zero(1, sizeof(*store));
    store->path = mem_strdup(path);
    (void)pthread_mutex_init(&store->lock, NULL);
    return store;
}

enum err store_open(const char *path, int64_t bytes_max, struct store **held, struct diag *diag) {
    struct store *store = store_new(path);
    store->bytes_max = bytes_max;
    int64_t spare = bytes_max / 8 > SPARE_BYTES_MIN ? bytes_max / 8 : SPARE_BYTES_MIN;
    int64_t map_bytes =
        (bytes_max + spare + FORMAT_PAGE_BYTES - 1) / FORMAT_PAGE_BYTES * FORMAT_PAGE_BYTES;
    enum err err = env_open(path, map_bytes, 0, &store->env, diag);
    err = err != ERR_OK ? err : reserve(path, map_bytes, diag);
    if (err == ERR_OK) {
        int result = make_databases(store);
        err = result == 0 ? read_databases(store, diag) : store_fail(diag, path, "opening", result);
    }
    if (err != ERR_OK) {
        store_close(&store);
        return err;
    }
    *held = store;
    return ERR_OK;
}

enum err store_view(const char *path, struct store **held, struct diag *diag) {
    struct store *store = store_new(path);
    enum err err = env_open(path, 0, MDB_RDONLY | MDB_NOLOCK, &store->env, diag);
    err = err != ERR_OK ? err : read_databases(store, diag);
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

enum err store_begin_run(struct store *store, struct diag *diag) {
    struct journal_totals totals = store->totals;
    totals.next_seq += totals.next_seq == 1 ? 0 : SEQ_GAP;
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (result == 0) {
        /* The next run must start above this one even if this one commits nothing. */
        struct journal_totals marked = totals;
        marked.next_seq += 1;
        result = write_state(store, txn, &marked);
        if (result != 0) {
            mdb_txn_abort(txn);
        } else {
            result = mdb_txn_commit(txn);
        }
    }
    if (result != 0) {
        return store_fail(diag, store->path, "writing", result);
    }
    store->totals = totals;
    return ERR_OK;
}

/* Of a chunk on a page of its own LMDB frees what that page's header says, whatever it says.  Where
 * a chunk stands is told by its size: a leaf that this transaction wrote lies anywhere in memory.
 */
static bool chunk_page_holds(const struct store *store, const MDB_val *chunk) {
    if (NODE_HEADER_BYTES + FORMAT_CHUNK_KEY_BYTES + chunk->mv_size <= NODE_BYTES_MAX) {
        return true; /* among others on a leaf */
    }
    const uint8_t *page = (const uint8_t *)chunk->mv_data - PAGE_HEADER_BYTES;
    uint64_t number = (uint64_t)(page - store->map) / FORMAT_PAGE_BYTES;
    return get_le64(page) == number && get_le16(page + 10) == OVERFLOW_FLAGS &&
           get_le32(page + 12) == 1; /* as journal_pages.c describes it */
}

/* Walks the chunks of seq and, if wanted, deletes them.  *bytes: what they hold. */
static int each_chunk(struct store *store, MDB_txn *txn, uint64_t seq, bool delete,
                      uint64_t *bytes) {
    uint8_t first[FORMAT_CHUNK_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    int result = mdb_cursor_open(txn, store->data, &cursor);
    if (result != 0) {
        return result;
    }
    format_chunk_key(seq, 0, first);
    MDB_val key = val(first, sizeof(first));
    MDB_val chunk;
    result = mdb_cursor_get(cursor, &key, &chunk, MDB_SET_RANGE);
    *bytes = 0;
    while (result == 0 && key.mv_size == sizeof(first) &&
           memcmp(key.mv_data, first, FORMAT_RECORD_KEY_BYTES) == 0) {
        *bytes += chunk.mv_size;
        result = !chunk_page_holds(store, &chunk) ? MDB_CORRUPTED
                 : delete                         ? mdb_cursor_del(cursor, 0)
                                                  : 0;
        if (result == 0) {
            result = mdb_cursor_get(cursor, &key, &chunk, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return result == MDB_NOTFOUND ? 0 : result;
}

/* A record whose pages cannot be freed safely stays: it comes back after a restart, and is then a
 * duplicate. */
static int delete_record(struct store *store, MDB_txn *txn, uint64_t seq,
                         struct journal_totals *totals, uint64_t *used_bytes) {
    uint8_t key_bytes[FORMAT_RECORD_KEY_BYTES];
    struct journal_record record;
    format_record_key(seq, key_bytes);
    MDB_val key = val(key_bytes, sizeof(key_bytes));
    MDB_val value;
    int result = mdb_get(txn, store->meta, &key, &value);
    if (result != 0) {
        return result == MDB_NOTFOUND ? 0 : result;
    }
    /* As the check at open counts: a damaged header's word on its bytes is nothing. */
    bool holds = format_record_decode(span_make(key_bytes, sizeof(key_bytes)),
                                      span_make(value.mv_data, value.mv_size), &record) == ERR_OK;
    uint64_t chunk_bytes = 0;
    result = each_chunk(store, txn, seq, false, &chunk_bytes);
    if (result == MDB_CORRUPTED) {
        LOG(EV_JOURNAL_QUARANTINED, "seq=%llu error=page", (unsigned long long)seq);
        return 0;
    }
    uint64_t bytes = holds ? record.bytes : chunk_bytes;
    result = result != 0 ? result : each_chunk(store, txn, seq, true, &chunk_bytes);
    result = result != 0 ? result : mdb_del(txn, store->meta, &key, NULL);
    totals->live_count--;
    totals->live_bytes -= bytes;
    totals->live_xor ^= seq;
    *used_bytes -= format_cost(bytes);
    return result;
}

static int put_record(struct store *store, MDB_txn *txn, const struct store_put *put,
                      struct journal_totals *totals, uint64_t *used_bytes) {
    uint8_t key_bytes[FORMAT_CHUNK_KEY_BYTES];
    format_record_key(put->seq, key_bytes);
    MDB_val key = val(key_bytes, FORMAT_RECORD_KEY_BYTES);
    MDB_val value = val(put->meta.ptr, put->meta.len);
    int result = mdb_put(txn, store->meta, &key, &value, MDB_APPEND);
    size_t len = put->blob->len;
    for (uint32_t chunk = 0; result == 0 && chunk * (size_t)FORMAT_CHUNK_BYTES < len; chunk++) {
        size_t at = chunk * (size_t)FORMAT_CHUNK_BYTES;
        format_chunk_key(put->seq, chunk, key_bytes);
        MDB_val chunk_key = val(key_bytes, sizeof(key_bytes));
        value = val(put->blob->bytes + at,
                    len - at < FORMAT_CHUNK_BYTES ? len - at : FORMAT_CHUNK_BYTES);
        result = mdb_put(txn, store->data, &chunk_key, &value, MDB_APPEND);
    }
    totals->live_count++;
    totals->live_bytes += len;
    totals->live_xor ^= put->seq;
    *used_bytes += format_cost(len);
    return result;
}

/* One transaction; on MDB_MAP_FULL nothing of it has happened. */
static int try_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                      const uint64_t *deletes, uint32_t delete_count) {
    struct journal_totals totals = store->totals;
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
        if (used_bytes + format_cost(puts[i].blob->len) > (uint64_t)store->bytes_max) {
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

static bool is_full(int result) { return result == MDB_MAP_FULL || result == MDB_TXN_FULL; }

enum err store_commit(struct store *store, struct store_put *puts, uint32_t put_count,
                      const uint64_t *deletes, uint32_t delete_count, bool *deleted) {
    CHECK(!store->failed);
    *deleted = true;
    int result = try_commit(store, puts, put_count, deletes, delete_count);
    if (is_full(result)) {
        for (uint32_t i = 0; i < put_count; i++) {
            puts[i].outcome = JOURNAL_NO_ROOM;
        }
        result = delete_count == 0 ? 0 : try_commit(store, NULL, 0, deletes, delete_count);
    }
    if (is_full(result)) {
        int dead = 0; /* readers that died hold their pages until somebody looks */
        *deleted = false;
        result = mdb_reader_check(store->env, &dead);
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
    uint8_t key_bytes[FORMAT_CHUNK_KEY_BYTES];
    while (length > 0) {
        uint32_t skip = offset % FORMAT_CHUNK_BYTES;
        format_chunk_key(seq, offset / FORMAT_CHUNK_BYTES, key_bytes);
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

enum err store_next(struct store *store, uint64_t from, struct journal_record *record) {
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    enum err err = env_for_reading(store, &env);
    if (err != ERR_OK || mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0) {
        return ERR_IO;
    }
    uint8_t first[FORMAT_RECORD_KEY_BYTES];
    format_record_key(from, first);
    MDB_val key = val(first, sizeof(first));
    MDB_val value;
    MDB_dbi meta = store->meta;
    int result = env == store->env ? 0 : mdb_dbi_open(txn, "meta", 0, &meta);
    result = result != 0 ? result : mdb_cursor_open(txn, meta, &cursor);
    result = result != 0 ? result : mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (result == 0) {
        err = format_record_decode(span_make(key.mv_data, key.mv_size),
                                   span_make(value.mv_data, value.mv_size), record);
        record->damage = err == ERR_OK ? JOURNAL_WHOLE : JOURNAL_DAMAGE_HEADER;
        record->source = SPAN_LIT(""); /* they lie in the map, which may change from now on */
        record->extra = SPAN_LIT("");
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return result == 0 ? ERR_OK : result == MDB_NOTFOUND ? ERR_NOT_FOUND : ERR_IO;
}
