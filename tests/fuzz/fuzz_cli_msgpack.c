/* A MessagePack file as `casemill submit` reads it: any bytes become whole values or are refused in
 * a text that holds nothing of them. */
#include "fuzz_submit.h"

static void case_check(struct span one) { CHECK(one.len <= SUBMIT_CASE_BYTES_MAX); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    fuzz_submit(span_make(bytes, len), SUBMIT_MSGPACK, NULL, case_check);
    return 0;
}
