/* Purpose: what `casemill explain` shows: a case, the rules and days it was decided under, and, of
 * a stored case, the outcome that stands in the database beside the one the rules give now. */
#ifndef CASEMILL_CLI_EXPLAIN_CASE_H
#define CASEMILL_CLI_EXPLAIN_CASE_H

#include "base/json.h"
#include "rules/trace.h"

struct explain_case {
    struct ruleset *ruleset;       /* borrowed */
    const struct case_doc *doc;    /* borrowed */
    int32_t reference_date, as_of; /* resolved */
    const char *source;            /* NULL: not from the database */
    const char *decided_at;        /* NULL: as source */
    const char *differs;   /* lines on what the stored outcome says otherwise; "" when nothing */
    const char *agreement; /* NULL: all of them */
    struct outcome outcome;
};

/* explain_evaluate fills the outcome from the rest; it lives as long as run is not used again. */
void explain_evaluate(struct explain_case *shown, struct ruleset_run *run);
void explain_text(const struct explain_case *shown, struct trace *trace, struct buf *out);
void explain_json(const struct explain_case *shown, struct trace *trace, struct json *json);

/* What both forms say in the same words. */
extern const char EXPLAIN_TRIAGE[];
/* explain_value prints a value of a slot: a date as a day, an unknown one as "not known". */
void explain_value(const struct ruleset *ruleset, uint16_t slot, struct value value,
                   struct buf *out);
/* The same of a variable or parameter, whose midnight is a day. */
void explain_name_value(struct value value, struct buf *out);
/* explain_does_decide is true when one of the answers leads to a finding that asks intake nothing.
 */
bool explain_does_decide(const struct trace_answer *answers, uint32_t count);
/* The finding whose missing facts are of use: the projected one where there is one. */
const struct result *explain_asked(const struct trace_view *view);
bool explain_is_wanted(const struct explain_case *shown, uint32_t agreement);

#endif
