/* The walk of ROWS: names, rows, cuts, and the place of each fault; and the additive parts of the
 * heads around it. */
#include "wire/rows.h"

#include "base/buf.h"
#include "wire/mp_write.h"

#include <check.h>
#include <stdio.h>

static void put_names(struct buf *out, const char *const *names, size_t count) {
    mp_write_array(out, count);
    for (size_t i = 0; i < count; i++) {
        mp_write_str(out, span_str(names[i]));
    }
}

/* A row of `facts` facts, each true. */
static void put_row(struct buf *out, uint32_t number, uint32_t facts) {
    char id[16];
    (void)snprintf(id, sizeof(id), "c-%u", number);
    mp_write_array(out, ROWS_KEYS + facts);
    mp_write_str(out, span_str(id));
    mp_write_uint(out, number);
    mp_write_nil(out);
    mp_write_nil(out);
    for (uint32_t i = 0; i < facts; i++) {
        mp_write_bool(out, true);
    }
}

/* Walks a copy of exactly that length, so that the sanitizers see a read past its end. */
static enum err walk_copy(struct span bytes, uint32_t count, struct walk_fault *fault) {
    struct buf copy = BUF_EMPTY;
    uint32_t cuts[4];
    buf_append(&copy, bytes);
    *fault = (struct walk_fault){.reason = WIRE_REASON_NONE};
    enum err err = rows_walk(buf_span(&copy), count, 2, cuts, 4, fault);
    buf_free(&copy);
    return err;
}

static void expect_fault(const struct buf *body, uint32_t count, enum wire_reason reason,
                         uint32_t index, uint64_t offset) {
    struct walk_fault fault;
    ck_assert_int_ne(walk_copy(buf_span(body), count, &fault), ERR_OK);
    ck_assert_str_eq(wire_reason_word(fault.reason), wire_reason_word(reason));
    ck_assert_uint_eq(fault.index, index);
    ck_assert_uint_eq(fault.offset, offset);
}

static const char *const TWO[] = {"visa_us", "minor_ctx.accompanied"};

START_TEST(cuts_begin_behind_the_names) {
    struct buf body = BUF_EMPTY;
    uint32_t cuts[2] = {0};
    size_t starts[3];
    struct walk_fault fault;
    put_names(&body, TWO, 2);
    for (uint32_t i = 0; i < 3; i++) {
        starts[i] = body.len;
        put_row(&body, i, i); /* a short row leaves the rest unknown */
    }
    ck_assert_int_eq(rows_walk(buf_span(&body), 3, 2, cuts, 2, &fault), ERR_OK);
    ck_assert_uint_eq(cuts[0], starts[0]);
    ck_assert_uint_eq(cuts[1], starts[2]);
    expect_fault(&body, 4, WIRE_REASON_COUNT_MISMATCH, 3, body.len);
    expect_fault(&body, 2, WIRE_REASON_TRAILING_BYTES, 2, starts[2]);
    buf_free(&body);
}
END_TEST

START_TEST(cut_everywhere_it_is_a_fault) {
    struct buf body = BUF_EMPTY;
    struct walk_fault fault;
    put_names(&body, TWO, 2);
    put_row(&body, 1, 2);
    put_row(&body, 2, 2);
    ck_assert_int_eq(walk_copy(buf_span(&body), 2, &fault), ERR_OK);
    for (size_t cut = 0; cut < body.len; cut++) {
        ck_assert_msg(walk_copy(span_make(body.ptr, cut), 2, &fault) != ERR_OK, "at %zu", cut);
        ck_assert_uint_le(fault.offset, cut);
    }
    buf_free(&body);
}
END_TEST

START_TEST(faults_of_names_have_their_place) {
    static const char *const twice[] = {"a", "bb", "a"};
    static const char *const beside[] = {"a.x", "bb", "a"};
    static const char *const dots[] = {"a.x", "a.y", "a.x.y", ".", ""};
    struct buf body = BUF_EMPTY;
    struct walk_fault fault;
    put_names(&body, twice, 3);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 2, 6);
    buf_clear(&body);
    put_names(&body, beside, 3);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 0, 1);
    buf_clear(&body);
    put_names(&body, dots, 3); /* leaves of one record */
    put_row(&body, 1, 3);
    ck_assert_int_eq(walk_copy(buf_span(&body), 1, &fault), ERR_OK);
    buf_clear(&body);
    put_names(&body, dots, 5); /* the record of "." has the name "", which is the fifth */
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 3, 15);
    buf_clear(&body);
    mp_write_array(&body, 2);
    mp_write_str(&body, SPAN_LIT("a"));
    mp_write_uint(&body, 7);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 1, 3);
    buf_clear(&body);
    mp_write_map(&body, 0);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 0, 0);
    buf_clear(&body);
    expect_fault(&body, 1, WIRE_REASON_TRUNCATED, 0, 0);
    buf_free(&body);
}
END_TEST

static void put_numbered(struct buf *out, uint32_t count, size_t bytes) {
    mp_write_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        char name[256];
        int len = snprintf(name, sizeof(name), "%0*u", (int)bytes, i);
        mp_write_str(out, span_make(name, (size_t)len));
    }
}

