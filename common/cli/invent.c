/* Inventing cases.  Order of a case: person and route (journey), dates, completeness of the intake,
 * then fact by fact; last the fault of a bad case.  Percentages are rounded estimates from
 * published figures; nothing relies on them. */
#include "cli/invent.h"

#include "base/check.h"
#include "base/date.h"
#include "base/json.h"
#include "base/uuid.h"

#include <stdio.h>

enum { TRANSIT_MAX = 8, HUNDRED = 100 };

/* A nationality on a route: its share, and whether it needs a visa for each country. */
struct origin {
    const char *country;
    uint32_t share;
    bool visa_us, visa_ca;
};

/* South-west border of the United States. */
static const struct origin SOUTH[] = {
    {"GT", 23, true, true}, {"HN", 23, true, true}, {"MX", 19, true, false}, {"SV", 11, true, true},
    {"EC", 5, true, true},  {"CU", 4, true, true},  {"NI", 3, true, true},   {"VE", 3, true, true},
    {"BR", 3, true, true},  {"HT", 2, true, true},  {"CO", 1, true, true},   {"IN", 1, true, true},
    {"CM", 1, true, true},  {"CL", 1, false, false}};
/* By air, and over the northern border in both directions. */
static const struct origin ELSEWHERE[] = {
    {"NG", 16, true, true},  {"HT", 14, true, true}, {"CN", 10, true, true},
    {"IN", 10, true, true},  {"VE", 9, true, true},  {"CO", 8, true, true},
    {"PK", 7, true, true},   {"MX", 7, true, false}, {"TR", 6, true, true},
    {"SD", 4, true, true},   {"RO", 3, true, false}, {"HU", 2, false, false},
    {"US", 2, false, false}, {"CA", 2, false, false}};

enum journey {
    JOURNEY_SOUTH,
    JOURNEY_US_AIR,
    JOURNEY_US_INLAND,
    JOURNEY_US_FROM_CANADA,
    JOURNEY_CANADA,
    JOURNEY_COUNT
};
static const uint32_t JOURNEY_SHARES[JOURNEY_COUNT] = {76, 6, 3, 6, 9};

struct weighted_word {
    const char *word;
    uint32_t share;
};
static const struct weighted_word MODES_SOUTH[] = {{"between_poe", 81}, {"land_poe", 19}};
static const struct weighted_word MODES_FROM_CANADA[] = {{"land_poe", 62},
                                                         {"between_poe", 24},
                                                         {"airport_poe", 7},
                                                         {"in_transit_removal", 4},
                                                         {"harbour_poe", 3}};
static const struct weighted_word MODES_CANADA[] = {{"inland", 34},     {"between_poe", 26},
                                                    {"land_poe", 20},   {"airport_poe", 18},
                                                    {"harbour_poe", 1}, {"in_transit_removal", 1}};

/* The case while it is made. */
struct draft {
    struct json *json; /* its output */
    struct rng rng;
    enum journey journey;
    const struct origin *origin;
    const char *mode;
    const char *arrived_from;
    const char *claim_country;
    int32_t reference_date, claim_date, entry_date, birth_date;
    bool careful; /* an intake that left little out */
    bool stateless;
};

static bool chance(struct draft *draft, uint32_t percent) {
    return rng_below(&draft->rng, HUNDRED) < percent;
}

static int32_t between(struct draft *draft, int32_t low, int32_t high) {
    return low + (int32_t)rng_below(&draft->rng, (uint64_t)(high - low) + 1);
}

static const char *pick_word(struct draft *draft, const struct weighted_word *words, size_t count) {
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += words[i].share;
    }
    uint64_t at = rng_below(&draft->rng, total);
    size_t i = 0;
    while (at >= words[i].share) {
        at -= words[i++].share;
    }
    return words[i].word;
}

static const struct origin *pick_origin(struct draft *draft, const struct origin *origins,
                                        size_t count) {
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += origins[i].share;
    }
    uint64_t at = rng_below(&draft->rng, total);
    size_t i = 0;
    while (at >= origins[i].share) {
        at -= origins[i++].share;
    }
    return &origins[i];
}

/* --- who, where, when --- */

