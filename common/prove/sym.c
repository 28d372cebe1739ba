/* Values over all cases, and how their faults join.  The rules are those of cel/: in a strict
 * operation an error comes before an unknown; in && and || a deciding operand comes first, then an
 * unknown, then an error. */
#include "prove/prove_priv.h"

static struct sym plain(struct space *space, enum sym_kind kind) {
    return (struct sym){.kind = kind, .err = space->no, .unk = space->no, .intake = space->no};
}

struct sym sym_bool(struct space *space, term a) {
    struct sym sym = plain(space, SYM_BOOL);
    sym.a = a;
    return sym;
}

struct sym sym_int(struct space *space, term a) {
    struct sym sym = plain(space, SYM_INT);
    sym.a = a;
    return sym;
}

struct sym sym_error(struct space *space) {
    struct sym sym = plain(space, SYM_FAULT);
    sym.err = space->yes;
    return sym;
}

term sym_is_value(struct space *space, const struct sym *sym) {
    return term_not(space, term_or(space, sym->err, sym->unk));
}

struct sym sym_strict(struct space *space, struct sym made, const struct sym *a,
                      const struct sym *b) {
    if (a->kind == SYM_UNTRANSLATED || b->kind == SYM_UNTRANSLATED) {
        return (struct sym){.kind = SYM_UNTRANSLATED};
    }
    term erred = term_or(space, a->err, b->err);
    term unknown = term_and(space, term_not(space, erred), term_or(space, a->unk, b->unk));
    term values = term_not(space, term_or(space, erred, unknown));
    term intake = term_and(space, unknown, term_or(space, a->intake, b->intake));
    made.unk = term_or(space, unknown, term_and(space, values, made.unk));
    made.intake = term_or(space, intake, term_and(space, values, made.intake));
    made.err = term_or(space, erred, term_and(space, values, made.err));
    return made;
}

/* --- chains ------------------------------------------------------------------------------------
 */

struct sym sym_chain(struct space *space, const struct link *links, uint32_t count, bool deciding) {
    term decided = space->no;
    term unknown = space->no;
    term intake = space->no;
    term erred = space->no;
    for (uint32_t i = 0; i < count; i++) {
        const struct sym *sym = &links[i].sym;
        term counts = links[i].counts;
        if (sym->kind != SYM_BOOL && sym->kind != SYM_FAULT) {
            return (struct sym){.kind = SYM_UNTRANSLATED};
        }
        if (sym->kind == SYM_BOOL) {
            term is_it = deciding ? sym->a : term_not(space, sym->a);
            term known = term_and(space, sym_is_value(space, sym), is_it);
            decided = term_or(space, decided, term_and(space, counts, known));
        }
        unknown = term_or(space, unknown, term_and(space, counts, sym->unk));
        intake = term_or(space, intake, term_and(space, counts, sym->intake));
        erred = term_or(space, erred, term_and(space, counts, sym->err));
    }
    struct sym made = sym_bool(space, deciding ? decided : term_not(space, decided));
    term open = term_not(space, decided);
    made.unk = term_and(space, open, unknown);
    made.intake = term_and(space, open, intake);
    made.err = term_and(space, term_and(space, open, term_not(space, unknown)), erred);
    return made;
}
