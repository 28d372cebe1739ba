/* One fault in the journal's file. No flipped bit, wherever it is, and no cut may silently lose
 * batches, kill the reader, or show a body that was not put. */
#include "journal_fixture.h"

#include "base/uuid.h"

#include <sys/wait.h>

enum {
    PUTS = 40,
    FLIPS = 120,
    PAGE = FORMAT_PAGE_BYTES,
    META_USED_BYTES = 152,
    /* How a look at a damaged journal ended; the first two are faults. */
    LOST = 1,
    WRONG = 2,
    REFUSED = 10,
    STOPPED = 11
};

/* A look is a process, which the thread sanitizer lets sleep for a second before it may end;
 * threads have no part in what is looked at. */
#ifdef __SANITIZE_THREAD__
enum { WITH_EVERY_PLACE = 0 };
#else
enum { WITH_EVERY_PLACE = 1 };
#endif

static struct buf whole; /* the undamaged file */
static struct {
    uint64_t seq;
    uint32_t bytes;
} live[PUTS];
static uint32_t live_count;

static void remove_live(struct journal *journal, uint32_t index) {
    journal_delete(journal, live[index].seq);
    journal_hand_over(journal);
    live[index] = live[--live_count];
}

/* Batches of one byte to many chunks, of which some are gone again. */
static void make_journal(void) {
    struct journal *journal = fixture_open(16 * MIB);
    struct rng rng = {.state = 7};
    uint64_t seq = journal_next_seq(journal);
    for (uint32_t i = 0; i < PUTS; i++, seq++) {
        /* The last one is large: the file ends with pages of its body. */
        uint32_t bytes =
            i == PUTS - 1 ? 400000 : 1 + (uint32_t)rng_below(&rng, i % 5 == 0 ? 60000 : 5000);
        fixture_put(journal, seq, bytes, i);
        fixture_expect(journal, seq, JOURNAL_DURABLE);
        live[live_count].seq = seq;
        live[live_count++].bytes = bytes;
        if (i % 4 == 3) {
            remove_live(journal, (uint32_t)rng_below(&rng, live_count));
        }
    }
    journal_close(&journal);
    fixture_file_read(&whole);
}

static void setup(void) {
    fixture_setup();
    live_count = 0;
    make_journal();
}

static void teardown(void) {
    buf_free(&whole);
    fixture_teardown();
}

static const struct journal_record *restored(uint64_t seq) {
    for (uint32_t i = 0; i < fixture.count && i < FIXTURE_KEPT_MAX; i++) {
        if (fixture.records[i].seq == seq) {
            return &fixture.records[i];
        }
    }
    return NULL;
}

/* Each batch is there or is named; what is there and has its sum is what was put. */
static int look_at_batches(struct journal *journal) {
    if (fixture.count != live_count) {
        return LOST;
    }
    for (uint32_t i = 0; i < live_count; i++) {
        const struct journal_record *record = restored(live[i].seq);
        if (record == NULL) {
            return LOST;
        }
        uint8_t *bytes = mem_alloc(live[i].bytes);
        bool holds = record->damage == JOURNAL_WHOLE &&
                     journal_read(journal, record->seq, 0, record->bytes, bytes) == ERR_OK &&
                     hash64(span_make(bytes, record->bytes)) == record->sums[0];
        mem_free(bytes);
        if (holds && (record->bytes != live[i].bytes ||
                      !fixture_body_is(journal, record->seq, live[i].bytes))) {
            return WRONG;
        }
    }
    return 0;
}

/* Works on with the journal: everything is deleted, something is put, and it is opened again. */
static int work_on(struct journal *journal) {
    uint64_t seq = journal_next_seq(journal);
    for (uint32_t i = 0; i < live_count; i++) {
        journal_delete(journal, live[i].seq);
        journal_hand_over(journal);
    }
    for (uint32_t i = 0; i < 3; i++) {
        fixture_put(journal, seq + i, 30000, i);
        if (fixture_result(journal).outcome == JOURNAL_STOPPED) {
            return STOPPED;
        }
    }
    journal_close(&journal);
    journal = fixture_open(16 * MIB);
    for (uint32_t i = 0; i < 3; i++) {
        const struct journal_record *record = restored(seq + i);
        if (record == NULL || record->damage != JOURNAL_WHOLE ||
            !fixture_body_is(journal, seq + i, 30000)) {
            return LOST;
        }
    }
    return fixture.count >= 3 ? 0 : WRONG; /* what cannot be deleted safely stays */
}

