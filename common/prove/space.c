/* What a space keeps: its memory, the texts as numbers, what holds in every case, and the names of
 * what is not translated. */
#include "prove/prove_priv.h"

#include "base/mem.h"

#include <stdio.h>

void prove_names_add(struct prove_names *names, const char *subject, const char *what) {
    char text[sizeof(names->texts[0])];
    (void)snprintf(text, sizeof(text), "%s: %s", subject, what);
    for (uint32_t i = 0; i < names->count; i++) {
        if (strcmp(names->texts[i], text) == 0) {
            return;
        }
    }
    if (names->count == PROVE_NAMES_MAX) {
        names->left_out++;
        return;
    }
    memcpy(names->texts[names->count++], text, sizeof(text));
}

void *space_take(struct space *space, size_t count, size_t bytes) {
    void *taken = arena_zero(&space->arena, count == 0 ? 1 : count, bytes);
    CHECK(taken != NULL); /* documents and schemas are bounded far below the arena */
    return taken;
}

uint32_t space_word(struct space *space, struct span text) {
    for (uint32_t i = 0; i < space->word_count; i++) {
        if (span_eq(space->words[i], text)) {
            return i;
        }
    }
    MEM_ROOM(space->words, space->word_count, space->word_cap, 512);
    struct span copy = arena_copy(&space->arena, text);
    CHECK(copy.ptr != NULL);
    space->words[space->word_count] = copy;
    return space->word_count++;
}

void space_state(struct space *space, term fact) {
    if (fact != space->yes) {
        MEM_ROOM(space->domain, space->domain_count, space->domain_cap, 256);
        space->domain[space->domain_count++] = fact;
    }
}
