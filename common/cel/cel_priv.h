/* Purpose: shared by the files of cel/: types, declarations, programs and their nodes. */
#ifndef CASEMILL_CEL_CEL_PRIV_H
#define CASEMILL_CEL_CEL_PRIV_H

#include "cel/ast.h"
#include "cel/cel.h"

/* The element type of [] until something else decides it; joins with every type. */
enum { CEL_KIND_BOTTOM = CEL_RECORD + 1, CEL_SCALARS = CEL_TYPE + 1 };

struct cel_type {
    unsigned kind; /* enum cel_kind or CEL_KIND_BOTTOM */
    const struct cel_type *key;
    const struct cel_type *element; /* of a list or optional; value of a map; NULL or of a type */
    const char *const *words;
    uint32_t count; /* words or fields */
    const struct cel_field *fields;
    struct cel_type *next;
};

enum declaration_kind { DECLARED_SLOT, DECLARED_CONST, DECLARED_EXPR };

struct declaration {
    struct span name;
    enum declaration_kind kind;
    uint16_t slot;
    uint32_t memo; /* DECLARED_EXPR: index */
    const struct cel_type *type;
    struct value value; /* DECLARED_CONST */
    const struct cel_program *program;
    struct declaration *next;
};

struct cel_env {
    struct arena arena; /* types, declarations, constants */
    struct cel_type *types;
    const struct cel_type *scalars[CEL_SCALARS];
    const struct cel_type *bottom;
    struct declaration *declarations;
    uint32_t memo_count;
    struct span container;
    bool unchecked;
    uint32_t items_max;
};

/* Types (types.c).  type_join is the type both fit in, or NULL; DYN and BOTTOM join with all. */
const struct cel_type *type_optional(struct cel_env *env, const struct cel_type *element);
const struct cel_type *type_join(struct cel_env *env, const struct cel_type *a,
                                 const struct cel_type *b);
const struct cel_type *type_settle(struct cel_env *env, const struct cel_type *type);
bool type_is_open(const struct cel_type *type); /* DYN or BOTTOM */
const struct cel_field *type_field(const struct cel_type *record, struct span name);
bool type_has_word(const struct cel_type *type, struct span word);
/* type_of_name: the value and the type of a name like int or list. */
bool type_of_name(struct cel_env *env, struct span name, struct value *value,
                  const struct cel_type **type);
const struct cel_type *type_of_type(struct cel_env *env, const struct cel_type *of);
struct value value_type(struct value value); /* the type value of a known value */

/* Declarations (env.c). */
/* env_resolve looks a dotted name up through the container; rooted names outside it only. */
const struct declaration *env_resolve(const struct cel_env *env, struct span name, bool rooted);

/* Functions (functions.h): operators and functions alike; all strict.  An overload is its argument
 * types, a colon and its result type; a space separates overloads.  Types: b i u d s y(bytes)
 * t(timestamp or date) D(date) p(duration) n T(type) N(number) *(anything, dyn as a result).  A B
 * variables, L list of, M map of two, O optional of; as a result TA is the type of A. */
typedef struct value (*call_fn)(struct cel_run *run, const struct value *args, uint32_t count);
struct function {
    const char *name;
    bool member;
    const char *overloads;
    call_fn call;
};
const struct function *function_table(uint32_t *count);

