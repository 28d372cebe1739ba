/* Chains of && and || over marked words and records give the same result as the general way:
 * dyn() around a fact selects the general way. Facts are right, wrong, unknown, erring and of
 * another kind, marked or not, in every mixture. */
#include "cel/cel.h"

#include "base/buf.h"
#include "base/uuid.h"

#include <check.h>
#include <stdlib.h>

enum { OPERANDS_MAX = 5, ROUNDS = 20000, FEW = 5, MANY = 70, ITEMS = 3 };

static const char *const few[FEW] = {"land_poe", "between_poe", "inland", "a",
                                     "in_transit_removal"};
static const char *const field_names[] = {"word", "flag", "day"};
enum { FIELD_WORD, FIELD_FLAG, FIELD_DAY, FIELDS };
enum { SLOT_WORD, SLOT_CODE, SLOT_CODES, SLOT_FLAG, SLOT_DAY, SLOT_END, SLOT_RECORDS, SLOTS };

/* What an operand reads: %s is the fact, with dyn() around it or without. */
struct operand {
    const char *fact;
    const char *before, *after;
};
static const struct operand of_slots[] = {
    {"word", "", " == \"inland\""},
    {"word", "\"in_transit_removal\" != ", ""},
    {"word", "", " in [\"land_poe\", \"in_transit_removal\"]"},
    {"word", "!(", " in [\"a\"])"},
    {"code", "", " in [\"c00\", \"c63\", \"c64\", \"c69\"]"},
    {"code", "", " == \"c65\""},
    {"codes", "\"c64\" in ", ""},
    {"codes", "!(\"c01\" in ", ")"},
    {"flag", "", ""},
    {"flag", "!", ""},
    {"day", "", " < timestamp(\"1970-01-03T00:00:00Z\")"},
    {"day", "", " <= end"},
};
static const struct operand of_records[] = {
    {"r.word", "", " == \"inland\""},
    {"r.word", "", " in [\"land_poe\", \"in_transit_removal\"]"},
    {"r.word", "\"a\" != ", ""},
    {"r.flag", "", ""},
    {"r.flag", "!", ""},
    {"r.day", "", " >= timestamp(\"1970-01-03T00:00:00Z\")"},
};

static struct {
    struct cel_env *env;
    struct arena arena;
    struct cel_run run;
    struct rng rng;
    char many_text[MANY][4];
    const char *many[MANY];
} f;

static uint32_t below(uint32_t limit) { return (uint32_t)rng_below(&f.rng, limit); }

static void setup(void) {
    f.env = cel_env_new();
    f.rng.state = 20190921;
    for (uint32_t i = 0; i < MANY; i++) {
        f.many_text[i][0] = 'c';
        f.many_text[i][1] = (char)('0' + i / 10);
        f.many_text[i][2] = (char)('0' + i % 10);
        f.many[i] = f.many_text[i];
    }
    const struct cel_type *word = cel_type_words(f.env, few, FEW);
    const struct cel_type *code = cel_type_words(f.env, f.many, MANY);
    const struct cel_field fields[FIELDS] = {
        [FIELD_WORD] = {field_names[FIELD_WORD], word},
        [FIELD_FLAG] = {field_names[FIELD_FLAG], cel_type(f.env, CEL_BOOL)},
        [FIELD_DAY] = {field_names[FIELD_DAY], cel_type(f.env, CEL_DATE)},
    };
    const struct cel_type *record = cel_type_record(f.env, fields, FIELDS);
    const struct {
        const char *name;
        const struct cel_type *type;
    } slots[SLOTS] = {
        [SLOT_WORD] = {"word", word},
        [SLOT_CODE] = {"code", code},
        [SLOT_CODES] = {"codes", cel_type_list(f.env, code)},
        [SLOT_FLAG] = {"flag", cel_type(f.env, CEL_BOOL)},
        [SLOT_DAY] = {"day", cel_type(f.env, CEL_DATE)},
        [SLOT_END] = {"end", cel_type(f.env, CEL_DATE)},
        [SLOT_RECORDS] = {"rs", cel_type_list(f.env, record)},
    };
    for (uint16_t i = 0; i < SLOTS; i++) {
        ck_assert(cel_declare_slot(f.env, slots[i].name, slots[i].type, i, NULL) == ERR_OK);
    }
    arena_init(&f.arena, 16 << 20);
    cel_run_init(&f.run, f.env, &f.arena);
}

static void teardown(void) {
    cel_run_fini(&f.run);
    arena_free(&f.arena);
    cel_env_free(&f.env);
}

static struct value word_of(const char *const *words, uint32_t number) {
    struct span text = span_str(words[number]);
    return below(3) == 0 ? value_string(text) : value_word(text, number);
}

/* path: of an unknown one. */
static struct value fact_of(uint32_t slot, uint16_t path) {
    uint32_t chance = below(20);
    if (chance < 4) {
        return value_unknown(path);
    }
    if (chance == 4) {
        return (struct value){.kind = VAL_ERROR, .aux = CEL_ERROR_OVERFLOW};
    }
    if (chance == 5) {
        return value_int(1);
    }
    if (slot == SLOT_WORD) {
        return word_of(few, below(FEW));
    }
    if (slot == SLOT_CODE) {
        return word_of(f.many, below(2) == 0 ? below(MANY) : 60 + below(10));
    }
    return slot == SLOT_FLAG ? value_bool(below(2) == 0) : value_date((int32_t)below(4));
}

