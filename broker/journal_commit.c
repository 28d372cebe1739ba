/* What a commit does: deletes, then puts, then the totals, one sync.  Small batches that follow
 * each other go into packs; of the deletes, which are sorted, those of one pack change it once. */
#include "base/log.h"
#include "base/mem.h"
#include "broker/journal_store.h"

#include <stdlib.h>

/* Of LMDB 0.9: a larger node has its value on pages of its own, since a leaf holds at least two. */
enum {
    OVERFLOW_FLAGS = 4,
    PAGE_HEADER_BYTES = FORMAT_PAGE_BYTES - FORMAT_CHUNK_BYTES,
    HEADERS_KEPT_BYTES = 1 << 20 /* of room, for the next group */
};

/* A transaction under way. */
struct commit {
    struct store *store;
    MDB_txn *txn;
    MDB_cursor *meta;
    const struct store_group *group;
    struct journal_totals totals;
    uint64_t used_bytes;
};

void store_group_put(struct store_group *group, const struct journal_record *record,
                     struct blob *blob) {
    MEM_ROOM(group->puts, group->put_count, group->put_cap, 64);
    struct store_put *put = &group->puts[group->put_count++];
    *put = (struct store_put){.seq = record->seq,
                              .received_us = record->received_us,
                              .blob = blob,
                              .header_at = group->headers.len,
                              .is_small = pack_takes(record)};
    if (put->is_small) {
        pack_entry_encode(record, &group->headers);
    } else {
        format_record_encode(record, &group->headers);
    }
    put->header_bytes = (uint32_t)(group->headers.len - put->header_at);
}

void store_group_delete(struct store_group *group, uint64_t seq) {
    MEM_ROOM(group->deletes, group->delete_count, group->delete_cap, 64);
    group->deletes[group->delete_count++] = seq;
}

/* The usual case is an empty `to`: then nothing is copied. */
void store_group_join(struct store_group *to, struct store_group *more) {
    if (to->put_count == 0 && to->delete_count == 0) {
        struct store_group empty = *to;
        *to = *more;
        *more = empty;
        return;
    }
    size_t header_at = to->headers.len;
    buf_append(&to->headers, buf_span(&more->headers));
    for (uint32_t i = 0; i < more->put_count; i++) {
        MEM_ROOM(to->puts, to->put_count, to->put_cap, 64);
        struct store_put *put = &to->puts[to->put_count++];
        *put = more->puts[i];
        put->header_at += header_at;
    }
    for (uint32_t i = 0; i < more->delete_count; i++) {
        store_group_delete(to, more->deletes[i]);
    }
    more->put_count = 0; /* the blobs have moved */
    more->delete_count = 0;
    store_group_clear_puts(more);
}

void store_group_clear_puts(struct store_group *group) {
    for (uint32_t i = 0; i < group->put_count; i++) {
        blob_unref(&group->puts[i].blob);
    }
    group->put_count = 0;
    buf_clear(&group->headers);
    if (group->headers.cap > HEADERS_KEPT_BYTES) {
        buf_free(&group->headers);
    }
}

void store_group_free(struct store_group *group) {
    store_group_clear_puts(group);
    buf_free(&group->headers);
    mem_free(group->puts);
    mem_free(group->deletes);
    *group = (struct store_group){.headers = BUF_EMPTY};
}

/* --- deletes --------------------------------------------------------------------------------- */

/* LMDB frees the pages that the header of a chunk's own page names, without a check. Whether a
 * chunk has a page of its own follows from its size: a leaf that this transaction wrote lies
 * anywhere in memory.
 */
