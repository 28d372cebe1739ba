/* `casemill cel`: values, what is missing, what is wrong and where. */
#include "base/io.h"
#include "cli/verb.h"
#include "cli/verb_table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 8192 };

static const char vars_text[] =
    "{\"x\": 3, \"s\": \"air\", \"l\": [1, 2], \"d\": {\"date\": \"2020-02-29\"}, \"h\": "
    "{\"unknown\": []},"
    " \"k\": {\"unknown\": []}, \"m\": {\"a\": 1.5, \"b\": true}, \"u\": {\"uint\": \"7\"},"
    " \"y\": {\"bytes\": \"00ff\"}, \"t\": {\"timestamp\": [\"60\", 0]},"
    " \"p\": {\"duration\": [\"90\", 0]}, \"q\": {\"map\": [[1, \"one\"]]}, \"n\": null}";

static void read_back(FILE *file, char text[TEXT_MAX]) {
    rewind(file);
    text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
    (void)fclose(file);
}

/* Runs `casemill cel [option] expression --vars FILE` and holds code, output and fault text. */
static void expect(const char *vars, const char *option, const char *expression, int code,
                   const char *out, const char *err) {
    static const struct verb *const verbs[] = {&verb_cel};
    char path[] = "/tmp/casemill-cel-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(io_write_file(path, span_str(vars), NULL), ERR_OK);
    char words[4][1024] = {"casemill", "cel", "--vars"};
    char text[1024];
    char flag[64];
    (void)snprintf(text, sizeof(text), "%s", expression);
    (void)snprintf(flag, sizeof(flag), "%s", option == NULL ? "--" : option);
    char *argv[] = {words[0], words[1], words[2], path, flag, text, NULL};
    FILE *files[] = {tmpfile(), tmpfile()};
    int before[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    (void)fflush(NULL);
    ck_assert_int_ge(dup2(fileno(files[0]), STDOUT_FILENO), 0);
    ck_assert_int_ge(dup2(fileno(files[1]), STDERR_FILENO), 0);
    int found = verb_main(verbs, 1, 6, argv);
    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(dup2(before[i], i == 0 ? STDOUT_FILENO : STDERR_FILENO), 0);
        (void)close(before[i]);
    }
    (void)unlink(path);
    char said[2][TEXT_MAX];
    read_back(files[0], said[0]);
    read_back(files[1], said[1]);
    ck_assert_msg(found == code, "%s: exit %d, %s", expression, found, said[1]);
    ck_assert_str_eq(said[0], out);
    ck_assert_msg(strstr(said[1], err) != NULL, "%s: err: %s", expression, said[1]);
}

START_TEST(values_are_printed) {
    expect(vars_text, NULL, "x + size(l)", EXIT_DONE, "5\n", "");
    expect(vars_text, NULL, "h || s == 'air'", EXIT_DONE, "true\n", "");
    expect(vars_text, NULL, "m.a == 1.5 && m['b'] && u == 7u", EXIT_DONE, "true\n", "");
    expect(vars_text, NULL, "y == b'\\x00\\xff' && q[1] == 'one' && n == null", EXIT_DONE, "true\n",
           "");
    expect(vars_text, NULL, "t + p == timestamp('1970-01-01T00:02:30Z')", EXIT_DONE, "true\n", "");
    expect(vars_text, NULL, "add_months(d, 12, 'clip').getDate()", EXIT_DONE, "28\n", "");
}
END_TEST

START_TEST(what_is_missing_and_what_fails_is_named) {
    expect(vars_text, NULL, "h == 1 && k == 2", EXIT_DONE, "unknown: h, k\n", "");
    expect(vars_text, NULL, "x / 0", EXIT_FAILED, "error: division_by_zero\n", "");
    expect(vars_text, NULL, "true &&\n  xx == 1", EXIT_FAILED, "",
           "casemill cel: expression:2:3: unknown name `xx`; did you mean `x`?\n  xx == 1\n  ^~\n");
}
END_TEST

START_TEST(a_program_is_described) {
    expect(vars_text, "--check", "l.map(v, v * 2)", EXIT_DONE, "list(int)\n", "");
    expect(vars_text, "--check", "s.matches('(')", EXIT_FAILED, "", "no regular expression");
    expect(vars_text, "--cost", "1 + 1", EXIT_DONE, "1\n", "");
    expect(vars_text, "--disassemble", "x == 1 + 1 || s in ['a']", EXIT_DONE,
           "or\n  equal _==_\n    slot 0\n    const 2\n  in\n    slot 1\n    const [\"a\"]\n", "");
    expect(vars_text, "--json", "x", EXIT_DONE,
           "{\"schema_version\":1,\"type\":\"int\",\"cost\":1,\"value\":\"3\"}\n", "");
}
END_TEST

START_TEST(wrong_names_and_values_are_refused) {
    expect("[1]", NULL, "1", EXIT_FAILED, "", "expected one object of names");
    expect("{\"a\": 1, \"a\": 2}", NULL, "1", EXIT_FAILED, "", "not JSON");
    expect("{\"a b\": 1}", NULL, "1", EXIT_FAILED, "", "a b");
    expect("{\"a\": {\"uint\": \"-x\"}}", NULL, "1", EXIT_FAILED, "", "the value of `a`");
    expect("{\"a\": {\"bytes\": \"0g\"}}", NULL, "1", EXIT_FAILED, "", "the value of `a`");
    expect("{\"a\": {\"date\": \"2021-02-29\"}}", NULL, "1", EXIT_FAILED, "", "the value of `a`");
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("cel");
    tcase_add_test(tests, values_are_printed);
    tcase_add_test(tests, what_is_missing_and_what_fails_is_named);
    tcase_add_test(tests, a_program_is_described);
    tcase_add_test(tests, wrong_names_and_values_are_refused);
    Suite *suite = suite_create("cli_cel");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
