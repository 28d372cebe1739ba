/* Purpose: one case's MessagePack bytes -> typed facts, or a list of faults with path, expected,
 * found. Order: wire/walk.h checks the framing of the bytes first. Ownership: values point into the
 * bytes and the arena; both outlive the struct. */
#ifndef CASEMILL_CASEDOC_CASE_DOC_H
#define CASEMILL_CASEDOC_CASE_DOC_H

#include "base/arena.h"
#include "base/hash.h"
#include "casedoc/schema.h"

enum { CASE_ID_BYTES_MAX = 64, CASE_FAULTS_MAX = 8, CASE_REVISION_UNREAD = -1 };

/* Why a case is a dead letter.  path holds names of the schema and element numbers; an unknown key
 * is shown if it is a valid name, else as "?".  Map entries are numbered as sent, since their keys
 * are content.  reason is a word of a closed list: not_a_map, missing_id, bad_revision, bad_date,
 * unknown_key, unknown_fact, duplicate_key, wrong_type, not_utf8, nul_byte, not_a_number,
 * unknown_word, out_of_range, too_large, nil_element. */
struct case_fault {
    const char *reason;
    char path[96];     /* "facts.family_anchors[2].relation" */
    char expected[96]; /* "one of spouse, common_law_partner, ..." cut to size */
    char found[32];    /* a type, never a value (P10): "int", "int above the range", "nil" */
};

struct case_doc {
    struct span case_id; /* empty when it could not be read */
    int32_t revision;    /* CASE_REVISION_UNREAD when it could not be read */
    bool has_reference_date, has_as_of;
    int32_t reference_date, as_of; /* days since 1970; as sent */
    struct value *slots;           /* schema->slot_count; VAL_UNKNOWN where absent or nil */
    struct hash128 digest;         /* of the known facts; valid when fault_count is 0 */
    uint32_t fault_count;          /* decoding stops at CASE_FAULTS_MAX */
    struct case_fault faults[CASE_FAULTS_MAX];
};

/* case_decode fills *doc from one MessagePack map.  Faults are in doc, not an error.  Nil means
 * absent, both in the case's own keys and in its facts.  A record inside a list becomes a VAL_MAP
 * of all its fields in schema order; an absent or nil leaf is VAL_UNKNOWN with its path.  Entries
 * of a map fact are sorted by key.  Errors: ERR_TOO_LARGE the arena is full; any other: the bytes
 * never passed the walker. */
MUST_USE enum err case_decode(const struct schema *schema, struct span bytes, struct arena *arena,
                              struct case_doc *doc);
/* case_decode_next decodes the case at *offset and moves past it, also after faults and
 * ERR_TOO_LARGE.  Errors: as case_decode; after any other error decoding must stop. */
MUST_USE enum err case_decode_next(const struct schema *schema, struct span bytes, size_t *offset,
                                   struct arena *arena, struct case_doc *doc);
/* case_key_peek reads the key of a case without decoding the rest; what cannot be read is
 * unchanged. A case_id that it returns can be stored as a text. */
void case_key_peek(struct span bytes, struct span *case_id, int32_t *revision);
/* value_is_storable is false for a value with an instant finer than a microsecond, PostgreSQL's
 * unit. Intake refuses such a value: a stored case must be the one that was sent. */
bool value_is_storable(const struct value *value);
/* case_slot_from_yaml applies the same checks to a slot in YAML (a rule document's example and
 * tests), except value_is_storable; null is unknown.  Ownership: the value lies in the arena.
 * Errors: ERR_INVALID with position; ERR_TOO_LARGE. */
MUST_USE enum err case_slot_from_yaml(const struct schema *schema, const struct fact *fact,
                                      const struct yaml_doc *yaml, const struct yaml_node *node,
                                      struct arena *arena, struct value *slot, struct diag *diag);
/* case_digest computes the digest from slots and the dates as sent: XXH3-128 over
 *   byte 1, the encoding's version; byte (1 if reference_date was sent) + (2 if as_of was sent);
 *   each date sent, in that order, as le32 days since 1970;
 *   for each known slot, in byte order of the names: name, NUL, value.
 * A value is a tag and its content:
 *   'b' byte 0 or 1      'i' le64                    'd' le64 IEEE bits     's' le32 bytes, UTF-8
 *   't' le64 seconds since 1970, le32 nanoseconds (a date at 00:00Z)
 *   '[' le32 count, values in order                  '{' le32 count, per entry: key as 's', value
 * Map entries are in byte order of their keys, as are the fields of a record in a list, without
 * unknown fields.  So key order, number width, an int sent for a double and a newly declared fact
 * do not change the digest. */
struct hash128 case_digest(const struct schema *schema, const struct case_doc *doc);

#endif
