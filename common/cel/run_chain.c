/* && and || as chains of steps.  A step whose fact has the declared kind decides at once whether
 * the chain continues.  It calls the next step as its last action, which compilers make a jump. The
 * node evaluates any other fact or operand.  The fault of the steps so far, an unknown or an error,
 * is passed in registers (head 0: none).  Rare cases are separate functions, so that the others can
 * use registers.  If a compiler makes no jump, the length of a source bounds the depth. */
#include "cel/shortcut_run.h"

#define UNKNOWN_ONE (UINT64_C(1) << 32)
#define UNKNOWN_HEAD (VAL_UNKNOWN + UNKNOWN_ONE)

static const struct cause no_cause = {0, 0};

static inline struct cause cause_of(struct value fault) {
    struct cause cause;
    memcpy(&cause, &fault, sizeof(cause));
    return cause;
}

static inline struct value cause_value(struct cause cause) {
    struct value fault;
    memcpy(&fault, &cause, sizeof(fault));
    return fault;
}

static inline enum cel_truth next(struct cel_run *run, const struct step *step,
                                  const struct value *base, struct cause cause) {
    step++;
    return step->run(run, step, base, cause);
}

static inline enum cel_truth go_on(struct cel_run *run, const struct step *step,
                                   const struct value *base, struct cause cause, bool holds) {
    return holds == step->pass ? next(run, step, base, cause) : (enum cel_truth)step->ends;
}

/* --- steps -------------------------------------------------------------------------------------
 */

enum cel_truth step_last(struct cel_run *run, const struct step *step, const struct value *base,
                         struct cause cause) {
    (void)base;
    if (cause.head == 0) {
        return (enum cel_truth)step->ends;
    }
    run->result = cause_value(cause);
    return CEL_OTHER;
}

static struct cause join_cause(struct cel_run *run, struct cause cause, struct value fault) {
    fault = as_logic(fault);
    return cause_of(cause.head == 0 ? fault : absorb_join(run, cause_value(cause), fault));
}

__attribute__((noinline)) enum cel_truth step_node(struct cel_run *run, const struct step *step,
                                                   const struct value *base, struct cause cause) {
    enum cel_truth truth = truth_eval(run, step->node);
    if (truth == step->ends) {
        return truth;
    }
    return next(run, step, base, truth == CEL_OTHER ? join_cause(run, cause, run->result) : cause);
}

__attribute__((noinline)) static enum cel_truth step_join(struct cel_run *run,
                                                          const struct step *step,
                                                          const struct value *base,
                                                          struct cause cause) {
    return next(run, step, base, join_cause(run, cause, base[step->at]));
}

/* The fact of a step does not have the declared kind: most often it is unknown.  Two such facts fit
 * into one value, see value_unknown_join. */
__attribute__((noinline)) static enum cel_truth step_fact(struct cel_run *run,
                                                          const struct step *step,
                                                          const struct value *base,
                                                          struct cause cause) {
    struct cause fact = cause_of(base[step->at]);
    if ((fact.head & UINT8_MAX) != VAL_UNKNOWN) {
        return step_node(run, step, base, cause);
    }
    if (cause.head == 0) {
        return next(run, step, base, fact);
    }
    if (cause.head != UNKNOWN_HEAD || fact.head != UNKNOWN_HEAD || cause.body == fact.body) {
        return step_join(run, step, base, cause);
    }
    cause.head = UNKNOWN_HEAD + UNKNOWN_ONE;
    cause.body |= fact.body << 16;
    return next(run, step, base, cause);
}

enum cel_truth step_bool(struct cel_run *run, const struct step *step, const struct value *base,
                         struct cause cause) {
    const struct value *fact = &base[step->at];
    return fact->kind == VAL_BOOL ? go_on(run, step, base, cause, fact->b)
                                  : step_fact(run, step, base, cause);
}

enum cel_truth step_text(struct cel_run *run, const struct step *step, const struct value *base,
                         struct cause cause) {
    uint32_t mark = value_mark(&base[step->at]);
    bool is_it = mark == step->mark;
    return is_it || mark_is_word(mark) ? go_on(run, step, base, cause, is_it)
                                       : step_fact(run, step, base, cause);
}

enum cel_truth step_few(struct cel_run *run, const struct step *step, const struct value *base,
                        struct cause cause) {
    uint32_t number = mark_number(value_mark(&base[step->at]));
    return number < 64 ? go_on(run, step, base, cause, (step->few >> number & 1) != 0)
                       : step_fact(run, step, base, cause);
}

enum cel_truth step_words(struct cel_run *run, const struct step *step, const struct value *base,
                          struct cause cause) {
    uint32_t number = mark_number(value_mark(&base[step->at]));
    return number < VALUE_WORDS_MAX
               ? go_on(run, step, base, cause, (step->numbers[number / 64] >> number % 64 & 1) != 0)
               : step_fact(run, step, base, cause);
}

enum cel_truth step_holds(struct cel_run *run, const struct step *step, const struct value *base,
                          struct cause cause) {
    const struct value *fact = &base[step->at];
    bool holds = false;
    bool is_decided =
        fact->kind == VAL_LIST && list_holds(fact, step->mark, &holds) && run_spend(run, fact->len);
    return is_decided ? go_on(run, step, base, cause, holds) : step_fact(run, step, base, cause);
}

enum cel_truth step_order(struct cel_run *run, const struct step *step, const struct value *base,
                          struct cause cause) {
    const struct value *fact = &base[step->at];
    return fact->kind == step->limit->kind
               ? go_on(run, step, base, cause, order_holds(fact, step->limit, step->orders))
               : step_fact(run, step, base, cause);
}

enum cel_truth step_order_slots(struct cel_run *run, const struct step *step,
                                const struct value *base, struct cause cause) {
    const struct value *a = &base[step->at];
    const struct value *b = &base[step->other];
    return has_order(a, b) ? go_on(run, step, base, cause, order_holds(a, b, step->orders))
                           : step_node(run, step, base, cause);
}

/* --- the chain ---------------------------------------------------------------------------------
 */

/* Without its base: each operand by its node. */
static enum cel_truth by_nodes(struct cel_run *run, const struct step *step) {
    struct cause cause = no_cause;
    for (; step->node != NULL; step++) {
        enum cel_truth truth = truth_eval(run, step->node);
        if (truth == step->ends) {
            return truth;
        }
        if (truth == CEL_OTHER) {
            cause = join_cause(run, cause, run->result);
        }
    }
    return step_last(run, step, NULL, cause);
}

enum cel_truth truth_of_chain(struct cel_run *run, const struct node *node) {
    const struct step *step = node->steps;
    if (!node->of_record) {
        return step->run(run, step, run->slots, no_cause);
    }
    const struct value *local = &run->locals[node->index];
    return value_mark(local) == MARK_OF_RECORD ? step->run(run, step, local->items, no_cause)
                                               : by_nodes(run, step);
}

struct value node_and(struct cel_run *run, const struct node *node) {
    return truth_value(run, truth_of_chain(run, node));
}

struct value node_or(struct cel_run *run, const struct node *node) {
    return truth_value(run, truth_of_chain(run, node));
}
