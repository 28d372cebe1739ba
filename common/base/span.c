/* UTF-8 validation. */
#include "base/span.h"

/* Returns the length of the well-formed sequence at ptr, 0 if there is none. */
static size_t utf8_sequence(const uint8_t *ptr, size_t left) {
    uint8_t lead = ptr[0];
    size_t len = lead < 0x80   ? 1
                 : lead < 0xc2 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((ptr[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (lead == 0xe0 && ptr[1] < 0xa0) || (lead == 0xf0 && ptr[1] < 0x90);
    bool surrogate = lead == 0xed && ptr[1] > 0x9f;
    bool beyond = lead == 0xf4 && ptr[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

/* ASCII is checked eight bytes at a time. */
static size_t ascii_end(struct span text, size_t at) {
    uint64_t eight = 0;
    while (text.len - at >= sizeof(eight)) {
        memcpy(&eight, text.ptr + at, sizeof(eight));
        if ((eight & 0x8080808080808080U) != 0) {
            return at;
        }
        at += sizeof(eight);
    }
    return at;
}

bool span_is_utf8(struct span text) {
    size_t at = ascii_end(text, 0);
    while (at < text.len) {
        size_t len = utf8_sequence(text.ptr + at, text.len - at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}
