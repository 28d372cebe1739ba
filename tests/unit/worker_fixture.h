/* Purpose: a database of a test program's own with all migrations, the fact columns and the shipped
 * rules published and active, made as `casemill db migrate` and `rules publish` would.
 * Needs CASEMILL_TEST_CONNINFO; without it fixture_open returns false. */
#ifndef CASEMILL_TESTS_UNIT_WORKER_FIXTURE_H
#define CASEMILL_TESTS_UNIT_WORKER_FIXTURE_H

#include "base/io.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "db/db.h"
#include "rules/pairs.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char base[512];
    char name[64];
    char conninfo[640];
};

static inline void fixture_exec(struct db *db, const char *sql) {
    struct diag diag = {0};
    enum err err = db_exec(db, sql, 0, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s", diag.text);
}

/* One number from one row. */
static inline long fixture_number(const struct fixture *fixture, const char *sql) {
    struct db *db = NULL;
    struct db_result *rows = NULL;
    struct diag diag = {0};
    ck_assert_msg(db_open(fixture->conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_msg(db_query(db, sql, 0, NULL, &rows, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_uint_eq(db_rows(rows), 1);
    long number = strtol(db_cell(rows, 0, 0), NULL, 10);
    db_result_free(&rows);
    db_close(&db);
    return number;
}

static inline void fixture_do(const struct fixture *fixture, const char *sql) {
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_msg(db_open(fixture->conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    fixture_exec(db, sql);
    db_close(&db);
}

/* The baseline, which has all of sql/: the last number is the one that programs need. */
static inline void fixture_migrate(struct db *db, const struct schema *schema) {
    glob_t files = {0};
    struct buf sql = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_int_eq(glob("sql/baseline/*.sql", 0, NULL, &files), 0);
    glob_t upgrades = {0};
    ck_assert_int_eq(glob("sql/[0-9][0-9][0-9][0-9]_*.sql", 0, NULL, &upgrades), 0);
    ck_assert_int_eq(strtol(upgrades.gl_pathv[upgrades.gl_pathc - 1] + 4, NULL, 10),
                     DB_MIGRATION_NEEDED);
    globfree(&upgrades);
    fixture_exec(db, "CREATE TABLE schema_migrations (number integer, name text, hash text)");
    buf_printf(&sql, "INSERT INTO schema_migrations VALUES (%d, '', '')", DB_MIGRATION_NEEDED);
    fixture_exec(db, buf_cstr(&sql));
    for (size_t i = 0; i < files.gl_pathc; i++) {
        buf_clear(&sql);
        ck_assert_msg(io_read_file(files.gl_pathv[i], 1 << 20, &sql, &diag) == ERR_OK, "%s",
                      diag.text);
        fixture_exec(db, buf_cstr(&sql));
    }
    globfree(&files);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        buf_clear(&sql);
        buf_str(&sql, "ALTER TABLE cases ADD COLUMN ");
        fact_column_name(schema->slots[i], &sql);
        buf_printf(&sql, " %s", fact_column_type(schema->slots[i]));
        if (fact_has_text(schema->slots[i])) {
            buf_str(&sql, ", ADD COLUMN ");
            fact_stored_name(schema->slots[i], &sql);
            buf_printf(&sql, " %s", fact_stored_type(schema->slots[i]));
        }
        fixture_exec(db, buf_cstr(&sql));
    }
    buf_free(&sql);
}

static inline void fixture_code(struct db *db, const char *kind, const char *agreement,
                                const char *disposition, const char *label) {
    struct diag diag = {0};
    const char *params[] = {kind, agreement, disposition, label};
    ck_assert_int_eq(db_exec(db, "SELECT code_for($1, $2, $3, $4)", 4, params, &diag), ERR_OK);
}

static inline void fixture_put_reason(struct buf *sql, const struct ruleset *ruleset,
                                      uint32_t agreement, uint16_t reason) {
    if (reason == PAIR_ALONE) {
        buf_str(sql, ", NULL, NULL");
        return;
    }
    struct reason of = ruleset_reason(ruleset, agreement, reason);
    buf_printf(sql, ", '%s', '%s'", disposition_name(of.disposition), of.label);
}

static inline void fixture_pairs(struct db *db, const struct ruleset *ruleset, uint32_t agreement) {
    struct buf sql = BUF_EMPTY;
    struct reason_pair *pairs = NULL;
    uint32_t count = ruleset_pairs(ruleset, agreement, &pairs);
    buf_printf(&sql,
               "INSERT INTO ruleset_pairs SELECT max(r.ruleset), %u, array_agg(f.code ORDER BY "
               "v.n), array_agg(coalesce(p.code, -1::smallint) ORDER BY v.n) FROM (VALUES ",
               agreement + 1);
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&sql, i == 0 ? "(%u" : ", (%u", i);
        fixture_put_reason(&sql, ruleset, agreement, pairs[i].reason);
        fixture_put_reason(&sql, ruleset, agreement, pairs[i].projected);
        buf_byte(&sql, ')');
    }
    buf_printf(&sql,
               ") AS v (n, fd, fl, pd, pl) JOIN rulesets r ON r.id = '%s' "
               "JOIN codes f ON f.kind = 'finding' AND f.agreement = '%s' AND "
               "f.disposition = fd AND f.label = fl LEFT JOIN codes p ON p.kind = 'finding' AND "
               "p.agreement = f.agreement AND p.disposition = pd AND p.label = pl",
               ruleset_id(ruleset), ruleset_agreement_id(ruleset, agreement));
    fixture_exec(db, buf_cstr(&sql));
    mem_free(pairs);
    buf_free(&sql);
}

static inline void fixture_publish(struct db *db, const struct ruleset *ruleset) {
    struct diag diag = {0};
    struct buf body = BUF_EMPTY;
    const struct schema *schema = ruleset_schema(ruleset);
    for (uint32_t i = 0; i < schema->path_count; i++) {
        fixture_code(db, "path", "", "", schema->paths[i]->name);
    }
    for (uint32_t a = 0; a < ruleset_agreement_count(ruleset); a++) {
        fixture_code(db, "agreement", ruleset_agreement_id(ruleset, a), "", "");
        for (uint32_t r = 0; r < ruleset_reason_count(ruleset, a); r++) {
            struct reason reason = ruleset_reason(ruleset, a, r);
            fixture_code(db, "finding", ruleset_agreement_id(ruleset, a),
                         disposition_name(reason.disposition), reason.label);
        }
    }
    buf_append(&body, ruleset_text(ruleset));
    struct buf agreements = BUF_EMPTY;
    for (uint32_t a = 0; a < ruleset_agreement_count(ruleset); a++) {
        buf_printf(&agreements, "%c%s", a == 0 ? '{' : ',', ruleset_agreement_id(ruleset, a));
    }
    buf_byte(&agreements, '}');
    const char *params[] = {ruleset_id(ruleset), buf_cstr(&body), buf_cstr(&agreements)};
    ck_assert_int_eq(
        db_exec(db,
                "WITH r AS (INSERT INTO rulesets (id, engine, agreements) VALUES ($1, "
                "1, $3::text[]) RETURNING ruleset) INSERT INTO ruleset_texts SELECT ruleset, "
                "$2 FROM r",
                3, params, &diag),
        ERR_OK);
    buf_free(&agreements);
    buf_free(&body);
    for (uint32_t a = 0; a < ruleset_agreement_count(ruleset); a++) {
        fixture_pairs(db, ruleset, a);
    }
}

/* fixture_skips: what each test begins with; available: what fixture_open returned. */
static inline bool fixture_skips(bool available) {
    if (!available) {
        printf("skipped: CASEMILL_TEST_CONNINFO is not set\n");
    }
    return !available;
}

static inline bool fixture_open(struct fixture *fixture, const char *program) {
    const char *base = getenv("CASEMILL_TEST_CONNINFO");
    if (base == NULL || base[0] == '\0') {
        return false;
    }
    struct db *db = NULL;
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    struct buf sql = BUF_EMPTY;
    (void)snprintf(fixture->base, sizeof(fixture->base), "%s", base);
    (void)snprintf(fixture->name, sizeof(fixture->name), "%s_%d", program, (int)getpid());
    (void)snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s dbname=%s", base,
                   fixture->name);
    ck_assert_msg(db_open(base, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    buf_printf(&sql, "CREATE DATABASE %s", fixture->name);
    fixture_exec(db, buf_cstr(&sql));
    buf_free(&sql);
    db_close(&db);
    ck_assert_msg(ruleset_load_dir("config", NULL, 0, &ruleset, NULL, &diag) == ERR_OK, "%s",
                  diag.text);
    ck_assert_msg(db_open(fixture->conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    fixture_migrate(db, ruleset_schema(ruleset));
    fixture_publish(db, ruleset);
    fixture_exec(db, "INSERT INTO activations (ruleset, why) SELECT ruleset, 'test' FROM rulesets");
    db_close(&db);
    ruleset_unref(&ruleset);
    return true;
}

static inline void fixture_close(struct fixture *fixture) {
    if (fixture->name[0] == '\0') {
        return;
    }
    struct db *db = NULL;
    struct diag diag = {0};
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "DROP DATABASE %s WITH (FORCE)", fixture->name);
    if (db_open(fixture->base, "unit", &db, &diag) == ERR_OK) {
        (void)!db_exec(db, buf_cstr(&sql), 0, NULL, &diag);
    }
    db_close(&db);
    buf_free(&sql);
}

/* Publishes the shipped rules with one parameter changed, as the next number. */
static inline void fixture_publish_other(const struct fixture *of) {
    static const char *const overrides[] = {"US-GT-ACA-2019.transit_gate=false"};
    struct ruleset *ruleset = NULL;
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_msg(ruleset_load_dir("config", overrides, 1, &ruleset, NULL, &diag) == ERR_OK, "%s",
                  diag.text);
    ck_assert_msg(db_open(of->conninfo, "unit", &db, &diag) == ERR_OK, "%s", diag.text);
    fixture_publish(db, ruleset);
    db_close(&db);
    ruleset_unref(&ruleset);
}

/* A case in MessagePack: id, revision, reference date, and a few invented facts. */
static inline void fixture_case(struct buf *out, const char *id, uint8_t revision,
                                const char *country) {
    size_t len = strlen(id);
    ck_assert_uint_lt(len, 32);
    buf_byte(out, 0x84);
    buf_str(out, "\xa7"
                 "case_id");
    buf_byte(out, (uint8_t)(0xa0 + len));
    buf_str(out, id);
    buf_str(out, "\xa8revision");
    buf_byte(out, revision);
    buf_str(out, "\xaereference_date\xaa"
                 "2020-01-10");
    buf_str(out, "\xa5"
                 "facts\x83\xadnationalities\x92\xa2SV\xa2HN\xa9stateless\xc2\xad"
                 "claim_country\xa2");
    buf_str(out, country);
}

#endif
