/* Rows and maps of the same random cases: the same facts, digest and faults; and the map made of a
 * row is that case again. */
#include "casedoc/case_rows.h"

#include "base/uuid.h"
#include "wire/mp_write.h"
#include "wire/rows.h"

#include <check.h>
#include <stdio.h>

enum { COLUMNS_MAX = 128, ROUNDS = 4000, ARENA_BYTES = 4 << 20 };

static struct schema *schema;

static void load_schema(void) {
    struct diag diag = {0};
    struct vocabulary iso = {NULL, 0};
    struct yaml_doc *doc = NULL;
    ck_assert_int_eq(vocabulary_load_iso(&iso, &diag), ERR_OK);
    ck_assert_int_eq(yaml_parse_file("config/case.yaml", &doc, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, iso, &schema, &diag) == ERR_OK, "%s", diag.text);
    yaml_doc_free(&doc);
    vocabulary_free(&iso);
}
static void free_schema(void) { schema_free(&schema); }

/* --- values ---------------------------------------------------------------------------------- */

static void put_scalar(struct buf *out, struct rng *rng, const struct fact *fact) {
    char text[40];
    switch (fact->type) {
    case FACT_BOOL:
        mp_write_bool(out, rng_below(rng, 2) == 0);
        return;
    case FACT_INT:
        mp_write_int(out, fact->int_min + (int64_t)rng_below(rng, 2));
        return;
    case FACT_DOUBLE:
        mp_write_double(out, 0.5 + (double)rng_below(rng, 9));
        return;
    case FACT_STRING:
        mp_write_str(out, rng_below(rng, 3) == 0 ? SPAN_LIT("") : SPAN_LIT("some words"));
        return;
    case FACT_ENUM:
    case FACT_ISO:
        mp_write_str(out, span_str(fact->words[rng_below(rng, fact->word_count)]));
        return;
    case FACT_DATE:
        (void)snprintf(text, sizeof(text), "20%02u-0%u-1%u", (unsigned)rng_below(rng, 30),
                       (unsigned)rng_below(rng, 9) + 1, (unsigned)rng_below(rng, 10));
        mp_write_str(out, span_str(text));
        return;
    case FACT_TIMESTAMP:
        mp_write_str(out, SPAN_LIT("2020-01-10T12:00:00Z"));
        return;
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        break;
    }
    ck_abort_msg("no scalar");
}

static void put_value(struct buf *out, struct rng *rng, const struct fact *fact);

static void put_fields(struct buf *out, struct rng *rng, const struct fact *record) {
    mp_write_map(out, record->field_count);
    for (uint32_t i = 0; i < record->field_count; i++) {
        mp_write_str(out, span_str(record->fields[i].leaf));
        if (rng_below(rng, 3) == 0) {
            mp_write_nil(out);
        } else {
            put_value(out, rng, &record->fields[i]);
        }
    }
}

static void put_value(struct buf *out, struct rng *rng, const struct fact *fact) {
    uint32_t count = (uint32_t)rng_below(rng, 3);
    if (fact->type == FACT_RECORD) {
        put_fields(out, rng, fact);
    } else if (fact->type == FACT_LIST) {
        mp_write_array(out, count);
        for (uint32_t i = 0; i < count; i++) {
            put_value(out, rng, fact->element);
        }
    } else if (fact->type == FACT_MAP) {
        static const char *const keys[] = {"US", "GT"};
        mp_write_map(out, count);
        for (uint32_t i = 0; i < count; i++) {
            mp_write_str(out, span_str(keys[i]));
            put_value(out, rng, fact->element);
        }
    } else {
        put_scalar(out, rng, fact);
    }
}

/* What a faulty sender may put in a value's place. */
static void put_garbage(struct buf *out, struct rng *rng) {
    const struct span garbage[] = {
        SPAN_LIT("\x07"),
        SPAN_LIT("\xff"),
        SPAN_LIT("\xc3"),
        SPAN_LIT("\xa1x"),
        SPAN_LIT("\xa2\xc3\x28"),
        SPAN_LIT("\xa1\0"),
        SPAN_LIT("\x90"),
        SPAN_LIT("\x80"),
        SPAN_LIT("\x92\xc0\x01"),
        SPAN_LIT("\x81\xa1x\x01"),
        SPAN_LIT("\xc4\x01x"),
        SPAN_LIT("\xaa"
                 "2020-13-01"),
        SPAN_LIT("\xa7"
                 "2020-01"),
        SPAN_LIT("\xd9\x02US"),
        SPAN_LIT("\xce\xff\xff\xff\xff"),
    };
    buf_append(out, garbage[rng_below(rng, COUNT_OF(garbage))]);
}

