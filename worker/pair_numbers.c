/* See pair_numbers.h. */
#include "worker/pair_numbers.h"

#include "base/mem.h"

#include <stdlib.h>

static uint16_t *none(uint32_t count) {
    uint16_t *numbers = mem_zero(count, sizeof(*numbers));
    memset(numbers, 0xff, count * sizeof(*numbers));
    return numbers;
}

void pair_numbers_init(struct pair_numbers *numbers, uint32_t reason_count) {
    *numbers = (struct pair_numbers){.reason_count = reason_count,
                                     .alone = none(reason_count),
                                     .beside = mem_zero(reason_count, sizeof(*numbers->beside))};
}

void pair_numbers_free(struct pair_numbers *numbers) {
    for (uint32_t i = 0; i < numbers->reason_count; i++) {
        mem_free(numbers->beside[i]);
    }
    mem_free(numbers->beside);
    mem_free(numbers->alone);
    mem_free(numbers->findings);
    mem_free(numbers->projected);
    *numbers = (struct pair_numbers){0};
}

static uint16_t *place_of(struct pair_numbers *numbers, struct reason_pair pair) {
    CHECK(pair.reason < numbers->reason_count);
    if (pair.projected == PAIR_ALONE) {
        return &numbers->alone[pair.reason];
    }
    CHECK(pair.projected < numbers->reason_count);
    uint16_t **beside = &numbers->beside[pair.reason];
    *beside = *beside == NULL ? none(numbers->reason_count) : *beside;
    return &(*beside)[pair.projected];
}

/* The lists grow by one: they are made once for each rule set. */
static void add_codes(struct pair_numbers *numbers, int16_t finding, int16_t projected) {
    CHECK(numbers->count < PAIR_NUMBER_NONE);
    size_t count = numbers->count + 1U;
    numbers->findings = mem_grow(numbers->findings, count, sizeof(*numbers->findings));
    numbers->projected = mem_grow(numbers->projected, count, sizeof(*numbers->projected));
    numbers->findings[numbers->count] = finding;
    numbers->projected[numbers->count] = projected;
    numbers->count++;
}

static uint32_t reason_of(const struct pair_numbers *numbers, const int16_t *codes, long code) {
    uint32_t at = 0;
    while (at < numbers->reason_count && codes[at] != code) {
        at++;
    }
    return at;
}

/* The next number of "{1,2}"; false behind the last one. */
static bool next_code(const char **at, long *code) {
    char *end = NULL;
    if (**at == '{' || **at == ',') {
        *code = strtol(*at + 1, &end, 10);
        bool is_number = end != *at + 1 && *code >= INT16_MIN && *code <= INT16_MAX;
        *at = end;
        return is_number;
    }
    return false;
}

enum err pair_numbers_read(struct pair_numbers *numbers, const char *findings,
                           const char *projected, const int16_t *codes) {
    long finding = 0;
    long other = 0;
    while (next_code(&findings, &finding)) {
        if (!next_code(&projected, &other) || numbers->count >= PAIR_NUMBER_NONE) {
            return ERR_CORRUPT;
        }
        uint32_t reason = reason_of(numbers, codes, finding);
        uint32_t beside = other < 0 ? PAIR_ALONE : reason_of(numbers, codes, other);
        if (reason < numbers->reason_count && beside != numbers->reason_count) {
            *place_of(numbers, (struct reason_pair){(uint16_t)reason, (uint16_t)beside}) =
                (uint16_t)numbers->count;
        }
        add_codes(numbers, (int16_t)finding, (int16_t)other);
    }
    return strcmp(findings, "}") == 0 && strcmp(projected, "}") == 0 ? ERR_OK : ERR_CORRUPT;
}

static bool has_number(const struct pair_numbers *numbers, struct reason_pair pair) {
    const uint16_t *beside = numbers->beside[pair.reason];
    return pair.projected == PAIR_ALONE
               ? numbers->alone[pair.reason] != PAIR_NUMBER_NONE
               : beside != NULL && beside[pair.projected] != PAIR_NUMBER_NONE;
}

bool pair_numbers_cover(const struct pair_numbers *numbers, const struct ruleset *ruleset,
                        uint32_t agreement) {
    struct reason_pair *pairs = NULL;
    uint32_t count = ruleset_pairs(ruleset, agreement, &pairs);
    uint32_t at = 0;
    while (at < count && has_number(numbers, pairs[at])) {
        at++;
    }
    mem_free(pairs);
    return at == count;
}

bool pair_numbers_equal(const struct pair_numbers *a, const struct pair_numbers *b) {
    size_t bytes = a->count * sizeof(*a->findings);
    return a->count == b->count && (bytes == 0 || (memcmp(a->findings, b->findings, bytes) == 0 &&
                                                   memcmp(a->projected, b->projected, bytes) == 0));
}
