/* The ZAP handler.  A request is
 *    version "1.0", request id, domain, address, routing id, mechanism, credentials...
 * and the reply is
 *    version, request id, status "200" or "400", text, user id, metadata
 * The user id is the key itself: its name is looked up when a message arrives. */
#include "net/guard.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/net_priv.h"

#include <errno.h>
#include <stdio.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum {
    ZAP_VERSION,
    ZAP_REQUEST,
    ZAP_DOMAIN,
    ZAP_ADDRESS,
    ZAP_ROUTING_ID,
    ZAP_MECHANISM,
    ZAP_KEY,
    ZAP_FRAMES
};
enum { FRAME_BYTES_MAX = 256, RAW_KEY_BYTES = 32, STEP_REQUESTS_MAX = 256 };

struct frame {
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t len; /* as sent; above FRAME_BYTES_MAX it was cut */
};
struct request {
    struct frame frames[ZAP_FRAMES];
    uint32_t count; /* as sent */
};
struct domain {
    const char *name;
    struct net_keyring *ring;
};
struct net_guard {
    struct net_socket socket; /* REP */
    struct domain domains[NET_GUARD_DOMAINS_MAX];
    uint32_t domain_count;
    uint64_t refused;
};

enum err net_guard_open(struct net *net, struct net_guard **guard, struct diag *diag) {
    struct net_guard *made = mem_zero(1, sizeof(*made));
    made->socket.net = net;
    made->socket.socket = zmq_socket(net->context, ZMQ_REP);
    int none = 0;
    if (made->socket.socket == NULL ||
        zmq_setsockopt(made->socket.socket, ZMQ_LINGER, &none, sizeof(none)) != 0 ||
        zmq_bind(made->socket.socket, ZAP_ENDPOINT) != 0) {
        enum err err =
            diag_fail(diag, ERR_SYSTEM, "keys cannot be checked: %s", zmq_strerror(errno));
        if (made->socket.socket != NULL) {
            CHECK(zmq_close(made->socket.socket) == 0);
        }
        mem_free(made);
        return err;
    }
    net->socket_count++;
    net->has_guard = true;
    *guard = made;
    return ERR_OK;
}

void net_guard_close(struct net_guard **guard) {
    struct net_guard *closed = *guard;
    if (closed == NULL) {
        return;
    }
    CHECK(closed->socket.net->keyed_count == 0); /* else their sockets would accept every key */
    CHECK(zmq_close(closed->socket.socket) == 0);
    closed->socket.net->has_guard = false;
    closed->socket.net->socket_count--;
    for (uint32_t i = 0; i < closed->domain_count; i++) {
        net_keyring_free(&closed->domains[i].ring);
    }
    mem_free(closed);
    *guard = NULL;
}

static struct domain *find_domain(const struct net_guard *guard, struct span name) {
    union {
        const struct net_guard *in;
        struct net_guard *out;
    } unqualified = {.in = guard};
    for (uint32_t i = 0; i < guard->domain_count; i++) {
        if (span_is(name, guard->domains[i].name)) {
            return &unqualified.out->domains[i];
        }
    }
    return NULL;
}

void net_guard_set(struct net_guard *guard, const char *domain, struct net_keyring **ring) {
    struct domain *found = find_domain(guard, span_str(domain));
    if (found == NULL) {
        CHECK(guard->domain_count < NET_GUARD_DOMAINS_MAX);
        found = &guard->domains[guard->domain_count++];
        found->name = domain;
    }
    net_keyring_free(&found->ring);
    found->ring = *ring;
    *ring = NULL;
}

struct net_socket *net_guard_socket(struct net_guard *guard) {
    return &guard->socket;
}
uint64_t net_guard_refused(const struct net_guard *guard) { return guard->refused; }

