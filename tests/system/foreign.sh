#!/bin/sh
# A client that shares no code with casemill: Python, pyzmq and msgpack, written from the protocol's
# page.  A failure means an intake system cannot be written from that page.
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
check "the example client runs to its end" \
    timeout 60 /usr/bin/python3 tests/data/client_example.py "$intake" >"$work/client.out" 2>"$work/client.err"
[ -s "$work/client.err" ] && tail -n 5 "$work/client.err" | sed 's/^/    | /'
contains "it was told ACCEPTED" "$work/client.out" ACCEPTED
contains "it was told DONE" "$work/client.out" DONE
stored=$(pg_sql "select count(*) from report.outcomes")
check "its cases have outcomes ($stored)" [ "$stored" -gt 0 ]
check "a second run is safe" \
    timeout 60 /usr/bin/python3 tests/data/client_example.py "$intake" >"$work/again.out" 2>"$work/again.err"
check "the README's ten lines of Python run" sh -c "
    awk '/^\`\`\`python/ {inside = 1; next} /^\`\`\`/ {inside = 0} inside' README.md |
        sed 's|tcp://127.0.0.1:5570|$intake|' >'$work/readme.py' &&
    test -s '$work/readme.py' && timeout 60 /usr/bin/python3 '$work/readme.py' >'$work/readme.out' 2>'$work/readme.err'"
contains "and are told DONE" "$work/readme.out" DONE
equal "its case has an outcome" "$(pg_sql "select count(*) from report.outcomes where case_id = 'A-1001'")" 1
stop "$broker_pid"
finish
