/* Conditions on our tables and functions in the catalog: each table can be published, and no
 * role has a right that was not granted. */
#include "writer_bench.h"

#define OURS "n.nspname IN ('public', 'report')"

/* The first of what the query names, or "". */
static void named(const char *sql, char *name, size_t size) {
    struct db *db = NULL;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    ck_assert_msg(db_open(fixture.conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_msg(db_query(db, sql, 0, NULL, &rows, &diag) == ERR_OK, "%s", diag.text);
    (void)snprintf(name, size, "%s", db_rows(rows) == 0 ? "" : db_cell(rows, 0, 0));
    db_result_free(&rows);
    db_close(&db);
}

START_TEST(test_every_table_has_an_identity) {
    if (fixture_skips(available)) {
        return;
    }
    char name[128];
    /* The fixture's own schema_migrations has no key; that of db migrate has. */
    named("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
          "WHERE " OURS " AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migrations' "
          "AND c.relreplident <> 'f' AND (c.relreplident = 'n' OR NOT EXISTS "
          "(SELECT FROM pg_index i WHERE i.indrelid = c.oid AND CASE c.relreplident "
          "WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END))",
          name, sizeof(name));
    ck_assert_msg(name[0] == '\0', "table %s has neither a primary key nor a replica identity",
                  name);
}
END_TEST

START_TEST(test_no_function_is_everybodys) {
    if (fixture_skips(available)) {
        return;
    }
    char name[128];
    named("SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON "
          "n.oid = p.pronamespace WHERE " OURS " AND "
          "has_function_privilege('public', p.oid, 'EXECUTE')",
          name, sizeof(name));
    ck_assert_msg(name[0] == '\0',
                  "everybody may call %s: its migration has to revoke it from PUBLIC and grant it "
                  "to who needs it, as does sql/roles.sql",
                  name);
}
END_TEST

/* A caller's temporary tables or functions must not replace ours. */
START_TEST(test_definers_have_a_search_path) {
    if (fixture_skips(available)) {
        return;
    }
    char name[128];
    named("SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON "
          "n.oid = p.pronamespace WHERE " OURS " AND p.prosecdef AND NOT EXISTS "
          "(SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%pg_temp')",
          name, sizeof(name));
    ck_assert_msg(name[0] == '\0', "%s runs with its owner's rights and the caller's search_path",
                  name);
}
END_TEST

/* With a publication of all tables a row without an identity can be inserted, but not deleted. */
START_TEST(test_folds_while_all_is_published) {
    if (fixture_skips(available)) {
        return;
    }
    struct bench bench;
    struct wire_counts counts;
    bench_open(&bench, "published");
    fixture_do(&fixture, "SELECT fold_tallies(1000); CREATE PUBLICATION all_of_it FOR ALL TABLES");
    bench_begin(&bench);
    bench_add(&bench, "published", 0, "US");
    bench_write(&bench, &counts);
    ck_assert_uint_eq(outcomes(&counts), 1);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM tallies"), 1);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT fold_tallies(1000)"), 1);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM tallies"), 0);
    fixture_do(&fixture, "SELECT rebuild_rollups(); DROP PUBLICATION all_of_it");
    bench_close(&bench);
}
END_TEST

static void setup(void) { available = fixture_open(&fixture, "worker_catalog"); }

static void teardown(void) { fixture_close(&fixture); }

int main(void) {
    Suite *suite = suite_create("worker_catalog");
    TCase *tests = tcase_create("catalog");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_every_table_has_an_identity);
    tcase_add_test(tests, test_no_function_is_everybodys);
    tcase_add_test(tests, test_definers_have_a_search_path);
    tcase_add_test(tests, test_folds_while_all_is_published);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
