/* One agreement's evaluation, kept for display.  The same calls as in ruleset_evaluate make the
 * finding; afterwards each rule is evaluated on the case's own facts. */
#include "rules/trace.h"

#include "base/mem.h"
#include "rules/rules_priv.h"

struct trace {
    struct ruleset *ruleset;
    struct arena arena;       /* of the evaluation; values shown point into it */
    struct arena view;        /* memory of a view */
    struct value *slots;      /* the case's, then the extra ones */
    struct agreement_run run; /* of the agreement traced last */
    bool is_running;
    int32_t reference_date, as_of;
};

/* A view holds a few words per rule and a word per slot that it reads. */
#define VIEW_ARENA_BYTES_MAX ((size_t)16 << 20)

const char *trace_truth_name(enum trace_truth truth) {
    static const char *const names[] = {"false", "true", "unknown", "error", "not yet known"};
    CHECK(truth < COUNT_OF(names));
    return names[truth];
}

const char *trace_slot_name(const struct ruleset *ruleset, uint16_t slot) {
    static const char *const extra[] = {"reference_date", "as_of", "in_force_on"};
    const struct schema *schema = ruleset->schema;
    if (slot < schema->slot_count) {
        return schema->slots[slot]->name;
    }
    CHECK((size_t)(slot - schema->slot_count) < COUNT_OF(extra));
    return extra[slot - schema->slot_count];
}

struct trace *trace_new(struct ruleset *ruleset) {
    struct trace *trace = mem_zero(1, sizeof(*trace));
    trace->ruleset = ruleset_ref(ruleset);
    arena_init(&trace->arena, RUN_ARENA_BYTES_MAX);
    arena_init(&trace->view, VIEW_ARENA_BYTES_MAX);
    trace->slots = mem_zero(ruleset->schema->slot_count + EXTRA_COUNT, sizeof(*trace->slots));
    return trace;
}

static void stop(struct trace *trace) {
    if (trace->is_running) {
        agreement_run_fini(&trace->run);
        trace->is_running = false;
    }
}

void trace_free(struct trace **trace) {
    struct trace *old = *trace;
    *trace = NULL;
    if (old == NULL) {
        return;
    }
    stop(old);
    arena_free(&old->arena);
    arena_free(&old->view);
    mem_free(old->slots);
    ruleset_unref(&old->ruleset);
    mem_free(old);
}

static void *take(struct trace *trace, size_t count, size_t bytes) {
    void *memory = arena_zero(&trace->view, count, bytes);
    CHECK(memory != NULL); /* the limits of a document keep a view far smaller */
    return memory;
}

/* --- events ------------------------------------------------------------------------------------
 */

static void show_events(struct trace *trace, struct trace_view *view) {
    const struct agreement *agreement = trace->run.agreement;
    struct trace_event *events = take(trace, agreement->event_count, sizeof(*events));
    struct trace_event *status = NULL;
    for (uint32_t i = 0; i < agreement->event_count; i++) {
        const struct event *event = &agreement->events[i];
        events[i] = (struct trace_event){.name = event_name(event->kind),
                                         .date = event->date,
                                         .recorded = event->recorded,
                                         .cite = event->cite,
                                         .verify = event->verify,
                                         .is_legal = event->kind < EVENT_LEGAL_COUNT,
                                         .is_known = event_counts(event, trace->as_of),
                                         .has_come = event->date <= trace->reference_date};
        bool decides = events[i].is_legal && events[i].is_known && events[i].has_come;
        if (decides && (status == NULL || event->date >= status->date)) {
            status = &events[i];
        }
    }
    if (status != NULL) {
        status->is_status = true;
        CHECK(strcmp(status->name, event_name(trace->run.status.last)) == 0);
    }
    view->status = event_name(trace->run.status.last);
    view->is_status_open = trace->run.status.reason == STATUS_GOES_ON;
    view->events = events;
    view->event_count = agreement->event_count;
}

/* --- names -------------------------------------------------------------------------------------
 */

/* Variables that are lists of words are left out, since the document shows them; the others were
 * compiled first, in order. */