/* --- one case in both forms ------------------------------------------------------------------- */

struct one {
    struct span record, leaf; /* leaf empty: a key of `facts` */
    const struct fact *fact;  /* NULL: unknown */
};
struct columns {
    struct one items[COLUMNS_MAX];
    uint32_t count;
    struct buf names;
};

static void add_column(struct columns *columns, struct span record, struct span leaf,
                       const struct fact *fact) {
    ck_assert_uint_lt(columns->count, COLUMNS_MAX);
    columns->items[columns->count++] = (struct one){record, leaf, fact};
}

/* Records as one column or as one for each field; names that no schema has among them. */
static void make_columns(struct columns *columns, struct rng *rng, bool has_unknown) {
    columns->count = 0;
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        const struct fact *fact = &schema->facts[i];
        if (rng_below(rng, 8) == 0) {
            continue;
        }
        bool is_whole = fact->type != FACT_RECORD || rng_below(rng, 2) == 0;
        if (is_whole) {
            add_column(columns, span_str(fact->name), SPAN_LIT(""), fact);
        }
        for (uint32_t j = 0; !is_whole && j < fact->field_count; j++) {
            add_column(columns, span_str(fact->name), span_str(fact->fields[j].leaf),
                       &fact->fields[j]);
        }
        if (!is_whole && has_unknown) {
            add_column(columns, span_str(fact->name), SPAN_LIT("colour"), NULL);
            add_column(columns, span_str(fact->name), SPAN_LIT("a.b"), NULL);
        }
    }
    if (has_unknown) {
        add_column(columns, SPAN_LIT("no_such_fact"), SPAN_LIT(""), NULL);
        add_column(columns, SPAN_LIT("no_such_record"), SPAN_LIT("x"), NULL);
        add_column(columns, SPAN_LIT("not a name"), SPAN_LIT(""), NULL);
        add_column(columns, SPAN_LIT(""), SPAN_LIT(""), NULL);
    }
    bool has_list = false;
    for (uint32_t i = 0; i < columns->count; i++) {
        has_list = has_list || span_is(columns->items[i].record, "nationalities");
    }
    if (has_unknown && !has_list) {
        add_column(columns, SPAN_LIT("nationalities.x"), SPAN_LIT(""), NULL); /* no record */
    }
    for (uint32_t i = columns->count; i > 1; i--) { /* any order */
        uint32_t j = (uint32_t)rng_below(rng, i);
        struct one kept = columns->items[i - 1];
        columns->items[i - 1] = columns->items[j];
        columns->items[j] = kept;
    }
    buf_clear(&columns->names);
    mp_write_array(&columns->names, columns->count);
    for (uint32_t i = 0; i < columns->count; i++) {
        struct buf name = BUF_EMPTY;
        buf_append(&name, columns->items[i].record);
        if (columns->items[i].leaf.len > 0) {
            buf_byte(&name, '.');
            buf_append(&name, columns->items[i].leaf);
        }
        mp_write_str(&columns->names, buf_span(&name));
        buf_free(&name);
    }
}

struct forms {
    struct buf row, map;
    struct buf values;
    struct span keys[ROWS_KEYS], cells[COLUMNS_MAX];
};

static struct span cell(const struct buf *values, size_t from) {
    return span_make((const uint8_t *)NULL + from, values->len - from); /* placed by settle */
}

static void settle(struct forms *forms, struct span *cells, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        cells[i].ptr = forms->values.ptr + (uintptr_t)cells[i].ptr;
    }
}

static bool is_nil(struct span value) { return value.len == 1 && value.ptr[0] == 0xc0; }

