/* The walkers over a batch's body, before anything is decoded: the first byte is the number of
 * cases, the rest the body, as maps and as rows. An accepted body has its cuts inside the body, in
 * order; a refusal names the place. */
#include "fuzz.h"
#include "wire/rows.h"

enum { CUTS_MAX = 256 };

static void items_check(struct span body) {
    size_t offset = 0;
    while (offset < body.len) {
        size_t before = offset;
        struct walk_item item;
        CHECK(walk_next(body, &offset, &item) == ERR_OK);
        CHECK(offset > before && offset <= body.len);
        CHECK(walk_type_name(item.type) != NULL);
    }
}

static void rows_check(struct span body, uint32_t count) {
    uint32_t cuts[CUTS_MAX];
    struct walk_fault fault = {0};
    if (rows_walk(body, count, 1, cuts, CUTS_MAX, &fault) == ERR_OK) {
        size_t names = 0;
        CHECK(walk_value(body, &names) == ERR_OK);
        CHECK(names == (count > 0 ? cuts[0] : body.len));
        for (uint32_t i = 0; i < count; i++) {
            size_t end = cuts[i];
            CHECK(walk_value(body, &end) == ERR_OK);
            CHECK(end == (i + 1 < count ? cuts[i + 1] : body.len));
        }
    } else {
        CHECK(fault.reason != WIRE_REASON_NONE);
        CHECK(fault.offset <= body.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) {
        return 0;
    }
    struct span body = span_make(bytes + 1, len - 1);
    uint32_t count = bytes[0];
    uint32_t cuts[CUTS_MAX];
    struct walk_fault fault = {0};
    rows_check(body, count);
    if (walk_body(body, count, 1, cuts, CUTS_MAX, &fault) == ERR_OK) {
        for (uint32_t i = 0; i < count; i++) {
            CHECK(cuts[i] < body.len);
            size_t end = cuts[i];
            CHECK(walk_value(body, &end) == ERR_OK);
            CHECK(end == (i + 1 < count ? cuts[i + 1] : body.len));
        }
        items_check(body);
    } else {
        CHECK(fault.reason != WIRE_REASON_NONE);
        CHECK(fault.index <= count);
        CHECK(fault.offset <= body.len);
    }
    return 0;
}
