/* Purpose: functions for the fuzz targets of `casemill submit`'s file formats. The cases of a
 * file are read to its end, and each is whole. A refusal is one of the texts that hold nothing
 * of a case (P10). */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_SUBMIT_H
#define CASEMILL_TESTS_FUZZ_FUZZ_SUBMIT_H

#include "cli/submit/dates.h"
#include "cli/submit/input.h"
#include "fuzz.h"
#include "wire/walk.h"

#include <ctype.h>
#include <stdio.h>

/* '#' stands for a number, '*' for what could be the name of a fact, "?" or nothing. */
static const char *const FUZZ_SUBMIT_TEXTS[] = {
    /* feed.c */
    "fuzz is UTF-16 text: save the file as UTF-8",
    "fuzz is a ZIP file or an Excel workbook: unpack it, or save the sheet as CSV UTF-8",
    "fuzz is an old Excel workbook: save the sheet as CSV UTF-8",
    "fuzz is zstd: unpack it, or pack it with gzip",
    "fuzz is xz: unpack it, or pack it with gzip",
    "fuzz is bzip2: unpack it, or pack it with gzip",
    "fuzz is gzip within gzip: unpack it once",
    "fuzz is gzip, but damaged: make or copy it again",
    "fuzz is gzip that ends too early: make or copy it again",
    /* json_text.c */
    "the file ends within its JSON array: make or copy it again",
    "an object of the JSON array is larger than a case may be",
    "something follows the JSON array: expected one array, or one object per line",
    "expected a comma between objects of the array",
    "expected an array of JSON objects, one per case",
    /* json_case.c */
    "a key occurs twice (byte #): expected one JSON object per line",
    "a number does not fit 64 bits (byte #): expected one JSON object per line",
    "not UTF-8 (byte #): expected one JSON object per line",
    "the line ends too early (byte #): expected one JSON object per line",
    "something follows the object (byte #): expected one JSON object per line",
    "a key holds a NUL (byte #): expected one JSON object per line",
    "not JSON (byte #): expected one JSON object per line",
    "expected one JSON object per line",
    "nested more than # levels",
    /* submit_input.c */
    "expected a line of at most # MiB",
    "a quote opens a cell here and does not close it: close it, or double each quote within quotes",
    "expected a header row: case_id,revision,...",
    "expected a whole MessagePack map of at most # MiB: *",
    /* submit_csv.c */
    "column #: there is no fact \"*\"",
    "column #: there is no fact \"*\", did you mean *?",
    "more than # columns",
    "column #: * holds records, which CSV cannot hold; use JSON lines",
    "column #: \"*\" occurs twice",
    "the header row: expected a closing quote before the end of the line",
    "no column is known: expected a header row first, as case_id,revision,...",
    "expected a closing quote before the end of the line",
    "column #: expected a separator or the end of the row after a quote",
    "column #: a NUL byte, which no text may hold; save the file as UTF-8",
    "expected # cells, found #",
};

static inline bool fuzz_is_of(char wanted, char byte) {
    bool is_digit = byte >= '0' && byte <= '9';
    return wanted == '#' ? is_digit
                         : is_digit || isalpha((unsigned char)byte) != 0 ||
                               (byte != '\0' && strchr("_.?[] ", byte) != NULL);
}

static inline bool fuzz_text_fits(const char *text, const char *wanted) {
    for (; *wanted != '\0'; wanted++) {
        if (*wanted == '#' || *wanted == '*') {
            size_t len = 0;
            while (fuzz_is_of(*wanted, text[len]) && text[len] != wanted[1]) {
                len++;
            }
            if (len == 0 && *wanted == '#') {
                return false;
            }
            text += len;
        } else if (*text++ != *wanted) {
            return false;
        }
    }
    return *text == '\0';
}

static inline void fuzz_refusal_check(const struct diag *diag) {
    for (size_t i = 0; i < COUNT_OF(FUZZ_SUBMIT_TEXTS); i++) {
        if (fuzz_text_fits(diag->text, FUZZ_SUBMIT_TEXTS[i])) {
            return;
        }
    }
    (void)fprintf(stderr, "another text: %s\n", diag->text);
    CHECK(false);
}

/* A case has its own dates or the given ones. */
static inline void fuzz_dates_check(struct span one) {
    struct buf dated = BUF_EMPTY;
    size_t end = 0;
    if (submit_dates_add(one, "2020-01-10", "2020-02-01", &dated) == ERR_OK) {
        CHECK(walk_value(buf_span(&dated), &end) == ERR_OK && end == dated.len);
    } else {
        CHECK(dated.len == 0);
    }
    buf_free(&dated);
}

typedef void fuzz_case_fn(struct span one);

/* fuzz_submit reads all of a file; `each` gets each case. */
static inline void fuzz_submit(struct span bytes, enum submit_format format,
                               const struct schema *schema, fuzz_case_fn *each) {
    struct submit_input *input = NULL;
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    uint64_t last = 0;
    enum err err = submit_input_open_bytes(bytes, "fuzz", format, schema, &input, &diag);
    while (err == ERR_OK) {
        uint64_t place = 0;
        size_t before = out.len;
        err = submit_input_next(input, &out, &place, &diag);
        CHECK(err == ERR_OK || out.len == before);
        if (err == ERR_OK) {
            struct span one = span_make(out.ptr + before, out.len - before);
            size_t end = 0;
            CHECK(place > last);
            last = place;
            CHECK(walk_value(one, &end) == ERR_OK && end == one.len);
            fuzz_dates_check(one);
            each(one);
        }
    }
    if (err != ERR_NOT_FOUND) {
        fuzz_refusal_check(&diag);
    }
    if (input != NULL) {
        CHECK(submit_input_next(input, &out, &last, &diag) == ERR_NOT_FOUND);
    }
    submit_input_close(&input);
    buf_free(&out);
}

#endif
