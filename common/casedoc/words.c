/* A word index is less than half full, so a search for an unknown word ends soon. */
#include "casedoc/words.h"

static uint32_t slots_for(uint32_t count) {
    uint32_t slots = 4;
    while (slots < count * 2 + 1) {
        slots *= 2;
    }
    return slots;
}

size_t word_index_bytes(uint32_t count) {
    return sizeof(struct word_index) + slots_for(count) * sizeof(struct word_entry);
}

void word_index_fill(struct word_index *index, const char *const *words, uint32_t count) {
    uint32_t slots = slots_for(count);
    index->mask = slots - 1;
    for (uint32_t i = 0; i < slots; i++) {
        index->slots[i] = (struct word_entry){.number = WORD_NONE};
    }
    for (uint32_t i = 0; i < count; i++) {
        struct span word = span_str(words[i]);
        uint64_t head = word_head(word);
        uint32_t at = word_hash(head, word.len);
        while (index->slots[at & index->mask].number != WORD_NONE) {
            at++;
        }
        index->slots[at & index->mask] = (struct word_entry){
            .head = head, .text = words[i], .len = (uint32_t)word.len, .number = i};
    }
}
