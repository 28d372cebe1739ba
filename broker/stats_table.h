/* Purpose: every counter and gauge of the broker, once: name, kind, where it is read, help.
 * The rows feed /metrics; names are stable. */
#ifndef CASEMILL_BROKER_STATS_TABLE_H
#define CASEMILL_BROKER_STATS_TABLE_H

/* Where a row is read: struct all_stats of status.c. */
#define STATS_TABLE(ROW)                                                                           \
    ROW(batches, GAUGE, core.batches, "batches queued or in flight")                               \
    ROW(queued_cases, GAUGE, core.queued_cases, "queued cases")                                    \
    ROW(delayed_cases, GAUGE, core.delayed_cases,                                                  \
        "delayed cases: they wait for their next attempt")                                         \
    ROW(out_cases, GAUGE, core.out_cases, "cases in flight")                                       \
    ROW(oldest_ms, GAUGE, core.oldest_ms, "age of the oldest batch, milliseconds")                 \
    ROW(lanes, GAUGE, core.lanes, "connected lanes")                                               \
    ROW(sources, GAUGE, core.sources, "sources that have a slot")                                  \
    ROW(sources_replaced_total, COUNTER, core.sources_replaced,                                    \
        "idle sources whose slot a new source took over")                                          \
    ROW(cases_accepted_total, COUNTER, core.cases_accepted, "cases of durable batches")            \
    ROW(cases_done_total, COUNTER, core.cases_done, "committed cases")                             \
    ROW(cases_duplicate_total, COUNTER, core.cases_duplicate, "of these, duplicates")              \
    ROW(cases_dead_total, COUNTER, core.cases_dead, "of these, dead letters")                      \
    ROW(batches_accepted_total, COUNTER, core.batches_accepted, "batches made durable")            \
    ROW(batches_duplicate_total, COUNTER, core.batches_duplicate, "batches sent again while live") \
    ROW(batches_done_total, COUNTER, core.batches_done, "batches with every case committed")       \
    ROW(batches_refused_total, COUNTER, core.batches_refused, "batches answered with REFUSED")     \
    ROW(batches_busy_total, COUNTER, core.batches_busy, "BUSY answers")                            \
    ROW(batches_quarantined_total, COUNTER, core.batches_quarantined, "damaged records")           \
    ROW(parts_dealt_total, COUNTER, core.parts_dealt, "deliveries to lanes")                       \
    ROW(parts_failed_total, COUNTER, core.parts_failed, "failed deliveries")                       \
    ROW(parts_split_total, COUNTER, core.parts_split, "parts cut because they failed alone")       \
    ROW(parts_exhausted_total, COUNTER, core.parts_exhausted,                                      \
        "poison: cases that failed alone attempts_max times and are buried")                       \
    ROW(parts_returned_total, COUNTER, core.parts_returned, "deliveries that lanes returned")      \
    ROW(parts_omitted_total, COUNTER, core.parts_omitted,                                          \
        "deliveries taken back because heartbeats did not list them")                              \
    ROW(lanes_silent_total, COUNTER, core.lanes_silent, "lost lanes")                              \
    ROW(canaries_total, COUNTER, core.canaries_sent, "canaries sent")                              \
    ROW(canaries_lost_total, COUNTER, core.canaries_lost, "lost canaries")                         \
    ROW(canary_took_ms, GAUGE, core.canary_took_ms,                                                \
        "round trip of the last canary that returned, milliseconds")                               \
    ROW(road_ms, GAUGE, core.road_ms,                                                              \
        "since the last end-to-end success, milliseconds; -1: never yet")                          \
    ROW(lanes_open, GAUGE, core.lanes_open, "lanes ready for work")                                \
    ROW(ranges_ignored_total, COUNTER, core.ranges_ignored,                                        \
        "ranges in DONE that were done already or unknown")                                        \
    ROW(journal_batches, GAUGE, disk.live_count, "durable batches")                                \
    ROW(journal_body_bytes, GAUGE, disk.live_bytes, "bytes of durable bodies")                     \
    ROW(journal_used_bytes, GAUGE, disk.used_bytes, "used bytes of the journal's budget")          \
    ROW(journal_bytes_max, GAUGE, disk.bytes_max, "the journal's budget in bytes")                 \
    ROW(journal_pending_bytes, GAUGE, disk.pending_bytes, "bodies on their way to disk")           \
    ROW(journal_commits_total, COUNTER, disk.commits, "group commits")                             \
    ROW(journal_commit_us, GAUGE, disk.commit_us_last,                                             \
        "duration of the last commit, microseconds")                                               \
    ROW(journal_commit_runs_ms, GAUGE, disk.commit_runs_ms,                                        \
        "duration of the commit under way, milliseconds; 0: none")                                 \
    ROW(journal_damaged, GAUGE, disk.damaged, "damaged records found at startup")                  \
    ROW(journal_failed, GAUGE, disk.failed, "1: nothing is confirmed until a restart")             \
    ROW(memory_bytes_max, GAUGE, memory.bytes_max, "the budget of bodies in memory")               \
    ROW(memory_body_bytes, GAUGE, memory.body_bytes, "bodies in memory")                           \
    ROW(memory_receipt_bytes, GAUGE, memory.receipt_bytes, "receipts that peers have not read")    \
    ROW(memory_work_bytes, GAUGE, memory.work_bytes, "WORK that lanes have not received yet")      \
    ROW(receipts_dropped_total, COUNTER, counts.receipts_dropped,                                  \
        "replies that could not be sent")                                                          \
    ROW(clock_jumps_total, COUNTER, counts.clock_jumps, "times that the wall clock was set")       \
    ROW(log_dropped_total, COUNTER, log_lost, "dropped lines of the log")                          \
    ROW(peers_refused_total, COUNTER, counts.peers_refused,                                        \
        "messages refused as unreadable or not allowed")                                           \
    ROW(intake_connections, GAUGE, sockets.connections[WIRE_INTAKE],                               \
        "connections of intake systems")                                                           \
    ROW(worker_connections, GAUGE, sockets.connections[WIRE_WORKER], "connections of lanes")       \
    ROW(connections_full_total, COUNTER, sockets.full,                                             \
        "times that a socket reached its limit of connections")                                    \
    ROW(connections_cut_total, COUNTER, sockets.cut,                                               \
        "connections shut down because they exceeded the limit")                                   \
    ROW(connections_heavy_total, COUNTER, sockets.heavy,                                           \
        "connections ended because of what they held unread")                                      \
    ROW(memory_unread_bytes, GAUGE, memory.unread_bytes,                                           \
        "bytes of messages that are incomplete or not read yet")                                   \
    ROW(routing_ids_taken_over_total, COUNTER, sockets.taken_over,                                 \
        "routing ids of intake that a second connection took over")                                \
    ROW(connections_mute, GAUGE, sockets.mute, "connections that have sent nothing for 15 s")      \
    ROW(lanes_replaced_total, COUNTER, core.lanes_replaced,                                        \
        "lanes without any work done whose slot a new lane took over")                             \
    ROW(lanes_turned_away_total, COUNTER, core.lanes_turned_away,                                  \
        "READY refused because no slot for a lane was free")                                       \
    ROW(lanes_refused_total, COUNTER, counts.lanes_refused,                                        \
        "READY and results of work from lanes that have not proved themselves")                    \
    ROW(keys_refused_total, COUNTER, counts.keys_refused,                                          \
        "connections refused because their key is not allowed")

#endif
