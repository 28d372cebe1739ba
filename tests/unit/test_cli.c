/* cli/: the frame: the verb of a command line, its options, the output on both streams, and the
 * exit code. Runs against its own table, then checks the real table by the rules for verbs. */
#include "base/mem.h"
#include "cli/common_rows.h"
#include "cli/examples.h"
#include "cli/verb.h"
#include "cli/verb_table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int seen_operands(const struct options *options) {
    printf("out=%s", option_str(options, "--out", "none"));
    printf(" dry=%d", option_flag(options, "--dry") ? 1 : 0);
    struct option_list set = option_list(options, "--set");
    for (uint32_t i = 0; i < set.count; i++) {
        printf(" set=%s", set.texts[i]);
    }
    mem_free(set.texts);
    for (uint32_t i = 0; i < option_operand_count(options); i++) {
        printf(" %s", option_operand(options, i));
    }
    int64_t count = 0;
    if (option_int(options, "--count", 7, 1, 9, &count) != ERR_OK) {
        return EXIT_USAGE;
    }
    printf(" count=%lld\n", (long long)count);
    return EXIT_DONE;
}

static enum err broken(struct diag *diag) {
    return diag_fail_at(diag, ERR_INVALID, "rules.yaml", 2, 3, "unknown name");
}

static int fails(const struct options *options) {
    struct diag diag = {0};
    return broken(&diag) == ERR_OK ? EXIT_DONE
                                   : verb_fail(options, &diag, SPAN_LIT("one\ntwo three\n"));
}

static int addresses(const struct options *options) {
    const char *db = option_db(options);
    printf("%s %s %s", option_broker(options), option_control(options), db == NULL ? "-" : db);
    printf("%s%s%s%s\n", option_key(options)[0] == '\0' ? "" : " ", option_key(options),
           option_broker_key(options)[0] == '\0' ? "" : " ", option_broker_key(options));
    return EXIT_DONE;
}

static const struct verb LOOK = {.name = "look",
                                 .summary = "looks",
                                 .operands = "FILE...",
                                 .rows =
                                     (const struct option_row[]){
                                         {"--out", "FILE", "where to"},
                                         {"--set", "P=V", "a parameter"},
                                         {"--count", "N", "how many"},
                                         {"--dry", NULL, "do nothing"},
                                         {NULL, NULL, NULL},
                                     },
                                 .run = seen_operands};
static const struct option_row NO_ROWS[] = {{NULL, NULL, NULL}};
static const struct verb RULES_CHECK = {
    .name = "rules check", .summary = "checks", .operands = "", .rows = NO_ROWS, .run = fails};
static const struct verb WHERE = {
    .name = "where", .summary = "addresses", .operands = "", .rows = NO_ROWS, .run = addresses};
static const struct verb *const VERBS[] = {&LOOK, &RULES_CHECK, &WHERE};

/* --- running a command line with its output caught --- */

enum { WORDS_MAX = 16, TEXT_MAX = 8192 };

struct said {
    int code;
    char out[TEXT_MAX];
    char err[TEXT_MAX];
};

static void read_back(FILE *file, char text[TEXT_MAX]) {
    rewind(file);
    size_t bytes = fread(text, 1, TEXT_MAX - 1, file);
    text[bytes] = '\0';
    (void)fclose(file);
}

/* The line is split at spaces. */
static struct said run(const char *line) {
    char words[512];
    (void)snprintf(words, sizeof(words), "casemill %s", line);
    char *argv[WORDS_MAX] = {words};
    int argc = 0;
    for (char *at = words; at != NULL;) {
        argv[argc++] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
            at = *at == '\0' ? NULL : at;
        }
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    ck_assert(out != NULL && err != NULL);
    (void)fflush(NULL);
    int out_before = dup(STDOUT_FILENO);
    int err_before = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(out), STDOUT_FILENO), 0);
    ck_assert_int_ge(dup2(fileno(err), STDERR_FILENO), 0);
    struct said said = {.code = verb_main(VERBS, COUNT_OF(VERBS), argc, argv)};
    (void)fflush(NULL);
    ck_assert_int_ge(dup2(out_before, STDOUT_FILENO), 0);
    ck_assert_int_ge(dup2(err_before, STDERR_FILENO), 0);
    (void)close(out_before);
    (void)close(err_before);
    read_back(out, said.out);
    read_back(err, said.err);
    return said;
}

static void expect(const char *line, int code, const char *out, const char *err) {
    struct said said = run(line);
    ck_assert_msg(said.code == code, "%s: exit %d, %s", line, said.code, said.err);
    ck_assert_msg(strstr(said.out, out) != NULL, "%s: out: %s", line, said.out);
    ck_assert_msg(strstr(said.err, err) != NULL, "%s: err: %s", line, said.err);
    ck_assert_msg(out[0] != '\0' || said.out[0] == '\0' || code == EXIT_USAGE, "%s: out: %s", line,
                  said.out);
}

