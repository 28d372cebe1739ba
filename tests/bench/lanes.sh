#!/bin/sh
# Benchmark lanes: end-to-end in batches of 1,000 with 1 to 64 lanes in 1 to 4 worker processes. It measures the rate,
# and the broker's share of the processor time of broker, workers and PostgreSQL. Called by run.sh.
# CASEMILL_BENCH_CASES and CASEMILL_BENCH_RUNS make it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-500000}
runs=${CASEMILL_BENCH_RUNS:-3}
shapes='1x1 2x1 4x2 8x2 16x4 64x4' # lanes in all x processes
. "$(dirname "$0")/lib.sh"
database_start
pg_sql "alter system set max_connections = 120"
pg_stop
pg_restart || abort "PostgreSQL takes more connections"
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
casemill generate --cases "$cases" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"

ticks() { # of processes: user and system, hundredths of a second
    for pid in "$@"; do
        sed 's/.*) //' "/proc/$pid/stat"
    done | awk '{ sum += $12 + $13 } END { print sum + 0 }'
}
postgres_ticks() { # with the backends that have ended
    { sed 's/.*) //' "/proc/$pg_pid/stat" | awk '{ print $12 + $13 + $14 + $15 }'
      for stat in /proc/[0-9]*/stat; do sed 's/.*) //' "$stat" 2>/dev/null; done |
          awk -v parent="$pg_pid" '$2 == parent { print $12 + $13 }'; } | awk '{ sum += $1 } END { print sum + 0 }'
}
once() { # once LANES PROCESSES: a line "rate broker_us_a_case share"
    workers=''
    for number in $(seq "$2"); do
        worker_start "worker$number" CASEMILL_LANES_COUNT=$(($1 / $2))
        workers="$workers $worker_pid"
    done
    fresh_tables
    broker=$(ticks "$broker_pid")
    others=$(($(ticks $workers) + $(postgres_ticks)))
    took=$("$tools/bench_submit" rate "$intake" "$work/cases.mp" 1000) || abort "bench_submit"
    broker=$(($(ticks "$broker_pid") - broker))
    others=$(($(ticks $workers) + $(postgres_ticks) - others))
    for pid in $workers; do stop "$pid" >/dev/null; done
    echo "$took" | awk -v broker="$broker" -v others="$others" '
        { printf "%.0f %.3f %.4f\n", $2 / $1, broker * 10000 / $2, broker / (broker + others) }'
}
once 2 1 >/dev/null # warm
: >"$work/worst"
for run in $(seq "$runs"); do
    : >"$work/run"
    for shape in $shapes; do
        once "${shape%x*}" "${shape#*x}" >"$work/once" || abort "lanes $shape"
        echo "$shape: $(cat "$work/once")"
        cat "$work/once" >>"$work/run"
        awk '{ print $1, "-" }' "$work/once" >>"$work/rate_$shape"
    done
    sort -g -k 3 "$work/run" | awk 'END { print $2, $3 }' >>"$work/worst" # the shape that costs it most
done
for shape in $shapes; do
    figure lanes "lanes.rate_$shape" "cases/s" "" <"$work/rate_$shape"
done
figure lanes lanes.broker_cpu "us/case" "<= 0.10" <"$work/worst"
done_with