static void draft_journey(struct draft *draft) {
    uint64_t at = rng_below(&draft->rng, HUNDRED);
    draft->journey = JOURNEY_SOUTH;
    while (at >= JOURNEY_SHARES[draft->journey]) {
        at -= JOURNEY_SHARES[draft->journey++];
    }
    bool is_south = draft->journey == JOURNEY_SOUTH || draft->journey == JOURNEY_US_INLAND;
    draft->origin = is_south ? pick_origin(draft, SOUTH, COUNT_OF(SOUTH))
                             : pick_origin(draft, ELSEWHERE, COUNT_OF(ELSEWHERE));
    draft->claim_country = draft->journey == JOURNEY_CANADA ? "CA" : "US";
    switch (draft->journey) {
    case JOURNEY_SOUTH:
        draft->mode = pick_word(draft, MODES_SOUTH, COUNT_OF(MODES_SOUTH));
        draft->arrived_from = "MX";
        break;
    case JOURNEY_US_AIR:
        draft->mode = "airport_poe";
        draft->arrived_from = chance(draft, 60) ? draft->origin->country : "ES";
        break;
    case JOURNEY_US_INLAND:
        draft->mode = "inland";
        draft->arrived_from = "MX";
        break;
    case JOURNEY_US_FROM_CANADA:
        draft->mode = pick_word(draft, MODES_FROM_CANADA, COUNT_OF(MODES_FROM_CANADA));
        draft->arrived_from = "CA";
        break;
    case JOURNEY_CANADA:
    case JOURNEY_COUNT:
        draft->mode = pick_word(draft, MODES_CANADA, COUNT_OF(MODES_CANADA));
        draft->arrived_from = strcmp(draft->mode, "airport_poe") == 0 ? "FR" : "US";
        break;
    }
}

static void draft_days(struct draft *draft, const struct invent_options *options) {
    draft->reference_date = between(draft, options->from, options->to);
    draft->claim_date = draft->reference_date - between(draft, 0, 10);
    int32_t stay = between(draft, 0, 1);
    if (strcmp(draft->mode, "inland") == 0) {
        stay = between(draft, 10, 400);
    } else if (chance(draft, 25)) {
        stay = between(draft, 0, 20);
    }
    draft->entry_date = draft->claim_date - stay;
    int32_t age_days =
        chance(draft, 27) ? between(draft, 365, 18 * 366) : between(draft, 18 * 365, 60 * 365);
    draft->birth_date = draft->claim_date - age_days;
}

/* --- facts --- */

/* True when the fact must be written; otherwise it is left out or null. */
static bool is_given(struct draft *draft, const char *key, uint32_t missing_percent) {
    uint32_t percent = draft->careful ? missing_percent / 20 : missing_percent;
    if (!chance(draft, percent)) {
        return true;
    }
    if (chance(draft, 20)) {
        json_nil(json_key(draft->json, key));
    }
    return false;
}

static void fact_bool(struct draft *draft, const char *key, uint32_t missing_percent, bool value) {
    if (is_given(draft, key, missing_percent)) {
        json_bool(json_key(draft->json, key), value);
    }
}

static void fact_text(struct draft *draft, const char *key, uint32_t missing_percent,
                      const char *value) {
    if (is_given(draft, key, missing_percent)) {
        json_str(json_key(draft->json, key), value);
    }
}

static void put_date(struct json *json, const char *key, int32_t days) {
    char text[DATE_TEXT_BYTES];
    date_format(days, text);
    json_str(json_key(json, key), text);
}

static void fact_date(struct draft *draft, const char *key, uint32_t missing_percent,
                      int32_t days) {
    if (is_given(draft, key, missing_percent)) {
        put_date(draft->json, key, days);
    }
}

static void facts_person(struct draft *draft) {
    draft->stateless = chance(draft, 1);
    if (is_given(draft, "nationalities", 8)) {
        json_array_open(json_key(draft->json, "nationalities"));
        if (!draft->stateless) {
            json_str(draft->json, draft->origin->country);
        }
        if (!draft->stateless && chance(draft, 2)) {
            json_str(draft->json, chance(draft, 50) ? "ES" : "GT");
        }
        json_array_close(draft->json);
    }
    fact_bool(draft, "stateless", 40, draft->stateless);
    if (draft->stateless) {
        fact_text(draft, "habitual_residence", 50, draft->origin->country);
    }
    fact_date(draft, "birth_date", 45, draft->birth_date);
    fact_bool(draft, "married", 50, chance(draft, 30));
    fact_bool(draft, "us_lawful_status", 45, chance(draft, 2));
}

static void facts_minor(struct draft *draft) {
    bool is_minor = draft->claim_date - draft->birth_date < 18 * 365;
    if (chance(draft, is_minor ? 10 : 80)) {
        return; /* an adult is seldom asked */
    }
    bool is_alone = chance(draft, 35);
    json_object_open(json_key(draft->json, "minor_ctx"));
    fact_bool(draft, "accompanied", 30, !is_alone);
    fact_bool(draft, "guardian_available_us", 60, !is_alone || chance(draft, 15));
    fact_bool(draft, "guardian_in_us", 60, !is_alone || chance(draft, 25));
    fact_bool(draft, "guardian_in_ca", 60, chance(draft, 4));
    json_object_close(draft->json);
}

