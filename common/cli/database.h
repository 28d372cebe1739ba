/* Purpose: what verbs that read the database share: opening it, and its rows as a table and as
 * JSON. */
#ifndef CASEMILL_CLI_DATABASE_H
#define CASEMILL_CLI_DATABASE_H

#include "base/json.h"
#include "cli/verb.h"
#include "db/db.h"

enum database_check {
    DATABASE_ANY,
    DATABASE_VIEWS,    /* as db_check_views */
    DATABASE_PLACED,   /* as db_check_tables, without may_miss */
    DATABASE_MIGRATED, /* as db_check_migrated */
    DATABASE_FACTS     /* as db_check_facts and db_check_migrated */
};
/* database_open connects to --db as `casemill VERB` and checks it.  On a fault it reports it and
 * returns the exit code; else EXIT_DONE and *db is the caller's. */
int database_open(const struct options *options, enum database_check check, struct db **db);
/* database_missing is the usage fault of a verb without --db. */
int database_missing(const struct options *options);

/* database_print_rows prints a line of names, then the rows; the first columns to the left, the
 * others to the right.  An empty cell is "-". */
void database_print_rows(const struct db_result *rows, uint32_t left_columns);
/* database_json_rows writes an array of objects, whose keys are the columns' names;
 * database_json_cell one cell: NULL as null, a whole number as a number. */
void database_json_rows(struct json *json, const struct db_result *rows);
void database_json_cell(struct json *json, const struct db_result *rows, uint32_t row,
                        uint32_t column);

#endif
