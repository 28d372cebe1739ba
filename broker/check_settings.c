/* What a setting's type cannot check: addresses, relations between settings, descriptors.  A reload
 * checks the same before anything is taken. */
#include "broker/check_settings.h"

#include "base/descriptors.h"
#include "broker/keys.h"
#include "broker/weights.h"
#include "http/http_settings.h"

#include <stdio.h>

enum {
    SOCKET_PATH_MAX = 100,
    OPERATORS_MAX = 32,       /* connections of the control socket */
    RESERVE_DESCRIPTORS = 64, /* the journal, libzmq's own, the log, files that are read */
    WHAT_BYTES = 96
};

static const char *bind_or_beside(const struct settings *settings, const char *key,
                                  const char *file, char endpoint[BROKER_ENDPOINT_BYTES_MAX]) {
    const char *set = settings_str(settings, key);
    if (set[0] != '\0') {
        return set;
    }
    (void)snprintf(endpoint, BROKER_ENDPOINT_BYTES_MAX, "ipc://%s/%s",
                   settings_str(settings, "journal.path"), file);
    return endpoint;
}

void broker_binds_read(const struct settings *settings, struct broker_binds *binds) {
    binds->of[WIRE_INTAKE] = settings_str(settings, "intake.bind");
    binds->of[WIRE_WORKER] = bind_or_beside(settings, "worker.bind", "lanes.sock", binds->worker);
    binds->of[WIRE_CONTROL_SOCKET] =
        bind_or_beside(settings, "control.bind", "control.sock", binds->control);
}

/* A path that is cut short would be another one. */
static enum err check_length(const struct settings *settings, const char *key, const char *endpoint,
                             struct diag *diag) {
    return strlen(endpoint) <= SOCKET_PATH_MAX
               ? ERR_OK
               : settings_fail(settings, key, ERR_INVALID, diag,
                               "\"%s\" is too long for a socket: set a shorter one", endpoint);
}

static enum err check_trust(const struct settings *settings, struct diag *diag) {
    const char *trust = settings_str(settings, "worker.trust");
    return trust[0] == '\0' || strcmp(trust, "loopback") == 0
               ? ERR_OK
               : settings_fail(settings, "worker.trust", ERR_INVALID, diag,
                               "\"%s\" is not loopback, nor empty", trust);
}

static enum err check_lanes(const struct settings *settings, struct diag *diag) {
    if (settings_int(settings, "lanes.silent_ms") > settings_int(settings, "lanes.beat_ms")) {
        return ERR_OK;
    }
    return settings_is_default(settings, "lanes.silent_ms")
               ? settings_fail(settings, "lanes.beat_ms", ERR_INVALID, diag,
                               "must be below lanes.silent_ms")
               : settings_fail(settings, "lanes.silent_ms", ERR_INVALID, diag,
                               "must be above lanes.beat_ms");
}

uint32_t broker_connections_max(const struct settings *settings, enum wire_socket which) {
    static const char *const KEYS[WIRE_SOCKET_COUNT] = {
        [WIRE_INTAKE] = "intake.connections_max", [WIRE_WORKER] = "worker.connections_max"};
    return KEYS[which] == NULL ? OPERATORS_MAX : (uint32_t)settings_int(settings, KEYS[which]);
}

/* Connections may exceed their limits by a backlog for a moment. Then descriptors must remain for
 * the journal, HTTP and operators: libzmq aborts without one for an ipc path. */
static enum err check_descriptors(const struct settings *settings, struct diag *diag) {
    uint64_t need = RESERVE_DESCRIPTORS + HTTP_CONNECTIONS_MAX;
    for (int which = 0; which < WIRE_SOCKET_COUNT; which++) {
        need += broker_connections_max(settings, (enum wire_socket)which) + NET_BACKLOG;
    }
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof(what), "intake.connections_max %u and worker.connections_max %u",
                   broker_connections_max(settings, WIRE_INTAKE),
                   broker_connections_max(settings, WIRE_WORKER));
    return descriptors_check(need, what, diag);
}

enum err broker_check_settings(const struct settings *settings, struct diag *diag) {
    enum err err = broker_check_values(settings, diag);
    err = err == ERR_OK ? check_descriptors(settings, diag) : err;
    return err == ERR_OK ? keys_check(settings, NULL, diag) : err;
}

enum err broker_check_values(const struct settings *settings, struct diag *diag) {
    struct broker_binds binds;
    enum err err = ERR_OK;
    broker_binds_read(settings, &binds);
    for (int which = 0; err == ERR_OK && which < WIRE_SOCKET_COUNT; which++) {
        err = keys_check_endpoint(settings, (enum wire_socket)which, binds.of[which], diag);
    }
    err = err == ERR_OK
              ? check_length(settings, "control.bind", binds.of[WIRE_CONTROL_SOCKET], diag)
              : err;
    err = err == ERR_OK ? check_length(settings, "worker.bind", binds.of[WIRE_WORKER], diag) : err;
    err = err == ERR_OK ? check_trust(settings, diag) : err;
    err = err == ERR_OK ? http_settings_check(settings, diag) : err;
    err = err == ERR_OK ? check_lanes(settings, diag) : err;
    return err == ERR_OK ? weights_check(settings, diag) : err;
}
