/* settings/: defaults, file, environment; refusals with the nearest name; no password in any text.
 */
#include "settings/settings.h"

#include "base/io.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct setting_row ROWS[] = {
    {"journal.path", SETTING_STRING, NULL, 0, 0, false, "where accepted batches are kept"},
    {"journal.bytes_max", SETTING_BYTES, "1GiB", 1 << 20, (int64_t)1 << 40, false, "disk budget"},
    {"lanes.beat_ms", SETTING_MS, "1s", 100, 60000, true, "how often a lane speaks"},
    {"lanes.count", SETTING_INT, "4", 1, 64, false, "threads"},
    {"broker.connect", SETTING_LIST, "tcp://127.0.0.1:5571", 0, 0, false, "brokers"},
    {"http.bind", SETTING_STRING, "", 0, 0, false, "status page"},
    {"log.json", SETTING_BOOL, "false", 0, 0, true, "log format"},
    {"postgres.conninfo", SETTING_STRING, "dbname=casemill", 0, 0, false, "connection"},
};

static char path[] = "/tmp/casemill-settings-XXXXXX";

static void make_file(void) {
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
}
static void drop_file(void) { (void)unlink(path); }

static enum err try_load(const char *yaml, char *const *env, struct settings **settings,
                         struct diag *diag) {
    static const char *const others[] = {"intake", "queue", "lanes.silent_ms", NULL};
    *diag = (struct diag){0};
    if (yaml != NULL) {
        ck_assert_int_eq(io_write_file(path, span_str(yaml), diag), ERR_OK);
    }
    return settings_load(ROWS, COUNT_OF(ROWS), yaml == NULL ? NULL : path, env, others, settings,
                         diag);
}

static struct settings *load(const char *yaml, char *const *env) {
    struct settings *settings = NULL;
    struct diag diag;
    ck_assert_msg(try_load(yaml, env, &settings, &diag) == ERR_OK, "%u: %s", diag.line, diag.text);
    return settings;
}

START_TEST(defaults_then_file_then_environment) {
    char journal[] = "CASEMILL_JOURNAL_PATH=/j";
    char *env[] = {journal, NULL};
    struct settings *s = load(NULL, env);
    const char *const *items = NULL;
    ck_assert_str_eq(settings_str(s, "journal.path"), "/j");
    ck_assert_int_eq(settings_int(s, "journal.bytes_max"), 1 << 30);
    ck_assert_int_eq(settings_int(s, "lanes.beat_ms"), 1000);
    ck_assert_int_eq(settings_int(s, "lanes.count"), 4);
    ck_assert_str_eq(settings_str(s, "http.bind"), "");
    ck_assert(!settings_bool(s, "log.json"));
    ck_assert_uint_eq(settings_list(s, "broker.connect", &items), 1);
    settings_free(&s);
    ck_assert_ptr_null(s);

    char connect[] = "CASEMILL_BROKER_CONNECT=tcp://a:1, tcp://b:2";
    char beat[] = "CASEMILL_LANES_BEAT_MS=2min";
    char other[] = "CASEMILL_QUEUE_BATCHES_MAX=5";
    char shared[] = "CASEMILL_LANES_SILENT_MS=5s";
    char foreign[] = "PATH=/bin";
    char count[] = "CASEMILL_LANES_COUNT=9";
    char *more[] = {foreign, connect, other, shared, count, NULL};
    static const char yaml[] = "journal: {path: /from/file, bytes_max: 2 MiB}\n"
                               "lanes:\n  beat_ms: 250\n  count: 8\n"
                               "broker:\n  connect: [tcp://c:3]\n"
                               "log: {json: true}\nhttp:\n  # bind: x\n";
    s = load(yaml, more);
    ck_assert_str_eq(settings_str(s, "journal.path"), "/from/file");
    ck_assert_int_eq(settings_int(s, "journal.bytes_max"), 2 << 20);
    ck_assert_int_eq(settings_int(s, "lanes.beat_ms"), 250);
    ck_assert_int_eq(settings_int(s, "lanes.count"), 9);
    ck_assert(settings_bool(s, "log.json"));
    ck_assert_uint_eq(settings_list(s, "broker.connect", &items), 2);
    ck_assert_str_eq(items[0], "tcp://a:1");
    ck_assert_str_eq(items[1], "tcp://b:2");
    settings_free(&s);

    char *late[] = {journal, beat, NULL};
    struct diag diag;
    ck_assert_int_eq(try_load(NULL, late, &s, &diag), ERR_INVALID); /* 2min is over 60 s */
    ck_assert_ptr_nonnull(strstr(diag.text, "CASEMILL_LANES_BEAT_MS: expected milliseconds"));
}
END_TEST

