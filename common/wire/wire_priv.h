/* Purpose: the protocol as a table, read by the encoder and the decoder alike: the keys of a
 * command's header, their kinds, and their offsets in its struct.
 * Never: a rule about one key in code that the table could hold. */
#ifndef CASEMILL_WIRE_WIRE_PRIV_H
#define CASEMILL_WIRE_WIRE_PRIV_H

#include "wire/wire.h"

enum wire_kind {
    KIND_UUID,     /* bin of 16 bytes */
    KIND_U32,      /* uint, of `number` */
    KIND_U64,      /* uint, of `number` */
    KIND_I64,      /* int, of `number` */
    KIND_BOOL,     /* bool */
    KIND_TEXT,     /* UTF-8 str of at most `max` bytes */
    KIND_WORD,     /* str of a closed list; an enum in the struct */
    KIND_WORDS,    /* array of str: a set of bits in a uint32_t; unknown words are skipped */
    KIND_FIELDS,   /* map of `fields`, in the same struct */
    KIND_OUTCOMES, /* map: disposition -> uint, of `number`; zeros may be left out */
    KIND_RAW,      /* any value, kept as its bytes; nil is empty */
    KIND_MAPS,     /* array of maps of `fields`, a struct each */
    KIND_TUPLES,   /* array of arrays: the values of `fields` in order, a struct each */
    KIND_UUIDS     /* array of bin of 16 bytes */
};

enum wire_need {
    NEED_ALWAYS,   /* a header without it is refused */
    NEED_OPTIONAL, /* always written; absent or nil keeps the default set before reading */
    NEED_NOT_ZERO, /* left out when zero, false or empty; absent or nil reads as that; in a tuple
                      only its last element */
    NEED_HAS       /* nil or absent unless the bool at `side` is set */
};

struct wire_words {
    const char *const *words;
    uint32_t count;
};

struct wire_field {
    const char *key;
    enum wire_kind kind;
    enum wire_need need;
    size_t at;               /* offset of the member in the struct */
    size_t side;             /* offset of its bool (NEED_HAS) or of its uint32_t count (arrays) */
    uint32_t max;            /* bytes of a text, elements of an array; of a KIND_U32 whose sum with
                                the uint32_t at `side` is limited, that limit; else 0 */
    enum wire_number number; /* range of an integer */
    const struct wire_words *words;
    const struct wire_field *fields; /* of a map or of an array's elements */
    uint32_t field_count;
    size_t element_bytes; /* of an array: the struct of an element */
    bool is_per_range;    /* of an array: one element per range, so the ranges come before it */
};

struct wire_shape {
    size_t at; /* of the command's struct in struct wire_message */
    const struct wire_field *fields;
    uint32_t field_count;
};
struct wire_head {
    const char *name;
    enum wire_socket socket;
    enum wire_direction direction;
};

enum { WIRE_FIELDS_MAX = 32 };

const struct wire_shape *wire_shape(enum wire_command command);
const struct wire_head *wire_head(enum wire_command command);
extern const struct wire_words wire_dispositions;
bool wire_word_find(const struct wire_words *words, struct span word, uint32_t *index);

#endif
