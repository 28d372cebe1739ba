/* Purpose: CEL (Common Expression Language) conditions: parse, check, compile, run, with unknowns
 * and errors as values.  It needs only base and RE2. Threads: an env is used by one thread while it
 * is built; programs are immutable and may be run by many threads, each with its own struct
 * cel_run. Limits: expression 16 KiB, nesting 64, steps and arena of a run as given in cel_run. */
#ifndef CASEMILL_CEL_CEL_H
#define CASEMILL_CEL_CEL_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/value.h"

struct cel_env;
struct cel_program;
struct cel_type; /* interned by the env; compare by pointer */

/* Types.  CEL_DATE is a timestamp at run time, its own type to the checker. */
enum cel_kind {
    CEL_DYN,
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_DATE,
    CEL_TYPE,
    CEL_LIST,
    CEL_MAP,
    CEL_OPTIONAL,
    CEL_RECORD
};
struct cel_env *cel_env_new(void);
void cel_env_free(struct cel_env **env); /* programs made from it must be freed before */
const struct cel_type *cel_type(struct cel_env *env, enum cel_kind scalar);
const struct cel_type *cel_type_list(struct cel_env *env, const struct cel_type *element);
const struct cel_type *cel_type_map(struct cel_env *env, const struct cel_type *key,
                                    const struct cel_type *value);
/* cel_type_words is a string type with a closed vocabulary (borrowed).  Comparing it with a literal
 * that is no word of it is a check error, which names the nearest word. */
const struct cel_type *cel_type_words(struct cel_env *env, const char *const *words,
                                      uint32_t count);
struct cel_field {
    const char *name;
    const struct cel_type *type;
};
/* A record is a map with fixed string keys at run time; an unknown field name is a check error. */
const struct cel_type *cel_type_record(struct cel_env *env, const struct cel_field *fields,
                                       uint32_t count);

/* cel_env_container sets the container of names, as in CEL: within "a.b" the name x means a.b.x,
 * then a.x, then x.  "" is the default. */
void cel_env_container(struct cel_env *env, const char *container);
/* cel_env_unchecked turns type errors and unknown names into errors of the run, which && and || may
 * absorb; for conformance tests of the evaluator, not for rules. */
void cel_env_unchecked(struct cel_env *env, bool unchecked);

/* cel_is_reserved is true for a word that can never name a value. */
bool cel_is_reserved(struct span name);

/* cel_env_items sets the largest number of elements of a list or map of the facts, for
 * cel_program_cost of programs compiled afterwards; 1024 by default. */
void cel_env_items(struct cel_env *env, uint32_t items_max);

/* Names may be dotted ("minor_ctx.accompanied"): the longest declared prefix wins, as in CEL.
 * Errors: ERR_CONFLICT the name is taken; ERR_INVALID not an identifier; ERR_TOO_LARGE;
 * ERR_TOO_DEEP a chain of named expressions.  Names are copied. */
MUST_USE enum err cel_declare_slot(struct cel_env *env, const char *name,
                                   const struct cel_type *type, uint16_t slot, struct diag *diag);
MUST_USE enum err cel_declare_const(struct cel_env *env, const char *name,
                                    const struct cel_type *type, struct value value,
                                    struct diag *diag); /* value is deep-copied */
/* A named expression: compiled once, evaluated when first needed in a run, then remembered.  The
 * program is borrowed until the env is freed, and must have been made from this env. */
MUST_USE enum err cel_declare_expr(struct cel_env *env, const char *name,
                                   const struct cel_program *program, struct diag *diag);

/* cel_compile parses, checks and compiles.  expect: NULL or the type the result must have.
 * Errors: ERR_INVALID etc.; diag->offset and diag->width give the location in the expression, the
 * text what was expected and the nearest known name. */
MUST_USE enum err cel_compile(struct cel_env *env, struct span source,
                              const struct cel_type *expect, struct cel_program **program,
                              struct diag *diag);
void cel_program_free(struct cel_program **program);
const struct cel_type *cel_program_type(const struct cel_program *program);
void cel_type_print(const struct cel_type *type, struct buf *out);

/* The slots that a program reads, also through named expressions.  plain / negated: the polarity of
 * each occurrence of the slot (a `!`, `!=`, or the other side of an implication flips it; a
 * ternary's condition counts as both). */
