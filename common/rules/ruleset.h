/* Purpose: a rule set: the case schema plus all agreements, immutable, named by the SHA-256 of its
 * canonical text; and its outcome for a case.  Meaning: config/rules-format.md.
 * Threads: a loaded rule set is shared and never changes; each thread has its own struct
 * ruleset_run. Ownership: reference-counted; everything reached through it lives as long as a
 * reference. */
#ifndef CASEMILL_RULES_RULESET_H
#define CASEMILL_RULES_RULESET_H

#include "base/arena.h"
#include "casedoc/case_doc.h"
#include "cel/cel.h"

enum disposition { /* from least to most adverse */
                   DISPOSITION_NOT_SUBJECT,
                   DISPOSITION_EXCEPTION_APPLIES,
                   DISPOSITION_INSUFFICIENT_INFORMATION,
                   DISPOSITION_SCREENING_REQUIRED,
                   DISPOSITION_SUBJECT_TO_AGREEMENT,
                   DISPOSITION_COUNT
};
const char *disposition_name(enum disposition disposition);

enum { AGREEMENTS_MAX = 512, RULESET_ENGINE_VERSION = 1 };

struct ruleset;
struct agreement;

/* ruleset_load_dir reads DIR/case.yaml and DIR/agreements/(*).yaml, sorted by agreement id in byte
 * order. overrides: "AGREEMENT.PARAM=VALUE" each.  On a fault in a file, *source (if not NULL)
 * receives the file's text for the caret; the caller frees it.  Errors: ERR_INVALID with file,
 * line, column; ERR_NOT_FOUND. */
MUST_USE enum err ruleset_load_dir(const char *dir, const char *const *overrides,
                                   uint32_t override_count, struct ruleset **ruleset,
                                   struct buf *source, struct diag *diag);
/* ruleset_load_text loads a canonical text (as published).  Errors: as above; ERR_VERSION another
 * engine. */
MUST_USE enum err ruleset_load_text(struct span text, struct ruleset **ruleset, struct diag *diag);
struct ruleset *ruleset_ref(struct ruleset *ruleset);
void ruleset_unref(struct ruleset **ruleset);

const char *ruleset_id(const struct ruleset *ruleset); /* 64 hex digits */
struct span ruleset_text(const struct ruleset *ruleset);
const struct schema *ruleset_schema(const struct ruleset *ruleset);
uint32_t ruleset_agreement_count(const struct ruleset *ruleset);
const char *ruleset_agreement_id(const struct ruleset *ruleset, uint32_t agreement);

/* Every (disposition, reason) an agreement can give, numbered from 0 within the agreement: what
 * `codes` is filled from at publish.  A finding carries this number. */
struct reason {
    enum disposition disposition;
    const char *label;
};
uint32_t ruleset_reason_count(const struct ruleset *ruleset, uint32_t agreement);
struct reason ruleset_reason(const struct ruleset *ruleset, uint32_t agreement, uint32_t reason);

/* The rules of an agreement in file order, the line `status` included, and the most steps that one
 * evaluation of each can take on the largest case the schema allows. */
struct rule_cost {
    const char *label;
    uint64_t steps;
};
uint32_t ruleset_rule_count(const struct ruleset *ruleset, uint32_t agreement);
struct rule_cost ruleset_rule_cost(const struct ruleset *ruleset, uint32_t agreement,
                                   uint32_t rule);

/* ruleset_slots_read adds the slots that any rule reads: other slots never change an outcome. */
void ruleset_slots_read(const struct ruleset *ruleset, struct path_set *slots);

struct result {
    enum disposition disposition;
    uint16_t reason;         /* number of (disposition, label) within the agreement */
    uint16_t missing_count;  /* in rule order: the first is asked next */
    const uint16_t *missing; /* path ids */
};
struct finding {
    struct result result;
    bool has_projected;
    struct result projected;
    const char *error_rule; /* NULL, or the label of the first rule in error */
    const char *error_kind; /* cel_error_name */
};
struct outcome {
    uint32_t agreement;   /* the winning agreement */
    struct result result; /* its finding; missing is the union over the winning findings */
    const struct finding *findings; /* one per agreement, in id order */
};

/* One thread's evaluation state. */
struct ruleset_run;
struct ruleset_run *ruleset_run_new(struct ruleset *ruleset); /* takes its own reference */
void ruleset_run_free(struct ruleset_run **run);
/* ruleset_run_verdict_only makes the run compute only dispositions and reasons, which is faster: no
 * missing facts, no projected findings, no errors. */
void ruleset_run_verdict_only(struct ruleset_run *run);
/* ruleset_evaluate runs every agreement.  The outcome lives until the next call on the same run.
 * doc has no faults; the caller resolves dates. */
void ruleset_evaluate(struct ruleset_run *run, const struct case_doc *doc, int32_t reference_date,
                      int32_t as_of, struct outcome *outcome);

/* ruleset_test runs the tests inside the documents; report receives a line per failing test. */
void ruleset_test(struct ruleset *ruleset, uint32_t *passed, uint32_t *failed, struct buf *report);

#endif
