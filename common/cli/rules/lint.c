/* See rules/lint.h. */
#include "cli/rules/lint.h"
#include "base/plain.h"

#include <inttypes.h>
#include <stdio.h>

static void print_notes(struct span notes, struct buf *out) {
    while (notes.len > 0) {
        const uint8_t *end = memchr(notes.ptr, '\n', notes.len);
        size_t len = end == NULL ? notes.len : (size_t)(end - notes.ptr);
        buf_printf(out, "  %.*s\n", (int)len, (const char *)notes.ptr);
        notes = end == NULL ? (struct span){0} : span_make(end + 1, notes.len - len - 1);
    }
}

void rules_lint_print(const struct lint *lint, bool with_warnings) {
    struct buf out = BUF_EMPTY;
    for (uint32_t i = 0; i < lint->count; i++) {
        const struct lint_finding *finding = &lint->findings[i];
        if (!finding->is_error && !with_warnings) {
            continue;
        }
        struct diag diag = finding->diag;
        (void)snprintf(diag.text, sizeof(diag.text), "%s: %.480s",
                       finding->is_error ? "error" : "warning", finding->diag.text);
        diag_print(&diag, finding->source, &out);
        print_notes(buf_span(&finding->notes), &out);
        if (finding->hint != NULL) {
            buf_printf(&out, "  hint: %s\n", finding->hint);
        }
    }
    if (lint->error_count > 0 || (with_warnings && lint->count > 0)) {
        buf_printf(&out, "%" PRIu32 " errors, %" PRIu32 " warnings\n", lint->error_count,
                   lint->count - lint->error_count);
    }
    plain_printf(stderr, "%s", buf_cstr(&out));
    buf_free(&out);
}

void rules_lint_json(struct json *json, const struct lint *lint) {
    json_array_open(json);
    for (uint32_t i = 0; i < lint->count; i++) {
        const struct lint_finding *finding = &lint->findings[i];
        json_object_open(json);
        json_str(json_key(json, "severity"), finding->is_error ? "error" : "warning");
        json_str(json_key(json, "file"), finding->diag.file);
        json_uint(json_key(json, "line"), finding->diag.line);
        json_uint(json_key(json, "column"), finding->diag.column);
        json_str(json_key(json, "text"), finding->diag.text);
        json_str(json_key(json, "hint"), finding->hint == NULL ? "" : finding->hint);
        json_span(json_key(json, "notes"), buf_span(&finding->notes));
        json_object_close(json);
    }
    json_array_close(json);
}
