/* Properties of an agreement: the solver looks for a case that refutes one.  If there is none, the
 * property is proved; a case is given to the evaluator before anybody sees it. */
#include "prove/prove_priv.h"

#include "base/clock.h"
#include "base/mem.h"

const char *prove_verdict_name(enum prove_verdict verdict) {
    static const char *const names[] = {[PROVE_PROVED] = "proved",
                                        [PROVE_REFUTED] = "refuted",
                                        [PROVE_NOT_PROVED] = "not proved",
                                        [PROVE_UNDECIDED] = "undecided",
                                        [PROVE_MISMATCH] = "mismatch"};
    CHECK(verdict < COUNT_OF(names));
    return names[verdict];
}

/* One agreement over all cases, with the conditions of its properties. */
struct theory {
    const struct agreement *agreement;
    struct space space;
    struct finding_terms finding;
    struct sym *whens;        /* by property */
    struct prove_names names; /* of the finding */
    struct prove_names *each; /* by property: of its condition */
    uint32_t record_counts[PATHS_MAX];
};

static void translate_theory(struct theory *theory) {
    const struct agreement *agreement = theory->agreement;
    struct space *space = &theory->space;
    space_open(space, agreement->ruleset, theory->record_counts, &theory->names);
    uint32_t slot_count = space->schema->slot_count;
    space->slots[slot_count + EXTRA_IN_FORCE_ON] = status_in_force_on(space, agreement);
    finding_translate(space, agreement, space->slots, &theory->finding);
    theory->whens = space_take(space, agreement->property_count, sizeof(*theory->whens));
    for (uint32_t i = 0; i < agreement->property_count; i++) {
        struct translation translation = {.space = space, .slots = space->slots, .subject = "when"};
        const struct cel_program *when = agreement->properties[i].when;
        theory->each[i] = (struct prove_names){0};
        space->untranslated = &theory->each[i];
        theory->whens[i] =
            when == NULL ? sym_bool(space, space->yes) : translate_program(&translation, when);
    }
    space->untranslated = &theory->names;
}

/* One record of each list counts the conditions over it: each may need a witness of its own. */
static void theory_open(struct theory *theory, const struct agreement *agreement) {
    const struct schema *schema = agreement->ruleset->schema;
    *theory = (struct theory){.agreement = agreement};
    theory->each = mem_zero(agreement->property_count, sizeof(*theory->each));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        theory->record_counts[i] = 1;
    }
    translate_theory(theory);
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        uint32_t wanted = theory->space.cells[i].instance_count;
        uint32_t most = schema->slots[i]->count_max;
        theory->record_counts[i] = wanted == 0 ? 1 : wanted < most ? wanted : most;
        if (theory->record_counts[i] > RECORDS_MAX) {
            theory->record_counts[i] = 1;
            prove_names_add(&theory->names, schema->slots[i]->name,
                            "too many conditions over one list");
        }
    }
    space_free(&theory->space);
    translate_theory(theory);
    space_close(&theory->space);
}

static void theory_close(struct theory *theory) {
    space_free(&theory->space);
    mem_free(theory->each);
}

/* --- one property ------------------------------------------------------------------------------
 */

/* Where a case refutes the property. */
static term refutation(struct theory *theory, uint32_t index) {
    struct space *space = &theory->space;
    const struct property *property = &theory->agreement->properties[index];
    const struct sym *when = &theory->whens[index];
    term named = space->no;
    for (uint32_t i = 0; i < theory->agreement->reason_count; i++) {
        if (property->reasons[i]) {
            named = term_or(space, named, theory->finding.reasons[i]);
        }
    }
    term applies = when->kind == SYM_BOOL ? term_and(space, sym_is_value(space, when), when->a)
                                          : space->no; /* a fault in every case */
    return term_and(space, applies, property->is_always ? term_not(space, named) : named);
}

static Z3_solver solver_new(struct space *space, uint32_t limit_ms) {
    Z3_solver solver = Z3_mk_solver(space->z3);
    Z3_solver_inc_ref(space->z3, solver);
    Z3_params params = Z3_mk_params(space->z3);
    Z3_params_inc_ref(space->z3, params);
    Z3_params_set_uint(space->z3, params, Z3_mk_string_symbol(space->z3, "timeout"), limit_ms);
    Z3_solver_set_params(space->z3, solver, params);
    Z3_params_dec_ref(space->z3, params);
    for (uint32_t i = 0; i < space->domain_count; i++) {
        Z3_solver_assert(space->z3, solver, space->domain[i]);
    }
    return solver;
}

/* Shows the case of the model to the evaluator. */
static enum prove_verdict confirm(struct theory *theory, uint32_t index, Z3_model model,
                                  struct buf *test) {
    struct counter counter;
    counter_open(&counter, theory->agreement, &theory->agreement->properties[index]);
    model_to_case(&theory->space, model, counter.slots, &counter.reference_date, &counter.as_of);
    bool refutes = counter_refutes(&counter);
    if (refutes) {
        counter_shorten(&counter);
    }
    counter_print(&counter, test);
    counter_close(&counter);
    return refutes ? PROVE_REFUTED : PROVE_MISMATCH;
}

static enum prove_verdict decide(struct theory *theory, uint32_t index, uint32_t limit_ms,
                                 struct buf *test) {
    struct space *space = &theory->space;
    term wanted = refutation(theory, index);
    if (wanted == space->no) {
        return PROVE_PROVED;
    }
    Z3_solver solver = solver_new(space, limit_ms);
    Z3_solver_assert(space->z3, solver, wanted);
    Z3_lbool found = Z3_solver_check(space->z3, solver);
    enum prove_verdict verdict = found == Z3_L_FALSE ? PROVE_PROVED : PROVE_UNDECIDED;
    if (found == Z3_L_TRUE) {
        Z3_model model = Z3_solver_get_model(space->z3, solver);
        Z3_model_inc_ref(space->z3, model);
        verdict = confirm(theory, index, model, test);
        Z3_model_dec_ref(space->z3, model);
    }
    Z3_solver_dec_ref(space->z3, solver);
    return verdict;
}

static void names_join(struct prove_names *to, const struct prove_names *from) {
    to->left_out += from->left_out;
    for (uint32_t i = 0; i < from->count; i++) {
        if (to->count == PROVE_NAMES_MAX) {
            to->left_out++;
        } else {
            memcpy(to->texts[to->count++], from->texts[i], sizeof(to->texts[0]));
        }
    }
}

void prove_agreement(const struct ruleset *ruleset, uint32_t agreement, uint32_t limit_ms,
                     prove_fn show, void *context) {
    CHECK(agreement < ruleset->agreement_count);
    const struct agreement *proved = ruleset->agreements[agreement];
    struct theory *theory = NULL;
    if (proved->property_count == 0) {
        return;
    }
    theory = mem_zero(1, sizeof(*theory));
    theory_open(theory, proved);
    for (uint32_t i = 0; i < proved->property_count; i++) {
        int64_t start = clock_mono_ms();
        struct prove_result result = {.agreement = proved->id,
                                      .name = proved->properties[i].name,
                                      .line = proved->properties[i].line,
                                      .names = theory->names};
        names_join(&result.names, &theory->each[i]);
        result.verdict =
            result.names.count > 0 ? PROVE_NOT_PROVED : decide(theory, i, limit_ms, &result.test);
        result.ms = (uint64_t)(clock_mono_ms() - start);
        show(context, &result);
        buf_free(&result.test);
    }
    theory_close(theory);
    mem_free(theory);
}
