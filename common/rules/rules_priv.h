/* Purpose: shared by the files of rules/: a loaded agreement, and its state during a run.
 * Order of a load: document.c (header, events) -> parameters.c -> rule_list.c (with expr.c) ->
 * reasons.c -> properties.c -> example_load.c; fields.c reads the fields of a map for all of them.
 * Order of a case: run.c -> evaluate.c (status.c, settle.c). Ownership: everything an agreement
 * points to lives in its arena, its cel_env, or its YAML document. */
#ifndef CASEMILL_RULES_RULES_PRIV_H
#define CASEMILL_RULES_RULES_PRIV_H

#include "base/diag.h"
#include "rules/ruleset.h"
#include "yaml/yaml_doc.h"

enum {
    EVENTS_MAX = 256,
    PARAMETERS_MAX = 64,
    VARIABLES_MAX = 128,
    RULES_MAX = 256,
    TESTS_MAX = 1024,
    PROPERTIES_MAX = 256,
    OVERRIDES_MAX = 1024,
    SETTLE_PRODUCT_MAX = 64, /* combinations of values that settle tries */
    NAMES_MAX = 1024
};
/* Far more than a document of 1 MiB can fill within the limits above. */
#define AGREEMENT_ARENA_BYTES_MAX ((size_t)64 << 20)
#define RUN_ARENA_BYTES_MAX ((size_t)16 << 20)

enum section {
    SECTION_SCOPE,
    SECTION_IN_FORCE,
    SECTION_EXCLUSIONS,
    SECTION_EXCEPTIONS,
    SECTION_OFFICER,
    SECTION_COUNT
};
const char *section_name(enum section section);

/* Slots after the schema's: added to schema->slot_count. */
enum { EXTRA_REFERENCE_DATE, EXTRA_AS_OF, EXTRA_IN_FORCE_ON, EXTRA_COUNT };
enum { SLOTS_MAX = PATHS_MAX + EXTRA_COUNT };

enum event_kind { /* the legal ones first */
                  EVENT_NEGOTIATING,
                  EVENT_SIGNED,
                  EVENT_RATIFIED,
                  EVENT_IN_FORCE,
                  EVENT_SUSPENDED,
                  EVENT_REINSTATED,
                  EVENT_TERMINATED,
                  EVENT_LEGAL_COUNT,
                  EVENT_IMPLEMENTED = EVENT_LEGAL_COUNT,
                  EVENT_PAUSED,
                  EVENT_RESUMED,
                  EVENT_AMENDED,
                  EVENT_KIND_COUNT,
                  EVENT_NONE = EVENT_KIND_COUNT
};
const char *event_name(enum event_kind kind);

struct event {
    enum event_kind kind;
    int32_t date;     /* the legal day */
    int32_t recorded; /* the first day on which it could be known */
    bool has_corrects;
    int32_t corrects;       /* the date of the entry of the same event that this one replaces */
    int32_t corrected_from; /* the first day on which a correction of it could be known, or
                               INT32_MAX */
    const char *cite;
    bool verify;
};

/* The day and status of a legal event. */
struct legal_event {
    int32_t date, recorded, corrected_from;
    enum event_kind kind;
};

enum parameter_type { PARAM_BOOL, PARAM_INT, PARAM_DATE, PARAM_STRING, PARAM_LIST };
struct parameter {
    const char *name;
    enum parameter_type type;
    struct value value; /* after overrides */
    const char *why;    /* NULL when not given */
};

/* The four status reasons, in the order of the reason table. */
enum status_reason {
    STATUS_NOT_IN_FORCE,
    STATUS_SUSPENDED,
    STATUS_TERMINATED,
    STATUS_NOT_KNOWN,
    STATUS_REASON_COUNT,
    STATUS_GOES_ON = STATUS_REASON_COUNT
};
const char *status_reason_label(enum status_reason reason);

