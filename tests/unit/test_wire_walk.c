/* The bounded walker: every first byte, depth, claimed counts, exact ends, cuts. */
#include "wire/walk.h"

#include "base/buf.h"

#include <check.h>

/* Walks a copy of exactly that length, so that the sanitizers see a read past its end. */
static enum err walk_copy(struct span bytes, size_t *offset) {
    struct buf copy = BUF_EMPTY;
    buf_append(&copy, bytes);
    *offset = 0;
    enum err err = walk_value(buf_span(&copy), offset);
    buf_free(&copy);
    return err;
}

/* One value of each first byte: how many bytes it takes when its number, length or count is 2. */
static size_t value_of(uint8_t first, struct buf *out) {
    static const uint8_t widths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                       1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    buf_byte(out, first);
    size_t filling = 0;
    if (first >= 0x80 && first < 0x90) {
        filling = 2 * (size_t)(first & 0x0f);
    } else if (first >= 0x90 && first < 0xa0) {
        filling = first & 0x0f;
    } else if (first >= 0xa0 && first < 0xc0) {
        filling = first & 0x1f;
    } else if (first >= 0xc0 && first < 0xe0) {
        uint8_t width = widths[first - 0xc0];
        for (uint8_t i = 0; i < width; i++) {
            buf_byte(out, i + 1 == width ? 2 : 0);
        }
        if (first >= 0xd4 && first <= 0xd8) {
            filling = 1 + ((size_t)1 << (first - 0xd4));
        } else if (first >= 0xc7 && first <= 0xc9) {
            filling = 3;
        } else if (first >= 0xde) {
            filling = 4;
        } else if (first >= 0xd9 || (first >= 0xc4 && first <= 0xc6)) {
            filling = 2;
        }
    }
    for (size_t i = 0; i < filling; i++) {
        buf_byte(out, 0x01);
    }
    return out->len;
}

START_TEST(every_first_byte_cut_everywhere) {
    for (unsigned first = 0; first < 256; first++) {
        struct buf value = BUF_EMPTY;
        size_t len = value_of((uint8_t)first, &value);
        for (size_t cut = 0; cut <= len; cut++) {
            size_t end = 0;
            enum err err = walk_copy(span_make(value.ptr, cut), &end);
            if (first == 0xc1) {
                ck_assert_int_eq(err, cut == 0 ? ERR_TRUNCATED : ERR_INVALID);
            } else if (cut < len) {
                ck_assert_msg(err == ERR_TRUNCATED || err == ERR_SIZE_BOMB, "%02x at %zu: %s",
                              first, cut, err_name(err));
            } else {
                ck_assert_msg(err == ERR_OK, "%02x: %s", first, err_name(err));
                ck_assert_uint_eq(end, len);
            }
        }
        buf_free(&value);
    }
}
END_TEST

static void nest(struct buf *out, unsigned depth, bool maps) {
    for (unsigned i = 0; i < depth; i++) {
        buf_byte(out, maps ? 0x81 : 0x91);
        if (maps) {
            buf_byte(out, 0x01);
        }
    }
    buf_byte(out, 0xc0);
}

START_TEST(depth_is_bounded) {
    for (int maps = 0; maps < 2; maps++) {
        struct buf value = BUF_EMPTY;
        size_t end = 0;
        nest(&value, WALK_DEPTH_MAX, maps != 0);
        ck_assert_int_eq(walk_copy(buf_span(&value), &end), ERR_OK);
        buf_clear(&value);
        nest(&value, WALK_DEPTH_MAX + 1, maps != 0);
        ck_assert_int_eq(walk_copy(buf_span(&value), &end), ERR_TOO_DEEP);
        ck_assert_uint_eq(end, (size_t)WALK_DEPTH_MAX * (maps ? 2 : 1));
        buf_free(&value);
    }
    struct buf deep = BUF_EMPTY;
    nest(&deep, 1000000, false);
    size_t end = 0;
    ck_assert_int_eq(walk_copy(buf_span(&deep), &end), ERR_TOO_DEEP);
    buf_free(&deep);
}
END_TEST

START_TEST(siblings_do_not_add_to_depth) {
    struct buf value = BUF_EMPTY;
    buf_byte(&value, 0xdc);
    buf_be16(&value, 1000);
    for (int i = 0; i < 1000; i++) {
        nest(&value, WALK_DEPTH_MAX - 1, (i & 1) != 0);
    }
    size_t end = 0;
    ck_assert_int_eq(walk_copy(buf_span(&value), &end), ERR_OK);
    ck_assert_uint_eq(end, value.len);
    buf_free(&value);
}
END_TEST

START_TEST(claims_are_held_against_the_bytes_left) {
    size_t end = 0;
    ck_assert_int_eq(walk_copy(SPAN_LIT("\xdd\xff\xff\xff\xff"), &end), ERR_SIZE_BOMB);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\xdf\xff\xff\xff\xff"), &end), ERR_SIZE_BOMB);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\x91\xdd\x00\x00\x00\x02\x01"), &end), ERR_SIZE_BOMB);
    ck_assert_uint_eq(end, 1);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\x82\x01\x02\x03"), &end), ERR_SIZE_BOMB);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\xdb\xff\xff\xff\xff"
                                        "ab"),
                               &end),
                     ERR_TRUNCATED);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\xc6\xff\xff\xff\xff"
                                        "ab"),
                               &end),
                     ERR_TRUNCATED);
    ck_assert_int_eq(walk_copy(SPAN_LIT("\xc9\xff\xff\xff\xff"
                                        "ab"),
                               &end),
                     ERR_TRUNCATED);
}
END_TEST

