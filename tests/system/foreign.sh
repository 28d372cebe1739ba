#!/bin/sh
# A client that shares no code with casemill: Python, pyzmq and msgpack, written from the protocol's README.
# A failure means that an intake system cannot be written from that page.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
check "the example client runs to its end" \
    timeout 60 /usr/bin/python3 tests/data/client_example.py "$intake" >"$work/client.out" 2>"$work/client.err"
[ -s "$work/client.err" ] && tail -n 5 "$work/client.err" | sed 's/^/    | /'
contains "it received ACCEPTED" "$work/client.out" ACCEPTED
contains "it received DONE" "$work/client.out" DONE
stored=$(pg_sql "select count(*) from report.outcomes")
check "its cases have outcomes ($stored)" [ "$stored" -gt 0 ]
check "a second run is safe" \
    timeout 60 /usr/bin/python3 tests/data/client_example.py "$intake" >"$work/again.out" 2>"$work/again.err"
check "the README's ten lines of Python run" sh -c "
    awk '/^\`\`\`python/ {inside = 1; next} /^\`\`\`/ {inside = 0} inside' README.md |
        sed 's|tcp://127.0.0.1:5570|$intake|' >'$work/readme.py' &&
    test -s '$work/readme.py' && timeout 60 /usr/bin/python3 '$work/readme.py' >'$work/readme.out' 2>'$work/readme.err'"
contains "and receive DONE" "$work/readme.out" DONE
equal "its case has an outcome" "$(pg_sql "select count(*) from report.outcomes where case_id = 'A-1002'")" 1

# --- receipts of many batches at once, for a client that asked for them; the workers start after every QUERY
stop "$worker_pid"
seen() { sed -n "s/^$1 //p" "$work/$coalescing.out"; }
ended() { wait_until 60 is_gone "$started_pid" && reap "$started_pid"; }
coalescing=many
start many /usr/bin/python3 tests/system/coalesce.py "$intake" M
many_pid=$started_pid
wait_until 30 grep -q queried "$work/many.out" || abort "all are accepted and asked for" "$(tail -n 1 "$work/many.err")"
worker_start worker
started_pid=$many_pid
check "coalesced: the peer comes to its end" ended
equal "coalesced: every batch is ACCEPTED" "$(seen accepted)" 300
equal "coalesced: every batch is DONE" "$(seen done)" 300
equal "coalesced: no batch has two receipts of one kind" "$(seen twice)" 0
check "coalesced: many in one receipt ($(seen together))" [ "$(seen together)" -gt 1 ]
equal "coalesced: fewer messages than batches" "$(seen fewer_messages)" 1
equal "without coalesce: two receipts per batch, each for one batch" "$(seen plain)" 1020
equal "a REQ with coalesce gets its one reply" "$(seen req)" 1
stop "$broker_pid"

# --- committed before it is durable: the client receives both receipts at once, in their order
cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
mkdir "$work/hold"
broker_start LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$work/hold"
lanes_are_back() { casemill workers --control "ipc://$work/control" | grep -qw idle; }
wait_until 20 lanes_are_back || abort "the lanes are back"
coalescing=early
: >"$work/hold/fdatasync"
start early /usr/bin/python3 tests/system/coalesce.py "$intake" E
early_pid=$started_pid
committed() { [ "$(pg_sql "select count(*) from cases where case_id like 'E-%'")" -eq 300 ]; }
wait_until 20 committed || abort "all are committed" "$(tail -n 1 "$work/early.err")"
rm "$work/hold/fdatasync"
started_pid=$early_pid
check "a stalled journal: the peer ends" ended
equal "a stalled journal: every batch is DONE" "$(seen done)" 300
equal "a stalled journal: no DONE before ACCEPTED" "$(seen early)" 0
stop "$broker_pid"
finish
