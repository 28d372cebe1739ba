/* Purpose: every setting of the broker: key, type, default, bounds, whether a HUP may change it,
 * and what it is for.  config/broker.yaml explains them. */
#ifndef CASEMILL_BROKER_SETTINGS_TABLE_H
#define CASEMILL_BROKER_SETTINGS_TABLE_H

#include "http/http_settings.h"
#include "settings/settings.h"
#include "wire/wire.h"

#define MIB ((int64_t)1 << 20)
#define TIB ((int64_t)1 << 40)

static const struct setting_row BROKER_SETTINGS[] = {
    {"intake.bind", SETTING_STRING, "tcp://127.0.0.1:5570", 0, 0, false,
     "where intake systems connect"},
    {"intake.connections_max", SETTING_INT, "100", 1, 100000, false,
     "connections of intake systems; above it new ones wait"},
    {"intake.message_bytes_max", SETTING_BYTES, "2MiB", WIRE_BODY_BYTES_SURE, WIRE_BODY_BYTES_MAX,
     false, "largest body of a batch; a larger one is REFUSED too_large"},
    {"worker.bind", SETTING_STRING, "", 0, 0, false,
     "where lanes connect; empty: lanes.sock in journal.path"},
    {"worker.trust", SETTING_STRING, "", 0, 0, false,
     "loopback: on tcp without keys every user of this host can be a lane; empty: lanes prove "
     "themselves"},
    {"worker.connections_max", SETTING_INT, "128", 1, 100000, false,
     "connections of lanes; above it new ones wait"},
    {"control.bind", SETTING_STRING, "", 0, 0, false,
     "where operators connect; empty: control.sock in journal.path"},
    HTTP_SETTINGS("127.0.0.1:5580"),
    {"keys.secret", SETTING_STRING, "", 0, 0, false,
     "the broker's own secret key file; empty: no keys, tcp on loopback only"},
    {"keys.sources", SETTING_STRING, "", 0, 0, true,
     "public keys of intake systems, each named like its source: a file or a directory"},
    {"keys.workers", SETTING_STRING, "", 0, 0, true, "public keys of workers"},
    {"keys.operators", SETTING_STRING, "", 0, 0, true,
     "public keys of operators, where control is tcp"},
    {"journal.path", SETTING_STRING, "/var/lib/casemill/journal", 0, 0, false,
     "the journal's directory, of this broker alone"},
    {"journal.bytes_max", SETTING_BYTES, "1GiB", 16 * MIB, 16 * TIB, false,
     "disk space reserved at startup; above it batches get BUSY"},
    {"memory.bytes_max", SETTING_BYTES, "64MiB", 8 * MIB, TIB, true,
     "memory for batches and their bodies; other bodies are read back from the journal"},
    {"queue.batches_max", SETTING_INT, "100000", 1, 10000000, false,
     "batches in the journal; above it BUSY"},
    {"queue.weights", SETTING_LIST, "", 0, 0, true,
     "sources with a larger share: name=2..100, others have 1"},
    {"lanes.beat_ms", SETTING_MS, "1s", 10, 60000, false, "interval of heartbeats"},
    {"lanes.silent_ms", SETTING_MS, "10s", 100, 3600000, false,
     "a lane without a heartbeat for so long is lost: its work goes to other lanes"},
    {"lanes.attempts_max", SETTING_INT, "5", 1, 1000, false,
     "a case that fails alone so often is buried as poison"},
    {"health.canary_ms", SETTING_MS, "10s", 100, 3600000, false,
     "a canary is sent when no work was done for so long; not ready after three times as long"},
    {"log.json", SETTING_BOOL, "false", 0, 0, true, "log lines as JSON"},
};
/* The worker's and the tools', which a shared environment may hold. */
static const char *const OTHER_SECTIONS[] = {"postgres",    "transaction",    "broker",
                                             "lanes.count", "lanes.grace_s",  "keys.broker",
                                             "rules",       "intake.connect", NULL};

#endif
