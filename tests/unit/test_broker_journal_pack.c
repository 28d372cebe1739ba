/* Small batches of one commit, which share a value and chunks: put, deleted one by one, damaged,
 * saved; whatever happens to one of them is that batch's alone. */
#include "journal_fixture.h"

#include "base/uuid.h"
#include "broker/journal_check.h"
#include "broker/journal_verify.h"

#include <dlfcn.h>
#include <fcntl.h>

enum { BUDGET = 16 * MIB, MANY = 100, MODEL_MAX = 4096, MODEL_ROUNDS = 200 };

static struct store *store;
static struct store_group group;
static uint32_t rewrites; /* of values that stand already */

/* What this program calls LMDB's by; passed on. */
int mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *value, unsigned int flags) {
    int (*next)(MDB_cursor *, MDB_val *, MDB_val *, unsigned int) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_cursor_put");
    ck_assert_ptr_nonnull(found);
    memcpy(&next, &found, sizeof(next));
    rewrites += flags == MDB_CURRENT ? 1 : 0;
    return next(cursor, key, value, flags);
}

static void open_store(void) {
    struct diag diag = {0};
    enum err err = store_open(fixture.dir, BUDGET, &store, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
    err = check_records(store, NULL, NULL, &diag); /* for used_bytes */
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
}

static void add(uint64_t seq, size_t len) {
    struct journal_record record;
    struct blob *blob = fixture_record(seq, len, &record);
    record.count = 1;
    record.accepted_at = (int64_t)seq;
    store_group_put(&group, &record, blob);
}

/* One commit; all of it has to find room. */
static void commit(void) {
    ck_assert_int_eq(store_commit(store, &group), ERR_OK);
    ck_assert(group.deleted);
    for (uint32_t i = 0; i < group.put_count; i++) {
        ck_assert_int_eq(group.puts[i].outcome, JOURNAL_DURABLE);
    }
    store_group_clear_puts(&group);
    group.delete_count = 0;
}

static size_t size_of(uint64_t seq) { return 200 + seq * 37 % 200; }

static void setup(void) {
    fixture_setup();
    open_store();
}

static void teardown(void) {
    store_close(&store);
    store_group_free(&group);
    fixture_teardown();
}

/* Batches 1 to MANY in one commit, and the store closed: as a broker left it. */
static void put_many(void) {
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        add(seq, size_of(seq));
    }
    commit();
    store_close(&store);
}

static uint64_t headers_count(void) {
    MDB_txn *txn = NULL;
    MDB_stat stat;
    ck_assert_int_eq(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), 0);
    ck_assert_int_eq(mdb_stat(txn, store->meta, &stat), 0);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

START_TEST(batches_put_together_are_packed_together) {
    static const size_t SIZES[] = {1, 300, 4080, 4081, 20, 100000, 1, 1, 4079, 5};
    const uint64_t gap_at = 7; /* a number that was never put */
    for (uint64_t i = 0; i < COUNT_OF(SIZES); i++) {
        add(1 + i + (i >= gap_at ? 1 : 0), SIZES[i]);
    }
    commit();
    ck_assert_uint_eq(headers_count(), 6); /* 3 together, 1, 1, 1, 1 and, behind the gap, 3 */
    ck_assert_uint_eq(store->totals.live_count, COUNT_OF(SIZES));
    uint64_t used = store->used_bytes;
    store_close(&store);
    struct journal *journal = fixture_open(BUDGET);
    ck_assert_uint_eq(fixture.count, COUNT_OF(SIZES));
    for (uint32_t i = 0; i < COUNT_OF(SIZES); i++) {
        const struct journal_record *record = &fixture.records[i];
        ck_assert_uint_eq(record->seq, 1 + i + (i >= gap_at ? 1 : 0));
        ck_assert_int_eq(record->damage, JOURNAL_WHOLE);
        ck_assert_uint_eq(record->bytes, SIZES[i]);
        ck_assert_uint_eq(record->count, 1);
        ck_assert_int_eq(record->ack, WIRE_ACK_OUTCOME);
        ck_assert_uint_eq(record->batch.bytes[0], (uint8_t)record->seq);
        ck_assert_uint_eq(record->source.len, sizeof(FIXTURE_SOURCE) - 1);
        ck_assert(fixture_body_is(journal, record->seq, SIZES[i]));
    }
    uint8_t bytes[8];
    ck_assert_int_eq(journal_read(journal, 2, 290, 8, bytes), ERR_OK);
    ck_assert_uint_eq(bytes[7], fixture_byte(2, 297));
    ck_assert_int_eq(journal_read(journal, 2, 296, 5, bytes), ERR_CORRUPT); /* not the next one's */
    ck_assert_int_eq(journal_read(journal, 8, 0, 1, bytes), ERR_NOT_FOUND);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    ck_assert_uint_eq(stats.used_bytes, used);
    journal_close(&journal);
}
END_TEST

