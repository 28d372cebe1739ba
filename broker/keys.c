/* Which peers the broker accepts: its own key, a keyring for each role, and which sockets require
 * keys. With a secret key every tcp socket uses CURVE; an ipc path belongs to its owner alone and
 * has no keys. Without a secret key tcp is limited to loopback. */
#include "broker/broker.h"

#include "base/log.h"
#include "net/guard.h"

_Static_assert((int)NET_KEY_NAME_MAX == (int)WIRE_NAME_MAX, "a key names a source");

/* bind_key: of the address; whose: for a person. */
static const struct role {
    const char *domain, *bind_key, *keys_key, *whose;
} ROLES[KEYS_ROLES] = {
    [KEYS_SOURCES] = {"intake", "intake.bind", "keys.sources", "intake systems"},
    [KEYS_WORKERS] = {"worker", "worker.bind", "keys.workers", "workers"},
    [KEYS_OPERATORS] = {"control", "control.bind", "keys.operators", "operators"},
};

static bool is_tcp(const char *endpoint) { return strncmp(endpoint, "tcp://", 6) == 0; }

static bool is_loopback(const char *endpoint) {
    static const char *const LOCAL[] = {"tcp://127.", "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < COUNT_OF(LOCAL); i++) {
        if (strncmp(endpoint, LOCAL[i], strlen(LOCAL[i])) == 0) {
            return true;
        }
    }
    return false;
}

enum err keys_check_endpoint(const struct settings *settings, enum keys_role role,
                             const char *endpoint, struct diag *diag) {
    const char *key = ROLES[role].bind_key;
    bool has_secret = settings_str(settings, "keys.secret")[0] != '\0';
    const char *fault = net_endpoint_fault(endpoint);
    if (fault != NULL) {
        return settings_fail(settings, key, ERR_INVALID, diag, "\"%s\" %s", endpoint, fault);
    }
    if (!is_tcp(endpoint)) {
        return ERR_OK;
    }
    if (has_secret && settings_str(settings, ROLES[role].keys_key)[0] == '\0') {
        return settings_fail(settings, key, ERR_DENIED, diag,
                             "\"%s\" is refused: %s does not say whose keys may come in", endpoint,
                             ROLES[role].keys_key);
    }
    if (has_secret || (role != KEYS_OPERATORS && is_loopback(endpoint))) {
        return ERR_OK;
    }
    return settings_fail(
        settings, key, ERR_DENIED, diag, "\"%s\" is refused: without keys (keys.secret) %s",
        endpoint, role == KEYS_OPERATORS ? "control is ipc only" : "only loopback is served");
}

static enum err read_rings(const struct settings *settings, struct net_keyring *rings[KEYS_ROLES],
                           struct diag *diag) {
    enum err err = ERR_OK;
    for (int role = 0; err == ERR_OK && role < KEYS_ROLES; role++) {
        const char *path = settings_str(settings, ROLES[role].keys_key);
        if (path[0] != '\0') {
            err = net_keyring_read(path, &rings[role], diag);
        }
    }
    for (int role = 0; err != ERR_OK && role < KEYS_ROLES; role++) {
        net_keyring_free(&rings[role]);
    }
    return err;
}

/* A keyring for a socket without keys would protect nothing. */
static enum err check_unused(const struct settings *settings, struct diag *diag) {
    for (int role = 0; role < KEYS_ROLES; role++) {
        if (settings_str(settings, ROLES[role].keys_key)[0] != '\0') {
            return settings_fail(settings, ROLES[role].keys_key, ERR_INVALID, diag,
                                 "is set, but keys.secret is not: no key would be asked for");
        }
    }
    return ERR_OK;
}

enum err keys_check(const struct settings *settings, struct buf *report, struct diag *diag) {
    const char *path = settings_str(settings, "keys.secret");
    struct net_keyring *rings[KEYS_ROLES] = {NULL};
    struct net_key_pair own;
    if (path[0] == '\0') {
        return check_unused(settings, diag);
    }
    enum err err = net_key_read_secret(path, &own, diag);
    err = err == ERR_OK ? read_rings(settings, rings, diag) : err;
    if (err == ERR_OK && report != NULL) {
        buf_printf(report, "# public key: %s\n", own.public_key.text);
    }
    for (int role = 0; err == ERR_OK && role < KEYS_ROLES; role++) {
        if (report != NULL && rings[role] != NULL) {
            buf_printf(report, "# %s: %zu keys of %s\n", ROLES[role].keys_key,
                       net_keyring_count(rings[role]), ROLES[role].whose);
        }
        net_keyring_free(&rings[role]);
    }
    return err;
}

