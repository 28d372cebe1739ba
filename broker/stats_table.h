/* Purpose: every counter and gauge of the broker, once: its member of /status, its metric, kind,
 * unit, where it is read, help.  /status has whole numbers in the member's unit, /metrics has
 * seconds.  METRICS_TABLE has what /metrics alone has: metrics with labels, and histograms.
 * The names are stable; README.md has them in a table, which a test compares. */
#ifndef CASEMILL_BROKER_STATS_TABLE_H
#define CASEMILL_BROKER_STATS_TABLE_H

/* Where a row is read: struct all_stats of status.c.  A metric of "" is in METRICS_TABLE. */
#define STATS_TABLE(ROW)                                                                           \
    ROW(batches, "casemill_broker_batches", GAUGE, ONE, core.batches,                              \
        "batches queued or in flight")                                                             \
    ROW(queued_cases, "", GAUGE, ONE, core.queued_cases, "")                                       \
    ROW(queued_row_cases, "casemill_broker_queued_row_cases", GAUGE, ONE, core.queued_rows,        \
        "queued cases that came as rows")                                                          \
    ROW(delayed_cases, "casemill_broker_delayed_cases", GAUGE, ONE, core.delayed_cases,            \
        "delayed cases: they wait for their next attempt")                                         \
    ROW(out_cases, "casemill_broker_in_flight_cases", GAUGE, ONE, core.out_cases,                  \
        "cases in flight")                                                                         \
    ROW(oldest_ms, "casemill_broker_oldest_batch_age_seconds", GAUGE, MS, core.oldest_ms,          \
        "age of the oldest batch")                                                                 \
    ROW(lanes, "casemill_broker_lanes", GAUGE, ONE, core.lanes, "connected lanes")                 \
    ROW(lanes_open, "casemill_broker_lanes_ready", GAUGE, ONE, core.lanes_open,                    \
        "lanes ready for work")                                                                    \
    ROW(lanes_rows, "casemill_broker_lanes_taking_rows", GAUGE, ONE, core.lanes_rows,              \
        "connected lanes that take cases as rows")                                                 \
    ROW(sources, "casemill_broker_sources", GAUGE, ONE, core.sources, "sources that have a slot")  \
    ROW(sources_replaced_total, "casemill_broker_sources_replaced_total", COUNTER, ONE,            \
        core.sources_replaced, "idle sources whose slot a new source took over")                   \
    ROW(cases_accepted_total, "", COUNTER, ONE, core.cases_accepted, "")                           \
    ROW(cases_done_total, "", COUNTER, ONE, core.cases_done, "")                                   \
    ROW(cases_duplicate_total, "casemill_broker_cases_duplicate_total", COUNTER, ONE,              \
        core.cases_duplicate, "committed cases that were duplicates")                              \
    ROW(cases_dead_total, "casemill_broker_cases_dead_total", COUNTER, ONE, core.cases_dead,       \
        "committed cases that became dead letters")                                                \
    ROW(batches_accepted_total, "casemill_broker_batches_accepted_total", COUNTER, ONE,            \
        core.batches_accepted, "batches made durable")                                             \
    ROW(batches_duplicate_total, "casemill_broker_batches_duplicate_total", COUNTER, ONE,          \
        core.batches_duplicate, "batches sent again while live")                                   \
    ROW(batches_done_total, "casemill_broker_batches_done_total", COUNTER, ONE, core.batches_done, \
        "batches with every case committed")                                                       \
    ROW(batches_refused_total, "", COUNTER, ONE, core.batches_refused, "")                         \
    ROW(batches_busy_total, "", COUNTER, ONE, core.batches_busy, "")                               \
    ROW(batches_quarantined_total, "casemill_broker_batches_quarantined_total", COUNTER, ONE,      \
        core.batches_quarantined, "damaged records")                                               \
    ROW(parts_dealt_total, "casemill_broker_deliveries_total", COUNTER, ONE, core.parts_dealt,     \
        "deliveries to lanes")                                                                     \
    ROW(parts_failed_total, "casemill_broker_deliveries_failed_total", COUNTER, ONE,               \
        core.parts_failed, "failed deliveries")                                                    \
    ROW(parts_split_total, "casemill_broker_deliveries_split_total", COUNTER, ONE,                 \
        core.parts_split, "deliveries cut into smaller ones because they failed alone")            \
    ROW(parts_exhausted_total, "casemill_broker_poison_cases_total", COUNTER, ONE,                 \
        core.parts_exhausted, "poison: cases that failed alone attempts_max times and are buried") \
    ROW(parts_returned_total, "casemill_broker_deliveries_returned_total", COUNTER, ONE,           \
        core.parts_returned, "deliveries that lanes returned")                                     \
    ROW(parts_omitted_total, "casemill_broker_deliveries_omitted_total", COUNTER, ONE,             \
        core.parts_omitted, "deliveries taken back because heartbeats did not list them")          \
    ROW(lanes_silent_total, "casemill_broker_lanes_lost_total", COUNTER, ONE, core.lanes_silent,   \
        "lost lanes")                                                                              \
    ROW(lanes_replaced_total, "casemill_broker_lanes_replaced_total", COUNTER, ONE,                \
        core.lanes_replaced, "lanes without any work done whose slot a new lane took over")        \
    ROW(lanes_turned_away_total, "casemill_broker_lanes_turned_away_total", COUNTER, ONE,          \
        core.lanes_turned_away, "READY refused because no slot for a lane was free")               \
    ROW(lanes_refused_total, "casemill_broker_lanes_refused_total", COUNTER, ONE,                  \
        counts.lanes_refused,                                                                      \
        "READY and results of work from lanes that have not proved themselves")                    \
    ROW(canaries_total, "casemill_broker_canaries_total", COUNTER, ONE, core.canaries_sent,        \
        "canaries sent")                                                                           \
    ROW(canaries_lost_total, "casemill_broker_canaries_lost_total", COUNTER, ONE,                  \
        core.canaries_lost, "lost canaries")                                                       \
    ROW(canary_took_ms, "casemill_broker_canary_round_trip_seconds", GAUGE, MS,                    \
        core.canary_took_ms, "round trip of the last canary that returned")                        \
    ROW(success_ms, "casemill_broker_end_to_end_success_age_seconds", GAUGE, MS, core.success_ms,  \
        "time since the last end-to-end success; NaN: never yet")                                  \
    ROW(ranges_ignored_total, "casemill_broker_ranges_ignored_total", COUNTER, ONE,                \
        core.ranges_ignored, "ranges in DONE that were done already or unknown")                   \
    ROW(journal_batches, "casemill_broker_journal_batches", GAUGE, ONE, disk.live_count,           \
        "durable batches")                                                                         \
    ROW(journal_body_bytes, "casemill_broker_journal_body_bytes", GAUGE, ONE, disk.live_bytes,     \
        "bytes of durable bodies")                                                                 \
    ROW(journal_used_bytes, "casemill_broker_journal_used_bytes", GAUGE, ONE, disk.used_bytes,     \
        "used bytes of the journal's budget")                                                      \
    ROW(journal_bytes_max, "casemill_broker_journal_limit_bytes", GAUGE, ONE, disk.bytes_max,      \
        "the journal's budget")                                                                    \
    ROW(journal_pending_bytes, "casemill_broker_journal_pending_bytes", GAUGE, ONE,                \
        disk.pending_bytes, "bodies on their way to disk")                                         \
    ROW(journal_commits_total, "", COUNTER, ONE, disk.commits, "")                                 \
    ROW(journal_commit_us, "", GAUGE, ONE, disk.commit_us_last, "")                                \
    ROW(journal_commit_runs_ms, "casemill_broker_journal_commit_running_seconds", GAUGE, MS,       \
        disk.commit_runs_ms, "duration of the commit under way; 0: none")                          \
    ROW(journal_damaged, "casemill_broker_journal_damaged_records", GAUGE, ONE, disk.damaged,      \
        "damaged records found at startup")                                                        \
    ROW(journal_failed, "casemill_broker_journal_failed", GAUGE, ONE, disk.failed,                 \
        "1: nothing is confirmed until a restart")                                                 \
    ROW(memory_bytes_max, "casemill_broker_memory_limit_bytes", GAUGE, ONE, memory.bytes_max,      \
        "the budget of bodies in memory")                                                          \
    ROW(memory_body_bytes, "casemill_broker_memory_body_bytes", GAUGE, ONE, memory.body_bytes,     \
        "bodies in memory")                                                                        \
    ROW(memory_receipt_bytes, "casemill_broker_memory_receipt_bytes", GAUGE, ONE,                  \
        memory.receipt_bytes, "receipts that peers have not read")                                 \
    ROW(memory_work_bytes, "casemill_broker_memory_work_bytes", GAUGE, ONE, memory.work_bytes,     \
        "WORK that lanes have not received yet")                                                   \
    ROW(memory_unread_bytes, "casemill_broker_memory_unread_bytes", GAUGE, ONE,                    \
        memory.unread_bytes, "bytes of messages that are incomplete or not read yet")              \
    ROW(receipts_dropped_total, "casemill_broker_receipts_dropped_total", COUNTER, ONE,            \
        counts.receipts_dropped, "replies that could not be sent")                                 \
    ROW(clock_jumps_total, "casemill_broker_clock_jumps_total", COUNTER, ONE, counts.clock_jumps,  \
        "times that the wall clock was set")                                                       \
    ROW(log_dropped_total, "casemill_broker_log_dropped_total", COUNTER, ONE, log_lost,            \
        "dropped lines of the log")                                                                \
    ROW(peers_refused_total, "", COUNTER, ONE, peers_refused, "")                                  \
    ROW(keys_refused_total, "casemill_broker_keys_refused_total", COUNTER, ONE,                    \
        counts.keys_refused, "connections refused because their key is not allowed")               \
    ROW(intake_connections, "", GAUGE, ONE, sockets.of[WIRE_INTAKE].connections, "")               \
    ROW(worker_connections, "", GAUGE, ONE, sockets.of[WIRE_WORKER].connections, "")               \
    ROW(connections_full_total, "casemill_broker_connections_full_total", COUNTER, ONE,            \
        sockets.full, "times that a socket reached its limit of connections")                      \
    ROW(connections_cut_total, "casemill_broker_connections_cut_total", COUNTER, ONE, sockets.cut, \
        "connections shut down because they exceeded the limit")                                   \
    ROW(connections_heavy_total, "casemill_broker_connections_heavy_total", COUNTER, ONE,          \
        sockets.heavy, "connections ended because of what they held unread")                       \
    ROW(connections_mute, "casemill_broker_connections_mute", GAUGE, ONE, sockets.mute,            \
        "connections that have sent nothing for 15 s")                                             \
    ROW(routing_ids_taken_over_total, "casemill_broker_routing_ids_taken_over_total", COUNTER,     \
        ONE, sockets.taken_over, "routing ids of intake that a second connection took over")