static void show_names(struct trace *trace, struct trace_view *view) {
    const struct agreement *agreement = trace->run.agreement;
    const struct yaml_node *variables = yaml_get(yaml_root(agreement->yaml), "variables");
    uint32_t variable_count = variables == NULL ? 0 : variables->count;
    struct trace_name *names =
        take(trace, variable_count + agreement->parameter_count, sizeof(*names));
    uint32_t count = 0;
    const struct yaml_node *node = variables == NULL ? NULL : variables->first;
    for (; node != NULL; node = node->next) {
        if (node->kind == YAML_SCALAR) {
            struct value value = cel_run(&trace->run.cel, agreement->programs[count]);
            names[count++] =
                (struct trace_name){.name = (const char *)node->key->text.ptr, .value = value};
        }
    }
    for (uint32_t i = 0; i < agreement->parameter_count; i++) {
        const struct parameter *parameter = &agreement->parameters[i];
        names[count++] = (struct trace_name){
            .name = parameter->name, .is_parameter = true, .value = parameter->value};
    }
    view->names = names;
    view->name_count = count;
}

static void rule_names(struct trace *trace, const struct trace_view *view,
                       const struct rule_source *source, struct trace_rule *shown) {
    uint16_t *names = take(trace, view->name_count, sizeof(*names));
    for (uint32_t i = 0; i < view->name_count; i++) {
        struct span name = span_str(view->names[i].name);
        if (source_names(source->given, name) || source_names(source->when, name)) {
            names[shown->name_count++] = (uint16_t)i;
        }
    }
    shown->names = names;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static void show_reads(struct trace *trace, const struct rule *rule, struct trace_rule *shown) {
    uint32_t slot_count = trace->ruleset->schema->slot_count + EXTRA_COUNT;
    bool is_read[SLOTS_MAX] = {false};
    rule_reads(rule, is_read);
    uint16_t *reads = take(trace, slot_count, sizeof(*reads));
    for (uint32_t slot = 0; slot < slot_count; slot++) {
        if (is_read[slot]) {
            reads[shown->read_count++] = (uint16_t)slot;
        }
    }
    shown->reads = reads;
}

static enum trace_truth truth_shown(enum rule_truth truth) {
    static const enum trace_truth shown[] = {[RULE_ABSENT] = TRACE_ABSENT,
                                             [RULE_FALSE] = TRACE_FALSE,
                                             [RULE_TRUE] = TRACE_TRUE,
                                             [RULE_UNKNOWN] = TRACE_UNKNOWN,
                                             [RULE_ERROR] = TRACE_ERROR};
    CHECK(truth != RULE_NOT_RUN);
    CHECK(truth < COUNT_OF(shown));
    return shown[truth];
}

static void show_rule(struct trace *trace, const struct trace_view *view, uint32_t index,
                      const struct rule_source *source, struct trace_rule *shown) {
    const struct rule *rule = &trace->run.agreement->rules[index];
    enum rule_truth truth = rule_truth(&trace->run, index);
    const struct rule_state *state = rule_state(&trace->run, index);
    bool has_window = rule->has_from || rule->has_until;
    *shown = (struct trace_rule){
        .section = section_name(rule->section),
        .label = rule->label,
        .cite = rule->cite,
        .verify = rule->verify,
        .given = source->given == NULL ? (struct span){0} : source->given->text,
        .when = source->when == NULL ? (struct span){0} : source->when->text,
        .line = source->node->line,
        .by = has_window ? trace_slot_name(trace->ruleset, rule->by_slot) : NULL,
        .has_recorded = rule->has_recorded,
        .has_from = rule->has_from,
        .has_until = rule->has_until,
        .recorded = rule->recorded,
        .from = rule->from,
        .until = rule->until,
        .in_projected = rule_counts(rule, true),
        .truth = truth_shown(truth),
        .error = truth == RULE_ERROR ? cel_error_name(state->error) : NULL};
    if (truth == RULE_UNKNOWN) {
        shown->paths = state->paths;
    }
    show_reads(trace, rule, shown);
    rule_names(trace, view, source, shown);
}

static void show_rules(struct trace *trace, struct trace_view *view) {
    const struct agreement *agreement = trace->run.agreement;
    struct rule_source *sources = take(trace, agreement->rule_count, sizeof(*sources));
    struct trace_rule *rules = take(trace, agreement->rule_count, sizeof(*rules));
    rule_sources(agreement, sources);
    for (uint32_t i = 0; i < agreement->rule_count; i++) {
        show_rule(trace, view, i, &sources[i], &rules[i]);
    }
    view->rules = rules;
    view->rule_count = agreement->rule_count;
}

/* --- the view ----------------------------------------------------------------------------------
 */

static struct trace_decision decision_shown(struct agreement_run *run, bool projected) {
    struct arena_mark mark = arena_mark(run->arena);
    agreement_run_forget(run); /* a settled decision leaves them joined over all tried values */
    struct decision decision = finding_decide(run, projected, true);
    arena_rewind(run->arena, mark);
    return (struct trace_decision){.rule = decision.rule, .is_settled = decision.settled};
}

void trace_agreement(struct trace *trace, const struct case_doc *doc, uint32_t agreement,
                     int32_t reference_date, int32_t as_of, struct trace_view *view) {
    CHECK(doc->fault_count == 0);
    CHECK(agreement < trace->ruleset->agreement_count);
    const struct agreement *traced = trace->ruleset->agreements[agreement];
    stop(trace);
    arena_reset(&trace->arena);
    arena_reset(&trace->view);
    trace->reference_date = reference_date;
    trace->as_of = as_of;
    memcpy(trace->slots, doc->slots, trace->ruleset->schema->slot_count * sizeof(*trace->slots));
    agreement_run_init(&trace->run, traced, &trace->arena, trace->slots);
    trace->is_running = true;
    *view = (struct trace_view){.id = traced->id,
                                .title = traced->title,
                                .otherwise = traced->otherwise,
                                .slots = trace->slots};
    struct arena_mark mark = arena_mark(&trace->arena);
    agreement_evaluate(&trace->run, reference_date, as_of, &view->finding);
    arena_rewind(&trace->arena, mark);
    view->decided = decision_shown(&trace->run, false);
    if (view->finding.has_projected) {
        view->projected = decision_shown(&trace->run, true);
    }
    agreement_run_forget(&trace->run);
    show_events(trace, view);
    show_names(trace, view);
    show_rules(trace, view);
}

/* --- single answers ----------------------------------------------------------------------------
 */

uint32_t trace_answers(struct trace *trace, uint16_t slot,
                       struct trace_answer answers[TRACE_ANSWERS_MAX]) {
    CHECK(trace->is_running);
    CHECK(slot < trace->ruleset->schema->slot_count);
    const struct fact *fact = trace->ruleset->schema->slots[slot];
    const struct agreement *agreement = trace->run.agreement;
    struct value unknown = trace->slots[slot];
    bool is_countable = fact->type == FACT_BOOL ||
                        (fact->type == FACT_ENUM && fact->word_count <= TRACE_ANSWERS_MAX);
    if (unknown.kind != VAL_UNKNOWN || !is_countable) {
        return 0;
    }
    struct agreement_run run; /* a separate run: the view's results stay */
    agreement_run_init(&run, agreement, &trace->arena, trace->slots);
    struct arena_mark mark = arena_mark(&trace->arena);
    uint32_t count = fact->type == FACT_BOOL ? 2 : fact->word_count;
    for (uint32_t i = 0; i < count; i++) {
        struct finding finding;
        trace->slots[slot] =
            fact->type == FACT_BOOL ? value_bool(i != 0) : value_word(span_str(fact->words[i]), i);
        agreement_evaluate(&run, trace->reference_date, trace->as_of, &finding);
        const struct result *result = finding.has_projected ? &finding.projected : &finding.result;
        answers[i] = (struct trace_answer){.value = trace->slots[slot],
                                           .disposition = result->disposition,
                                           .label = agreement->reasons[result->reason].label,
                                           .is_projected = finding.has_projected};
        arena_rewind(&trace->arena, mark);
    }
    trace->slots[slot] = unknown;
    agreement_run_fini(&run);
    return count;
}
