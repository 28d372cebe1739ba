/* Purpose: the canonical text of a rule set: everything that its meaning depends on.  The text's
 * SHA-256 is the rule set's name.
 *
 *   casemill ruleset 1 engine 1
 *   schema 5321
 *   <5321 bytes of case.yaml, verbatim>
 *   agreement US-CA-STCA 9120
 *   <...>                              one section per agreement, by id in byte order
 *   overrides 31
 *   US-GT-ACA-2019.transit_gate=false  sorted, one per line
 *   vocabulary 747
 *   AD AE AF ...                       sorted, separated by one space
 *
 * A newline follows each section's bytes and does not count.  The first number is the version of
 * this layout, the second that of the engine: a corrected engine makes another rule set. */
#include "rules/rules_priv.h"

#include <inttypes.h>
#include <stdio.h>

enum { LAYOUT_VERSION = 1 };

static void section_write(struct buf *text, const char *head, struct span content) {
    buf_printf(text, "%s %zu\n", head, content.len);
    buf_append(text, content);
    buf_byte(text, '\n');
}

void canonical_write(const struct canonical *parts, struct buf *text) {
    CHECK(parts->agreement_count <= AGREEMENTS_MAX);
    buf_printf(text, "casemill ruleset %d engine %d\n", LAYOUT_VERSION, RULESET_ENGINE_VERSION);
    section_write(text, "schema", parts->schema);
    for (uint32_t i = 0; i < parts->agreement_count; i++) {
        buf_str(text, "agreement ");
        buf_append(text, parts->agreement_ids[i]);
        section_write(text, "", parts->agreements[i]);
    }
    section_write(text, "overrides", parts->overrides);
    section_write(text, "vocabulary", parts->vocabulary);
}

struct reader {
    struct span text;
    size_t at;
    struct diag *diag;
};

static enum err reader_fail(const struct reader *reader, const char *expected) {
    return diag_fail(reader->diag, ERR_INVALID, "rule set text, byte %zu: expected %s", reader->at,
                     expected);
}

static enum err line_read(struct reader *reader, struct span *line) {
    const uint8_t *start = reader->text.ptr + reader->at;
    size_t left = reader->text.len - reader->at;
    const uint8_t *end = left == 0 ? NULL : memchr(start, '\n', left);
    if (end == NULL) {
        return reader_fail(reader, "a line");
    }
    *line = span_make(start, (size_t)(end - start));
    reader->at += line->len + 1;
    return ERR_OK;
}

static bool number_read(struct span text, size_t *number) {
    if (text.len == 0 || text.len > 9) {
        return false;
    }
    size_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (size_t)(text.ptr[i] - '0');
    }
    *number = value;
    return true;
}

/* Reads "WORD [ID ]BYTES\n", the bytes and their newline. */
static enum err section_read(struct reader *reader, struct span *word, struct span *id,
                             struct span *content) {
    struct span line = {0};
    enum err err = line_read(reader, &line);
    if (err != ERR_OK) {
        return err;
    }
    const uint8_t *first = memchr(line.ptr, ' ', line.len);
    const uint8_t *last = memrchr(line.ptr, ' ', line.len);
    size_t bytes = 0;
    if (first == NULL ||
        !number_read(span_make(last + 1, line.len - (size_t)(last + 1 - line.ptr)), &bytes)) {
        return reader_fail(reader, "a section head before it");
    }
    *word = span_make(line.ptr, (size_t)(first - line.ptr));
    *id = first == last ? (struct span){0} : span_make(first + 1, (size_t)(last - first - 1));
    if (bytes >= reader->text.len - reader->at || reader->text.ptr[reader->at + bytes] != '\n') {
        return reader_fail(reader, "a section of the length in its head");
    }
    *content = span_make(reader->text.ptr + reader->at, bytes);
    reader->at += bytes + 1;
    return ERR_OK;
}

static enum err head_check(struct reader *reader) {
    static const char *const layout = "casemill ruleset 1 engine ";
    struct span line = {0};
    enum err err = line_read(reader, &line);
    if (err != ERR_OK) {
        return err;
    }
    size_t layout_len = strlen(layout);
    size_t engine = 0;
    if (line.len < layout_len || memcmp(line.ptr, layout, layout_len) != 0 ||
        !number_read(span_make(line.ptr + layout_len, line.len - layout_len), &engine)) {
        return diag_fail(reader->diag, ERR_INVALID, "this is not a rule set text of layout %d",
                         LAYOUT_VERSION);
    }
    if (engine != RULESET_ENGINE_VERSION) {
        return diag_fail(reader->diag, ERR_VERSION,
                         "the rule set is for engine %zu, this program has engine %d", engine,
                         RULESET_ENGINE_VERSION);
    }
    return ERR_OK;
}

static enum err section_store(struct reader *reader, struct canonical *parts, struct span word,
                              struct span id, struct span content) {
    if (span_is(word, "schema")) {
        parts->schema = content;
    } else if (span_is(word, "overrides")) {
        parts->overrides = content;
    } else if (span_is(word, "vocabulary")) {
        parts->vocabulary = content;
    } else if (span_is(word, "agreement") && parts->agreement_count < AGREEMENTS_MAX) {
        parts->agreement_ids[parts->agreement_count] = id;
        parts->agreements[parts->agreement_count++] = content;
    } else {
        return reader_fail(reader, "a known section before it");
    }
    return ERR_OK;
}

enum err canonical_read(struct span text, struct canonical *parts, struct diag *diag) {
    *parts = (struct canonical){0};
    struct reader reader = {.text = text, .diag = diag};
    enum err err = head_check(&reader);
    while (err == ERR_OK && reader.at < text.len) {
        struct span word = {0};
        struct span id = {0};
        struct span content = {0};
        err = section_read(&reader, &word, &id, &content);
        if (err == ERR_OK) {
            err = section_store(&reader, parts, word, id, content);
        }
    }
    if (err == ERR_OK && (parts->schema.ptr == NULL || parts->vocabulary.ptr == NULL ||
                          parts->overrides.ptr == NULL)) {
        err = reader_fail(&reader, "schema, overrides and vocabulary");
    }
    return err;
}