static bool chunk_page_holds(const struct store *store, const MDB_val *chunk) {
    if (FORMAT_CHUNK_KEY_BYTES + chunk->mv_size <= FORMAT_LEAF_BYTES_MAX) {
        return true; /* among others on a leaf */
    }
    const uint8_t *page = (const uint8_t *)chunk->mv_data - PAGE_HEADER_BYTES;
    uint64_t number = (uint64_t)(page - store->map) / FORMAT_PAGE_BYTES;
    return get_le64(page) == number && get_le16(page + 10) == OVERFLOW_FLAGS &&
           get_le32(page + 12) == 1; /* as journal_pages.c describes it */
}

/* Walks the chunks of seq and deletes them on request.  *bytes: what they hold. */
static int each_chunk(struct commit *commit, uint64_t seq, bool delete, uint64_t *bytes) {
    uint8_t first[FORMAT_CHUNK_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    int result = mdb_cursor_open(commit->txn, commit->store->data, &cursor);
    if (result != 0) {
        return result;
    }
    format_chunk_key(seq, 0, first);
    MDB_val key = store_val(first, sizeof(first));
    MDB_val chunk;
    result = mdb_cursor_get(cursor, &key, &chunk, MDB_SET_RANGE);
    *bytes = 0;
    while (result == 0 && key.mv_size == sizeof(first) &&
           memcmp(key.mv_data, first, FORMAT_RECORD_KEY_BYTES) == 0) {
        *bytes += chunk.mv_size;
        result = !chunk_page_holds(commit->store, &chunk) ? MDB_CORRUPTED
                 : delete                                 ? mdb_cursor_del(cursor, 0)
                                                          : 0;
        if (result == 0) {
            result = mdb_cursor_get(cursor, &key, &chunk, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return result == MDB_NOTFOUND ? 0 : result;
}

/* Deletes the value at the cursor, and the chunks of seq. A batch whose pages cannot be freed
 * safely stays: it returns after a restart, and is then a duplicate. */
static int remove_value(struct commit *commit, uint64_t seq, bool *stays, uint64_t *chunk_bytes) {
    int result = each_chunk(commit, seq, false, chunk_bytes);
    *stays = result == MDB_CORRUPTED;
    if (*stays) {
        LOG(EV_JOURNAL_QUARANTINED, "seq=%llu error=page", (unsigned long long)seq);
        return 0;
    }
    result = result != 0 ? result : each_chunk(commit, seq, true, chunk_bytes);
    return result != 0 ? result : mdb_cursor_del(commit->meta, 0);
}

static int delete_plain(struct commit *commit, const struct store_found *found, uint64_t seq) {
    struct journal_record record;
    uint64_t chunk_bytes = 0;
    bool stays = false;
    /* As the check at open counts: the byte count of a damaged header is not used. */
    bool holds = store_found_record(found, &record) == ERR_OK;
    int result = remove_value(commit, seq, &stays, &chunk_bytes);
    if (result == 0 && !stays) {
        uint64_t bytes = holds ? record.bytes : chunk_bytes;
        commit->totals.live_count--;
        commit->totals.live_bytes -= bytes;
        commit->totals.live_xor ^= seq;
        commit->used_bytes -= format_cost(bytes);
    }
    return result;
}

/* Deletes from one pack what the list names of it, from `at` on; *at moves behind that. */
static int delete_packed(struct commit *commit, const struct store_found *found, uint32_t *at) {
    const struct store_group *group = commit->group;
    struct pack pack = found->pack;
    struct journal_totals totals = commit->totals;
    for (; *at < group->delete_count && group->deletes[*at] - pack.first < pack.count; ++*at) {
        uint64_t seq = group->deletes[*at];
        uint32_t index = (uint32_t)(seq - pack.first);
        if (pack_is_live(&pack, index)) {
            pack.live &= ~((uint32_t)1 << index);
            totals.live_count--;
            totals.live_bytes -= pack.slots[index].body_bytes;
            totals.live_xor ^= seq;
        }
    }
    bool stays = false;
    int result = 0;
    if (pack.live == 0) {
        uint64_t chunk_bytes = 0;
        result = remove_value(commit, pack.first, &stays, &chunk_bytes);
        commit->used_bytes -= stays ? 0 : pack_cost(&pack);
    } else {
        uint8_t bytes[PACK_VALUE_BYTES_MAX];
        uint8_t key_bytes[FORMAT_RECORD_KEY_BYTES];
        pack_encode(&pack, pack_entries(&pack, store_span(&found->value)), bytes);
        format_record_key(pack.first, key_bytes);
        MDB_val key = store_val(key_bytes, sizeof(key_bytes));
        MDB_val value = store_val(bytes, pack_value_bytes(&pack));
        result = mdb_cursor_put(commit->meta, &key, &value, MDB_CURRENT);
    }
    commit->totals = stays ? commit->totals : totals;
    return result;
}

static int delete_all(struct commit *commit) {
    const struct store_group *group = commit->group;
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < group->delete_count;) {
        struct store_found found;
        result = store_find(commit->meta, group->deletes[i], &found);
        if (result == 0 && found.is_pack) {
            result = delete_packed(commit, &found, &i);
            continue;
        }
        result = result == 0              ? delete_plain(commit, &found, group->deletes[i])
                 : result == MDB_NOTFOUND ? 0
                                          : result;
        i++;
    }
    return result;
}

/* --- puts ------------------------------------------------------------------------------------ */

/* Writes the bodies of count puts one behind the other, as chunks. */
static int put_chunks(struct commit *commit, const struct store_put *puts, size_t bytes) {
    uint8_t key_bytes[FORMAT_CHUNK_KEY_BYTES];
    size_t body_at = 0; /* of *puts */
    int result = 0;
    uint64_t seq = puts->seq;
    for (uint32_t chunk = 0; result == 0 && bytes > 0; chunk++) {
        size_t len = bytes < FORMAT_CHUNK_BYTES ? bytes : FORMAT_CHUNK_BYTES;
        format_chunk_key(seq, chunk, key_bytes);
        MDB_val key = store_val(key_bytes, sizeof(key_bytes));
        MDB_val value = {len, NULL};
        result = mdb_put(commit->txn, commit->store->data, &key, &value, MDB_APPEND | MDB_RESERVE);
        for (size_t at = 0; result == 0 && at < len;) {
            size_t here = puts->blob->len - body_at;
            here = here < len - at ? here : len - at;
            memcpy((uint8_t *)value.mv_data + at, puts->blob->bytes + body_at, here);
            at += here;
            body_at += here;
            if (body_at == puts->blob->len) {
                body_at = 0;
                puts++;
            }
        }
        bytes -= len;
    }
    return result;
}

static int put_value(struct commit *commit, const struct store_put *puts, struct span header,
                     size_t body_bytes) {
    uint8_t key_bytes[FORMAT_RECORD_KEY_BYTES];
    format_record_key(puts->seq, key_bytes);
    MDB_val key = store_val(key_bytes, sizeof(key_bytes));
    MDB_val value = store_val(header.ptr, header.len);
    int result = mdb_put(commit->txn, commit->store->meta, &key, &value, MDB_APPEND);
    return result != 0 ? result : put_chunks(commit, puts, body_bytes);
}

/* Writes the pack of the puts that begin at `puts`, and empties it. */
static int put_pack(struct commit *commit, const struct store_put *puts, struct pack *pack) {
    uint8_t bytes[PACK_VALUE_BYTES_MAX];
    struct span entries =
        span_make(commit->group->headers.ptr + puts->header_at, pack->entry_bytes);
    pack_encode(pack, entries, bytes);
    int result =
        put_value(commit, puts, span_make(bytes, pack_value_bytes(pack)), pack->body_bytes);
    *pack = (struct pack){.count = 0};
    return result;
}

/* Takes a put's cost out of the budget and counts it. */
static bool has_room(struct commit *commit, struct store_put *put, uint64_t cost) {
    bool has_room = commit->used_bytes + cost <= (uint64_t)commit->store->bytes_max;
    put->outcome = has_room ? JOURNAL_DURABLE : JOURNAL_NO_ROOM;
    if (has_room) {
        commit->used_bytes += cost;
        commit->totals.live_count++;
        commit->totals.live_bytes += put->blob->len;
        commit->totals.live_xor ^= put->seq;
    }
    return has_room;
}

static void put_into_pack(struct commit *commit, struct store_put *put, struct pack *pack) {
    struct pack larger = *pack;
    larger.first = pack->count == 0 ? put->seq : pack->first;
    pack_add(&larger, put->header_bytes, put->blob->len);
    if (has_room(commit, put, pack_cost(&larger) - pack_cost(pack))) {
        *pack = larger;
    }
}

static int put_all(struct commit *commit) {
    const struct store_group *group = commit->group;
    struct pack pack = {.count = 0};
    const struct store_put *first = NULL; /* of the pack */
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < group->put_count; i++) {
        struct store_put *put = &group->puts[i];
        commit->totals.next_seq = put->seq + 1;
        if (pack.count > 0 && (!put->is_small || put->seq != pack.first + pack.count ||
                               !pack_has_room(&pack, put->header_bytes))) {
            result = put_pack(commit, first, &pack);
        }
        first = pack.count == 0 ? put : first;
        if (put->is_small) {
            put_into_pack(commit, put, &pack);
        } else if (result == 0 && has_room(commit, put, format_cost(put->blob->len))) {
            struct span header = span_make(group->headers.ptr + put->header_at, put->header_bytes);
            result = put_value(commit, put, header, put->blob->len);
        }
    }
    return result == 0 && pack.count > 0 ? put_pack(commit, first, &pack) : result;
}

/* One transaction; on MDB_MAP_FULL nothing of it has happened. */
static int try_commit(struct store *store, const struct store_group *group) {
    struct commit commit = {
        .store = store, .group = group, .totals = store->totals, .used_bytes = store->used_bytes};
    int result = mdb_txn_begin(store->env, NULL, 0, &commit.txn);
    if (result != 0) {
        return result;
    }
    result = mdb_cursor_open(commit.txn, store->meta, &commit.meta);
    result = result != 0 ? result : delete_all(&commit);
    if (commit.meta != NULL) {
        mdb_cursor_close(commit.meta);
    }
    result = result != 0 ? result : put_all(&commit);
    result = result != 0 ? result : store_write_state(store, commit.txn, &commit.totals);
    if (result != 0) {
        mdb_txn_abort(commit.txn);
        return result;
    }
    result = mdb_txn_commit(commit.txn);
    if (result == 0) {
        store->totals = commit.totals;
        store->used_bytes = commit.used_bytes;
    }
    return result;
}

static bool is_full(int result) { return result == MDB_MAP_FULL || result == MDB_TXN_FULL; }

static int by_seq(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sort_deletes(struct store_group *group) {
    uint32_t sorted = 1;
    while (sorted < group->delete_count && group->deletes[sorted - 1] <= group->deletes[sorted]) {
        sorted++;
    }
    if (sorted < group->delete_count) {
        qsort(group->deletes, group->delete_count, sizeof(group->deletes[0]), by_seq);
    }
}

enum err store_commit(struct store *store, struct store_group *group) {
    CHECK(!store->failed);
    group->deleted = true;
    sort_deletes(group);
    int result = try_commit(store, group);
    if (is_full(result)) {
        for (uint32_t i = 0; i < group->put_count; i++) {
            group->puts[i].outcome = JOURNAL_NO_ROOM;
        }
        struct store_group deletes = {.deletes = group->deletes,
                                      .delete_count = group->delete_count};
        result = group->delete_count == 0 ? 0 : try_commit(store, &deletes);
    }
    if (is_full(result)) {
        int dead = 0; /* readers that died hold their pages until somebody looks */
        group->deleted = false;
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
