/* worker, casedoc: what row_encode writes into the columns of `cases`, column_read reads back: the
 * same digest for made-up cases, with every type of fact that a schema may declare. */
#include "base/date.h"
#include "base/io.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "pair_fixture.h"
#include "worker/row.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_CASES = 5000, ITEMS_MAX = 5, TEXT_MAX = 12 };

static const char SCHEMA[] =
    "version: 1\n"
    "title: \"Every type\"\n"
    "facts:\n"
    "  flag: {type: bool}\n"
    "  number: {type: int}\n"
    "  ratio: {type: double}\n"
    "  text: {type: string}\n"
    "  word: {type: enum, words: [one, two, three]}\n"
    "  land: {type: iso}\n"
    "  day: {type: date}\n"
    "  moment: {type: timestamp}\n"
    "  ctx: {type: record, fields: {inside: {type: bool}, at: {type: date}, of: {type: string}}}\n"
    "  lands: {type: list, max: 5, of: {type: iso}}\n"
    "  texts: {type: list, max: 5, of: {type: string}}\n"
    "  numbers: {type: list, max: 5, of: {type: int}}\n"
    "  days: {type: list, max: 5, of: {type: date}}\n"
    "  moments: {type: list, max: 5, of: {type: timestamp}}\n"
    "  ratios: {type: list, max: 5, of: {type: double}}\n"
    "  kin: {type: list, max: 5, of: {type: record, fields: {land: {type: iso}, word: {type: "
    "enum,\n"
    "    words: [near, far]}, old: {type: bool}, born: {type: date}, note: {type: string}}}}\n"
    "  by_land: {type: map, max: 5, keys: iso, of: {type: enum, words: [yes, no]}}\n"
    "  by_text: {type: map, max: 5, keys: string, of: {type: int}}\n";

static const char AGREEMENT[] = "agreement: ONE\n"
                                "title: \"One\"\n"
                                "parties: [\"US\", \"CA\"]\n"
                                "events:\n"
                                "  - {event: in_force, date: 2000-01-01, recorded: 2000-01-01, "
                                "cite: \"c\"}\n"
                                "rules:\n"
                                "  scope:\n"
                                "    - {label: flagged, when: 'flag', cite: \"c\"}\n"
                                "  in_force:\n"
                                "    - status\n"
                                "  otherwise: {label: other}\n";

struct round {
    struct active_rules rules;
    struct ruleset_run *run;
    struct arena arena;
    uint64_t random;
};

static void write_file(const char *dir, const char *name, const char *text) {
    char path[128];
    struct diag diag = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_assert_msg(io_write_file(path, span_str(text), &diag) == ERR_OK, "%s", diag.text);
}

static struct ruleset *load_rules(void) {
    char dir[] = "/tmp/casemill-column.XXXXXX";
    char path[128];
    struct ruleset *ruleset = NULL;
    struct diag diag = {0};
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/agreements", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file(dir, "case.yaml", SCHEMA);
    write_file(dir, "agreements/ONE.yaml", AGREEMENT);
    enum err err = ruleset_load_dir(dir, NULL, 0, &ruleset, NULL, &diag);
    ck_assert_msg(err == ERR_OK, "%s:%u: %s", diag.file, diag.line, diag.text);
    (void)snprintf(path, sizeof(path), "%s/agreements/ONE.yaml", dir);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/case.yaml", dir);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/agreements", dir);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
    return ruleset;
}

static void round_init(struct round *round) {
    *round = (struct round){.random = 20210110};
    struct ruleset *ruleset = load_rules();
    const struct schema *schema = ruleset_schema(ruleset);
    uint32_t reasons = ruleset_reason_count(ruleset, 0);
    struct active_rules *rules = &round->rules;
    rules->ruleset = ruleset;
    rules->number = 1;
    rules->agreement_count = 1;
    rules->agreement_codes = mem_zero(1, sizeof(*rules->agreement_codes));
    rules->finding_codes = mem_zero(1, sizeof(*rules->finding_codes));
    rules->finding_codes[0] = mem_zero(reasons, sizeof(**rules->finding_codes));
    rules->pairs = mem_zero(1, sizeof(*rules->pairs));
    pair_fixture(&rules->pairs[0], ruleset, 0, rules->finding_codes[0]);
    rules->path_codes = mem_zero(schema->path_count, sizeof(*rules->path_codes));
    rules->column_count = ACTIVE_RULES_FIXED_COUNT + schema->slot_count;
    round->run = ruleset_run_new(ruleset);
    arena_init(&round->arena, (size_t)1 << 20);
}

