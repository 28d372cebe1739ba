/* Purpose: "did you mean": the nearest known name to a wrong one. */
#ifndef CASEMILL_BASE_SUGGEST_H
#define CASEMILL_BASE_SUGGEST_H

#include "base/span.h"

/* A search over any number of candidates: init, offer each, then read best (NULL ptr when none is
 * near). */
struct suggest {
    struct span wanted;
    struct span best;
    size_t best_distance;
};
/* For printf: "%s%.*s%s", SUGGEST_ARG(suggest) is ", did you mean NAME?", or nothing. */
#define SUGGEST_ARG(suggest)                                                                       \
    (suggest).best.ptr == NULL ? "" : ", did you mean ", SPAN_ARG((suggest).best),                 \
        (suggest).best.ptr == NULL ? "" : "?"

void suggest_init(struct suggest *suggest, struct span wanted);
void suggest_offer(struct suggest *suggest, struct span candidate);

#endif