#define PATH_SET "journal: {path: /j}\n"
static const struct {
    const char *yaml;
    uint32_t line;
    const char *part;
} WRONG[] = {
    {"{}\n", 0, "journal.path must be set (or CASEMILL_JOURNAL_PATH)"},
    {"# nothing\n", 0, "journal.path must be set"},
    {"- a\n", 1, "map of sections"},
    {PATH_SET "lanes: 4\n", 2, "section"},
    {PATH_SET "lanes: {cuont: 4}\n", 2, "unknown setting lanes.cuont, did you mean lanes.count?"},
    {PATH_SET "lane:\n  count: 4\n", 3, "did you mean lanes.count?"},
    {PATH_SET "queue: {batches_max: 4}\n", 2, "unknown setting queue.batches_max"},
    {PATH_SET "lanes:\n  count: 65\n", 3, "a whole number from 1 to 64"},
    {PATH_SET "lanes:\n  count: 0\n", 3, "from 1 to 64"},
    {PATH_SET "lanes:\n  count: four\n", 3, "whole number"},
    {PATH_SET "lanes:\n  count: 4s\n", 3, "whole number"},
    {PATH_SET "lanes:\n  count: '-'\n", 3, "lanes.count"},
    {PATH_SET "lanes:\n  count: 99999999999999999999\n", 3, "whole number"},
    {PATH_SET "lanes:\n  count:\n", 3, "no value"},
    {PATH_SET "lanes:\n  beat_ms: 1h\n", 3, "milliseconds (or ms, s, min)"},
    {PATH_SET "lanes:\n  beat_ms: s\n", 3, "milliseconds"},
    {"journal: {path: /j, bytes_max: 1GB}\n", 1, "KiB"},
    {"journal: {path: /j, bytes_max: 9223372036854775807GiB}\n", 1, "KiB"},
    {"journal: {path: [a]}\n", 1, "one value"},
    {PATH_SET "log: {json: yes}\n", 2, "true or false"},
    {PATH_SET "broker:\n  connect:\n    - a\n    - [b]\n", 5, "word"},
    {PATH_SET "broker:\n  connect: ['a,b']\n", 3, "comma"},
    {PATH_SET PATH_SET, 2, "duplicate key"},
};

