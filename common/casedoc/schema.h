/* Purpose: the case schema (config/case.yaml): which facts a case may have and what each may hold.
 * The document's format is in README.md.
 * A *slot* is decoded, and a condition reads it: a top-level scalar, list or map, or a leaf of a
 * top-level record (`minor_ctx.accompanied`).  A *path* can be missing: every slot's name, and the
 * leaves of records inside lists (`family_anchors[].age_18_plus`).  Paths 0..slot_count-1 are the
 * slots. Ownership: immutable after load; owned by whoever loaded it. */
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
    const char *leaf; /* its last part, the key on the wire */
    uint32_t name_len;
    uint32_t leaf_len;
    enum fact_type type;
    bool officer;       /* asked_of: officer */
    uint16_t slot;      /* of a slot; UINT16_MAX for a leaf inside a list */
    uint16_t path;      /* id in path sets; of a record or an element: its slot's, or 0 */
    uint32_t count_max; /* elements of a list or map */
    uint32_t bytes_max; /* of a string, or of a map's string keys */
    int64_t int_min, int_max;
    const char *const *words; /* enum and ISO vocabulary, in file (enum) or byte (ISO) order; of a
                                 map with ISO keys: the keys' */
    uint32_t word_count;
    const struct word_index *word_index; /* of words; private to the folder (words.h) */
    bool map_keys_iso;
    const struct fact *element; /* of a list or map */
    const struct fact *fields;  /* of a record */
    uint32_t field_count;
    const struct word_index *field_index; /* of the fields' leaves; private to the folder */
    const uint16_t *fields_by_name;       /* indices into fields, in byte order of their leaf */
    const char *help;                     /* the question to ask; "" when none is given */
};

/* A slot's name as the digest has it. */
enum { SLOT_NAME_STEP = 32 };
struct slot_name {
    const uint8_t *text; /* with its NUL, zero-padded to a multiple of SLOT_NAME_STEP */
    uint32_t len;        /* with its NUL */
    uint16_t slot;
};

struct schema {
    const struct fact *facts; /* top level, in file order */
    uint32_t fact_count;
    const struct word_index *fact_index; /* of the facts' names; private to the folder */
    const struct fact *const *slots;     /* by slot number: case.yaml order, records flattened */
    uint32_t slot_count;
    const struct fact *const *paths; /* by path id */
    uint32_t path_count;
    const struct slot_name *names; /* of the slots, in byte order */
    const struct value *unknown;   /* by slot number: the values of a case without facts */
    const char *title;
};

enum {
    FACT_NAME_BYTES_MAX = 40, /* of one part of a path */
    FACT_WORD_BYTES_MAX = 64,
    FACT_WORDS_MAX = 1024,
    FACT_FIELDS_MAX = 64,
    FACT_COUNT_MAX = 1024,      /* the largest `max` */
    FACT_COUNT_DEFAULT = 64,    /* `max` when it is not given */
    FACT_BYTES_MAX = 65536,     /* the largest `bytes` */
    FACT_BYTES_DEFAULT = 256,   /* `bytes` of a string when it is not given */
    FACT_KEY_BYTES_DEFAULT = 64 /* `bytes` of a map's keys when it is not given */
};

/* schema_load reads the document; ISO words come from `iso` (see vocabulary_load_iso), sorted.
 * Errors: ERR_INVALID with position; ERR_VERSION; ERR_TOO_LARGE more than PATHS_MAX paths.
 * Ownership: the schema copies what it keeps; doc and iso may be freed. */
struct vocabulary {
    const char *const *words;
    uint32_t count;
};
MUST_USE enum err schema_load(const struct yaml_doc *doc, struct vocabulary iso,
                              struct schema **schema, struct diag *diag);
void schema_free(struct schema **schema);

/* vocabulary_load_iso reads alpha-2 codes from the system's iso-codes package, sorted.
 * Errors: ERR_NOT_FOUND not installed; ERR_INVALID not such a file.
 * Ownership: the caller's, freed with vocabulary_free, which accepts an empty one. */
MUST_USE enum err vocabulary_load_iso(struct vocabulary *iso, struct diag *diag);
void vocabulary_free(struct vocabulary *iso);

const struct fact *schema_find(const struct schema *schema,
                               struct span name); /* by path name, or NULL */
/* schema_is_name checks that the text could be the name of a fact or field; no other key of a
 * sender is ever shown. */
bool schema_is_name(struct span name);

#endif
