/* Rules that several agreements share are run once a case: every finding is the one that its
 * agreement makes alone, whatever the others are.  Held on the shipped agreements, on the engine's
 * own documents, and on twins that differ in one thing each.  The same cases hold ruleset_pairs: no
 * finding and projected finding occur together that it does not list. */
#include "p9_case.h"
#include "rules/pairs.h"

#include "base/io.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 3 * 1000 };
#else
enum { CASES = 40 * 1000 };
#endif

/* --- twins -------------------------------------------------------------------------------------
 */

struct twin {
    const char *id;
    const char *receiving, *in_force, *limit, *is_red, *window, *pattern;
};
#define PLAIN "US", "2020-01-01", "5", "colour == \"red\"", "", "U.*"
static const struct twin twins[] = {
    {"A_PLAIN", PLAIN},
    {"B_PLAIN", PLAIN},
    {"C_RECEIVING", "CA", "2020-01-01", "5", "colour == \"red\"", "", "U.*"},
    {"D_IN_FORCE", "US", "2020-03-01", "5", "colour == \"red\"", "", "U.*"},
    {"E_LIMIT", "US", "2020-01-01", "6", "colour == \"red\"", "", "U.*"},
    {"F_VARIABLE", "US", "2020-01-01", "5", "colour == \"blue\"", "", "U.*"},
    {"G_WINDOW", "US", "2020-01-01", "5", "colour == \"red\"", "until: 2020-02-01, by: came,",
     "U.*"},
    {"H_WINDOW", "US", "2020-01-01", "5", "colour == \"red\"", "until: 2020-02-02, by: came,",
     "U.*"},
    {"I_BY", "US", "2020-01-01", "5", "colour == \"red\"", "until: 2020-02-02, by: born,", "U.*"},
    {"J_FROM", "US", "2020-01-01", "5", "colour == \"red\"", "from: 2020-02-02, by: came,", "U.*"},
    {"K_RECORDED", "US", "2020-01-01", "5", "colour == \"red\"", "recorded: 2020-02-01,", "U.*"},
    {"L_RECORDED", "US", "2020-01-01", "5", "colour == \"red\"", "recorded: 2020-03-01,", "U.*"},
    {"M_PATTERN", "US", "2020-01-01", "5", "colour == \"red\"", "", "C.*"},
};
enum {
    PLACE_HOME,
    PLACE_STATUS,
    PLACE_EARLY,
    PLACE_NUMBER,
    PLACE_LANDS,
    PLACE_DIVISION,
    PLACE_PATTERN,
    PLACE_RED,
    PLACE_NOT_RED,
    PLACE_SCREENING,
    PLACE_COUNT
};

static void write_twin(FILE *file, const struct twin *twin) {
    (void)fprintf(
        file,
        "agreement: %s\ntitle: \"t\"\nparties: [\"US\"]\nreceiving: \"%s\"\n"
        "events:\n  - {event: in_force, date: %s, recorded: %s, cite: \"c\"}\n"
        "parameters:\n  limit: {type: int, value: %s, why: \"w\"}\n"
        "variables:\n  is_red: '%s'\n"
        "rules:\n"
        "  scope:\n    - {label: home, when: 'home != agreement.receiving', cite: \"c\"}\n"
        "  in_force:\n    - status\n"
        "    - {label: early, when: 'came < in_force_on', cite: \"c\"}\n"
        "  exclusions:\n    - {label: number, when: 'number > limit', cite: \"c\"}\n"
        "    - given: 'a || b'\n      rules:\n"
        "        - {label: lands, %s when: '\"CA\" in lands && "
        "kin.exists(k, k.kind == \"near\" && k.adult)', cite: \"c\"}\n"
        "    - {label: division, when: '10 / number == 3', cite: \"c\"}\n"
        "    - {label: pattern, when: 'home.matches(\"%s\") && b', cite: \"c\"}\n"
        "  exceptions:\n    - {label: red, when: 'is_red && c', cite: \"c\"}\n"
        "    - {label: not_red, when: '!is_red && (ctx.p || c)', cite: \"c\"}\n"
        "  officer:\n    - {label: open, when: 'screened[?agreement.id].orValue(\"not_done\") != "
        "\"done\"', cite: \"c\"}\n"
        "  otherwise: {label: nothing_left}\n"
        "example: {reference_date: 2020-06-01, home: \"%s\", lands: [\"CA\"], kin: [], number: 4, "
        "came: 2020-02-01, born: 2020-02-01, a: false, b: false, colour: red, c: false, "
        "ctx: {p: false, q: false}, screened: {}}\n"
        "tests:\n  - {name: \"open\", expect: {screening_required: open}}\n",
        twin->id, twin->receiving, twin->in_force, twin->in_force, twin->limit, twin->is_red,
        twin->window, twin->pattern, twin->receiving);
}

