/* `casemill db migrate`: brings a database to this version, in one transaction under a lock.  So
 * two runs at the same time are serialized, and a failed run leaves nothing behind.  An empty
 * database gets the files of sql/baseline.  An older one gets each sql/NNNN_*.sql that is not yet
 * applied, which change tables, and then the baseline's files of functions and views.  `cases` gets
 * a column for each fact of the schema.  It waits only briefly for a lock, because
 * lanes would wait behind it (db/lock_wait.h).  It never changes a column's type and never drops
 * one. */
#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "casedoc/column.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/db/lock_wait.h"
#include "cli/rules/option.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CASEMILL_SQL_DIR
#define CASEMILL_SQL_DIR "/usr/local/share/casemill/sql"
#endif

enum { MIGRATION_BYTES_MAX = 1 << 20, MIGRATIONS_MAX = 1000, MIGRATION_DIGITS = 4 };
enum {
    BASELINE_NUMBER = 20, /* of an empty database after the files of baseline/ */
    UPGRADED_FROM = 15,   /* the oldest number: that of version 0.1 */
    BASELINE_DIGITS = 1,
    DEFINITIONS_FROM = '7' /* from this file on the baseline holds functions and views only */
};

struct migrate {
    struct db *db;
    const char *sql_dir;
    const char *rules_dir;
    struct buf baseline; /* the text of the files */
    long began_with;     /* the baseline's number when this database was made; 0: by version 0.1 */
    uint32_t applied;
    uint32_t columns_added;
    bool texts_changed; /* the comment of a column */
};

/* What reporters read about a fact. */
static const char *comment_of(const struct fact *fact) {
    return fact->help == NULL || fact->help[0] == '\0' ? fact->name : fact->help;
}

/* "0002_cases.sql", with this number of digits. */
static bool is_numbered(const char *name, size_t digits) {
    size_t len = strlen(name);
    for (size_t i = 0; i < digits; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return false;
        }
    }
    return name[digits] == '_' && len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls `apply` with each file of that form in dir, by name. */
static enum err each_file(struct migrate *m, const char *dir, size_t digits,
                          enum err (*apply)(struct migrate *m, const char *dir, const char *name,
                                            struct diag *diag),
                          struct diag *diag) {
    DIR *open = opendir(dir);
    if (open == NULL) {
        return diag_fail(diag, ERR_NOT_FOUND, "no folder of migrations at %s: use --sql DIR", dir);
    }
    char **names = mem_zero(MIGRATIONS_MAX, sizeof(*names));
    uint32_t count = 0;
    for (struct dirent *entry = readdir(open); entry != NULL && count < MIGRATIONS_MAX;
         entry = readdir(open)) {
        if (is_numbered(entry->d_name, digits)) {
            names[count++] = mem_strdup(entry->d_name);
        }
    }
    (void)closedir(open);
    qsort(names, count, sizeof(*names), by_name);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count; i++) {
        err = err == ERR_OK ? apply(m, dir, names[i], diag) : err;
        mem_free(names[i]);
    }
    mem_free(names);
    return err;
}

static enum err read_file(const char *dir, const char *name, struct buf *text, struct diag *diag) {
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/%s", dir, name);
    enum err err = io_read_file(buf_cstr(&path), MIGRATION_BYTES_MAX, text, diag);
    buf_free(&path);
    return err;
}

static enum err record(struct migrate *m, const char *number, const char *name, const char *hash,
                       struct diag *diag) {
    const char *params[] = {number, name, hash};
    return db_exec(m->db,
                   "INSERT INTO schema_migrations (number, name, hash) VALUES ($1::int, $2, $3)", 3,
                   params, diag);
}

/* *hash is "" when that number was never applied. */
static enum err applied_hash(struct db *db, const char *number, char hash[SHA256_HEX_BYTES],
                             struct diag *diag) {
    struct db_result *result = NULL;
    const char *params[] = {number};
    enum err err = db_query(db, "SELECT hash FROM schema_migrations WHERE number = $1::int", 1,
                            params, &result, diag);
    err = err == ERR_OK ? db_expect(result, "? s", diag) : err;
    if (err == ERR_OK) {
        (void)snprintf(hash, SHA256_HEX_BYTES, "%s",
                       db_rows(result) == 0 ? "" : db_cell(result, 0, 0));
    }
    db_result_free(&result);
    return err;
}

