/* Invented cases for the benchmark `cel`: the same on every run. */
#include "bench_cel.h"

#include "base/date.h"

static const char *const modes[] = {"land_poe",    "between_poe",        "inland",
                                    "airport_poe", "in_transit_removal", "harbour_poe"};
static const char *const relations[] = {"spouse",      "child",         "parent", "sibling",
                                        "grandparent", "aunt_or_uncle", "cousin", "none_of_these"};
static const char *const statuses[] = {"citizen", "permanent_resident", "refugee", "pending_asylum",
                                       "visitor"};
static const char *const countries[] = {"US", "HN", "GT", "SV", "CA", "MX"};

enum { MODES_BY_LAND = 3, RELATIVES = 6, UNKNOWN_PATH = 40 };

struct cel_env *bench_env(void) {
    struct cel_env *env = cel_env_new();
    const struct cel_type *country = cel_type_words(env, countries, COUNT_OF(countries));
    const struct cel_type *relation = cel_type_words(env, relations, COUNT_OF(relations));
    const struct cel_field fields[FIELD_COUNT] = {
        [FIELD_COUNTRY] = {"country", country},
        [FIELD_RELATION] = {"relation", relation},
        [FIELD_STATUS] = {"status", cel_type_words(env, statuses, COUNT_OF(statuses))},
    };
    const struct cel_type *date = cel_type(env, CEL_DATE);
    const struct {
        const char *name;
        const struct cel_type *type;
    } slots[FACT_COUNT] = {
        [FACT_ENTRY_MODE] = {"entry_mode", cel_type_words(env, modes, COUNT_OF(modes))},
        [FACT_ENTRY_DATE] = {"entry_date", date},
        [FACT_CLAIM_DATE] = {"claim_date", date},
        [FACT_RELATION] = {"relation", relation},
        [FACT_NATIONALITIES] = {"nationalities", cel_type_list(env, country)},
        [FACT_MARRIED] = {"married", cel_type(env, CEL_BOOL)},
        [FACT_STATELESS] = {"stateless", cel_type(env, CEL_BOOL)},
        [FACT_ANCHORS] = {"anchors", cel_type_list(env, cel_type_record(env, fields, FIELD_COUNT))},
    };
    enum err err = ERR_OK;
    for (uint16_t i = 0; err == ERR_OK && i < FACT_COUNT; i++) {
        err = cel_declare_slot(env, slots[i].name, slots[i].type, i, NULL);
    }
    CHECK(err == ERR_OK);
    err = cel_declare_slot(env, "any_word", cel_type(env, CEL_STRING), FACT_RELATION, NULL);
    CHECK(err == ERR_OK);
    err = cel_declare_const(env, "in_force_on", date, value_date(IN_FORCE_DAY), NULL);
    CHECK(err == ERR_OK);
    return env;
}

static uint32_t draw(uint64_t *state, uint32_t below) {
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33) % below;
}

/* A word as the decoder leaves it: a text of its own, as out of a message, not the literal that
 * conditions hold, and its number in the vocabulary. */
static struct value word_of(struct arena *arena, const char *const *words, uint32_t number) {
    struct span copy = arena_copy(arena, span_str(words[number]));
    CHECK(copy.ptr != NULL);
    return value_word(copy, number);
}

/* Only the last one of a list may count, so that every one is looked at. */
static struct value anchor(struct bench_cases *cases, bool last, uint64_t *seed) {
    struct value *pairs = arena_alloc(&cases->arena, 2 * FIELD_COUNT * sizeof(*pairs));
    CHECK(pairs != NULL);
    pairs[2 * FIELD_COUNTRY] = value_string(span_str("country"));
    pairs[2 * FIELD_COUNTRY + 1] = word_of(&cases->arena, countries, draw(seed, 8) == 0 ? 4 : 0);
    pairs[2 * FIELD_RELATION] = value_string(span_str("relation"));
    pairs[2 * FIELD_RELATION + 1] = word_of(&cases->arena, relations, draw(seed, RELATIVES));
    pairs[2 * FIELD_STATUS] = value_string(span_str("status"));
    pairs[2 * FIELD_STATUS + 1] =
        word_of(&cases->arena, statuses, last ? draw(seed, 5) : 3 + draw(seed, 2));
    return value_record(pairs, FIELD_COUNT);
}

static void fill(struct bench_cases *cases, struct value *facts, struct bench_shape shape,
                 uint64_t *seed) {
    struct arena *arena = &cases->arena;
    uint32_t mode_count = shape.all_hold ? MODES_BY_LAND : COUNT_OF(modes);
    uint32_t relation_count = shape.all_hold ? RELATIVES : COUNT_OF(relations);
    int32_t entry = IN_FORCE_DAY + (int32_t)draw(seed, 400);
    struct value *nationalities = arena_alloc(arena, shape.items * sizeof(*nationalities));
    struct value *anchors = arena_alloc(arena, shape.items * sizeof(*anchors));
    CHECK(nationalities != NULL);
    CHECK(anchors != NULL);
    for (uint32_t i = 0; i < shape.items; i++) {
        bool last = i + 1 == shape.items;
        nationalities[i] = word_of(arena, countries, last ? 1 : 2 + draw(seed, 4));
        anchors[i] = anchor(cases, last, seed);
    }
    facts[FACT_ENTRY_MODE] = word_of(arena, modes, draw(seed, mode_count));
    facts[FACT_ENTRY_DATE] = value_date(entry);
    facts[FACT_CLAIM_DATE] = value_date(entry + (int32_t)draw(seed, 30));
    facts[FACT_RELATION] = word_of(arena, relations, draw(seed, relation_count));
    facts[FACT_NATIONALITIES] = value_list(nationalities, shape.items);
    facts[FACT_MARRIED] = value_bool(!shape.all_hold && draw(seed, 2) == 0);
    facts[FACT_STATELESS] = value_bool(!shape.all_hold && draw(seed, 2) == 0);
    facts[FACT_ANCHORS] = value_list(anchors, shape.items);
    if (shape.unknowns) {
        facts[FACT_RELATION] = value_unknown(FACT_RELATION);
        facts[FACT_MARRIED] = value_unknown(UNKNOWN_PATH + FACT_MARRIED);
    }
}

void bench_cases_init(struct bench_cases *cases, struct bench_shape shape) {
    uint64_t seed = 20190921;
    arena_init(&cases->arena, (size_t)64 * 1024 * 1024);
    for (uint32_t i = 0; i < CASES; i++) {
        fill(cases, cases->facts[i], shape, &seed);
    }
}

void bench_cases_fini(struct bench_cases *cases) { arena_free(&cases->arena); }
