/* The promise that an unknown fact never turns into a false one, as a property of the agreements
 * that are shipped: random cases with facts hidden, and fillings of what is hidden.
 * Of rules: true or false with facts hidden is true or false whatever they are; an unknown one
 * names facts that are unknown, and while those are it stays unknown. Of findings, the projected
 * ones too: not_subject, screening_required and subject_to_agreement are what every filling of the
 * intake facts gives; exception_applies, every filling gives it or not_subject;
 * insufficient_information names intake facts that are unknown, and never comes of officers' facts
 * alone. Under ctest a fixed number of cases; test_rules_p9 --cases N [--seed S] runs any other,
 * with figures.  A failure names the seed of its case: --cases 1 --seed S shows it again. */
#include "p9_case.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 10 * 1000 };
#else
enum { CASES = 200 * 1000 };
#endif

enum {
    FILLINGS = 8,       /* the first is the whole case */
    SEARCHED = 500,     /* fillings tried before an open finding counts as one that none changes */
    SHOWN_MAX = 5,      /* failures before a campaign ends */
    SHIPPED = 4,        /* agreements */
    REASONS_MAX = 64,   /* of one agreement */
    UNSEEN_MAX = 6,     /* of them, which no case may reach: another rule always comes first */
    FIRST_SEED = 900000 /* of the fixed cases */
};

/* What the rules make of one set of facts. */
struct view {
    struct agreement_run runs[SHIPPED]; /* states: of each rule alone, nothing settled */
    struct finding findings[SHIPPED];
    struct value *slots;
    struct arena arena;
};

struct spread {
    uint64_t findings[DISPOSITION_COUNT];
    uint64_t projected[DISPOSITION_COUNT];
    uint64_t reasons[REASONS_MAX];
    uint64_t searched;  /* open findings */
    uint64_t unchanged; /* of these, which no filling tried changed */
    uint64_t unknown_rules;
    uint64_t known_rules; /* while facts were hidden */
    uint64_t event_days;  /* cases on the day of a legal event, and on the day before one */
    uint64_t days_before;
};

/* Cases at the limits that rules count days and years to. */
struct limits {
    uint64_t birthdays;    /* 18 on the day of the claim */
    uint64_t days_before;  /* 18 on the day after it */
    uint64_t last_days[3]; /* a claim 13, 14, 15 days after the entry */
};

struct fixture {
    struct ruleset *ruleset;
    struct case_maker maker;
    struct view open;   /* facts hidden */
    struct view filled; /* one filling */
    struct spread spread[SHIPPED];
    struct limits limits;
    uint64_t seed; /* of the case at hand */
    uint64_t failures;
};

/* --- views -------------------------------------------------------------------------------------
 */

static void view_init(struct view *view, const struct ruleset *ruleset) {
    *view = (struct view){
        .slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*view->slots))};
    arena_init(&view->arena, P9_ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < SHIPPED; i++) {
        agreement_run_init(&view->runs[i], ruleset->agreements[i], &view->arena, view->slots);
    }
}

static void view_fini(struct view *view) {
    for (uint32_t i = 0; i < SHIPPED; i++) {
        agreement_run_fini(&view->runs[i]);
    }
    arena_free(&view->arena);
    mem_free(view->slots);
}

static void view_take(struct view *view, const struct case_maker *maker,
                      const struct value *slots) {
    memcpy(view->slots, slots, maker->schema->slot_count * sizeof(*slots));
    for (uint32_t i = 0; i < SHIPPED; i++) {
        struct agreement_run *run = &view->runs[i];
        arena_reset(&view->arena);
        agreement_evaluate(run, maker->reference_date, maker->as_of, &view->findings[i]);
        forget_states(run);
        for (uint32_t rule = 0; rule < run->agreement->rule_count; rule++) {
            (void)rule_state(run, rule);
        }
    }
}