static int look(void) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    enum err err = fixture_try_open(&journal, 16 * MIB, &diag);
    if (err != ERR_OK) {
        bool is_clear = strstr(diag.text, fixture.dir) != NULL && strchr(diag.text, '\n') == NULL;
        bool says_what_to_do = err != ERR_CORRUPT ||
                               strstr(diag.text, "verify --salvage") != NULL ||
                               strstr(diag.text, "empty directory") != NULL;
        bool was_seen = strstr(diag.text, "crashes") == NULL; /* and did not just kill the reader */
        return is_clear && says_what_to_do && was_seen ? REFUSED : WRONG;
    }
    int result = look_at_batches(journal);
    return result != 0 ? result : work_on(journal);
}

/* look in a child, on the file as it now is. */
static int look_apart(const char *what) {
    pid_t child = fork();
    if (child == 0) {
        _exit(look());
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "%s: ended by signal %d", what, WTERMSIG(status));
    int result = WEXITSTATUS(status);
    ck_assert_msg(result != LOST, "%s: fewer batches without a word", what);
    ck_assert_msg(result == 0 || result == REFUSED || result == STOPPED, "%s: wrong (%d)", what,
                  result);
    return result;
}

static int flip(size_t at, int bit) {
    char what[64];
    (void)snprintf(what, sizeof(what), "page %zu, byte %zu, bit %d", at / PAGE, at % PAGE, bit);
    whole.ptr[at] ^= (uint8_t)(1 << bit);
    fixture_file_write(buf_span(&whole));
    whole.ptr[at] ^= (uint8_t)(1 << bit);
    return look_apart(what);
}

static bool is_body_page(size_t page) { return get_le16(whole.ptr + page * PAGE + 10) == 4; }

START_TEST(an_undamaged_journal_is_whole) {
    ck_assert_uint_gt(live_count, 25);
    ck_assert_int_eq(look_apart("undamaged"), 0);
}
END_TEST

/* Most of a page of bodies is body: one in eight flips goes there. */
START_TEST(no_bit_of_a_page_is_believed) {
    struct rng rng = {.state = 1};
    uint32_t ends[STOPPED + 1] = {0};
    const char *wanted = getenv("CASEMILL_TEST_FLIPS");
    uint32_t flips = wanted == NULL ? FLIPS : (uint32_t)strtoul(wanted, NULL, 10);
    for (uint32_t i = 0; i < flips;) {
        size_t page = rng_below(&rng, whole.len / PAGE);
        if (is_body_page(page) && rng_below(&rng, 8) != 0) {
            continue;
        }
        size_t at = page * PAGE + rng_below(&rng, rng_below(&rng, 2) == 0 ? 64 : PAGE);
        ends[flip(at, (int)rng_below(&rng, 8))]++;
        i++;
    }
    ck_assert_uint_gt(ends[0], flips / 10);
    ck_assert_uint_gt(ends[REFUSED], 0); /* how many depends on the names drawn for the journal */
}
END_TEST

/* Where a leaf's free space begins and ends: LMDB writes there. */
START_TEST(no_bound_of_a_leaf_is_believed) {
    uint32_t refused = 0;
    for (size_t page = 2; page < whole.len / PAGE; page++) {
        if (!is_body_page(page)) {
            refused += flip(page * PAGE + 14, 4) == REFUSED ? 1 : 0;
            refused += flip(page * PAGE + 12, 1) == REFUSED ? 1 : 0;
        }
    }
    ck_assert_uint_gt(refused, 4);
}
END_TEST

