/* Purpose: the content of a rule set, item by item, for a page that people read and for the
 * difference between two rule sets.  Conditions are as written; parameters have their value after
 * overrides. */
#ifndef CASEMILL_RULES_OUTLINE_H
#define CASEMILL_RULES_OUTLINE_H

#include "rules/ruleset.h"

enum outline_kind {
    OUTLINE_HEAD, /* title and parties */
    OUTLINE_EVENT,
    OUTLINE_PARAMETER,
    OUTLINE_VARIABLE,
    OUTLINE_RULE, /* in winning order, the line `status` and `otherwise` included */
    OUTLINE_EXAMPLE,
    OUTLINE_TEST,
    OUTLINE_FACT, /* of the case schema */
    OUTLINE_KIND_COUNT
};
const char *outline_kind_name(enum outline_kind kind); /* "event" */

enum { OUTLINE_FIELDS_MAX = 12 };
struct outline_field {
    const char *name; /* "cite" */
    struct span value;
};
struct outline_item {
    enum outline_kind kind;
    const char *section; /* of a rule; else "" */
    struct span key;     /* its name: "transit_gate", a label, "in_force" */
    uint32_t number;     /* 1; of several items of one key, their order */
    uint32_t field_count;
    struct outline_field fields[OUTLINE_FIELDS_MAX];
};
struct outline {
    struct arena arena;
    struct outline_item *items;
    uint32_t count, cap;
};

/* outline_agreement and outline_schema fill a zeroed outline; spans are borrowed from the rule set
 * and the outline.  Ownership: outline_free, before the rule set. */
void outline_agreement(const struct ruleset *ruleset, uint32_t agreement, struct outline *outline);
void outline_schema(const struct ruleset *ruleset, struct outline *outline);
void outline_free(struct outline *outline);

/* outline_find finds the item of the same kind, section, key and number, or NULL. */
const struct outline_item *outline_find(const struct outline *outline,
                                        const struct outline_item *like);
struct span outline_field(const struct outline_item *item, const char *name); /* empty: none */

/* The legal status from each event's day on, as known today: "in force", "agreement_suspended". */
const char *outline_status(const struct ruleset *ruleset, uint32_t agreement, int32_t day);

/* The cases of a document's tests, before a test's own `set`.  slots: by slot. */
struct doc_case {
    const char *name;
    struct value *slots;
    int32_t reference_date, as_of;
};
uint32_t ruleset_doc_case_count(const struct ruleset *ruleset, uint32_t agreement);
struct doc_case ruleset_doc_case(const struct ruleset *ruleset, uint32_t agreement, uint32_t index);

#endif
