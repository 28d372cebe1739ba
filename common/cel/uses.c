/* The slots that a condition reads and their polarity, from the tree before folding.  So the result
 * depends on the text, and not on a parameter's value. */
#include "cel/cel_priv.h"

enum { POLARITY_PLAIN = 1, POLARITY_NEGATED = 2, POLARITY_BOTH = 3 };

struct uses {
    struct cel_program *program;
    uint32_t cap;
    bool full;
};

static unsigned flip(unsigned polarity) {
    return (polarity & POLARITY_PLAIN ? POLARITY_NEGATED : 0U) |
           (polarity & POLARITY_NEGATED ? POLARITY_PLAIN : 0U);
}

static void add(struct uses *uses, uint16_t slot, unsigned polarity) {
    struct cel_program *program = uses->program;
    uint32_t at = 0;
    while (at < program->use_count && program->uses[at].slot != slot) {
        at++;
    }
    if (at == program->use_count) {
        struct cel_use *uses_room =
            arena_room(&program->arena, program->uses, at, &uses->cap, sizeof(*uses_room));
        if (uses_room == NULL) {
            uses->full = true;
            return;
        }
        program->uses = uses_room;
        program->uses[at] = (struct cel_use){.slot = slot};
        program->use_count++;
    }
    program->uses[at].plain |= (polarity & POLARITY_PLAIN) != 0;
    program->uses[at].negated |= (polarity & POLARITY_NEGATED) != 0;
}

static void name(struct uses *uses, const struct declaration *decl, unsigned polarity) {
    if (decl->kind == DECLARED_SLOT) {
        add(uses, decl->slot, polarity);
    } else if (decl->kind == DECLARED_EXPR) {
        for (uint32_t i = 0; i < decl->program->use_count; i++) {
            const struct cel_use *use = &decl->program->uses[i];
            unsigned inner =
                (use->plain ? POLARITY_PLAIN : 0U) | (use->negated ? POLARITY_NEGATED : 0U);
            add(uses, use->slot,
                inner == POLARITY_BOTH      ? inner
                : inner == POLARITY_NEGATED ? flip(polarity)
                                            : polarity);
        }
    }
}

/* Facts are read by slots, named expressions and loop variables over them. */
bool ast_reads_fact(const struct ast *ast) {
    if (ast == NULL) {
        return false;
    }
    bool fact = ast->kind == AST_NAME &&
                (ast->decl == NULL || ast->decl->kind == DECLARED_SLOT ||
                 (ast->decl->kind == DECLARED_EXPR && ast->decl->program->use_count != 0));
    fact = fact || ast_reads_fact(ast->target);
    for (uint32_t i = 0; !fact && i < ast->count; i++) {
        fact = ast_reads_fact(ast->args[i]);
    }
    return fact;
}

static void walk(struct uses *uses, const struct ast *ast, unsigned polarity) {
    if (ast == NULL || uses->full) {
        return;
    }
    if (ast->kind == AST_NAME && ast->decl != NULL) {
        name(uses, ast->decl, polarity);
    }
    if (ast->kind == AST_HAS && uses->program->lint == NULL && ast_reads_fact(ast->target)) {
        uses->program->lint =
            "has() does not work on a fact: a missing fact is unknown, never absent";
        uses->program->lint_offset = ast->offset;
        uses->program->lint_width = ast->width;
    }
    bool negates =
        ast->kind == AST_CALL && (span_is(ast->name, "!_") || span_is(ast->name, "_!=_"));
    walk(uses, ast->target, polarity);
    for (uint32_t i = 0; i < ast->count; i++) {
        bool both = ast->kind == AST_COND && i == 0;
        walk(uses, ast->args[i], both ? POLARITY_BOTH : negates ? flip(polarity) : polarity);
    }
}

bool uses_collect(struct cel_program *program, const struct ast *ast) {
    struct uses uses = {.program = program};
    walk(&uses, ast, POLARITY_PLAIN);
    return !uses.full;
}

uint32_t cel_program_uses(const struct cel_program *program, struct cel_use *uses, uint32_t max) {
    for (uint32_t i = 0; i < program->use_count && i < max; i++) {
        uses[i] = program->uses[i];
    }
    return program->use_count;
}

static enum err at_place(enum err err, uint32_t offset, uint32_t width, struct diag *diag) {
    if (diag != NULL) {
        diag->offset = offset;
        diag->width = width;
    }
    return err;
}

enum err cel_program_lint(const struct cel_program *program, struct diag *diag) {
    if (program->lint == NULL) {
        return ERR_OK;
    }
    return at_place(diag_fail(diag, ERR_INVALID, "%s", program->lint), program->lint_offset,
                    program->lint_width, diag);
}

enum err cel_program_lint_parts(const struct cel_program *program, struct diag *diag) {
    if (program->part_error == CEL_ERROR_NONE) {
        return ERR_OK;
    }
    enum err err = diag_fail(
        diag, ERR_INVALID, "this is always the error %s, whatever the facts are%s",
        cel_error_name(program->part_error),
        program->part_is_instant ? ": an instant has a time, as in \"2019-11-19T00:00:00Z\"" : "");
    return at_place(err, program->part_offset, program->part_width, diag);
}
