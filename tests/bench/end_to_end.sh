#!/bin/sh
# Benchmark end_to_end: encoded cases from submit to the last DONE, beside a loader that COPYs
# the very same rows into the same table over as many connections.  Called by run.sh.
# CASEMILL_BENCH_CASES and CASEMILL_BENCH_RUNS make it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-1000000}
singles=${CASEMILL_BENCH_SINGLES:-200000}
runs=${CASEMILL_BENCH_RUNS:-5}
. "$(dirname "$0")/lib.sh"
database_start
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
worker_start worker
casemill generate --cases "$cases" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"
casemill generate --cases "$singles" --seed 7 --format msgpack --out "$work/singles.mp" || abort "generate"

# once BATCH FILE: cases per second from the first submit to the last DONE.
once() {
    fresh_tables
    took=$("$tools/bench_submit" rate "$intake" "$2" "$1") || abort "bench_submit"
    echo "$took" | awk '{ print $2 / $1 }'
}
compare() { # compare FIGURE BATCH FILE GOAL
    once "$2" "$3" >/dev/null # warm
    dump_rows "$work/rows.bin" || abort "the rows are read"
    load_best "$work/rows.bin" >/dev/null || abort "bench_load"
    : >"$work/lines"
    for run in $(seq "$runs"); do
        rate=$(once "$2" "$3")
        limit=$(load_best "$work/rows.bin") || abort "bench_load"
        echo "$rate $(ratio "$rate" "$limit")" >>"$work/lines"
        echo "limit $run: $limit" >>"$work/limits"
    done
    figure end_to_end "$1" "cases/s" "$4" <"$work/lines"
}
compare bulk.rate 1000 "$work/cases.mp" ">= 0.75"
compare single.rate 1 "$work/singles.mp" ">= 0.60"
done_with