/* Keys on a branch lead to what is looked for, and only then. */
START_TEST(no_key_of_a_branch_is_believed) {
    uint32_t refused = 0;
    for (size_t page = 2; page < whole.len / PAGE; page++) {
        const uint8_t *at = whole.ptr + page * PAGE;
        size_t node = get_le16(at + 18); /* the second: the first has no key */
        if (get_le16(at + 10) == 1 && node + 20 < PAGE) {
            refused += flip(page * PAGE + node + 15, 0) == REFUSED ? 1 : 0;
            refused += flip(page * PAGE + node + 15, 3) == REFUSED ? 1 : 0;
        }
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

/* The two heads of the file decide which commit is the last. */
START_TEST(no_bit_of_the_heads_is_believed) {
    uint32_t refused = 0;
    for (size_t page = 0; page < 2; page++) {
        for (size_t at = 0; at < META_USED_BYTES; at += 5) {
            refused += flip(page * PAGE + at, (int)((at * 5 + page) % 8)) == REFUSED ? 1 : 0;
        }
        for (size_t at = META_USED_BYTES - 16; at < META_USED_BYTES - 13; at++) { /* last page */
            refused += flip(page * PAGE + at, 1) == REFUSED ? 1 : 0;
            refused += flip(page * PAGE + at, 4) == REFUSED ? 1 : 0;
        }
        for (size_t at = META_USED_BYTES - 8; at < META_USED_BYTES - 5; at++) { /* transaction */
            for (int bit = 0; bit < 8; bit++) {
                refused += flip(page * PAGE + at, bit) == REFUSED ? 1 : 0;
            }
        }
    }
    ck_assert_uint_gt(refused, META_USED_BYTES / 8);
}
END_TEST

START_TEST(no_cut_passes) {
    uint32_t refused = 0;
    for (size_t left = 0; left < whole.len; left += 15 * PAGE / 2) {
        char what[64];
        (void)snprintf(what, sizeof(what), "cut to %zu bytes", left);
        fixture_file_write(span_make(whole.ptr, left));
        refused += look_apart(what) == REFUSED ? 1 : 0;
    }
    ck_assert_uint_gt(refused, 10);
}
END_TEST

START_TEST(another_journals_file_is_refused) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    char command[256];
    (void)snprintf(command, sizeof(command), "rm '%s/data.mdb'", fixture.dir);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "gone or empty"));
    (void)snprintf(command, sizeof(command), "rm '%s/lock'", fixture.dir);
    ck_assert_int_eq(system(command), 0);
    journal = fixture_open(16 * MIB); /* a new one, with a name of its own */
    journal_close(&journal);
    fixture_file_write(buf_span(&whole));
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "another journal's"));
}
END_TEST

static void make_state_newer(uint8_t *at) {
    at[4] = 5;
    fixture_seal(at, 64);
}

START_TEST(a_newer_journal_is_left_alone) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    ck_assert_uint_gt(fixture_damage(SPAN_LIT("CMJL"), make_state_newer), 0);
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(diag.text, "format version 5"));
}
END_TEST

/* The flags of the node whose key is "s". */
static void make_state_a_tree(uint8_t *at) { at[-5] = 2; }

START_TEST(a_tree_inside_a_tree_is_refused) {
    struct journal *journal = NULL;
    struct diag diag = {0};
    ck_assert_uint_gt(fixture_damage(SPAN_LIT("CMJL"), make_state_a_tree), 0);
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_CORRUPT);
    ck_assert_msg(strstr(diag.text, "a tree is where none can be") != NULL, "%s", diag.text);
}
END_TEST

/* The record's value begins 53 bytes before its source; key and value stand together in a node. */
static void make_record_newer(uint8_t *at) {
    uint8_t *value = at - 53;
    value[0] = 200;
    fixture_seal(value - FORMAT_RECORD_KEY_BYTES,
                 FORMAT_RECORD_KEY_BYTES + 53 + sizeof(FIXTURE_SOURCE) - 1 + 12);
}

START_TEST(a_newer_record_is_no_damage) {
    struct journal *journal = fixture_open(16 * MIB);
    struct diag diag = {0};
    fixture_put(journal, journal_next_seq(journal), 5000, 0);
    ck_assert_int_eq(fixture_result(journal).outcome, JOURNAL_DURABLE);
    journal_close(&journal);
    ck_assert_uint_gt(fixture_damage(SPAN_LIT(FIXTURE_SOURCE), make_record_newer), 0);
    ck_assert_int_eq(fixture_try_open(&journal, 16 * MIB, &diag), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(diag.text, "another version"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker journal damage");
    TCase *tests = tcase_create("damage");
    tcase_set_timeout(tests, 100);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_undamaged_journal_is_whole);
    if (WITH_EVERY_PLACE) {
        tcase_add_test(tests, no_bit_of_a_page_is_believed);
        tcase_add_test(tests, no_bound_of_a_leaf_is_believed);
        tcase_add_test(tests, no_key_of_a_branch_is_believed);
        tcase_add_test(tests, no_bit_of_the_heads_is_believed);
        tcase_add_test(tests, no_cut_passes);
    }
    tcase_add_test(tests, another_journals_file_is_refused);
    tcase_add_test(tests, a_newer_journal_is_left_alone);
    tcase_add_test(tests, a_tree_inside_a_tree_is_refused);
    suite_add_tcase(suite, tests);
    TCase *fresh = tcase_create("fresh");
    tcase_add_checked_fixture(fresh, fixture_setup, fixture_teardown);
    tcase_add_test(fresh, a_newer_record_is_no_damage);
    suite_add_tcase(suite, fresh);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
