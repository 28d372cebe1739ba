/* ISO 3166-1 alpha-2 codes from the system's iso-codes package.  A program writes that file, so the
 * pairs "alpha_2": "XX" are read without a JSON parser, and their number is checked. */
#include "base/io.h"
#include "base/mem.h"
#include "casedoc/schema.h"

#include <stdlib.h>

#define ISO_PATH "/usr/share/iso-codes/json/iso_3166-1.json"
#define ISO_KEY "\"alpha_2\""

enum { ISO_FILE_BYTES_MAX = 1 << 20, ISO_COUNT_MIN = 240, ISO_COUNT_MAX = 260, ISO_CODE_BYTES = 3 };

static size_t skip_blanks(struct span text, size_t at) {
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' || text.ptr[at] == '\t')) {
        at++;
    }
    return at;
}

/* Reads `: "XX"` at `at`. */
static bool read_code(struct span text, size_t at, char code[ISO_CODE_BYTES]) {
    at = skip_blanks(text, at);
    if (at >= text.len || text.ptr[at] != ':') {
        return false;
    }
    at = skip_blanks(text, at + 1);
    if (text.len - at < 4 || text.ptr[at] != '"' || text.ptr[at + 3] != '"') {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        uint8_t c = text.ptr[at + 1 + i];
        if (c < 'A' || c > 'Z') {
            return false;
        }
        code[i] = (char)c;
    }
    code[2] = '\0';
    return true;
}

static int word_order(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* One allocation: the pointers, then the codes they point to. */
static enum err collect(struct span text, struct vocabulary *iso, struct diag *diag) {
    const char **words = mem_zero(ISO_COUNT_MAX, sizeof(char *) + ISO_CODE_BYTES);
    char *codes = (char *)(words + ISO_COUNT_MAX);
    size_t at = 0;
    uint32_t count = 0;
    bool sound = true;
    while (sound) {
        const uint8_t *key = memmem(text.ptr + at, text.len - at, ISO_KEY, sizeof(ISO_KEY) - 1);
        if (key == NULL) {
            break;
        }
        at = (size_t)(key - text.ptr) + sizeof(ISO_KEY) - 1;
        sound = count < ISO_COUNT_MAX && read_code(text, at, codes + count * ISO_CODE_BYTES);
        if (sound) {
            words[count] = codes + count * ISO_CODE_BYTES;
            count++;
        }
    }
    qsort(words, count, sizeof(*words), word_order);
    for (uint32_t i = 1; i < count && sound; i++) {
        sound = strcmp(words[i - 1], words[i]) != 0;
    }
    if (!sound || count < ISO_COUNT_MIN) {
        mem_free(words);
        return diag_fail(diag, ERR_INVALID, "%s: not an ISO 3166-1 table", ISO_PATH);
    }
    *iso = (struct vocabulary){.words = words, .count = count};
    return ERR_OK;
}

enum err vocabulary_load_iso(struct vocabulary *iso, struct diag *diag) {
    struct buf text = BUF_EMPTY;
    enum err err = io_read_file(ISO_PATH, ISO_FILE_BYTES_MAX, &text, diag);
    if (err == ERR_OK) {
        err = collect(buf_span(&text), iso, diag);
    }
    buf_free(&text);
    return err;
}

void vocabulary_free(struct vocabulary *iso) {
    mem_free((void *)(uintptr_t)iso->words);
    *iso = (struct vocabulary){0};
}