/* A rule holds when its group's condition, its window and its own condition hold. */
struct rule {
    enum section section;
    bool is_status; /* the line `status`, or `status: none`: no programs, four labels */
    bool verify;
    bool has_recorded;
    bool has_from, has_until;
    uint16_t by_slot; /* the date that the window checks */
    int32_t recorded; /* absent when later than as_of */
    int32_t from, until;
    const char *label;
    const char *cite;
    const struct cel_program *given; /* NULL: no group */
    const struct cel_program *when;
    uint16_t reason_true; /* numbers in the reason table */
    uint16_t reason_open; /* insufficient_information */
};

/* A statement about all cases, which `rules prove` decides: no finding, or every finding, has one
 * of these reasons where the condition is true. */
struct property {
    const char *name;
    const char *cite;
    bool is_always;
    bool *reasons;                  /* by number in the reason table */
    const struct cel_program *when; /* NULL: in every case */
    uint32_t line;
};

struct example_test; /* below */

struct agreement {
    struct arena arena;
    const struct ruleset *ruleset; /* borrowed: schema and vocabulary */
    const struct yaml_doc *yaml;   /* its source */
    struct yaml_doc *owned_yaml;   /* NULL, or yaml: freed with the agreement */
    const char *id;
    const char *title;
    const char *receiving; /* NULL when the agreement names none */
    struct event *events;
    uint32_t event_count;
    bool is_without_status;    /* `status: none`: no event ever decides */
    struct legal_event *legal; /* of them, by date; of one day, in the order of the file */
    uint32_t legal_count;
    struct parameter *parameters;
    uint32_t parameter_count;
    struct cel_env *env;
    struct cel_program **programs; /* all of them, to be freed before env */
    uint32_t program_count, program_cap;
    struct rule *rules; /* in file order, sections in their order */
    uint32_t rule_count;
    const char *otherwise;
    uint16_t otherwise_reason;
    uint32_t in_force_first, in_force_end; /* section in_force */
    uint32_t officer_first; /* first rule of section officer; rule_count when it is empty */
    uint32_t *own_indexes;  /* of this agreement's own rule states: rule i at i */
    uint32_t *indexes;      /* of rule states shared by the rule set's agreements */
    struct reason *reasons;
    uint32_t reason_count;
    uint16_t status_reasons[STATUS_REASON_COUNT];
    uint16_t *settle_slots; /* two-sided facts in case.yaml order */
    uint32_t settle_count;
    const struct value *example; /* by slot; all unknown without an example */
    bool example_has_reference_date, example_has_as_of;
    int32_t example_reference_date, example_as_of;
    struct example_test *tests;
    uint32_t test_count;
    struct property *properties;
    uint32_t property_count;
};

/* AGREEMENT.PARAM=VALUE, borrowed text. */
struct override {
    struct span agreement;
    struct span parameter;
    struct span value;
};

struct ruleset {
    _Atomic uint32_t references;
    bool is_stored; /* loaded from a published text: new demands on documents do not apply */
    char id[65];
    struct buf text;       /* the canonical text */
    struct vocabulary iso; /* the rule set owns words and iso_text */
    const char **iso_words;
    char *iso_text; /* each word with a NUL */
    struct yaml_doc *schema_yaml;
    struct schema *schema;
    struct path_set officer_paths;
    struct agreement **agreements; /* by id */
    uint32_t agreement_count;
    uint32_t condition_count; /* states of their rules; see conditions.c */
};

/* ruleset.c: the steps of both loaders, in this order.  They take ownership of yaml, also on
 * failure. */
struct ruleset *ruleset_new(void);
MUST_USE enum err ruleset_set_vocabulary(struct ruleset *ruleset, struct span words,
                                         struct diag *diag);
MUST_USE enum err ruleset_set_schema(struct ruleset *ruleset, struct yaml_doc *yaml,
                                     struct diag *diag);
/* schema_names.c: whether each fact's name is free for it.  Errors: ERR_CONFLICT, ERR_TOO_LARGE
 * with the place. */
MUST_USE enum err schema_names_check(const struct ruleset *ruleset, struct diag *diag);
MUST_USE enum err ruleset_add_agreement(struct ruleset *ruleset, struct yaml_doc *yaml,
                                        const struct override *overrides, uint32_t override_count,
                                        struct diag *diag);
MUST_USE enum err ruleset_finish(struct ruleset *ruleset, const struct override *overrides,
                                 uint32_t override_count, struct diag *diag);

