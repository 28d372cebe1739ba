/* Purpose: an environment of the condition language with a few slots, and a run in it. */
#ifndef CASEMILL_TESTS_UNIT_CEL_FIXTURE_H
#define CASEMILL_TESTS_UNIT_CEL_FIXTURE_H

#include "cel/cel.h"

#include <check.h>

struct fixture {
    struct cel_env *env;
    struct arena arena;
    struct cel_run run;
    struct value slots[8];
};

static inline void teardown(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->arena);
    cel_env_free(&f->env);
}

static inline struct cel_program *compiled(struct fixture *f, const char *source) {
    struct cel_program *program = NULL;
    struct diag diag = {0};
    enum err err = cel_compile(f->env, span_str(source), NULL, &program, &diag);
    ck_assert_msg(err == ERR_OK, "%s: %zu: %s", source, diag.offset, diag.text);
    return program;
}

static inline struct value evaluated(struct fixture *f, const struct cel_program *program) {
    cel_run_fini(&f->run);
    arena_reset(&f->arena);
    cel_run_init(&f->run, f->env, &f->arena);
    cel_run_begin(&f->run, f->slots);
    return cel_run(&f->run, program);
}

#endif