/* The route north, as far back as reported. */
static void facts_transit(struct draft *draft) {
    static const char *const JOURNEY_NORTH[] = {"CO", "PA", "CR", "NI", "HN", "SV", "GT", "MX"};
    _Static_assert(COUNT_OF(JOURNEY_NORTH) <= TRANSIT_MAX, "a list the schema takes");
    if (!is_given(draft, "transit_countries", 75)) {
        return;
    }
    json_array_open(json_key(draft->json, "transit_countries"));
    if (draft->journey == JOURNEY_SOUTH || draft->journey == JOURNEY_US_INLAND) {
        size_t first = COUNT_OF(JOURNEY_NORTH);
        bool from_far = true;
        for (size_t i = 0; i < COUNT_OF(JOURNEY_NORTH); i++) {
            bool is_home = strcmp(draft->origin->country, JOURNEY_NORTH[i]) == 0;
            first = is_home ? i + 1 : first;
            from_far = from_far && !is_home;
        }
        if (from_far) {
            first = (size_t)between(draft, 0, (int32_t)COUNT_OF(JOURNEY_NORTH) - 1);
        }
        for (size_t i = first; i < COUNT_OF(JOURNEY_NORTH); i++) {
            bool is_bypassed = strcmp(JOURNEY_NORTH[i], "SV") == 0 && chance(draft, 70);
            if (!is_bypassed) {
                json_str(draft->json, JOURNEY_NORTH[i]);
            }
        }
    } else if (strcmp(draft->arrived_from, draft->origin->country) != 0) {
        json_str(draft->json, draft->arrived_from);
    }
    json_array_close(draft->json);
}

static void facts_visa(struct draft *draft) {
    bool by_air = strcmp(draft->mode, "airport_poe") == 0;
    bool has_us = chance(draft, by_air ? 45 : 2);
    bool has_ca = chance(draft, draft->journey == JOURNEY_CANADA && by_air ? 40 : 2);
    fact_text(draft, "visa_us", 40,
              !has_us             ? "none"
              : chance(draft, 12) ? "transit_only"
                                  : "valid_nontransit");
    fact_text(draft, "visa_ca", 60,
              !has_ca             ? "none"
              : chance(draft, 12) ? "transit_only"
                                  : "valid_nontransit");
    fact_bool(draft, "visa_required_us", 50, draft->origin->visa_us);
    fact_bool(draft, "visa_required_ca", 60, draft->origin->visa_ca);
}

static void facts_family(struct draft *draft) {
    static const struct weighted_word RELATIONS[] = {
        {"sibling", 30},    {"parent", 14},     {"spouse", 12},
        {"aunt_uncle", 14}, {"cousin", 16},     {"child", 6},
        {"other", 4},       {"grandparent", 2}, {"common_law_partner", 2}};
    static const struct weighted_word STATUS_US[] = {
        {"none", 40},  {"pending_asylum", 20}, {"us_citizen", 14}, {"lpr", 14},
        {"asylee", 5}, {"other_lawful", 5},    {"visitor", 2}};
    static const struct weighted_word STATUS_CA[] = {
        {"referred_claim", 30},   {"permanent_resident", 20}, {"citizen", 16},    {"none", 14},
        {"protected_person", 10}, {"work_permit", 6},         {"study_permit", 4}};
    if (!is_given(draft, "family_anchors", 75)) {
        return;
    }
    int32_t count = chance(draft, 55) ? 0 : between(draft, 1, 3);
    json_array_open(json_key(draft->json, "family_anchors"));
    for (int32_t i = 0; i < count; i++) {
        bool in_claim_country = chance(draft, 85);
        const char *other = strcmp(draft->claim_country, "US") == 0 ? "CA" : "US";
        const char *country = in_claim_country ? draft->claim_country : other;
        json_object_open(draft->json);
        json_str(json_key(draft->json, "country"), country);
        json_str(json_key(draft->json, "relation"),
                 pick_word(draft, RELATIONS, COUNT_OF(RELATIONS)));
        fact_text(draft, "status", 30,
                  strcmp(country, "US") == 0 ? pick_word(draft, STATUS_US, COUNT_OF(STATUS_US))
                                             : pick_word(draft, STATUS_CA, COUNT_OF(STATUS_CA)));
        fact_bool(draft, "age_18_plus", 30, chance(draft, 80));
        json_object_close(draft->json);
    }
    json_array_close(draft->json);
}

