/* A message's frames: a zmq_msg_t each. */
#include "net/net_priv.h"

#include "base/check.h"

#include <string.h>

struct span net_part_span(const struct net_part *part) {
    /* The accessors of libzmq do not change the message but take it unqualified. */
    union {
        const struct net_part *in;
        struct net_part *out;
    } unqualified = {.in = part};
    zmq_msg_t *msg = part_msg(unqualified.out);
    return span_make(zmq_msg_data(msg), zmq_msg_size(msg));
}

void net_part_copy(struct net_part *part, struct span bytes) {
    CHECK(zmq_msg_init_size(part_msg(part), bytes.len) == 0);
    if (bytes.len > 0) {
        memcpy(zmq_msg_data(part_msg(part)), bytes.ptr, bytes.len);
    }
}

void net_part_share(struct net_part *part, struct span bytes,
                    void (*release)(void *bytes, void *hint), void *hint) {
    union {
        const uint8_t *in;
        void *out;
    } unqualified = {.in = bytes.ptr};
    CHECK(zmq_msg_init_data(part_msg(part), unqualified.out, bytes.len, release, hint) == 0);
}

void net_part_close(struct net_part *part) { CHECK(zmq_msg_close(part_msg(part)) == 0); }
