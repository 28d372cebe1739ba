/* One DEALER per broker; it sends its three requests one after another, so an answer needs no
 * name. */
#include "cli/top/poll.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/net.h"

#include <stdio.h>
#include <string.h>

static const char *const VERBS[TOP_ANSWERS] = {"STATUS", "WORKERS", "SOURCES"};

struct asked {
    struct net_socket *socket; /* NULL: not connected */
    uint32_t next;             /* the expected answer; TOP_ANSWERS: none */
    struct top_sample sample;  /* being read */
};
struct top_poll {
    struct net *net;
    struct net_curve curve;
    bool has_keys;
    uint32_t count;
    struct top_broker brokers[TOP_BROKERS_MAX];
    struct asked asked[TOP_BROKERS_MAX];
};

static void sample_free(struct top_sample *sample) {
    for (int i = 0; i < TOP_ANSWERS; i++) {
        json_decref(sample->answers[i]);
    }
    *sample = (struct top_sample){0};
}

static enum err take_endpoints(struct top_poll *poll, const char *endpoints, struct diag *diag) {
    for (const char *at = endpoints; *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (poll->count == TOP_BROKERS_MAX) {
            return diag_fail(diag, ERR_INVALID, "more than %d brokers", TOP_BROKERS_MAX);
        }
        char *endpoint = mem_strndup(at, len);
        poll->brokers[poll->count++].endpoint = endpoint;
        const char *fault = net_endpoint_fault(endpoint);
        if (fault != NULL) {
            return diag_fail(diag, ERR_INVALID, "\"%s\" %s", endpoint, fault);
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return poll->count > 0 ? ERR_OK : diag_fail(diag, ERR_INVALID, "no broker is named");
}

enum err top_poll_open(const struct control_peer *peer, struct top_poll **poll, struct diag *diag) {
    struct top_poll *made = mem_zero(1, sizeof(*made));
    enum err err = take_endpoints(made, peer->endpoint, diag);
    made->has_keys = peer->key[0] != '\0' || peer->broker_key[0] != '\0';
    if (err == ERR_OK && made->has_keys) {
        err = net_curve_read(peer->key, peer->broker_key, &made->curve, diag);
    }
    err = err == ERR_OK ? net_check_room(made->count, diag) : err;
    err = err == ERR_OK ? net_open(&made->net, diag) : err;
    if (err != ERR_OK) {
        top_poll_close(&made);
        return err;
    }
    *poll = made;
    return ERR_OK;
}

void top_poll_close(struct top_poll **held) {
    struct top_poll *poll = *held;
    if (poll == NULL) {
        return;
    }
    for (uint32_t i = 0; i < poll->count; i++) {
        net_socket_close(&poll->asked[i].socket);
        sample_free(&poll->asked[i].sample);
        sample_free(&poll->brokers[i].now);
        sample_free(&poll->brokers[i].before);
        mem_free(poll->brokers[i].endpoint);
    }
    net_close(&poll->net);
    mem_free(poll);
    *held = NULL;
}

/* Records why there is no answer, and closes the connection, so that a late answer is dropped. */
static void give_up(struct top_poll *poll, uint32_t i, const char *fault) {
    (void)snprintf(poll->brokers[i].fault, sizeof(poll->brokers[i].fault), "%s", fault);
    poll->brokers[i].is_fresh = false;
    poll->asked[i].next = TOP_ANSWERS;
    sample_free(&poll->asked[i].sample);
    net_socket_close(&poll->asked[i].socket);
}

static void ask_next(struct top_poll *poll, uint32_t i) {
    struct asked *asked = &poll->asked[i];
    struct diag diag = {0};
    if (control_send(asked->socket, VERBS[asked->next], &diag) != ERR_OK) {
        give_up(poll, i, diag.text);
    }
}

static void begin_one(struct top_poll *poll, uint32_t i) {
    struct asked *asked = &poll->asked[i];
    struct diag diag = {0};
    if (asked->socket == NULL) {
        bool is_keyed = poll->has_keys && strncmp(poll->brokers[i].endpoint, "tcp://", 6) == 0;
        const struct net_options options = {.message_bytes_max = WIRE_HEAD_BYTES_MAX,
                                            .curve = is_keyed ? &poll->curve : NULL};
        if (net_dealer_connect(poll->net, poll->brokers[i].endpoint, &options, &asked->socket,
                               &diag) != ERR_OK) {
            give_up(poll, i, diag.text);
            return;
        }
    }
    asked->next = TOP_STATUS;
    ask_next(poll, i);
}

void top_poll_begin(struct top_poll *poll, int64_t now_ms) {
    for (uint32_t i = 0; i < poll->count; i++) {
        begin_one(poll, i);
        poll->asked[i].sample.at_ms = now_ms;
    }
}

void top_poll_end(struct top_poll *poll) {
    for (uint32_t i = 0; i < poll->count; i++) {
        const struct asked *asked = &poll->asked[i];
        if (asked->socket != NULL && asked->next < TOP_ANSWERS) {
            const char *fault = net_connect_fault(asked->socket);
            char why[NET_WHY_BYTES];
            if (fault == NULL) {
                net_why_away(poll->brokers[i].endpoint, why);
            }
            give_up(poll, i, fault == NULL ? why : fault);
        }
    }
}

static void take_whole(struct top_poll *poll, uint32_t i) {
    struct top_broker *broker = &poll->brokers[i];
    sample_free(&broker->before);
    broker->before = broker->now;
    broker->now = poll->asked[i].sample;
    poll->asked[i].sample = (struct top_sample){0};
    broker->is_fresh = true;
    broker->fault[0] = '\0';
}

static void take_answer(struct top_poll *poll, uint32_t i, struct span json) {
    struct asked *asked = &poll->asked[i];
    json_t *answer = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
    bool is_right = asked->next == TOP_STATUS ? json_is_object(answer) : json_is_array(answer);
    if (!is_right) {
        json_decref(answer);
        give_up(poll, i, "its answer is not from a casemill broker");
        return;
    }
    asked->sample.answers[asked->next++] = answer;
    if (asked->next < TOP_ANSWERS) {
        ask_next(poll, i);
    } else {
        take_whole(poll, i);
    }
}

static void read_one(struct top_poll *poll, uint32_t i) {
    struct net_message message;
    struct buf json = BUF_EMPTY;
    struct diag diag = {0};
    if (net_recv(poll->asked[i].socket, &message) != ERR_OK) {
        return;
    }
    enum err err = control_read(net_part_span(&message.parts[0]), &json, &diag);
    net_message_close(&message);
    if (poll->asked[i].next == TOP_ANSWERS) {
        give_up(poll, i, "it sent an unexpected answer");
    } else if (err != ERR_OK) {
        give_up(poll, i, diag.text);
    } else {
        take_answer(poll, i, buf_span(&json));
    }
    buf_free(&json);
}

static bool is_over(const struct top_poll *poll) {
    bool over = true;
    for (uint32_t i = 0; i < poll->count; i++) {
        over = over && (poll->asked[i].socket == NULL || poll->asked[i].next == TOP_ANSWERS);
    }
    return over;
}

bool top_poll_wait(struct top_poll *poll, const int fds[2], int64_t until_ms, unsigned *ready) {
    struct net_poll_item items[TOP_BROKERS_MAX + 2] = {0};
    uint32_t owners[TOP_BROKERS_MAX + 2];
    uint32_t count = 0;
    for (uint32_t i = 0; i < poll->count; i++) {
        if (poll->asked[i].socket != NULL) {
            owners[count] = i;
            items[count++].socket = poll->asked[i].socket;
        }
    }
    uint32_t sockets = count;
    for (uint32_t i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            owners[count] = i;
            items[count++].fd = fds[i];
        }
    }
    int64_t left_ms = until_ms - clock_mono_ms();
    enum err err = net_poll(items, count, left_ms > 0 ? left_ms : 0);
    CHECK(err == ERR_OK);
    *ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].ready && i < sockets) {
            read_one(poll, owners[i]);
        } else if (items[i].ready) {
            *ready |= 1U << owners[i];
        }
    }
    return is_over(poll);
}

const struct top_broker *top_poll_brokers(const struct top_poll *poll, uint32_t *count) {
    *count = poll->count;
    return poll->brokers;
}
