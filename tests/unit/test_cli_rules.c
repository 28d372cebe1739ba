/* `casemill rules publish`, `activate` and `list` against a real PostgreSQL, in a database of their
 * own (CASEMILL_TEST_CONNINFO; without it those tests print "skipped"). */
#include "base/mem.h"
#include "cli/verb.h"
#include "cli/verb_table.h"
#include "db/db.h"
#include "rules/ruleset.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
    char name[32];
    char create[64], drop[64];
    struct buf conninfo; /* of the new database */
    struct db *server;   /* where databases are made */
    struct db *db;
};

static void must(enum err err, const struct diag *diag) {
    ck_assert_msg(err == ERR_OK, "%s", diag->text);
}

static bool place_open(struct place *place) {
    const char *server = getenv("CASEMILL_TEST_CONNINFO");
    struct diag diag = {0};
    if (server == NULL || server[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return false;
    }
    *place = (struct place){.conninfo = BUF_EMPTY};
    (void)snprintf(place->name, sizeof(place->name), "cli_rules_%d", (int)getpid());
    (void)snprintf(place->create, sizeof(place->create), "CREATE DATABASE %s", place->name);
    (void)snprintf(place->drop, sizeof(place->drop), "DROP DATABASE %s", place->name);
    must(db_open(server, "test_cli_rules", &place->server, &diag), &diag);
    must(db_exec(place->server, place->create, 0, NULL, &diag), &diag);
    buf_printf(&place->conninfo, "%s dbname=%s", server, place->name);
    must(db_open(buf_cstr(&place->conninfo), "test_cli_rules", &place->db, &diag), &diag);
    return true;
}

static void place_close(struct place *place) {
    struct diag diag = {0};
    db_close(&place->db);
    must(db_exec(place->server, place->drop, 0, NULL, &diag), &diag);
    db_close(&place->server);
    buf_free(&place->conninfo);
}

static int casemill(struct place *place, const char *const *words, int count) {
    static const struct verb *const verbs[] = {&verb_db_migrate, &verb_rules_activate,
                                               &verb_rules_list, &verb_rules_publish};
    char *argv[16];
    int argc = 0;
    argv[argc++] = mem_strdup("casemill");
    for (int i = 0; i < count; i++) {
        argv[argc++] = mem_strdup(words[i]);
    }
    argv[argc++] = mem_strdup("--db");
    argv[argc++] = mem_strdup(buf_cstr(&place->conninfo));
    argv[argc] = NULL;
    int code = verb_main(verbs, COUNT_OF(verbs), argc, argv);
    for (int i = 0; i < argc; i++) {
        mem_free(argv[i]);
    }
    return code;
}

#define CASEMILL(place, ...)                                                                       \
    casemill(place, (const char *const[]){__VA_ARGS__},                                            \
             (int)COUNT_OF(((const char *const[]){__VA_ARGS__})))

/* One number from the database. */
static long number(struct place *place, const char *sql) {
    struct db_result *result = NULL;
    struct diag diag = {0};
    must(db_query(place->db, sql, 0, NULL, &result, &diag), &diag);
    ck_assert_uint_eq(db_rows(result), 1);
    long value = strtol(db_cell(result, 0, 0), NULL, 10);
    db_result_free(&result);
    return value;
}

static long reason_sum(void) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    must(ruleset_load_dir("config", NULL, 0, &ruleset, NULL, &diag), &diag);
    long sum = 0;
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        sum += ruleset_reason_count(ruleset, i);
    }
    ruleset_unref(&ruleset);
    return sum;
}

