/* Purpose: the closed list of reasons of dead letters, each with its meaning: a filter accepts
 * these words only, and the help prints them.  tests/unit/test_cli_dead.c compares the list with
 * casedoc/case_doc.h and sql/baseline/4_dead_letters.sql. */
#ifndef CASEMILL_CLI_DEAD_REASONS_H
#define CASEMILL_CLI_DEAD_REASONS_H

#include "cli/verb.h"

/* clang-format off */
#define DEAD_REASONS(ROW) \
    ROW("bad_date", "a text where a date as YYYY-MM-DD is expected, or an instant finer than a microsecond") \
    ROW("bad_revision", "the revision is missing or no whole number from 0") \
    ROW("conflict", "another content is stored under the same source, case id and revision") \
    ROW("digest_differs", "reapply: the stored row was changed") \
    ROW("duplicate_key", "a name is given twice in one map") \
    ROW("missing_id", "the case has no case_id") \
    ROW("nil_element", "a list has an element without a value") \
    ROW("no_such_case", "reapply: the case is not stored") \
    ROW("no_such_letter", "retry: the dead letter was dropped meanwhile") \
    ROW("no_such_ruleset", "reapply: the rule set is not published") \
    ROW("not_a_case", "retry: the bytes of the dead letter are no case") \
    ROW("not_a_letter", "retry: the request holds no number of a dead letter") \
    ROW("not_a_map", "the case, or its facts, are no map") \
    ROW("not_a_number", "a number that is not finite") \
    ROW("not_a_triple", "reapply: the request holds no source, case id and revision") \
    ROW("not_allowed", "lanes have no right to the rows: run sql/roles.sql of this version") \
    ROW("not_in_schema", "reapply: the rule set has no such fact or word") \
    ROW("not_storable", "PostgreSQL refused the row") \
    ROW("not_utf8", "a text is not UTF-8") \
    ROW("nul_byte", "a text holds a NUL byte") \
    ROW("out_of_range", "a number is outside the bounds of its fact, or no double equals it") \
    ROW("poison", "lanes failed on this case alone, lanes.attempts_max times") \
    ROW("ruleset_refused", "reapply: the rule set does not load in this version") \
    ROW("too_large", "a text, a list or the case is larger than its limit") \
    ROW("unknown_fact", "the schema has no fact of that name") \
    ROW("unknown_key", "a case or a record has no key of that name") \
    ROW("unknown_word", "the word is not in the vocabulary of its fact") \
    ROW("wrong_type", "the value has another type than its fact")
/* clang-format on */

/* dead_reason_meaning returns NULL for a word that is not in the table. */
const char *dead_reason_meaning(const char *word);
/* dead_reason_check accepts NULL (any reason) and the words of the table.
 * Errors: ERR_INVALID another word; reported with the nearest one. */
MUST_USE enum err dead_reason_check(const struct options *options, const char *word);

#endif
