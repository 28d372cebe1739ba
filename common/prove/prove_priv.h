/* Purpose: shared by the files of prove/: terms of the solver, facts as terms, and conditions and
 * findings over them.  Order of a proof: space_open.c -> translate.c (with lists.c, calls.c,
 * dates.c) -> finding.c -> property.c (with counter.c).  This is the only header that includes
 * z3.h, and the only place outside cel/ and rules/ that reads their private forms: a proof is about
 * the compiled conditions that the evaluator runs, not about a second reading of the document.
 * Ownership: terms live as long as the space's context; all else in its arena. */
#ifndef CASEMILL_PROVE_PROVE_PRIV_H
#define CASEMILL_PROVE_PROVE_PRIV_H

#include "cel/cel_priv.h"
#include "cel/functions.h"
#include "prove/prove.h"
#include "rules/rules_priv.h"

#include <z3.h>

typedef Z3_ast term;

enum {
    RECORDS_MAX = 16,      /* records of one list in a proof */
    TRIES_MAX = 1024,      /* combinations of values that settle may try */
    INSTANCES_MAX = 64,    /* different conditions over the records of one list */
    UNTRANSLATED_MAX = 16, /* names that are listed */
};
#define SPACE_ARENA_BYTES_MAX ((size_t)256 << 20)

/* A value over all cases.  err, unk and the value exclude each other; officers' facts alone make it
 * unknown when unk holds and intake does not. */
enum sym_kind {
    SYM_UNTRANSLATED, /* its name is in the space */
    SYM_FAULT,        /* never a value */
    SYM_BOOL,         /* a */
    SYM_INT,          /* a; items[2]: it is the days between two dates */
    SYM_WORD,         /* a: the text's number in the space */
    SYM_DATE,         /* a, b, c: year, month, day */
    SYM_CONST,        /* value: a list or map that is the same in all cases */
    SYM_ITEMS,        /* items[count]: a list whose elements are terms */
    SYM_FACT,         /* cell: a list or map of the case */
    SYM_RECORD,       /* items[count]: the fields of record */
    SYM_OPTIONAL      /* a: it holds items[0] */
};
struct cell;
struct sym {
    enum sym_kind kind;
    term err, unk, intake;
    term a, b, c;
    struct value value;
    struct cell *cell;
    const struct fact *record;
    const struct sym *items;
    uint32_t count;
};

/* A fact of the case as terms.  Members, entries and records are made when a condition first asks
 * for them; space_close then states what a case may hold. */
struct member {
    uint32_t word;
    term is_in;
};
struct entry {
    struct span key;
    term is_in;
    struct sym value;
};
struct record {
    term is_in;
    struct sym sym;
};
struct cell {
    const struct fact *fact;
    struct sym sym;
    struct member *members;
    uint32_t member_count, member_cap;
    struct entry *entries;
    uint32_t entry_count, entry_cap;
    struct record *records;
    uint32_t record_count;
    term other; /* a list of words holds a word that is no member */
    term size;  /* of a list */
    bool is_sized;
    struct sym instances[INSTANCES_MAX]; /* conditions over a record, without repetition */
    uint32_t instance_count;
};

struct space {
    struct arena arena;
    Z3_context z3;
    Z3_sort bools, ints;
    term yes, no;
    const struct ruleset *ruleset;
    const struct schema *schema;
    struct span *words; /* texts that conditions or vocabularies name, by number */
    uint32_t word_count, word_cap;
    struct cell *cells;            /* by slot */
    struct sym *slots;             /* schema's, then the extra ones, without EXTRA_IN_FORCE_ON */
    const uint32_t *record_counts; /* by slot; how many records of a list a proof needs */
    term *domain;
    uint32_t domain_count, domain_cap;
    struct prove_names *untranslated; /* borrowed */
};

/* term.c: builders that fold constants. */
term term_and(struct space *space, term a, term b);
term term_or(struct space *space, term a, term b);
term term_not(struct space *space, term a);
term term_if(struct space *space, term condition, term yes, term no);
term term_equal(struct space *space, term a, term b);
term term_less(struct space *space, term a, term b);       /* of ints */
term term_less_equal(struct space *space, term a, term b); /* of ints */
term term_int(struct space *space, int64_t value);
term term_add(struct space *space, term a, term b);
term term_subtract(struct space *space, term a, term b);
term term_times(struct space *space, term a, int64_t b);
term term_fresh(struct space *space, const char *name, Z3_sort sort);
bool term_number(struct space *space, term a, int64_t *value); /* false: it is no constant */

/* space.c */
void space_open(struct space *space, const struct ruleset *ruleset, const uint32_t *record_counts,
                struct prove_names *untranslated);
/* space_close states what a case may hold; call it after the last translation. */
void space_close(struct space *space);
void space_free(struct space *space);
void *space_take(struct space *space, size_t count, size_t bytes);
void space_state(struct space *space, term fact); /* holds in every case */
uint32_t space_word(struct space *space, struct span text);
/* names_add adds "SUBJECT: WHAT" once. */
void prove_names_add(struct prove_names *names, const char *subject, const char *what);