START_TEST(what_is_published_loads_and_has_every_code) {
    struct place place;
    if (!place_open(&place)) {
        return;
    }
    ck_assert_int_eq(CASEMILL(&place, "db", "migrate", "--rules", "config"), EXIT_DONE);
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "config"), EXIT_DONE);
    ck_assert_int_eq(number(&place, "SELECT count(*) FROM rulesets"), 1);
    ck_assert_int_eq(number(&place, "SELECT count(*) FROM codes WHERE kind = 'finding'"),
                     reason_sum());
    ck_assert_int_eq(number(&place, "SELECT count(*) FROM codes WHERE kind = 'agreement'"), 4);
    long codes = number(&place, "SELECT max(code) FROM codes");

    struct db_result *text = NULL;
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    must(db_query(place.db, "SELECT body, id FROM ruleset_texts JOIN rulesets USING (ruleset)", 0,
                  NULL, &text, &diag),
         &diag);
    must(ruleset_load_text(db_cell_span(text, 0, 0), &ruleset, &diag), &diag);
    ck_assert_str_eq(ruleset_id(ruleset), db_cell(text, 0, 1));
    ruleset_unref(&ruleset);
    db_result_free(&text);

    /* again: nothing changes; under another policy: a second rule set, no new codes, none burnt */
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "config"), EXIT_DONE);
    ck_assert_int_eq(number(&place, "SELECT max(ruleset) FROM rulesets"), 1);
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "config", "--set",
                              "US-GT-ACA-2019.transit_gate=false"),
                     EXIT_DONE);
    ck_assert_int_eq(number(&place, "SELECT max(ruleset) FROM rulesets"), 2);
    ck_assert_int_eq(number(&place, "SELECT max(code) FROM codes"), codes);
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "tests/data/nowhere"), EXIT_FAILED);
    ck_assert_int_eq(number(&place, "SELECT count(*) FROM rulesets"), 2);
    place_close(&place);
}
END_TEST

START_TEST(an_activation_has_reason_and_start) {
    struct place place;
    char id[65];
    struct diag diag = {0};
    struct db_result *found = NULL;
    if (!place_open(&place)) {
        return;
    }
    ck_assert_int_eq(CASEMILL(&place, "db", "migrate", "--rules", "config"), EXIT_DONE);
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "config"), EXIT_DONE);
    must(db_query(place.db, "SELECT id FROM rulesets", 0, NULL, &found, &diag), &diag);
    (void)snprintf(id, sizeof(id), "%s", db_cell(found, 0, 0));
    db_result_free(&found);

    ck_assert_int_eq(CASEMILL(&place, "rules", "activate", id), EXIT_USAGE);
    ck_assert_int_eq(CASEMILL(&place, "rules", "activate", "nothex", "--why", "w"), EXIT_USAGE);
    ck_assert_int_eq(CASEMILL(&place, "rules", "activate", "0000000000", "--why", "w"),
                     EXIT_FAILED);
    ck_assert_int_eq(number(&place, "SELECT count(*) FROM activations"), 0);
    ck_assert_int_eq(CASEMILL(&place, "rules", "activate", id, "--why", "first"), EXIT_DONE);
    ck_assert_int_eq(number(&place, "SELECT ruleset FROM active_ruleset"), 1);
    ck_assert_int_eq(CASEMILL(&place, "rules", "publish", "config", "--set",
                              "US-GT-ACA-2019.transit_gate=false"),
                     EXIT_DONE);
    must(db_query(place.db, "SELECT id FROM rulesets WHERE ruleset = 2", 0, NULL, &found, &diag),
         &diag);
    (void)snprintf(id, sizeof(id), "%.12s", db_cell(found, 0, 0)); /* a prefix is enough */
    db_result_free(&found);
    ck_assert_int_eq(CASEMILL(&place, "rules", "activate", id, "--why", "later", "--from",
                              "2199-01-01T00:00:00Z"),
                     EXIT_DONE);
    ck_assert_int_eq(number(&place, "SELECT ruleset FROM active_ruleset"), 1);
    ck_assert_int_eq(number(&place, "SELECT previous FROM activations WHERE why = 'later'"), 1);
    ck_assert_int_eq(CASEMILL(&place, "rules", "list"), EXIT_DONE);
    ck_assert_int_eq(CASEMILL(&place, "rules", "list", "--json"), EXIT_DONE);
    place_close(&place);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli rules");
    TCase *tests = tcase_create("cli rules");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_published_loads_and_has_every_code);
    tcase_add_test(tests, an_activation_has_reason_and_start);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