static void write_map(struct forms *forms, const struct columns *columns, struct rng *rng) {
    static const char *const keys[] = {"case_id", "revision", "reference_date", "as_of"};
    bool writes_nil = rng_below(rng, 2) == 0; /* nil is absent */
    uint32_t facts = 0;
    bool done[COLUMNS_MAX] = {false};
    struct buf inside = BUF_EMPTY;
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct one *one = &columns->items[i];
        if (done[i] || (is_nil(forms->cells[i]) && !writes_nil)) {
            continue;
        }
        facts++;
        mp_write_str(&inside, one->record);
        if (one->leaf.len == 0) {
            buf_append(&inside, forms->cells[i]);
            continue;
        }
        struct buf fields = BUF_EMPTY;
        uint32_t field_count = 0;
        for (uint32_t j = i; j < columns->count; j++) {
            if (columns->items[j].leaf.len > 0 && span_eq(columns->items[j].record, one->record)) {
                done[j] = true;
                bool is_kept = writes_nil || !is_nil(forms->cells[j]);
                field_count += is_kept ? 1 : 0;
                if (is_kept) {
                    mp_write_str(&fields, columns->items[j].leaf);
                    buf_append(&fields, forms->cells[j]);
                }
            }
        }
        /* An unknown record whose fields are all nil states nothing. */
        bool is_empty = span_is(one->record, "no_such_record") && is_nil(forms->cells[i]);
        if (is_empty) {
            mp_write_nil(&inside);
        } else {
            mp_write_map(&inside, field_count);
            buf_append(&inside, buf_span(&fields));
        }
        buf_free(&fields);
    }
    buf_clear(&forms->map);
    mp_write_map(&forms->map, 5);
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        mp_write_str(&forms->map, span_str(keys[i]));
        buf_append(&forms->map, forms->keys[i]);
    }
    mp_write_str(&forms->map, SPAN_LIT("facts"));
    mp_write_map(&forms->map, facts);
    buf_append(&forms->map, buf_span(&inside));
    buf_free(&inside);
}

static void make_case(struct forms *forms, const struct columns *columns, struct rng *rng,
                      uint32_t garbage_percent) {
    buf_clear(&forms->values);
    buf_clear(&forms->row);
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        size_t from = forms->values.len;
        if (rng_below(rng, 100) < garbage_percent) {
            put_garbage(&forms->values, rng);
        } else if (i == 0) {
            mp_write_str(&forms->values, SPAN_LIT("case-1"));
        } else if (i == 1) {
            mp_write_uint(&forms->values, rng_below(rng, 200));
        } else if (rng_below(rng, 2) == 0) {
            mp_write_nil(&forms->values);
        } else {
            mp_write_str(&forms->values, SPAN_LIT("2021-03-04"));
        }
        forms->keys[i] = cell(&forms->values, from);
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct one *one = &columns->items[i];
        size_t from = forms->values.len;
        uint64_t dice = rng_below(rng, 100);
        if (dice < garbage_percent) {
            put_garbage(&forms->values, rng);
        } else if (dice < 50 || one->fact == NULL) {
            mp_write_nil(&forms->values);
        } else {
            put_value(&forms->values, rng, one->fact);
        }
        forms->cells[i] = cell(&forms->values, from);
    }
    settle(forms, forms->keys, ROWS_KEYS);
    settle(forms, forms->cells, columns->count);
    uint32_t length = columns->count;
    while (length > 0 && rng_below(rng, 2) == 0 && is_nil(forms->cells[length - 1])) {
        length--; /* a short row */
    }
    mp_write_array(&forms->row, ROWS_KEYS + length);
    for (uint32_t i = 0; i < ROWS_KEYS; i++) {
        buf_append(&forms->row, forms->keys[i]);
    }
    for (uint32_t i = 0; i < length; i++) {
        buf_append(&forms->row, forms->cells[i]);
    }
    write_map(forms, columns, rng);
}

/* --- the comparison --------------------------------------------------------------------------- */

static bool has_fault(const struct case_doc *doc, const struct case_fault *fault) {
    for (uint32_t i = 0; i < doc->fault_count; i++) {
        const struct case_fault *other = &doc->faults[i];
        if (strcmp(other->reason, fault->reason) == 0 && strcmp(other->path, fault->path) == 0 &&
            strcmp(other->expected, fault->expected) == 0 &&
            strcmp(other->found, fault->found) == 0) {
            return true;
        }
    }
    return false;
}

