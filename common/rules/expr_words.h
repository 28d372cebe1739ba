/* Purpose: the words of a condition as written: a dotted name is one word; strings and comments are
 * skipped. */
#ifndef CASEMILL_RULES_EXPR_WORDS_H
#define CASEMILL_RULES_EXPR_WORDS_H

#include "base/span.h"

#include <stdbool.h>

/* Set only `text` at first; after each expr_words_next, `word` begins at `start` and ends before
 * `at`. */
struct expr_words {
    struct span text;
    size_t at;
    size_t start;
    struct span word;
};
bool expr_words_next(struct expr_words *words); /* false after the last */

#endif
