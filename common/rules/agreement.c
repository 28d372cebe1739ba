/* An agreement's memory: everything it points to lives as long as it does. */
#include "rules/rules_priv.h"

#include "base/mem.h"

void *agreement_take(struct agreement *agreement, size_t count, size_t bytes) {
    void *memory = arena_zero(&agreement->arena, count == 0 ? 1 : count, bytes);
    CHECK(memory !=
          NULL); /* the limits of rules_priv.h keep a document far smaller than the arena */
    return memory;
}

void agreement_free(struct agreement **agreement) {
    struct agreement *old = *agreement;
    *agreement = NULL;
    if (old == NULL) {
        return;
    }
    while (old->program_count > 0) { /* a program may use those compiled before it */
        cel_program_free(&old->programs[--old->program_count]);
    }
    mem_free(old->programs);
    cel_env_free(&old->env);
    arena_free(&old->arena);
    yaml_doc_free(&old->owned_yaml);
    mem_free(old);
}