static void setup(struct fixture *f) {
    *f = (struct fixture){0};
    struct diag diag = {0};
    enum err err = ruleset_load_dir("config", NULL, 0, &f->ruleset, NULL, &diag);
    if (err != ERR_OK || f->ruleset->agreement_count != SHIPPED) {
        (void)fprintf(stderr, "config: %s:%u: %s\n", diag.file, diag.line, diag.text);
        exit(EXIT_FAILURE);
    }
    case_maker_init(&f->maker, f->ruleset);
    view_init(&f->open, f->ruleset);
    view_init(&f->filled, f->ruleset);
}

static void teardown(struct fixture *f) {
    view_fini(&f->open);
    view_fini(&f->filled);
    case_maker_fini(&f->maker);
    ruleset_unref(&f->ruleset);
}

/* --- failures ----------------------------------------------------------------------------------
 */

static void print_facts(const struct case_maker *maker, const char *which,
                        const struct value *slots) {
    struct buf text = BUF_EMPTY;
    for (uint32_t i = 0; i < maker->schema->slot_count; i++) {
        buf_printf(&text, " %s=", maker->schema->slots[i]->name);
        cel_value_print(slots[i], &text);
    }
    printf("  %s:%s\n", which, buf_cstr(&text));
    buf_free(&text);
}

static void refute(struct fixture *f, uint32_t agreement, const char *subject, const char *what) {
    char reference_date[DATE_TEXT_BYTES];
    char as_of[DATE_TEXT_BYTES];
    date_format(f->maker.reference_date, reference_date);
    date_format(f->maker.as_of, as_of);
    printf("seed %llu: %s on %s as of %s: %s: %s\n", (unsigned long long)f->seed,
           f->ruleset->agreements[agreement]->id, reference_date, as_of, subject, what);
    print_facts(&f->maker, "hidden", f->maker.hidden);
    print_facts(&f->maker, "filled", f->maker.filled);
    f->failures++;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static void hold_rules(struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct agreement *agreement = f->ruleset->agreements[a];
        for (uint32_t i = 0; i < agreement->rule_count; i++) {
            enum truth before = f->open.runs[a].states[i].truth;
            enum truth after = f->filled.runs[a].states[i].truth;
            if (before != TRUTH_UNKNOWN && before != after) {
                refute(f, a, agreement->rules[i].label, "a rule that was known has changed");
            }
        }
    }
}

static bool is_hidden(const struct fixture *f, const struct path_set *paths) {
    bool all = true;
    for (int i = 0; i < PATH_WORDS; i++) {
        all = all && (paths->words[i] & ~f->maker.hidden_paths.words[i]) == 0;
    }
    return all;
}

/* Shows everything that an unknown rule does not name: that must not decide it. */
static void hold_unnamed(struct fixture *f, uint32_t a, uint32_t rule) {
    struct showing others = {
        .officer = true, .kept = &f->open.runs[a].states[rule].paths, .invented_percent = 70};
    fill_facts(&f->maker, others);
    view_take(&f->filled, &f->maker, f->maker.filled);
    if (f->filled.runs[a].states[rule].truth != TRUTH_UNKNOWN) {
        refute(f, a, f->ruleset->agreements[a]->rules[rule].label,
               "facts that it did not name decided it");
    }
}

/* What each unknown rule names; the last of them in a random order is held against the rest. */
static void hold_names(struct fixture *f, uint32_t a) {
    const struct agreement *agreement = f->ruleset->agreements[a];
    uint64_t first = dice(&f->maker, agreement->rule_count);
    uint32_t last_unknown = agreement->rule_count;
    for (uint32_t k = 0; k < agreement->rule_count; k++) {
        uint32_t i = (uint32_t)((first + k) % agreement->rule_count);
        const struct rule_state *state = &f->open.runs[a].states[i];
        if (state->truth == TRUTH_ERROR) {
            refute(f, a, agreement->rules[i].label, "an error, though no fact can bring one about");
        }
        if (state->truth != TRUTH_UNKNOWN) {
            f->spread[a].known_rules++;
            continue;
        }
        f->spread[a].unknown_rules++;
        last_unknown = i;
        if (path_set_is_empty(&state->paths) || !is_hidden(f, &state->paths)) {
            refute(f, a, agreement->rules[i].label, "names no fact, or one that is known");
        }
    }
    if (last_unknown < agreement->rule_count) {
        hold_unnamed(f, a, last_unknown);
    }
}