/* ruleset_load_overridden loads a canonical text with more overrides after its own.
 * Errors: as ruleset_load_text. */
MUST_USE enum err ruleset_load_overridden(struct span text, const char *const *more,
                                          uint32_t more_count, struct ruleset **ruleset,
                                          struct diag *diag);

/* --- loading ------------------------------------------------------------------------------- */

/* agreement_load reads one document.  overrides of other agreements are ignored.
 * Errors: ERR_INVALID with position in yaml; *agreement unchanged. */
MUST_USE enum err agreement_load(const struct ruleset *ruleset, const struct yaml_doc *yaml,
                                 const struct override *overrides, uint32_t override_count,
                                 struct agreement **agreement, struct diag *diag);
/* agreement_reload loads a document again under other overrides, without its tests. */
MUST_USE enum err agreement_reload(const struct agreement *known, const struct override *overrides,
                                   uint32_t override_count, struct agreement **agreement,
                                   struct diag *diag);
void agreement_free(struct agreement **agreement);

/* agreement.c: agreement_take returns zeroed memory that lives as long as the agreement. */
void *agreement_take(struct agreement *agreement, size_t count, size_t bytes);

/* The shared state of one load. */
struct loading {
    struct agreement *agreement;
    const struct ruleset *ruleset;
    const struct yaml_doc *yaml;
    const struct override *overrides;
    uint32_t override_count;
    struct diag *diag;
    uint64_t cost; /* of the conditions so far, at most CEL_STEPS_MAX */
    uint32_t name_count;
    struct {
        const char *name;
        const char *what; /* "parameter" */
    } names[NAMES_MAX];
};

/* fields.c: a missing key is a fault at the map.  field_fail points the diag at a node. */
MUST_USE enum err field_fail(const struct loading *loading, const struct yaml_node *node,
                             enum err err, const char *format, ...) PRINTF_LIKE(4, 5);
/* field_map: the node is a map that has only these keys. */
MUST_USE enum err field_map(const struct loading *loading, const struct yaml_node *node,
                            const char *what, const char *const *keys);
MUST_USE enum err field_date(const struct loading *loading, const struct yaml_node *map,
                             const char *key, int32_t *days);
MUST_USE enum err field_need(const struct loading *loading, const struct yaml_node *map,
                             const char *key, enum yaml_kind kind, const struct yaml_node **node);
MUST_USE enum err field_text(const struct loading *loading, const struct yaml_node *map,
                             const char *key, const char **text);
MUST_USE enum err field_text_opt(const struct loading *loading, const struct yaml_node *map,
                                 const char *key, const char **text);
MUST_USE enum err field_date_opt(const struct loading *loading, const struct yaml_node *map,
                                 const char *key, bool *has, int32_t *days);
MUST_USE enum err field_bool_opt(const struct loading *loading, const struct yaml_node *map,
                                 const char *key, bool *value);
MUST_USE enum err field_expect_kind(const struct loading *loading, const struct yaml_node *node,
                                    enum yaml_kind kind, const char *what);

/* field_first is the first node of the list or map under that key; NULL: there is none. */
const struct yaml_node *field_first(const struct yaml_node *map, const char *key);

/* parameters.c */
MUST_USE enum err parameters_load(struct loading *loading, const struct yaml_node *root);
MUST_USE enum err variables_load(struct loading *loading, const struct yaml_node *root);
/* override_split splits AGREEMENT.NAME=VALUE; false if the text has another form. */
bool override_split(struct span text, struct override *parts);
MUST_USE enum err override_parse(struct span text, struct override *override, struct diag *diag);
const struct parameter *parameter_find(const struct agreement *agreement, struct span name);
/* parameter_parse reads text (of --set, or of a scalar) as a value of the type; false if it is
 * none. */
MUST_USE bool parameter_parse(struct agreement *agreement, enum parameter_type type,
                              struct span text, struct value *value);
const char *parameter_type_name(enum parameter_type type);

/* expr.c */
MUST_USE enum err expr_declare_builtins(struct loading *loading);
MUST_USE enum err expr_declare_name(struct loading *loading, const struct yaml_node *key,
                                    const char *what);
