/* JSON lines, or one JSON array, as `casemill submit` reads them. Any bytes become cases or are
 * refused in a text that holds nothing of them. A case written as JSON again is the same case. */
#include "fuzz_submit.h"
#include "tests/unit/json_case_decode.h"

static void case_check(struct span one) {
    struct buf text = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    struct json json;
    struct diag diag = {0};
    json_init(&json, &text);
    CHECK(json_case_decode(one, &json) == ERR_OK);
    CHECK(json_case_encode(buf_span(&text), &again, &diag) == ERR_OK);
    CHECK(span_eq(buf_span(&again), one));
    buf_free(&text);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    fuzz_submit(span_make(bytes, len), SUBMIT_JSONL, NULL, case_check);
    return 0;
}
