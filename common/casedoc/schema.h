/* Purpose: the case schema (config/case.yaml): which facts a case may have and what each may hold.
 * A *slot* is what is decoded and what a condition reads: a top-level scalar, list or map, or a leaf of
 * a top-level record (`minor_ctx.accompanied`).  A *path* is what can be missing: every slot's name, and
 * the leaves of records inside lists (`family_anchors[].age_18_plus`).  Paths 0..slot_count-1 are the slots.
 * Ownership: immutable after load; owned by whoever loaded it. */
#ifndef CASEMILL_CASEDOC_SCHEMA_H
#define CASEMILL_CASEDOC_SCHEMA_H

#include "base/value.h"
#include "yaml/yaml_doc.h"

enum fact_type {
    FACT_BOOL,
    FACT_INT,
    FACT_DOUBLE,
    FACT_STRING, /* free text of at most bytes_max */
    FACT_ENUM,   /* a word of words[] */
    FACT_ISO,    /* ISO 3166-1 alpha-2, held in words[] too */
    FACT_DATE,
    FACT_TIMESTAMP,
    FACT_LIST,  /* of element */
    FACT_MAP,   /* string key -> element; key_words when the keys are ISO words */
    FACT_RECORD /* of fields; only at top level or as a list's element */
};

struct fact {
    const char *name; /* full path: "minor_ctx.accompanied", "family_anchors[].relation" */
    const char *leaf; /* last part of it, as it is keyed on the wire */
    enum fact_type type;
    bool officer;            /* asked_of: officer */
    uint16_t slot;           /* of a slot; UINT16_MAX for a leaf inside a list */
    uint16_t path;           /* id in path sets */
    uint32_t count_max;      /* elements of a list or map */
    uint32_t bytes_max;      /* of a string */
    int64_t int_min, int_max;
    const char *const *words; /* enum and ISO vocabulary, in file (enum) or byte (ISO) order */
    uint32_t word_count;
    bool map_keys_iso;
    const struct fact *element; /* of a list or map */
    const struct fact *fields;  /* of a record */
    uint32_t field_count;
    const char *help; /* the question to ask */
};

struct schema {
    const struct fact *facts; /* top level, in file order */
    uint32_t fact_count;
    const struct fact *const *slots; /* by slot number: case.yaml order, records flattened */
    uint32_t slot_count;
    const struct fact *const *paths; /* by path id */
    uint32_t path_count;
};

/* schema_load reads the document; ISO words come from `iso` (see schema_iso_load), sorted.
 * Errors: ERR_INVALID with position. */
struct vocabulary {
    const char *const *words;
    uint32_t count;
};
MUST_USE enum err schema_load(const struct yaml_doc *doc, struct vocabulary iso, struct schema **schema,
                              struct diag *diag);
void schema_free(struct schema **schema);

/* vocabulary_load_iso reads alpha-2 codes from the system's iso-codes package, sorted. Errors: ERR_NOT_FOUND. */
MUST_USE enum err vocabulary_load_iso(struct vocabulary *iso, struct diag *diag);
void vocabulary_free(struct vocabulary *iso);

const struct fact *schema_find(const struct schema *schema, struct span name); /* by path name, or NULL */

#endif
