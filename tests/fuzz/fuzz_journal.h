/* Purpose: a golden journal with damage that the input describes, as a data.mdb that the
 * broker's readers find by its directory.
 * Input: a byte that chooses the journal, then changes. A change has page u8, offset be16,
 * length u8 (0 to 15: one byte more) and bytes; page 255 cuts the file behind the page that
 * `offset` names. */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_JOURNAL_H
#define CASEMILL_TESTS_FUZZ_FUZZ_JOURNAL_H

#include "base/io.h"
#include "broker/journal_format.h"
#include "fuzz_file.h"

#include <stdlib.h>

#ifndef CASEMILL_SOURCE
#define CASEMILL_SOURCE "." /* the build sets the folder of the tree */
#endif

enum { GOLDEN_JOURNALS = 2, GOLDEN_BYTES_MAX = 1 << 20, GOLDEN_LINE_BYTES = 32 };
enum { CHANGE_HEAD_BYTES = 4, CHANGE_CUTS = 255, CHANGE_BYTES_MAX = 16 };

struct fuzz_journal {
    struct fuzz_file file;
    char dir[32]; /* holds data.mdb, a link to the file in memory */
    struct buf golden[GOLDEN_JOURNALS];
    const struct buf *filled; /* which of them the file holds, but for its changed pages */
    uint32_t changed;         /* a bit a page */
};

static inline void fuzz_golden_read(const char *path, struct buf *bytes) {
    struct buf text = BUF_EMPTY;
    CHECK(io_read_file(path, GOLDEN_BYTES_MAX, &text, NULL) == ERR_OK);
    memset(buf_room(bytes, GOLDEN_BYTES_MAX), 0, GOLDEN_BYTES_MAX);
    for (const char *line = buf_cstr(&text); *line != '\0';) {
        char *hex = NULL;
        size_t at = strtoul(line, &hex, 16);
        CHECK(at < GOLDEN_BYTES_MAX - GOLDEN_LINE_BYTES && *hex++ == ' ');
        if (strncmp(hex, "end\n", 4) == 0) {
            bytes->len = at;
            break;
        }
        for (size_t i = 0; i < GOLDEN_LINE_BYTES; i++, hex += 2) {
            const char pair[3] = {hex[0], hex[1], '\0'};
            bytes->ptr[at + i] = (uint8_t)strtoul(pair, NULL, 16);
        }
        line = hex + 1;
    }
    CHECK(bytes->len > 0);
    buf_free(&text);
}

/* The one journal of the program; its directory goes when the program ends. */
static struct fuzz_journal fuzz_journal;

static inline void fuzz_journal_close(void) {
    char link[128];
    (void)snprintf(link, sizeof(link), "%s/data.mdb", fuzz_journal.dir);
    (void)unlink(link);
    (void)rmdir(fuzz_journal.dir);
    for (int i = 0; i < GOLDEN_JOURNALS; i++) {
        buf_free(&fuzz_journal.golden[i]);
    }
}

static inline struct fuzz_journal *fuzz_journal_open(void) {
    struct fuzz_journal *journal = &fuzz_journal;
    char link[128];
    if (journal->dir[0] != '\0') {
        return journal;
    }
    fuzz_golden_read(CASEMILL_SOURCE "/tests/data/journal/v2.hex", &journal->golden[0]);
    fuzz_golden_read(CASEMILL_SOURCE "/tests/data/journal/v3.hex", &journal->golden[1]);
    fuzz_file_fill(&journal->file, SPAN_LIT(""));
    (void)snprintf(journal->dir, sizeof(journal->dir), "/tmp/casemill-fuzz.XXXXXX");
    CHECK(mkdtemp(journal->dir) != NULL);
    (void)snprintf(link, sizeof(link), "%s/data.mdb", journal->dir);
    CHECK(symlink(journal->file.path, link) == 0);
    CHECK(atexit(fuzz_journal_close) == 0);
    return journal;
}

/* Only what the last input changed is written again. */
static inline void fuzz_journal_restore(struct fuzz_journal *journal, const struct buf *golden) {
    if (journal->filled != golden) {
        fuzz_file_fill(&journal->file, buf_span(golden));
    }
    size_t pages = golden->len / FORMAT_PAGE_BYTES;
    for (size_t page = 0; journal->filled == golden && page < pages; page++) {
        size_t at = page * FORMAT_PAGE_BYTES;
        if ((journal->changed >> page & 1) != 0) {
            CHECK(pwrite(journal->file.fd, golden->ptr + at, FORMAT_PAGE_BYTES, (off_t)at) ==
                  FORMAT_PAGE_BYTES);
        }
    }
    CHECK(ftruncate(journal->file.fd, (off_t)golden->len) == 0);
    journal->filled = golden;
    journal->changed = 0;
}

/* A change of the page may reach into the next. */
static inline void fuzz_journal_mark(struct fuzz_journal *journal, size_t page, size_t end) {
    journal->changed |= (uint32_t)(end > FORMAT_PAGE_BYTES ? 3 : 1) << page;
}

/* fuzz_journal_fill makes data.mdb the golden journal with the input's changes; true: there are
 * none. */
static inline bool fuzz_journal_fill(struct fuzz_journal *journal, struct span input) {
    const struct buf *golden = &journal->golden[input.len == 0 ? 0 : input.ptr[0] % 2];
    uint8_t zeros[CHANGE_BYTES_MAX] = {0};
    bool is_whole = true;
    size_t at = 1;
    fuzz_journal_restore(journal, golden);
    while (at + CHANGE_HEAD_BYTES <= input.len) {
        const uint8_t *change = input.ptr + at;
        size_t offset = get_be16(change + 1);
        size_t wanted = change[3] % CHANGE_BYTES_MAX + 1U;
        at += CHANGE_HEAD_BYTES;
        size_t given = wanted < input.len - at ? wanted : input.len - at;
        size_t pages = golden->len / FORMAT_PAGE_BYTES;
        if (change[0] == CHANGE_CUTS) {
            CHECK(ftruncate(journal->file.fd, (off_t)(offset * 16 % golden->len)) == 0);
            journal->filled = NULL;
        } else {
            fuzz_journal_mark(journal, change[0] % pages, offset % FORMAT_PAGE_BYTES + wanted);
            size_t place = change[0] % pages * FORMAT_PAGE_BYTES + offset % FORMAT_PAGE_BYTES;
            CHECK(pwrite(journal->file.fd, input.ptr + at, given, (off_t)place) == (ssize_t)given);
            CHECK(pwrite(journal->file.fd, zeros, wanted - given, (off_t)(place + given)) ==
                  (ssize_t)(wanted - given));
        }
        at += given;
        is_whole = false;
    }
    return is_whole;
}

#endif
