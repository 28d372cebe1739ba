/* Purpose: random cases for the promise that an unknown fact never turns into a false one, for
 * the rule set of a directory. It makes a whole case near one that a document tests, or an
 * invented one; the same case with facts hidden; and fillings of the hidden facts. Values are
 * near the limits of rules: event days and the days beside them, birthdays of age 18, the
 * countries and ids that the documents name. The same seed gives the same case everywhere.
 * Ownership: values live in the case's arena until the next case_invent. */
#ifndef CASEMILL_TESTS_UNIT_P9_CASE_H
#define CASEMILL_TESTS_UNIT_P9_CASE_H

#include "base/date.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "rules/rules_priv.h"

enum { EDGE_DAYS_MAX = 128, P9_ARENA_BYTES_MAX = 4 * 1024 * 1024 };

/* The parties and a bystander, sorted as map keys are. */
static const char *const countries[] = {"CA", "GT", "HN", "MX", "SV", "US"};

struct case_maker {
    const struct ruleset *ruleset;
    const struct schema *schema;
    struct rng rng;
    struct arena arena;
    int32_t edge_days[EDGE_DAYS_MAX]; /* on which some rule or event of a document turns */
    uint32_t edge_day_count;
    struct value *whole;  /* every fact known */
    struct value *hidden; /* the same, some unknown */
    struct value *filled;
    struct path_set hidden_paths;
    int32_t reference_date;
    int32_t as_of;
};

static uint64_t dice(struct case_maker *maker, uint64_t limit) {
    return rng_below(&maker->rng, limit);
}

static void add_edge(struct case_maker *maker, int32_t day) {
    CHECK(maker->edge_day_count < EDGE_DAYS_MAX);
    maker->edge_days[maker->edge_day_count++] = day;
}

static void find_edges(struct case_maker *maker, const struct agreement *agreement) {
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        add_edge(maker, agreement->events[i].date);
        add_edge(maker, agreement->events[i].recorded);
    }
    for (uint32_t i = 0; i < agreement->parameter_count; i++) {
        if (agreement->parameters[i].type == PARAM_DATE) {
            add_edge(maker, (int32_t)(agreement->parameters[i].value.i / 86400));
        }
    }
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        const struct rule *rule = &agreement->rules[i];
        if (rule->has_from) {
            add_edge(maker, rule->from);
        }
        if (rule->has_until) {
            add_edge(maker, rule->until);
        }
    }
}

static void case_maker_init(struct case_maker *maker, const struct ruleset *ruleset) {
    const struct schema *schema = ruleset->schema;
    *maker = (struct case_maker){.ruleset = ruleset, .schema = schema};
    arena_init(&maker->arena, P9_ARENA_BYTES_MAX);
    maker->whole = mem_zero(schema->slot_count, sizeof(struct value));
    maker->hidden = mem_zero(schema->slot_count, sizeof(struct value));
    maker->filled = mem_zero(schema->slot_count, sizeof(struct value));
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        find_edges(maker, ruleset->agreements[i]);
    }
}

static void case_maker_fini(struct case_maker *maker) {
    arena_free(&maker->arena);
    mem_free(maker->whole);
    mem_free(maker->hidden);
    mem_free(maker->filled);
}

/* --- values ------------------------------------------------------------------------------------
 */

static struct value *room(struct case_maker *maker, size_t count) {
    struct value *values = arena_zero(&maker->arena, count + 1, sizeof(*values));
    CHECK(values != NULL);
    return values;
}

static int32_t within_calendar(int32_t day) {
    return day < DATE_DAYS_MIN ? DATE_DAYS_MIN : day > DATE_DAYS_MAX ? DATE_DAYS_MAX : day;
}

/* A day on or beside an edge, the reference date or another date of the case; or 18 years before.
 */
static int32_t invent_day(struct case_maker *maker) {
    static const int32_t steps[] = {0, 0, 0, -1, 1, 13, 14, 15, -400};
    int32_t day = maker->reference_date;
    uint64_t kind = dice(maker, 4);
    if (kind == 0) {
        day = maker->edge_days[dice(maker, maker->edge_day_count)];
    } else if (kind == 1) {
        const struct value *other = &maker->whole[dice(maker, maker->schema->slot_count)];
        day = other->kind == VAL_TIMESTAMP ? (int32_t)(other->i / 86400) : day;
    }
    day = within_calendar(day + steps[dice(maker, COUNT_OF(steps))]);
    if (dice(maker, 4) == 0) {
        int32_t year = 0;
        int32_t month = 0;
        int32_t date = 0;
        date_to_civil(day, &year, &month, &date);
        bool leaps = !date_is_civil(year - 18, month, date);
        day = date_from_civil(year - 18, leaps ? 3 : month, leaps ? 1 : date);
    }
    return day;
}