/* expr_compile compiles a scalar; expect NULL: any type.  The program belongs to the agreement. */
MUST_USE enum err expr_compile(struct loading *loading, const struct yaml_node *node,
                               const struct cel_type *expect, const struct cel_program **program);

/* expr_words.c: the words of a condition as written: a dotted name is one word; strings and
 * comments are skipped.  Set only `text` at first; after each expr_words_next, `word` begins at
 * `start` and ends before `at`. */
struct expr_words {
    struct span text;
    size_t at;
    size_t start;
    struct span word;
};
bool expr_words_next(struct expr_words *words); /* false after the last */

/* rule_list.c, reasons.c */
/* rules_status_none is the entry `{status: none, why: TEXT}` of section in_force, unchecked; NULL:
 * there is none. */
const struct yaml_node *rules_status_none(const struct yaml_node *root);
MUST_USE enum err rules_load(struct loading *loading, const struct yaml_node *root);
void reasons_build(struct agreement *agreement);
void reasons_find_settle_slots(struct agreement *agreement);
/* reason_find returns the number, or reason_count. */
uint32_t reason_find(const struct agreement *agreement, enum disposition disposition,
                     struct span label);
/* rule_uses_officer is true when the rule reads a fact that an officer supplies. */
bool rule_uses_officer(const struct agreement *agreement, const struct rule *rule);
/* rule_reads marks the slots that a rule reads: in its group, its own condition and its window. */
void rule_reads(const struct rule *rule, bool is_read[SLOTS_MAX]);
/* Calls of cel_program_uses with room for every slot. */
uint32_t program_uses(const struct cel_program *program, struct cel_use uses[PATHS_MAX * 2]);

/* properties.c */
MUST_USE enum err properties_load(struct loading *loading, const struct yaml_node *root);

/* example_load.c, example_run.c */
struct expectation {
    enum disposition disposition;
    uint32_t reason; /* in the reason table */
    bool has_missing;
    uint16_t *missing; /* path ids, in order */
    uint32_t missing_count;
};
enum projection { PROJECTION_ANY, PROJECTION_NONE, PROJECTION_GIVEN };
struct example_test {
    const char *name;
    uint32_t line;
    struct value *slots; /* schema->slot_count */
    int32_t reference_date, as_of;
    struct override *set;
    uint32_t set_count;
    struct expectation expect;
    enum projection projection; /* the expected projection */
    struct expectation projected;
};
MUST_USE enum err example_load(struct loading *loading, const struct yaml_node *root);

/* --- status.c ------------------------------------------------------------------------------ */

struct status {
    enum event_kind last; /* the last legal event known at as_of; EVENT_NONE: none */
    enum status_reason reason;
    bool is_projected; /* not in force, not terminated */
};
/* events_finish fills corrected_from and legal; call it whenever events have changed. */
void events_finish(struct agreement *agreement);
struct status agreement_status(const struct agreement *agreement, int32_t reference_date,
                               int32_t as_of);
/* event_counts: the entry was known at as_of, and no entry known then corrects it. */
bool event_counts(const struct event *event, int32_t as_of);
int32_t agreement_in_force_on(const struct agreement *agreement, int32_t as_of);

/* --- a run --------------------------------------------------------------------------------- */

enum rule_truth { RULE_NOT_RUN, RULE_ABSENT, RULE_FALSE, RULE_TRUE, RULE_UNKNOWN, RULE_ERROR };

struct rule_state {
    enum cel_error error;  /* of RULE_ERROR */
    struct path_set paths; /* of RULE_UNKNOWN */
};

/* Results of rules, rule i at indexes[i]. */
struct rule_states {
    uint8_t *truths; /* enum rule_truth */
    struct rule_state *states;
    const uint32_t *indexes;
};

