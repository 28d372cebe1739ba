/* Every command against its golden bytes, which another MessagePack encoder wrote. Encoding
 * gives these bytes; decoding and encoding again gives them back. No damaged head is taken for a
 * whole one. */
#include "wire_golden.h"

#include "base/io.h"

#include <check.h>
#include <stdio.h>

static int hex_value(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* Reads a golden file: pairs of hex digits; from # to the end of the line is a comment. */
static void golden_read(const char *name, struct buf *bytes) {
    char path[128];
    struct diag diag = {0};
    struct buf text = BUF_EMPTY;
    (void)snprintf(path, sizeof(path), "tests/data/wire/%s.hex", name);
    ck_assert_msg(io_read_file(path, 1 << 20, &text, &diag) == ERR_OK, "%s", diag.text);
    bool in_comment = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        in_comment = c == '#' || (in_comment && c != '\n');
        if (!in_comment && c > ' ') {
            int value = hex_value(c) * 16 + hex_value((char)text.ptr[i + 1]);
            buf_byte(bytes, (uint8_t)value);
            i++;
        }
    }
    buf_free(&text);
}

START_TEST(golden_bytes) {
    struct golden rows[GOLDEN_MAX];
    struct sample sample;
    struct wire_delivery buried;
    uint32_t count = golden_all(&sample, &buried, rows);
    bool seen[WIRE_COMMAND_COUNT] = {false};
    for (uint32_t i = 0; i < count; i++) {
        struct buf golden = BUF_EMPTY;
        struct buf out = BUF_EMPTY;
        struct arena arena;
        arena_init(&arena, 1 << 20);
        golden_read(rows[i].name, &golden);
        wire_encode(&rows[i].message, &out);
        ck_assert_msg(span_eq(buf_span(&out), buf_span(&golden)), "%s: encoded", rows[i].name);
        struct wire_message message;
        struct wire_decode_fault fault;
        ck_assert_msg(wire_decode(buf_span(&golden), rows[i].socket, rows[i].direction, &arena,
                                  &message, &fault) == ERR_OK,
                      "%s: decoded", rows[i].name);
        ck_assert_int_eq(message.command, rows[i].message.command);
        buf_clear(&out);
        wire_encode(&message, &out);
        ck_assert_msg(span_eq(buf_span(&out), buf_span(&golden)), "%s: again", rows[i].name);
        seen[message.command] = true;
        arena_free(&arena);
        buf_free(&out);
        buf_free(&golden);
    }
    for (int i = 0; i < WIRE_COMMAND_COUNT; i++) {
        ck_assert_msg(seen[i], "no golden file of %s", wire_command_name((enum wire_command)i));
    }
}
END_TEST

START_TEST(cut_at_every_byte_and_one_too_many) {
    struct golden rows[GOLDEN_MAX];
    struct sample sample;
    struct wire_delivery buried;
    uint32_t count = golden_all(&sample, &buried, rows);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (uint32_t i = 0; i < count; i++) {
        struct buf out = BUF_EMPTY;
        wire_encode(&rows[i].message, &out);
        buf_byte(&out, 0xc0);
        for (size_t len = 0; len <= out.len; len++) {
            /* A copy of exactly that length, so that reading past its end is seen. */
            struct buf cut = BUF_EMPTY;
            buf_append(&cut, span_make(out.ptr, len));
            struct wire_message message;
            struct wire_decode_fault fault;
            enum err err = wire_decode(buf_span(&cut), rows[i].socket, rows[i].direction, &arena,
                                       &message, &fault);
            ck_assert_int_eq(err == ERR_OK, len == out.len - 1);
            if (err != ERR_OK) {
                ck_assert_int_eq(fault.reason, WIRE_REASON_BAD_HEAD);
            }
            arena_reset(&arena);
            buf_free(&cut);
        }
        buf_free(&out);
    }
    arena_free(&arena);
}
END_TEST

/* Every single byte of every head set to some other values: refused or read, never out of bounds
 * (the sanitizers watch), and what is read can be encoded. */
