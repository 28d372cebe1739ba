/* Parser, checker and compiler: any bytes become a program whose type can be printed, or are
 * refused with a place; queries about a program never fail. */
#include "fuzz_cel.h"

enum { USES_MAX = 64 };

static void ask(const struct cel_program *program, struct span source) {
    struct buf text = BUF_EMPTY;
    cel_type_print(cel_program_type(program), &text);
    CHECK(text.len > 0);
    buf_free(&text);
    struct cel_use uses[USES_MAX];
    uint32_t count = cel_program_uses(program, uses, USES_MAX);
    CHECK(count <= FACT_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(uses[i].slot < FACT_COUNT);
        CHECK(uses[i].plain || uses[i].negated);
    }
    CHECK(cel_program_cost(program) > 0);
    struct diag diag = {0};
    if (cel_program_lint(program, &diag) != ERR_OK) {
        fuzz_cel_refused(&diag, source);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct span source = span_make(bytes, len);
    struct cel_env *env = fuzz_cel_env();
    struct cel_program *program = NULL;
    struct diag diag = {0};
    if (cel_compile(env, source, NULL, &program, &diag) == ERR_OK) {
        ask(program, source);
        cel_program_free(&program);
        /* What the checker lets pass is also a program where nothing is checked. */
        cel_env_unchecked(env, true);
        CHECK(cel_compile(env, source, NULL, &program, &diag) == ERR_OK);
        cel_program_free(&program);
    } else {
        CHECK(program == NULL);
        fuzz_cel_refused(&diag, source);
    }
    cel_env_free(&env);
    return 0;
}