static struct value invent_iso(struct case_maker *maker, const struct fact *fact) {
    if (dice(maker, 12) == 0) {
        return value_string(span_str(fact->words[dice(maker, fact->word_count)]));
    }
    bool is_us = dice(maker, 3) == 0;
    return value_string(span_str(is_us ? "US" : countries[dice(maker, COUNT_OF(countries))]));
}

static struct value invent_value(struct case_maker *maker, const struct fact *fact);

/* No key twice, in byte order: states that receive people, or agreements. */
static struct value invent_map(struct case_maker *maker, const struct fact *fact) {
    uint32_t all = fact->map_keys_iso ? COUNT_OF(countries) : maker->ruleset->agreement_count;
    struct value *pairs = room(maker, (size_t)all * 2);
    uint32_t count = 0;
    for (uint32_t i = 0; i < all; i++) {
        const char *key = fact->map_keys_iso ? countries[i] : maker->ruleset->agreements[i]->id;
        if (dice(maker, 2) == 0) {
            pairs[(size_t)count * 2] = value_string(span_str(key));
            pairs[(size_t)count * 2 + 1] = invent_value(maker, fact->element);
            count++;
        }
    }
    return value_map(pairs, count);
}

static struct value invent_list(struct case_maker *maker, const struct fact *fact) {
    uint32_t count = (uint32_t)dice(maker, 4);
    struct value *items = room(maker, count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = invent_value(maker, fact->element);
    }
    return value_list(items, count);
}

static struct value invent_record(struct case_maker *maker, const struct fact *record) {
    struct value *pairs = room(maker, (size_t)record->field_count * 2);
    for (uint32_t i = 0; i < record->field_count; i++) {
        pairs[(size_t)i * 2] = value_string(span_str(record->fields[i].leaf));
        pairs[(size_t)i * 2 + 1] = invent_value(maker, &record->fields[i]);
    }
    return value_map(pairs, record->field_count);
}

static struct value invent_value(struct case_maker *maker, const struct fact *fact) {
    static const int64_t ints[] = {0, 1, 2, 3, 4, 5, 6, 7, 14, 15, 42, 50};
    static const char *const texts[] = {"x", "y", "US", "CA", "red", "none", "some text"};
    switch (fact->type) {
    case FACT_BOOL:
        return value_bool(dice(maker, 2) == 1);
    case FACT_ENUM:
        return value_string(span_str(fact->words[dice(maker, fact->word_count)]));
    case FACT_ISO:
        return invent_iso(maker, fact);
    case FACT_DATE:
        return value_date(invent_day(maker));
    case FACT_LIST:
        return invent_list(maker, fact);
    case FACT_MAP:
        return invent_map(maker, fact);
    case FACT_RECORD:
        return invent_record(maker, fact);
    case FACT_INT: {
        int64_t number = ints[dice(maker, COUNT_OF(ints))];
        number = number < fact->int_min ? fact->int_min : number;
        return value_int(number > fact->int_max ? fact->int_max : number);
    }
    case FACT_STRING:
        return value_string(span_str(texts[dice(maker, COUNT_OF(texts))]));
    case FACT_DOUBLE:
    case FACT_TIMESTAMP:
        break; /* no schema has one */
    }
    UNREACHABLE();
}

/* --- hiding and filling ------------------------------------------------------------------------
 */

static bool is_list_of_records(const struct fact *fact) {
    return fact->type == FACT_LIST && fact->element->type == FACT_RECORD;
}

/* Hides or fills one scalar, list or map, or one leaf of a record in a list: `value` is its
 * present value, `like` its value in the whole case. */
typedef struct value (*change_fn)(struct case_maker *maker, const struct fact *fact,
                                  struct value value, struct value like, const void *context);

/* A copy of a list of records with each leaf changed. */
static struct value change_leaves(struct case_maker *maker, const struct fact *fact,
                                  struct value list, struct value like, change_fn change,
                                  const void *context) {
    const struct fact *record = fact->element;
    struct value *items = room(maker, list.len);
    for (uint32_t i = 0; i < list.len; i++) {
        struct value *pairs = room(maker, (size_t)record->field_count * 2);
        for (uint32_t k = 0; k < record->field_count; k++) {
            const struct value *old = &list.items[i].items[(size_t)k * 2];
            const struct value *known = &like.items[i].items[(size_t)k * 2];
            pairs[(size_t)k * 2] = old[0];
            pairs[(size_t)k * 2 + 1] = change(maker, &record->fields[k], old[1], known[1], context);
        }
        items[i] = value_map(pairs, record->field_count);
    }
    return value_list(items, list.len);
}