/* The share of headers and half-filled pages. */
START_TEST(ones_take_little_more_than_their_bytes) {
    enum { ONES = 10000, BODY = 300, GROUP = 500 };
    struct buf bytes = BUF_EMPTY;
    for (uint64_t seq = 1; seq <= ONES; seq++) {
        add(seq, BODY);
        if (seq % GROUP == 0) {
            commit();
        }
    }
    fixture_file_read(&bytes);
    ck_assert_uint_lt(bytes.len, (size_t)ONES * BODY * 3 / 2);
    ck_assert_uint_lt(store->used_bytes, (uint64_t)ONES * BODY * 2);
    buf_free(&bytes);
}
END_TEST

START_TEST(a_deleted_one_does_not_come_back) {
    put_many();
    open_store();
    uint64_t headers = headers_count();
    for (uint64_t seq = MANY; seq >= 1; seq--) { /* in any order, and more than once */
        if (seq % 3 != 0) {
            store_group_delete(&group, seq);
            store_group_delete(&group, seq % 2 == 0 ? seq : MANY + seq);
        }
    }
    commit();
    ck_assert_uint_eq(store->totals.live_count, MANY / 3);
    ck_assert_uint_eq(headers_count(), headers);
    store_close(&store);
    struct journal *journal = fixture_open(BUDGET);
    ck_assert_uint_eq(fixture.count, MANY / 3);
    uint64_t at = 0;
    for (uint32_t i = 0; i < MANY / 3; i++) {
        struct journal_record record;
        uint64_t seq = 3 + 3 * (uint64_t)i;
        uint8_t byte = 0;
        ck_assert_uint_eq(fixture.records[i].seq, seq);
        ck_assert(fixture_body_is(journal, seq, size_of(seq)));
        ck_assert_int_eq(journal_read(journal, seq - 1, 0, 1, &byte), ERR_NOT_FOUND);
        ck_assert_int_eq(journal_check_next(journal, at, &record), ERR_OK);
        ck_assert_uint_eq(record.seq, seq);
        ck_assert_int_eq(record.damage, JOURNAL_WHOLE);
        at = seq + 1;
    }
    struct journal_record none;
    ck_assert_int_eq(journal_check_next(journal, at, &none), ERR_NOT_FOUND);
    journal_close(&journal);
}
END_TEST

START_TEST(the_last_one_takes_its_pack_along) {
    put_many();
    open_store();
    ck_assert_uint_gt(store->used_bytes, 0);
    for (int turn = 1; turn >= 0; turn--) {
        for (uint64_t seq = 1; seq <= MANY; seq++) {
            if (seq % 2 == (uint64_t)turn) {
                store_group_delete(&group, seq);
            }
        }
        commit();
    }
    ck_assert_uint_eq(headers_count(), 0);
    ck_assert_uint_eq(store->totals.live_count + store->totals.live_bytes + store->totals.live_xor,
                      0);
    ck_assert_uint_eq(store->used_bytes, 0);
}
END_TEST

