/* The environment and what is read from it; journal_commit.c has what changes it.  One environment
 * with three databases; journal_format.c has their bytes.  The put of a batch and its delete each
 * change `state` in the same transaction. `state` holds the transaction's own number: so an older
 * state of the file, even a whole one, never passes for the latest.  next_seq: a run starts SEQ_GAP
 * above what is stored, for a lane may hold a batch whose put never became durable; its number must
 * not be used again. */
#include "broker/journal_store.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SEQ_GAP ((uint64_t)1 << 32)
#define SPARE_BYTES_MIN ((int64_t)64 << 20)
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
int store_write_state(struct store *store, MDB_txn *txn, struct journal_totals *totals) {
    struct buf state = BUF_EMPTY;
    totals->txn = mdb_txn_id(txn);
    format_state_encode(totals, &state);
    MDB_val key = store_val("s", 1);
    MDB_val value = store_val(state.ptr, state.len);
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
    MDB_val key = store_val("s", 1);
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
        result = store_write_state(store, txn, &store->totals);
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
        result = store_write_state(store, txn, &marked);
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

/* Whether the value at the cursor is a pack and holds seq. */
static bool is_packed(struct store_found *found, uint64_t seq) {
    found->is_pack = pack_decode(span_make(found->key.mv_data, found->key.mv_size),
                                 store_span(&found->value), &found->pack) == ERR_OK;
    found->index =
        !found->is_pack || seq < found->pack.first ? 0 : (uint32_t)(seq - found->pack.first);
    return found->is_pack && seq >= found->pack.first &&
           seq - found->pack.first < found->pack.count;
}

int store_find(MDB_cursor *cursor, uint64_t seq, struct store_found *found) {
    uint8_t wanted[FORMAT_RECORD_KEY_BYTES];
    format_record_key(seq, wanted);
    found->key = store_val(wanted, sizeof(wanted));
    int result = mdb_cursor_get(cursor, &found->key, &found->value, MDB_SET_RANGE);
    if (result == 0 && found->key.mv_size == sizeof(wanted) &&
        memcmp(found->key.mv_data, wanted, sizeof(wanted)) == 0) {
        (void)is_packed(found, seq);
        return found->is_pack && !pack_is_live(&found->pack, 0) ? MDB_NOTFOUND : 0;
    }
    if (result != 0 && result != MDB_NOTFOUND) {
        return result;
    }
    result = mdb_cursor_get(cursor, &found->key, &found->value, result == 0 ? MDB_PREV : MDB_LAST);
    if (result != 0) {
        return result;
    }
    return is_packed(found, seq) && pack_is_live(&found->pack, found->index) ? 0 : MDB_NOTFOUND;
}

enum err store_found_record(const struct store_found *found, struct journal_record *record) {
    return found->is_pack
               ? pack_record(&found->pack, store_span(&found->value), found->index, record)
               : format_record_decode(span_make(found->key.mv_data, found->key.mv_size),
                                      store_span(&found->value), record);
}

static enum err read_chunks(MDB_txn *txn, MDB_dbi data, uint64_t seq, uint32_t offset,
                            uint32_t length, uint8_t *bytes) {
    uint8_t key_bytes[FORMAT_CHUNK_KEY_BYTES];
    while (length > 0) {
        uint32_t skip = offset % FORMAT_CHUNK_BYTES;
        format_chunk_key(seq, offset / FORMAT_CHUNK_BYTES, key_bytes);
        MDB_val key = store_val(key_bytes, sizeof(key_bytes));
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

/* A read transaction, and a cursor over the headers. */
struct reading {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi data, meta;
    MDB_cursor *cursor;
};

static void stop_reading(struct reading *reading) {
    if (reading->cursor != NULL) {
        mdb_cursor_close(reading->cursor);
    }
    if (reading->txn != NULL) {
        mdb_txn_abort(reading->txn);
    }
}

static enum err start_reading(struct store *store, struct reading *reading) {
    *reading = (struct reading){.data = store->data, .meta = store->meta};
    enum err err = env_for_reading(store, &reading->env);
    if (err != ERR_OK) {
        return err;
    }
    int result = mdb_txn_begin(reading->env, NULL, MDB_RDONLY, &reading->txn);
    if (result == 0 && reading->env != store->env) {
        result = mdb_dbi_open(reading->txn, "data", 0, &reading->data);
        result = result != 0 ? result : mdb_dbi_open(reading->txn, "meta", 0, &reading->meta);
    }
    result = result != 0 ? result : mdb_cursor_open(reading->txn, reading->meta, &reading->cursor);
    if (result != 0) {
        stop_reading(reading);
    }
    return result == 0 ? ERR_OK : ERR_IO;
}

enum err store_read(struct store *store, uint64_t seq, uint32_t offset, uint32_t length,
                    uint8_t *bytes) {
    struct reading reading;
    struct store_found found;
    enum err err = start_reading(store, &reading);
    if (err != ERR_OK) {
        return err;
    }
    int result = store_find(reading.cursor, seq, &found);
    if (result == 0 && found.is_pack) {
        const struct pack_slot *slot = &found.pack.slots[found.index];
        bool inside = offset <= slot->body_bytes && length <= slot->body_bytes - offset;
        err = inside ? read_chunks(reading.txn, reading.data, found.pack.first,
                                   slot->body_at + offset, length, bytes)
                     : ERR_CORRUPT;
    } else {
        err = result == 0 ? read_chunks(reading.txn, reading.data, seq, offset, length, bytes)
              : result == MDB_NOTFOUND ? ERR_NOT_FOUND
                                       : ERR_IO;
    }
    stop_reading(&reading);
    return err;
}

/* The first live record from seq on. */
static int find_next(MDB_cursor *cursor, uint64_t seq, struct store_found *found) {
    int result = store_find(cursor, seq, found);
    if (result != MDB_NOTFOUND) {
        return result;
    }
    uint8_t wanted[FORMAT_RECORD_KEY_BYTES];
    format_record_key(seq, wanted);
    /* Of the pack that seq is one of, what follows; else of the value behind it. */
    if (mdb_cursor_get(cursor, &found->key, &found->value, MDB_GET_CURRENT) == 0 &&
        is_packed(found, seq) && pack_next_live(&found->pack, &found->index)) {
        return 0;
    }
    found->key = store_val(wanted, sizeof(wanted));
    result = mdb_cursor_get(cursor, &found->key, &found->value, MDB_SET_RANGE);
    if (result == 0) {
        (void)is_packed(found, 0);
        (void)(found->is_pack && pack_next_live(&found->pack, &found->index));
    }
    return result;
}

enum err store_next(struct store *store, uint64_t from, struct journal_record *record) {
    struct reading reading;
    struct store_found found;
    enum err err = start_reading(store, &reading);
    if (err != ERR_OK) {
        return err;
    }
    int result = find_next(reading.cursor, from, &found);
    if (result == 0) {
        err = store_found_record(&found, record);
        record->damage = err == ERR_OK ? JOURNAL_WHOLE : JOURNAL_DAMAGE_HEADER;
        record->source = SPAN_LIT(""); /* they lie in the map, which may change from now on */
        record->extra = SPAN_LIT("");
    }
    stop_reading(&reading);
    return result == 0 ? ERR_OK : result == MDB_NOTFOUND ? ERR_NOT_FOUND : ERR_IO;
}
