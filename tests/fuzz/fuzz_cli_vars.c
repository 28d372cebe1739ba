/* The file of `casemill cel --vars`: any bytes become names with values that the language can
 * use, or are refused in one line with a place or a name. An accepted value prints, equals
 * itself where CEL defines so, and can be read by an expression. */
#include "base/mem.h"
#include "cli/cel_vars.h"
#include "fuzz_file.h"

enum { RUN_BYTES_MAX = 64 << 20 };

/* Times of the language: years 1 to 9999; a duration is of any length that 64 bits of nanoseconds
 * or seconds can name. */
static void value_check(struct value value) {
    CHECK(value.kind <= VAL_UNKNOWN && value.kind != VAL_TYPE && value.kind != VAL_OPTIONAL);
    if (value.kind == VAL_TIMESTAMP) {
        CHECK(value.len < 1000000000);
        CHECK(value.i >= -62135596800 && value.i <= 253402300799);
    } else if (value.kind == VAL_DURATION) {
        int32_t nanos = (int32_t)value.len;
        CHECK(nanos > -1000000000 && nanos < 1000000000);
        CHECK(nanos == 0 || value.i == 0 || (nanos < 0) == (value.i < 0));
    }
    uint32_t parts = value.kind == VAL_LIST ? value.len : value.kind == VAL_MAP ? 2 * value.len : 0;
    for (uint32_t i = 0; i < parts; i++) {
        value_check(value.items[i]);
    }
}

static void name_check(struct cel_env *env, const struct cel_vars *vars, uint32_t i,
                       struct cel_run *run) {
    struct cel_program *program = NULL;
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    value_check(vars->slots[i]);
    CHECK(cel_compile(env, span_str(vars->names[i]), NULL, &program, &diag) == ERR_OK);
    struct value value = cel_run(run, program);
    cel_value_print(value, &out);
    CHECK(out.len > 0);
    CHECK(value.kind == vars->slots[i].kind);
    buf_free(&out);
    cel_program_free(&program);
}

static void vars_check(struct cel_env *env, const struct cel_vars *vars) {
    struct arena arena;
    struct cel_run run;
    CHECK(vars->count <= CEL_VARS_MAX);
    arena_init(&arena, RUN_BYTES_MAX);
    cel_run_init(&run, env, &arena);
    cel_run_begin(&run, vars->slots);
    for (uint32_t i = 0; i < vars->count; i++) {
        name_check(env, vars, i, &run);
    }
    cel_run_fini(&run);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct fuzz_file file;
    struct cel_vars *vars = mem_zero(1, sizeof(*vars));
    struct cel_env *env = cel_env_new();
    struct diag diag = {0};
    fuzz_file_fill(&file, span_make(bytes, len));
    cel_vars_init(vars);
    if (cel_vars_load(vars, env, file.path, &diag) == ERR_OK) {
        vars_check(env, vars);
    } else {
        CHECK(diag.text[0] != '\0' && strchr(diag.text, '\n') == NULL);
    }
    cel_vars_fini(vars);
    cel_env_free(&env);
    mem_free(vars);
    return 0;
}
