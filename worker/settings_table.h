/* Purpose: every setting of the worker: key, type, default, bounds, whether a HUP may change it,
 * and its description.  config/worker.yaml shows them with explanations. */
#ifndef CASEMILL_WORKER_SETTINGS_TABLE_H
#define CASEMILL_WORKER_SETTINGS_TABLE_H

#include "http/http_settings.h"
#include "settings/settings.h"
#include "worker/worker.h"

static const struct setting_row WORKER_SETTINGS[] = {
    {"broker.connect", SETTING_LIST, "ipc:///var/lib/casemill/journal/lanes.sock", 0, 0, false,
     "brokers' worker sockets; a lane connects to all"},
    {"broker.secret", SETTING_LIST, "", 0, 0, false,
     "if a broker on loopback requires proof: lane.secret of its journal.path; one for all, or "
     "one each as in broker.connect"},
    {"keys.secret", SETTING_STRING, "", 0, 0, false,
     "the worker's own secret key file; empty: connect to brokers without keys"},
    {"keys.broker", SETTING_LIST, "", 0, 0, false,
     "the brokers' public key files: one for all, or one each as in broker.connect"},
    {"postgres.conninfo", SETTING_STRING, "", 0, 0, false,
     "PostgreSQL, as a libpq connection string"},
    {"postgres.sync_standbys", SETTING_INT, "0", 0, 100, false,
     "refuse a server that waits for fewer standbys at commit"},
    {"postgres.wait", SETTING_BOOL, "false", 0, 0, false,
     "start even when PostgreSQL cannot be reached yet"},
    {"lanes.count", SETTING_INT, "2", 1, WORKER_LANES_MAX, false, "lanes of this process"},
    {"lanes.grace_s", SETTING_INT, "45", 1, 3600, false,
     "seconds after TERM until lanes return unfinished work"},
    {"rules.stale_s", SETTING_INT, "60", 1, 86400, false,
     "seconds that a rule set may decide after another one is due"},
    {"transaction.cases_max", SETTING_INT, "8192", 1, 65536, false, "cases in one transaction"},
    HTTP_SETTINGS("off"),
    {"log.json", SETTING_BOOL, "false", 0, 0, true, "log lines as JSON"},
};

/* The broker's sections, which may be in a shared environment. */
static const char *const OTHER_SECTIONS[] = {"intake",
                                             "worker",
                                             "control",
                                             "journal",
                                             "memory",
                                             "queue",
                                             "health",
                                             "keys.sources",
                                             "keys.workers",
                                             "keys.operators",
                                             "lanes.beat_ms",
                                             "lanes.silent_ms",
                                             "lanes.attempts_max",
                                             NULL};

#endif