struct cel_use {
    uint16_t slot;
    bool plain;
    bool negated;
};
/* cel_program_uses writes at most max uses and returns how many there are. */
uint32_t cel_program_uses(const struct cel_program *program, struct cel_use *uses, uint32_t max);

/* cel_program_lint finds faults that the language allows but a rule must not have: has() on a fact,
 * an invalid regular expression, a condition that is always an error.
 * Errors: ERR_INVALID with the location. */
MUST_USE enum err cel_program_lint(const struct cel_program *program, struct diag *diag);
/* cel_program_lint_parts finds a part that is an error for all facts, for example
 * timestamp("2019-11-19"), where && or || does not remove it.  Errors: ERR_INVALID with the
 * location.
 */
MUST_USE enum err cel_program_lint_parts(const struct cel_program *program, struct diag *diag);
/* Warnings, from left to right: a walk over records that a single unknown leaf makes unknown, or an
 * operation on facts that may be an error. */
struct cel_warning {
    uint32_t offset, width; /* in the expression */
    const char *text;
    const char *hint; /* what to write instead */
};
/* cel_program_warning gives warning `index`, counted from 0; false after the last. */
bool cel_program_warning(const struct cel_program *program, uint32_t index,
                         struct cel_warning *warning);
/* cel_program_constant is true when the program has the same value for all facts. */
bool cel_program_constant(const struct cel_program *program, struct value *value);
/* cel_program_same is true only if the two programs give the same result on the same slots (while
 * memory and steps last).  Their envs may differ.  It may be false for equal programs. */
bool cel_program_same(const struct cel_program *a, const struct cel_program *b);
/* cel_program_cost is an upper bound of the nodes and elements that one run visits, so that
 * publishing finds slow rules.  A named expression counts each time it is read.  Lists and
 * maps of the facts count as items_max elements of the env.  UINT64_MAX: anything larger. */
uint64_t cel_program_cost(const struct cel_program *program);

enum cel_error {
    CEL_ERROR_NONE,
    CEL_ERROR_DIVISION_BY_ZERO,
    CEL_ERROR_OVERFLOW,
    CEL_ERROR_NO_SUCH_KEY,
    CEL_ERROR_NO_SUCH_OVERLOAD,
    CEL_ERROR_INDEX,
    CEL_ERROR_RANGE,
    CEL_ERROR_CONVERSION,
    CEL_ERROR_REGEX,
    CEL_ERROR_DUPLICATE_KEY,
    CEL_ERROR_STEPS,
    CEL_ERROR_MEMORY,
    CEL_ERROR_ARGUMENT,
    CEL_ERROR_NO_VALUE
};
const char *cel_error_name(enum cel_error error); /* "division_by_zero" */

enum { CEL_STEPS_MAX = 1000 * 1000 };

/* One run's state: reused from case to case. */
struct cel_run {
    const struct value *slots; /* set by the caller before each case */
    struct arena *arena;       /* borrowed; the caller resets it between cases */
    uint64_t steps_max;        /* 0: the default, CEL_STEPS_MAX */
    /* private to cel/ below */
    uint64_t steps;
    struct value *memo;   /* of named expressions */
    struct value *locals; /* variables of the program that runs */
    struct value result;  /* of a condition that is no bool */
    uint32_t memo_count;
    struct zone_cache *zones; /* zones whose names are no constants */
};
void cel_run_init(struct cel_run *run, const struct cel_env *env, struct arena *arena);
void cel_run_fini(struct cel_run *run);
/* cel_run_begin clears the cached named expressions: call it whenever slots change. */
void cel_run_begin(struct cel_run *run, const struct value *slots);
/* cel_run evaluates; the result may be VAL_UNKNOWN (with its paths) or VAL_ERROR (aux: enum
 * cel_error). Result payloads live in the program, the slots or the run's arena. */
struct value cel_run(struct cel_run *run, const struct cel_program *program);
/* cel_run_truth evaluates a condition: *other is set when it is neither true nor false. */
enum cel_truth { CEL_NO, CEL_YES, CEL_OTHER };
enum cel_truth cel_run_truth(struct cel_run *run, const struct cel_program *program,
                             struct value *other);

/* cel_disassemble writes one line per node, operands indented under it, for people: it shows what
 * was folded, and its form may change. */
void cel_disassemble(const struct cel_program *program, struct buf *out);

/* cel_value_print writes a value as a CEL literal. */
void cel_value_print(struct value value, struct buf *out);
bool cel_value_equal(struct value a, struct value b); /* CEL equality of two known values */

#endif
