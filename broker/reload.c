/* What a HUP may change while the broker works: keys, the share of each source, memory, the log's
 * form.  All of it or, when anything is wrong, nothing; what only a restart can change is named. */
#include "broker/broker.h"

#include "base/log.h"
#include "broker/weights.h"

enum {
    RECEIPTS_SHARE = 4, /* of memory.bytes_max, beside it: receipts that are not read yet */
    FLIGHT_SHARE = 4    /* likewise: WORK that has not left yet */
};

void broker_take_memory(struct broker *broker, const struct settings *settings) {
    broker->memory_bytes_max = (uint64_t)settings_int(settings, "memory.bytes_max");
    broker->receipts.bytes_max = broker->memory_bytes_max / RECEIPTS_SHARE;
    atomic_store(&broker->flight.bytes_max, broker->memory_bytes_max / FLIGHT_SHARE);
}

enum err broker_reload(struct broker *broker, const struct settings *fresh, struct diag *diag) {
    enum err err = broker_check_values(fresh, diag);
    err = err == ERR_OK ? keys_reload(broker, fresh, diag) : err;
    if (err != ERR_OK) {
        return err;
    }
    broker_take_memory(broker, fresh);
    intake_watch(broker);
    weights_take(broker->core, broker->settings, fresh);
    log_set_json(settings_bool(fresh, "log.json"));
    broker->settings = fresh;
    return ERR_OK;
}
