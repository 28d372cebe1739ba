#!/bin/sh
# Peers that send false numbers in every field of the protocol: a lane, a source and an operator to a broker; a broker
# to lanes and to a client. Each number is clamped or refused when it is decoded, and no later code computes with it.
# The test command also runs this script on the sanitizer build, where undefined behaviour ends a program.
# A failure means that a peer can make a program overflow, hang, end, or stop serving other peers.
# suite: full
. "$(dirname "$0")/lib.sh"

UBSAN_OPTIONS=print_stacktrace=1
ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS ASAN_OPTIONS
all_sent() { grep -q '^sent' "$work/$1.out" || is_gone "$2"; }
metric() { # metric NAME: a member of the broker's /status
    /usr/bin/python3 -c 'import json, sys, urllib.request
print(json.load(urllib.request.urlopen(sys.argv[1] + "/status", timeout=5))[sys.argv[2]])' \
        "$(ready_field broker http)" "$1" 2>>"$work/metric.log"
}

lanes="ipc://$work/lanes"
database_start
broker_start CASEMILL_LANES_BEAT_MS=200ms CASEMILL_LANES_SILENT_MS=2s
casemill generate --cases 300 --seed 7 --bad 0 --duplicates 0 --out "$work/cases.jsonl" 2>"$work/generate.err" || abort "generate"

# --- a broker receives false numbers on each of its sockets
timeout 100 /usr/bin/python3 "$root/tests/system/liars.py" lane "$lanes" "$intake" "ipc://$work/control" \
    >"$work/lane.out" 2>"$work/lane.err"
equal "a broker answers after each false number of a lane, a source and an operator" $? 0
contains "there were more than 100 of them" "$work/lane.out" '^sent [3-9][0-9][0-9]$'
refused_many() { [ "$(metric peers_refused_total)" -gt 50 ] 2>/dev/null; }
check "it refused messages by name" wait_until 10 refused_many

# --- a worker receives false numbers from one of its brokers, and works for the other
start liar /usr/bin/python3 "$root/tests/system/liars.py" broker "ipc://$work/liar"
wait_ready liar "$started_pid" || abort "the lying broker starts" "$(tail -n 1 "$work/liar.err")"
worker_start worker CASEMILL_BROKER_CONNECT="ipc://$work/liar,$lanes" CASEMILL_LANES_COUNT=1
check "a broker sends false numbers to a lane" wait_until 60 all_sent liar "$started_pid"
start submit "$bin/casemill" submit --broker "$intake" --ack outcome "$work/cases.jsonl"
wait_until 60 is_gone "$started_pid"
wait "$started_pid"
equal "the lane works for its other broker meanwhile" $? 0
check "each case of that broker has its row" [ "$(pg_sql "select count(*) from cases where case_id not like 'LIE%'")" -eq 300 ]
contains "false numbers are refused" "$work/worker.err" 'PEER_REFUSED peer=broker reason=bad_header'
is_silent() { [ "$(metric lanes_silent_total)" != "$silent_before" ]; }
silent_before=$(metric lanes_silent_total)
not_within() { ! wait_until "$@"; }
check "that broker does not lose the lane" not_within 4 is_silent
check "and lost no connection to PostgreSQL" sh -c "! grep -q 'POSTGRES_LOST\|POSTGRES_REFUSED' '$work/worker.err'"
check "the stored values from the false broker are in range" [ "$(pg_sql "select count(*) from cases where received_at > 'infinity'::timestamptz or received_at < 'epoch'")" -eq 0 ]

# --- a client receives false numbers in its receipts
start false /usr/bin/python3 "$root/tests/system/liars.py" intake "ipc://$work/false"
wait_ready false "$started_pid" || abort "the lying broker starts" "$(tail -n 1 "$work/false.err")"
timeout 60 "$bin/casemill" submit --broker "ipc://$work/false" --ack outcome "$work/cases.jsonl" >"$work/false_submit.out" 2>&1
equal "a client accepts its DONE after false receipts" $? 0

stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
check "no sanitizer reported a fault" sh -c "! grep -l 'runtime error\|Sanitizer\|check failed' '$work'/*.err '$work'/*.out"
finish