/* One agreement's state in one thread. */
struct agreement_run {
    const struct agreement *agreement;
    struct arena *arena; /* borrowed from the run */
    struct value *slots; /* schema->slot_count + EXTRA_COUNT, borrowed from the run */
    struct cel_run cel;
    struct status status;
    int32_t as_of;
    bool verdict_only;         /* only the disposition and reason of a finding */
    struct rule_states home;   /* of the case's own facts */
    struct rule_states tried;  /* of the values that settle tries */
    struct rule_states joined; /* of all tried values, joined */
    struct rule_states now;    /* one of these */
    uint16_t *open;            /* open rules before section officer, from finding_decide */
    uint32_t open_count;
    uint32_t path_words; /* of a path_set that holds the schema's paths */
    bool is_shared;      /* home belongs to the rule set's run, which clears it */
    bool is_spent;       /* memory or steps ran out in some rule */
    uint16_t *missing;   /* path_count each */
    uint16_t *missing_projected;
};

/* The decision of a finding. */
struct decision {
    enum disposition disposition;
    uint32_t rule; /* deciding rule; rule_count: otherwise */
    uint16_t reason;
    bool erred; /* a rule that counts has an error */
    bool settled;
};

void agreement_run_init(struct agreement_run *run, const struct agreement *agreement,
                        struct arena *arena, struct value *slots);
void agreement_run_fini(struct agreement_run *run);
/* agreement_run_share makes the run share rule results with other agreements while the facts and
 * as_of stay the same; the caller clears the truths between cases. */
void agreement_run_share(struct agreement_run *run, uint8_t *truths, struct rule_state *states);
/* agreement_evaluate expects the facts in run->slots; it fills the extra slots itself. */
void agreement_evaluate(struct agreement_run *run, int32_t reference_date, int32_t as_of,
                        struct finding *finding);
/* evaluate.c, for settle.c and trace.c: the result of a rule, which runs at most once between two
 * calls of agreement_run_forget. */
enum rule_truth rule_truth(struct agreement_run *run, uint32_t rule);
const struct rule_state *rule_state(const struct agreement_run *run, uint32_t rule);
void agreement_run_forget(struct agreement_run *run);
/* finding_decide does steps 1 to 6; step 3 tries no values when may_settle is false. */
struct decision finding_decide(struct agreement_run *run, bool projected, bool may_settle);
static inline bool rule_counts(const struct rule *rule, bool projected) {
    return !(projected && rule->section == SECTION_IN_FORCE);
}
/* finding_settle tries the two-sided facts; true when all tried values agree.  If the disposition
 * is screening_required, run->now then holds the unknown paths of all tries. */
bool finding_settle(struct agreement_run *run, bool projected, struct decision *decision);

/* example_run.c: example_tests_run evaluates each test of the document under the document's own
 * parameters and the test's `set`, and shows it with its run.  A test that cannot run is reported
 * and not shown. */
typedef void (*example_test_fn)(void *context, const struct example_test *test,
                                struct agreement_run *run, const struct finding *finding);
void example_tests_run(const struct agreement *agreement, example_test_fn visit, void *context,
                       struct buf *report);

/* --- conditions.c ---------------------------------------------------------------------------- */

/* rule_same is true only if both rules have the same truth on the same slots. */
bool rule_same(const struct rule *a, const struct rule *b);
/* conditions_number sets the indexes of every agreement's rules. */
void conditions_number(struct ruleset *ruleset);

/* --- canonical.c ----------------------------------------------------------------------------- */

struct canonical {
    struct span schema;
    struct span agreements[AGREEMENTS_MAX];
    struct span agreement_ids[AGREEMENTS_MAX];
    uint32_t agreement_count;
    struct span overrides;
    struct span vocabulary;
};
void canonical_write(const struct canonical *parts, struct buf *text);
/* canonical_read points into text.  Errors: ERR_INVALID, ERR_VERSION. */
MUST_USE enum err canonical_read(struct span text, struct canonical *parts, struct diag *diag);

/* --- trace_source.c: an agreement's rules in its document --------------------------------- */

struct rule_source {
    const struct yaml_node *node;  /* the rule, or the line `status` */
    const struct yaml_node *given; /* NULL: no group */
    const struct yaml_node *when;  /* NULL of the line `status` */
};

/* rule_sources writes one per rule, in the order of agreement->rules. */
void rule_sources(const struct agreement *agreement, struct rule_source *sources);
/* source_names is true when the condition (NULL: none) names the variable or parameter. */
bool source_names(const struct yaml_node *condition, struct span name);

#endif
