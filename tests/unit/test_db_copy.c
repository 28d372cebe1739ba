/* db: rows out of COPY against a real PostgreSQL (CASEMILL_TEST_CONNINFO; without it those tests
 * print a line and pass). */
#include "db/copy_out.h"
#include "db/copy_read.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct db *open_db(void) {
    const char *conninfo = getenv("CASEMILL_TEST_CONNINFO");
    if (conninfo == NULL || conninfo[0] == '\0') {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
        return NULL;
    }
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_msg(db_open(conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    return db;
}

START_TEST(test_rows) {
    struct db *db = open_db();
    if (db == NULL) {
        return;
    }
    struct db_copy *copy = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_copy_open(db,
                                  "COPY (SELECT i::int4, CASE WHEN i % 2 = 0 THEN repeat('x', i) "
                                  "END FROM generate_series(0, 999) i) TO STDOUT (FORMAT binary)",
                                  2, &copy, &diag),
                     ERR_OK);
    uint32_t rows = 0;
    for (bool is_row = true;; rows++) {
        struct span fields[2];
        ck_assert_msg(db_copy_next(copy, fields, &is_row, &diag) == ERR_OK, "%s", diag.text);
        if (!is_row) {
            break;
        }
        ck_assert_uint_eq(get_be32(fields[0].ptr), rows);
        ck_assert(rows % 2 == 0 ? fields[1].ptr != NULL && fields[1].len == rows
                                : fields[1].ptr == NULL);
    }
    ck_assert_uint_eq(rows, 1000);
    db_copy_close(&copy);
    /* the connection is idle again */
    ck_assert_msg(db_exec(db, "SELECT 1", 0, NULL, &diag) == ERR_OK, "%s", diag.text);
    db_close(&db);
}
END_TEST

START_TEST(test_no_rows) {
    struct db *db = open_db();
    if (db == NULL) {
        return;
    }
    struct db_copy *copy = NULL;
    struct diag diag = {0};
    struct span field;
    bool is_row = true;
    ck_assert_int_eq(
        db_copy_open(db, "COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)", 1, &copy, &diag),
        ERR_OK);
    ck_assert_int_eq(db_copy_next(copy, &field, &is_row, &diag), ERR_OK);
    ck_assert(!is_row);
    db_copy_close(&copy);
    db_close(&db);
}
END_TEST

START_TEST(test_failures) {
    struct db *db = open_db();
    if (db == NULL) {
        return;
    }
    struct db_copy *copy = NULL;
    struct diag diag = {0};
    struct span fields[2];
    bool is_row = true;
    ck_assert_int_eq(db_copy_open(db, "COPY nowhere TO STDOUT (FORMAT binary)", 1, &copy, &diag),
                     ERR_DENIED);
    ck_assert_ptr_null(copy);
    /* a statement that fails in the middle reports the reason after its rows */
    ck_assert_int_eq(db_copy_open(db,
                                  "COPY (SELECT 100 / (50 - i) FROM generate_series(1, 100) i) TO "
                                  "STDOUT (FORMAT binary)",
                                  1, &copy, &diag),
                     ERR_OK);
    enum err err = ERR_OK;
    while (err == ERR_OK && is_row) {
        err = db_copy_next(copy, fields, &is_row, &diag);
    }
    ck_assert_int_eq(err, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "division by zero"));
    db_copy_close(&copy);
    /* one column where two are expected */
    ck_assert_int_eq(db_copy_open(db, "COPY (SELECT 1) TO STDOUT (FORMAT binary)", 2, &copy, &diag),
                     ERR_OK);
    ck_assert_int_eq(db_copy_next(copy, fields, &is_row, &diag), ERR_CORRUPT);
    db_copy_close(&copy);
    db_close(&db);
}
END_TEST

/* --- the stream alone --- */

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"

/* Reads one piece; *rows counts. */
static enum err read_piece(struct copy_reader *reader, struct span piece, uint32_t *rows) {
    struct span fields[2];
    bool is_row = true;
    enum err err = copy_reader_take(reader, piece);
    while (err == ERR_OK && is_row) {
        err = copy_reader_next(reader, fields, &is_row);
        *rows += is_row ? 1 : 0;
    }
    return err;
}

START_TEST(test_streams) {
    const struct {
        struct span pieces[3];
        uint32_t rows;
        enum err err;
    } streams[] = {
        {{SPAN_LIT(HEAD "\0\1\0\0\0\1x"), SPAN_LIT("\0\1\377\377\377\377"), SPAN_LIT("\377\377")},
         2,
         ERR_OK},
        {{SPAN_LIT(HEAD "\377\377")}, 0, ERR_OK},
        {{SPAN_LIT("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\3xyz\377\377")}, 0, ERR_OK},
        {{SPAN_LIT("PGCOPX\n\377\r\n\0\0\0\0\0\0\0\0\0")}, 0, ERR_CORRUPT},
        {{SPAN_LIT("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\1")}, 0, ERR_CORRUPT},
        {{SPAN_LIT("PGCOPY")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\0")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\0\2\0\0\0\1x\0\0\0\1y")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\0\1\0\0\0\2x")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\0\1\0\0\0")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\0\1\377\377\377\376x")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\377\376")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\377\377x")}, 0, ERR_CORRUPT},
        {{SPAN_LIT(HEAD "\377\377"), SPAN_LIT("\0\1\0\0\0\1x")}, 0, ERR_CORRUPT},
    };
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct copy_reader reader = {.field_count = 1};
        enum err err = ERR_OK;
        uint32_t rows = 0;
        for (size_t k = 0; err == ERR_OK && k < 3 && streams[i].pieces[k].len > 0; k++) {
            err = read_piece(&reader, streams[i].pieces[k], &rows);
        }
        ck_assert_msg(err == streams[i].err, "stream %zu: %s", i, err_name(err));
        ck_assert_uint_eq(rows, streams[i].rows);
        ck_assert(err != ERR_OK || reader.has_end);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("db_copy");
    TCase *tcase = tcase_create("db_copy");
    tcase_add_test(tcase, test_rows);
    tcase_add_test(tcase, test_no_rows);
    tcase_add_test(tcase, test_failures);
    tcase_add_test(tcase, test_streams);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
