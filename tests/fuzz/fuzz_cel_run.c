/* Evaluation: the first two bytes choose which facts are hidden and whether the checker runs;
 * the rest is an expression. A compiled expression ends within its limits, and a second run
 * gives the same result. A result that is decided while facts are hidden is the same when they
 * are shown. */
#include "fuzz_cel.h"

#include <stdio.h>

enum { ARENA_BYTES_MAX = 1024 * 1024, STEPS_MAX = 20000, HEAD_BYTES = 2, PEOPLE = 2, LEAVES = 3 };

struct facts {
    struct value slots[FACT_COUNT];
    struct value words[2];
    struct value map[4];
    struct value leaves[PEOPLE][2 * LEAVES];
    struct value people[PEOPLE];
};

static struct value text(const char *word) { return value_string(span_str(word)); }

static void fill(struct facts *facts) {
    facts->words[0] = text("a");
    facts->words[1] = text("\xc3\xa9t\xc3\xa9");
    facts->map[0] = text("k");
    facts->map[1] = value_int(7);
    facts->map[2] = text("l");
    facts->map[3] = value_int(-1);
    for (int i = 0; i < PEOPLE; i++) {
        struct value *leaves = facts->leaves[i];
        leaves[0] = text("name");
        leaves[1] = text(i == 0 ? "ana" : "bo");
        leaves[2] = text("age");
        leaves[3] = value_int(17 + i);
        leaves[4] = text("adult");
        leaves[5] = value_bool(i == 1);
        facts->people[i] = value_map(leaves, LEAVES);
    }
    struct value *slots = facts->slots;
    slots[FACT_A] = value_bool(true);
    slots[FACT_B] = value_bool(false);
    slots[FACT_X] = value_int(3);
    slots[FACT_U] = value_uint(5);
    slots[FACT_D] = value_double(-1.5);
    slots[FACT_S] = text("air");
    slots[FACT_Y] = text("\xff\x01");
    slots[FACT_Y].kind = VAL_BYTES;
    slots[FACT_T] = (struct value){.kind = VAL_TIMESTAMP, .i = 1234567890, .len = 500000000};
    slots[FACT_P] = (struct value){.kind = VAL_DURATION, .i = 5400};
    slots[FACT_DAY] = value_date(18000);
    slots[FACT_WORD] = text("land");
    slots[FACT_WORDS] = value_list(facts->words, 2);
    slots[FACT_M] = value_map(facts->map, 2);
    slots[FACT_PEOPLE] = value_list(facts->people, PEOPLE);
    slots[FACT_ANY] = value_uint(9);
}

static void hide(struct facts *facts, uint32_t mask) {
    for (uint16_t i = 0; i < FACT_COUNT; i++) {
        if ((mask >> i & 1) != 0) {
            facts->slots[i] = value_unknown(i);
        }
    }
    /* The last bit hides leaves of a list that itself is known. */
    if ((mask >> FACT_COUNT & 1) != 0) {
        facts->leaves[0][3] = value_unknown(FACT_AGE);
        facts->leaves[1][5] = value_unknown(FACT_ADULT);
    }
}

static bool is_spent(struct value value) {
    return value.kind == VAL_ERROR &&
           (value.aux == CEL_ERROR_STEPS || value.aux == CEL_ERROR_MEMORY);
}

/* Runs in a fresh arena and prints the result; an error is an error, whichever. */
static struct value run(const struct cel_env *env, const struct cel_program *program,
                        const struct facts *facts, struct buf *printed) {
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct cel_run run;
    cel_run_init(&run, env, &arena);
    run.steps_max = STEPS_MAX;
    cel_run_begin(&run, facts->slots);
    struct value value = cel_run(&run, program);
    if (value.kind == VAL_ERROR) {
        CHECK(value.aux > CEL_ERROR_NONE && value.aux <= CEL_ERROR_NO_VALUE);
        buf_str(printed, "error");
    } else {
        cel_value_print(value, printed);
    }
    if (value.kind == VAL_UNKNOWN) {
        struct path_set paths = {0};
        value_unknown_paths(value, &paths);
        CHECK(!path_set_is_empty(&paths));
    }
    cel_run_fini(&run);
    arena_free(&arena);
    return value;
}

static void run_three_times(const struct cel_env *env, const struct cel_program *program,
                            uint32_t mask) {
    struct facts facts;
    struct buf hidden = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    struct buf shown = BUF_EMPTY;
    fill(&facts);
    hide(&facts, mask);
    struct value first = run(env, program, &facts, &hidden);
    struct value second = run(env, program, &facts, &again);
    CHECK(first.kind == second.kind);
    CHECK(span_eq(buf_span(&hidden), buf_span(&again)));
    fill(&facts);
    struct value third = run(env, program, &facts, &shown);
    CHECK(third.kind != VAL_UNKNOWN);
    if (first.kind != VAL_UNKNOWN && !is_spent(first) && !is_spent(third)) {
        /* A list that is known may still hold leaves that are not. */
        bool has_leaves = (mask >> FACT_COUNT & 1) != 0;
        CHECK(has_leaves || span_eq(buf_span(&hidden), buf_span(&shown)));
        CHECK(first.kind == third.kind);
    }
    buf_free(&hidden);
    buf_free(&again);
    buf_free(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len < HEAD_BYTES) {
        return 0;
    }
    uint32_t mask = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    struct cel_env *env = fuzz_cel_env();
    /* Which facts are hidden is drawn from all bits, so one of them can serve twice. */
    cel_env_unchecked(env, (bytes[0] & 1) != 0);
    struct cel_program *program = NULL;
    struct diag diag = {0};
    struct span source = span_make(bytes + HEAD_BYTES, len - HEAD_BYTES);
    if (cel_compile(env, source, NULL, &program, &diag) == ERR_OK) {
        run_three_times(env, program, mask);
    } else {
        fuzz_cel_refused(&diag, source);
    }
    cel_program_free(&program);
    cel_env_free(&env);
    return 0;
}