START_TEST(options_and_operands_may_be_mixed) {
    expect("look a --out f b", EXIT_DONE, "out=f dry=0 a b count=7\n", "");
    expect("look --out=f --dry --set A.b=1 --set=A.c=2", EXIT_DONE,
           "out=f dry=1 set=A.b=1 set=A.c=2 count=7\n", "");
    expect("look --out f --out g", EXIT_DONE, "out=g ", "");
    expect("look --count 9 - -- --out", EXIT_DONE, "out=none dry=0 - --out count=9\n", "");
}
END_TEST

START_TEST(wrong_options_are_usage) {
    expect("look --coun 3", EXIT_USAGE, "", "there is no option --coun, did you mean --count?");
    expect("look --hepl", EXIT_USAGE, "", "did you mean --help?");
    expect("look --out", EXIT_USAGE, "", "--out needs its FILE");
    expect("look --dry=1", EXIT_USAGE, "", "--dry takes no value");
    expect("look -x", EXIT_USAGE, "", "there is no option -x");
    expect("look --count 10", EXIT_USAGE, "", "--count takes a number from 1 to 9, not \"10\"");
    expect("look --count 3x", EXIT_USAGE, "", "not \"3x\"");
    expect("where here", EXIT_USAGE, "", "takes no operand, got \"here\"");
    expect("look --out", EXIT_USAGE, "", "see: casemill look --help");
}
END_TEST

START_TEST(verbs_are_found_by_one_or_two_words) {
    expect("", EXIT_USAGE, "", "rules check");
    expect("--help", EXIT_DONE, "look", "");
    expect("--version", EXIT_DONE, "casemill " CASEMILL_VERSION "\n", "");
    expect("look --help", EXIT_DONE, "usage: casemill look [OPTION...] FILE...\n", "");
    expect("rules --help", EXIT_DONE, "rules check", "");
    expect("lok", EXIT_USAGE, "", "there is no verb \"lok\"; did you mean \"look\"?");
    expect("rules chek", EXIT_USAGE, "", "did you mean \"rules check\"?");
    expect("rules", EXIT_USAGE, "", "rules check");
    expect("zzzzzz", EXIT_USAGE, "", "see: casemill --help");
}
END_TEST

START_TEST(help_has_verbs_groups_and_topics) {
    expect("help", EXIT_DONE, "topics: addresses, ", "");
    expect("help look", EXIT_DONE, "usage: casemill look [OPTION...] FILE...\n", "");
    expect("help rules check", EXIT_DONE, "usage: casemill rules check ", "");
    expect("help rules", EXIT_DONE, "rules check", "");
    expect("help exit-codes", EXIT_DONE, "Exit codes\n", "");
    expect("help exit-cods", EXIT_USAGE, "", "did you mean \"exit-codes\"?");
    expect("help lok", EXIT_USAGE, "", "there is no verb or topic \"lok\"; did you mean \"look\"?");
    expect("help look now", EXIT_USAGE, "", "there is no verb or topic \"look now\"");
}
END_TEST

START_TEST(a_failure_names_verb_place_and_caret) {
    expect("rules check", EXIT_FAILED, "",
           "casemill rules check: rules.yaml:2:3: unknown name\ntwo three\n  ^\n");
}
END_TEST

START_TEST(addresses_come_from_option_environment_default) {
    ck_assert_int_eq(setenv("CASEMILL_BROKER_CONNECT", "tcp://lanes:1", 1), 0); /* the workers' */
    ck_assert_int_eq(unsetenv("CASEMILL_INTAKE_CONNECT"), 0);
    ck_assert_int_eq(unsetenv("CASEMILL_INTAKE_BIND"), 0);
    ck_assert_int_eq(unsetenv("CASEMILL_CONTROL_BIND"), 0);
    ck_assert_int_eq(unsetenv("CASEMILL_POSTGRES_CONNINFO"), 0);
    expect("where", EXIT_DONE,
           "tcp://127.0.0.1:5570 ipc:///var/lib/casemill/journal/control.sock -\n", "");
    static const char *const binds[][2] = {
        {"tcp://*:7", "tcp://127.0.0.1:7"},         {"tcp://0.0.0.0:7", "tcp://127.0.0.1:7"},
        {"tcp://[::]:7", "tcp://[::1]:7"},          {"tcp://10.0.0.1:7", "tcp://10.0.0.1:7"},
        {"ipc:///run/intake", "ipc:///run/intake"}, {"", "tcp://127.0.0.1:5570"}};
    for (size_t i = 0; i < COUNT_OF(binds); i++) {
        char shown[80];
        ck_assert_int_eq(setenv("CASEMILL_INTAKE_BIND", binds[i][0], 1), 0);
        (void)snprintf(shown, sizeof(shown), "%s c -\n", binds[i][1]);
        expect("where --control c", EXIT_DONE, shown, "");
    }
    ck_assert_int_eq(setenv("CASEMILL_INTAKE_BIND", "tcp://a:1", 1), 0);
    ck_assert_int_eq(setenv("CASEMILL_INTAKE_CONNECT", "tcp://b:1", 1), 0);
    ck_assert_int_eq(setenv("CASEMILL_POSTGRES_CONNINFO", "dbname=x", 1), 0);
    ck_assert_int_eq(setenv("CASEMILL_CONTROL_BIND", "", 1), 0);
    expect("where", EXIT_DONE, "tcp://b:1 ipc:///var/lib/casemill/journal/control.sock dbname=x\n",
           "");
    ck_assert_int_eq(setenv("CASEMILL_KEYS_SECRET", "own.key", 1), 0);
    ck_assert_int_eq(setenv("CASEMILL_KEYS_BROKER", "broker.pub", 1), 0);
    expect("where --control c", EXIT_DONE, "tcp://b:1 c dbname=x own.key broker.pub\n", "");
    expect("where --control c --key k --broker-key b", EXIT_DONE, "tcp://b:1 c dbname=x k b\n", "");
    ck_assert_int_eq(unsetenv("CASEMILL_KEYS_SECRET"), 0);
    ck_assert_int_eq(unsetenv("CASEMILL_KEYS_BROKER"), 0);
    expect("where --broker tcp://c:2 --control ipc://s --db dbname=y", EXIT_DONE,
           "tcp://c:2 ipc://s dbname=y\n", "");
}
END_TEST