/* Each rewrite writes the pack's head with a new checksum and copies all of it. */
START_TEST(a_commit_touches_a_pack_once) {
    put_many();
    open_store();
    uint64_t packs = headers_count();
    ck_assert_uint_lt(packs, MANY / 10);
    rewrites = 0;
    for (uint64_t i = 0; i < MANY; i++) { /* of all packs in turn; half of each */
        uint64_t seq = 1 + i * 37 % MANY;
        if (seq % 2 == 0) {
            store_group_delete(&group, seq);
        }
    }
    commit();
    ck_assert_uint_eq(store->totals.live_count, MANY / 2);
    ck_assert_uint_eq(rewrites, packs);
    for (uint64_t i = 0; i < MANY; i++) {
        store_group_delete(&group, 1 + i * 37 % MANY);
    }
    commit();
    ck_assert_uint_eq(headers_count(), 0);
    ck_assert_uint_eq(rewrites, packs); /* what is gone was not written first */
}
END_TEST

/* Groups of puts and deletes drawn at random, beside a list of what should be there. */
START_TEST(any_groups_add_up) {
    static bool is_live[MODEL_MAX];
    struct rng rng = {.state = 11};
    uint64_t next = 1;
    uint64_t live = 0;
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        for (uint64_t i = rng_below(&rng, next / 2 + 1); i > 0; i--) {
            uint64_t seq = rng_below(&rng, next);
            store_group_delete(&group, seq);
            live -= is_live[seq] ? 1 : 0;
            is_live[seq] = false;
        }
        for (uint64_t i = rng_below(&rng, 20); i > 0 && next < MODEL_MAX - 1; i--) {
            next += rng_below(&rng, 10) == 0 ? 1 : 0;
            is_live[next] = true;
            live++;
            add(next++, rng_below(&rng, 15) == 0 ? 9000 : 1 + rng_below(&rng, 600));
        }
        commit();
        ck_assert_uint_eq(store->totals.live_count, live);
        if (round % 20 == 19) {
            uint64_t used = store->used_bytes;
            store_close(&store);
            open_store(); /* holds records, chunks and totals against each other */
            ck_assert_uint_eq(store->used_bytes, used);
        }
    }
    store_close(&store);
    struct journal *journal = fixture_open(BUDGET);
    ck_assert_uint_eq(fixture.count, live);
    for (uint64_t seq = 0; seq < next; seq++) {
        ck_assert(fixture.seen[seq] == is_live[seq]);
    }
    journal_close(&journal);
}
END_TEST

/* Where in the file the packs of the last commit are; returns how many. */
static uint32_t find_packs(const struct buf *bytes, size_t *at, size_t *len, uint32_t max) {
    uint32_t found = 0;
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    uint64_t seq = 1;
    for (size_t i = 0; i + PACK_VALUE_BYTES_MAX + sizeof(key) < bytes->len; i += 2) {
        struct pack pack;
        format_record_key(seq, key);
        size_t value = get_le16(bytes->ptr + i - (i < 8 ? 0 : 8));
        if (i >= 8 && memcmp(bytes->ptr + i, key, sizeof(key)) == 0 &&
            pack_decode(span_make(key, sizeof(key)), span_make(bytes->ptr + i + 8, value), &pack) ==
                ERR_OK &&
            found < max) {
            at[found] = i + 8;
            len[found++] = value;
            seq += pack.count;
            i = 0;
        }
    }
    return found;
}

/* How many of MANY are whole, header and body; all have to be there. */
static uint32_t count_whole(struct journal *journal) {
    uint32_t whole = 0;
    uint64_t next = 0;
    struct journal_record record;
    ck_assert_uint_eq(fixture.count, MANY);
    for (uint64_t seq = 1; journal_check_next(journal, next, &record) == ERR_OK; seq++) {
        ck_assert_uint_eq(record.seq, seq);
        bool holds = record.damage == JOURNAL_WHOLE;
        ck_assert(!holds || fixture_body_is(journal, seq, size_of(seq)));
        whole += holds ? 1 : 0;
        next = seq + 1;
    }
    return whole;
}