static void expect_same(const struct case_doc *a, const struct case_doc *b) {
    ck_assert_msg(a->fault_count == b->fault_count, "%u and %u faults: %s %s, %s %s",
                  a->fault_count, b->fault_count, a->faults[0].path, a->faults[0].reason,
                  b->faults[0].path, b->faults[0].reason);
    ck_assert(span_eq(a->case_id, b->case_id));
    ck_assert_int_eq(a->revision, b->revision);
    for (uint32_t i = 0; i < a->fault_count && a->fault_count < CASE_FAULTS_MAX; i++) {
        ck_assert_msg(has_fault(b, &a->faults[i]), "%s %s (%s, %s)", a->faults[i].path,
                      a->faults[i].reason, a->faults[i].expected, a->faults[i].found);
    }
    if (a->fault_count == 0) {
        ck_assert(hash128_eq(a->digest, b->digest));
        ck_assert_int_eq(a->has_reference_date, b->has_reference_date);
        ck_assert_int_eq(a->has_as_of, b->has_as_of);
        ck_assert_int_eq(a->reference_date, b->reference_date);
        ck_assert_int_eq(a->as_of, b->as_of);
        for (uint32_t i = 0; i < schema->slot_count; i++) {
            ck_assert_uint_eq(a->slots[i].kind, b->slots[i].kind);
            ck_assert_uint_eq(a->slots[i].aux, b->slots[i].aux);
        }
    }
}

/* The two that a test compares, and their arena. */
struct pair {
    struct case_doc row, map;
    struct arena arena;
};

static void decode_row(struct pair *pair, const struct case_columns *columns, struct span bytes) {
    size_t at = 0;
    ck_assert_int_eq(case_row_next(columns, bytes, &at, &pair->arena, &pair->row), ERR_OK);
    ck_assert_uint_eq(at, bytes.len);
}

static uint32_t run_round(struct rng *rng, bool has_unknown, uint32_t garbage_percent) {
    struct columns columns = {.names = BUF_EMPTY};
    struct forms forms = {.row = BUF_EMPTY, .map = BUF_EMPTY, .values = BUF_EMPTY};
    struct case_columns *resolved = NULL;
    struct pair pair;
    struct buf again = BUF_EMPTY;
    uint32_t faulty = 0;
    arena_init(&pair.arena, ARENA_BYTES);
    make_columns(&columns, rng, has_unknown);
    ck_assert_int_eq(case_columns_new(schema, buf_span(&columns.names), &resolved), ERR_OK);
    for (uint32_t i = 0; i < 8; i++) {
        make_case(&forms, &columns, rng, garbage_percent);
        arena_reset(&pair.arena);
        decode_row(&pair, resolved, buf_span(&forms.row));
        ck_assert_int_eq(case_decode(schema, buf_span(&forms.map), &pair.arena, &pair.map), ERR_OK);
        expect_same(&pair.row, &pair.map);
        faulty += pair.row.fault_count > 0;
        buf_clear(&again);
        ck_assert_int_eq(case_row_to_map(resolved, buf_span(&forms.row), &again), ERR_OK);
        ck_assert_int_eq(case_decode(schema, buf_span(&again), &pair.arena, &pair.map), ERR_OK);
        expect_same(&pair.row, &pair.map);
        size_t end = 0;
        ck_assert_int_eq(walk_value(buf_span(&again), &end), ERR_OK);
        ck_assert_uint_eq(end, again.len);
    }
    case_columns_unref(&resolved);
    arena_free(&pair.arena);
    buf_free(&again);
    buf_free(&columns.names);
    buf_free(&forms.row);
    buf_free(&forms.map);
    buf_free(&forms.values);
    return faulty;
}

START_TEST(both_forms_are_one_case) {
    struct rng rng = {.state = 15};
    uint32_t faulty = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t garbage = round % 4 == 0 ? 0 : round % 4 == 1 ? 1 : (uint32_t)rng_below(&rng, 6);
        faulty += run_round(&rng, round % 3 == 0, garbage);
    }
    ck_assert_uint_gt(faulty, ROUNDS);
    ck_assert_uint_lt(faulty, 7 * ROUNDS);
}
END_TEST

/* --- by hand -----------------------------------------------------------------------------------
 */

static void put_names(struct buf *out, const char *const *names, size_t count) {
    buf_clear(out);
    mp_write_array(out, count);
    for (size_t i = 0; i < count; i++) {
        mp_write_str(out, span_str(names[i]));
    }
}