static void write_file(const char *path, struct span text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text.ptr, 1, text.len, file), text.len);
    ck_assert_int_eq(fclose(file), 0);
}

static struct ruleset *load(const char *dir) {
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    ck_assert_msg(ruleset_load_dir(dir, NULL, 0, &ruleset, NULL, &diag) == ERR_OK, "%s:%u: %s",
                  diag.file, diag.line, diag.text);
    return ruleset;
}

static struct ruleset *load_twins(void) {
    char dir[] = "/tmp/casemill-twins.XXXXXX";
    char path[128];
    struct buf schema = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(io_read_file("tests/data/rules/case.yaml", 1 << 20, &schema, &diag), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/case.yaml", dir);
    write_file(path, buf_span(&schema));
    buf_free(&schema);
    (void)snprintf(path, sizeof(path), "%s/agreements", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(twins); i++) {
        (void)snprintf(path, sizeof(path), "%s/agreements/%s.yaml", dir, twins[i].id);
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        write_twin(file, &twins[i]);
        ck_assert_int_eq(fclose(file), 0);
    }
    struct ruleset *ruleset = load(dir);
    for (size_t i = 0; i < COUNT_OF(twins); i++) {
        (void)snprintf(path, sizeof(path), "%s/agreements/%s.yaml", dir, twins[i].id);
        ck_assert_int_eq(unlink(path), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/agreements", dir);
    ck_assert_int_eq(rmdir(path), 0);
    (void)snprintf(path, sizeof(path), "%s/case.yaml", dir);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
    return ruleset;
}

/* --- together and alone ------------------------------------------------------------------------
 */

static bool result_same(const struct result *a, const struct result *b) {
    return a->disposition == b->disposition && a->reason == b->reason &&
           a->missing_count == b->missing_count &&
           (a->missing_count == 0 ||
            memcmp(a->missing, b->missing, a->missing_count * sizeof(*a->missing)) == 0);
}

static bool finding_same(const struct finding *a, const struct finding *b) {
    return result_same(&a->result, &b->result) && a->has_projected == b->has_projected &&
           (!a->has_projected || result_same(&a->projected, &b->projected)) &&
           a->error_rule == b->error_rule && a->error_kind == b->error_kind;
}

struct together {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct value *slots; /* of an agreement alone */
    struct case_maker maker;
    uint64_t seed;
    bool **listed; /* [agreement][place of a pair] */
};

static size_t place_of(const struct agreement *agreement, struct reason_pair pair) {
    return (size_t)pair.reason * (agreement->reason_count + 1U) +
           (pair.projected == PAIR_ALONE ? 0 : pair.projected + 1U);
}

static void list_pairs(struct together *t) {
    t->listed = mem_zero(t->ruleset->agreement_count, sizeof(*t->listed));
    for (uint32_t a = 0; a < t->ruleset->agreement_count; a++) {
        const struct agreement *agreement = t->ruleset->agreements[a];
        struct reason_pair *pairs = NULL;
        uint32_t count = ruleset_pairs(t->ruleset, a, &pairs);
        t->listed[a] = mem_zero((size_t)agreement->reason_count * (agreement->reason_count + 1U),
                                sizeof(**t->listed));
        for (uint32_t i = 0; i < count; i++) {
            bool *is_listed = &t->listed[a][place_of(agreement, pairs[i])];
            ck_assert_msg(!*is_listed, "%s: pair %u occurs twice", agreement->id, i);
            *is_listed = true;
        }
        mem_free(pairs);
    }
}

static void hold_listed(const struct together *t, uint32_t a, const struct finding *finding) {
    const struct agreement *agreement = t->ruleset->agreements[a];
    struct reason_pair pair = {finding->result.reason, finding->has_projected
                                                           ? finding->projected.reason
                                                           : (uint16_t)PAIR_ALONE};
    ck_assert_msg(t->listed[a][place_of(agreement, pair)],
                  "seed %llu, %s: %s beside %s is not listed", (unsigned long long)t->seed,
                  agreement->id, agreement->reasons[pair.reason].label,
                  finding->has_projected ? agreement->reasons[pair.projected].label : "none");
}

static void hold_alone(struct together *t, struct value *facts) {
    const struct case_maker *maker = &t->maker;
    struct case_doc doc = {.slots = facts};
    struct outcome outcome;
    struct arena arena;
    arena_init(&arena, RUN_ARENA_BYTES_MAX);
    ruleset_evaluate(t->run, &doc, maker->reference_date, maker->as_of, &outcome);
    memcpy(t->slots, facts, maker->schema->slot_count * sizeof(*facts));
    for (uint32_t a = 0; a < t->ruleset->agreement_count; a++) {
        struct agreement_run alone;
        struct finding finding;
        agreement_run_init(&alone, t->ruleset->agreements[a], &arena, t->slots);
        agreement_evaluate(&alone, maker->reference_date, maker->as_of, &finding);
        ck_assert_msg(finding_same(&finding, &outcome.findings[a]),
                      "seed %llu, %s: alone %s %u, together %s %u", (unsigned long long)t->seed,
                      t->ruleset->agreements[a]->id, disposition_name(finding.result.disposition),
                      finding.result.reason,
                      disposition_name(outcome.findings[a].result.disposition),
                      outcome.findings[a].result.reason);
        hold_listed(t, a, &finding);
        agreement_run_fini(&alone);
    }
    arena_free(&arena);
}

static void hold_cases(struct ruleset *ruleset, uint64_t cases) {
    struct together t = {.ruleset = ruleset, .run = ruleset_run_new(ruleset)};
    t.slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*t.slots));
    case_maker_init(&t.maker, ruleset);
    list_pairs(&t);
    for (t.seed = 0; t.seed < cases; t.seed++) {
        case_invent(&t.maker, t.seed);
        hold_alone(&t, t.maker.hidden);
        fill_facts(&t.maker, (struct showing){.officer = true, .invented_percent = 30});
        hold_alone(&t, t.maker.filled);
    }
    case_maker_fini(&t.maker);
    for (uint32_t a = 0; a < ruleset->agreement_count; a++) {
        mem_free(t.listed[a]);
    }
    mem_free(t.listed);
    mem_free(t.slots);
    ruleset_run_free(&t.run);
}

START_TEST(the_shipped_agreements_find_together_what_they_find_alone) {
    struct ruleset *ruleset = load("config");
    hold_cases(ruleset, CASES);
    ruleset_unref(&ruleset);
}
END_TEST

START_TEST(the_engines_documents_find_together_what_they_find_alone) {
    struct ruleset *ruleset = load("tests/data/rules");
    hold_cases(ruleset, CASES);
    ruleset_unref(&ruleset);
}
END_TEST

START_TEST(twins_find_together_what_they_find_alone) {
    struct ruleset *ruleset = load_twins();
    hold_cases(ruleset, CASES);
    ruleset_unref(&ruleset);
}
END_TEST

/* A rule that is not shared gives no wrong result, only a slower one, so this test lists the
 * rules to share. */
START_TEST(equal_rules_have_one_state) {
    static const bool is_shared[PLACE_COUNT] = {
        [PLACE_HOME] = true,     [PLACE_NUMBER] = true, [PLACE_LANDS] = true,
        [PLACE_DIVISION] = true, [PLACE_RED] = true,    [PLACE_NOT_RED] = true};
    struct ruleset *ruleset = load_twins();
    const struct agreement *plain = ruleset->agreements[0];
    ck_assert_uint_eq(plain->rule_count, PLACE_COUNT);
    for (uint32_t i = 0; i < PLACE_COUNT; i++) {
        ck_assert_msg((plain->indexes[i] == ruleset->agreements[1]->indexes[i]) == is_shared[i],
                      "rule %u", i);
        ck_assert_uint_lt(plain->indexes[i], ruleset->condition_count);
    }
    ck_assert_uint_ne(plain->indexes[PLACE_HOME], ruleset->agreements[2]->indexes[PLACE_HOME]);
    ck_assert_uint_ne(plain->indexes[PLACE_NUMBER], ruleset->agreements[4]->indexes[PLACE_NUMBER]);
    ck_assert_uint_ne(plain->indexes[PLACE_RED], ruleset->agreements[5]->indexes[PLACE_RED]);
    for (uint32_t a = 6; a < 12; a++) {
        ck_assert_uint_ne(plain->indexes[PLACE_LANDS],
                          ruleset->agreements[a]->indexes[PLACE_LANDS]);
    }
    ruleset_unref(&ruleset);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("shared");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, the_shipped_agreements_find_together_what_they_find_alone);
    tcase_add_test(tests, the_engines_documents_find_together_what_they_find_alone);
    tcase_add_test(tests, twins_find_together_what_they_find_alone);
    tcase_add_test(tests, equal_rules_have_one_state);
    Suite *suite = suite_create("rules shared");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