enum err keys_open(struct broker *broker, const struct settings *settings, struct diag *diag) {
    struct net_keyring *rings[KEYS_ROLES] = {NULL};
    const char *path = settings_str(settings, "keys.secret");
    broker->settings = settings;
    if (path[0] == '\0') {
        return ERR_OK;
    }
    enum err err = net_key_read_secret(path, &broker->curve.own, diag);
    err = err == ERR_OK ? net_guard_open(broker->net, &broker->guard, diag) : err;
    err = err == ERR_OK ? read_rings(settings, rings, diag) : err;
    for (int role = 0; err == ERR_OK && role < KEYS_ROLES; role++) {
        if (rings[role] != NULL) {
            net_guard_set(broker->guard, ROLES[role].domain, &rings[role]);
        }
    }
    return err;
}

const struct net_curve *keys_curve(struct broker *broker, enum keys_role role,
                                   const char *endpoint) {
    broker->wants_keys[role] = broker->guard != NULL && is_tcp(endpoint);
    broker->curve.domain = ROLES[role].domain;
    return broker->wants_keys[role] ? &broker->curve : NULL;
}

bool keys_admit(struct broker *broker, enum keys_role role, struct net_message *message,
                struct span *name) {
    *name = SPAN_LIT("");
    if (!broker->wants_keys[role]) {
        return true;
    }
    const char *found = net_guard_name(broker->guard, ROLES[role].domain, message);
    if (found == NULL) {
        broker->peers_refused++;
        LOG(EV_KEY_REFUSED, "socket=%s reason=key_revoked", ROLES[role].domain);
        return false;
    }
    *name = span_str(found);
    return true;
}

void keys_refuse(struct broker *broker, enum keys_role role, const struct net_route *route,
                 const struct uuid *batch) {
    struct net_socket *socket = role == KEYS_SOURCES ? broker->intake : broker->control;
    struct wire_message reply = {.command = WIRE_REFUSED,
                                 .refused = {.has_batch = batch != NULL,
                                             .batch = batch != NULL ? *batch : (struct uuid){{0}},
                                             .reason = WIRE_REASON_NOT_ALLOWED}};
    if (reply_send(broker, socket, route, &reply) != ERR_OK) {
        broker->receipts_dropped++;
    }
}

void keys_step(struct broker *broker) {
    struct net_socket *sockets[] = {broker->intake, broker->worker, broker->control};
    if (broker->guard == NULL) {
        return;
    }
    net_guard_step(broker->guard);
    for (int role = 0; role < KEYS_ROLES; role++) {
        uint64_t seen = net_fault_count(sockets[role]);
        if (seen > broker->faults_logged[role]) {
            LOG(EV_KEY_REFUSED, "socket=%s reason=no_key_shown handshakes=%llu", ROLES[role].domain,
                (unsigned long long)(seen - broker->faults_logged[role]));
            broker->faults_logged[role] = seen;
        }
    }
}

const char *keys_role_name(enum keys_role role) { return ROLES[role].domain; }

uint64_t keys_refused(const struct broker *broker) {
    uint64_t refused = broker->guard == NULL ? 0 : net_guard_refused(broker->guard);
    for (int role = 0; role < KEYS_ROLES; role++) {
        refused += broker->faults_logged[role];
    }
    return refused;
}

/* All of them or none: half of a change may be the wrong half. */
enum err keys_reload(struct broker *broker, const struct settings *fresh, struct diag *diag) {
    struct net_keyring *rings[KEYS_ROLES] = {NULL};
    size_t counts[KEYS_ROLES] = {0};
    if (broker->guard == NULL) {
        LOG(EV_KEYS_LOADED, "keys=none");
        return ERR_OK;
    }
    enum err err = read_rings(fresh, rings, diag);
    if (err != ERR_OK) {
        LOG(EV_KEYS_NOT_LOADED, "file=\"%s\" line=%u text=\"%s\"", diag->file, diag->line,
            diag->text);
        return err;
    }
    for (int role = 0; role < KEYS_ROLES; role++) {
        if (rings[role] != NULL) {
            counts[role] = net_keyring_count(rings[role]);
            net_guard_set(broker->guard, ROLES[role].domain, &rings[role]);
        }
    }
    LOG(EV_KEYS_LOADED, "sources=%zu workers=%zu operators=%zu", counts[KEYS_SOURCES],
        counts[KEYS_WORKERS], counts[KEYS_OPERATORS]);
    return ERR_OK;
}