/* What an officer recorded: nothing yet in most cases. */
static void facts_officer(struct draft *draft) {
    static const char *const SCREENED[] = {"US-GT-ACA-2019", "US-HN-ACA-2019", "US-SV-ACA-2019",
                                           "US-CA-STCA"};
    static const char *const STATES[] = {"GT", "HN", "SV"};
    static const struct weighted_word FEAR[] = {
        {"not_expressed", 60}, {"expressed_unresolved", 15}, {"mln_not_met", 17}, {"mln_met", 8}};
    if (!draft->careful || !chance(draft, 60)) {
        return;
    }
    json_str(json_key(draft->json, "public_interest"), chance(draft, 2) ? "granted" : "none");
    json_object_open(json_key(draft->json, "fear_of_receiving_state"));
    for (size_t i = 0; i < COUNT_OF(STATES); i++) {
        if (chance(draft, 40)) {
            json_str(json_key(draft->json, STATES[i]), pick_word(draft, FEAR, COUNT_OF(FEAR)));
        }
    }
    json_object_close(draft->json);
    json_object_open(json_key(draft->json, "officer_screening"));
    for (size_t i = 0; i < COUNT_OF(SCREENED); i++) {
        json_str(json_key(draft->json, SCREENED[i]), chance(draft, 55) ? "done" : "not_done");
    }
    json_object_close(draft->json);
}

/* --- bad cases --- */

enum bad {
    BAD_NONE,
    BAD_WORD,
    BAD_TYPE,
    BAD_DATE,
    BAD_UNKNOWN_FACT,
    BAD_NO_ID,
    BAD_REVISION,
    BAD_COUNT
};

static void facts(struct draft *draft, enum bad bad) {
    json_object_open(json_key(draft->json, "facts"));
    json_str(json_key(draft->json, "claim_country"), bad == BAD_WORD ? "XX" : draft->claim_country);
    fact_text(draft, "arrived_from", 5, draft->arrived_from);
    facts_person(draft);
    facts_minor(draft);
    if (bad == BAD_TYPE) {
        json_bool(json_key(draft->json, "entry_mode"), true);
    } else {
        fact_text(draft, "entry_mode", 10, draft->mode);
    }
    fact_date(draft, "entry_date", 40, draft->entry_date);
    if (bad == BAD_DATE) {
        json_str(json_key(draft->json, "claim_date"), "2020-02-30");
    } else {
        fact_date(draft, "claim_date", 4, draft->claim_date);
    }
    facts_transit(draft);
    facts_visa(draft);
    facts_family(draft);
    fact_bool(draft, "death_penalty_charge", 60, false);
    fact_bool(draft, "reentry_after_us_refusal", 60, chance(draft, 3));
    facts_officer(draft);
    if (bad == BAD_UNKNOWN_FACT) {
        json_int(json_key(draft->json, "luggage_count"), 2);
    }
    json_object_close(draft->json);
}

/* Each index has its own random numbers, so a case can be made without the earlier ones. */
static struct rng case_rng(uint64_t seed, uint64_t index) {
    struct rng rng = {seed};
    rng.state = rng_next(&rng) ^ index;
    rng.state = rng_next(&rng);
    return rng;
}

void invent_case(const struct invent_options *options, uint64_t index, struct buf *out) {
    CHECK(options->from <= options->to);
    struct json json;
    json_init(&json, out);
    struct draft draft = {.json = &json, .rng = case_rng(options->seed, index)};
    while (index > 0 && chance(&draft, options->duplicates_percent)) {
        index = rng_below(&draft.rng, index);
        draft.rng = case_rng(options->seed, index);
    }
    enum bad bad = BAD_NONE;
    if (chance(&draft, options->bad_percent)) {
        bad = (enum bad)between(&draft, BAD_NONE + 1, BAD_COUNT - 1);
    }
    draft_journey(&draft);
    draft_days(&draft, options);
    draft.careful = chance(&draft, 30);

    char case_id[24];
    (void)snprintf(case_id, sizeof(case_id), "G%09llu", (unsigned long long)index + 1);
    json_object_open(&json);
    if (bad != BAD_NO_ID) {
        json_str(json_key(&json, "case_id"), case_id);
    }
    json_int(json_key(&json, "revision"), bad == BAD_REVISION ? -1 : 0);
    put_date(&json, "reference_date", draft.reference_date);
    put_date(&json, "as_of", draft.reference_date);
    facts(&draft, bad);
    json_object_close(&json);
}
