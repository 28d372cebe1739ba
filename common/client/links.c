/* Which broker is sent to, and when that changes: it is down for longer than a jittered patience, a
 * question stayed unanswered, or it says that it stops.  Whoever has failed is left alone for a
 * bounded, jittered, doubling time; nobody goes back while the present one serves. */
#include "client/links.h"

#include "base/check.h"
#include "wire/wire.h"

#include <string.h>

enum {
    FRAME_BYTES_MAX = WIRE_BODY_BYTES_MAX + 1024,
    LINGER_CLOSE_MS = 200,
    PATIENCE_MS_MIN = 100, /* a broker that is started again at once keeps its clients */
    PATIENCE_MS_MAX = 500,
    BACKOFF_MS_MIN = 250,
    BACKOFF_MS_MAX = 10000
};

/* A time between half and the whole of ms, so that clients do not come all at once. */
static int64_t jittered(struct links *links, int64_t ms) {
    return ms - (int64_t)rng_below(&links->rng, (uint64_t)(ms / 2) + 1);
}

static enum err link_connect(struct links *links, struct link *link, int64_t now_ms,
                             struct diag *diag) {
    const struct net_options limits = {
        .message_bytes_max = FRAME_BYTES_MAX, .hwm = 0, .linger_ms = LINGER_CLOSE_MS};
    link->connect_count = 0;
    link->down_since_ms = now_ms;
    link->patience_ms = PATIENCE_MS_MIN + jittered(links, PATIENCE_MS_MAX - PATIENCE_MS_MIN);
    return net_dealer_connect(links->net, buf_cstr(&link->endpoint), &limits, &link->socket, diag);
}

static struct span trim(struct span text) {
    while (text.len > 0 && text.ptr[0] == ' ') {
        text = span_make(text.ptr + 1, text.len - 1);
    }
    while (text.len > 0 && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

enum err links_open(struct links *links, const char *brokers, int64_t quiet_ms, int64_t now_ms,
                    struct diag *diag) {
    struct uuid seed = uuid_random();
    *links = (struct links){.quiet_ms = quiet_ms};
    memcpy(&links->rng.state, seed.bytes, sizeof(links->rng.state));
    enum err err = net_open(&links->net, diag);
    for (const char *at = brokers; err == ERR_OK && at != NULL;) {
        const char *comma = strchr(at, ',');
        struct span one = trim(comma == NULL ? span_str(at) : span_make(at, (size_t)(comma - at)));
        if (links->count == LINKS_MAX) {
            return diag_fail(diag, ERR_INVALID, "more than %d brokers", (int)LINKS_MAX);
        }
        struct link *link = &links->items[links->count++];
        buf_append(&link->endpoint, one);
        err = link_connect(links, link, now_ms, diag);
        at = comma == NULL ? NULL : comma + 1;
    }
    return err;
}

void links_close(struct links *links) {
    for (uint32_t i = 0; i < links->count; i++) {
        net_socket_close(&links->items[i].socket);
        buf_free(&links->items[i].endpoint);
    }
    net_close(&links->net);
    links->count = 0;
}

struct link *links_current(struct links *links) {
    return &links->items[links->current];
}

bool links_can_send(struct links *links, int64_t now_ms) {
    const struct link *link = links_current(links);
    bool is_up = link->socket != NULL && (links->count == 1 || link->down_since_ms == 0);
    return is_up && link->busy_until_ms <= now_ms;
}

void links_heard(struct link *link) {
    link->asked_ms = 0;
    link->backoff_ms = 0;
}

static void shun(struct links *links, struct link *link, int64_t now_ms) {
    link->backoff_ms = link->backoff_ms == 0 ? BACKOFF_MS_MIN : link->backoff_ms * 2;
    link->backoff_ms = link->backoff_ms < BACKOFF_MS_MAX ? link->backoff_ms : BACKOFF_MS_MAX;
    link->shunned_until_ms = now_ms + jittered(links, link->backoff_ms);
}

void links_stopping(struct links *links, struct link *link, int64_t retry_ms, int64_t now_ms) {
    if (links->count > 1) {
        link->shunned_until_ms = now_ms + jittered(links, retry_ms);
    }
}

/* It holds its connection and says nothing: what waits in its socket is thrown away with it. */
static void fail_silent(struct links *links, struct link *link, int64_t now_ms) {
    net_socket_close(&link->socket);
    link->asked_ms = 0;
    link->down_since_ms = now_ms;
    link->patience_ms = 0;
    shun(links, link, now_ms);
}

/* True when the connection is a new one in place of another. */
static bool notice_connection(struct links *links, struct link *link, int64_t now_ms) {
    if (link->socket == NULL) {
        struct diag diag = {0};
        if (now_ms >= link->shunned_until_ms &&
            link_connect(links, link, now_ms, &diag) != ERR_OK) {
            shun(links, link, now_ms); /* a name that does not resolve now may later */
        }
        return false;
    }
    uint32_t count = net_connect_count(link->socket);
    bool is_again = count != link->connect_count && count > 1;
    link->connect_count = count;
    links->was_connected = links->was_connected || count > 0;
    if (net_is_connected(link->socket)) {
        link->down_since_ms = 0;
    } else if (link->down_since_ms == 0) {
        link->down_since_ms = now_ms;
        link->patience_ms = PATIENCE_MS_MIN + jittered(links, PATIENCE_MS_MAX - PATIENCE_MS_MIN);
    }
    if (is_again) {
        link->asked_ms = 0;
        link->busy_until_ms = now_ms;
    }
    return is_again;
}

static bool is_to_be_left(const struct link *link, int64_t now_ms) {
    bool is_down = link->down_since_ms != 0 && now_ms - link->down_since_ms >= link->patience_ms;
    return is_down || link->shunned_until_ms > now_ms;
}

/* To the next that is connected and not shunned; false when there is none. */
static bool move_on(struct links *links, int64_t now_ms) {
    for (uint32_t i = 1; i < links->count; i++) {
        uint32_t index = (links->current + i) % links->count;
        struct link *link = &links->items[index];
        if (link->down_since_ms == 0 && link->shunned_until_ms <= now_ms) {
            links->current = index;
            link->asked_ms = 0;
            return true;
        }
    }
    return false;
}

bool links_turn(struct links *links, int64_t now_ms) {
    bool send_again = false;
    for (uint32_t i = 0; i < links->count; i++) {
        bool is_again = notice_connection(links, &links->items[i], now_ms);
        send_again = send_again || (is_again && i == links->current);
    }
    struct link *link = links_current(links);
    if (links->count == 1) {
        return send_again;
    }
    if (link->asked_ms != 0 && now_ms - link->asked_ms > links->quiet_ms) {
        fail_silent(links, link, now_ms);
        send_again = true;
    }
    if (is_to_be_left(link, now_ms) && move_on(links, now_ms)) {
        send_again = true;
    }
    return send_again;
}
