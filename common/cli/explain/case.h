/* Purpose: the content of `casemill explain`: a case, its rules and days, and, for a stored case,
 * its stored outcome and the outcome that the rules give now. */
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
    const char *differs;           /* lines on the differences from the stored outcome; "": none */
    const char *agreement;         /* NULL: all of them */
    struct outcome outcome;
};

/* explain_evaluate fills the outcome from the rest; it lives until run is used again. */
void explain_evaluate(struct explain_case *shown, struct ruleset_run *run);
void explain_text(const struct explain_case *shown, struct trace *trace, struct buf *out);
void explain_json(const struct explain_case *shown, struct trace *trace, struct json *json);

/* Texts that both forms share. */
extern const char EXPLAIN_TRIAGE[];
/* explain_value prints a value of a slot: a date as a day, an unknown one as "not known". */
void explain_value(const struct ruleset *ruleset, uint16_t slot, struct value value,
                   struct buf *out);
/* The same for a variable or parameter; a midnight is printed as a day. */
void explain_name_value(struct value value, struct buf *out);
/* "DISPOSITION: REASON". */
void explain_result(struct buf *out, const struct ruleset *ruleset, uint32_t agreement,
                    const struct result *result);
/* explain_does_decide is true when one of the answers leads to a finding without missing facts for
 * intake. */
bool explain_does_decide(const struct trace_answer *answers, uint32_t count);
/* The finding whose missing facts are useful: the projected one if there is one. */
const struct result *explain_asked(const struct trace_view *view);
bool explain_is_wanted(const struct explain_case *shown, uint32_t agreement);

#endif
