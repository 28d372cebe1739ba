/* Purpose: the numbers that a rule set's list gives the pairs (finding, projected finding) of one
 * agreement, both ways.  Table ruleset_pairs holds the list. */
#ifndef CASEMILL_WORKER_PAIR_NUMBERS_H
#define CASEMILL_WORKER_PAIR_NUMBERS_H

#include "rules/pairs.h"

enum { PAIR_NUMBER_NONE = UINT16_MAX, PAIR_CODE_NONE = -1 };

struct pair_numbers {
    uint32_t reason_count;
    uint16_t *alone;   /* [reason]: the number without a projected finding */
    uint16_t **beside; /* [reason][projected]; NULL: that reason never has one */
    uint32_t count;
    int16_t *findings, *projected; /* [number]: their codes, or PAIR_CODE_NONE */
};

void pair_numbers_init(struct pair_numbers *numbers, uint32_t reason_count);
void pair_numbers_free(struct pair_numbers *numbers);
/* pair_numbers_read adds the pairs of a stored list, two arrays as PostgreSQL prints them; codes[]
 * are those of the reasons.  A pair of other codes gets a number that no finding has.  Errors:
 * ERR_CORRUPT the arrays do not fit each other. */
MUST_USE enum err pair_numbers_read(struct pair_numbers *numbers, const char *findings,
                                    const char *projected, const int16_t *codes);
/* pair_numbers_cover: every pair that the agreement can give has a number. */
bool pair_numbers_cover(const struct pair_numbers *numbers, const struct ruleset *ruleset,
                        uint32_t agreement);
bool pair_numbers_equal(const struct pair_numbers *a, const struct pair_numbers *b);

static inline uint16_t pair_number(const struct pair_numbers *numbers,
                                   const struct finding *finding) {
    const uint16_t *beside = numbers->beside[finding->result.reason];
    uint16_t number = !finding->has_projected ? numbers->alone[finding->result.reason]
                      : beside != NULL        ? beside[finding->projected.reason]
                                              : PAIR_NUMBER_NONE;
    CHECK(number != PAIR_NUMBER_NONE);
    return number;
}

#endif
