/* Purpose: the pair numbers of an agreement without a database, for tests and benchmarks.  The
 * codes of its reasons are invented: from 1, in order. */
#ifndef CASEMILL_TESTS_UNIT_PAIR_FIXTURE_H
#define CASEMILL_TESTS_UNIT_PAIR_FIXTURE_H

#include "base/mem.h"
#include "worker/pair_numbers.h"

/* pair_fixture fills codes[reason], too. */
static inline void pair_fixture(struct pair_numbers *numbers, const struct ruleset *ruleset,
                                uint32_t agreement, int16_t *codes) {
    struct reason_pair *pairs = NULL;
    struct buf findings = BUF_EMPTY;
    struct buf projected = BUF_EMPTY;
    uint32_t reasons = ruleset_reason_count(ruleset, agreement);
    uint32_t count = ruleset_pairs(ruleset, agreement, &pairs);
    for (uint32_t i = 0; i < reasons; i++) {
        codes[i] = (int16_t)(i + 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&findings, "%c%d", i == 0 ? '{' : ',', codes[pairs[i].reason]);
        buf_printf(&projected, "%c%d", i == 0 ? '{' : ',',
                   pairs[i].projected == PAIR_ALONE ? PAIR_CODE_NONE : codes[pairs[i].projected]);
    }
    buf_byte(&findings, '}');
    buf_byte(&projected, '}');
    pair_numbers_init(numbers, reasons);
    CHECK(pair_numbers_read(numbers, buf_cstr(&findings), buf_cstr(&projected), codes) == ERR_OK);
    CHECK(pair_numbers_cover(numbers, ruleset, agreement));
    buf_free(&findings);
    buf_free(&projected);
    mem_free(pairs);
}

#endif
