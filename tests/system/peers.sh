#!/bin/sh
# The smallest run of the benchmark `peers`: casemill, and the worker's own code behind a queue in PostgreSQL.  It checks
# the counts, no time: each run stores every case once, and a kill -9 in the middle loses none.
# A failure means that the benchmark compares runs that do not do the same work, or that a queue loses cases (P1, P5).
# suite: full
. "$(dirname "$0")/lib.sh"

CASEMILL_BUILD=${bin%/bin} timeout 240 sh tests/bench/peers.sh --quick >"$work/lines" 2>"$work/peers.err"
equal "the benchmark finishes; it stops where a run does not store every case once" "$?" 0
value() { sed -n "s/.*\"figure\": \"$1\", \"value\": \([0-9.e+]*\),.*/\1/p" "$work/lines"; }
for queue in casemill postgres; do
    equal "no case is lost when $queue is killed" "$(value "kill.$queue.lost")" 0
    for shape in bulk single; do
        check "there is a rate of $queue, $shape" [ -n "$(value "$shape.$queue")" ]
    done
done
[ "$failed" -eq 0 ] || tail -n 5 "$work/peers.err"
finish