/* Checking (check.c, check_call.c, check_format.c; check_report.c is what they share). */
enum { CEL_LOCALS_MAX = 32, CEL_NAMED_MAX = 32 };
struct scope {
    struct span name;
    const struct cel_type *type;
};
struct checker {
    struct cel_env *env;
    struct parse *parse;
    struct scope scopes[CEL_LOCALS_MAX];
    int local_count;
};
/* check_ast types a tree and resolves its names; a failure is in parse. */
void check_ast(struct checker *checker, struct ast *ast);
void check_call(struct checker *checker, struct ast *ast);
void check_report(struct checker *checker, struct ast *ast, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* check_report_unknown reports an unknown name, with the nearest one that was offered. */
struct suggest;
void check_report_unknown(struct checker *checker, struct ast *ast, const char *what,
                          const struct suggest *suggest);
/* check_words checks literals under ast against the vocabulary in type, if it has one. */
void check_words(struct checker *checker, const struct cel_type *type, const struct ast *ast);
/* check_point_at_name narrows the location of a node to its name in the source. */
void check_point_at_name(const struct checker *checker, struct ast *ast);
const struct cel_type *check_dyn(struct checker *checker);
/* check_format checks a literal format against the types of a literal list of arguments. */
void check_format(struct checker *checker, struct ast *ast);

/* Programs (compile.c). */
struct node;
typedef struct value node_fn(struct cel_run *run, const struct node *node);
/* The value of a condition; with CEL_OTHER run->result holds it, and it is not a bool. */
typedef enum cel_truth truth_fn(struct cel_run *run, const struct node *node);
enum shortcut_cell { CELL_SLOT, CELL_LOCAL, CELL_FIELD };
/* A text as its length and two machine words, which hold up to 16 bytes. */
struct word {
    uint64_t head;
    uint64_t tail;
    const char *text;
    uint32_t len;
};
/* Open addressing, at most half full; an empty slot has the length WORD_FREE. */
struct word_set {
    uint32_t mask;
    struct word words[];
};
/* The shortcut of a node that tests one fact, see shortcut_run.h; its run covers every case. */
enum shortcut_op {
    SHORTCUT_NONE, /* no shortcut: only truth evaluates the node */
    SHORTCUT_BOOL,
    SHORTCUT_TEXT,
    SHORTCUT_WORDS,
    SHORTCUT_HOLDS,
    SHORTCUT_ORDER,
    SHORTCUT_ORDER_SLOTS
};
struct shortcut {
    truth_fn *truth; /* of the node, whatever it is */
    uint8_t op;      /* enum shortcut_op */
    uint8_t cell;    /* enum shortcut_cell: where the fact is */
    uint8_t orders;  /* ORDER_LESS and so on joined */
    bool wanted;     /* the test's result that makes the node true */
    uint32_t at;     /* slot or local */
    uint32_t field;  /* CELL_FIELD: its index in the record */
    uint32_t other;  /* the second slot, if any */
    uint32_t mark;   /* value_mark of the text as a word of the fact's vocabulary; 0: is none */
    const uint64_t *numbers; /* bits of the words as numbers of the vocabulary; NULL: has none */
    bool few;                /* they fit into the first 64 */
    struct value limit;      /* of an order */
    struct word word;
    const struct word_set *set;
};
/* An operand of && or || in its chain.  run gives the result of the chain from this step on.  It
 * ends with a call of the next step's run, so a chain is one jump per step. */
/* An unknown or an error, as two words that stay in registers. */
struct cause {
    uint64_t head;
    uint64_t body;
};
struct step;
typedef enum cel_truth step_fn(struct cel_run *run, const struct step *step,
                               const struct value *base, struct cause cause);
struct step {
    step_fn *run;
    const struct node *node; /* NULL at the end of the chain */
    union {
        uint32_t mark;             /* SHORTCUT_TEXT, SHORTCUT_HOLDS */
        uint32_t other;            /* SHORTCUT_ORDER_SLOTS */
        const struct value *limit; /* SHORTCUT_ORDER */
        const uint64_t *numbers;   /* SHORTCUT_WORDS */
        uint64_t few;              /* SHORTCUT_WORDS of at most 64 words */
    };
    uint32_t at; /* slot, or in a record's items */
    uint8_t orders;
    bool pass;    /* the test's result that continues the chain */
    uint8_t ends; /* enum cel_truth: the chain's result if it does not continue; at the last step,
                     the result */
};
step_fn step_bool, step_text, step_few, step_words, step_holds, step_order, step_order_slots;
step_fn step_node, step_last;
/* shortcut_choose gives a node its shortcut, if it has one; false when the arena is full. */
bool shortcut_choose(struct cel_program *program, struct node *node);
/* chain_choose gives && and || their steps once their operands are compiled. */
bool chain_choose(struct cel_program *program, struct node *node);

struct node {
    node_fn *run;
    struct shortcut shortcut;
    const struct cel_type *type;
    const struct node *const *args;
    uint32_t count;
    uint32_t index; /* slot, local, memo or field number; local whose record a chain is about */
    struct value value;
    struct span name; /* field */
    call_fn call;
    const bool *flags;
    const struct step *steps; /* of && and ||, one per operand and a last */
    bool of_record;           /* the steps read one local's record, not slots */
    const void *data;         /* program of a named expression, regex */
};
struct cel_program {
    struct arena arena;
    const struct cel_env *env;
    const struct node *root;
    const struct cel_type *type;
    struct cel_use *uses;
    uint32_t use_count;
    bool walks;       /* some node keeps variables of its own */
    uint32_t nesting; /* named expressions below it, at most CEL_NAMED_MAX deep */
    uint64_t cost;
    struct cel_warning *warnings;
    uint32_t warning_count;
    const char *lint; /* NULL, or the fault at lint_offset, lint_width */
    uint32_t lint_offset;
    uint32_t lint_width;
    enum cel_error part_error; /* of the first part that is always an error; CEL_ERROR_NONE */
    bool part_is_instant;      /* it is a timestamp() of a text */
    uint32_t part_offset;
    uint32_t part_width;
    struct regex **regexes; /* compiled from constant patterns */
    uint32_t regex_count;
    struct zone **zones; /* read for constant names */
    uint32_t zone_count;
};
/* cost_of is the estimate of cel_program_cost for a node and what is below it. */
uint64_t cost_of(const struct node *node, uint32_t items_max);
/* uses_collect fills uses and use_count from a checked tree; false when the arena is full. */
bool uses_collect(struct cel_program *program, const struct ast *ast);
/* ast_reads_fact is true when the value depends on a fact: by slot, named expression or loop
 * variable. */
bool ast_reads_fact(const struct ast *ast);
/* warnings_collect fills warnings from a checked tree; false when the arena is full. */
bool warnings_collect(struct cel_program *program, const struct ast *ast);

static inline struct value node_eval(struct cel_run *run, const struct node *node) {
    return node->run(run, node);
}

/* truth_eval is node_eval for conditions; it uses the shortcut if there is one. */
static inline enum cel_truth truth_eval(struct cel_run *run, const struct node *node) {
    return node->shortcut.truth(run, node);
}
static inline struct value truth_value(const struct cel_run *run, enum cel_truth truth) {
    return truth == CEL_OTHER ? run->result : value_bool(truth == CEL_YES);
}
truth_fn truth_of_run, truth_of_chain, truth_of_shortcut;

/* Nodes: run.c, run_fast.c, run_chain.c, run_fold.c; ops_time.c and ops_optional.c. */
enum { EQUAL_REFUSED, EQUAL_WANTED };
enum { ORDER_LESS = 1, ORDER_SAME = 2, ORDER_GREATER = 4 };
node_fn node_const, node_slot, node_local, node_named, node_call, node_call2, node_regex;
node_fn node_not, node_cond, node_select, node_select_optional, node_has, node_index;
node_fn node_index_optional;
node_fn node_equal, node_order, node_in;
node_fn node_and, node_or;
node_fn node_list, node_map, node_all, node_exists, node_exists_one, node_fold_list, node_fold_map;
node_fn node_bind, node_opt_map, node_opt_flat_map;
node_fn node_zoned, node_or_else;

/* Values at run time (values.c). */
static inline struct value value_error(enum cel_error error) {
    return (struct value){.kind = VAL_ERROR, .aux = (uint16_t)error};
}
static inline bool value_is_fault(struct value value) { return value.kind >= VAL_UNKNOWN; }
/* values_fault_join is the fault of a strict operation with one or two faults: an error before an
 * unknown, the union of two unknowns.  absorb_join: an unknown before an error, as in && and ||. */
struct value values_fault_join(struct cel_run *run, struct value a, struct value b);
struct value absorb_join(struct cel_run *run, struct value a, struct value b);
/* run_spend counts work; false when the run has used up its steps. */
static inline bool run_spend(struct cel_run *run, uint64_t steps) {
    run->steps += steps;
    return run->steps <= run->steps_max;
}
void *run_alloc(struct cel_run *run, size_t count, size_t bytes); /* NULL: CEL_ERROR_MEMORY */
struct value value_text(struct cel_run *run, struct span text);   /* copies */
struct value value_some(struct cel_run *run, struct value value);
static inline struct value value_none(void) { return (struct value){.kind = VAL_OPTIONAL}; }
/* Texts of numbers and times (print.c), for printing and for conversion to string. */
void print_double(double value, struct buf *out); /* shortest text that reads back the same */
void print_timestamp(struct value value, struct buf *out); /* RFC 3339 in UTC */
void print_duration(struct value value, struct buf *out);  /* seconds: "1.5s" */
/* Equality of values whose parts may be unknown: a bool or an unknown. */
struct value values_equal(struct cel_run *run, struct value a, struct value b);
/* values_order: -1, 0, 1 in *order; false when the two have no order. */
bool values_order(struct value a, struct value b, int *order, bool *unordered);
/* map_find: the value under key, or false. */
bool map_find(struct value map, struct value key, struct value *found);
bool value_is_zero(struct value value);
/* A value that is neither a bool nor a fault is an error in logic. */
static inline struct value as_logic(struct value value) {
    return value.kind == VAL_BOOL || value_is_fault(value)
               ? value
               : value_error(CEL_ERROR_NO_SUCH_OVERLOAD);
}

#endif
