#!/bin/sh
# Peers press on the broker's memory (P7): clients send large bodies at once, faster than the disk takes them; lanes
# ask for work and do not read it.
#   sh tests/system/memory.sh
# A failure means that peers decide how much memory the broker uses, or that lanes which do not read delay the others.
# suite: full, alone
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/weigh.sh"
clients=10
bodies=8 # of each, of 4 MiB
memory_mib=16
# Added to memory.bytes_max and its quarters for receipts, for WORK and for unread input: the programs themselves.
# For each connection also one body that libzmq assembles and one that was just read.
base_mib=$((memory_mib * 3 / 4 + 24 + clients * 4 * 2))
flood() { timeout 120 /usr/bin/python3 tests/system/flood.py "$@"; }

database_start
broker_start CASEMILL_INTAKE_MESSAGE_BYTES_MAX=8MiB CASEMILL_MEMORY_BYTES_MAX=${memory_mib}MiB CASEMILL_JOURNAL_BYTES_MAX=1GiB CASEMILL_LANES_SILENT_MS=3s \
    CASEMILL_LANES_BEAT_MS=500ms CASEMILL_WORKER_TRUST=loopback
start heavy /usr/bin/python3 tests/system/flood.py heavy "$intake" "$clients" "$bodies"
until is_gone "$started_pid"; do
    sample
    sleep 0.02
done
wait "$started_pid" || not_ok "all is accepted at last" "$(tail -n 1 "$work/heavy.err")"
below "$clients clients send $((clients * bodies * 4)) MiB at once: anonymous memory in MiB" "$highest" $((memory_mib + base_mib))
contains "some clients received BUSY" "$work/heavy.out" '"busy": [1-9]'

# --- lanes that read nothing; each gets one body, and no further one while that is unsent
start deaf /usr/bin/python3 tests/system/flood.py lanes "$lanes" "$clients"
wait_until 20 at_least out_cases "$clients" || not_ok "lanes that do not read get deliveries" "$(metric out_cases) cases are out"
highest=0
settled=$(($(metric lanes_silent_total) + 1))
a_lane_is_silent() { sample; at_least lanes_silent_total "$settled"; }
wait_until 20 a_lane_is_silent || not_ok "they are lost" "$(metric lanes) lanes are connected"
below "$clients lanes that ask for 32 MiB each and do not read: anonymous memory in MiB" "$highest" $((memory_mib + base_mib))
below "WORK that has not left, KiB" $(($(metric memory_work_bytes) / 1024)) $((clients * 4 * 1024 + memory_mib * 1024 / 4))

# --- a lane that reads does not wait
worker_start worker CASEMILL_LANES_COUNT=1
queue_is_empty() { sample; [ "$(metric batches)" = 0 ]; }
wait_until 60 queue_is_empty || not_ok "a lane that reads does all the work" "$(metric batches) batches are left"
equal "a lane that reads does all the work" "$(metric cases_done_total)" $((clients * bodies))
below "anonymous memory to the end, MiB" "$highest" $((memory_mib + base_mib))
finish