/* --- findings ----------------------------------------------------------------------------------
 */

static bool is_held(enum disposition before, enum disposition after) {
    return before == after || before == DISPOSITION_INSUFFICIENT_INFORMATION ||
           (before == DISPOSITION_EXCEPTION_APPLIES && after == DISPOSITION_NOT_SUBJECT);
}

static void hold_result(struct fixture *f, uint32_t a, const struct result *before,
                        const struct result *after, bool with_officer, const char *which) {
    char what[128];
    bool may_move = with_officer && before->disposition == DISPOSITION_SCREENING_REQUIRED;
    if (!may_move && !is_held(before->disposition, after->disposition)) {
        (void)snprintf(what, sizeof(what), "%s became %s", disposition_name(before->disposition),
                       disposition_name(after->disposition));
        refute(f, a, which, what);
    }
    /* Every intake fact is shown here. */
    if (after->disposition == DISPOSITION_INSUFFICIENT_INFORMATION) {
        refute(f, a, which, "insufficient_information on officers' facts alone");
    }
}

static void hold_findings(struct fixture *f, bool with_officer) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct finding *before = &f->open.findings[a];
        const struct finding *after = &f->filled.findings[a];
        hold_result(f, a, &before->result, &after->result, with_officer, "finding");
        if (before->error_rule != NULL || after->error_rule != NULL ||
            before->has_projected != after->has_projected) {
            refute(f, a, "finding", "an error, or a projected finding that hangs on facts");
        } else if (before->has_projected) {
            hold_result(f, a, &before->projected, &after->projected, with_officer, "projected");
        }
    }
}

/* Missing facts: unknown ones, each once, of intake when information is insufficient and of
 * officers when a screening is required; else none. */
static void hold_missing(struct fixture *f, uint32_t a, const struct result *result,
                         const char *which) {
    bool is_insufficient = result->disposition == DISPOSITION_INSUFFICIENT_INFORMATION;
    bool may_name = is_insufficient || result->disposition == DISPOSITION_SCREENING_REQUIRED;
    struct path_set named = {0};
    bool is_good =
        may_name ? !is_insufficient || result->missing_count != 0 : result->missing_count == 0;
    for (uint32_t i = 0; i < result->missing_count; i++) {
        uint16_t path = result->missing[i];
        bool is_officer = f->ruleset->schema->paths[path]->officer;
        is_good = is_good && path_set_has(&f->maker.hidden_paths, path) &&
                  !path_set_has(&named, path) && is_officer == !is_insufficient;
        path_set_add(&named, path);
    }
    if (!is_good) {
        refute(f, a, which, "the missing facts are not those that are unknown");
    }
}

/* --- spread ------------------------------------------------------------------------------------
 */

static void count_results(struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct finding *finding = &f->open.findings[a];
        struct spread *spread = &f->spread[a];
        spread->findings[finding->result.disposition]++;
        spread->reasons[finding->result.reason]++;
        hold_missing(f, a, &finding->result, "finding");
        if (finding->has_projected) {
            spread->projected[finding->projected.disposition]++;
            spread->reasons[finding->projected.reason]++;
            hold_missing(f, a, &finding->projected, "projected");
        }
    }
}

static void count_days(struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct agreement *agreement = f->ruleset->agreements[a];
        for (uint32_t i = 0; i < agreement->event_count; i++) {
            int32_t ahead = agreement->events[i].date - f->maker.reference_date;
            bool is_legal = agreement->events[i].kind < EVENT_LEGAL_COUNT;
            f->spread[a].event_days += is_legal && ahead == 0 ? 1 : 0;
            f->spread[a].days_before += is_legal && ahead == 1 ? 1 : 0;
        }
    }
}

