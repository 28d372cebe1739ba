/* Output to a terminal: every character that it acts on or hides becomes '?' in text and an
 * escape in JSON, in every way of output. All else stays as it is. */
#include "base/json.h"
#include "base/log.h"
#include "base/plain.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void put_utf8(struct buf *out, uint32_t code) {
    if (code < 0x80) {
        buf_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        buf_byte(out, (uint8_t)(0xc0 | code >> 6));
        buf_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_byte(out, (uint8_t)(0xe0 | code >> 12));
        buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        buf_byte(out, (uint8_t)(0xf0 | code >> 18));
        buf_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

/* By the Unicode character database: controls, direction, line and paragraph ends, joins and marks
 * that show nothing, tags. */
static bool is_harmful(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x180e ||
           code == 0x200b || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
           (code >= 0xe0000 && code <= 0xe007f);
}

START_TEST(every_character) {
    struct buf in = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }
        buf_clear(&in);
        buf_clear(&out);
        size_t before = code % 11; /* at each place of eight bytes, and behind them */
        buf_append(&in, span_make("abcdefghijkl", before));
        put_utf8(&in, code);
        size_t bytes = in.len - before;
        buf_str(&in, "stuvwxyz");
        plain_text(&out, buf_cstr(&in));
        if (is_harmful(code)) {
            ck_assert_msg(out.len == before + 1 + 8 && out.ptr[before] == '?', "U+%04X", code);
        } else {
            ck_assert_msg(span_eq(buf_span(&out), buf_span(&in)), "U+%04X", code);
        }
        struct json json;
        buf_clear(&text);
        json_init(&json, &text);
        json_span(&json, buf_span(&in));
        bool stands = memmem(text.ptr, text.len, in.ptr + before, bytes) != NULL;
        bool is_escaped = code == '"' || code == '\\'; /* behind a backslash, as itself */
        ck_assert_msg(is_escaped || stands != is_harmful(code), "U+%04X in JSON: %s", code,
                      buf_cstr(&text));
    }
    buf_free(&in);
    buf_free(&out);
    buf_free(&text);
}
END_TEST

START_TEST(bytes_that_are_no_character) {
    static const char *const texts[][2] = {{"a\x9bz", "a?z"},       {"a\xc2", "a?"},
                                           {"\xe2\x80", "??"},      {"\xc0\xafz", "??z"},
                                           {"\xed\xa0\x80", "???"}, {"\xf4\x90\x80\x80", "????"},
                                           {"\xff\xfe", "??"},      {"\xc3\xa9\xc3", "\xc3\xa9?"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf out = BUF_EMPTY;
        plain_text(&out, texts[i][0]);
        ck_assert_str_eq(buf_cstr(&out), texts[i][1]);
        buf_free(&out);
    }
}
END_TEST

#define ODD "o\033[31m\xe2\x80\xae\xc2\x9b\n\td"

/* Reads the content of a stdio file. */
static const char *written(FILE *file, struct buf *text) {
    long bytes = ftell(file);
    ck_assert_int_ge(bytes, 0);
    rewind(file);
    buf_clear(text);
    text->len += fread(buf_room(text, (size_t)bytes), 1, (size_t)bytes, file);
    ck_assert_uint_eq(text->len, (size_t)bytes);
    rewind(file);
    ck_assert_int_eq(ftruncate(fileno(file), 0), 0);
    return buf_cstr(text);
}

START_TEST(every_way_to_a_stream) {
    FILE *file = tmpfile();
    struct buf text = BUF_EMPTY;
    ck_assert_ptr_nonnull(file);
    plain_print(file, SPAN_LIT(ODD "\n"));
    ck_assert_str_eq(written(file, &text), "o?[31m??\n\td\n");
    plain_printf(file, "%s %d\n", ODD, 7);
    ck_assert_str_eq(written(file, &text), "o?[31m??\n\td 7\n");
    plain_json(file, SPAN_LIT("{\"a\":\n\t\"\033\xe2\x80\xae\x7f\xff\xf3\xa0\x80\x81\xc3\xa9\"}"));
    ck_assert_str_eq(written(file, &text),
                     "{\"a\":\n\t\"\\u001b\\u202e\\u007f\\ufffd\\udb40\\udc01\xc3\xa9\"}");
    plain_redraw(file, SPAN_LIT(ODD));
    ck_assert_str_eq(written(file, &text), "\ro?[31m????d\033[K");
    plain_exact(file, SPAN_LIT(ODD));
    ck_assert_str_eq(written(file, &text), ODD);
    ck_assert_int_eq(fclose(file), 0);
    buf_free(&text);
}
END_TEST

/* What another program would read as it is, is not shown so to a person. */
START_TEST(exact_bytes_are_not_for_a_terminal) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    ck_assert_int_eq(grantpt(terminal) == 0 && unlockpt(terminal) == 0, 1);
    FILE *file = fopen(ptsname(terminal), "r+");
    ck_assert_ptr_nonnull(file);
    plain_exact(file, SPAN_LIT(ODD "."));
    ck_assert_int_eq(fflush(file), 0);
    char shown[64] = "";
    size_t len = 0;
    while (len < sizeof(shown) - 1 && strchr(shown, '.') == NULL) {
        ssize_t got = read(terminal, shown + len, sizeof(shown) - 1 - len);
        ck_assert_int_gt(got, 0);
        len += (size_t)got;
    }
    ck_assert_ptr_null(strchr(shown, '\033'));
    ck_assert_ptr_nonnull(strstr(shown, "o?[31m??"));
    ck_assert_int_eq(fclose(file), 0);
    (void)close(terminal);
}
END_TEST

START_TEST(a_log_line) {
    char path[] = "/tmp/plain.XXXXXX";
    int fd = mkstemp(path);
    int kept = dup(STDERR_FILENO);
    ck_assert(fd >= 0 && kept >= 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    LOG(EV_PEER_REFUSED, "text=\"%s\"", ODD);
    log_text(SPAN_LIT("casemill: " ODD "\n"));
    ck_assert_int_eq(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    char shown[512] = "";
    ck_assert_int_gt(pread(fd, shown, sizeof(shown) - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(shown, "text=\"o [31m??  d\"\n"));
    ck_assert_ptr_nonnull(strstr(shown, "\ncasemill: o?[31m??\n\td\n"));
    (void)close(fd);
    (void)close(kept);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_fault_is_one_line) {
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    ck_assert_int_eq(diag_fail_at(&diag, ERR_INVALID, "a\nb", 3, 0, "%s", ODD), ERR_INVALID);
    diag_print(&diag, SPAN_LIT(""), &out);
    ck_assert_str_eq(buf_cstr(&out), "a?b:3: o?[31m????d\n");
    buf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base plain");
    TCase *tests = tcase_create("plain");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_character);
    tcase_add_test(tests, bytes_that_are_no_character);
    tcase_add_test(tests, every_way_to_a_stream);
    tcase_add_test(tests, exact_bytes_are_not_for_a_terminal);
    tcase_add_test(tests, a_log_line);
    tcase_add_test(tests, a_fault_is_one_line);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
