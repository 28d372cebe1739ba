/* A row of `cases` as the server may send it: for each slot a be16 length (0xffff: NULL) and its
 * bytes. An accepted row is in the schema's range; written as a row and read again it is the
 * same case, by its digest. The schema has every type of fact. */
#include "base/date.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "fuzz.h"
#include "tests/unit/pair_fixture.h"
#include "worker/row.h"

#include <math.h>

enum { ARENA_BYTES_MAX = 1 << 20, FIELD_NULL = 0xffff };

static const char SCHEMA[] =
    "version: 1\n"
    "title: \"Every type\"\n"
    "facts:\n"
    "  flag: {type: bool}\n"
    "  number: {type: int, range: [-5, 1000000000000]}\n"
    "  any_number: {type: int}\n"
    "  ratio: {type: double}\n"
    "  text: {type: string, bytes: 20}\n"
    "  word: {type: enum, words: [one, two, three]}\n"
    "  land: {type: iso}\n"
    "  day: {type: date}\n"
    "  moment: {type: timestamp}\n"
    "  ctx: {type: record, fields: {inside: {type: bool}, at: {type: date}}}\n"
    "  lands: {type: list, max: 5, of: {type: iso}}\n"
    "  texts: {type: list, max: 5, of: {type: string}}\n"
    "  days: {type: list, max: 5, of: {type: date}}\n"
    "  moments: {type: list, max: 5, of: {type: timestamp}}\n"
    "  ratios: {type: list, max: 5, of: {type: double}}\n"
    "  kin: {type: list, max: 5, of: {type: record, fields: {land: {type: iso}, old: {type: bool}, "
    "note: {type: string}}}}\n"
    "  by_land: {type: map, max: 5, keys: iso, of: {type: enum, words: [yes, no]}}\n"
    "  by_text: {type: map, max: 5, keys: string, of: {type: int}}\n";

static const char AGREEMENT[] =
    "agreement: ONE\n"
    "title: \"One\"\n"
    "parties: [\"US\", \"CA\"]\n"
    "events:\n"
    "  - {event: in_force, date: 2000-01-01, recorded: 2000-01-01, cite: \"c\"}\n"
    "rules:\n"
    "  scope:\n"
    "    - {label: flagged, when: 'flag', cite: \"c\"}\n"
    "  in_force:\n"
    "    - status\n"
    "  otherwise: {label: other}\n";

struct round {
    struct active_rules rules;
    struct ruleset_run *run;
};

static void round_open(struct round *round) {
    static int16_t code, finding_codes[16], path_codes[PATHS_MAX];
    static int16_t *findings[] = {finding_codes};
    static struct pair_numbers pairs;
    struct buf text = BUF_EMPTY;
    struct active_rules *rules = &round->rules;
    struct diag diag = {0};
    buf_printf(&text, "casemill ruleset 1 engine %d\nschema %zu\n%s\n", RULESET_ENGINE_VERSION,
               sizeof(SCHEMA) - 1, SCHEMA);
    buf_printf(&text, "agreement ONE %zu\n%s\n", sizeof(AGREEMENT) - 1, AGREEMENT);
    buf_printf(&text, "overrides 0\n\nvocabulary 8\nCA MX US\n");
    CHECK(ruleset_load_text(buf_span(&text), &rules->ruleset, &diag) == ERR_OK);
    CHECK(ruleset_reason_count(rules->ruleset, 0) <= COUNT_OF(finding_codes));
    rules->number = 1;
    rules->agreement_count = 1;
    rules->agreement_codes = &code;
    rules->finding_codes = findings;
    pair_fixture(&pairs, rules->ruleset, 0, finding_codes);
    rules->pairs = &pairs;
    rules->path_codes = path_codes;
    rules->column_count = ACTIVE_RULES_FIXED_COUNT + ruleset_schema(rules->ruleset)->slot_count;
    round->run = ruleset_run_new(rules->ruleset);
    buf_free(&text);
}

static void value_check(const struct fact *fact, const struct value *value);

static void items_check(const struct fact *fact, const struct value *value) {
    CHECK(value->len <= fact->count_max || value->kind != VAL_LIST);
    for (uint32_t i = 0; value->kind == VAL_LIST && i < value->len; i++) {
        value_check(fact->element, &value->items[i]);
    }
    for (uint32_t i = 0; value->kind == VAL_MAP && i < value->len; i++) {
        const struct fact *of = fact->type == FACT_RECORD ? &fact->fields[i] : fact->element;
        CHECK(value->items[2 * i].kind == VAL_STRING);
        value_check(of, &value->items[2 * i + 1]);
    }
}

