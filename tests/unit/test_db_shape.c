/* db: an answer is compared with the requested shape, against a real PostgreSQL
 * (CASEMILL_TEST_CONNINFO; without it those tests print "skipped"). */
#include "db/db.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct db *db;

static void setup(void) {
    const char *conninfo = getenv("CASEMILL_TEST_CONNINFO");
    struct diag diag = {0};
    if (conninfo == NULL || conninfo[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return;
    }
    ck_assert_msg(db_open(conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
}

static void teardown(void) { db_close(&db); }

/* The result of a statement under a shape. */
static enum err expect(const char *sql, const char *shape, struct diag *diag) {
    struct db_result *rows = NULL;
    ck_assert_msg(db_query(db, sql, 0, NULL, &rows, diag) == ERR_OK, "%s", diag->text);
    enum err err = db_expect(rows, shape, diag);
    db_result_free(&rows);
    return err;
}

struct row {
    const char *sql, *shape;
    const char *text; /* of the refusal; NULL: the answer fits */
};

static void hold(const struct row *rows, size_t count) {
    for (size_t i = 0; db != NULL && i < count; i++) {
        struct diag diag = {0};
        enum err err = expect(rows[i].sql, rows[i].shape, &diag);
        ck_assert_msg(err == (rows[i].text == NULL ? ERR_OK : ERR_CORRUPT), "%s as %s: %s",
                      rows[i].sql, rows[i].shape, diag.text);
        ck_assert_msg(rows[i].text == NULL || strstr(diag.text, rows[i].text) != NULL, "%s: %s",
                      rows[i].shape, diag.text);
    }
}

START_TEST(rows_and_columns_are_counted) {
    static const struct row rows[] = {
        {"SELECT 1", "1 i", NULL},
        {"SELECT 1 WHERE false", "1 i", "another number of rows"},
        {"SELECT generate_series(1, 2)", "1 i", "another number of rows"},
        {"SELECT 1 WHERE false", "? i", NULL},
        {"SELECT generate_series(1, 2)", "? i", "another number of rows"},
        {"SELECT 1 WHERE false", "+ i", "another number of rows"},
        {"SELECT generate_series(1, 2)", "+ i", NULL},
        {"SELECT 1 WHERE false", "* i", NULL},
        {"SELECT 1", "1 i i", "fewer columns (row 0, column 2)"},
        {"SELECT 1, 2", "1 i", "more columns (row 0, column 2)"},
        {"SELECT 1, 2, NULL", "1 i *", NULL},
        {"SET TIME ZONE 'UTC'", "* i", "fewer columns"},
    };
    hold(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(values_are_held_against_their_kind) {
    static const struct row rows[] = {
        {"SELECT NULL", "1 i?", NULL},
        {"SELECT 1 UNION ALL SELECT NULL", "* i", "no value (row 2, column 1)"},
        {"SELECT 'x', ''", "1 s s", NULL},
        {"SELECT 9223372036854775807, -9223372036854775808", "1 i i", NULL},
        {"SELECT 9223372036854775808", "1 i", "another kind of value"},
        {"SELECT ''", "1 i", "another kind of value"},
        {"SELECT ' 1'", "1 i", "another kind of value"},
        {"SELECT '1x'", "1 i", "another kind of value"},
        {"SELECT '+1'", "1 i", "another kind of value"},
        {"SELECT -2147483648, 2147483647", "1 w w", NULL},
        {"SELECT 2147483648", "1 w", "another kind of value"},
        {"SELECT 0, 32767", "1 h h", NULL},
        {"SELECT 32768", "1 h", "another kind of value"},
        {"SELECT -1", "1 h", "another kind of value"},
        {"SELECT 0, 9007199254740992", "1 n n", NULL},
        {"SELECT 9007199254740993", "1 n", "another kind of value"},
        {"SELECT -1", "1 n", "another kind of value"},
        {"SELECT true, false", "1 b b", NULL},
        {"SELECT 'true'", "1 b", "another kind of value"},
        {"SELECT gen_random_uuid()", "1 u", NULL},
        {"SELECT 'x'", "1 u", "another kind of value"},
        {"SELECT 'x'", "1 x", "another format"},
        {"SELECT 1", "1 8", "another format"},
    };
    hold(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(no_result_is_no_answer) {
    struct diag diag = {0};
    ck_assert_int_eq(db_expect(NULL, "* i", &diag), ERR_CORRUPT);
    ck_assert_int_eq(db_expect(NULL, "* i", NULL), ERR_CORRUPT);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("db_shape");
    TCase *tcase = tcase_create("db_shape");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, rows_and_columns_are_counted);
    tcase_add_test(tcase, values_are_held_against_their_kind);
    tcase_add_test(tcase, no_result_is_no_answer);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