static enum err apply_migration(struct migrate *m, const char *dir, const char *name,
                                struct diag *diag) {
    char number[MIGRATION_DIGITS + 1];
    (void)snprintf(number, sizeof(number), "%.*s", (int)MIGRATION_DIGITS, name);
    if (strtol(number, NULL, 10) <= m->began_with) {
        return ERR_OK; /* the baseline has it */
    }
    struct buf text = BUF_EMPTY;
    char hash[SHA256_HEX_BYTES];
    char stored[SHA256_HEX_BYTES] = "";
    enum err err = read_file(dir, name, &text, diag);
    if (err == ERR_OK) {
        sha256_hex(buf_span(&text), hash);
        err = applied_hash(m->db, number, stored, diag);
    }
    if (err == ERR_OK && stored[0] != '\0' && strcmp(stored, hash) != 0) {
        err = diag_fail(diag, ERR_CONFLICT,
                        "%s changed after it was applied: put the change into a new file", name);
    }
    if (err == ERR_OK && stored[0] == '\0') {
        err = db_exec(m->db, buf_cstr(&text), 0, NULL, diag);
        err = err == ERR_OK ? record(m, number, name, hash, diag) : err;
        m->applied++;
    }
    buf_free(&text);
    return err;
}

static enum err apply_baseline_file(struct migrate *m, const char *dir, const char *name,
                                    struct diag *diag) {
    size_t at = m->baseline.len;
    enum err err = read_file(dir, name, &m->baseline, diag);
    if (err == ERR_OK) {
        err = db_exec(m->db, buf_cstr(&m->baseline) + at, 0, NULL, diag);
        m->applied++;
    }
    return err;
}

static enum err apply_definitions_file(struct migrate *m, const char *dir, const char *name,
                                       struct diag *diag) {
    return name[0] < DEFINITIONS_FROM ? ERR_OK : apply_baseline_file(m, dir, name, diag);
}

/* For an empty database; the hash identifies the text that made the tables. */
static enum err apply_baseline(struct migrate *m, const char *dir, struct diag *diag) {
    char hash[SHA256_HEX_BYTES];
    char number[MIGRATION_DIGITS + 1];
    buf_clear(&m->baseline);
    enum err err = each_file(m, dir, BASELINE_DIGITS, apply_baseline_file, diag);
    if (err == ERR_OK) {
        sha256_hex(buf_span(&m->baseline), hash);
        (void)snprintf(number, sizeof(number), "%04d", (int)BASELINE_NUMBER);
        err = record(m, number, "baseline", hash, diag);
        m->began_with = BASELINE_NUMBER;
    }
    return err;
}

/* The definitions come last: they use the tables as the upgrades leave them. */
static enum err apply_upgrade(struct migrate *m, const char *dir, struct diag *diag) {
    uint32_t before = m->applied;
    enum err err = each_file(m, m->sql_dir, MIGRATION_DIGITS, apply_migration, diag);
    return err == ERR_OK && m->applied > before
               ? each_file(m, dir, BASELINE_DIGITS, apply_definitions_file, diag)
               : err;
}

/* A wrong folder would seem to have nothing left to apply. */
static enum err check_folder(const struct migrate *m, struct diag *diag) {
    struct buf first = BUF_EMPTY;
    buf_printf(&first, "%s/baseline/1_codes.sql", m->sql_dir);
    enum err err =
        access(buf_cstr(&first), R_OK) == 0
            ? ERR_OK
            : diag_fail(diag, ERR_NOT_FOUND, "no baseline in %s: use --sql DIR", m->sql_dir);
    buf_free(&first);
    return err;
}

