#!/bin/sh
# Benchmark ones: one case a message.  confirm: to ACCEPTED, which is after fdatasync, beside a ROUTER that answers at
# once, and beside a bare write + fdatasync; workers are away.  latency: one at a time to DONE, beside the same row
# written by one libpq round trip.  Called by run.sh.
set -u
runs=${CASEMILL_BENCH_RUNS:-5}
many=${CASEMILL_BENCH_ONES:-20000}
few=$((many / 10))
. "$(dirname "$0")/lib.sh"
ones=$tools/bench_ones
field() { echo "$1" | cut -d' ' -f"$2"; }
database_start
broker_start CASEMILL_QUEUE_BATCHES_MAX=1000000
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
all_done() { [ "$(rows)" -gt 0 ] && casemill status --control "ipc://$work/control" | grep -q '^batches  *0$'; }
wait_until 120 all_done || abort "the backlog is worked off"
# The same rows by hand: one query with the case and its transaction's row.
columns=$(cases_columns)
quoted() { # every column as a literal
    pg_sql "select string_agg(format('quote_nullable(%I::text)', attname), ' || '', '' || ' order by attnum)
            from pg_attribute where attrelid = '$1'::regclass and attnum > 0 and not attisdropped"
}
pg_sql "select 'BEGIN; INSERT INTO cases ($columns) VALUES (' || $(quoted cases) || '); INSERT INTO commits VALUES (' ||
        (select $(quoted commits | sed 's/quote_nullable(commit::text)/(random() * 9e18)::bigint/') from commits where commits.commit = cases.commit) ||
        '); COMMIT' from cases limit $few" >"$work/rows.sql" || abort "the rows as SQL"
: >"$work/p50"
: >"$work/p99"
for run in $(seq "$runs"); do
    fresh_tables
    ours=$("$ones" submit "$intake" "$work/cases.mp" done 1 "$few") || abort "submit"
    fresh_tables
    peer=$("$ones" query "$pg_conninfo" "$work/rows.sql" "$few") || abort "query"
    echo "$(field "$ours" 2) $(ratio "$(field "$ours" 2)" "$(field "$peer" 2)")" >>"$work/p50"
    echo "$(field "$ours" 3) $(ratio "$(field "$ours" 3)" "$(field "$peer" 3)")" >>"$work/p99"
done
figure ones latency.idle_p50 us "<= 2" <"$work/p50"
figure ones latency.idle_p99 us "<= 3" <"$work/p99"
done_with