static int32_t day_of(const struct fixture *f, const char *name) {
    const struct fact *fact = schema_find(f->ruleset->schema, span_str(name));
    CHECK(fact != NULL);
    return (int32_t)(f->maker.whole[fact->slot].i / 86400);
}

static void count_limits(struct fixture *f) {
    int32_t birth = day_of(f, "birth_date");
    int32_t claim = day_of(f, "claim_date");
    int32_t waited = claim - day_of(f, "entry_date");
    bool is_adult = date_years(birth, claim) >= 18;
    f->limits.birthdays += is_adult && date_years(birth, claim - 1) < 18 ? 1 : 0;
    f->limits.days_before += !is_adult && date_years(birth, claim + 1) >= 18 ? 1 : 0;
    if (waited >= 13 && waited <= 15) {
        f->limits.last_days[waited - 13]++;
    }
}

/* Whether some filling of the intake facts gives another finding than some other.  The format does
 * not promise one: two facts that are not two-sided may hide that all fillings agree. */
static void count_unchanged(struct fixture *f) {
    enum disposition first[SHIPPED];
    bool is_open[SHIPPED];
    bool any = false;
    for (uint32_t a = 0; a < SHIPPED; a++) {
        enum disposition before = f->open.findings[a].result.disposition;
        is_open[a] = before == DISPOSITION_INSUFFICIENT_INFORMATION;
        f->spread[a].searched += is_open[a] ? 1 : 0;
        f->spread[a].unchanged += is_open[a] ? 1 : 0;
        any = any || is_open[a];
    }
    for (int i = 0; any && i < SEARCHED; i++) {
        fill_facts(&f->maker, (struct showing){.invented_percent = (uint32_t)(i * 25 % 125)});
        view_take(&f->filled, &f->maker, f->maker.filled);
        any = false;
        for (uint32_t a = 0; a < SHIPPED; a++) {
            enum disposition after = f->filled.findings[a].result.disposition;
            first[a] = i == 0 ? after : first[a];
            bool differs = is_open[a] && !is_held(first[a], after) && !is_held(after, first[a]);
            f->spread[a].unchanged -= differs ? 1 : 0;
            is_open[a] = is_open[a] && !differs;
            any = any || is_open[a];
        }
    }
}

/* --- cases -------------------------------------------------------------------------------------
 */

static void one_case(struct fixture *f, uint64_t seed, bool searches) {
    f->seed = seed;
    case_invent(&f->maker, seed);
    view_take(&f->open, &f->maker, f->maker.hidden);
    count_results(f);
    count_days(f);
    count_limits(f);
    for (int i = 0; i < FILLINGS; i++) {
        bool with_officer = i % 2 == 0;
        uint32_t invented_percent = 14 * (uint32_t)i;
        fill_facts(&f->maker,
                   (struct showing){.officer = with_officer, .invented_percent = invented_percent});
        view_take(&f->filled, &f->maker, f->maker.filled);
        hold_findings(f, with_officer);
        if (with_officer) {
            hold_rules(f);
        }
    }
    for (uint32_t a = 0; a < SHIPPED; a++) {
        hold_names(f, a);
    }
    if (searches) {
        count_unchanged(f);
    }
}

static void run_cases(struct fixture *f, uint64_t cases, uint64_t seed, uint64_t search_every) {
    for (uint64_t i = 0; i < cases && f->failures < SHOWN_MAX; i++) {
        one_case(f, seed + i, i % search_every == 0);
    }
}

static void print_open(const struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        printf("%s: of %llu open findings, %llu that no filling tried changed\n",
               ruleset_agreement_id(f->ruleset, a), (unsigned long long)f->spread[a].searched,
               (unsigned long long)f->spread[a].unchanged);
    }
}