START_TEST(names_have_limits) {
    struct buf body = BUF_EMPTY;
    struct walk_fault fault;
    put_numbered(&body, ROWS_NAMES_MAX, 5);
    put_row(&body, 1, ROWS_NAMES_MAX);
    ck_assert_int_eq(walk_copy(buf_span(&body), 1, &fault), ERR_OK);
    buf_clear(&body);
    put_numbered(&body, ROWS_NAMES_MAX + 1, 5);
    put_row(&body, 1, 1);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, ROWS_NAMES_MAX, 3 + 6 * ROWS_NAMES_MAX);
    buf_clear(&body);
    put_numbered(&body, 255, 63); /* 3 + 255 * 65 is above the limit by 194: three names */
    put_row(&body, 1, 1);
    expect_fault(&body, 1, WIRE_REASON_BAD_NAMES, 252, 3 + 252 * 65);
    buf_clear(&body);
    put_numbered(&body, 252, 63);
    put_row(&body, 1, 1);
    ck_assert_int_eq(walk_copy(buf_span(&body), 1, &fault), ERR_OK);
    buf_free(&body);
}
END_TEST

static void put_nested(struct buf *out, unsigned depth) {
    for (unsigned i = 0; i < depth; i++) {
        mp_write_array(out, 1);
    }
    mp_write_nil(out);
}

START_TEST(faults_of_rows_have_their_place) {
    struct buf body = BUF_EMPTY;
    struct walk_fault fault;
    put_names(&body, TWO, 2);
    put_row(&body, 1, 2);
    size_t second = body.len;
    put_row(&body, 2, 3); /* longer than the names */
    expect_fault(&body, 2, WIRE_REASON_BAD_ROW, 1, second);
    body.len = second;
    mp_write_map(&body, 0); /* no array */
    expect_fault(&body, 2, WIRE_REASON_BAD_ROW, 1, second);
    body.len = second;
    mp_write_array(&body, 1);
    put_nested(&body, ROWS_DEPTH_MAX);
    ck_assert_int_eq(walk_copy(buf_span(&body), 2, &fault), ERR_OK);
    body.len = second;
    mp_write_array(&body, 1);
    put_nested(&body, ROWS_DEPTH_MAX + 1);
    expect_fault(&body, 2, WIRE_REASON_TOO_DEEP, 1, second + 1 + ROWS_DEPTH_MAX);
    body.len = second;
    buf_append(&body, SPAN_LIT("\xdd\x7f\xff\xff\xff")); /* an array of 2,147,483,647 */
    expect_fault(&body, 2, WIRE_REASON_SIZE_BOMB, 1, second);
    body.len = second;
    buf_append(&body, SPAN_LIT("\x91\xc1"));
    expect_fault(&body, 2, WIRE_REASON_TRUNCATED, 1, second + 1);
    buf_free(&body);
}
END_TEST

/* Each first byte of a value in a row is as long as walk_value finds it. */
START_TEST(rows_agree_with_the_walker) {
    for (unsigned first = 0; first < 256; first++) {
        struct buf body = BUF_EMPTY;
        struct walk_fault fault;
        mp_write_array(&body, 0);
        mp_write_array(&body, 1);
        size_t start = body.len;
        buf_byte(&body, (uint8_t)first);
        for (int i = 0; i < 600; i++) {
            buf_byte(&body, 0x01);
        }
        size_t end = start;
        if (walk_value(buf_span(&body), &end) == ERR_OK) {
            ck_assert_msg(walk_copy(span_make(body.ptr, end), 1, &fault) == ERR_OK, "%02x", first);
            ck_assert_msg(walk_copy(span_make(body.ptr, end - 1), 1, &fault) != ERR_OK, "%02x",
                          first);
        } else {
            ck_assert_msg(walk_copy(buf_span(&body), 1, &fault) != ERR_OK, "%02x", first);
        }
        buf_free(&body);
    }
}
END_TEST

/* A lane of an earlier version announces no forms; one of a later version announces others. */
START_TEST(unknown_forms_are_skipped) {
    static const char HEAD[] = "\x93\xa3\x43\x4d\x31\xa5READY\x86\xa4uuid\xc4\x10"
                               "0123456789abcdef\xa4name\xa1w\xa7version\xa1"
                               "1\xa6"
                               "credit\x82\xa5"
                               "cases\x01\xa5"
                               "bytes\x01\xa5holds\x90\xa5"
                               "forms\x92\xa4tall\xa4rows";
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct wire_message message;
    struct wire_decode_fault fault;
    ck_assert_int_eq(
        wire_decode(SPAN_LIT(HEAD), WIRE_WORKER, WIRE_TO_BROKER, &arena, &message, &fault), ERR_OK);
    ck_assert_uint_eq(message.ready.forms, WIRE_FORM_BIT(WIRE_FORM_ROWS));
    arena_free(&arena);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wire_rows");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, cuts_begin_behind_the_names);
    tcase_add_test(tests, cut_everywhere_it_is_a_fault);
    tcase_add_test(tests, faults_of_names_have_their_place);
    tcase_add_test(tests, names_have_limits);
    tcase_add_test(tests, faults_of_rows_have_their_place);
    tcase_add_test(tests, rows_agree_with_the_walker);
    tcase_add_test(tests, unknown_forms_are_skipped);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
