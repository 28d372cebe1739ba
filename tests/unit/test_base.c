/* base/: memory, bytes, spans, arenas, faults, files. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/span.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(mem_gives_zeroed_and_grown_memory) {
    uint32_t *numbers = mem_zero(4, sizeof(*numbers));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(numbers[i], 0);
        numbers[i] = (uint32_t)i;
    }
    numbers = mem_grow(numbers, 400, sizeof(*numbers));
    ck_assert_uint_eq(numbers[3], 3);
    mem_free(numbers);
    mem_free(mem_alloc(0));
    mem_free(NULL);
    char *copy = mem_strndup("abcdef", 3);
    ck_assert_str_eq(copy, "abc");
    mem_free(copy);
}
END_TEST

START_TEST(mem_stops_at_a_size_that_overflows) {
    (void)fclose(stderr);
    mem_free(mem_zero(SIZE_MAX / 2, 3));
}
END_TEST

START_TEST(check_stops_the_program) {
    (void)fclose(stderr);
    CHECK(1 + 1 == 3);
}
END_TEST

START_TEST(buf_grows_and_keeps_its_bytes) {
    struct buf buf = BUF_EMPTY;
    for (uint32_t i = 0; i < 10000; i++) {
        buf_be32(&buf, i);
    }
    ck_assert_uint_eq(buf.len, 40000);
    for (uint32_t i = 0; i < 10000; i++) {
        ck_assert_uint_eq(get_be32(buf.ptr + 4 * (size_t)i), i);
    }
    buf_clear(&buf);
    ck_assert_uint_eq(buf_span(&buf).len, 0);
    buf_str(&buf, "x=");
    buf_printf(&buf, "%d %s", -7, "seven");
    buf_byte(&buf, '!');
    buf_append(&buf, span_make(NULL, 0));
    ck_assert_str_eq(buf_cstr(&buf), "x=-7 seven!");
    ck_assert_uint_eq(buf.len, 11); /* the NUL does not count */
    buf_free(&buf);
    ck_assert_ptr_null(buf.ptr);
    buf_hex(&buf, SPAN_LIT("\x00\xab\xff"));
    ck_assert_str_eq(buf_cstr(&buf), "00abff");
    buf_free(&buf);
}
END_TEST

START_TEST(buf_prints_texts_of_any_length) {
    char text[5000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t len = 0; len < sizeof(text); len += 61) {
        struct buf buf = BUF_EMPTY;
        buf_printf(&buf, "%.*s|", (int)len, text);
        ck_assert_uint_eq(buf.len, len + 1);
        ck_assert_uint_eq(buf.ptr[len], '|');
        buf_free(&buf);
    }
}
END_TEST

START_TEST(integers_are_laid_down_byte_by_byte) {
    struct buf buf = BUF_EMPTY;
    buf_le16(&buf, 0x0102);
    buf_le32(&buf, 0x01020304);
    buf_le64(&buf, 0x0102030405060708);
    buf_be16(&buf, 0x0102);
    buf_be32(&buf, 0x01020304);
    buf_be64(&buf, 0x0102030405060708);
    static const uint8_t wanted[] = {2, 1, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1,
                                     1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8};
    ck_assert_uint_eq(buf.len, sizeof(wanted));
    ck_assert_mem_eq(buf.ptr, wanted, sizeof(wanted));
    ck_assert_uint_eq(get_le16(buf.ptr), 0x0102);
    ck_assert_uint_eq(get_le32(buf.ptr + 2), 0x01020304);
    ck_assert_uint_eq(get_le64(buf.ptr + 6), 0x0102030405060708);
    ck_assert_uint_eq(get_be16(buf.ptr + 14), 0x0102);
    ck_assert_uint_eq(get_be64(buf.ptr + 20), 0x0102030405060708);
    buf_free(&buf);
}
END_TEST