START_TEST(any_byte_damaged) {
    struct golden rows[GOLDEN_MAX];
    struct sample sample;
    struct wire_delivery buried;
    uint32_t count = golden_all(&sample, &buried, rows);
    static const uint8_t others[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xc0, 0xc1,
                                     0xc4, 0xcf, 0xd3, 0xdb, 0xdd, 0xdf, 0xff};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct buf head = BUF_EMPTY;
        struct buf again = BUF_EMPTY;
        wire_encode(&rows[i].message, &head);
        for (size_t at = 0; at < head.len; at++) {
            uint8_t kept = head.ptr[at];
            for (size_t k = 0; k < COUNT_OF(others); k++) {
                struct wire_message message;
                struct wire_decode_fault fault;
                head.ptr[at] = others[k];
                if (wire_decode(buf_span(&head), rows[i].socket, rows[i].direction, &arena,
                                &message, &fault) == ERR_OK) {
                    buf_clear(&again);
                    wire_encode(&message, &again);
                } else {
                    ck_assert_int_ne(fault.reason, WIRE_REASON_NONE);
                    refused++;
                }
                arena_reset(&arena);
            }
            head.ptr[at] = kept;
        }
        buf_free(&again);
        buf_free(&head);
    }
    ck_assert_uint_gt(refused, 1000);
    arena_free(&arena);
}
END_TEST

struct refusal {
    struct span head;
    enum err err;
    enum wire_reason reason;
    bool has_batch;
};
#define BATCH                                                                                      \
    "\xa5"                                                                                         \
    "batch\xc4\x10"                                                                                \
    "0123456789abcdef"
#define COUNT                                                                                      \
    "\xa5"                                                                                         \
    "count\x01"
#define OPEN                                                                                       \
    "\x93\xa3"                                                                                     \
    "CM1\xa6"                                                                                      \
    "SUBMIT"

START_TEST(refusals_name_the_reason) {
    const struct refusal list[] = {
        {SPAN_LIT(""), ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
        {SPAN_LIT("hello"), ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
        {SPAN_LIT("\xc1"), ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
        {SPAN_LIT("\x93\xa3"
                  "XM1\xa6"
                  "SUBMIT\x80"),
         ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
        {SPAN_LIT("\x93\xa3"
                  "CM2\xa6"
                  "SUBMIT\x80"),
         ERR_VERSION, WIRE_REASON_UNKNOWN_VERSION, false},
        {SPAN_LIT("\x92\xa3"
                  "CM1\xa6"
                  "SUBMIT"),
         ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa6"
                  "SUBMIX\x81" BATCH),
         ERR_UNKNOWN, WIRE_REASON_UNKNOWN_COMMAND, true},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa5"
                  "READY\x80"),
         ERR_UNKNOWN, WIRE_REASON_UNKNOWN_COMMAND, false},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa8"
                  "ACCEPTED\x80"),
         ERR_UNKNOWN, WIRE_REASON_UNKNOWN_COMMAND, false},
        {SPAN_LIT(OPEN "\x90"), ERR_INVALID, WIRE_REASON_BAD_HEADER, false},
        {SPAN_LIT(OPEN "\x80"), ERR_INVALID, WIRE_REASON_BAD_HEADER, false},
        {SPAN_LIT(OPEN "\x81" BATCH), ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x82" BATCH "\xa5"
                       "count\x00"),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x82" BATCH "\xa5"
                       "count\xff"),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x82" BATCH "\xa5"
                       "count\xce\x00\x01\x00\x01"),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x83" BATCH COUNT COUNT), ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x83" BATCH COUNT "\xa3"
                       "ack\xa5"
                       "never"),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x83" BATCH COUNT "\xa6"
                       "source\xa1\xff"),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, true},
        {SPAN_LIT(OPEN "\x82\xa5"
                       "batch\xc4\x01x" COUNT),
         ERR_INVALID, WIRE_REASON_BAD_HEADER, false},
        {SPAN_LIT(OPEN "\xdf\xff\xff\xff\xff"), ERR_INVALID, WIRE_REASON_BAD_HEAD, false},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct wire_message message;
        struct wire_decode_fault fault;
        enum err err =
            wire_decode(list[i].head, WIRE_INTAKE, WIRE_TO_BROKER, &arena, &message, &fault);
        ck_assert_msg(err == list[i].err, "row %zu: %s", i, err_name(err));
        ck_assert_msg(fault.reason == list[i].reason, "row %zu: %s", i,
                      wire_reason_word(fault.reason));
        ck_assert_msg(fault.has_batch == list[i].has_batch, "row %zu: batch", i);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(defaults_and_unknown_keys) {
    struct span head = SPAN_LIT(OPEN "\x86\xa6"
                                     "future\x91\x81\x01\x02" BATCH COUNT "\x07\xc0\xa6"
                                     "source\xc0"
                                     "\xa8"
                                     "priority\xc0");
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct wire_message message;
    struct wire_decode_fault fault;
    ck_assert_int_eq(wire_decode(head, WIRE_INTAKE, WIRE_TO_BROKER, &arena, &message, &fault),
                     ERR_OK);
    ck_assert_int_eq(message.submit.priority, WIRE_NORMAL);
    ck_assert_int_eq(message.submit.ack, WIRE_ACK_JOURNAL);
    ck_assert(!message.submit.coalesce);
    ck_assert_uint_eq(message.submit.source.len, 0);
    arena_free(&arena);
}
END_TEST