/* What a decoded case may hold, an unknown leaf of a record included. */
static void value_check(const struct fact *fact, const struct value *value) {
    if (value->kind == VAL_UNKNOWN) {
        return;
    }
    switch (fact->type) {
    case FACT_BOOL:
        CHECK(value->kind == VAL_BOOL && value->u <= 1);
        return;
    case FACT_INT:
        CHECK(value->kind == VAL_INT && value->i >= fact->int_min && value->i <= fact->int_max);
        return;
    case FACT_DOUBLE:
        CHECK(value->kind == VAL_DOUBLE && isfinite(value->d));
        return;
    case FACT_STRING:
        CHECK(value->kind == VAL_STRING && value->len <= fact->bytes_max);
        CHECK(span_is_utf8(value_span(*value)));
        return;
    case FACT_ENUM:
    case FACT_ISO:
        CHECK(value->kind == VAL_STRING && mark_is_word(value_mark(value)));
        CHECK(mark_number(value_mark(value)) < fact->word_count);
        return;
    case FACT_DATE:
    case FACT_TIMESTAMP:
        CHECK(value->kind == VAL_TIMESTAMP && value->len < 1000000000);
        CHECK(value->i >= (int64_t)DATE_DAYS_MIN * 86400);
        CHECK(value->i < ((int64_t)DATE_DAYS_MAX + 1) * 86400);
        return;
    case FACT_LIST:
        CHECK(value->kind == VAL_LIST);
        items_check(fact, value);
        return;
    case FACT_MAP:
    case FACT_RECORD:
        CHECK(value->kind == VAL_MAP);
        items_check(fact, value);
        return;
    }
}

static void again_check(struct round *round, struct value *slots, struct arena *arena) {
    const struct schema *schema = ruleset_schema(round->rules.ruleset);
    struct case_doc doc = {.case_id = SPAN_LIT("X"), .revision = 1, .slots = slots};
    struct span fields[ACTIVE_RULES_FIXED_COUNT + PATHS_MAX];
    struct value again[PATHS_MAX];
    struct row_head head = {.source = 1};
    struct outcome outcome;
    struct buf row = BUF_EMPTY;
    ruleset_evaluate(round->run, &doc, 0, 0, &outcome);
    row_encode(&round->rules, &head, &doc, &outcome, &row);
    row_fields(buf_span(&row), round->rules.column_count, fields);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        CHECK(column_read(schema->slots[i], fields[ACTIVE_RULES_FIXED_COUNT + i], arena,
                          &again[i]) == ERR_OK);
    }
    struct case_doc read = {.case_id = doc.case_id, .revision = 1, .slots = again};
    CHECK(hash128_eq(case_digest(schema, &doc), case_digest(schema, &read)));
    buf_free(&row);
}

static struct span next_field(struct span bytes, size_t *at) {
    size_t field = bytes.len - *at < 2 ? FIELD_NULL : get_be16(bytes.ptr + *at);
    *at += bytes.len - *at < 2 ? bytes.len - *at : 2;
    if (field == FIELD_NULL) {
        return span_make(NULL, 0);
    }
    size_t left = bytes.len - *at;
    struct span found = span_make(bytes.ptr + *at, field < left ? field : left);
    *at += found.len;
    return found;
}

static void fixed_check(struct span bytes) {
    struct span elements = {NULL, 0};
    uint32_t count = 0;
    int32_t days = 0;
    int64_t us = 0;
    if (column_read_date(bytes, &days) == ERR_OK) {
        CHECK(days >= DATE_DAYS_MIN && days <= DATE_DAYS_MAX);
    }
    if (column_read_time(bytes, &us) == ERR_OK) {
        CHECK(us >= (int64_t)DATE_DAYS_MIN * 86400000000);
        CHECK(us < ((int64_t)DATE_DAYS_MAX + 1) * 86400000000);
    }
    if (column_read_int2s(bytes, &elements, &count) == ERR_OK) {
        for (uint32_t i = 0; i < count; i++) {
            (void)column_int2_at(elements, i);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct round round; /* loading the rules costs many rows */
    if (round.run == NULL) {
        round_open(&round);
    }
    const struct schema *schema = ruleset_schema(round.rules.ruleset);
    struct value slots[PATHS_MAX];
    struct arena arena;
    size_t at = 0;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        struct span field = next_field(span_make(bytes, len), &at);
        fixed_check(field);
        slots[i] = schema->unknown[i];
        enum err err = column_read(schema->slots[i], field, &arena, &slots[i]);
        CHECK(err == ERR_OK || err == ERR_INVALID || err == ERR_TOO_LARGE);
        CHECK(err == ERR_OK || memcmp(&slots[i], &schema->unknown[i], sizeof(slots[i])) == 0);
        value_check(schema->slots[i], &slots[i]);
    }
    again_check(&round, slots, &arena);
    arena_free(&arena);
    return 0;
}
