/* Purpose: every event that is ever logged.  Rows: id, level, what it means, what the operator
 * should do. Ids are stable: dashboards and alerts are built on them.  Sorted by subject, then id.
 */
#ifndef CASEMILL_BASE_LOG_TABLE_H
#define CASEMILL_BASE_LOG_TABLE_H

#define LOG_TABLE(ROW)                                                                             \
    ROW(PROGRAM_READY, INFO, "the program is up and serving", "nothing")                           \
    ROW(PROGRAM_STOPPING, INFO, "a stop was asked for; work in hand is finished first", "nothing") \
    ROW(GRACE_OVER, WARN, "not all was finished in time after a stop; it is given back",           \
        "see whether PostgreSQL answers")                                                          \
    ROW(PROGRAM_STOPPED, INFO, "the program has ended in order", "nothing")                        \
    ROW(LOG_DROPPED, WARN, "lines of this log were dropped here: nobody took them",                \
        "see that whatever reads this program's standard error keeps up")                          \
    ROW(READY_UNREAD, WARN, "nobody reads standard output: the ready line waits there",            \
        "nothing; or read or redirect the program's standard output")                              \
    ROW(CLOCK_JUMPED, WARN, "the wall clock was set; default dates of cases follow it",            \
        "look at the host's clock; see which cases without dates came while it was wrong")         \
    ROW(SETTING_WARNING, WARN, "a setting is legal but doubtful", "read the text")                 \
    ROW(JOURNAL_OPENED, INFO, "the journal is open; its batches go on", "nothing")                 \
    ROW(JOURNAL_FAILED, ERROR, "a write or sync failed: no batch is confirmed until a restart",    \
        "mend the disk, then restart the broker")                                                  \
    ROW(JOURNAL_STALLED, ERROR, "a commit does not come back: nothing is confirmed until it does", \
        "look at the journal's disk")                                                              \
    ROW(JOURNAL_FULL, WARN, "the journal's budget is spent: batches get BUSY",                     \
        "see whether workers and PostgreSQL are up; raise journal.bytes_max")                      \
    ROW(JOURNAL_QUARANTINED, ERROR, "a record's checksum is wrong; the rest goes on",              \
        "ask its source to send the batch again")                                                  \
    ROW(BATCH_REFUSED, WARN, "a batch was refused", "tell its source the reason")                  \
    ROW(CONNECTIONS_FULL, WARN,                                                                    \
        "a socket has all the connections it may have; new ones wait until others leave",          \
        "see who connects; a firewall, or intake.connections_max and worker.connections_max")      \
    ROW(CONNECTIONS_HEAVY, WARN,                                                                   \
        "connections held more of unfinished or unread messages than all may; they were ended",    \
        "see who connects; nothing is lost, a client connects and sends again")                    \
    ROW(LANE_READY, INFO, "a worker lane has connected", "nothing")                                \
    ROW(LANES_FULL, WARN, "all places for lanes are taken; those that never worked give way",      \
        "see `casemill workers` for lanes that are none of yours; start fewer lanes")              \
    ROW(LANE_REFUSED, WARN, "a lane has not proved that it may take part; it gets no work",        \
        "read the text; broker.secret of that worker, or find out who that is")                    \
    ROW(LANE_RETIRING, INFO, "an operator told a lane to end; it finishes what it holds",          \
        "nothing")                                                                                 \
    ROW(LANE_GONE, INFO, "a worker lane has said goodbye", "nothing")                              \
    ROW(LANE_SILENT, WARN, "a lane has not spoken in time; its work goes to others",               \
        "look at that worker's host")                                                              \
    ROW(LANE_FROZEN, WARN, "a lane stopped in the middle of a transaction; its backend was ended", \
        "look at the hosts of the workers for one that is stopped or cut off")                     \
    ROW(DELIVERY_FAILED, WARN, "a lane gave a delivery up", "see the worker's log")                \
    ROW(DELIVERY_BURIED, ERROR, "cases that no worker survives are buried",                        \
        "see report.dead_letters, reason poison, and the workers' logs")                           \
    ROW(RECEIPT_DROPPED, WARN, "a receipt could not be delivered", "the client may QUERY")         \
    ROW(BROKER_CONNECTED, INFO, "a lane is connected to a broker", "nothing")                      \
    ROW(BROKER_AWAY, WARN, "a lane has no connection to a broker; it goes on trying",              \
        "read the text; start that broker, or see broker.connect")                                 \
    ROW(BROKER_REFUSED, WARN, "a broker lets a lane not in, or cannot be understood",              \
        "read the text; keys.secret and keys.broker here, keys.workers there")                     \
    ROW(POSTGRES_CONNECTED, INFO, "a lane is connected to PostgreSQL", "nothing")                  \
    ROW(POSTGRES_LOST, WARN, "a lane lost PostgreSQL; its work is given back", "read the text")    \
    ROW(POSTGRES_REFUSED, ERROR, "PostgreSQL refuses what a lane needs", "read the text")          \
    ROW(LISTEN_DEAF, WARN,                                                                         \
        "a poll found an activation that LISTEN had not told; it connects anew",                   \
        "nothing, unless it repeats: look for a pooler between worker and PostgreSQL")             \
    ROW(RULESET_LOADED, INFO, "a rule set is in use", "nothing")                                   \
    ROW(RULESET_MISSING, WARN, "no rule set is active; work waits", "casemill rules activate")     \
    ROW(RULESET_REFUSED, ERROR, "a rule set does not load; the old one stays", "read the text")    \
    ROW(RULES_STALE, WARN, "another rule set is due; what the old one decided goes back undone",   \
        "nothing, unless it repeats: read RULESET_REFUSED, and look where postgres.conninfo "      \
        "leads")                                                                                   \
    ROW(RULES_UNCHECKED, WARN, "the rule set in force could not be checked for too long",          \
        "see whether PostgreSQL answers")                                                          \
    ROW(RULES_CHECKED, INFO, "the rule set in force is checked again", "nothing")                  \
    ROW(TALLIES_UNFOLDED, WARN, "tallies are not folded; reports add them up and take longer",     \
        "read the text")                                                                           \
    ROW(KEY_REFUSED, WARN, "a peer without an allowed key was turned away",                        \
        "add its public key to the role's keys and reload, or find out who that is")               \
    ROW(KEYS_LOADED, INFO, "allowed keys were read again", "nothing")                              \
    ROW(KEYS_NOT_LOADED, ERROR, "allowed keys could not be read again; the old ones stay",         \
        "read the text, mend, send HUP again")                                                     \
    ROW(SETTINGS_LOADED, INFO, "settings were read again; what a HUP may change is in use",        \
        "nothing")                                                                                 \
    ROW(SETTINGS_NOT_LOADED, ERROR, "settings could not be read again; the old ones stay",         \
        "read the text, mend, send HUP again")                                                     \
    ROW(SETTING_WAITS, WARN, "a setting has changed that only a restart can change",               \
        "restart when it suits")                                                                   \
    ROW(PEER_VERSION, WARN, "a peer speaks another version of the protocol; nothing is lost",      \
        "update the older of the two")                                                             \
    ROW(ROUTING_ID_TAKEN, WARN,                                                                    \
        "a second connection has the routing id of another, which receives nothing any more",      \
        "give each client a routing id of its own, or none")                                       \
    ROW(PEER_MUTE, INFO,                                                                           \
        "a connection has sent nothing yet: it waits, or its routing id is another's",             \
        "if that client waits for an answer, give it a routing id of its own, or none")            \
    ROW(PEER_REFUSED, WARN, "a peer sent what cannot be read", "update or stop that peer")

#endif
