/* See reasons.h. */
#include "cli/dead/reasons.h"

#include "base/suggest.h"

#include <string.h>

static const struct {
    const char *word, *meaning;
} reasons[] = {
#define REASON_ROW(word, meaning) {word, meaning},
    DEAD_REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *dead_reason_meaning(const char *word) {
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (strcmp(reasons[i].word, word) == 0) {
            return reasons[i].meaning;
        }
    }
    return NULL;
}

enum err dead_reason_check(const struct options *options, const char *word) {
    if (word == NULL || dead_reason_meaning(word) != NULL) {
        return ERR_OK;
    }
    struct suggest suggest;
    suggest_init(&suggest, span_str(word));
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        suggest_offer(&suggest, span_str(reasons[i].word));
    }
    (void)verb_usage(options, "there is no reason \"%s\"%s%.*s%s", word, SUGGEST_ARG(suggest));
    return ERR_INVALID;
}
