/* Purpose: a directory of rules for a test: the case schema of tests/data/rules and one document
 * T.yaml. */
#ifndef CASEMILL_TESTS_UNIT_RULES_PLACE_H
#define CASEMILL_TESTS_UNIT_RULES_PLACE_H

#include "base/io.h"
#include "base/mem.h"
#include "rules/ruleset.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline char *replaced_in(const char *document, const char *from, const char *to) {
    const char *at = strstr(document, from);
    ck_assert_msg(at != NULL, "not in the document: %s", from);
    struct buf text = BUF_EMPTY;
    buf_append(&text, span_make(document, (size_t)(at - document)));
    buf_str(&text, to);
    buf_str(&text, at + strlen(from));
    char *copy = mem_strdup(buf_cstr(&text));
    buf_free(&text);
    return copy;
}

struct place {
    char dir[32], agreements[64], schema[64], document[96];
};

static inline void write_text(const char *path, struct span text) {
    struct diag diag = {0};
    ck_assert_msg(io_write_file(path, text, &diag) == ERR_OK, "%s", diag.text);
}

static inline void place_open(struct place *place) {
    struct buf schema = BUF_EMPTY;
    struct diag diag = {0};
    (void)snprintf(place->dir, sizeof(place->dir), "/tmp/rules_faults.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place->dir));
    (void)snprintf(place->agreements, sizeof(place->agreements), "%s/agreements", place->dir);
    (void)snprintf(place->schema, sizeof(place->schema), "%s/case.yaml", place->dir);
    (void)snprintf(place->document, sizeof(place->document), "%s/T.yaml", place->agreements);
    ck_assert_int_eq(mkdir(place->agreements, 0700), 0);
    ck_assert_int_eq(io_read_file("tests/data/rules/case.yaml", 1 << 20, &schema, &diag), ERR_OK);
    write_text(place->schema, buf_span(&schema));
    buf_free(&schema);
}

static inline void place_close(const struct place *place) {
    ck_assert_int_eq(unlink(place->document), 0);
    ck_assert_int_eq(unlink(place->schema), 0);
    ck_assert_int_eq(rmdir(place->agreements), 0);
    ck_assert_int_eq(rmdir(place->dir), 0);
}

MUST_USE static inline enum err load_document(const struct place *place, const char *text,
                                              struct buf *source, struct diag *diag) {
    struct ruleset *ruleset = NULL;
    write_text(place->document, span_str(text));
    enum err err = ruleset_load_dir(place->dir, NULL, 0, &ruleset, source, diag);
    ck_assert(err == ERR_OK ? ruleset != NULL : ruleset == NULL);
    ruleset_unref(&ruleset);
    return err;
}

#endif
