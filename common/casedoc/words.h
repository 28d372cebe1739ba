/* Purpose: search for a word of a vocabulary: a hash table of the first eight bytes, made once per
 * schema.  Ownership: views into the words; lives as long as the schema. */
#ifndef CASEMILL_CASEDOC_WORDS_H
#define CASEMILL_CASEDOC_WORDS_H

#include "base/span.h"

enum { WORD_HEAD_BYTES = 8 };
#define WORD_NONE UINT32_MAX

struct word_entry {
    uint64_t head; /* see word_head */
    const char *text;
    uint32_t len;
    uint32_t number; /* in the vocabulary's order; WORD_NONE: an empty slot */
};
struct word_index {
    uint32_t mask; /* slots - 1 */
    struct word_entry slots[];
};

/* word_head is a number: two texts of one length have the same number exactly if their first eight
 * bytes are the same. */
static inline uint64_t word_head(struct span text) {
    uint64_t head = 0;
    if (text.len >= WORD_HEAD_BYTES) {
        memcpy(&head, text.ptr, WORD_HEAD_BYTES);
    } else if (text.len >= 4) {
        uint32_t first = 0;
        uint32_t last = 0;
        memcpy(&first, text.ptr, sizeof(first));
        memcpy(&last, text.ptr + text.len - sizeof(last), sizeof(last));
        head = first | (uint64_t)last << 32;
    } else if (text.len >= 2) {
        uint16_t first = 0;
        memcpy(&first, text.ptr, sizeof(first));
        head = first | (uint64_t)text.ptr[text.len - 1] << 16;
    } else if (text.len == 1) {
        head = text.ptr[0];
    }
    return head;
}

static inline bool word_eight_is(const uint8_t *text, const char *word) {
    uint64_t left = 0;
    uint64_t right = 0;
    memcpy(&left, text, sizeof(left));
    memcpy(&right, word, sizeof(right));
    return left == right;
}

/* Eight bytes at a time, then the last eight, which may overlap. */
static inline bool word_rest_is(struct span text, const char *word) {
    if (text.len <= WORD_HEAD_BYTES) {
        return true;
    }
    for (size_t at = WORD_HEAD_BYTES; at + WORD_HEAD_BYTES < text.len; at += WORD_HEAD_BYTES) {
        if (!word_eight_is(text.ptr + at, word + at)) {
            return false;
        }
    }
    size_t last = text.len - WORD_HEAD_BYTES;
    return word_eight_is(text.ptr + last, word + last);
}

static inline uint32_t word_hash(uint64_t head, size_t len) {
    return (uint32_t)((head ^ len) * 0x9e3779b97f4a7c15U >> 32);
}

/* word_index_bytes and word_index_fill make an index of `count` different words in the caller's
 * memory. */
size_t word_index_bytes(uint32_t count);
void word_index_fill(struct word_index *index, const char *const *words, uint32_t count);

/* words_find returns the number of the word, or WORD_NONE. */
static inline uint32_t words_find(const struct word_index *index, struct span text) {
    uint64_t head = word_head(text);
    for (uint32_t at = word_hash(head, text.len);; at++) {
        const struct word_entry *entry = &index->slots[at & index->mask];
        if (entry->number == WORD_NONE) {
            return WORD_NONE;
        }
        if (entry->head == head && entry->len == text.len && word_rest_is(text, entry->text)) {
            return entry->number;
        }
    }
}

#endif
