/* Shared by case_decode.c and case_value.c: skipping a value, memory, and faults.  A case is
 * checked as a whole: all faults up to CASE_FAULTS_MAX are collected, so the sender can fix them
 * together. */
#include "casedoc/decode_priv.h"

#include <math.h>
#include <stdio.h>

void decode_skip(struct decoder *d, size_t start) {
    if (!decode_stopped(d)) {
        d->at = start;
        d->err = walk_value(d->bytes, &d->at);
    }
}

void *decode_take(struct decoder *d, size_t bytes) {
    void *ptr = arena_alloc(d->arena, bytes);
    if (ptr == NULL) {
        d->err = ERR_TOO_LARGE;
    }
    return ptr;
}

static void write_path(const struct decoder *d, char *path, size_t bytes) {
    size_t len = (size_t)snprintf(path, bytes, "%s", d->base);
    for (uint32_t i = 0; i < d->depth && len < bytes; i++) {
        const struct trail_step *step = &d->trail[i];
        int wrote = step->name.ptr == NULL ? snprintf(path + len, bytes - len, "[%u]", step->index)
                                           : snprintf(path + len, bytes - len, "%s%.*s",
                                                      len == 0 ? "" : ".", SPAN_ARG(step->name));
        len += (size_t)wrote;
    }
}

bool decode_fault(struct decoder *d, const char *reason, const char *expected, const char *found) {
    if (decode_stopped(d)) {
        return false;
    }
    struct case_fault *fault = &d->doc->faults[d->doc->fault_count++];
    *fault = (struct case_fault){.reason = reason};
    write_path(d, fault->path, sizeof(fault->path));
    (void)snprintf(fault->expected, sizeof(fault->expected), "%s", expected);
    (void)snprintf(fault->found, sizeof(fault->found), "%s", found);
    return false;
}

bool decode_fault_key(struct decoder *d, struct span key, const char *reason, const char *expected,
                      const char *found) {
    CHECK(d->depth < TRAIL_MAX);
    struct span shown = schema_is_name(key) ? key : SPAN_LIT("?"); /* it comes from outside */
    d->trail[d->depth++] = (struct trail_step){.name = shown};
    (void)decode_fault(d, reason, expected, found);
    d->depth--;
    return false;
}

static const char *found_large(enum walk_type type) {
    return type == WALK_STR ? "longer str" : type == WALK_ARRAY ? "longer array" : "larger map";
}

const char *decode_found(const struct walk_item *item, const char *reason) {
    static const char *const rows[][2] = {{"not_utf8", "str that is not UTF-8"},
                                          {"nul_byte", "str with a NUL byte"},
                                          {"unknown_word", "another str"},
                                          {"bad_date", "another str"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(reason, rows[i][0]) == 0) {
            return rows[i][1];
        }
    }
    if (strcmp(reason, "too_large") == 0) {
        return found_large(item->type);
    }
    if (strcmp(reason, "not_a_number") == 0) {
        return isfinite(item->d) ? "float -0.0" : "float that is not finite";
    }
    return walk_type_name(item->type);
}

const char *decode_found_int(const struct walk_item *item, int64_t min) {
    bool is_below = item->type == WALK_INT && item->i < min;
    return is_below ? "int below the range" : "int above the range";
}

const char *decode_found_next(const struct decoder *d) {
    size_t at = d->at;
    struct walk_item item;
    return walk_next(d->bytes, &at, &item) == ERR_OK ? walk_type_name(item.type) : "nothing";
}

bool decode_text(struct decoder *d, const char *expected, struct span text) {
    if (!span_is_utf8(text)) {
        return decode_fault(d, "not_utf8", expected, "str that is not UTF-8");
    }
    if (text.len != 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        return decode_fault(d, "nul_byte", expected, "str with a NUL byte");
    }
    return true;
}
