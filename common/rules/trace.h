/* Purpose: the explanation of one agreement's finding: its events on the day, every rule with its
 * value and its facts, the deciding rule, and the effect of single answers. Made on request;
 * ruleset_evaluate does not use it, and the finding is the same.
 * Threads: a struct trace belongs to one thread.  Read next: ruleset.h. */
#ifndef CASEMILL_RULES_TRACE_H
#define CASEMILL_RULES_TRACE_H

#include "rules/ruleset.h"

enum trace_truth { TRACE_FALSE, TRACE_TRUE, TRACE_UNKNOWN, TRACE_ERROR, TRACE_ABSENT };
const char *trace_truth_name(enum trace_truth truth); /* "true"; TRACE_ABSENT "not yet known" */

struct trace_event {
    const char *name;
    int32_t date;
    int32_t recorded; /* the first day on which it could be known */
    const char *cite;
    bool verify;
    bool is_legal;  /* decides on the status; an operational one is only shown */
    bool is_known;  /* on the day as_of, and not corrected by an entry known then */
    bool has_come;  /* its day is not after the reference date */
    bool is_status; /* decides the status */
};

struct trace_rule {
    const char *section;
    const char *label; /* "status" of the line `status` */
    const char *cite;  /* NULL of the line `status` */
    bool verify;
    struct span given; /* the conditions as written; empty: none */
    struct span when;
    uint32_t line;  /* in the document */
    const char *by; /* the date of the window; NULL: no window */
    bool has_recorded, has_from, has_until;
    int32_t recorded, from, until;
    bool in_projected; /* counts in the projected finding, too */
    enum trace_truth truth;
    const char *error;     /* kind, of TRACE_ERROR; else NULL */
    struct path_set paths; /* the unknown facts, of TRACE_UNKNOWN */
    const uint16_t *reads; /* slots in case.yaml order, then the extra ones */
    uint32_t read_count;
    const uint16_t *names; /* variables and parameters that its conditions name */
    uint32_t name_count;
};

/* A variable or parameter of the document; an unknown one is VAL_UNKNOWN. */
struct trace_name {
    const char *name;
    bool is_parameter;
    struct value value;
};

struct trace_decision {
    uint32_t rule;   /* the deciding one; rule_count: `otherwise` */
    bool is_settled; /* a rule is open, but every value of the two-sided facts gives the same
                        finding */
};

struct trace_view {
    const char *id;
    const char *title;
    const char *otherwise;
    const char *status;               /* the last legal event's name, "none" before the first */
    bool is_status_open;              /* in force, as far as known: the rules decide */
    const struct trace_event *events; /* in file order */
    uint32_t event_count;
    const struct trace_rule *rules; /* in file order, which is winning order */
    uint32_t rule_count;
    const struct trace_name *names;
    uint32_t name_count;
    const struct value *slots; /* by slot: the schema's, then reference_date, as_of, in_force_on */
    struct finding finding;    /* as from ruleset_evaluate */
    struct trace_decision decided;
    struct trace_decision projected; /* when finding.has_projected */
};

/* The name of a slot of a view, the extra ones included. */
const char *trace_slot_name(const struct ruleset *ruleset, uint16_t slot);

struct trace;
struct trace *trace_new(struct ruleset *ruleset); /* takes its own reference */
void trace_free(struct trace **trace);
/* trace_agreement evaluates one agreement, all of its rules.  The view lives until the next call on
 * the same trace; doc has no faults and outlives the view. */
void trace_agreement(struct trace *trace, const struct case_doc *doc, uint32_t agreement,
                     int32_t reference_date, int32_t as_of, struct trace_view *view);

/* The finding if only one unknown fact had this value. */
struct trace_answer {
    struct value value;
    enum disposition disposition;
    const char *label;
    bool is_projected; /* of the projected finding, where the view has one */
};
enum { TRACE_ANSWERS_MAX = 64 };
/* trace_answers tries every value of the unknown fact at `slot` for the agreement traced last, with
 * the other facts unchanged.  It returns the number of values: 0 if they cannot be counted (a date,
 * a free text, a list, a country). */
uint32_t trace_answers(struct trace *trace, uint16_t slot,
                       struct trace_answer answers[TRACE_ANSWERS_MAX]);

#endif
