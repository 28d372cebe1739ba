/* The largest cost of a program, computed once from its nodes when it is compiled.  A body counts
 * once for each possible element, a named expression with its own cost. */
#include "cel/cel_priv.h"

static uint64_t plus(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

static uint64_t times(uint64_t a, uint64_t b) {
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static bool is_walk(const struct node *node) {
    return node->run == node_all || node->run == node_exists || node->run == node_exists_one ||
           node->run == node_fold_list || node->run == node_fold_map;
}

static uint64_t walk_cost(const struct node *node, uint32_t items_max) {
    const struct node *range = node->args[0];
    bool constant = range->run == node_const || range->run == node_list || range->run == node_map;
    uint64_t rounds = range->run == node_const ? range->value.len : range->count;
    rounds = constant ? rounds : items_max;
    uint64_t body = 1;
    for (uint32_t i = 1; i < node->count; i++) {
        body = plus(body, cost_of(node->args[i], items_max));
    }
    return plus(cost_of(range, items_max), times(rounds, body));
}

uint64_t cost_of(const struct node *node, uint32_t items_max) {
    if (is_walk(node)) {
        return walk_cost(node, items_max);
    }
    uint64_t cost = 1;
    for (uint32_t i = 0; i < node->count; i++) {
        cost = plus(cost, cost_of(node->args[i], items_max));
    }
    if (node->run == node_in || node->run == node_index || node->run == node_index_optional) {
        const struct node *range = node->args[node->run == node_in ? 1 : 0];
        cost = plus(cost, range->run == node_const ? range->value.len : items_max);
    } else if (node->run == node_named) {
        const struct cel_program *program = node->data;
        cost = plus(cost, program->cost);
    }
    return cost;
}

uint64_t cel_program_cost(const struct cel_program *program) { return program->cost; }