static enum err apply_files(struct migrate *m, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(m->db,
                            "SELECT coalesce(max(number), 0), "
                            "coalesce(max(number) FILTER (WHERE name = 'baseline'), 0) "
                            "FROM schema_migrations",
                            0, NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 i i", diag) : err;
    long number = err == ERR_OK ? strtol(db_cell(row, 0, 0), NULL, 10) : 0;
    m->began_with = err == ERR_OK ? strtol(db_cell(row, 0, 1), NULL, 10) : 0;
    db_result_free(&row);
    struct buf dir = BUF_EMPTY;
    buf_printf(&dir, "%s/baseline", m->sql_dir);
    if (err == ERR_OK && number == 0) {
        err = apply_baseline(m, buf_cstr(&dir), diag);
    } else if (err == ERR_OK && number < UPGRADED_FROM) {
        err = diag_fail(diag, ERR_VERSION,
                        "the database is at migration %ld, and this program upgrades from %d on: "
                        "run `casemill db migrate` of version 0.1 first",
                        number, (int)UPGRADED_FROM);
    }
    err = err == ERR_OK ? apply_upgrade(m, buf_cstr(&dir), diag) : err;
    buf_free(&dir);
    return err;
}

/* Whether the column exists with the right type (*exists) and comment (*has_text), or why it
 * cannot. */
static enum err check_column(struct db *db, const struct fact *fact, const char *column,
                             const char *type, bool *exists, bool *has_text, struct diag *diag) {
    struct db_result *result = NULL;
    const char *params[] = {column};
    enum err err = db_query(db,
                            "SELECT " DB_TYPE_NAME ", attnotnull, col_description(attrelid, "
                            "attnum) FROM pg_attribute "
                            "WHERE attrelid = 'cases'::regclass AND attname = $1 AND attnum > 0 "
                            "AND NOT attisdropped",
                            1, params, &result, diag);
    err = err == ERR_OK ? db_expect(result, "? s b s?", diag) : err;
    if (err != ERR_OK) {
        db_result_free(&result);
        return err;
    }
    *exists = db_rows(result) == 1;
    const char *text = *exists ? db_cell(result, 0, 2) : NULL;
    *has_text = text != NULL && strcmp(text, comment_of(fact)) == 0;
    if (*exists && strcmp(db_cell(result, 0, 1), "t") == 0) {
        err = diag_fail(diag, ERR_CONFLICT, "fact %s: table cases has another column of that name",
                        fact->name);
    } else if (*exists && strcmp(db_cell(result, 0, 0), type) != 0) {
        err = diag_fail(diag, ERR_CONFLICT,
                        "fact %s is %s in the database and %s in the schema: a type never changes, "
                        "give the fact a new name",
                        fact->name, db_cell(result, 0, 0), type);
    }
    db_result_free(&result);
    return err;
}

static enum err add_column(struct migrate *m, const struct fact *fact, struct buf *name,
                           const char *type, struct diag *diag) {
    struct buf sql = BUF_EMPTY;
    bool exists = false;
    bool has_text = false;
    enum err err = ERR_OK;
    if (name->len > COLUMN_NAME_BYTES_MAX) {
        err = diag_fail(diag, ERR_TOO_LARGE, "fact %s: a column name has at most %d bytes",
                        fact->name, (int)COLUMN_NAME_BYTES_MAX);
    } else {
        err = check_column(m->db, fact, buf_cstr(name), type, &exists, &has_text, diag);
    }
    if (err == ERR_OK && !exists) {
        buf_str(&sql, "ALTER TABLE cases ADD COLUMN ");
        db_quote_name(&sql, buf_span(name));
        buf_printf(&sql, " %s; ", type);
        m->columns_added++;
    }
    if (err == ERR_OK && !has_text) {
        buf_str(&sql, "COMMENT ON COLUMN cases.");
        db_quote_name(&sql, buf_span(name));
        buf_str(&sql, " IS ");
        db_quote_text(&sql, span_str(comment_of(fact)));
        err = db_exec(m->db, buf_cstr(&sql), 0, NULL, diag);
        m->texts_changed = true;
    }
    buf_free(&sql);
    return err;
}

/* A list or map has its text in a column of its own. */
static enum err add_fact(struct migrate *m, const struct fact *fact, struct diag *diag) {
    struct buf name = BUF_EMPTY;
    fact_column_name(fact, &name);
    enum err err = add_column(m, fact, &name, fact_column_type(fact), diag);
    if (err == ERR_OK && fact_has_text(fact)) {
        buf_clear(&name);
        fact_stored_name(fact, &name);
        err = add_column(m, fact, &name, fact_stored_type(fact), diag);
    }
    buf_free(&name);
    return err;
}

/* `a.b` and `a_b` would share a column, and two migrations would not notice. */
static enum err check_clash(const struct schema *schema, uint32_t slot, struct diag *diag) {
    struct buf mine = BUF_EMPTY;
    struct buf other = BUF_EMPTY;
    enum err err = ERR_OK;
    fact_column_name(schema->slots[slot], &mine);
    for (uint32_t i = 0; i < slot && err == ERR_OK; i++) {
        buf_clear(&other);
        fact_column_name(schema->slots[i], &other);
        if (span_eq(buf_span(&mine), buf_span(&other))) {
            err = diag_fail(diag, ERR_CONFLICT, "facts %s and %s would share one column",
                            schema->slots[i]->name, schema->slots[slot]->name);
        }
    }
    buf_free(&mine);
    buf_free(&other);
    return err;
}

static enum err add_columns(struct migrate *m, struct diag *diag) {
    struct buf path = BUF_EMPTY;
    struct yaml_doc *doc = NULL;
    struct vocabulary iso = {NULL, 0};
    struct schema *schema = NULL;
    buf_printf(&path, "%s/case.yaml", m->rules_dir);
    enum err err = yaml_parse_file(buf_cstr(&path), &doc, diag);
    if (err == ERR_OK) {
        err = vocabulary_load_iso(&iso, diag);
    }
    if (err == ERR_OK) {
        err = schema_load(doc, iso, &schema, diag);
    }
    for (uint32_t i = 0; err == ERR_OK && i < schema->slot_count; i++) {
        err = check_clash(schema, i, diag);
        if (err == ERR_OK) {
            err = add_fact(m, schema->slots[i], diag);
        }
    }
    schema_free(&schema);
    vocabulary_free(&iso);
    yaml_doc_free(&doc);
    buf_free(&path);
    return err;
}

/* Texts in another encoding would be refused case by case.  If search_path lacked the schema, a
 * second set of tables would be made. */
static enum err check_database(struct db *db, struct diag *diag) {
    struct db_result *row = NULL;
    enum err err = db_query(db, "SELECT current_setting('server_encoding')", 0, NULL, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 s", diag) : err;
    if (err == ERR_OK && strcmp(db_cell(row, 0, 0), "UTF8") != 0) {
        err = diag_fail(diag, ERR_DENIED,
                        "the database's encoding is %s: make one with ENCODING 'UTF8' TEMPLATE "
                        "template0",
                        db_cell(row, 0, 0));
    }
    db_result_free(&row);
    return err == ERR_OK ? db_check_tables(db, true, diag) : err;
}

/* One transaction: see lock_wait_run. */
static enum err migrate_all(void *context, struct diag *diag) {
    struct migrate *m = context;
    m->applied = 0;
    m->columns_added = 0;
    m->texts_changed = false;
    enum err err = db_exec(
        m->db,
        "SELECT pg_advisory_xact_lock(hashtext('casemill db migrate')); "
        "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, "
        "name text NOT NULL, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()); "
        "COMMENT ON TABLE schema_migrations IS 'Migrations applied, by casemill db migrate.'; "
        "COMMENT ON COLUMN schema_migrations.number IS 'The file''s number.'; "
        "COMMENT ON COLUMN schema_migrations.name IS 'The file''s name.'; "
        "COMMENT ON COLUMN schema_migrations.hash IS 'SHA-256 of its text when it was applied.'; "
        "COMMENT ON COLUMN schema_migrations.applied_at IS 'When.'",
        0, NULL, diag);
    if (err == ERR_OK) {
        err = apply_files(m, diag);
    }
    err = err == ERR_OK ? add_columns(m, diag) : err;
    return err == ERR_OK && (m->columns_added > 0 || m->texts_changed)
               ? db_exec(m->db, "SELECT make_fact_view()", 0, NULL, diag)
               : err;
}

static void print_done(const struct options *options, const struct migrate *m) {
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "migrations applied: %u, columns added: %u\n", m->applied,
                     m->columns_added);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_uint(json_key(&json, "applied"), m->applied);
    json_uint(json_key(&json, "columns_added"), m->columns_added);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

static int run_migrate(const struct options *options) {
    const char *found = access("sql", R_OK) == 0 ? "sql" : CASEMILL_SQL_DIR;
    struct migrate m = {.sql_dir = option_str(options, "--sql", found),
                        .rules_dir = option_str(options, "--rules", rules_default_dir()),
                        .baseline = BUF_EMPTY};
    struct diag diag = {0};
    int64_t patience_s = 0;
    if (option_int(options, "--wait", LOCK_WAIT_S_DEFAULT, 0, LOCK_WAIT_S_MAX, &patience_s) !=
        ERR_OK) {
        return EXIT_USAGE;
    }
    int code = database_open(options, DATABASE_ANY, &m.db);
    if (code != EXIT_DONE) {
        return code;
    }
    enum err err = check_folder(&m, &diag);
    err = err == ERR_OK ? check_database(m.db, &diag) : err;
    if (err == ERR_OK) {
        db_limit(m.db, DB_CALL_MS_LONG); /* a migration may read whole tables */
        const struct lock_wait wait = {.db = m.db,
                                       .conninfo = option_db(options),
                                       .verb = "db migrate",
                                       .patience_ms = patience_s * 1000,
                                       .step = migrate_all,
                                       .context = &m};
        err = lock_wait_run(&wait, &diag);
    }
    db_close(&m.db);
    buf_free(&m.baseline);
    if (err != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    print_done(options, &m);
    return EXIT_DONE;
}

static const struct option_row MIGRATE_ROWS[] = {
    {"--rules", "DIR",
     "folder with case.yaml, whose facts become columns (config here, or the installed one)"},
    {"--sql", "DIR", "folder of the baseline and migrations (sql, else the installed one)"},
    {"--wait", "SECONDS", "give up after this time while others hold locks (60)"},
    {NULL, NULL, NULL},
};

const struct verb verb_db_migrate = {
    .name = "db migrate",
    .summary = "create or update the tables; add a column for each fact",
    .operands = "",
    .rows = MIGRATE_ROWS,
    .run = run_migrate,
};
