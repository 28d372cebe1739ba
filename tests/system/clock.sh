#!/bin/sh
# The wall clock jumps hours forward and back while broker and worker run (hold_preload.c). Timeouts use the monotonic
# clock, so the jump has no effect on them. What completeness recorded while the clock was ahead does not apply to
# batches that are accepted afterwards.
# A failure means that a clock change makes the broker lose lanes, delays work, or makes a report claim too much.
# suite: full
. "$(dirname "$0")/lib.sh"
hours=7200

cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold="$work/hold"
mkdir "$hold"
set_clock() { echo "$1" >"$hold/clock.new" && mv "$hold/clock.new" "$hold/clock"; } # seconds ahead
metric() { /usr/bin/python3 -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1] + "/metrics", timeout=5).read().decode())' "$(ready_field "$1" http)" | sed -n "s/^$2 //p"; }
jumps_are() { [ "$(metric "$1" "$2")" = "$3" ]; }
made() { # made NAME: 300 cases of that name
    casemill generate --cases 300 --seed 51 --bad 0 --duplicates 0 --out "$work/made.jsonl" &&
        sed "s/\"case_id\": *\"/&$1-/" "$work/made.jsonl" >"$work/$1.jsonl"
}
sent() { # sent NAME ACK
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack "$2" --batch 100 "$work/$1.jsonl" \
        >"$work/submit.out" 2>"$work/submit.err"
}
rows_are() { [ "$(rows)" -eq "$1" ]; }

database_start
for name in A B C D E; do made "$name" || abort "cases are generated"; done
broker_start LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold" CASEMILL_LANES_SILENT_MS=5s CASEMILL_HEALTH_CANARY_MS=60s
worker_start worker LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold" CASEMILL_HTTP_BIND=127.0.0.1:0

# --- under way: forward, and back
check "work is done" sent A outcome
set_clock "$hours"
wait_until 5 jumps_are broker casemill_broker_clock_jumps_total 1
check "a jump forward is noticed by the broker within 5 s" jumps_are broker casemill_broker_clock_jumps_total 1
wait_until 10 jumps_are worker casemill_worker_clock_jumps_total 1
check "and by the worker within 10 s" jumps_are worker casemill_worker_clock_jumps_total 1
contains "the log has the size of the jump" "$work/broker.err" 'event=CLOCK_JUMPED by_ms=(7199|7200)'
check "work continues while the clock is ahead" sent B outcome
stop "$worker_pid"

# --- a batch of the time ahead and one of the time after it, in the queue together
check "a batch is accepted while the clock is ahead" sent C journal
set_clock 0
wait_until 5 jumps_are broker casemill_broker_clock_jumps_total 2
check "the jump back is noticed too" jumps_are broker casemill_broker_clock_jumps_total 2
check "a batch is accepted after the clock was set back" sent D journal
worker_start worker LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
wait_until 30 rows_are 1200
equal "both batches are done" "$(rows)" 1200
equal "with both in the queue, completeness ends before the earlier batch" "$(pg_sql "
    select count(*) from commits k, unnest(k.low_water_at) said
    where k.received_until = (select max(received_at) from cases where case_id like 'C-%')
      and said > (select min(received_at) from cases where case_id like 'D-%')")" 0
equal "it counts the batch that was accepted while the clock was ahead" "$(pg_sql "
    select count(*) > 0 from commits
    where received_until = (select max(received_at) from cases where case_id like 'C-%')")" t
check "work is done afterwards" sent E outcome
equal "completeness corrects the time that it recorded while the clock was ahead" "$(pg_sql "
    select complete_before <= (select max(received_at) from cases where case_id like 'E-%') from report.completeness")" t
equal "no lane was lost" "$(metric broker casemill_broker_lanes_lost_total)" 0
equal "each case once" "$(pg_sql "select count(*), (select coalesce(sum(cases), 0) from commits) from cases")" "1500|1500"

# --- the journal's retries: deletes that find no room wait by the monotonic clock
set_clock "$hours"
check "a full journal works while the clock is ahead" \
    timeout 100 env LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold" "${bin%/bin}/tests/test_broker_journal_full" \
    >"$work/full.out" 2>&1

stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
