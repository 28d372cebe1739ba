/* Edit distance over short names. */
#include "base/suggest.h"

enum { NAME_BYTES_MAX = 64 };

static size_t distance(struct span a, struct span b) {
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b.len];
}

void suggest_init(struct suggest *suggest, struct span wanted) {
    *suggest = (struct suggest){.wanted = wanted, .best_distance = wanted.len / 3 + 2};
}

void suggest_offer(struct suggest *suggest, struct span candidate) {
    if (suggest->wanted.len > NAME_BYTES_MAX || candidate.len > NAME_BYTES_MAX) {
        return;
    }
    size_t d = distance(suggest->wanted, candidate);
    if (d < suggest->best_distance) {
        suggest->best_distance = d;
        suggest->best = candidate;
    }
}
