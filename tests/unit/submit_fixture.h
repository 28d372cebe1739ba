/* Purpose: a folder with files, and cases as JSON, for the tests of `casemill submit`. */
#ifndef CASEMILL_TESTS_UNIT_SUBMIT_FIXTURE_H
#define CASEMILL_TESTS_UNIT_SUBMIT_FIXTURE_H

#include "base/io.h"
#include "tests/unit/json_case_decode.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static inline const char *path_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline const char *file_with(const char *name, struct span text) {
    struct diag diag = {0};
    ck_assert_int_eq(io_write_file(path_of(name), text, &diag), ERR_OK);
    return path_of(name);
}

/* Compares MessagePack with the JSON it should be. */
static inline void assert_json(struct span bytes, const char *expected) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    ck_assert_int_eq(json_case_decode(bytes, &json), ERR_OK);
    ck_assert_str_eq(buf_cstr(&text), expected);
    buf_free(&text);
}

static inline void folder_make(void) {
    (void)snprintf(folder, sizeof(folder), "/tmp/casemill-submit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* folder_drop removes the named files and the folder; any other file in it is a failure. */
static inline void folder_drop(const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)unlink(path_of(names[i]));
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

#endif
