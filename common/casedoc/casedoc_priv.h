/* Purpose: checks that decoding from MessagePack and from YAML share, and the reader of jsonb. */
#ifndef CASEMILL_CASEDOC_CASEDOC_PRIV_H
#define CASEMILL_CASEDOC_CASEDOC_PRIV_H

#include "base/arena.h"
#include "casedoc/schema.h"
#include "casedoc/words.h"

enum { EXPECTED_BYTES = 96 };

/* Whether the text is one of the fact's words, or of its keys' words. */
static inline bool fact_has_word(const struct fact *fact, struct span text) {
    return words_find(fact->word_index, text) != WORD_NONE;
}

/* timestamp_parse reads RFC 3339 "YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)" into a
 * VAL_TIMESTAMP; at most nine digits of fraction, no leap second.  Errors: ERR_INVALID. */
MUST_USE enum err timestamp_parse(struct span text, struct value *value);

/* date_is_partial is true for "YYYY" and "YYYY-MM": an incomplete day. */
bool date_is_partial(struct span text);

/* fact_expected writes the expected form of the fact's value, cut to size: "one of a, b, c". */
void fact_expected(const struct fact *fact, char text[EXPECTED_BYTES]);

/* Sorts map pairs by key; returns false if a key occurs twice. */
bool pairs_sort(struct value *pairs, uint32_t count);

/* json_read reads the JSON text of a jsonb column: a list of scalars or records, or a map of
 * scalars.  Ownership: values point into the text, the schema and
 * the arena.  Errors: ERR_INVALID the text is not a value of the fact; ERR_TOO_LARGE the arena is
 * spent. */
MUST_USE enum err json_read(const struct fact *fact, struct span text, struct arena *arena,
                            struct value *value);

/* fact_text_value is the value of a fact that is stored as text.  Errors: ERR_INVALID not a word of
 * its vocabulary, too long, or not UTF-8 without NUL. */
MUST_USE enum err fact_text_value(const struct fact *fact, struct span text, struct value *value);

#endif