/* Sources: the first SOURCE_LABELS_MAX names since startup, and "other".  Roles: those of keys. */
#define METRICS_TABLE(ROW)                                                                         \
    ROW(READY, "casemill_broker_ready", GAUGE, "", "1: /readyz is 200")                            \
    ROW(ACCEPTING, "casemill_broker_accepting", GAUGE, "", "1: batches are accepted")              \
    ROW(DISPATCHING, "casemill_broker_dispatching", GAUGE, "",                                     \
        "1: work is dispatched; 0: paused or stopping")                                            \
    ROW(SOURCE_ACCEPTED, "casemill_broker_cases_accepted_total", COUNTER, "source",                \
        "cases of durable batches")                                                                \
    ROW(SOURCE_DONE, "casemill_broker_cases_done_total", COUNTER, "source", "committed cases")     \
    ROW(SOURCE_QUEUED, "casemill_broker_queued_cases", GAUGE, "source, priority", "queued cases")  \
    ROW(REFUSED, "casemill_broker_batches_refused_total", COUNTER, "reason",                       \
        "batches answered with REFUSED")                                                           \
    ROW(BUSY, "casemill_broker_batches_busy_total", COUNTER, "reason", "BUSY answers")             \
    ROW(PEERS_REFUSED, "casemill_broker_peers_refused_total", COUNTER, "role",                     \
        "messages refused as unreadable or not allowed")                                           \
    ROW(CONNECTIONS, "casemill_broker_connections", GAUGE, "role", "open connections")             \
    ROW(CONNECTIONS_LIMIT, "casemill_broker_connections_limit", GAUGE, "role",                     \
        "limit of open connections")                                                               \
    ROW(ACCEPT, "casemill_broker_accept_seconds", HISTOGRAM, "",                                   \
        "from the arrival of a batch until it is durable")                                         \
    ROW(QUEUE, "casemill_broker_queue_age_seconds", HISTOGRAM, "",                                 \
        "age of a batch when a delivery of it is sent, first attempts")                            \
    ROW(DONE, "casemill_broker_end_to_end_seconds", HISTOGRAM, "",                                 \
        "from the acceptance of a batch until its last case is committed")                         \
    ROW(COMMIT, "casemill_broker_journal_commit_seconds", HISTOGRAM, "",                           \
        "group commits of the journal")

#endif
