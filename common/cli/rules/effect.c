/* See rules/effect.h. */
#include "cli/rules/effect.h"

#include "base/mem.h"
#include "cli/invent.h"
#include "cli/json_case.h"

#include <inttypes.h>

#define CASE_ARENA_BYTES_MAX ((size_t)16 << 20)

struct side {
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct arena arena;
    struct outcome outcome;
};

struct comparison {
    struct side sides[2];
    const struct rules_changes *changes;
    struct rules_effect *effect;
    struct reach *reach;
};

static uint32_t disposition_of(const struct side *side, const char *id, const char **reason) {
    uint32_t at = rules_agreement_find(side->ruleset, id);
    if (at == ruleset_agreement_count(side->ruleset)) {
        *reason = "";
        return REPLAY_NONE;
    }
    const struct result *result = &side->outcome.findings[at].result;
    *reason = ruleset_reason(side->ruleset, at, result->reason).label;
    return result->disposition;
}

static uint32_t disposition_of_case(const struct side *side, const char **reason) {
    const struct result *result = &side->outcome.result;
    if (ruleset_agreement_count(side->ruleset) == 0) {
        *reason = "";
        return REPLAY_NONE;
    }
    *reason = ruleset_reason(side->ruleset, side->outcome.agreement, result->reason).label;
    return result->disposition;
}

/* Both sides hold the outcome of one case. */
static void compare_outcomes(struct comparison *comparison, const struct replay_key *key) {
    const struct rules_changes *changes = comparison->changes;
    for (uint32_t i = 0; i <= changes->agreement_count; i++) {
        uint32_t given[2];
        const char *reasons[2];
        for (int s = 0; s < 2; s++) {
            const struct side *side = &comparison->sides[s];
            given[s] = i < changes->agreement_count
                           ? disposition_of(side, changes->agreements[i], &reasons[s])
                           : disposition_of_case(side, &reasons[s]);
        }
        struct replay_matrix *matrix = &comparison->effect->matrix;
        replay_matrix_add(matrix, i, given[0], given[1], key);
        if (given[0] == given[1] && strcmp(reasons[0], reasons[1]) != 0) {
            matrix->tables[i].other_reason++;
        }
    }
}

static void evaluate_invented(struct comparison *comparison, struct span bytes) {
    struct case_doc docs[2];
    for (int s = 0; s < 2; s++) {
        struct side *side = &comparison->sides[s];
        arena_reset(&side->arena);
        enum err err = case_decode(ruleset_schema(side->ruleset), bytes, &side->arena, &docs[s]);
        if (err != ERR_OK || docs[s].fault_count > 0) {
            comparison->effect->unreadable++;
            return;
        }
        ruleset_evaluate(side->run, &docs[s], docs[s].reference_date, docs[s].as_of,
                         &side->outcome);
    }
    struct replay_key key = {.id = docs[0].case_id, .revision = docs[0].revision};
    compare_outcomes(comparison, &key);
    for (int s = 0; s < 2; s++) {
        reach_case(comparison->reach, s, &docs[s], docs[s].reference_date, docs[s].as_of);
    }
    comparison->effect->invented++;
}

static void invent_cases(struct comparison *comparison,
                         const struct rules_effect_options *options) {
    const struct invent_options invent = {
        .seed = options->seed, .from = options->from, .to = options->to};
    struct buf line = BUF_EMPTY;
    struct buf bytes = BUF_EMPTY;
    for (uint64_t i = 0; i < options->cases; i++) {
        buf_clear(&line);
        buf_clear(&bytes);
        invent_case(&invent, i, &line);
        enum err err = json_case_encode(buf_span(&line), &bytes, NULL);
        CHECK(err == ERR_OK); /* invented without --bad it is a valid case */
        evaluate_invented(comparison, buf_span(&bytes));
    }
    buf_free(&line);
    buf_free(&bytes);
}

