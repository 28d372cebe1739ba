/* Which lanes may take part on tcp without keys, which is loopback: a lane proves that it can read
 * a file of the broker's. Nothing is kept for unproved lanes: the challenge is a hash of the route
 * and the minute, and no two are equal. */
#include "broker/proof.h"

#include "base/hash.h"
#include "base/log.h"
#include "broker/reply.h"

#include <stdio.h>

enum {
    WINDOW_MS = 30000 /* a challenge holds for one or two of them */,
    ANSWER_MS = 2000,
    LOG_AGAIN_MS = 60000,
    PATH_BYTES = 4096
};
static bool is_open(const struct settings *settings) {
    return settings_str(settings, "keys.secret")[0] == '\0' &&
           strncmp(settings_str(settings, "worker.bind"), "tcp://", 6) == 0;
}

bool proof_is_off(const struct settings *settings) {
    return is_open(settings) && strcmp(settings_str(settings, "worker.trust"), "loopback") == 0;
}

enum err proof_open(struct proof *proof, const struct settings *settings, struct diag *diag) {
    char path[PATH_BYTES];
    if (!is_open(settings)) {
        return ERR_OK;
    }
    if (proof_is_off(settings)) {
        LOG(EV_SETTING_WARNING,
            "setting=worker.trust text=\"every user of this host can be a lane: it reads cases and "
            "can report them as done\"");
        return ERR_OK;
    }
    int len =
        snprintf(path, sizeof(path), "%s/" PROOF_FILE, settings_str(settings, "journal.path"));
    if (len < 0 || (size_t)len >= sizeof(path) - sizeof(".new")) {
        return diag_fail(diag, ERR_INVALID, "journal.path is too long");
    }
    random_bytes(proof->key, sizeof(proof->key));
    enum err err = net_secret_take(path, &proof->secret, diag);
    proof->is_wanted = err == ERR_OK;
    return err;
}

static struct uuid nonce_of(const struct proof *proof, const struct net_route *route,
                            int64_t window) {
    struct hash128 hash =
        hash128_keyed(proof->key, net_route_span(route), span_make(&window, sizeof(window)));
    struct uuid nonce;
    memcpy(nonce.bytes, hash.bytes, sizeof(nonce.bytes));
    return nonce;
}

static bool is_right(const struct proof *proof, int64_t now, const struct net_route *route,
                     const struct wire_ready *ready) {
    bool right = false;
    int64_t window = now / WINDOW_MS;
    for (int64_t back = 0; back < 2; back++) {
        struct uuid nonce = nonce_of(proof, route, window - back);
        struct uuid answer = net_secret_answer(&proof->secret, &nonce, &ready->uuid);
        right = secret_eq(answer.bytes, ready->proof.bytes, sizeof(answer.bytes)) || right;
    }
    return right;
}

static struct challenged *challenged_at(struct proof *proof, const struct net_route *route,
                                        uint64_t *hash) {
    *hash = hash64(net_route_span(route));
    return &proof->challenged[*hash % PROOF_CHALLENGED_MAX];
}

/* Whether this peer has left a challenge without an answer for long; true once in a while. A lane
 * may have sent READY again before the challenge came. */
static bool has_ignored_one(struct proof *proof, int64_t now, const struct net_route *route) {
    uint64_t hash = 0;
    struct challenged *peer = challenged_at(proof, route, &hash);
    if (peer->route != hash) {
        *peer = (struct challenged){.route = hash, .due = now + ANSWER_MS};
        return false;
    }
    bool is_due = now >= peer->due;
    peer->due = is_due ? now + LOG_AGAIN_MS : peer->due;
    return is_due;
}

static void forget_challenge(struct proof *proof, const struct net_route *route) {
    uint64_t hash = 0;
    struct challenged *peer = challenged_at(proof, route, &hash);
    peer->route = peer->route == hash ? 0 : peer->route;
}

static void refuse(struct shell *shell, const struct net_route *route,
                   const struct wire_ready *ready, const char *reason, const char *text) {
    char lane[UUID_TEXT_BYTES];
    uuid_format(&ready->uuid, lane);
    shell->counts.lanes_refused++;
    LOG(EV_LANE_REFUSED, "reason=%s lane=%s text=\"%s\"", reason, lane, text);
    reply_refused(shell, WIRE_WORKER, route, NULL, WIRE_REASON_NOT_ALLOWED);
}

bool proof_holds(struct proof *proof, struct shell *shell, const struct net_route *route,
                 const struct wire_ready *ready) {
    if (!proof->is_wanted || core_is_lane(shell->core, route, &ready->uuid)) {
        return true;
    }
    if (ready->has_proof && is_right(proof, shell->now, route, ready)) {
        forget_challenge(proof, route);
        return true;
    }
    if (ready->has_proof) {
        refuse(shell, route, ready, "wrong_proof",
               "the worker's broker.secret names another file than lane.secret in journal.path");
        return false;
    }
    if (has_ignored_one(proof, shell->now, route)) {
        refuse(shell, route, ready, "no_proof",
               "set broker.secret of the worker to lane.secret in journal.path; a worker of an "
               "older version cannot prove itself");
    }
    const struct wire_message challenge = {
        .command = WIRE_CHALLENGE,
        .challenge = {.nonce = nonce_of(proof, route, shell->now / WINDOW_MS)}};
    reply_send(shell, WIRE_WORKER, route, &challenge);
    return false;
}

bool proof_is_given(const struct proof *proof, struct shell *shell, const struct net_route *route,
                    bool is_result) {
    if (!proof->is_wanted || core_is_lane(shell->core, route, NULL)) {
        return true;
    }
    if (is_result) {
        shell->counts.lanes_refused++;
        LOG(EV_LANE_REFUSED, "reason=not_proved text=\"its reports about work are ignored\"");
    }
    const struct wire_message ask = {.command = WIRE_READY_ASK};
    reply_send(shell, WIRE_WORKER, route, &ask);
    return false;
}
