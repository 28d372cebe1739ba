/* cli/dead/reasons.h: the reasons of dead letters are those that casedoc and the database's comment
 * list. */
#include "base/buf.h"
#include "base/io.h"
#include "cli/dead/reasons.h"

#include <check.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static const char *const WORDS[] = {
#define REASON_ROW(word, meaning) word,
    DEAD_REASONS(REASON_ROW)
#undef REASON_ROW
};

static bool is_listed(struct span word) {
    struct buf text = BUF_EMPTY;
    buf_append(&text, word);
    bool found = dead_reason_meaning(buf_cstr(&text)) != NULL;
    buf_free(&text);
    return found;
}

/* Appends the text between two marks of a file. */
static void read_between(const char *path, const char *from, const char *until, struct buf *out) {
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_msg(io_read_file(path, FILE_BYTES_MAX, &text, &diag) == ERR_OK, "%s", diag.text);
    const char *begin = strstr(buf_cstr(&text), from);
    ck_assert_msg(begin != NULL, "%s: %s", path, from);
    const char *end = strstr(begin, until);
    ck_assert_msg(end != NULL, "%s: %s", path, until);
    buf_append(out, span_make(begin, (size_t)(end - begin)));
    buf_byte(out, ' ');
    buf_free(&text);
}

/* Words with an underline, and the two that have none. */
static bool is_reason_like(struct span word) {
    return memchr(word.ptr, '_', word.len) != NULL || span_is(word, "conflict") ||
           span_is(word, "poison");
}

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

START_TEST(the_list_is_that_of_the_lanes) {
    struct buf lists = BUF_EMPTY;
    read_between("common/casedoc/case_doc.h", "not_a_map, missing_id", "*/", &lists);
    read_between("sql/baseline/4_dead_letters.sql", "a decoding fault, conflict", "';", &lists);
    uint32_t found = 0;
    for (const char *at = buf_cstr(&lists); *at != '\0';) {
        size_t len = 0;
        while (is_word_byte(at[len])) {
            len++;
        }
        struct span word = span_make(at, len);
        if (is_reason_like(word)) {
            ck_assert_msg(is_listed(word), "%.*s is no reason", SPAN_ARG(word));
            found++;
        }
        at += len == 0 ? 1 : len;
    }
    ck_assert_uint_gt(found, 20);
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        ck_assert_msg(strstr(buf_cstr(&lists), WORDS[i]) != NULL, "%s", WORDS[i]);
        ck_assert_msg(i == 0 || strcmp(WORDS[i - 1], WORDS[i]) < 0, "%s", WORDS[i]);
    }
    buf_free(&lists);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli dead");
    TCase *tests = tcase_create("reasons");
    tcase_add_test(tests, the_list_is_that_of_the_lanes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
