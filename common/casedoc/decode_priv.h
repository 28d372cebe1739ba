/* Purpose: the decoder's state, shared by case_decode.c (the case), case_value.c (its facts) and
 * decode_fault.c (shared functions).
 * Invariant: after any value, valid or not, `at` is after it, unless the decoder has stopped. */
#ifndef CASEMILL_CASEDOC_DECODE_PRIV_H
#define CASEMILL_CASEDOC_DECODE_PRIV_H

#include "casedoc/case_doc.h"
#include "wire/walk.h"

enum { TRAIL_MAX = 4 }; /* record, its list, the element, its field */

/* One step of a fault's path: a name, or an element's number when name.ptr is NULL (the number is
 * then set, and only then). */
struct trail_step {
    struct span name;
    uint32_t index;
};

struct decoder {
    const struct schema *schema;
    struct span bytes;
    size_t at;
    struct arena *arena;
    struct case_doc *doc;
    enum err err;     /* the arena is full or the bytes were never walked */
    const char *base; /* the first part of the path: "facts", "case_id" */
    struct trail_step trail[TRAIL_MAX];
    uint32_t depth;
};

static inline bool decode_stopped(const struct decoder *d) {
    return d->err != ERR_OK || d->doc->fault_count == CASE_FAULTS_MAX;
}

/* Reads one item; false when the decoder has stopped. */
static inline bool decode_read(struct decoder *d, struct walk_item *item) {
    if (decode_stopped(d)) {
        return false;
    }
    d->err = walk_next(d->bytes, &d->at, item);
    return d->err == ERR_OK;
}
/* Skips the value that begins at start. */
void decode_skip(struct decoder *d, size_t start);
/* Skips the value that begins at start, after its first item was read. */
static inline void decode_skip_rest(struct decoder *d, size_t start, const struct walk_item *item) {
    if (item->type == WALK_ARRAY || item->type == WALK_MAP) {
        decode_skip(d, start);
    }
}
/* Records a fault at the current path; returns false, for `return decode_fault(...)`. */
bool decode_fault(struct decoder *d, const char *reason, const char *expected, const char *found);
/* The same at one key below the current path; a key that is not a valid name is shown as "?". */
bool decode_fault_key(struct decoder *d, struct span key, const char *reason, const char *expected,
                      const char *found);
void *decode_take(struct decoder *d, size_t bytes); /* NULL: stopped */
/* What a fault states as found: the value's type, and in which way it differs where the type alone
 * is the expected one.  Never its content. */
const char *decode_found(const struct walk_item *item, const char *reason);
const char *decode_found_int(const struct walk_item *item, int64_t min);
const char *decode_found_next(const struct decoder *d); /* of the value that comes next */

/* Checks that a str is UTF-8 without NUL; records the fault. */
bool decode_text(struct decoder *d, const char *expected, struct span text);

/* The facts of a map: the case's, or a record's. */
struct fact_list {
    const struct fact *facts;
    const struct word_index *index;
    uint32_t count;
};
static inline struct fact_list record_list(const struct fact *record) {
    return (struct fact_list){record->fields, record->field_index, record->field_count};
}
static inline struct fact_list decode_facts(const struct schema *schema) {
    return (struct fact_list){schema->facts, schema->fact_index, schema->fact_count};
}
/* Reads the fields of one map of `pairs` entries: into out_pairs (value j at 2j + 1) for a record
 * in a list, else into the case's slots. */
bool decode_fields(struct decoder *d, struct fact_list list, uint32_t pairs,
                   struct value *out_pairs);

/* Reads a fact or field that may be nil, which means unknown; out is that of its slot, or NULL. */
bool decode_fact(struct decoder *d, const struct fact *fact, struct value *out);
/* Records that no fact of the list has this key; what its value is, is `found`. */
void decode_unknown_key(struct decoder *d, struct fact_list list, struct span key,
                        const char *found);

/* The steps of case_decode.c, for a case that is no map.  decode_begin: false: stopped.
 * decode_keys reads the first `count` of case_id, revision, reference_date and as_of, one value
 * behind the other; the others are absent.  decode_end makes the digest. */
bool decode_begin(struct decoder *d);
void decode_keys(struct decoder *d, uint32_t count);
void decode_end(struct decoder *d);
#define DECODE_FACTS_BASE "facts"

#endif