#define RANGE                                                                                      \
    "\x94\xc4\x10"                                                                                 \
    "0123456789abcdef\x01\x00\x02"
#define NO_CASES                                                                                   \
    "\x84\xa8"                                                                                     \
    "outcomes\x80\xaa"                                                                             \
    "duplicates\x00\xa4"                                                                           \
    "dead\x90\xaa"                                                                                 \
    "dead_count\x02"

START_TEST(verdicts_are_counted_against_ranges) {
    const struct {
        struct span head;
        enum err err;
    } list[] = {
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa4"
                  "DONE\x82\xa6"
                  "ranges\x91" RANGE "\xa8"
                  "verdicts\x91" NO_CASES),
         ERR_OK},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa4"
                  "DONE\x82\xa6"
                  "ranges\x91" RANGE "\xa8"
                  "verdicts\x90"),
         ERR_INVALID},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa4"
                  "DONE\x82\xa8"
                  "verdicts\x90\xa6"
                  "ranges\x91" RANGE),
         ERR_INVALID},
        {SPAN_LIT("\x93\xa3"
                  "CM1\xa4"
                  "DONE\x82\xa6"
                  "ranges\x91\x94\xc4\x10"
                  "0123456789abcdef\x01\xce\x00\x01\x00\x00\x01\xa8"
                  "verdicts\x91" NO_CASES),
         ERR_INVALID}, /* first + count beyond a batch */
    };
    struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct wire_message message;
        struct wire_decode_fault fault;
        enum err err =
            wire_decode(list[i].head, WIRE_WORKER, WIRE_TO_BROKER, &arena, &message, &fault);
        ck_assert_msg(err == list[i].err, "row %zu: %s", i, err_name(err));
    }
    arena_free(&arena);
}
END_TEST

START_TEST(a_spent_arena_is_too_large) {
    struct golden rows[GOLDEN_MAX];
    struct sample sample;
    struct wire_delivery buried;
    uint32_t count = golden_all(&sample, &buried, rows);
    struct buf out = BUF_EMPTY;
    wire_encode(&rows[count - 1].message, &out);
    struct arena arena;
    arena_init(&arena, 16);
    struct wire_message message;
    struct wire_decode_fault fault;
    ck_assert_int_eq(
        wire_decode(buf_span(&out), WIRE_WORKER, WIRE_FROM_BROKER, &arena, &message, &fault),
        ERR_TOO_LARGE);
    ck_assert_int_eq(fault.reason, WIRE_REASON_TOO_LARGE);
    arena_free(&arena);
    buf_free(&out);
}
END_TEST

START_TEST(words) {
    ck_assert_str_eq(wire_reason_word(WIRE_REASON_NOT_ALLOWED), "not_allowed");
    ck_assert_str_eq(wire_disposition_word(0), "not_subject");
    ck_assert_str_eq(wire_disposition_word(4), "subject_to_agreement");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wire");
    TCase *tests = tcase_create("wire");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, golden_bytes);
    tcase_add_test(tests, cut_at_every_byte_and_one_too_many);
    tcase_add_test(tests, any_byte_damaged);
    tcase_add_test(tests, refusals_name_the_reason);
    tcase_add_test(tests, defaults_and_unknown_keys);
    tcase_add_test(tests, verdicts_are_counted_against_ranges);
    tcase_add_test(tests, a_spent_arena_is_too_large);
    tcase_add_test(tests, words);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
