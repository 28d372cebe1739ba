/* Purpose: one case's MessagePack bytes -> typed facts, or a list of faults with path, expected, found.
 * Order: the bytes have passed wire/walk.h (framing) before they come here.
 * Ownership: values point into the bytes and the arena; both outlive the struct. */
#ifndef CASEMILL_CASEDOC_CASE_DOC_H
#define CASEMILL_CASEDOC_CASE_DOC_H

#include "base/arena.h"
#include "base/hash.h"
#include "casedoc/schema.h"

enum { CASE_ID_BYTES_MAX = 64, CASE_FAULTS_MAX = 8 };

/* Why a case is a dead letter.  reason is a word of a closed list: not_a_map, missing_id, bad_revision,
 * bad_date, unknown_key, unknown_fact, duplicate_key, wrong_type, not_utf8, nul_byte, not_a_number,
 * unknown_word, out_of_range, too_large, nil_element. */
struct case_fault {
    const char *reason;
    char path[96];     /* "facts.family_anchors[2].relation" */
    char expected[96]; /* "one of spouse, common_law_partner, ..." cut to size */
    char found[32];    /* a type only, never a value (P10): "str", "int", "nil" */
};

struct case_doc {
    struct span case_id; /* empty when it could not be read */
    int32_t revision;    /* 0 when it could not be read */
    bool has_reference_date, has_as_of;
    int32_t reference_date, as_of; /* days since 1970; as sent */
    struct value *slots;           /* schema->slot_count; VAL_UNKNOWN where absent or nil */
    struct hash128 digest;         /* design section 7; valid when fault_count is 0 */
    uint32_t fault_count;
    struct case_fault faults[CASE_FAULTS_MAX];
};

/* case_decode fills *doc from one MessagePack map.  Faults are in doc, not an error.
 * Errors: ERR_TOO_LARGE the arena is spent. */
MUST_USE enum err case_decode(const struct schema *schema, struct span bytes, struct arena *arena,
                              struct case_doc *doc);
/* The same checks on facts that come as YAML (a rule document's example and tests). */
MUST_USE enum err case_slot_from_yaml(const struct schema *schema, const struct fact *fact,
                                      const struct yaml_doc *yaml, const struct yaml_node *node,
                                      struct arena *arena, struct value *slot, struct diag *diag);
/* case_digest computes the digest from slots and the dates as sent. */
struct hash128 case_digest(const struct schema *schema, const struct case_doc *doc);

#endif