START_TEST(an_unknown_name_faults_only_where_it_has_a_value) {
    static const char *const names[] = {"statelesss", "stateless"};
    struct buf bytes = BUF_EMPTY;
    struct case_columns *columns = NULL;
    struct pair pair;
    arena_init(&pair.arena, ARENA_BYTES);
    put_names(&bytes, names, 2);
    ck_assert_int_eq(case_columns_new(schema, buf_span(&bytes), &columns), ERR_OK);
    decode_row(&pair, columns,
               SPAN_LIT("\x96\xa1"
                        "A\0\xc0\xc0\xc0\xc3"));
    ck_assert_uint_eq(pair.row.fault_count, 0);
    decode_row(&pair, columns,
               SPAN_LIT("\x96\xa1"
                        "A\0\xc0\xc0\xc2\xc3"));
    ck_assert_uint_eq(pair.row.fault_count, 1);
    ck_assert_str_eq(pair.row.faults[0].path, "facts.statelesss");
    ck_assert_str_eq(pair.row.faults[0].reason, "unknown_fact");
    /* The map form behaves the same. */
    ck_assert_int_eq(case_decode(schema,
                                 SPAN_LIT("\x83\xa7"
                                          "case_id\xa1"
                                          "A\xa8revision\0\xa5"
                                          "facts\x81\xaastatelesss\xc0"),
                                 &pair.arena, &pair.map),
                     ERR_OK);
    ck_assert_uint_eq(pair.map.fault_count, 0);
    case_columns_unref(&columns);
    arena_free(&pair.arena);
    buf_free(&bytes);
}
END_TEST

START_TEST(what_is_no_row_is_refused) {
    static const char *const names[] = {"visa_us"};
    static const char *const twice[] = {"visa_us", "visa_us"};
    struct buf bytes = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct case_columns *columns = NULL;
    struct pair pair;
    size_t at = 0;
    arena_init(&pair.arena, ARENA_BYTES);
    put_names(&bytes, twice, 2);
    ck_assert_int_eq(case_columns_new(schema, buf_span(&bytes), &columns), ERR_INVALID);
    put_names(&bytes, names, 1);
    buf_byte(&bytes, 0xc0);
    ck_assert_int_eq(case_columns_new(schema, buf_span(&bytes), &columns), ERR_INVALID);
    bytes.len--;
    ck_assert_int_eq(case_columns_new(schema, buf_span(&bytes), &columns), ERR_OK);
    const struct span wrong[] = {SPAN_LIT("\x80"), SPAN_LIT("\x96\xa1"
                                                            "A\0\xc0\xc0\xc2\xc3")};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_int_eq(case_row_next(columns, wrong[i], &at, &pair.arena, &pair.row),
                         ERR_INVALID);
        ck_assert_int_eq(case_row_to_map(columns, wrong[i], &out), ERR_INVALID);
        ck_assert_uint_eq(out.len, 0);
    }
    struct case_columns *more = case_columns_ref(columns);
    ck_assert(case_columns_are(more, schema, buf_span(&bytes)));
    ck_assert(!case_columns_are(more, NULL, buf_span(&bytes)));
    case_columns_unref(&columns);
    case_columns_unref(&more);
    arena_free(&pair.arena);
    buf_free(&bytes);
    buf_free(&out);
}
END_TEST

/* An empty row has neither id nor revision, as an empty map. */
START_TEST(an_empty_row_has_the_faults_of_an_empty_map) {
    struct case_columns *columns = NULL;
    struct pair pair;
    arena_init(&pair.arena, ARENA_BYTES);
    ck_assert_int_eq(case_columns_new(schema, SPAN_LIT("\x90"), &columns), ERR_OK);
    decode_row(&pair, columns, SPAN_LIT("\x90"));
    ck_assert_uint_eq(pair.row.fault_count, 2);
    ck_assert_str_eq(pair.row.faults[0].reason, "missing_id");
    ck_assert_str_eq(pair.row.faults[1].reason, "bad_revision");
    case_columns_unref(&columns);
    arena_free(&pair.arena);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc rows");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, load_schema, free_schema);
    tcase_add_test(tests, both_forms_are_one_case);
    tcase_add_test(tests, an_unknown_name_faults_only_where_it_has_a_value);
    tcase_add_test(tests, what_is_no_row_is_refused);
    tcase_add_test(tests, an_empty_row_has_the_faults_of_an_empty_map);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
