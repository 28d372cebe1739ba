/* rules/: which cases reach what differs between two rule sets. Each row changes one place of a
 * document and names a case; both rule sets judge it. */
#include "rules_place.h"

#include "rules/reach.h"

static const char DOCUMENT[] =
    "agreement: T\ntitle: \"Test\"\nparties: [\"US\", \"CA\"]\n"
    "events:\n  - {event: in_force, date: 2019-01-01, recorded: 2019-01-01, cite: \"c\"}\n"
    "parameters:\n  limit: {type: int, value: 10, why: \"w\"}\n"
    "variables:\n  is_high: 'number > limit'\n"
    "rules:\n  scope:\n    - {label: elsewhere, when: 'home != \"US\"', cite: \"c\"}\n"
    "  in_force:\n    - status\n    - {label: early, when: 'came < in_force_on', cite: \"c\"}\n"
    "  exclusions:\n    - {label: high, when: 'is_high', cite: \"c\"}\n"
    "    - {label: red, when: 'colour == \"red\"', cite: \"c\"}\n"
    "  exceptions:\n    - {label: granted, when: 'granted == \"granted\"', cite: \"c\"}\n"
    "  officer:\n    - {label: look, when: 'granted != \"none\"', cite: \"c\"}\n"
    "  otherwise: {label: rest}\n";

struct row {
    const char *from, *to;
    const char *home, *colour; /* NULL: unknown */
    int64_t number;            /* -1: unknown */
    enum reach_state state;
};

static const struct row ROWS[] = {
    /* the same meaning */
    {"title: \"Test\"", "title: \"Another\"", "US", "red", 5, REACH_UNCHANGED},
    {"why: \"w\"", "why: \"x\"", "US", "red", 5, REACH_UNCHANGED},
    {"cite: \"c\"}\n  officer", "cite: \"d\", verify: true}\n  officer", "US", "red", 5,
     REACH_UNCHANGED},
    {"  otherwise", "  # a remark\n  otherwise", "US", "red", 5, REACH_UNCHANGED},
    /* a condition, a variable, a parameter */
    {"\"red\"", "\"blue\"", "US", "green", 5, REACH_REACHED},
    {"\"red\"", "\"blue\"", "US", NULL, 5, REACH_MISSED},     /* unknown */
    {"\"red\"", "\"blue\"", "CA", "red", 5, REACH_MISSED},    /* scope decides */
    {"\"red\"", "\"blue\"", "US", "green", 50, REACH_MISSED}, /* an exclusion before it decides */
    {"number > limit", "number >= limit", "US", "red", 5, REACH_REACHED},
    {"number > limit", "number >= limit", "CA", "red", 5, REACH_MISSED},
    {"number > limit", "number >= limit", "US", "red", -1, REACH_MISSED},
    {"value: 10", "value: 11", "US", "red", 5, REACH_REACHED},
    {"value: 10", "value: 11", "US", "red", -1, REACH_MISSED},
    /* events: the status, and what reads in_force_on */
    {"date: 2019-01-01", "date: 2018-12-31", "US", "red", 5, REACH_REACHED},
    {"recorded: 2019-01-01", "recorded: 2019-01-02", "US", "red", 5, REACH_REACHED},
    {"recorded: 2019-01-01", "recorded: 2019-01-02", "CA", "red", 5, REACH_MISSED},
    /* a window, a day of knowledge, a label, a new rule, another order */
    {"label: red,", "label: red, from: 2019-02-01,", "US", "green", 5, REACH_REACHED},
    {"label: red,", "label: red, recorded: 2019-02-01,", "US", "green", 5, REACH_REACHED},
    {"label: red,", "label: rouge,", "US", "green", 5, REACH_REACHED},
    {"exclusions:\n", "exclusions:\n    - {label: more, when: a, cite: \"c\"}\n", "US", "red", 5,
     REACH_MISSED}, /* a is unknown */
    {"exclusions:\n", "exclusions:\n    - {label: more, when: 'number > 7', cite: \"c\"}\n", "US",
     "red", 5, REACH_REACHED},
    {"    - {label: high, when: 'is_high', cite: \"c\"}\n"
     "    - {label: red, when: 'colour == \"red\"', cite: \"c\"}\n",
     "    - {label: red, when: 'colour == \"red\"', cite: \"c\"}\n"
     "    - {label: high, when: 'is_high', cite: \"c\"}\n",
     "US", "red", 50, REACH_REACHED},
    /* officers: only where no rule before them decides or is open */
    {"granted != \"none\"", "granted == \"granted\"", "US", "green", 5, REACH_REACHED},
    {"granted != \"none\"", "granted == \"granted\"", "US", "red", 5, REACH_MISSED},
    {"granted != \"none\"", "granted == \"granted\"", "US", NULL, 5, REACH_MISSED},
    {"label: rest", "label: other", "US", "green", 5, REACH_REACHED},
    {"label: rest", "label: other", "US", "red", 5, REACH_MISSED},
};