static void round_fini(struct round *round) {
    ruleset_run_free(&round->run);
    mem_free(round->rules.agreement_codes);
    pair_numbers_free(&round->rules.pairs[0]);
    mem_free(round->rules.pairs);
    mem_free(round->rules.finding_codes[0]);
    mem_free(round->rules.finding_codes);
    mem_free(round->rules.path_codes);
    arena_free(&round->arena);
    ruleset_unref(&round->rules.ruleset);
}

/* --- made-up values ----------------------------------------------------------------------------
 */

static uint64_t next(struct round *round) {
    round->random = round->random * 6364136223846793005U + 1442695040888963407U;
    return round->random >> 20;
}

static void *take(struct round *round, size_t count, size_t bytes) {
    void *memory = arena_zero(&round->arena, count + 1, bytes);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static struct value text(struct round *round) {
    static const char *const parts[] = {"a", "\"",   "\\",     "\n",         "\x01", "{",
                                        ",", "NULL", "\u00e9", "\U0001f600", " ",    ":"};
    struct buf out = BUF_EMPTY;
    for (uint64_t left = next(round) % TEXT_MAX; left > 0; left--) {
        buf_str(&out, parts[next(round) % COUNT_OF(parts)]);
    }
    struct span copy = arena_copy(&round->arena, buf_span(&out));
    buf_free(&out);
    return value_string(copy);
}

static struct value number(struct round *round) {
    static const int64_t edges[] = {0, -1, INT64_MAX, INT64_MIN, 1LL << 53};
    return value_int(next(round) % 2 == 0 ? edges[next(round) % COUNT_OF(edges)]
                                          : (int64_t)(next(round) % 1000));
}

static struct value ratio(struct round *round) {
    static const double edges[] = {0.0, 0.1, -1e300, 5e-324, 1.0 / 3};
    return value_double(edges[next(round) % COUNT_OF(edges)]);
}

/* Any day that can be written, from year 1 on. */
static struct value day(struct round *round) {
    return value_date(DATE_DAYS_MIN +
                      (int32_t)(next(round) % (uint64_t)(DATE_DAYS_MAX - DATE_DAYS_MIN + 1)));
}

static struct value moment(struct round *round) { /* microseconds are kept */
    struct value value = day(round);
    value.i += (int64_t)(next(round) % 86400);
    value.len = (uint32_t)(next(round) % 1000000) * 1000;
    return value;
}

static struct value make(struct round *round, const struct fact *fact);

static struct value make_list(struct round *round, const struct fact *fact) {
    uint32_t count = (uint32_t)(next(round) % ITEMS_MAX);
    struct value *items = take(round, count, sizeof(*items));
    for (uint32_t i = 0; i < count; i++) {
        items[i] = make(round, fact->element);
    }
    return value_list(items, count);
}

static int compare_keys(const void *a, const void *b) {
    struct span left = value_span(*(const struct value *)a);
    struct span right = value_span(*(const struct value *)b);
    size_t shorter = left.len < right.len ? left.len : right.len;
    int order = shorter == 0 ? 0 : memcmp(left.ptr, right.ptr, shorter);
    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

/* Sorted by key, as the decoder leaves them. */
static struct value make_map(struct round *round, const struct fact *fact) {
    uint32_t wanted = (uint32_t)(next(round) % ITEMS_MAX);
    uint32_t count = 0;
    struct value *pairs = take(round, (size_t)2 * wanted, sizeof(*pairs));
    for (uint32_t i = 0; i < wanted; i++) {
        struct value key = fact->map_keys_iso
                               ? value_string(span_str(fact->words[next(round) % fact->word_count]))
                               : text(round);
        bool is_new = true;
        for (uint32_t k = 0; k < count; k++) {
            is_new = is_new && compare_keys(&pairs[2 * k], &key) != 0;
        }
        if (is_new) {
            pairs[2 * count] = key;
            pairs[2 * count + 1] = make(round, fact->element);
            count++;
        }
    }
    if (count > 1) {
        qsort(pairs, count, 2 * sizeof(*pairs), compare_keys);
    }
    return value_map(pairs, count);
}

/* All fields, in schema order. */
static struct value make_record(struct round *round, const struct fact *fact) {
    struct value *pairs = take(round, (size_t)2 * fact->field_count, sizeof(*pairs));
    for (uint32_t i = 0; i < fact->field_count; i++) {
        const struct fact *field = &fact->fields[i];
        pairs[2 * i] = value_string(span_str(field->leaf));
        pairs[2 * i + 1] = next(round) % 3 == 0 ? value_unknown(field->path) : make(round, field);
    }
    return value_map(pairs, fact->field_count);
}

static struct value make(struct round *round, const struct fact *fact) {
    switch (fact->type) {
    case FACT_BOOL:
        return value_bool(next(round) % 2 == 0);
    case FACT_INT:
        return number(round);
    case FACT_DOUBLE:
        return ratio(round);
    case FACT_STRING:
        return text(round);
    case FACT_ENUM:
    case FACT_ISO:
        return value_string(span_str(fact->words[next(round) % fact->word_count]));
    case FACT_DATE:
        return day(round);
    case FACT_TIMESTAMP:
        return moment(round);
    case FACT_LIST:
        return make_list(round, fact);
    case FACT_MAP:
        return make_map(round, fact);
    case FACT_RECORD:
        return make_record(round, fact);
    }
    ck_abort_msg("no such type");
}

/* --- there and back ----------------------------------------------------------------------------
 */

static void read_back(struct round *round, const struct buf *row, struct value *slots) {
    const struct schema *schema = ruleset_schema(round->rules.ruleset);
    struct span fields[ACTIVE_RULES_FIXED_COUNT + PATHS_MAX];
    row_fields(buf_span(row), round->rules.column_count, fields);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        enum err err = column_read(schema->slots[i], fields[ACTIVE_RULES_FIXED_COUNT + i],
                                   &round->arena, &slots[i]);
        ck_assert_msg(err == ERR_OK, "%s is not read back", schema->slots[i]->name);
    }
}

static bool same_digest(const struct schema *schema, const struct case_doc *a,
                        const struct case_doc *b) {
    struct hash128 left = case_digest(schema, a);
    struct hash128 right = case_digest(schema, b);
    return memcmp(&left, &right, sizeof(left)) == 0;
}

static void check_round(struct round *round, uint32_t number, struct buf *row) {
    const struct schema *schema = ruleset_schema(round->rules.ruleset);
    struct value sent[PATHS_MAX];
    struct value back[PATHS_MAX];
    struct outcome outcome;
    struct row_head head = {.source = 1};
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        sent[i] = next(round) % 4 == 0 ? schema->unknown[i] : make(round, schema->slots[i]);
    }
    struct case_doc doc = {.case_id = SPAN_LIT("X"), .revision = 1, .slots = sent};
    ruleset_evaluate(round->run, &doc, 0, 0, &outcome);
    buf_clear(row);
    row_encode(&round->rules, &head, &doc, &outcome, row);
    read_back(round, row, back);
    struct case_doc read = {.slots = back};
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        ck_assert_msg((sent[i].kind == VAL_UNKNOWN) == (back[i].kind == VAL_UNKNOWN), "%s",
                      schema->slots[i]->name);
    }
    ck_assert_msg(same_digest(schema, &doc, &read), "case %u comes back otherwise", number);
}

START_TEST(test_every_type_comes_back) {
    struct round round;
    struct buf row = BUF_EMPTY;
    round_init(&round);
    for (uint32_t i = 0; i < RANDOM_CASES; i++) {
        arena_reset(&round.arena);
        check_round(&round, i, &row);
    }
    buf_free(&row);
    round_fini(&round);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker: columns");
    TCase *tests = tcase_create("columns");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_every_type_comes_back);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