static struct value codes_of(struct value *items) {
    uint32_t count = below(ITEMS + 1);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = below(12) == 0 ? value_unknown(30) : word_of(f.many, 60 + below(10));
    }
    return value_list(items, count);
}

static struct value record_of(struct value *pairs, uint16_t path) {
    static const uint32_t slots[FIELDS] = {SLOT_WORD, SLOT_FLAG, SLOT_DAY};
    for (uint16_t i = 0; i < FIELDS; i++) {
        pairs[2 * i] = value_string(span_str(field_names[i]));
        pairs[2 * i + 1] = fact_of(slots[i], (uint16_t)(path + i));
    }
    return below(3) == 0 ? value_map(pairs, FIELDS) : value_record(pairs, FIELDS);
}

static void invent(struct value slots[SLOTS]) {
    struct value *codes = arena_alloc(&f.arena, ITEMS * sizeof(*codes));
    struct value *records = arena_alloc(&f.arena, ITEMS * sizeof(*records));
    for (uint16_t i = 0; i < SLOT_RECORDS; i++) {
        slots[i] = fact_of(i, i);
    }
    slots[SLOT_CODES] = below(8) == 0 ? value_unknown(SLOT_CODES) : codes_of(codes);
    uint32_t count = below(ITEMS + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct value *pairs = arena_alloc(&f.arena, 2 * FIELDS * sizeof(*pairs));
        records[i] = record_of(pairs, (uint16_t)(10 + FIELDS * i));
    }
    slots[SLOT_RECORDS] = value_list(records, count);
}

static void chain(const struct operand *of, uint32_t kinds, struct buf *direct, struct buf *dyn) {
    const char *joint = below(2) == 0 ? " && " : " || ";
    uint32_t count = 1 + below(OPERANDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct operand *operand = &of[below(kinds)];
        const char *before = i == 0 ? "" : joint;
        buf_printf(direct, "%s%s%s%s", before, operand->before, operand->fact, operand->after);
        buf_printf(dyn, "%s%sdyn(%s)%s", before, operand->before, operand->fact, operand->after);
    }
}

static struct value run_on(const char *source, const struct value *facts) {
    struct cel_program *program = NULL;
    struct diag diag = {0};
    ck_assert_msg(cel_compile(f.env, span_str(source), NULL, &program, &diag) == ERR_OK, "%s: %s",
                  source, diag.text);
    cel_run_begin(&f.run, facts);
    struct value value = cel_run(&f.run, program);
    cel_program_free(&program);
    return value;
}

static void expect_same(const char *source, struct value a, struct value b) {
    bool same = a.kind == b.kind;
    if (same && a.kind == VAL_UNKNOWN) {
        struct path_set paths[2] = {{{0}}, {{0}}};
        value_unknown_paths(a, &paths[0]);
        value_unknown_paths(b, &paths[1]);
        same = memcmp(&paths[0], &paths[1], sizeof(paths[0])) == 0;
    } else if (same) {
        same = a.kind == VAL_ERROR ? a.aux == b.aux : a.b == b.b;
    }
    ck_assert_msg(same, "%s: kinds %d and %d", source, a.kind, b.kind);
}

static void both_ways(const char *wrap, const struct operand *of, uint32_t kinds) {
    uint32_t seen[VAL_ERROR + 1] = {0};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct value slots[SLOTS];
        struct buf direct = BUF_EMPTY;
        struct buf dyn = BUF_EMPTY;
        buf_str(&direct, wrap);
        buf_str(&dyn, wrap);
        arena_reset(&f.arena);
        invent(slots);
        chain(of, kinds, &direct, &dyn);
        buf_str(&direct, wrap[0] == '\0' ? "" : ")");
        buf_str(&dyn, wrap[0] == '\0' ? "" : ")");
        struct value value = run_on(buf_cstr(&direct), slots);
        expect_same((const char *)direct.ptr, value, run_on(buf_cstr(&dyn), slots));
        seen[value.kind]++;
        buf_free(&direct);
        buf_free(&dyn);
    }
    ck_assert_uint_gt(seen[VAL_BOOL], ROUNDS / 10);
    ck_assert_uint_gt(seen[VAL_UNKNOWN], ROUNDS / 20);
    ck_assert_uint_gt(seen[VAL_ERROR], ROUNDS / 100);
}

START_TEST(chains_of_slots) { both_ways("", of_slots, COUNT_OF(of_slots)); }
END_TEST

START_TEST(chains_of_a_record) {
    both_ways("rs.exists(r, ", of_records, COUNT_OF(of_records));
    both_ways("rs.all(r, ", of_records, COUNT_OF(of_records));
}
END_TEST

/* More unknown facts than one value holds. */
START_TEST(many_unknown_facts) {
    struct value slots[SLOTS];
    for (uint16_t i = 0; i < SLOTS; i++) {
        slots[i] = value_unknown((uint16_t)(i * 40));
    }
    struct value value = run_on("word == \"a\" && code == \"c01\" && \"c02\" in codes && flag && "
                                "day <= end && rs.exists(r, r.flag)",
                                slots);
    ck_assert_uint_eq(value.kind, VAL_UNKNOWN);
    struct path_set paths = {0};
    value_unknown_paths(value, &paths);
    for (uint16_t i = 0; i < SLOTS; i++) {
        ck_assert(path_set_has(&paths, i * 40U));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cel chains");
    TCase *tests = tcase_create("chains");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, chains_of_slots);
    tcase_add_test(tests, chains_of_a_record);
    tcase_add_test(tests, many_unknown_facts);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