/* The name of a test, cut to a case id's size between two characters. */
static struct span test_key(const char *name) {
    struct span key = span_str(name);
    while (key.len > CASE_ID_BYTES_MAX ||
           (key.len < strlen(name) && (key.ptr[key.len] & 0xc0) == 0x80)) {
        key.len--;
    }
    return key;
}

static void evaluate_tests(struct comparison *comparison, const struct ruleset *from) {
    for (uint32_t a = 0; a < ruleset_agreement_count(from); a++) {
        for (uint32_t i = 0; i < ruleset_doc_case_count(from, a); i++) {
            struct doc_case test = ruleset_doc_case(from, a, i);
            struct case_doc doc = {.slots = test.slots};
            for (int s = 0; s < 2; s++) {
                struct side *side = &comparison->sides[s];
                ruleset_evaluate(side->run, &doc, test.reference_date, test.as_of, &side->outcome);
            }
            struct replay_key key = {.id = test_key(test.name)};
            compare_outcomes(comparison, &key);
            comparison->effect->tests++;
        }
    }
}

/* The schema numbers slots: a test's facts have the same meaning only under the same schema. */
static bool has_same_facts(const struct rules_changes *changes) {
    for (uint32_t i = 0; i < changes->count; i++) {
        if (changes->rows[i].agreement[0] == '\0') {
            return false;
        }
    }
    return changes->outlines[0].count == changes->outlines[1].count;
}

void rules_effect_find(struct ruleset *a, struct ruleset *b, const struct rules_changes *changes,
                       const struct rules_effect_options *options, struct rules_effect *effect) {
    *effect = (struct rules_effect){0};
    replay_matrix_init(&effect->matrix, changes->agreement_count + 1, 1);
    struct comparison comparison = {.changes = changes, .effect = effect, .reach = reach_new(a, b)};
    struct ruleset *rulesets[] = {a, b};
    for (int s = 0; s < 2; s++) {
        struct side *side = &comparison.sides[s];
        side->ruleset = rulesets[s];
        side->run = ruleset_run_new(rulesets[s]);
        arena_init(&side->arena, CASE_ARENA_BYTES_MAX);
    }
    if (has_same_facts(changes)) {
        evaluate_tests(&comparison, a);
        evaluate_tests(&comparison, b);
    }
    invent_cases(&comparison, options);
    effect->reached = mem_zero(changes->agreement_count + 1, sizeof(*effect->reached));
    for (uint32_t i = 0; i <= changes->agreement_count; i++) {
        effect->reached[i] = reach_of(comparison.reach,
                                      i < changes->agreement_count ? changes->agreements[i] : NULL);
    }
    reach_free(&comparison.reach);
    for (int s = 0; s < 2; s++) {
        ruleset_run_free(&comparison.sides[s].run);
        arena_free(&comparison.sides[s].arena);
    }
}

void rules_effect_free(struct rules_effect *effect) {
    replay_matrix_fini(&effect->matrix);
    mem_free(effect->reached);
    effect->reached = NULL;
}

/* --- output --- */

static const char *table_name(const struct rules_changes *changes, uint32_t table) {
    return table < changes->agreement_count ? changes->agreements[table] : "the case";
}

/* Cases that reach no changed rule show nothing about the change: no number is printed for them. */
static bool is_unknown(const struct rules_effect *effect, uint32_t table) {
    return effect->reached[table] == REACH_MISSED &&
           replay_table_changed(&effect->matrix.tables[table]) == 0;
}

static void print_table(const struct replay_table *table, struct buf *out) {
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            const struct replay_cell *cell = &table->cells[before][after];
            if (before != after && cell->count > 0) {
                buf_printf(out, "  %-24s -> %-24s %8" PRIu64 ", for instance %.*s\n",
                           replay_side_name(before), replay_side_name(after), cell->count,
                           (int)cell->samples[0].id_len, cell->samples[0].id);
            }
        }
    }
}