static struct ruleset *load(const struct place *place, const char *text) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    write_text(place->document, span_str(text));
    enum err err = ruleset_load_dir(place->dir, NULL, 0, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%u:%u: %s", diag.line, diag.column, diag.text);
    return ruleset;
}

static struct value *slot(struct value *slots, const struct schema *schema, const char *name) {
    return &slots[schema_find(schema, span_str(name))->slot];
}

/* The case under one schema; it came on 2020-01-01, is granted "none", and `a` is unknown. */
static void judge(struct reach *reach, int side, const struct ruleset *ruleset,
                  const struct row *row) {
    const struct schema *schema = ruleset_schema(ruleset);
    struct value *slots = mem_zero(schema->slot_count, sizeof(*slots));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        slots[i] = value_unknown(schema->slots[i]->path);
    }
    *slot(slots, schema, "home") = value_string(span_str(row->home));
    *slot(slots, schema, "came") = value_date(18262);
    *slot(slots, schema, "granted") = value_string(SPAN_LIT("none"));
    if (row->colour != NULL) {
        *slot(slots, schema, "colour") = value_string(span_str(row->colour));
    }
    if (row->number >= 0) {
        *slot(slots, schema, "number") = value_int(row->number);
    }
    struct case_doc doc = {.slots = slots};
    reach_case(reach, side, &doc, 18262, 18262);
    mem_free(slots);
}

static enum reach_state reached(struct ruleset *a, struct ruleset *b, const struct row *row) {
    struct reach *reach = reach_new(a, b);
    ck_assert_int_eq(reach_of(reach, "T"),
                     row->state == REACH_UNCHANGED ? REACH_UNCHANGED : REACH_MISSED);
    judge(reach, 0, a, row);
    judge(reach, 1, b, row);
    enum reach_state state = reach_of(reach, "T");
    ck_assert_int_eq(reach_of(reach, NULL), state);
    ck_assert_int_eq(reach_of(reach, "U"), REACH_UNCHANGED);
    reach_free(&reach);
    return state;
}

START_TEST(a_change_is_reached_by_the_case) {
    const struct row *row = &ROWS[_i];
    struct place place;
    place_open(&place);
    char *text = replaced_in(DOCUMENT, row->from, row->to);
    struct ruleset *a = load(&place, DOCUMENT);
    struct ruleset *b = load(&place, text);
    ck_assert_msg(reached(a, b, row) == row->state, "%s -> %s", row->from, row->to);
    ck_assert_msg(reached(b, a, row) == row->state, "%s -> %s", row->to, row->from);
    ruleset_unref(&a);
    ruleset_unref(&b);
    mem_free(text);
    place_close(&place);
}
END_TEST

/* The numbers of slots move with each new fact; rules are compared by the names. */
START_TEST(a_schema_that_moves_facts_changes_the_rules_that_read_them) {
    static const struct row row = {NULL, NULL, "US", "green", 5, REACH_REACHED};
    struct place place;
    struct buf schema = BUF_EMPTY;
    struct diag diag = {0};
    place_open(&place);
    ck_assert_int_eq(io_read_file(place.schema, 1 << 20, &schema, &diag), ERR_OK);
    struct ruleset *a = load(&place, DOCUMENT);
    char *first = replaced_in(buf_cstr(&schema), "facts:\n", "facts:\n  fresh: {type: bool}\n");
    write_text(place.schema, span_str(first));
    struct ruleset *b = load(&place, DOCUMENT);
    ck_assert_int_eq(reached(a, b, &row), REACH_REACHED);
    char *words = replaced_in(buf_cstr(&schema), "[red, green", "[green, red");
    write_text(place.schema, span_str(words));
    struct ruleset *c = load(&place, DOCUMENT);
    ck_assert_int_eq(reached(a, c, &row), REACH_REACHED);
    ruleset_unref(&a);
    ruleset_unref(&b);
    ruleset_unref(&c);
    mem_free(first);
    mem_free(words);
    buf_free(&schema);
    place_close(&place);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules reach");
    TCase *tests = tcase_create("rules reach");
    tcase_add_loop_test(tests, a_change_is_reached_by_the_case, 0, (int)COUNT_OF(ROWS));
    tcase_add_test(tests, a_schema_that_moves_facts_changes_the_rules_that_read_them);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
