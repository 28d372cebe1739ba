#!/bin/sh
# Benchmark report: each view of schema report over 10,000,000 cases that were processed end-to-end, beside a
# sequential scan of cases by one process. Views of counts are read whole. Views with one line per case are read as a
# reporter reads them, a page of 100 by key. Called by run.sh.
# CASEMILL_BENCH_CASES and CASEMILL_BENCH_RUNS make it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-10000000}
runs=${CASEMILL_BENCH_RUNS:-5}
. "$(dirname "$0")/lib.sh"
database_start
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
worker_start worker
piece=$((cases < 500000 ? cases : 500000))
casemill generate --cases "$piece" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"
casemill generate --cases 2000 --seed 8 --bad 50 --out "$work/bad.jsonl" || abort "generate"
for round in $(seq $((cases / piece))); do
    "$tools/bench_submit" rate "$intake" "$work/cases.mp" 1000 ordered $((round * piece)) || abort "bench_submit"
done
submit --ack outcome "$work/bad.jsonl" >"$work/bad.out" # exits with 3: there are dead letters
[ "$(rows dead_letters)" -gt 0 ] || abort "there are dead letters"
is_folded() { [ "$(rows tallies)" = 0 ]; }
wait_until 60 is_folded || abort "tallies are folded"
# Transitions: some cases have a second outcome.
pg_sql "insert into reapplied (source, case_id, revision, ruleset, disposition, agreement, reason, result, reference_date, as_of, decided_at,
    commit) select source, case_id, revision, 2, disposition, agreement, reason, result, reference_date, as_of, decided_at, commit from cases where case_id > '0000200000' order by source, case_id limit 1000"
stop "$worker_pid" # nothing else runs while the clock does
stop "$broker_pid"
pg_sql "vacuum analyze"
pg_sql checkpoint

milliseconds() { # of one query, as the server's own client measures it
    "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "$pg_conninfo" -c "$1" -c '\timing on' -c "$2" -o "$work/rows" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
}
scan() {
    milliseconds "set max_parallel_workers_per_gather = 0; set enable_indexonlyscan = off; set enable_bitmapscan = off" \
        "select count(*) from cases"
}
page_of() { echo "where source_number = 1 and case_id > '0000200000' order by case_id limit 100"; }
query_of() {
    case $1 in
    outcomes | current_outcomes | screening | transitions | cases) echo "select * from report.$1 $(page_of)" ;;
    *) echo "select * from report.$1" ;;
    esac
}
views=$(pg_sql "select table_name from information_schema.views where table_schema = 'report' order by 1")
scan >/dev/null
for run in $(seq "$runs"); do
    scanned=$(scan)
    echo "run $run: a scan takes $scanned ms"
    for view in $views; do
        took=$(milliseconds "select 1" "$(query_of "$view")")
        [ -s "$work/rows" ] || abort "report.$view has rows"
        echo "$took $(ratio "$took" "$scanned")" >>"$work/$view"
    done
done
for view in $views; do
    figure report "report.$view" ms "<= 0.02" <"$work/$view"
done
done_with
