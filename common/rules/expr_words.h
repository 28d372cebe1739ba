/* Purpose: the words of a condition as it is written: a dotted name is one word; strings and
 * comments are stepped over. */
#ifndef CASEMILL_RULES_EXPR_WORDS_H
#define CASEMILL_RULES_EXPR_WORDS_H

#include "base/span.h"

#include <stdbool.h>

/* Begin with text alone; after each expr_words_next, word stands at start and ends before at. */
struct expr_words {
    struct span text;
    size_t at;
    size_t start;
    struct span word;
};
bool expr_words_next(struct expr_words *words); /* false behind the last */

#endif