static void print_spread(const struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct spread *spread = &f->spread[a];
        printf("%s: rules %llu known, %llu unknown; %llu cases on the day of an event, %llu on the "
               "day before\n",
               ruleset_agreement_id(f->ruleset, a), (unsigned long long)spread->known_rules,
               (unsigned long long)spread->unknown_rules, (unsigned long long)spread->event_days,
               (unsigned long long)spread->days_before);
        for (uint32_t d = 0; d < DISPOSITION_COUNT; d++) {
            printf("  %-26s %9llu, projected %9llu\n", disposition_name((enum disposition)d),
                   (unsigned long long)spread->findings[d],
                   (unsigned long long)spread->projected[d]);
        }
        for (uint32_t i = 0; i < ruleset_reason_count(f->ruleset, a); i++) {
            struct reason reason = ruleset_reason(f->ruleset, a, i);
            printf("    %-26s %-50s %9llu\n", disposition_name(reason.disposition), reason.label,
                   (unsigned long long)spread->reasons[i]);
        }
    }
    printf("18 on the day of the claim %llu, on the day after %llu; claims after 13, 14, 15 days "
           "%llu, %llu, %llu\n",
           (unsigned long long)f->limits.birthdays, (unsigned long long)f->limits.days_before,
           (unsigned long long)f->limits.last_days[0], (unsigned long long)f->limits.last_days[1],
           (unsigned long long)f->limits.last_days[2]);
    print_open(f);
}

/* The cases reached what they are to reach. */
static void check_spread(const struct fixture *f) {
    for (uint32_t a = 0; a < SHIPPED; a++) {
        const struct spread *spread = &f->spread[a];
        uint32_t unseen = 0;
        for (uint32_t d = 0; d < DISPOSITION_COUNT; d++) {
            ck_assert_uint_gt(spread->findings[d], CASES / 2000);
            ck_assert_uint_gt(spread->projected[d], 0);
        }
        for (uint32_t i = 0; i < ruleset_reason_count(f->ruleset, a); i++) {
            unseen += spread->reasons[i] == 0 ? 1 : 0;
        }
        ck_assert_uint_le(unseen, UNSEEN_MAX);
        ck_assert_uint_gt(spread->unknown_rules, CASES);
        ck_assert_uint_gt(spread->known_rules, CASES);
        ck_assert_uint_gt(spread->event_days, CASES / 500);
        ck_assert_uint_gt(spread->days_before, CASES / 500);
    }
    ck_assert_uint_gt(f->limits.birthdays, CASES / 500);
    ck_assert_uint_gt(f->limits.days_before, CASES / 500);
    for (size_t i = 0; i < COUNT_OF(f->limits.last_days); i++) {
        ck_assert_uint_gt(f->limits.last_days[i], CASES / 500);
    }
}

START_TEST(an_unknown_fact_never_turns_into_a_false_one) {
    struct fixture f;
    setup(&f);
    run_cases(&f, CASES, FIRST_SEED, 100);
    ck_assert_uint_eq(f.failures, 0);
    check_spread(&f);
    print_open(&f);
    teardown(&f);
}
END_TEST

static int campaign(uint64_t cases, uint64_t seed) {
    struct fixture f;
    setup(&f);
    run_cases(&f, cases, seed, 10);
    print_spread(&f);
    printf("%llu cases from seed %llu: %llu failures\n", (unsigned long long)cases,
           (unsigned long long)seed, (unsigned long long)f.failures);
    bool failed = f.failures != 0;
    teardown(&f);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "--cases") == 0) {
        bool has_seed = argc >= 5 && strcmp(argv[3], "--seed") == 0;
        return campaign(strtoull(argv[2], NULL, 10),
                        has_seed ? strtoull(argv[4], NULL, 10) : FIRST_SEED);
    }
    TCase *tests = tcase_create("p9");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, an_unknown_fact_never_turns_into_a_false_one);
    Suite *suite = suite_create("rules p9");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