static void change_all(struct case_maker *maker, const struct value *from, struct value *to,
                       change_fn change, const void *context) {
    for (uint32_t i = 0; i < maker->schema->slot_count; i++) {
        const struct fact *fact = maker->schema->slots[i];
        struct value value = change(maker, fact, from[i], maker->whole[i], context);
        bool has_leaves =
            is_list_of_records(fact) && value.kind == VAL_LIST && value.items == from[i].items;
        to[i] = has_leaves ? change_leaves(maker, fact, value, maker->whole[i], change, context)
                           : value;
    }
}

/* Which facts a hiding may take, and how many in a hundred. */
struct hiding {
    bool intake;
    bool officer;
    uint32_t percent;
};

static struct value hide(struct case_maker *maker, const struct fact *fact, struct value value,
                         struct value like, const void *context) {
    const struct hiding *hiding = context;
    (void)like;
    if (!(fact->officer ? hiding->officer : hiding->intake) ||
        dice(maker, 100) >= hiding->percent) {
        return value;
    }
    path_set_add(&maker->hidden_paths, fact->path);
    return value_unknown(fact->path);
}

static void hide_facts(struct case_maker *maker, struct hiding hiding) {
    maker->hidden_paths = (struct path_set){0};
    change_all(maker, maker->whole, maker->hidden, hide, &hiding);
}

/* Which hidden facts a filling shows, and how many of them as they are not in the whole case. */
struct showing {
    bool officer;                /* officers' facts too */
    const struct path_set *kept; /* NULL, or what stays hidden */
    uint32_t invented_percent;
};

static struct value show(struct case_maker *maker, const struct fact *fact, struct value value,
                         struct value like, const void *context) {
    const struct showing *showing = context;
    bool is_kept = showing->kept != NULL && path_set_has(showing->kept, fact->path);
    if (value.kind != VAL_UNKNOWN || is_kept || (fact->officer && !showing->officer)) {
        return value;
    }
    return dice(maker, 100) < showing->invented_percent ? invent_value(maker, fact) : like;
}

static void fill_facts(struct case_maker *maker, struct showing showing) {
    change_all(maker, maker->hidden, maker->filled, show, &showing);
}

/* --- cases -------------------------------------------------------------------------------------
 */

static void from_test(struct case_maker *maker) {
    const struct ruleset *ruleset = maker->ruleset;
    const struct agreement *agreement = ruleset->agreements[dice(maker, ruleset->agreement_count)];
    const struct example_test *test = &agreement->tests[dice(maker, agreement->test_count)];
    memcpy(maker->whole, test->slots, maker->schema->slot_count * sizeof(*maker->whole));
    maker->reference_date = test->reference_date;
    maker->as_of = test->as_of;
}

static int32_t beside(struct case_maker *maker, int32_t day) {
    return dice(maker, 3) == 0 ? day + (int32_t)dice(maker, 3) - 1 : day;
}

/* What the document's test leaves open is invented, and some of the rest too. */
static struct value invent_some(struct case_maker *maker, const struct fact *fact,
                                struct value value, struct value like, const void *context) {
    const uint32_t *changed_percent = context;
    (void)like;
    bool invents = value.kind == VAL_UNKNOWN || dice(maker, 100) < *changed_percent;
    return invents ? invent_value(maker, fact) : value;
}

/* case_invent makes the case of a seed: whole, hidden, hidden_paths and both dates. */
static void case_invent(struct case_maker *maker, uint64_t seed) {
    static const uint32_t changed[] = {0, 0, 2, 5, 10, 20, 50, 100};
    static const uint32_t hidden[] = {3, 5, 8, 15, 30, 60, 100};
    arena_reset(&maker->arena);
    maker->rng = (struct rng){.state = seed};
    from_test(maker);
    if (dice(maker, 4) == 0) {
        maker->reference_date = maker->edge_days[dice(maker, maker->edge_day_count)];
        maker->as_of = maker->reference_date;
    }
    maker->reference_date = beside(maker, maker->reference_date);
    if (dice(maker, 6) == 0) {
        maker->as_of = maker->edge_days[dice(maker, maker->edge_day_count)];
    }
    maker->as_of = beside(maker, maker->as_of);
    uint32_t changed_percent = changed[dice(maker, COUNT_OF(changed))];
    change_all(maker, maker->whole, maker->whole, invent_some, &changed_percent);
    uint64_t who = dice(maker, 4); /* half of the time both */
    hide_facts(maker, (struct hiding){.intake = who != 0,
                                      .officer = who != 1,
                                      .percent = hidden[dice(maker, COUNT_OF(hidden))]});
}

#endif
