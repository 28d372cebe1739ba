/* The function that runs a node identifies its kind: this file has the only list of their names. */
#include "cel/cel_priv.h"

#include <inttypes.h>

/* A node's content without its operands. */
enum holds { HOLDS_NOTHING, HOLDS_VALUE, HOLDS_INDEX, HOLDS_NAME, HOLDS_FUNCTION };

struct node_word {
    node_fn *run;
    const char *word;
    enum holds holds;
};

static const struct node_word node_words[] = {
    {node_const, "const", HOLDS_VALUE},
    {node_slot, "slot", HOLDS_INDEX},
    {node_local, "local", HOLDS_INDEX},
    {node_named, "named", HOLDS_INDEX},
    {node_call, "call", HOLDS_FUNCTION},
    {node_call2, "call", HOLDS_FUNCTION},
    {node_equal, "equal", HOLDS_FUNCTION},
    {node_order, "order", HOLDS_FUNCTION},
    {node_in, "in", HOLDS_NOTHING},
    {node_regex, "matches", HOLDS_NOTHING},
    {node_zoned, "in_zone", HOLDS_FUNCTION},
    {node_or_else, "or_else", HOLDS_FUNCTION},
    {node_and, "and", HOLDS_NOTHING},
    {node_or, "or", HOLDS_NOTHING},
    {node_not, "not", HOLDS_NOTHING},
    {node_cond, "cond", HOLDS_NOTHING},
    {node_select, "select", HOLDS_NAME},
    {node_select_optional, "select?", HOLDS_NAME},
    {node_has, "has", HOLDS_NAME},
    {node_index, "index", HOLDS_NOTHING},
    {node_index_optional, "index?", HOLDS_NOTHING},
    {node_list, "list", HOLDS_NOTHING},
    {node_map, "map", HOLDS_NOTHING},
    {node_all, "all", HOLDS_INDEX},
    {node_exists, "exists", HOLDS_INDEX},
    {node_exists_one, "exists_one", HOLDS_INDEX},
    {node_fold_list, "fold_list", HOLDS_INDEX},
    {node_fold_map, "fold_map", HOLDS_INDEX},
    {node_bind, "bind", HOLDS_INDEX},
    {node_opt_map, "opt_map", HOLDS_INDEX},
    {node_opt_flat_map, "opt_flat_map", HOLDS_INDEX},
};

static const char *function_name(call_fn call) {
    uint32_t count = 0;
    const struct function *table = function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (table[i].call == call) {
            return table[i].name;
        }
    }
    return "?";
}

static void print_node(const struct node *node, int depth, struct buf *out) {
    const struct node_word *word = NULL;
    for (size_t i = 0; i < COUNT_OF(node_words) && word == NULL; i++) {
        word = node_words[i].run == node->run ? &node_words[i] : NULL;
    }
    buf_printf(out, "%*s%s", depth * 2, "", word == NULL ? "?" : word->word);
    enum holds holds = word == NULL ? HOLDS_NOTHING : word->holds;
    if (holds == HOLDS_VALUE) {
        buf_byte(out, ' ');
        cel_value_print(node->value, out);
    } else if (holds == HOLDS_INDEX) {
        buf_printf(out, " %" PRIu32, node->index);
    } else if (holds == HOLDS_NAME) {
        buf_printf(out, " %.*s", SPAN_ARG(node->name));
    } else if (holds == HOLDS_FUNCTION) {
        buf_printf(out, " %s", function_name(node->call));
    }
    buf_byte(out, '\n');
    /* The parser bounds the height of a tree, so this ends. */
    for (uint32_t i = 0; i < node->count; i++) {
        print_node(node->args[i], depth + 1, out);
    }
}

void cel_disassemble(const struct cel_program *program, struct buf *out) {
    print_node(program->root, 0, out);
}
