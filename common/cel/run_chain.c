/* && and || as chains of steps.  A step whose fact is of the kind declared says at once whether the
 * chain goes on, and calls the next one as its last act, which compilers make a jump.  Any other
 * fact, and any other operand, is its node's. */
#include "cel/run_test.h"

static inline enum truth go_on(struct cel_run *run, const struct step *step,
                               const struct value *base, bool holds) {
    if (holds != step->pass) {
        return (enum truth)step->ends;
    }
    step++;
    return step->run(run, step, base);
}

/* --- blame -------------------------------------------------------------------------------------
 */

/* Both say what the chain is that has a step which is no bool, and so depends on what is behind. */

/* run->result is what the step gave. */
static enum truth behind_fault(struct cel_run *run, const struct step *step,
                               const struct value *base) {
    struct value blamed = as_logic(run->result);
    enum truth truth = step[1].run(run, &step[1], base);
    if (truth == step->ends) {
        return truth;
    }
    run->result = truth == TRUTH_OTHER ? absorb_join(run, blamed, as_logic(run->result)) : blamed;
    return TRUTH_OTHER;
}

/* An unknown fact; where it is not the only one, the two most often fit into one value. */
__attribute__((noinline)) static enum truth
behind_unknown(struct cel_run *run, const struct step *step, const struct value *base) {
    enum truth truth = step[1].run(run, &step[1], base);
    if (truth == step->ends) {
        return truth;
    }
    struct value *result = &run->result;
    const struct value *fact = &base[step->at];
    if (truth != TRUTH_OTHER) {
        *result = *fact;
    } else if (result->kind == VAL_UNKNOWN && result->len == 1 && fact->len == 1) {
        result->len += result->u != fact->u ? 1 : 0; /* as value_unknown_join */
        result->u |= result->u != fact->u ? fact->u << 16 : 0;
    } else {
        *result = absorb_join(run, *fact, as_logic(*result));
    }
    return TRUTH_OTHER;
}

/* --- steps -------------------------------------------------------------------------------------
 */

enum truth step_last(struct cel_run *run, const struct step *step, const struct value *base) {
    (void)run;
    (void)base;
    return (enum truth)step->ends;
}

__attribute__((noinline)) enum truth step_node(struct cel_run *run, const struct step *step,
                                               const struct value *base) {
    enum truth truth = truth_eval(run, step->node);
    if (truth == TRUTH_OTHER) {
        return behind_fault(run, step, base);
    }
    return go_on(run, step, base, truth != step->ends ? step->pass : !step->pass);
}

/* The fact of a step is not of the kind declared. */
static inline enum truth step_fact(struct cel_run *run, const struct step *step,
                                   const struct value *base) {
    return base[step->at].kind == VAL_UNKNOWN ? behind_unknown(run, step, base)
                                              : step_node(run, step, base);
}

enum truth step_bool(struct cel_run *run, const struct step *step, const struct value *base) {
    const struct value *fact = &base[step->at];
    return fact->kind == VAL_BOOL ? go_on(run, step, base, fact->b) : step_fact(run, step, base);
}

enum truth step_text(struct cel_run *run, const struct step *step, const struct value *base) {
    uint32_t mark = value_mark(&base[step->at]);
    bool is_it = mark == step->mark;
    return is_it || mark_is_word(mark) ? go_on(run, step, base, is_it) : step_fact(run, step, base);
}

enum truth step_few(struct cel_run *run, const struct step *step, const struct value *base) {
    uint32_t number = mark_number(value_mark(&base[step->at]));
    return number < 64 ? go_on(run, step, base, (step->few >> number & 1) != 0)
                       : step_fact(run, step, base);
}

enum truth step_words(struct cel_run *run, const struct step *step, const struct value *base) {
    uint32_t number = mark_number(value_mark(&base[step->at]));
    return number < VALUE_WORDS_MAX
               ? go_on(run, step, base, (step->numbers[number / 64] >> number % 64 & 1) != 0)
               : step_fact(run, step, base);
}

enum truth step_holds(struct cel_run *run, const struct step *step, const struct value *base) {
    const struct value *fact = &base[step->at];
    bool holds = false;
    bool is_told =
        fact->kind == VAL_LIST && list_holds(fact, step->mark, &holds) && run_spend(run, fact->len);
    return is_told ? go_on(run, step, base, holds) : step_fact(run, step, base);
}

enum truth step_order(struct cel_run *run, const struct step *step, const struct value *base) {
    const struct value *fact = &base[step->at];
    return fact->kind == step->limit->kind
               ? go_on(run, step, base, order_holds(fact, step->limit, step->orders))
               : step_fact(run, step, base);
}

enum truth step_order_slots(struct cel_run *run, const struct step *step,
                            const struct value *base) {
    const struct value *a = &base[step->at];
    const struct value *b = &base[step->other];
    return has_order(a, b) ? go_on(run, step, base, order_holds(a, b, step->orders))
                           : step_node(run, step, base);
}

/* --- the chain ---------------------------------------------------------------------------------
 */

/* Without its base: each operand by its node. */
static enum truth by_nodes(struct cel_run *run, const struct step *step) {
    struct value blamed = value_null();
    for (; step->node != NULL; step++) {
        enum truth truth = truth_eval(run, step->node);
        if (truth == step->ends) {
            return truth;
        }
        if (truth == TRUTH_OTHER) {
            struct value result = as_logic(run->result);
            blamed = blamed.kind == VAL_NULL ? result : absorb_join(run, blamed, result);
        }
    }
    if (blamed.kind == VAL_NULL) {
        return (enum truth)step->ends;
    }
    run->result = blamed;
    return TRUTH_OTHER;
}

enum truth truth_of_chain(struct cel_run *run, const struct node *node) {
    const struct step *step = node->steps;
    if (!node->of_record) {
        return step->run(run, step, run->slots);
    }
    const struct value *local = &run->locals[node->index];
    return value_mark(local) == MARK_OF_RECORD ? step->run(run, step, local->items)
                                               : by_nodes(run, step);
}

struct value node_and(struct cel_run *run, const struct node *node) {
    return truth_value(run, truth_of_chain(run, node));
}

struct value node_or(struct cel_run *run, const struct node *node) {
    return truth_value(run, truth_of_chain(run, node));
}
