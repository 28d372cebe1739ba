/* Purpose: every metric of the worker, once: id, name, kind, labels, help; and the words that are
 * labels.  README.md has the metrics in a table, which a test compares.  The names are stable. */
#ifndef CASEMILL_WORKER_METRICS_TABLE_H
#define CASEMILL_WORKER_METRICS_TABLE_H

/* LANE_COUNTERS: the sum of a member of struct lane_stats over all lanes. */
#define LANE_COUNTERS(ROW)                                                                         \
    ROW(cases_done, "casemill_worker_cases_total",                                                 \
        "cases whose outcome or dead letter is committed")                                         \
    ROW(duplicates, "casemill_worker_duplicates_total",                                            \
        "committed cases that were already stored")                                                \
    ROW(transactions, "casemill_worker_transactions_total",                                        \
        "transactions committed, canaries too")                                                    \
    ROW(reconnects, "casemill_worker_postgres_connections_total",                                  \
        "connections made to PostgreSQL")                                                          \
    ROW(stale_found, "casemill_worker_stale_transactions_total",                                   \
        "transactions that found their rule set superseded")                                       \
    ROW(frozen, "casemill_worker_frozen_lanes_ended_total",                                        \
        "sessions of frozen lanes that were ended")

#define WORKER_METRICS(ROW)                                                                        \
    ROW(READY, "casemill_worker_ready", GAUGE, "", "1: /readyz is 200")                            \
    ROW(LANES, "casemill_worker_lanes", GAUGE, "", "lanes of this worker")                         \
    ROW(LANES_CONNECTED, "casemill_worker_lanes_connected", GAUGE, "",                             \
        "lanes with a connection to PostgreSQL")                                                   \
    ROW(LINKS, "casemill_worker_broker_connections", GAUGE, "", "connections of lanes to brokers") \
    ROW(LANE_TURN, "casemill_worker_lane_turn_seconds", GAUGE, "",                                 \
        "time since the last turn of the slowest lane")                                            \
    ROW(RULESET_REFUSED, "casemill_worker_ruleset_refused", GAUGE, "",                             \
        "1 while the active rule set does not load and an older one decides")                      \
    ROW(RULES_STALE, "casemill_worker_rules_stale", GAUGE, "",                                     \
        "1 while another rule set is due and does not load: no work is taken")                     \
    ROW(RULES_PLANNED, "casemill_worker_rules_planned", GAUGE, "",                                 \
        "planned rule sets that are loaded ahead of time")                                         \
    ROW(RULES_AGE, "casemill_worker_rules_check_age_seconds", GAUGE, "",                           \
        "time since the active rule set was last read; NaN: never yet")                            \
    ROW(LISTEN_AGE, "casemill_worker_listen_notification_age_seconds", GAUGE, "",                  \
        "time since the last LISTEN notification; NaN: never yet")                                 \
    ROW(LISTEN_DEAF, "casemill_worker_listen_deaf_total", COUNTER, "",                             \
        "activations that a poll found and LISTEN had missed")                                     \
    ROW(CLOCK_JUMPS, "casemill_worker_clock_jumps_total", COUNTER, "",                             \
        "times that the wall clock was set")                                                       \
    ROW(LOG_DROPPED, "casemill_worker_log_dropped_total", COUNTER, "", "dropped lines of the log") \
    ROW(OUTCOMES, "casemill_worker_outcomes_total", COUNTER, "disposition",                        \
        "committed cases with an outcome; a duplicate has its stored disposition")                 \
    ROW(DEAD_LETTERS, "casemill_worker_dead_letters_total", COUNTER, "reason",                     \
        "cases that became dead letters")                                                          \
    ROW(EVALUATE, "casemill_worker_evaluate_seconds", HISTOGRAM, "",                               \
        "time to decode and evaluate one piece of a delivery")                                     \
    ROW(TRANSACTION, "casemill_worker_transaction_seconds", HISTOGRAM, "",                         \
        "from the begin of a transaction with cases until its commit is known")                    \
    ROW(TRANSACTION_CASES, "casemill_worker_transaction_cases", HISTOGRAM, "",                     \
        "cases of a transaction")

/* Reasons of dead letters, as in the table dead_letters; the last is what no row names. */
#define DEAD_REASONS(ROW)                                                                          \
    ROW("bad_date")                                                                                \
    ROW("bad_revision")                                                                            \
    ROW("conflict")                                                                                \
    ROW("digest_differs")                                                                          \
    ROW("duplicate_key")                                                                           \
    ROW("missing_id")                                                                              \
    ROW("nil_element")                                                                             \
    ROW("no_such_case")                                                                            \
    ROW("no_such_letter")                                                                          \
    ROW("no_such_ruleset")                                                                         \
    ROW("not_a_case")                                                                              \
    ROW("not_a_letter")                                                                            \
    ROW("not_a_map")                                                                               \
    ROW("not_a_number")                                                                            \
    ROW("not_a_triple")                                                                            \
    ROW("not_allowed")                                                                             \
    ROW("not_in_schema")                                                                           \
    ROW("not_storable")                                                                            \
    ROW("not_utf8")                                                                                \
    ROW("nul_byte")                                                                                \
    ROW("out_of_range")                                                                            \
    ROW("poison")                                                                                  \
    ROW("ruleset_refused")                                                                         \
    ROW("too_large")                                                                               \
    ROW("unknown_fact")                                                                            \
    ROW("unknown_key")                                                                             \
    ROW("unknown_word")                                                                            \
    ROW("wrong_type")                                                                              \
    ROW("other")

enum { DEAD_REASON_COUNT = 29 };

#endif