START_TEST(spans_compare_by_bytes) {
    ck_assert_int_lt(span_cmp(SPAN_LIT("a"), SPAN_LIT("b")), 0);
    ck_assert_int_lt(span_cmp(SPAN_LIT("a"), SPAN_LIT("aa")), 0);
    ck_assert_int_gt(span_cmp(SPAN_LIT("\xff"), SPAN_LIT("a")), 0);
    ck_assert_int_eq(span_cmp(span_make(NULL, 0), SPAN_LIT("")), 0);
    ck_assert(span_eq(SPAN_LIT("a\0b"), span_make("a\0b", 3)));
    ck_assert(!span_eq(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
    ck_assert(span_is(SPAN_LIT("abc"), "abc"));
    ck_assert(!span_is(SPAN_LIT("ab"), "abc"));
}
END_TEST

static const struct {
    const char *text;
    bool sound;
} UTF8[] = {
    {"", true},
    {"plain", true},
    {"\xc3\xa9", true},
    {"\xe2\x82\xac", true},
    {"\xf0\x9f\x87\xba", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc3", false},
    {"\xc3z", false},
    {"\xc0\xaf", false},         /* overlong */
    {"\xc1\xbf", false},         /* overlong */
    {"\xe0\x9f\xbf", false},     /* overlong */
    {"\xf0\x8f\xbf\xbf", false}, /* overlong */
    {"\xed\xa0\x80", false},     /* a surrogate */
    {"\xed\x9f\xbf", true},
    {"\xf4\x90\x80\x80", false}, /* past U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xe2\x82", false},
    {"ok\xff", false},
};

START_TEST(utf8_is_well_formed_or_not) {
    ck_assert_msg(span_is_utf8(span_str(UTF8[_i].text)) == UTF8[_i].sound, "row %d", _i);
}
END_TEST

START_TEST(an_arena_gives_aligned_memory_up_to_its_limit) {
    struct arena arena;
    arena_init(&arena, 1000);
    uint8_t *first = arena_alloc(&arena, 1);
    uint8_t *second = arena_alloc(&arena, 1);
    ck_assert_uint_eq((uintptr_t)first % 16, 0);
    ck_assert_ptr_eq(second, first + 16);
    ck_assert_ptr_null(arena_alloc(&arena, 1000));
    ck_assert_uint_eq(arena.used_bytes, 32);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 968 / 16 * 16));
    ck_assert_ptr_null(arena_alloc(&arena, 16));
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_zero(&arena, SIZE_MAX, 2));
    arena_reset(&arena);
    ck_assert_ptr_eq(arena_alloc(&arena, 1), first);
    struct span copy = arena_copy(&arena, SPAN_LIT("text"));
    ck_assert_uint_eq(copy.len, 4);
    ck_assert_str_eq((const char *)copy.ptr, "text");
    arena_free(&arena);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1)); /* usable again */
    arena_free(&arena);
}
END_TEST

START_TEST(an_arena_spans_chunks_and_rewinds) {
    struct arena arena;
    arena_init(&arena, 64 << 20);
    uint8_t *kept = arena_alloc(&arena, 40000);
    memset(kept, 1, 40000);
    struct arena_mark mark = arena_mark(&arena);
    uint8_t *thrown[4];
    for (size_t i = 0; i < 4; i++) {
        thrown[i] =
            arena_alloc(&arena, i == 2 ? 300000 : 50000); /* each needs a chunk of its own */
        ck_assert_ptr_nonnull(thrown[i]);
        memset(thrown[i], 2, i == 2 ? 300000 : 50000);
    }
    ck_assert_uint_eq(kept[39999], 1);
    arena_rewind(&arena, mark);
    ck_assert_uint_eq(arena.used_bytes, 40000);
    ck_assert_ptr_eq(arena_alloc(&arena, 16), kept + 40000);
    ck_assert_ptr_eq(arena_alloc(&arena, 50000), thrown[0]);  /* chunks are reused */
    ck_assert_ptr_eq(arena_alloc(&arena, 300000), thrown[2]); /* the next one is too small */
    ck_assert_uint_eq(kept[0], 1);
    uint8_t *zeroed = arena_zero(&arena, 10, 5000);
    for (size_t i = 0; i < 50000; i++) {
        ck_assert_uint_eq(zeroed[i], 0);
    }
    arena_free(&arena);

    arena_init(&arena, 1 << 20);
    mark = arena_mark(&arena); /* before the first chunk */
    uint8_t *first = arena_alloc(&arena, 100);
    arena_rewind(&arena, mark);
    ck_assert_ptr_eq(arena_alloc(&arena, 100), first);
    arena_free(&arena);
}
END_TEST

START_TEST(every_error_has_a_name_and_a_text) {
    ck_assert_str_eq(err_name(ERR_TOO_LARGE), "TOO_LARGE");
    ck_assert_str_eq(err_text(ERR_OK), "no error");
    for (int err = ERR_OK; err <= ERR_SYSTEM; err++) {
        ck_assert_uint_gt(strlen(err_name((enum err)err)), 0);
        ck_assert_uint_gt(strlen(err_text((enum err)err)), 0);
    }
}
END_TEST

START_TEST(a_diag_prints_the_line_and_a_caret) {
    struct diag diag = {0};
    ck_assert_int_eq(diag_fail_at(&diag, ERR_INVALID, "a.yaml", 2, 5, "bad %s", "word"),
                     ERR_INVALID);
    diag.width = 3;
    struct buf out = BUF_EMPTY;
    diag_print(&diag, SPAN_LIT("one\n\t\xc3\xa9 abc\nthree\n"), &out);
    ck_assert_str_eq(buf_cstr(&out), "a.yaml:2:5: bad word\n\t\xc3\xa9 abc\n\t  ^~~\n");
    buf_clear(&out);
    diag_print(&diag, span_make(NULL, 0), &out);
    ck_assert_str_eq(buf_cstr(&out), "a.yaml:2:5: bad word\n");
    buf_clear(&out);
    diag.line = 9; /* past the end */
    diag_print(&diag, SPAN_LIT("one\n"), &out);
    ck_assert_str_eq(buf_cstr(&out), "a.yaml:9:5: bad word\n");
    buf_clear(&out);
    ck_assert_int_eq(diag_fail(&diag, ERR_FULL, "no room"), ERR_FULL);
    diag_print(&diag, SPAN_LIT("one\n"), &out);
    ck_assert_str_eq(buf_cstr(&out), "no room\n");
    ck_assert_int_eq(diag.err, ERR_FULL);
    ck_assert_int_eq(diag_fail(NULL, ERR_FULL, "nobody asks"), ERR_FULL);
    buf_free(&out);
}
END_TEST

START_TEST(a_diag_cuts_what_is_too_long) {
    char text[2 * DIAG_TEXT_MAX];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct diag diag = {0};
    ck_assert_int_eq(diag_fail_at(&diag, ERR_INVALID, text, 1, 1, "%s", text), ERR_INVALID);
    ck_assert_uint_eq(strlen(diag.text), DIAG_TEXT_MAX - 1);
    ck_assert_uint_eq(strlen(diag.file), DIAG_FILE_MAX - 1);
}
END_TEST

/* One to four bytes a character, cut at each of them. */
START_TEST(a_diag_is_cut_between_characters) {
    static const char *const characters[] = {"a", "\u00e9", "\u20ac", "\U0001f600"};
    for (size_t i = 0; i < COUNT_OF(characters); i++) {
        for (size_t before = 0; before < 4; before++) {
            struct buf text = BUF_EMPTY;
            struct diag diag = {0};
            buf_append(&text, span_make("xxxx", before));
            while (text.len < DIAG_TEXT_MAX + 8) {
                buf_str(&text, characters[i]);
            }
            ck_assert_int_eq(
                diag_fail_at(&diag, ERR_INVALID, buf_cstr(&text), 1, 1, "%s", buf_cstr(&text)),
                ERR_INVALID);
            ck_assert(span_is_utf8(span_str(diag.text)) && span_is_utf8(span_str(diag.file)));
            ck_assert_uint_gt(strlen(diag.text), DIAG_TEXT_MAX - 1 - strlen(characters[i]));
            buf_free(&text);
        }
    }
}
END_TEST

START_TEST(a_diag_is_one_plain_line) {
    struct diag diag = {0};
    ck_assert_int_eq(
        diag_fail_at(&diag, ERR_INVALID, "a\nb", 1, 1, "x\ny\x1b[2J\x7fz\xc2\x9b \u00e9"),
        ERR_INVALID);
    ck_assert_str_eq(diag.text, "x?y?[2J?z? \u00e9");
    ck_assert_str_eq(diag.file, "a?b");
}
END_TEST

START_TEST(files_are_read_and_written_whole) {
    char path[] = "/tmp/casemill-base-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    struct diag diag = {0};
    struct buf content = BUF_EMPTY;
    for (uint32_t i = 0; i < 50000; i++) {
        buf_le32(&content, i);
    }
    ck_assert_int_eq(io_write_all(fd, buf_span(&content)), ERR_OK);
    (void)close(fd);
    struct buf read = BUF_EMPTY;
    buf_str(&read, "kept");
    ck_assert_int_eq(io_read_file(path, 200000, &read, &diag), ERR_OK);
    ck_assert_uint_eq(read.len, 200004);
    ck_assert_mem_eq(read.ptr, "kept", 4);
    ck_assert_mem_eq(read.ptr + 4, content.ptr, content.len);
    buf_clear(&read);
    ck_assert_int_eq(io_read_file(path, 199999, &read, &diag), ERR_TOO_LARGE);
    ck_assert_int_eq(io_write_file(path, SPAN_LIT("short"), &diag), ERR_OK);
    buf_clear(&read);
    ck_assert_int_eq(io_read_file(path, 100, &read, &diag), ERR_OK);
    ck_assert_str_eq(buf_cstr(&read), "short");
    (void)unlink(path);
    buf_free(&read);
    buf_free(&content);
}
END_TEST

/* In a child: the descriptors are the whole program's. */
START_TEST(standard_descriptors_are_held) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)close(STDIN_FILENO);
        (void)close(STDERR_FILENO);
        bool is_held = io_hold_standard() == ERR_OK;
        int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char byte = 0;
        bool fails = read(STDIN_FILENO, &byte, 1) < 0 &&
                     io_write_all(STDERR_FILENO, SPAN_LIT("x")) == ERR_IO;
        _exit(is_held && fails && next > STDERR_FILENO ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(files_that_fail_give_the_reason) {
    struct diag diag = {0};
    struct buf read = BUF_EMPTY;
    ck_assert_int_eq(io_read_file("/no/such/file", 10, &read, &diag), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(diag.text, "/no/such/file: No such file"));
    ck_assert_int_eq(io_read_file("/tmp", 10, &read, &diag), ERR_IO);
    ck_assert_int_eq(io_write_file("/no/such/file", SPAN_LIT("x"), &diag), ERR_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, "/no/such/file"));
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(full, 0);
    ck_assert_int_eq(io_write_all(full, SPAN_LIT("x")), ERR_IO);
    (void)close(full);
    buf_free(&read);
}
END_TEST

START_TEST(a_clock_that_is_set_is_distinguished_from_a_running_one) {
    const int64_t second_us = 1000000;
    int64_t ahead = 0;
    int64_t wall = INT64_C(1600000000) * second_us;
    ck_assert_int_eq(clock_jump_ms(wall, second_us * 1000, &ahead), 0);
    ck_assert_int_eq(clock_jump_ms(wall + 9 * second_us, 10 * second_us * 1000, &ahead), 0);
    ck_assert_int_eq(clock_jump_ms(wall + 10 * second_us + 999000, 11 * second_us * 1000, &ahead),
                     0);
    ck_assert_int_eq(clock_jump_ms(wall + 3611 * second_us + 999000, 12 * second_us * 1000, &ahead),
                     3600000);
    ck_assert_int_eq(clock_jump_ms(wall + 12 * second_us + 999000, 13 * second_us * 1000, &ahead),
                     -3600000);
    ck_assert_int_eq(clock_jump_ms(wall + 13 * second_us + 999000, 14 * second_us * 1000, &ahead),
                     0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base");
    TCase *cases = tcase_create("base");
    tcase_add_test(cases, mem_gives_zeroed_and_grown_memory);
    tcase_add_test_raise_signal(cases, mem_stops_at_a_size_that_overflows, SIGABRT);
    tcase_add_test_raise_signal(cases, check_stops_the_program, SIGABRT);
    tcase_add_test(cases, a_clock_that_is_set_is_distinguished_from_a_running_one);
    tcase_add_test(cases, buf_grows_and_keeps_its_bytes);
    tcase_add_test(cases, buf_prints_texts_of_any_length);
    tcase_add_test(cases, integers_are_laid_down_byte_by_byte);
    tcase_add_test(cases, spans_compare_by_bytes);
    tcase_add_loop_test(cases, utf8_is_well_formed_or_not, 0, (int)COUNT_OF(UTF8));
    tcase_add_test(cases, an_arena_gives_aligned_memory_up_to_its_limit);
    tcase_add_test(cases, an_arena_spans_chunks_and_rewinds);
    tcase_add_test(cases, every_error_has_a_name_and_a_text);
    tcase_add_test(cases, a_diag_prints_the_line_and_a_caret);
    tcase_add_test(cases, a_diag_cuts_what_is_too_long);
    tcase_add_test(cases, a_diag_is_cut_between_characters);
    tcase_add_test(cases, a_diag_is_one_plain_line);
    tcase_add_test(cases, files_are_read_and_written_whole);
    tcase_add_test(cases, files_that_fail_give_the_reason);
    tcase_add_test(cases, standard_descriptors_are_held);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