START_TEST(numbers) {
    const struct {
        struct span bytes;
        enum walk_type type;
        uint64_t bits; /* of u, or of i as it stands */
    } list[] = {
        {SPAN_LIT("\x00"), WALK_UINT, 0},
        {SPAN_LIT("\x7f"), WALK_UINT, 127},
        {SPAN_LIT("\xff"), WALK_INT, UINT64_MAX},
        {SPAN_LIT("\xe0"), WALK_INT, (uint64_t)INT64_C(-32)},
        {SPAN_LIT("\xcc\xff"), WALK_UINT, 255},
        {SPAN_LIT("\xcd\xff\xfe"), WALK_UINT, 65534},
        {SPAN_LIT("\xce\xff\xff\xff\xff"), WALK_UINT, UINT32_MAX},
        {SPAN_LIT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), WALK_UINT, UINT64_MAX},
        {SPAN_LIT("\xd0\x80"), WALK_INT, (uint64_t)INT64_C(-128)},
        {SPAN_LIT("\xd0\x05"), WALK_UINT, 5},
        {SPAN_LIT("\xd1\x80\x00"), WALK_INT, (uint64_t)INT64_C(-32768)},
        {SPAN_LIT("\xd2\x80\x00\x00\x00"), WALK_INT, (uint64_t)INT64_C(-2147483648)},
        {SPAN_LIT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), WALK_INT, (uint64_t)INT64_MIN},
    };
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct walk_item item;
        size_t at = 0;
        ck_assert_int_eq(walk_next(list[i].bytes, &at, &item), ERR_OK);
        ck_assert_int_eq(item.type, list[i].type);
        ck_assert_uint_eq(item.u, list[i].bits);
        ck_assert_uint_eq(at, list[i].bytes.len);
    }
    struct walk_item item;
    size_t at = 0;
    ck_assert_int_eq(walk_next(SPAN_LIT("\xca\x3f\x80\x00\x00"), &at, &item), ERR_OK);
    ck_assert(item.type == WALK_FLOAT && item.d == 1.0);
    at = 0;
    ck_assert_int_eq(walk_next(SPAN_LIT("\xcb\xc0\x00\x00\x00\x00\x00\x00\x00"), &at, &item),
                     ERR_OK);
    ck_assert(item.type == WALK_FLOAT && item.d == -2.0);
}
END_TEST

START_TEST(bodies) {
    const struct {
        struct span body;
        uint32_t count;
        enum wire_reason reason;
        uint32_t index;
        uint64_t offset;
    } list[] = {
        {SPAN_LIT("\x80\x80\x80"), 3, WIRE_REASON_NONE, 0, 0},
        {SPAN_LIT("\x80\x80"), 3, WIRE_REASON_COUNT_MISMATCH, 2, 2},
        {SPAN_LIT(""), 1, WIRE_REASON_COUNT_MISMATCH, 0, 0},
        {SPAN_LIT("\x80\x80\x80"), 2, WIRE_REASON_TRAILING_BYTES, 2, 2},
        {SPAN_LIT("\x80\x81\x01\xa5"
                  "abc"),
         2, WIRE_REASON_TRUNCATED, 1, 3},
        {SPAN_LIT("\x80\xc1"), 2, WIRE_REASON_TRUNCATED, 1, 1},
        {SPAN_LIT("\x80\xdf\x7f\xff\xff\xff"), 2, WIRE_REASON_SIZE_BOMB, 1, 1},
        {SPAN_LIT("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00"), 1,
         WIRE_REASON_TOO_DEEP, 0, 16},
    };
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct walk_fault fault = {.reason = WIRE_REASON_NONE};
        enum err err = walk_body(list[i].body, list[i].count, 0, NULL, 0, &fault);
        ck_assert_int_eq(err == ERR_OK, list[i].reason == WIRE_REASON_NONE);
        ck_assert_int_eq(fault.reason, list[i].reason);
        ck_assert_uint_eq(fault.index, list[i].index);
        ck_assert_uint_eq(fault.offset, list[i].offset);
    }
}
END_TEST

START_TEST(cuts_are_at_every_stride) {
    struct span body = SPAN_LIT("\x80\x81\x01\x02\x80\x80\x81\x01\xa1x\x80");
    uint32_t cuts[4] = {9, 9, 9, 9};
    struct walk_fault fault;
    ck_assert_int_eq(walk_body(body, 6, 2, cuts, 4, &fault), ERR_OK);
    ck_assert_uint_eq(cuts[0], 0);
    ck_assert_uint_eq(cuts[1], 4);
    ck_assert_uint_eq(cuts[2], 6);
    ck_assert_uint_eq(cuts[3], 9);
    cuts[1] = 9;
    ck_assert_int_eq(walk_body(body, 6, 2, cuts, 1, &fault), ERR_OK);
    ck_assert_uint_eq(cuts[1], 9);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wire walk");
    TCase *tests = tcase_create("walk");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_first_byte_cut_everywhere);
    tcase_add_test(tests, depth_is_bounded);
    tcase_add_test(tests, siblings_do_not_add_to_depth);
    tcase_add_test(tests, claims_are_held_against_the_bytes_left);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, bodies);
    tcase_add_test(tests, cuts_are_at_every_stride);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
