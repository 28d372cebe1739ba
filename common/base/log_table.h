/* Purpose: every event that is ever logged.  Rows: id, level, what it means, what the operator
 * should do.  Ids are stable: dashboards and alerts use them.  Sorted by subject, then id. */
#ifndef CASEMILL_BASE_LOG_TABLE_H
#define CASEMILL_BASE_LOG_TABLE_H

#define LOG_TABLE(ROW)                                                                             \
    ROW(PROGRAM_READY, INFO, "the program is up and serving", "nothing")                           \
    ROW(PROGRAM_STOPPING, INFO, "a stop was requested; work in flight is finished first",          \
        "nothing")                                                                                 \
    ROW(GRACE_OVER, WARN, "work was not finished in time after a stop; it is returned",            \
        "check that PostgreSQL answers")                                                           \
    ROW(PROGRAM_STOPPED, INFO, "the program has shut down cleanly", "nothing")                     \
    ROW(LOG_DROPPED, WARN, "log lines were dropped: the reader of the log is too slow",            \
        "check the program that reads standard error")                                             \
    ROW(READY_UNREAD, WARN, "standard output has no reader: the ready line is not delivered",      \
        "nothing, or redirect the program's standard output")                                      \
    ROW(NOTIFY_FAILED, WARN, "a report to the service manager could not be sent",                  \
        "check the service; systemd restarts a program whose reports it misses")                   \
    ROW(CLOCK_JUMPED, WARN, "the wall clock was set; default dates of cases use it",               \
        "check the host's clock, and the cases without dates that arrived while it was wrong")     \
    ROW(SETTING_WARNING, WARN, "a setting is valid but probably wrong",                            \
        "read the text: it names the setting and what to change")                                  \
    ROW(JOURNAL_OPENED, INFO, "the journal is open; its batches continue", "nothing")              \
    ROW(JOURNAL_FAILED, ERROR, "a write or sync failed: no batch is accepted until a restart",     \
        "repair the disk, then restart the broker")                                                \
    ROW(JOURNAL_STALLED, ERROR, "a commit does not return: no batch is accepted until it does",    \
        "check the journal's disk")                                                                \
    ROW(JOURNAL_FULL, WARN, "the journal has reached journal.bytes_max: batches get BUSY",         \
        "check the workers and PostgreSQL; raise journal.bytes_max")                               \
    ROW(JOURNAL_QUARANTINED, ERROR, "a record's checksum is wrong; it is not dispatched",          \
        "send the batch again from its source")                                                    \
    ROW(BATCH_REFUSED, WARN, "a batch was refused", "report the reason to the source's operator")  \
    ROW(CONNECTIONS_FULL, WARN, "a socket has reached its connection limit; new connections wait", \
        "check the peers; set a firewall, intake.connections_max or worker.connections_max")       \
    ROW(CONNECTIONS_HEAVY, WARN,                                                                   \
        "unfinished or unread messages exceeded the limit; connections were closed",               \
        "check the peers; nothing is lost, a client reconnects and resends")                       \
    ROW(OPERATOR_ACTION, INFO, "an operator did something; user, host and why are unchecked",      \
        "nothing")                                                                                 \
    ROW(OPERATOR_STOP_KEPT, WARN, "the broker starts paused or draining, as an operator ordered",  \
        "casemill resume, when the reason is gone")                                                \
    ROW(OPERATOR_STOP_ENDED, INFO, "a pause or drain has ended by its --until", "read the text")   \
    ROW(OPERATOR_STATE_FOREIGN, WARN,                                                              \
        "the file of pause and drain belongs to another journal; it is not used",                  \
        "check journal.path; pause again if it must be paused")                                    \
    ROW(LANE_READY, INFO, "a worker lane has connected", "nothing")                                \
    ROW(LANES_FULL, WARN, "the limit of lanes is reached; lanes that never worked are removed",    \
        "check `casemill workers` for unknown lanes; start fewer lanes")                           \
    ROW(ROWS_WAIT, WARN, "batches of rows wait, and no connected lane takes rows",                 \
        "update the workers; the batches are safe, and are dispatched then")                       \
    ROW(LANE_REFUSED, WARN, "a lane has not proved that it knows the secret; it gets no work",     \
        "read the text; check broker.secret of that worker, or identify the peer")                 \
    ROW(LANE_RETIRING, INFO, "an operator retires a lane; it finishes its work in flight",         \
        "nothing")                                                                                 \
    ROW(LANE_GONE, INFO, "a worker lane has disconnected", "nothing")                              \
    ROW(LANE_SILENT, WARN, "a lane is lost: no heartbeat in time; its work goes to other lanes",   \
        "check that worker's host")                                                                \
    ROW(LANE_FROZEN, WARN, "a lane stopped in the middle of a transaction; its backend was ended", \
        "find the worker host that is stopped or disconnected")                                    \
    ROW(DELIVERY_FAILED, WARN, "a lane could not finish a delivery; it is dispatched again",       \
        "read the worker's log of that time; `casemill trace` shows the batch")                    \
    ROW(DELIVERY_BURIED, ERROR,                                                                    \
        "a case that ends every worker is buried: it becomes a dead letter",                       \
        "see report.dead_letters, reason poison, and the workers' logs")                           \
    ROW(RECEIPT_DROPPED, WARN, "a receipt could not be delivered to a client",                     \
        "nothing: the client sends QUERY or the batch again")                                      \
    ROW(BROKER_CONNECTED, INFO, "a lane is connected to a broker", "nothing")                      \
    ROW(BROKER_AWAY, WARN, "a lane has no connection to a broker; it continues to try",            \
        "read the text; start that broker, or check broker.connect")                               \
    ROW(BROKER_REFUSED, WARN, "a broker rejected this lane's key, or sent an invalid message",     \
        "read the text; check keys.secret and keys.broker here, keys.workers at the broker")       \
    ROW(POSTGRES_CONNECTED, INFO, "a lane is connected to PostgreSQL", "nothing")                  \
    ROW(POSTGRES_LOST, WARN, "a lane lost PostgreSQL; its work is returned",                       \
        "check that PostgreSQL runs and can be reached; the lane connects again")                  \
    ROW(POSTGRES_REFUSED, ERROR, "PostgreSQL refuses a statement that a lane needs",               \
        "read the text; grant the right (sql/roles.sql) or run `casemill db migrate`")             \
    ROW(LISTEN_DEAF, WARN, "a poll found an activation without a notification; it reconnects",     \
        "nothing, unless it repeats: check for a pooler between worker and PostgreSQL")            \
    ROW(RULESET_LOADED, INFO, "a rule set is in use", "nothing")                                   \
    ROW(RULESET_MISSING, WARN, "no rule set is active; work waits",                                \
        "activate one: `casemill rules activate`")                                                 \
    ROW(RULESET_REFUSED, ERROR, "a rule set does not load; the old one stays in use",              \
        "read the text; publish a corrected rule set, or update the worker")                       \
    ROW(RULES_STALE, WARN, "another rule set is due; work of the old one is returned unwritten",   \
        "nothing, unless it repeats: read RULESET_REFUSED and check postgres.conninfo")            \
    ROW(RULES_UNCHECKED, WARN, "the active rule set could not be checked for too long",            \
        "check that PostgreSQL answers")                                                           \
    ROW(RULES_CHECKED, INFO, "the active rule set is checked again", "nothing")                    \
    ROW(TALLIES_UNFOLDED, WARN, "tallies are not folded; reports add them up and are slower",      \
        "read the text; check the rights of the worker's role")                                    \
    ROW(KEY_REFUSED, WARN, "a peer without an allowed key was refused",                            \
        "add its public key to the role's keys and reload, or identify the peer")                  \
    ROW(KEYS_LOADED, INFO, "allowed keys were read again", "nothing")                              \
    ROW(KEYS_NOT_LOADED, ERROR, "allowed keys could not be read again; the old ones stay in use",  \
        "read the text, correct the file, send HUP again")                                         \
    ROW(HTTP_TOKEN_REFUSED, WARN, "a request for a page had a wrong token",                        \
        "check the token of monitors and browsers, or identify the client")                        \
    ROW(SETTINGS_LOADED, INFO, "settings were read again; the reloadable ones are in use",         \
        "nothing")                                                                                 \
    ROW(SETTINGS_NOT_LOADED, ERROR, "settings could not be read again; the old ones stay in use",  \
        "read the text, correct the file, send HUP again")                                         \
    ROW(SETTING_WAITS, WARN, "a setting has changed that takes effect after a restart",            \
        "restart at a suitable time")                                                              \
    ROW(PEER_VERSION, WARN, "a peer speaks another version of the protocol; nothing is lost",      \
        "update the older of the two")                                                             \
    ROW(ROUTING_ID_TAKEN, WARN,                                                                    \
        "a second connection took a routing id; the first receives nothing more",                  \
        "give each client its own routing id, or none")                                            \
    ROW(PEER_MUTE, INFO,                                                                           \
        "a connection has sent nothing yet: it is idle, or its routing id is taken",               \
        "if that client waits for an answer, give it its own routing id, or none")                 \
    ROW(PEER_REFUSED, WARN, "a peer sent an invalid message", "update or stop that peer")

#endif