/* --- the real table --- */

static void check_verb(const struct verb *verb) {
    ck_assert_msg(verb->summary != NULL && verb->summary[0] != '\0', "%s: summary", verb->name);
    ck_assert_msg(verb->operands != NULL && verb->rows != NULL && verb->run != NULL, "%s",
                  verb->name);
    static const char *const common[] = {"--broker", "--control", "--db", "--json", "--help"};
    for (const struct option_row *row = verb->rows; row->name != NULL; row++) {
        ck_assert_msg(strncmp(row->name, "--", 2) == 0, "%s %s", verb->name, row->name);
        ck_assert_msg(row->help != NULL && row->help[0] != '\0', "%s %s", verb->name, row->name);
        for (size_t i = 0; i < COUNT_OF(common); i++) {
            ck_assert_msg(strcmp(row->name, common[i]) != 0, "%s redefines %s", verb->name,
                          common[i]);
        }
        for (const struct option_row *other = verb->rows; other != row; other++) {
            ck_assert_msg(strcmp(row->name, other->name) != 0, "%s has %s twice", verb->name,
                          row->name);
        }
    }
}

static bool has_option(const struct verb *verb, struct span name) {
    const struct option_row *const tables[] = {verb->rows, common_rows};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (const struct option_row *row = tables[i]; row->name != NULL; row++) {
            if (span_is(name, row->name)) {
                return true;
            }
        }
    }
    return false;
}

/* The verb's own command is the last of a pipe that names it, or the first. */
static const char *command_of(const struct verb *verb, const char *example) {
    char begin[64];
    (void)snprintf(begin, sizeof(begin), "casemill %s", verb->name);
    return strstr(example, begin);
}

static void check_example(const struct verb *verb, const char *example) {
    const char *command = command_of(verb, example);
    ck_assert_msg(command != NULL, "%s: %s", verb->name, example);
    size_t end = strcspn(command, "|");
    for (const char *at = strstr(command, " --"); at != NULL && at < command + end;
         at = strstr(at + 1, " --")) {
        struct span name = span_make(at + 1, strcspn(at + 1, " ="));
        ck_assert_msg(has_option(verb, name), "%s: %s", verb->name, at);
    }
}

static void check_examples(const struct verb *verb) {
    uint32_t count = 0;
    for (const struct verb_example *row = verb_examples; row->verb != NULL; row++) {
        if (strcmp(row->verb, verb->name) == 0) {
            check_example(verb, row->command);
            count++;
        }
    }
    ck_assert_msg(count > 0, "%s has no example", verb->name);
}

START_TEST(every_verb_is_sorted_and_described) {
    static const struct verb *const real[] = {
#define VERB_ROW(name) &verb_##name,
        VERB_TABLE(VERB_ROW)
#undef VERB_ROW
    };
    for (size_t i = 0; i < COUNT_OF(real); i++) {
        check_verb(real[i]);
        check_examples(real[i]);
        ck_assert_msg(i == 0 || strcmp(real[i - 1]->name, real[i]->name) < 0,
                      "row %s is out of order", real[i]->name);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli");
    TCase *cases = tcase_create("frame");
    tcase_add_test(cases, options_and_operands_may_be_mixed);
    tcase_add_test(cases, wrong_options_are_usage);
    tcase_add_test(cases, verbs_are_found_by_one_or_two_words);
    tcase_add_test(cases, help_has_verbs_groups_and_topics);
    tcase_add_test(cases, a_failure_names_verb_place_and_caret);
    tcase_add_test(cases, addresses_come_from_option_environment_default);
    tcase_add_test(cases, every_verb_is_sorted_and_described);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
