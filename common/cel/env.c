/* The env: declared names and the types they have.  Everything in it lives in one arena until it is
 * freed. */
#include "cel/cel_priv.h"

#include "base/mem.h"

enum {
    ENV_BYTES_MAX = 64 * 1024 * 1024,
    ENV_CHUNK_BYTES = 8 * 1024,
    NAME_BYTES_MAX = 256,
    ITEMS_MAX_DEFAULT = 1024
};

struct cel_env *cel_env_new(void) {
    struct cel_env *env = mem_zero(1, sizeof(*env));
    arena_init(&env->arena, ENV_BYTES_MAX);
    env->arena.chunk_bytes = ENV_CHUNK_BYTES;
    struct cel_type *types = arena_zero(&env->arena, CEL_SCALARS + 1, sizeof(*types));
    CHECK(types != NULL);
    for (unsigned kind = 0; kind < CEL_SCALARS; kind++) {
        types[kind].kind = kind;
        types[kind].next = env->types;
        env->types = &types[kind];
        env->scalars[kind] = &types[kind];
    }
    types[CEL_SCALARS].kind = CEL_KIND_BOTTOM;
    env->bottom = &types[CEL_SCALARS];
    env->items_max = ITEMS_MAX_DEFAULT;
    return env;
}

void cel_env_free(struct cel_env **env) {
    if (*env != NULL) {
        arena_free(&(*env)->arena);
        mem_free(*env);
        *env = NULL;
    }
}

void cel_env_container(struct cel_env *env, const char *container) {
    env->container = arena_copy(&env->arena, span_str(container));
    CHECK(env->container.ptr != NULL);
}

void cel_env_items(struct cel_env *env, uint32_t items_max) { env->items_max = items_max; }

void cel_env_unchecked(struct cel_env *env, bool unchecked) { env->unchecked = unchecked; }

static const struct declaration *env_find(const struct cel_env *env, struct span name) {
    for (const struct declaration *at = env->declarations; at != NULL; at = at->next) {
        if (span_eq(at->name, name)) {
            return at;
        }
    }
    return NULL;
}

const struct declaration *env_resolve(const struct cel_env *env, struct span name, bool rooted) {
    size_t outer = rooted ? 0 : env->container.len;
    while (outer > 0) {
        uint8_t joined[2 * NAME_BYTES_MAX + 1];
        if (outer + 1 + name.len <= sizeof(joined)) {
            memcpy(joined, env->container.ptr, outer);
            joined[outer] = '.';
            memcpy(joined + outer + 1, name.ptr, name.len);
            const struct declaration *found =
                env_find(env, span_make(joined, outer + 1 + name.len));
            if (found != NULL) {
                return found;
            }
        }
        while (outer > 0 && env->container.ptr[outer - 1] != '.') {
            outer--;
        }
        outer = outer == 0 ? 0 : outer - 1;
    }
    return env_find(env, name);
}

static bool is_identifier(struct span part) {
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return part.len != 0 && !parse_is_reserved(part);
}

bool cel_is_reserved(struct span name) { return parse_is_reserved(name); }

static bool is_name(struct span name) {
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i == name.len || name.ptr[i] == '.') {
            if (!is_identifier(span_make(name.ptr + start, i - start))) {
                return false;
            }
            start = i + 1;
        }
    }
    return name.len <= NAME_BYTES_MAX;
}

static enum err declare(struct cel_env *env, const char *name, struct declaration like,
                        struct diag *diag) {
    if (!is_name(span_str(name))) {
        return diag_fail(diag, ERR_INVALID, "`%s` cannot name a value in a condition", name);
    }
    if (env_find(env, span_str(name)) != NULL) {
        return diag_fail(diag, ERR_CONFLICT, "the name `%s` is already taken", name);
    }
    struct declaration *declaration = arena_alloc(&env->arena, sizeof(*declaration));
    struct span copy = arena_copy(&env->arena, span_str(name));
    if (declaration == NULL || copy.ptr == NULL) {
        return diag_fail(diag, ERR_TOO_LARGE, "too many names are declared");
    }
    *declaration = like;
    declaration->name = copy;
    declaration->next = env->declarations;
    env->declarations = declaration;
    return ERR_OK;
}

enum err cel_declare_slot(struct cel_env *env, const char *name, const struct cel_type *type,
                          uint16_t slot, struct diag *diag) {
    return declare(env, name,
                   (struct declaration){.kind = DECLARED_SLOT, .type = type, .slot = slot}, diag);
}

/* Copies a value into the arena; false when it is full.  Depth is bounded by the caller's data. */
static bool copy_value(struct arena *arena, struct value *value) {
    bool text = value->kind == VAL_STRING || value->kind == VAL_BYTES || value->kind == VAL_TYPE;
    if (text) {
        struct span copy = arena_copy(arena, value_span(*value));
        value->text = (const char *)copy.ptr;
        return copy.ptr != NULL;
    }
    bool many = value->kind == VAL_LIST || value->kind == VAL_MAP || value->kind == VAL_OPTIONAL;
    if (!many || value->len == 0) {
        return true;
    }
    size_t count = (size_t)value->len * (value->kind == VAL_MAP ? 2 : 1);
    struct value *items = arena_zero(arena, count, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = value->items[i];
        if (!copy_value(arena, &items[i])) {
            return false;
        }
    }
    value->items = items;
    return true;
}

enum err cel_declare_const(struct cel_env *env, const char *name, const struct cel_type *type,
                           struct value value, struct diag *diag) {
    if (!copy_value(&env->arena, &value)) {
        return diag_fail(diag, ERR_TOO_LARGE, "the constant `%s` is too large", name);
    }
    return declare(env, name,
                   (struct declaration){.kind = DECLARED_CONST, .type = type, .value = value},
                   diag);
}

enum err cel_declare_expr(struct cel_env *env, const char *name, const struct cel_program *program,
                          struct diag *diag) {
    CHECK(program->env == env);
    if (program->nesting >= CEL_NAMED_MAX) {
        return diag_fail(diag, ERR_TOO_DEEP,
                         "`%s` builds on more than %d named expressions in a row", name,
                         CEL_NAMED_MAX);
    }
    struct declaration like = {
        .kind = DECLARED_EXPR, .type = program->type, .program = program, .memo = env->memo_count};
    enum err err = declare(env, name, like, diag);
    if (err == ERR_OK) {
        env->memo_count++;
    }
    return err;
}