START_TEST(a_flipped_bit_of_a_pack_costs_one_batch) {
    struct buf bytes = BUF_EMPTY;
    size_t at[MANY];
    size_t len[MANY];
    uint32_t lost = 0;
    put_many();
    fixture_file_read(&bytes);
    ck_assert_uint_eq(find_packs(&bytes, at, len, MANY), 5);
    for (size_t i = 0; i < len[1]; i += i < 80 || i + 80 > len[1] ? 5 : 43) {
        bytes.ptr[at[1] + i] ^= (uint8_t)(1U << i % 8);
        fixture_file_write(buf_span(&bytes));
        bytes.ptr[at[1] + i] ^= (uint8_t)(1U << i % 8);
        struct journal *journal = fixture_open(BUDGET);
        uint32_t whole = count_whole(journal);
        ck_assert_msg(whole + 1 >= MANY, "byte %zu of a pack: %u whole", i, whole);
        lost += MANY - whole;
        for (uint64_t seq = 1; seq <= MANY; seq++) {
            journal_delete(journal, seq); /* the damaged one as well */
        }
        journal_close(&journal);
        open_store();
        ck_assert_uint_eq(store->totals.live_count, 0);
        store_close(&store);
    }
    ck_assert_uint_gt(lost, 10);
    buf_free(&bytes);
}
END_TEST

START_TEST(a_pack_without_a_head_is_missed) {
    struct buf bytes = BUF_EMPTY;
    struct journal *journal = NULL;
    struct diag diag = {0};
    size_t at[MANY];
    size_t len[MANY];
    put_many();
    fixture_file_read(&bytes);
    ck_assert_uint_eq(find_packs(&bytes, at, len, MANY), 5);
    bytes.ptr[at[1] + 2] ^= 1;
    bytes.ptr[at[1] + len[1] - 1] ^= 1;
    fixture_file_write(buf_span(&bytes));
    ck_assert_int_eq(fixture_try_open(&journal, BUDGET, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "where 100 of"));
    buf_free(&bytes);
}
END_TEST

/* A change of whole values in whole pages, as only the totals can see it. */
static MDB_txn *tamper_begin(void) {
    MDB_txn *txn = NULL;
    open_store();
    ck_assert_int_eq(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
    return txn;
}

static void tamper_commit(MDB_txn *txn) {
    ck_assert_int_eq(store_write_state(store, txn, &store->totals), 0);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    store_close(&store);
}

/* Of two batches of equal length the deleted one is back, and the other is gone in its place. */
START_TEST(another_number_is_missed) {
    enum { GONE = 2, KEPT = 3 };
    uint8_t key_bytes[FORMAT_RECORD_KEY_BYTES];
    uint8_t bytes[PACK_VALUE_BYTES_MAX];
    struct pack pack;
    struct diag diag = {0};
    struct journal *journal = NULL;
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        add(seq, 300);
    }
    commit();
    store_group_delete(&group, GONE);
    commit();
    store_close(&store);
    MDB_txn *txn = tamper_begin();
    format_record_key(1, key_bytes);
    MDB_val key = store_val(key_bytes, sizeof(key_bytes));
    MDB_val value;
    ck_assert_int_eq(mdb_get(txn, store->meta, &key, &value), 0);
    ck_assert_int_eq(pack_decode(store_span(&key), store_span(&value), &pack), ERR_OK);
    ck_assert(!pack_is_live(&pack, GONE - 1) && pack_is_live(&pack, KEPT - 1));
    pack.live ^= 1U << (GONE - 1) | 1U << (KEPT - 1);
    pack_encode(&pack, pack_entries(&pack, store_span(&value)), bytes);
    value = store_val(bytes, pack_value_bytes(&pack));
    ck_assert_int_eq(mdb_put(txn, store->meta, &key, &value, 0), 0);
    tamper_commit(txn);
    ck_assert_int_eq(fixture_try_open(&journal, BUDGET, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "other batches than"));
    ck_assert_ptr_nonnull(strstr(diag.text, "verify --salvage"));
}
END_TEST

