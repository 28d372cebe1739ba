/* Routes: the frames before a message on a ROUTER, by which a reply finds its way back.  With a
 * proxy a route is more than the routing id of the next hop.  Each ROUTER on the way has prepended
 * the id of its peer, a REQ may have prepended its request's number, and an empty frame ends it. */
#include "net/net_priv.h"

#include "base/log.h"
#include "base/mem.h"

enum { MADE_ID_BYTES = 5 }; /* an id that a ROUTER made up: a zero byte and a number */

static uint8_t *copy_far(struct span bytes) {
    uint8_t *copy = mem_alloc(bytes.len);
    memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

void net_route_keep(struct net_route *kept, const struct net_route *route) {
    *kept = *route;
    if (!net_route_is_near(route)) {
        kept->far = copy_far(net_route_span(route));
    }
}

void net_route_drop(struct net_route *kept) {
    if (!net_route_is_near(kept)) {
        union {
            const uint8_t *in;
            void *out;
        } unqualified = {.in = kept->far};
        mem_free(unqualified.out);
    }
    *kept = (struct net_route){.len = 0};
}

bool net_route_eq(const struct net_route *a, const struct net_route *b) {
    return span_eq(net_route_span(a), net_route_span(b));
}

void route_begin(struct net_message *message) {
    message->route = (struct net_route){.len = 0};
    message->route_far = NULL;
}

void route_add(struct net_message *message, struct span frame) {
    struct net_route *route = &message->route;
    size_t len = route->len;
    size_t longer = len + 1 + frame.len;
    CHECK(frame.len <= NET_FRAME_BYTES_MAX);
    CHECK(longer <= NET_ROUTE_BYTES_MAX);
    if (longer > NET_ROUTE_NEAR && message->route_far == NULL) {
        message->route_far = mem_alloc(NET_ROUTE_BYTES_MAX);
        memcpy(message->route_far, route->near, len);
        route->far = message->route_far;
    }
    uint8_t *bytes = message->route_far != NULL ? message->route_far : route->near;
    bytes[len] = (uint8_t)frame.len;
    memcpy(bytes + len + 1, frame.len == 0 ? (const uint8_t *)"" : frame.ptr, frame.len);
    route->len = (uint16_t)longer;
}

bool route_next(const struct net_route *route, uint16_t *at, struct span *frame) {
    if (*at >= route->len) {
        return false;
    }
    struct span bytes = net_route_span(route);
    uint16_t len = bytes.ptr[*at];
    CHECK(*at + 1 + len <= route->len);
    *frame = span_make(bytes.ptr + *at + 1, len);
    *at = (uint16_t)(*at + 1 + len);
    return true;
}

struct span route_first(const struct net_route *route) {
    struct span frame = SPAN_LIT("");
    uint16_t at = 0;
    (void)route_next(route, &at, &frame);
    return frame;
}

bool route_is_made_id(struct span frame) { return frame.len == MADE_ID_BYTES && frame.ptr[0] == 0; }

/* How many parts belong to the envelope, without the empty frame after them; *delimited: that frame
 * is present.  A DEALER behind a proxy need not send one: an id that a ROUTER made is
 * distinguishable from a header. */
static uint32_t envelope_frames(const struct net_message *message, bool *delimited) {
    uint32_t made = 0;
    bool is_short = true;
    *delimited = false;
    for (uint32_t i = 0; i + 1 < message->part_count; i++) {
        struct span part = net_part_span(&message->parts[i]);
        if (part.len == 0) {
            if (i > NET_ENVELOPE_MAX || !is_short) {
                LOG(EV_PEER_REFUSED, "reason=envelope_too_long frames=%u", i);
                return 0;
            }
            *delimited = true;
            return i;
        }
        is_short = is_short && part.len <= NET_FRAME_BYTES_MAX;
        made += made == i && i < NET_ENVELOPE_MAX && route_is_made_id(part) ? 1 : 0;
    }
    return made;
}

void route_take_envelope(struct net_message *message) {
    bool delimited = false;
    uint32_t frames = envelope_frames(message, &delimited);
    uint32_t taken = frames + (delimited ? 1 : 0);
    for (uint32_t i = 0; i < frames; i++) {
        route_add(message, net_part_span(&message->parts[i]));
    }
    message->route.delimited = delimited;
    for (uint32_t i = 0; taken > 0 && i < message->part_count; i++) {
        zmq_msg_t *from = part_msg(&message->parts[i]);
        if (i < taken) {
            CHECK(zmq_msg_close(from) == 0);
        } else {
            zmq_msg_t *to = part_msg(&message->parts[i - taken]);
            CHECK(zmq_msg_init(to) == 0);
            CHECK(zmq_msg_move(to, from) == 0);
            CHECK(zmq_msg_close(from) == 0);
        }
    }
    message->part_count -= taken;
}
