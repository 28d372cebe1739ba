/* See reasons.h. */
#include "cli/dead/reasons.h"

#include "base/suggest.h"

#include <string.h>

const struct dead_reason dead_reasons[] = {
#define REASON_ROW(word, meaning) {word, meaning},
    DEAD_REASONS(REASON_ROW)
#undef REASON_ROW
        {NULL, NULL},
};

enum err dead_reason_check(const struct options *options, const char *word) {
    if (word == NULL) {
        return ERR_OK;
    }
    struct suggest suggest;
    suggest_init(&suggest, span_str(word));
    for (const struct dead_reason *reason = dead_reasons; reason->word != NULL; reason++) {
        if (strcmp(reason->word, word) == 0) {
            return ERR_OK;
        }
        suggest_offer(&suggest, span_str(reason->word));
    }
    (void)verb_usage(options, "there is no reason \"%s\"%s%.*s%s; casemill help dead-letters", word,
                     SUGGEST_ARG(suggest));
    return ERR_INVALID;
}