/* Takes chunk `index` of a value away.  first: its number; returns how many chunks there were. */
static uint32_t lose_chunk(uint64_t first, uint32_t index) {
    uint8_t key_bytes[FORMAT_CHUNK_KEY_BYTES];
    MDB_val key = store_val(key_bytes, sizeof(key_bytes));
    MDB_val value;
    uint32_t count = 0;
    MDB_txn *txn = tamper_begin();
    do {
        format_chunk_key(first, count, key_bytes);
    } while (mdb_get(txn, store->data, &key, &value) == 0 && ++count > 0);
    format_chunk_key(first, index, key_bytes);
    ck_assert_int_eq(mdb_del(txn, store->data, &key, NULL), 0);
    tamper_commit(txn);
    return count;
}

/* All of `count` are there; those from `first` to `last` are named as damaged, and no other. */
static void expect_named(uint64_t count, uint64_t first, uint64_t last) {
    struct journal *journal = fixture_open(BUDGET);
    struct journal_record record;
    ck_assert_uint_eq(fixture.count, count);
    for (uint64_t seq = 1; seq <= count; seq++) {
        bool is_hit = seq >= first && seq <= last;
        const struct journal_record *restored = &fixture.records[seq - 1];
        ck_assert_uint_eq(restored->seq, seq);
        ck_assert_int_eq(restored->damage, is_hit ? JOURNAL_DAMAGE_BODY : JOURNAL_WHOLE);
        ck_assert_int_eq(journal_check_next(journal, seq, &record), ERR_OK);
        ck_assert_uint_eq(record.seq, seq);
        ck_assert(is_hit || record.damage == JOURNAL_WHOLE);
        journal_delete(journal, seq);
        journal_hand_over(journal);
    }
    journal_close(&journal);
    open_store(); /* what is damaged went as well */
    ck_assert_uint_eq(store->totals.live_count, 0);
    store_close(&store);
}

START_TEST(a_missing_chunk_is_named) {
    enum { FEW = 40, LARGE_BYTES = 3 * FORMAT_CHUNK_BYTES + 9 };
    struct buf bytes = BUF_EMPTY;
    size_t at[1];
    size_t len[1];
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    struct pack pack;
    for (uint64_t seq = 1; seq <= FEW; seq++) {
        add(seq, size_of(seq));
    }
    add(FEW + 1, LARGE_BYTES); /* with chunks of its own */
    commit();
    store_close(&store);
    fixture_file_read(&bytes);
    ck_assert_uint_eq(find_packs(&bytes, at, len, 1), 1);
    format_record_key(1, key);
    ck_assert_int_eq(
        pack_decode(span_make(key, sizeof(key)), span_make(bytes.ptr + at[0], len[0]), &pack),
        ERR_OK);
    ck_assert_uint_lt(pack.count, FEW);
    const struct {
        uint64_t first, last;
        uint32_t chunk, chunks;
    } gone[] = {{1, pack.count, 1, 2},
                {1, pack.count, 0, 2},
                {FEW + 1, FEW + 1, 3, 4},
                {FEW + 1, FEW + 1, 2, 4}};
    for (size_t i = 0; i < COUNT_OF(gone); i++) {
        fixture_file_write(buf_span(&bytes));
        ck_assert_uint_eq(lose_chunk(gone[i].first, gone[i].chunk), gone[i].chunks);
        expect_named(FEW + 1, gone[i].first, gone[i].last);
    }
    buf_free(&bytes);
}
END_TEST

