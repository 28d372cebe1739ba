#!/bin/sh
# Benchmark ones: one case per message. confirm: to ACCEPTED, which is sent after fdatasync; the baselines are a
# ROUTER that answers at once and a bare write + fdatasync; there are no workers. latency.idle: one at a time to DONE;
# the baseline is the same row written by one libpq round trip. latency.half: cases on a schedule at half of the
# end-to-end rate for single cases, and a few of those round trips per second beside them. Called by run.sh.
# CASEMILL_BENCH_ONES, CASEMILL_BENCH_SINGLES and CASEMILL_BENCH_RUNS make it smaller.
set -u
runs=${CASEMILL_BENCH_RUNS:-5}
many=${CASEMILL_BENCH_ONES:-20000}
few=$((many / 10))
singles=${CASEMILL_BENCH_SINGLES:-200000}
probes=100 # per second
. "$(dirname "$0")/lib.sh"
ones=$tools/bench_ones
field() { echo "$1" | cut -d' ' -f"$2"; }
database_start
# Everything confirmed here stays queued until a worker starts.
broker_start CASEMILL_QUEUE_BATCHES_MAX=10000000 CASEMILL_JOURNAL_BYTES_MAX="$((runs * many * 3 * 9 / 1024 + 256))MiB"
casemill generate --cases "$((many * 2))" --seed 9 --format msgpack --out "$work/cases.mp" || abort "generate"
start echo "$ones" echo
echo_pid=$started_pid
wait_until 10 grep -q tcp "$work/echo.out" || abort "the echo starts"
echo_endpoint=$(cat "$work/echo.out")

for window in 1 100 1000; do
    count=$([ "$window" = 1 ] && echo "$few" || echo "$many")
    : >"$work/lines"
    : >"$work/p99"
    for run in $(seq "$runs"); do
        ours=$("$ones" submit "$intake" "$work/cases.mp" accepted "$window" "$count") || abort "submit"
        peer=$("$ones" submit "$echo_endpoint" "$work/cases.mp" accepted "$window" "$count") || abort "echo"
        echo "$(field "$ours" 1) $(ratio "$(field "$ours" 1)" "$(field "$peer" 1)")" >>"$work/lines"
        [ "$window" = 1 ] || continue
        bare=$("$ones" sync "$work" 4096 "$count") || abort "sync"
        echo "$(field "$ours" 3) $(ratio "$(field "$ours" 3)" "$(field "$bare" 3)")" >>"$work/p99"
    done
    figure ones "confirm.rate_$window" "batches/s" "$([ "$window" = 1000 ] && echo '>= 0.6')" <"$work/lines"
    [ "$window" != 1 ] || figure ones confirm.p99_1 us "<= 3" <"$work/p99"
done
kill_hard "$echo_pid"

worker_start worker
all_done() { [ "$(rows)" -gt 0 ] && casemill status --all --control "ipc://$work/control" | grep -q '^batches  *0$'; }
wait_until 120 all_done || abort "the backlog is worked off"
# The same rows by hand: one query with the case and its transaction's row.
columns=$(cases_columns)
quoted() { # quoted CONDITION: every column as a literal
    pg_sql "select string_agg(format('quote_nullable(%I::text)', attname), ' || '', '' || ' order by attnum) from pg_attribute where $1"
}
# Of another source, so that they can be stored beside the cases.
rows_as_sql() { # rows_as_sql COUNT
    pg_sql "select 'BEGIN; INSERT INTO cases ($columns) VALUES (' || $(quoted "$lanes_write" | sed 's/source::text/32767::text/') || '); INSERT INTO commits VALUES (' ||
            (select $(quoted "attrelid = 'commits'::regclass and attnum > 0 and not attisdropped" | sed 's/quote_nullable(commit::text)/(random() * 9e18)::bigint/') from commits where commits.commit = cases.commit) ||
            '); COMMIT' from cases limit $1" >"$work/rows.sql" || abort "the rows as SQL"
}
numbers() { # numbers FIGURE: lines for p50, p99 and p99.9 of $ours beside $peer
    for number in 2:p50 3:p99 4:p999; do
        echo "$(field "$ours" "${number%:*}") $(ratio "$(field "$ours" "${number%:*}")" "$(field "$peer" "${number%:*}")")" \
            >>"$work/$1_${number#*:}"
    done
}
figures() { # figures FIGURE
    figure ones "$1_p50" us "<= 2" <"$work/$1_p50"
    figure ones "$1_p99" us "<= 3" <"$work/$1_p99"
    figure ones "$1_p999" us "" <"$work/$1_p999"
}
rows_as_sql "$few"
for run in $(seq "$runs"); do
    fresh_tables
    ours=$("$ones" submit "$intake" "$work/cases.mp" done 1 "$few") || abort "submit"
    fresh_tables
    peer=$("$ones" query "$pg_conninfo" "$work/rows.sql" "$few") || abort "query"
    numbers latency.idle
done
figures latency.idle

casemill generate --cases "$singles" --seed 10 --format msgpack --out "$work/singles.mp" || abort "generate"
capacity() {
    fresh_tables
    "$tools/bench_submit" rate "$intake" "$work/singles.mp" 1 | awk '{ printf "%d", $2 / $1 }'
}
capacity >/dev/null # warm
capacity=$(capacity)
[ "$capacity" -gt 0 ] || abort "bench_submit"
half=$((capacity / 2))
seconds=$((singles / half < 5 ? singles / half : 5))
[ "$seconds" -gt 0 ] || abort "too few cases for a second"
echo "capacity $capacity a second; $seconds seconds of $half"
for run in $(seq "$runs"); do
    fresh_tables
    "$ones" paced_query "$pg_conninfo" "$work/rows.sql" "$probes" $((probes * seconds)) >"$work/peer" &
    probe=$!
    ours=$("$ones" paced "$intake" "$work/singles.mp" "$half" $((half * seconds))) || abort "paced"
    wait "$probe" || abort "paced_query"
    peer=$(cat "$work/peer")
    echo "half: $ours beside $peer"
    numbers latency.half
done
figures latency.half
done_with
