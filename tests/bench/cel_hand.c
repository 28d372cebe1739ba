/* The other side of the benchmark `cel`.  Literals are compared with sizeof, so that the compiler
 * turns each into a comparison of its length and of one or two words. */
#include "cel_hand.h"

#include <string.h>

#define TEXT_IS(value, literal)                                                                    \
    ((value)->len == sizeof(literal) - 1 &&                                                        \
     memcmp((value)->text, literal, sizeof(literal) - 1) == 0)

static inline enum tri tri_of(bool truth) { return truth ? TRI_TRUE : TRI_FALSE; }

static inline bool is_unknown(const struct value *fact) { return fact->kind == VAL_UNKNOWN; }

/* An unknown fact names its own path alone. */
static inline enum tri blame(const struct value *fact, struct path_set *missing) {
    path_set_add(missing, (unsigned)fact->u);
    return TRI_UNKNOWN;
}

static inline bool is_relative(const struct value *fact) {
    return TEXT_IS(fact, "spouse") || TEXT_IS(fact, "child") || TEXT_IS(fact, "parent") ||
           TEXT_IS(fact, "sibling") || TEXT_IS(fact, "grandparent") ||
           TEXT_IS(fact, "aunt_or_uncle");
}

enum tri hand_compare(const struct value *facts, struct path_set *missing) {
    const struct value *mode = &facts[FACT_ENTRY_MODE];
    *missing = (struct path_set){0};
    return is_unknown(mode) ? blame(mode, missing) : tri_of(TEXT_IS(mode, "between_poe"));
}

enum tri hand_in_set(const struct value *facts, struct path_set *missing) {
    const struct value *relation = &facts[FACT_RELATION];
    *missing = (struct path_set){0};
    return is_unknown(relation) ? blame(relation, missing) : tri_of(is_relative(relation));
}

static inline enum tri has_nationality(const struct value *list, struct path_set *missing) {
    enum tri result = TRI_FALSE;
    if (is_unknown(list)) {
        return blame(list, missing);
    }
    for (uint32_t i = 0; i < list->len; i++) {
        const struct value *item = &list->items[i];
        if (is_unknown(item)) {
            result = blame(item, missing);
        } else if (TEXT_IS(item, "HN")) {
            return TRI_TRUE;
        }
    }
    return result;
}

enum tri hand_member(const struct value *facts, struct path_set *missing) {
    *missing = (struct path_set){0};
    return has_nationality(&facts[FACT_NATIONALITIES], missing);
}

static inline enum tri is_from(const struct value *date, int64_t seconds,
                               struct path_set *missing) {
    return is_unknown(date) ? blame(date, missing) : tri_of(date->i >= seconds);
}

static inline enum tri is_before(const struct value *a, const struct value *b,
                                 struct path_set *missing) {
    if (!is_unknown(a) && !is_unknown(b)) {
        return tri_of(a->i <= b->i);
    }
    if (is_unknown(a)) {
        (void)blame(a, missing);
    }
    return is_unknown(b) ? blame(b, missing) : TRI_UNKNOWN;
}

static inline enum tri is_not(const struct value *fact, struct path_set *missing) {
    return is_unknown(fact) ? blame(fact, missing) : tri_of(!fact->b);
}

static inline enum tri entered_by_land(const struct value *mode, struct path_set *missing) {
    return is_unknown(mode) ? blame(mode, missing)
                            : tri_of(TEXT_IS(mode, "land_poe") || TEXT_IS(mode, "between_poe") ||
                                     TEXT_IS(mode, "inland"));
}

static inline enum tri relative(const struct value *relation, struct path_set *missing) {
    return is_unknown(relation) ? blame(relation, missing) : tri_of(is_relative(relation));
}

/* A false term decides; an unknown one leaves it open. */
static inline bool holds(enum tri term, enum tri *all) {
    *all = term == TRI_UNKNOWN ? TRI_UNKNOWN : *all;
    return term != TRI_FALSE;
}

enum tri hand_seven(const struct value *facts, struct path_set *missing) {
    enum tri all = TRI_TRUE;
    *missing = (struct path_set){0};
    bool open =
        holds(is_from(&facts[FACT_ENTRY_DATE], (int64_t)IN_FORCE_DAY * 86400, missing), &all) &&
        holds(is_before(&facts[FACT_ENTRY_DATE], &facts[FACT_CLAIM_DATE], missing), &all) &&
        holds(entered_by_land(&facts[FACT_ENTRY_MODE], missing), &all) &&
        holds(relative(&facts[FACT_RELATION], missing), &all) &&
        holds(has_nationality(&facts[FACT_NATIONALITIES], missing), &all) &&
        holds(is_not(&facts[FACT_MARRIED], missing), &all) &&
        holds(is_not(&facts[FACT_STATELESS], missing), &all);
    return open ? all : TRI_FALSE;
}

/* One anchor: its fields have the order of the schema. */
static inline enum tri anchor_counts(const struct value *anchor, struct path_set *missing) {
    const struct value *country = &anchor->items[2 * FIELD_COUNTRY + 1];
    const struct value *relation = &anchor->items[2 * FIELD_RELATION + 1];
    const struct value *status = &anchor->items[2 * FIELD_STATUS + 1];
    struct path_set own = {0};
    enum tri all = TRI_TRUE;
    bool open =
        holds(is_unknown(country) ? blame(country, &own) : tri_of(TEXT_IS(country, "US")), &all) &&
        holds(relative(relation, &own), &all) &&
        holds(is_unknown(status)
                  ? blame(status, &own)
                  : tri_of(TEXT_IS(status, "citizen") || TEXT_IS(status, "permanent_resident") ||
                           TEXT_IS(status, "refugee")),
              &all);
    if (!open) {
        return TRI_FALSE;
    }
    if (all == TRI_UNKNOWN) {
        path_set_join(missing, &own);
    }
    return all;
}

enum tri hand_exists(const struct value *facts, struct path_set *missing) {
    const struct value *anchors = &facts[FACT_ANCHORS];
    enum tri any = TRI_FALSE;
    *missing = (struct path_set){0};
    if (is_unknown(anchors)) {
        return blame(anchors, missing);
    }
    for (uint32_t i = 0; i < anchors->len; i++) {
        enum tri one = anchor_counts(&anchors->items[i], missing);
        if (one == TRI_TRUE) {
            return TRI_TRUE;
        }
        any = one == TRI_UNKNOWN ? TRI_UNKNOWN : any;
    }
    return any;
}
