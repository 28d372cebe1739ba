/* Selects the broker in use.  It changes when the broker is down for longer than a jittered
 * patience, leaves a question unanswered, or announces that it stops.  A failed broker is avoided
 * for a bounded, jittered, doubling time; the client stays while the present one works. */
#include "client/links.h"

#include "base/check.h"
#include "wire/wire.h"

#include <string.h>

enum {
    FRAME_BYTES_MAX = WIRE_RESULTS_BYTES_MAX + WIRE_FRAME_SLACK, /* a head has less */
    LINGER_CLOSE_MS = 200,
    PATIENCE_MS_MIN = 100, /* clients stay with a broker that restarts at once */
    PATIENCE_MS_MAX = 500,
    BACKOFF_MS_MIN = 250,
    BACKOFF_MS_MAX = 10000
};

/* A time between half of ms and ms, so that clients do not all connect at once. */
static int64_t jittered(struct links *links, int64_t ms) {
    return ms - (int64_t)rng_below(&links->rng, (uint64_t)(ms / 2) + 1);
}

/* A broker's replies belong to one connection: the same address may have another broker now, or the
 * same one with other settings. */
static void forget_words(struct link *link) {
    link->received_ms = 0;
    link->pinged_ms = 0;
    link->busy = NULL;
    link->has_state = false;
    link->body_bytes_max = 0;
    link->is_pinged = false;
    link->refuses_rows = false; /* the broker may have been updated */
}

static enum err link_connect(struct links *links, struct link *link, int64_t now_ms,
                             struct diag *diag) {
    const struct net_options limits = {.message_bytes_max = FRAME_BYTES_MAX,
                                       .hwm = 0,
                                       .linger_ms = LINGER_CLOSE_MS,
                                       .curve = link->has_keys ? &link->curve : NULL};
    link->connect_count = 0;
    forget_words(link);
    link->down_since_ms = now_ms;
    link->patience_ms = PATIENCE_MS_MIN + jittered(links, PATIENCE_MS_MAX - PATIENCE_MS_MIN);
    return net_dealer_connect(links->net, buf_cstr(&link->endpoint), &limits, &link->socket, diag);
}

/* Takes the next item of a list with commas; false at its end. */
static bool next_item(const char **at, struct span *item) {
    if (*at == NULL) {
        return false;
    }
    const char *comma = strchr(*at, ',');
    *item = span_trim(comma == NULL ? span_str(*at) : span_make(*at, (size_t)(comma - *at)));
    *at = comma == NULL ? NULL : comma + 1;
    return true;
}

/* The public key file of the index-th broker, or the only file of the list. */
static struct span broker_key(const char *list, uint32_t index) {
    struct span found = SPAN_LIT("");
    const char *at = list;
    struct span item;
    for (uint32_t i = 0; i <= index && next_item(&at, &item); i++) {
        found = i == index || strchr(list, ',') == NULL ? item : SPAN_LIT("");
    }
    return found;
}

static enum err read_keys(struct link *link, const struct links_options *options, uint32_t index,
                          struct diag *diag) {
    bool is_tcp = strncmp(buf_cstr(&link->endpoint), "tcp://", 6) == 0;
    if (!is_tcp || (options->key[0] == '\0' && options->broker_keys[0] == '\0')) {
        return ERR_OK;
    }
    struct buf path = BUF_EMPTY;
    buf_append(&path, broker_key(options->broker_keys, index));
    enum err err = net_curve_read(options->key, buf_cstr(&path), &link->curve, diag);
    link->has_keys = err == ERR_OK;
    buf_free(&path);
    return err;
}

enum err links_open(struct links *links, const struct links_options *options, int64_t now_ms,
                    struct diag *diag) {
    struct uuid seed = uuid_random();
    *links = (struct links){.quiet_ms = options->quiet_ms};
    memcpy(&links->rng.state, seed.bytes, sizeof(links->rng.state));
    const char *at = options->brokers;
    struct span one;
    uint32_t count = 0;
    while (next_item(&at, &one)) {
        count++;
    }
    enum err err = count <= LINKS_MAX
                       ? net_check_room(count, diag)
                       : diag_fail(diag, ERR_INVALID, "more than %d brokers", (int)LINKS_MAX);
    err = err == ERR_OK ? net_open(&links->net, diag) : err;
    at = options->brokers;
    while (err == ERR_OK && next_item(&at, &one)) {
        CHECK(links->count < LINKS_MAX);
        struct link *link = &links->items[links->count++];
        buf_append(&link->endpoint, one);
        err = read_keys(link, options, links->count - 1, diag);
        err = err == ERR_OK ? link_connect(links, link, now_ms, diag) : err;
    }
    return err;
}

const char *links_fault(struct links *links) {
    const char *fault = NULL;
    for (uint32_t i = 0; i < links->count; i++) {
        struct net_socket *socket = links->items[i].socket;
        if (socket != NULL && net_is_connected(socket)) {
            return NULL;
        }
        fault = fault == NULL && socket != NULL ? net_connect_fault(socket) : fault;
    }
    return fault;
}

void links_close(struct links *links) {
    for (uint32_t i = 0; i < links->count; i++) {
        net_socket_close(&links->items[i].socket);
        buf_free(&links->items[i].endpoint);
        buf_free(&links->items[i].unready);
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

void links_received(struct link *link, int64_t now_ms) {
    link->received_ms = now_ms;
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

/* It keeps its connection and sends nothing: what its socket queues is discarded with it. */
static void fail_silent(struct links *links, struct link *link, int64_t now_ms) {
    net_socket_close(&link->socket);
    link->asked_ms = 0;
    link->down_since_ms = now_ms;
    link->patience_ms = 0;
    shun(links, link, now_ms);
}

/* True when a new connection has replaced another. */
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
    if (is_again) { /* not at the first: its event may arrive after the broker's first messages */
        forget_words(link);
    }
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

/* Moves to the next broker that is connected and not avoided; false when there is none. */
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
