#!/bin/sh
# A worker stops (SIGSTOP) in the middle of a transaction, with its rows locked. PostgreSQL's own limits do not end a
# COPY, so the broker or the other lanes must end it. The test does this once while the broker runs, and once while
# the broker is killed with the worker and restarts without knowledge of it.
# A failure means that a batch waits forever for a frozen lane.
# suite: full
. "$(dirname "$0")/lib.sh"
count=5000

cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold="$work/hold"
mkdir "$hold"
database_start
casemill generate --cases "$count" --seed 31 --bad 0 --duplicates 0 --out "$work/first.jsonl" || abort "generate"
sed 's/"case_id": *"/&R-/' "$work/first.jsonl" >"$work/second.jsonl"

is_stopped() { grep -q '^State:.*T (stopped)' "/proc/$1/status"; }
# PostgreSQL waits for the client of a transaction that holds rows.
holds_rows() {
    [ "$(pg_sql "select count(*) from pg_stat_activity where application_name like 'casemill/%'
        and backend_xid is not null and wait_event = 'ClientRead'")" -ge 1 ]
}
# freeze_with FILE: a worker with one lane receives its cases and freezes; the client waits for DONE.
freeze_with() {
    : >"$hold/freeze"
    worker_start frozen CASEMILL_LANES_COUNT=1 LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
    frozen=$worker_pid
    start submit "$bin/casemill" submit --broker "$intake" --ack outcome --batch "$count" "$1"
    submit_pid=$started_pid
    wait_until 20 is_stopped "$frozen" || abort "the worker stops inside its transaction"
    wait_until 5 holds_rows || abort "its backend holds rows and waits"
}

broker_start CASEMILL_LANES_SILENT_MS=1s CASEMILL_LANES_BEAT_MS=200ms
freeze_with "$work/first.jsonl"
worker_start healthy
healthy=$worker_pid
wait_until 30 is_gone "$submit_pid" || abort "another lane does the work of the frozen one"
check "the broker orders the fence, and the batch is done within 30 s" reap "$submit_pid"
equal "each case has its row" "$(rows)" "$count"
contains "the broker logs the lost lane" "$work/broker.err" 'event=LANE_SILENT'
stop "$healthy"
kill -CONT "$frozen"
stop "$frozen"
equal "the frozen worker continues and ends with exit code 0" $? 0
equal "and has stored no case twice" "$(rows)" "$count"
stop "$broker_pid"

# Its limit for heartbeats is long, so that the broker is killed before it loses the lane.
broker_start CASEMILL_LANES_SILENT_MS=60min
freeze_with "$work/second.jsonl"
kill_hard "$broker_pid"
broker_start CASEMILL_LANES_SILENT_MS=60min
: >"$work/healthy.err"
worker_start healthy
healthy=$worker_pid
began=$(date +%s)
wait_until 40 is_gone "$submit_pid" || abort "another lane does the work that no broker knows of"
check "after the broker's restart, no fence is ordered and the batch is done within 40 s" reap "$submit_pid"
echo "    done after $(($(date +%s) - began)) s"
equal "each case has its row" "$(rows)" $((count * 2))
contains "the lane that waited logs the session that it ended" "$work/healthy.err" 'event=LANE_FROZEN backends=1'
equal "once" "$(grep -c 'event=LANE_FROZEN' "$work/healthy.err")" 1
stop "$healthy"
equal "the worker ends with exit code 0" $? 0
kill -CONT "$frozen"
stop "$frozen"
equal "the frozen worker continues and ends with exit code 0" $? 0
equal "no case is stored twice" "$(pg_sql "select coalesce(sum(cases), 0) - (select count(*) from cases) from commits")" 0
stop "$broker_pid"
finish
