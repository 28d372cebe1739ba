/* The worker's own key and its brokers' keys, read once at startup. */
#include "worker/worker.h"

#include "worker/lane.h"

enum err worker_read_keys(const struct worker_options *options, struct net_curve *curves,
                          struct diag *diag) {
    if (options->broker_count < 1 || options->broker_count > LANE_BROKERS_MAX) {
        return diag_fail(diag, ERR_INVALID, "broker.connect lists 1 to %d brokers, not %u",
                         (int)LANE_BROKERS_MAX, options->broker_count);
    }
    if (options->secret_count > 1 && options->secret_count != options->broker_count) {
        return diag_fail(diag, ERR_INVALID,
                         "broker.secret lists %u files for %u brokers: one for all, or one each",
                         options->secret_count, options->broker_count);
    }
    if (options->secret_key[0] == '\0' && options->broker_key_count == 0) {
        return ERR_OK;
    }
    if (options->broker_key_count > 1 && options->broker_key_count != options->broker_count) {
        return diag_fail(diag, ERR_INVALID,
                         "keys.broker lists %u files for %u brokers: one for all, or one each",
                         options->broker_key_count, options->broker_count);
    }
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < options->broker_count; i++) {
        const char *broker = options->broker_key_count == 0   ? ""
                             : options->broker_key_count == 1 ? options->broker_keys[0]
                                                              : options->broker_keys[i];
        err = net_curve_read(options->secret_key, broker, &curves[i], diag);
    }
    return err;
}