void rules_effect_print(const struct rules_effect *effect, const struct rules_changes *changes,
                        struct buf *out) {
    bool has_unknown = false;
    buf_printf(out,
               "\nevaluated under both: %" PRIu64 " invented cases, %" PRIu64
               " tests of the documents\n",
               effect->invented, effect->tests);
    if (effect->unreadable > 0) {
        buf_printf(out, "%" PRIu64 " invented cases hold a fact that one schema refuses\n",
                   effect->unreadable);
    }
    for (uint32_t i = 0; i < effect->matrix.table_count; i++) {
        const struct replay_table *table = &effect->matrix.tables[i];
        if (effect->reached[i] == REACH_MISSED) {
            buf_printf(out, "%s: no invented case reached a changed rule", table_name(changes, i));
            if (is_unknown(effect, i)) {
                buf_str(out, ", so the effect is unknown");
            } else {
                buf_printf(out, "; %" PRIu64 " of %" PRIu64 " evaluated change",
                           replay_table_changed(table), replay_table_cases(table));
            }
            has_unknown = true;
        } else if (effect->reached[i] == REACH_UNCHANGED) {
            buf_printf(out, "%s: the same rules, so no case changes", table_name(changes, i));
        } else {
            buf_printf(out, "%s: %" PRIu64 " of %" PRIu64 " change", table_name(changes, i),
                       replay_table_changed(table), replay_table_cases(table));
        }
        if (table->other_reason > 0) {
            buf_printf(out, "; %" PRIu64 " keep their disposition for another reason",
                       table->other_reason);
        }
        buf_byte(out, '\n');
        print_table(table, out);
    }
    if (has_unknown) {
        buf_str(out, "hint: `casemill replay` shows the effect on stored cases\n");
    }
}

static void cells_json(const struct replay_table *table, struct json *json) {
    json_array_open(json);
    for (uint32_t before = 0; before < REPLAY_SIDES; before++) {
        for (uint32_t after = 0; after < REPLAY_SIDES; after++) {
            const struct replay_cell *cell = &table->cells[before][after];
            if (cell->count == 0) {
                continue;
            }
            json_object_open(json);
            json_str(json_key(json, "before"), replay_side_name(before));
            json_str(json_key(json, "after"), replay_side_name(after));
            json_uint(json_key(json, "cases"), cell->count);
            if (cell->sample_count > 0) {
                json_span(json_key(json, "example"),
                          span_make(cell->samples[0].id, cell->samples[0].id_len));
            }
            json_object_close(json);
        }
    }
    json_array_close(json);
}

void rules_effect_json(const struct rules_effect *effect, const struct rules_changes *changes,
                       struct json *json) {
    json_object_open(json);
    json_uint(json_key(json, "invented"), effect->invented);
    json_uint(json_key(json, "tests"), effect->tests);
    json_uint(json_key(json, "unreadable"), effect->unreadable);
    json_array_open(json_key(json, "tables"));
    for (uint32_t i = 0; i < effect->matrix.table_count; i++) {
        const struct replay_table *table = &effect->matrix.tables[i];
        json_object_open(json);
        json_str(json_key(json, "agreement"),
                 i < changes->agreement_count ? changes->agreements[i] : "");
        json_uint(json_key(json, "cases"), replay_table_cases(table));
        json_key(json, "changed");
        if (is_unknown(effect, i)) {
            json_nil(json);
        } else {
            json_uint(json, replay_table_changed(table));
        }
        json_key(json, "reached");
        if (effect->reached[i] == REACH_UNCHANGED) {
            json_nil(json);
        } else {
            json_bool(json, effect->reached[i] == REACH_REACHED);
        }
        json_uint(json_key(json, "other_reason"), table->other_reason);
        cells_json(table, json_key(json, "matrix"));
        json_object_close(json);
    }
    json_array_close(json);
    json_object_close(json);
}
