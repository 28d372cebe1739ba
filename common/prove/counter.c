/* A case that the solver found, as the evaluator decides it, and as a test for the document. */
#include "prove/prove_priv.h"

#include "base/json.h"
#include "base/mem.h"

void counter_open(struct counter *counter, const struct agreement *agreement,
                  const struct property *property) {
    uint32_t slot_count = agreement->ruleset->schema->slot_count + EXTRA_COUNT;
    *counter = (struct counter){.agreement = agreement, .property = property};
    arena_init(&counter->arena, RUN_ARENA_BYTES_MAX);
    counter->slots = mem_zero(slot_count, sizeof(*counter->slots));
    agreement_run_init(&counter->run, agreement, &counter->arena,
                       mem_zero(slot_count, sizeof(struct value)));
}

void counter_close(struct counter *counter) {
    mem_free(counter->run.slots);
    mem_free(counter->slots);
    agreement_run_fini(&counter->run);
    arena_free(&counter->arena);
}

bool counter_refutes(struct counter *counter) {
    struct agreement_run *run = &counter->run;
    uint32_t slot_count = counter->agreement->ruleset->schema->slot_count;
    arena_reset(&counter->arena);
    memcpy(run->slots, counter->slots, slot_count * sizeof(*run->slots));
    agreement_evaluate(run, counter->reference_date, counter->as_of, &counter->finding);
    bool is_named = counter->property->reasons[counter->finding.result.reason];
    struct value other;
    cel_run_begin(&run->cel, run->slots);
    bool applies = counter->property->when == NULL ||
                   cel_run_truth(&run->cel, counter->property->when, &other) == CEL_YES;
    return applies && is_named != counter->property->is_always;
}

/* --- shorter -----------------------------------------------------------------------------------
 */

/* An unknown part makes two values differ. */
static bool is_same(struct value a, struct value b) {
    bool is_unknown = a.kind == VAL_UNKNOWN || b.kind == VAL_UNKNOWN;
    return is_unknown ? a.kind == b.kind : cel_value_equal(a, b);
}

static void try_dates(struct counter *counter, int32_t reference_date, int32_t as_of) {
    int32_t before[2] = {counter->reference_date, counter->as_of};
    counter->reference_date = reference_date;
    counter->as_of = as_of;
    if (!counter_refutes(counter)) {
        counter->reference_date = before[0];
        counter->as_of = before[1];
    }
}

void counter_shorten(struct counter *counter) {
    const struct agreement *agreement = counter->agreement;
    int32_t day = agreement->example_has_reference_date ? agreement->example_reference_date
                                                        : counter->reference_date;
    try_dates(counter, day, counter->as_of);
    try_dates(counter, counter->reference_date,
              agreement->example_has_as_of ? agreement->example_as_of : counter->reference_date);
    for (uint32_t i = 0; i < agreement->ruleset->schema->slot_count; i++) {
        struct value before = counter->slots[i];
        counter->slots[i] = agreement->example[i];
        if (!counter_refutes(counter)) {
            counter->slots[i] = before;
        }
    }
    bool refutes = counter_refutes(counter); /* and the finding of the case at hand */
    CHECK(refutes);
}

/* --- the test ----------------------------------------------------------------------------------
 */

static void print_text(struct span text, struct buf *out) {
    struct json json;
    json_init(&json, out);
    json_span(&json, text);
}

static void print_date(int32_t day, struct buf *out) {
    char text[DATE_TEXT_BYTES];
    date_format(day, text);
    buf_str(out, text);
}

static void print_value(const struct value *value, struct buf *out);

static void print_pairs(const struct value *map, struct buf *out) {
    bool is_first = true;
    buf_byte(out, '{');
    for (uint32_t i = 0; i < map->len; i++) {
        const struct value *pair = &map->items[(size_t)i * 2];
        if (pair[1].kind == VAL_UNKNOWN) { /* a leaf of a record */
            continue;
        }
        buf_str(out, is_first ? "" : ", ");
        print_text(value_span(pair[0]), out);
        buf_str(out, ": ");
        print_value(&pair[1], out);
        is_first = false;
    }
    buf_byte(out, '}');
}

/* The schemas bound the nesting: lists of records of scalars. */
static void print_value(const struct value *value, struct buf *out) {
    if (value->kind == VAL_UNKNOWN) {
        buf_str(out, "null");
    } else if (value->kind == VAL_STRING) {
        print_text(value_span(*value), out);
    } else if (value->kind == VAL_TIMESTAMP) {
        print_date((int32_t)(value->i / DATE_DAY_SECONDS), out);
    } else if (value->kind == VAL_MAP) {
        print_pairs(value, out);
    } else if (value->kind == VAL_LIST) {
        buf_byte(out, '[');
        for (uint32_t i = 0; i < value->len; i++) {
            buf_str(out, i == 0 ? "" : ", ");
            print_value(&value->items[i], out);
        }
        buf_byte(out, ']');
    } else {
        cel_value_print(*value, out);
    }
}

static void print_given(const struct counter *counter, struct buf *out) {
    const struct agreement *agreement = counter->agreement;
    const struct schema *schema = agreement->ruleset->schema;
    bool is_first = true;
    buf_str(out, "given: {");
    if (!agreement->example_has_reference_date ||
        agreement->example_reference_date != counter->reference_date) {
        buf_str(out, "reference_date: ");
        print_date(counter->reference_date, out);
        is_first = false;
    }
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        if (!is_same(counter->slots[i], agreement->example[i])) {
            buf_printf(out, "%s%s: ", is_first ? "" : ", ", schema->slots[i]->name);
            print_value(&counter->slots[i], out);
            is_first = false;
        }
    }
    buf_str(out, "}, ");
}

/* The parameters that an operator has overridden: tests of a document run without overrides. */
static void print_set(const struct agreement *agreement, struct buf *out) {
    struct agreement *plain = NULL;
    struct diag diag = {0};
    bool is_first = true;
    enum err err = agreement_reload(agreement, NULL, 0, &plain, &diag);
    CHECK(err == ERR_OK); /* it has been loaded before */
    for (uint32_t i = 0; i < agreement->parameter_count; i++) {
        if (!cel_value_equal(agreement->parameters[i].value, plain->parameters[i].value)) {
            buf_printf(out, "%s%s: ", is_first ? "set: {" : ", ", agreement->parameters[i].name);
            print_value(&agreement->parameters[i].value, out);
            is_first = false;
        }
    }
    buf_str(out, is_first ? "" : "}, ");
    agreement_free(&plain);
}

void counter_print(const struct counter *counter, struct buf *out) {
    const struct agreement *agreement = counter->agreement;
    const struct reason *reason = &agreement->reasons[counter->finding.result.reason];
    struct buf name = BUF_EMPTY;
    buf_printf(&name, "counterexample: %s", counter->property->name);
    buf_str(out, "- {name: ");
    print_text(buf_span(&name), out);
    buf_str(out, ", ");
    buf_free(&name);
    if (counter->as_of != counter->reference_date || agreement->example_has_as_of) {
        buf_str(out, "as_of: ");
        print_date(counter->as_of, out);
        buf_str(out, ", ");
    }
    print_set(agreement, out);
    print_given(counter, out);
    buf_printf(out, "expect: {%s: %s}}", disposition_name(reason->disposition), reason->label);
}