/* What `casemill verify --salvage` makes of it: all but the damaged one, none that was deleted. */
START_TEST(a_damaged_pack_is_saved_but_for_one) {
    struct buf bytes = BUF_EMPTY;
    struct diag diag = {0};
    char into[96];
    put_many();
    open_store();
    store_group_delete(&group, 50);
    commit();
    store_close(&store);
    fixture_file_read(&bytes);
    uint8_t body[64]; /* the end of 32's and the beginning of 33's: only there */
    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = i < 32 ? fixture_byte(32, size_of(32) - 32 + i) : fixture_byte(33, i - 32);
    }
    for (size_t i = 0; i + sizeof(body) < bytes.len; i++) {
        if (memcmp(bytes.ptr + i, body, sizeof(body)) == 0) {
            bytes.ptr[i + 40] ^= 4;
        }
    }
    fixture_file_write(buf_span(&bytes));
    buf_free(&bytes);
    (void)snprintf(into, sizeof(into), "%s/saved", fixture.dir);
    struct verify_report report = {.out = open("/dev/null", O_WRONLY | O_CLOEXEC), .json = true};
    ck_assert_int_eq(verify_run(fixture.dir, &report, &diag), ERR_CORRUPT);
    ck_assert_uint_eq(report.batches, MANY - 1);
    ck_assert_uint_eq(report.damaged, 1);
    report.batches = 0;
    report.damaged = 0;
    ck_assert_int_eq(verify_salvage(fixture.dir, into, &report, &diag), ERR_CORRUPT);
    ck_assert_uint_eq(report.batches, MANY - 2);
    ck_assert_uint_eq(report.damaged, 1);
    (void)close(report.out);
    memcpy(fixture.dir + strlen(fixture.dir), "/saved", sizeof("/saved"));
    struct journal *journal = fixture_open(BUDGET);
    ck_assert_uint_eq(fixture.count, MANY - 2);
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        ck_assert(fixture.seen[seq] == (seq != 33 && seq != 50));
        ck_assert(!fixture.seen[seq] || fixture_body_is(journal, seq, size_of(seq)));
    }
    journal_close(&journal);
    fixture.dir[strlen(fixture.dir) - strlen("/saved")] = '\0';
}
END_TEST

/* A part of a group may not find room: stored batches are in order, and batches without room
 * leave no trace. */
START_TEST(a_group_that_fills_the_budget) {
    store->bytes_max = 40000;
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        add(seq, 1000);
    }
    ck_assert_int_eq(store_commit(store, &group), ERR_OK);
    uint32_t durable = 0;
    for (uint32_t i = 0; i < group.put_count; i++) {
        durable += group.puts[i].outcome == JOURNAL_DURABLE ? 1 : 0;
    }
    ck_assert_uint_gt(durable, 10);
    ck_assert_uint_lt(durable, 40);
    ck_assert_uint_eq(store->totals.live_count, durable);
    ck_assert_uint_le(store->used_bytes, 40000);
    store_group_clear_puts(&group);
    store_close(&store);
    struct journal *journal = fixture_open(BUDGET);
    ck_assert_uint_eq(fixture.count, durable);
    journal_close(&journal);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal pack");
    TCase *tests = tcase_create("pack");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, batches_put_together_are_packed_together);
    tcase_add_test(tests, ones_take_little_more_than_their_bytes);
    tcase_add_test(tests, a_deleted_one_does_not_come_back);
    tcase_add_test(tests, the_last_one_takes_its_pack_along);
    tcase_add_test(tests, a_commit_touches_a_pack_once);
    tcase_add_test(tests, any_groups_add_up);
    tcase_add_test(tests, a_flipped_bit_of_a_pack_costs_one_batch);
    tcase_add_test(tests, a_pack_without_a_head_is_missed);
    tcase_add_test(tests, another_number_is_missed);
    tcase_add_test(tests, a_missing_chunk_is_named);
    tcase_add_test(tests, a_damaged_pack_is_saved_but_for_one);
    tcase_add_test(tests, a_group_that_fills_the_budget);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