static bool take_request(void *socket, struct request *request) {
    int more = 1;
    request->count = 0;
    while (more != 0) {
        struct frame beyond;
        struct frame *frame =
            request->count < ZAP_FRAMES ? &request->frames[request->count] : &beyond;
        int got = zmq_recv(socket, frame->bytes, sizeof(frame->bytes), ZMQ_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            CHECK(request->count == 0); /* a message arrives whole or not at all */
            return false;
        }
        frame->len = (size_t)got;
        request->count++;
        size_t size = sizeof(more);
        CHECK(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0);
    }
    return true;
}

static struct span frame_span(const struct request *request, int index) {
    const struct frame *frame = &request->frames[index];
    return span_make(frame->bytes, frame->len < FRAME_BYTES_MAX ? frame->len : FRAME_BYTES_MAX);
}

/* The key in Z85 if the request has a known domain and an allowed key; else "". */
static void allowed_key(const struct net_guard *guard, const struct request *request,
                        struct net_key *key) {
    bool is_whole = request->count == ZAP_FRAMES &&
                    span_is(frame_span(request, ZAP_VERSION), "1.0") &&
                    span_is(frame_span(request, ZAP_MECHANISM), "CURVE") &&
                    request->frames[ZAP_KEY].len == RAW_KEY_BYTES;
    const struct domain *domain =
        is_whole ? find_domain(guard, frame_span(request, ZAP_DOMAIN)) : NULL;
    key->text[0] = '\0';
    if (domain == NULL) {
        return;
    }
    struct net_key shown;
    CHECK(zmq_z85_encode(shown.text, request->frames[ZAP_KEY].bytes, RAW_KEY_BYTES) != NULL);
    if (net_keyring_name(domain->ring, span_make(shown.text, NET_KEY_BYTES)) != NULL) {
        *key = shown;
    }
}

static void answer(void *socket, struct span request_id, const struct net_key *key) {
    bool is_allowed = key->text[0] != '\0';
    const struct span frames[] = {SPAN_LIT("1.0"),
                                  request_id,
                                  is_allowed ? SPAN_LIT("200") : SPAN_LIT("400"),
                                  is_allowed ? SPAN_LIT("OK") : SPAN_LIT("this key is not allowed"),
                                  span_str(key->text),
                                  SPAN_LIT("")};
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < COUNT_OF(frames) ? ZMQ_SNDMORE : 0);
        while (zmq_send(socket, frames[i].ptr, frames[i].len, flags) < 0) {
            /* The requester may be gone; a REP then drops the reply by itself. */
            CHECK(errno == EINTR);
        }
    }
}

/* The log names the key, for the operator; the peer's address is not logged. */
static void log_refused(const struct request *request) {
    struct net_key shown = {.text = "none"};
    if (request->count > ZAP_KEY && request->frames[ZAP_KEY].len == RAW_KEY_BYTES) {
        CHECK(zmq_z85_encode(shown.text, request->frames[ZAP_KEY].bytes, RAW_KEY_BYTES) != NULL);
    }
    LOG(EV_KEY_REFUSED, "socket=%.*s reason=key_not_allowed key=\"%s\"",
        SPAN_ARG(frame_span(request, ZAP_DOMAIN)), shown.text);
}

void net_guard_step(struct net_guard *guard) {
    struct request request;
    void *socket = guard->socket.socket;
    for (int i = 0; i < STEP_REQUESTS_MAX && take_request(socket, &request); i++) {
        struct net_key key;
        allowed_key(guard, &request, &key);
        if (key.text[0] == '\0') {
            guard->refused++;
            log_refused(&request);
        }
        answer(socket, frame_span(&request, ZAP_REQUEST), &key);
    }
}

const char *net_guard_name(const struct net_guard *guard, const char *domain,
                           struct net_message *message) {
    const struct domain *found = find_domain(guard, span_str(domain));
    if (found == NULL || message->part_count == 0) {
        return NULL;
    }
    const char *key = zmq_msg_gets(part_msg(&message->parts[0]), "User-Id");
    return key == NULL ? NULL : net_keyring_name(found->ring, span_str(key));
}
