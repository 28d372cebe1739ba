/* Which peers the broker accepts: its own key, a keyring for each socket, and which sockets require
 * keys. With a secret key every tcp socket uses CURVE; an ipc path belongs to its owner alone and
 * has no keys. Without a secret key tcp is limited to loopback. */
#include "broker/keys.h"

#include "base/log.h"

_Static_assert((int)NET_KEY_NAME_MAX == (int)WIRE_NAME_MAX, "a key names a source");

/* bind_key: of the address; whose: for a person. */
static const struct role {
    const char *domain, *bind_key, *keys_key, *whose;
} ROLES[WIRE_SOCKET_COUNT] = {
    [WIRE_INTAKE] = {"intake", "intake.bind", "keys.sources", "intake systems"},
    [WIRE_WORKER] = {"worker", "worker.bind", "keys.workers", "workers"},
    [WIRE_CONTROL_SOCKET] = {"control", "control.bind", "keys.operators", "operators"},
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

enum err keys_check_endpoint(const struct settings *settings, enum wire_socket which,
                             const char *endpoint, struct diag *diag) {
    const char *key = ROLES[which].bind_key;
    bool has_secret = settings_str(settings, "keys.secret")[0] != '\0';
    const char *fault = net_endpoint_fault(endpoint);
    if (fault != NULL) {
        return settings_fail(settings, key, ERR_INVALID, diag, "\"%s\" %s", endpoint, fault);
    }
    if (!is_tcp(endpoint)) {
        return ERR_OK;
    }
    if (has_secret && settings_str(settings, ROLES[which].keys_key)[0] == '\0') {
        return settings_fail(settings, key, ERR_DENIED, diag,
                             "\"%s\" is refused: %s does not say whose keys may come in", endpoint,
                             ROLES[which].keys_key);
    }
    if (has_secret || (which != WIRE_CONTROL_SOCKET && is_loopback(endpoint))) {
        return ERR_OK;
    }
    return settings_fail(
        settings, key, ERR_DENIED, diag, "\"%s\" is refused: without keys (keys.secret) %s",
        endpoint, which == WIRE_CONTROL_SOCKET ? "control is ipc only" : "only loopback is served");
}

static enum err read_rings(const struct settings *settings,
                           struct net_keyring *rings[WIRE_SOCKET_COUNT], struct diag *diag) {
    enum err err = ERR_OK;
    for (int which = 0; err == ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        const char *path = settings_str(settings, ROLES[which].keys_key);
        if (path[0] != '\0') {
            err = net_keyring_read(path, &rings[which], diag);
        }
    }
    for (int which = 0; err != ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        net_keyring_free(&rings[which]);
    }
    return err;
}

/* A keyring for a socket without keys would protect nothing. */
static enum err check_unused(const struct settings *settings, struct diag *diag) {
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        if (settings_str(settings, ROLES[which].keys_key)[0] != '\0') {
            return settings_fail(settings, ROLES[which].keys_key, ERR_INVALID, diag,
                                 "is set, but keys.secret is not: no key would be asked for");
        }
    }
    return ERR_OK;
}

enum err keys_check(const struct settings *settings, struct buf *report, struct diag *diag) {
    const char *path = settings_str(settings, "keys.secret");
    struct net_keyring *rings[WIRE_SOCKET_COUNT] = {NULL};
    struct net_key_pair own;
    if (path[0] == '\0') {
        return check_unused(settings, diag);
    }
    enum err err = net_key_read_secret(path, &own, diag);
    err = err == ERR_OK ? read_rings(settings, rings, diag) : err;
    if (err == ERR_OK && report != NULL) {
        buf_printf(report, "# public key: %s\n", own.public_key.text);
    }
    for (int which = 0; err == ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        if (report != NULL && rings[which] != NULL) {
            buf_printf(report, "# %s: %zu keys of %s\n", ROLES[which].keys_key,
                       net_keyring_count(rings[which]), ROLES[which].whose);
        }
        net_keyring_free(&rings[which]);
    }
    return err;
}

enum err keys_open(struct keys *keys, struct net *net, const struct settings *settings,
                   struct diag *diag) {
    struct net_keyring *rings[WIRE_SOCKET_COUNT] = {NULL};
    const char *path = settings_str(settings, "keys.secret");
    if (path[0] == '\0') {
        return ERR_OK;
    }
    enum err err = net_key_read_secret(path, &keys->curve.own, diag);
    err = err == ERR_OK ? net_guard_open(net, &keys->guard, diag) : err;
    err = err == ERR_OK ? read_rings(settings, rings, diag) : err;
    for (int which = 0; err == ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        if (rings[which] != NULL) {
            net_guard_set(keys->guard, ROLES[which].domain, &rings[which]);
        }
    }
    return err;
}

const struct net_curve *keys_curve(struct keys *keys, enum wire_socket which,
                                   const char *endpoint) {
    keys->are_wanted[which] = keys->guard != NULL && is_tcp(endpoint);
    keys->curve.domain = ROLES[which].domain;
    return keys->are_wanted[which] ? &keys->curve : NULL;
}

bool keys_admit(const struct keys *keys, struct shell *shell, enum wire_socket which,
                struct span *name) {
    *name = SPAN_LIT("");
    if (!keys->are_wanted[which]) {
        return true;
    }
    const char *found = net_guard_name(keys->guard, ROLES[which].domain, &shell->message);
    if (found == NULL) {
        shell->counts.peers_refused[which]++;
        LOG(EV_KEY_REFUSED, "socket=%s reason=key_revoked", ROLES[which].domain);
        return false;
    }
    *name = span_str(found);
    return true;
}

void keys_step(struct keys *keys, struct shell *shell) {
    if (keys->guard == NULL) {
        return;
    }
    net_guard_step(keys->guard);
    shell->counts.keys_refused = net_guard_refused(keys->guard);
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        uint64_t seen = net_fault_count(shell->sockets[which]);
        if (seen > keys->faults_logged[which]) {
            LOG(EV_KEY_REFUSED, "socket=%s reason=no_key_shown handshakes=%llu",
                ROLES[which].domain, (unsigned long long)(seen - keys->faults_logged[which]));
            keys->faults_logged[which] = seen;
        }
        shell->counts.keys_refused += seen;
    }
}

const char *keys_socket_name(enum wire_socket which) { return ROLES[which].domain; }

/* All of them or none: half of a change may be the wrong half. */
enum err keys_reload(struct keys *keys, const struct settings *fresh, struct diag *diag) {
    struct net_keyring *rings[WIRE_SOCKET_COUNT] = {NULL};
    size_t counts[WIRE_SOCKET_COUNT] = {0};
    if (keys->guard == NULL) {
        LOG(EV_KEYS_LOADED, "keys=none");
        return ERR_OK;
    }
    enum err err = read_rings(fresh, rings, diag);
    if (err != ERR_OK) {
        LOG(EV_KEYS_NOT_LOADED, "file=\"%s\" line=%u text=\"%s\"", diag->file, diag->line,
            diag->text);
        return err;
    }
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        if (rings[which] != NULL) {
            counts[which] = net_keyring_count(rings[which]);
            net_guard_set(keys->guard, ROLES[which].domain, &rings[which]);
        }
    }
    LOG(EV_KEYS_LOADED, "sources=%zu workers=%zu operators=%zu", counts[WIRE_INTAKE],
        counts[WIRE_WORKER], counts[WIRE_CONTROL_SOCKET]);
    return ERR_OK;
}
