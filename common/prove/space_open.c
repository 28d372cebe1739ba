/* The space of all cases of a rule set: the solver's context, and every fact as terms. */
#include "prove/prove_priv.h"

#include "base/mem.h"
#include "base/plain.h"

#include <stdio.h>

/* The solver reports misuse of its interface and exhausted memory; neither leaves a proof. */
static void solver_failed(Z3_context z3, Z3_error_code code) {
    plain_printf(stderr, "casemill: the solver failed: %s\n", Z3_get_error_msg(z3, code));
    UNREACHABLE();
}

/* Words with one number after the other make short ranges: country codes first. */
static void number_words(struct space *space) {
    for (uint32_t i = 0; i < space->ruleset->iso.count; i++) {
        (void)space_word(space, span_str(space->ruleset->iso.words[i]));
    }
}

void space_open(struct space *space, const struct ruleset *ruleset, const uint32_t *record_counts,
                struct prove_names *untranslated) {
    *space = (struct space){.ruleset = ruleset,
                            .schema = ruleset->schema,
                            .record_counts = record_counts,
                            .untranslated = untranslated};
    arena_init(&space->arena, SPACE_ARENA_BYTES_MAX);
    Z3_config config = Z3_mk_config();
    space->z3 = Z3_mk_context(config);
    Z3_del_config(config);
    Z3_set_error_handler(space->z3, solver_failed);
    space->bools = Z3_mk_bool_sort(space->z3);
    space->ints = Z3_mk_int_sort(space->z3);
    space->yes = Z3_mk_true(space->z3);
    space->no = Z3_mk_false(space->z3);
    number_words(space);
    uint32_t slot_count = space->schema->slot_count;
    space->cells = space_take(space, slot_count, sizeof(*space->cells));
    space->slots = space_take(space, slot_count + EXTRA_COUNT, sizeof(*space->slots));
    for (uint32_t i = 0; i < slot_count; i++) {
        cell_open(space, &space->cells[i], space->schema->slots[i], record_counts[i]);
        space->slots[i] = space->cells[i].sym;
    }
    for (uint32_t i = 0; i < EXTRA_COUNT; i++) {
        struct sym *date = &space->slots[slot_count + i];
        *date = (struct sym){.kind = SYM_DATE,
                             .err = space->no,
                             .unk = space->no,
                             .intake = space->no,
                             .a = term_fresh(space, "year", space->ints),
                             .b = term_fresh(space, "month", space->ints),
                             .c = term_fresh(space, "day", space->ints)};
        date_domain(space, date);
    }
}

void space_close(struct space *space) {
    for (uint32_t i = 0; i < space->schema->slot_count; i++) {
        cell_close(space, &space->cells[i]);
    }
}

void space_free(struct space *space) {
    for (uint32_t i = 0; i < space->schema->slot_count; i++) {
        mem_free(space->cells[i].members);
        mem_free(space->cells[i].entries);
    }
    mem_free(space->words);
    mem_free(space->domain);
    Z3_del_context(space->z3);
    arena_free(&space->arena);
}