/* cells.c: the terms of facts. */
term cell_member(struct space *space, struct cell *cell, uint32_t word);
struct entry *cell_entry(struct space *space, struct cell *cell, struct span key);
term cell_size(struct space *space, struct cell *cell);
void cell_open(struct space *space, struct cell *cell, const struct fact *fact, uint32_t records);
void cell_close(struct space *space, struct cell *cell);

/* dates.c.  A date is (year, month, day), compared in this order. */
void date_domain(struct space *space, const struct sym *date);
struct sym date_const(struct space *space, int32_t days);
term date_less(struct space *space, const struct sym *a, const struct sym *b);
term date_equal(struct space *space, const struct sym *a, const struct sym *b);
/* date_days is days(a, b).  date_is_near: it is compared with a constant of at most DAYS_NEAR_MAX
 * days; then date_days_less and date_days_equal compare dates alone. */
enum { DAYS_NEAR_MAX = 62 };
struct sym date_days(struct space *space, const struct sym *a, const struct sym *b);
bool date_is_near(struct space *space, const struct sym *days, const struct sym *other,
                  int64_t *count);
term date_days_less(struct space *space, const struct sym *days, int64_t count);
term date_days_equal(struct space *space, const struct sym *days, int64_t count);
term date_count_years(struct space *space, const struct sym *a, const struct sym *b);
term date_count_months(struct space *space, const struct sym *a, const struct sym *b);
struct sym date_plus(struct space *space, const struct sym *date, term months, bool roll);

/* translate.c */
struct translation {
    struct space *space;
    const struct sym *slots; /* by slot, the extra ones too */
    const char *subject;     /* the rule, for what is not translated */
    struct sym locals[CEL_LOCALS_MAX];
    uint32_t depth; /* of conditions over records */
    struct sym (*node)(struct translation *translation, const struct node *node); /* of its parts */
};
struct sym translate_program(struct translation *translation, const struct cel_program *program);
static inline struct sym translate_unknown(struct translation *translation, const char *what) {
    prove_names_add(translation->space->untranslated, translation->subject, what);
    return (struct sym){.kind = SYM_UNTRANSLATED};
}
struct sym translate_quantifier(struct translation *translation, const struct node *node,
                                bool deciding);                                      /* lists.c */
struct sym translate_in(struct translation *translation, const struct node *node);   /* lists.c */
struct sym translate_call(struct translation *translation, const struct node *node); /* calls.c */

/* sym.c: values and their faults. */
struct sym sym_bool(struct space *space, term a);
struct sym sym_int(struct space *space, term a);
struct sym sym_error(struct space *space);
struct sym sym_of_value(struct space *space, struct value value);
term sym_is_value(struct space *space, const struct sym *sym);
/* sym_strict gives `made` the faults of a strict operation on a and b; its own faults count where
 * both are values. */
struct sym sym_strict(struct space *space, struct sym made, const struct sym *a,
                      const struct sym *b);
/* sym_choose is `yes` where the condition holds; untranslated when the two cannot be joined. */
struct sym sym_choose(struct space *space, term condition, const struct sym *yes,
                      const struct sym *no);
/* sym_equal is the equality of two values without their faults; NULL: not translated. */
term sym_equal(struct space *space, const struct sym *a, const struct sym *b);
/* An operand of a chain, that counts where `counts` holds. */
struct link {
    term counts;
    struct sym sym;
};
/* sym_chain is && (deciding false) or || (deciding true) of its links. */
struct sym sym_chain(struct space *space, const struct link *links, uint32_t count, bool deciding);

/* finding.c: for each number in the agreement's reason table, where the finding has it. */
struct rule_terms {
    term absent, is_true, unknown, intake, error;
};
struct finding_terms {
    term *reasons;
    struct rule_terms *rules; /* before settle */
};
void finding_translate(struct space *space, const struct agreement *agreement,
                       const struct sym *slots, struct finding_terms *finding);
struct sym status_in_force_on(struct space *space, const struct agreement *agreement); /* status */
void status_translate(struct space *space, const struct agreement *agreement,
                      term reasons[STATUS_REASON_COUNT]);

/* model.c */
/* model_to_case writes the facts that the space uses. */
void model_to_case(struct space *space, Z3_model model, struct value *slots,
                   int32_t *reference_date, int32_t *as_of);

/* counter.c: a case that refutes a property, under the evaluator. */
struct counter {
    const struct agreement *agreement;
    const struct property *property;
    struct agreement_run run;
    struct arena arena;
    struct value *slots; /* of the case; the run has its own */
    int32_t reference_date, as_of;
    struct finding finding; /* of the last counter_refutes */
};
void counter_open(struct counter *counter, const struct agreement *agreement,
                  const struct property *property);
void counter_close(struct counter *counter);
/* counter_refutes is true when the evaluator gives the case a finding that the property forbids. */
bool counter_refutes(struct counter *counter);
/* counter_shorten takes facts and days of the document's example where the case still refutes. */
void counter_shorten(struct counter *counter);
/* counter_print writes the case as a test of the document. */
void counter_print(const struct counter *counter, struct buf *out);

#endif
