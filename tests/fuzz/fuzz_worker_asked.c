/* The content of work of the modes reapply, retry and bury: its extra, or one value of its body.
 * The first byte chooses the reader. An accepted value can be stored and used in SQL: texts are
 * UTF-8 without NUL and not too long. Numbers and days are in their range, and texts are within
 * the input. */
#include "base/date.h"
#include "casedoc/case_doc.h"
#include "fuzz.h"
#include "wire/mp_write.h"
#include "wire/wire.h"
#include "worker/work_read.h"

enum { READERS = 5 };

static void inside_check(struct span bytes, struct span part) {
    CHECK(part.len == 0 || (part.ptr >= bytes.ptr && part.len <= bytes.len &&
                            part.ptr - bytes.ptr <= (ptrdiff_t)(bytes.len - part.len)));
}

static void text_check(struct span bytes, struct span text, size_t bytes_max) {
    inside_check(bytes, text);
    CHECK(text.len >= 1 && text.len <= bytes_max);
    CHECK(span_is_utf8(text) && memchr(text.ptr, 0, text.len) == NULL);
}

static void request_check(struct span bytes) {
    struct work_request request;
    enum err err = work_read_request(bytes, &request);
    CHECK(err == ERR_OK || err == ERR_INVALID);
    if (err == ERR_OK) {
        text_check(bytes, request.ruleset, 64);
        CHECK(request.reference_date >= DATE_DAYS_MIN && request.reference_date <= DATE_DAYS_MAX);
        CHECK(request.as_of >= DATE_DAYS_MIN && request.as_of <= DATE_DAYS_MAX);
    }
}

/* Written again, a triple reads as the same. */
static void triple_check(struct span bytes) {
    struct work_triple triple = {.revision = -1};
    struct work_triple again = {.revision = -1};
    struct buf written = BUF_EMPTY;
    if (!work_read_triple(bytes, &triple)) {
        return;
    }
    text_check(bytes, triple.source, WIRE_NAME_MAX);
    text_check(bytes, triple.case_id, CASE_ID_BYTES_MAX);
    CHECK(triple.revision >= 0);
    mp_write_array(&written, 3);
    mp_write_str(&written, triple.source);
    mp_write_str(&written, triple.case_id);
    mp_write_int(&written, triple.revision);
    CHECK(work_read_triple(buf_span(&written), &again));
    CHECK(span_eq(triple.source, again.source) && span_eq(triple.case_id, again.case_id));
    CHECK(triple.revision == again.revision);
    buf_free(&written);
}

static void letter_check(struct span bytes) {
    int64_t dead = -1;
    CHECK(work_read_letter(bytes, &dead) == (dead >= 0));
}

static void key_check(struct span bytes) {
    struct span case_id = {NULL, 0};
    int32_t revision = CASE_REVISION_UNREAD;
    case_key_peek(bytes, &case_id, &revision);
    CHECK(revision >= CASE_REVISION_UNREAD);
    if (case_id.len > 0) {
        text_check(bytes, case_id, CASE_ID_BYTES_MAX);
    }
}

static void history_check(struct span bytes) {
    struct work_history history = {.attempts = 3};
    work_read_history(bytes, &history);
    inside_check(bytes, history.last_words);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static void (*const checks[READERS])(struct span) = {request_check, triple_check, letter_check,
                                                         key_check, history_check};
    if (len > 0) {
        checks[bytes[0] % READERS](span_make(bytes + 1, len - 1));
    }
    return 0;
}