START_TEST(a_wrong_file_is_refused_with_its_line) {
    struct settings *s = NULL;
    struct diag diag;
    ck_assert_msg(try_load(WRONG[_i].yaml, NULL, &s, &diag) == ERR_INVALID, "accepted: %s",
                  WRONG[_i].yaml);
    ck_assert_ptr_null(s);
    ck_assert_str_eq(diag.file, path);
    ck_assert_msg(diag.line == WRONG[_i].line && strstr(diag.text, WRONG[_i].part) != NULL,
                  "row %d: %u: %s", _i, diag.line, diag.text);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_refused) {
    struct settings *s = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(
        settings_load(ROWS, COUNT_OF(ROWS), "/no/such/file.yaml", NULL, NULL, &s, &diag),
        ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_wrong_variable_is_named_its_value_is_not) {
    char typo[] = "CASEMILL_LANES_CUONT=secretvalue";
    char *env[] = {typo, NULL};
    struct settings *s = NULL;
    struct diag diag;
    ck_assert_int_eq(try_load(PATH_SET, env, &s, &diag), ERR_INVALID);
    ck_assert_str_eq(diag.text,
                     "unknown variable CASEMILL_LANES_CUONT, did you mean CASEMILL_LANES_COUNT?");
    char bad[] = "CASEMILL_LANES_COUNT=secretvalue";
    env[0] = bad;
    ck_assert_int_eq(try_load(PATH_SET, env, &s, &diag), ERR_INVALID);
    ck_assert_str_eq(diag.text, "CASEMILL_LANES_COUNT: expected a whole number from 1 to 64");
    char longer[] = "CASEMILL_QUEUES_MAX=1"; /* not section queue */
    env[0] = longer;
    ck_assert_int_eq(try_load(PATH_SET, env, &s, &diag), ERR_INVALID);
    char alone[] = "CASEMILL_QUEUE=1"; /* a section is not a variable */
    env[0] = alone;
    ck_assert_int_eq(try_load(PATH_SET, env, &s, &diag), ERR_INVALID);
}
END_TEST

/* What Kubernetes sets for services named casemill, casemill-broker and casemill-http-2. */
static const char *const SERVICE_VARIABLES[] = {"CASEMILL_SERVICE_HOST=10.0.0.1",
                                                "CASEMILL_SERVICE_PORT=5570",
                                                "CASEMILL_SERVICE_PORT_INTAKE=5570",
                                                "CASEMILL_PORT=tcp://10.0.0.1:5570",
                                                "CASEMILL_PORT_5570_TCP=tcp://10.0.0.1:5570",
                                                "CASEMILL_PORT_5570_TCP_PROTO=tcp",
                                                "CASEMILL_PORT_5570_TCP_PORT=5570",
                                                "CASEMILL_PORT_5570_TCP_ADDR=10.0.0.1",
                                                "CASEMILL_BROKER_SERVICE_HOST=10.0.0.1",
                                                "CASEMILL_BROKER_SERVICE_PORT_WORKER_CURVE=5571",
                                                "CASEMILL_BROKER_PORT=udp://[fd00::1]:5570",
                                                "CASEMILL_HTTP_2_PORT_80_SCTP_ADDR=fd00::1",
                                                "CASEMILL_DB_PASSWORD=half of a secret"};

START_TEST(variables_of_services_are_ignored) {
    struct settings *s = NULL;
    struct diag diag;
    char variable[128];
    char *env[] = {variable, NULL};
    (void)snprintf(variable, sizeof(variable), "%s", SERVICE_VARIABLES[_i]);
    ck_assert_msg(try_load(PATH_SET, env, &s, &diag) == ERR_OK, "%s", diag.text);
    settings_free(&s);
}
END_TEST

/* What only looks like them may be a setting that somebody got wrong. */
static const char *const NEAR_SERVICE_VARIABLES[] = {"CASEMILL_LANES_PORT=5570",
                                                     "CASEMILL_LANES_PORT_5570=1",
                                                     "CASEMILL_LANES_PORT_TCP=tcp://10.0.0.1:1",
                                                     "CASEMILL_LANES_HOST=10.0.0.1",
                                                     "CASEMILL_LANES_PORT_X5570_TCP=1",
                                                     "CASEMILL_SERVICE=1",
                                                     "CASEMILL_DB_PASSWORDS=1"};

START_TEST(variables_that_look_like_a_service_s_are_refused) {
    struct settings *s = NULL;
    struct diag diag;
    char variable[128];
    char *env[] = {variable, NULL};
    (void)snprintf(variable, sizeof(variable), "%s", NEAR_SERVICE_VARIABLES[_i]);
    ck_assert_msg(try_load(PATH_SET, env, &s, &diag) == ERR_INVALID, "%s", variable);
}
END_TEST

START_TEST(a_value_that_fails_later_is_found_again) {
    char variable[] = "CASEMILL_LANES_COUNT=3";
    char *env[] = {variable, NULL};
    struct settings *s = load(PATH_SET, env);
    struct diag diag = {0};
    ck_assert_int_eq(settings_fail(s, "journal.path", ERR_DENIED, &diag, "not %d", 5), ERR_DENIED);
    ck_assert_str_eq(diag.file, path);
    ck_assert_uint_eq(diag.line, 1);
    ck_assert_str_eq(diag.text, "journal.path: not 5");
    struct diag of_variable = {0};
    ck_assert_int_eq(settings_fail(s, "lanes.count", ERR_INVALID, &of_variable, "no"), ERR_INVALID);
    ck_assert_str_eq(of_variable.file, "");
    ck_assert_str_eq(of_variable.text, "CASEMILL_LANES_COUNT: no");
    ck_assert(!settings_is_default(s, "lanes.count"));
    ck_assert(settings_is_default(s, "lanes.beat_ms"));
    settings_free(&s);
}
END_TEST

START_TEST(print_names_the_origin_and_hides_passwords) {
    static const char *const hidden[] = {"host=h password=hunter2", "postgresql://u:hunter2@h/db"};
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        char variable[128];
        (void)snprintf(variable, sizeof(variable), "CASEMILL_POSTGRES_CONNINFO=%s", hidden[i]);
        char *env[] = {variable, NULL};
        struct settings *s = load(PATH_SET, env);
        ck_assert_str_eq(settings_str(s, "postgres.conninfo"), hidden[i]);
        struct buf out = BUF_EMPTY;
        settings_print(s, &out);
        const char *text = buf_cstr(&out);
        ck_assert_ptr_nonnull(strstr(text, "journal.path: /j  # file\n"));
        ck_assert_ptr_nonnull(strstr(text, "lanes.beat_ms: 1s  # default\n"));
        ck_assert_ptr_nonnull(strstr(text, "http.bind: \"\"  # default\n"));
        ck_assert_ptr_nonnull(strstr(text, "postgres.conninfo: (not shown)  # environment\n"));
        ck_assert_ptr_null(strstr(text, "hunter2"));
        buf_free(&out);
        settings_free(&s);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("settings");
    TCase *cases = tcase_create("settings");
    tcase_add_unchecked_fixture(cases, make_file, drop_file);
    tcase_add_test(cases, defaults_then_file_then_environment);
    tcase_add_loop_test(cases, a_wrong_file_is_refused_with_its_line, 0, (int)COUNT_OF(WRONG));
    tcase_add_test(cases, a_file_that_is_not_there_is_refused);
    tcase_add_test(cases, a_wrong_variable_is_named_its_value_is_not);
    tcase_add_loop_test(cases, variables_of_services_are_ignored, 0,
                        (int)COUNT_OF(SERVICE_VARIABLES));
    tcase_add_loop_test(cases, variables_that_look_like_a_service_s_are_refused, 0,
                        (int)COUNT_OF(NEAR_SERVICE_VARIABLES));
    tcase_add_test(cases, a_value_that_fails_later_is_found_again);
    tcase_add_test(cases, print_names_the_origin_and_hides_passwords);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
