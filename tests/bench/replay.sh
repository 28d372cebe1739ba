#!/bin/sh
# Benchmark replay: stored cases through `casemill replay`, beside PostgreSQL alone copying the very same
# columns of the same rows to nowhere, over as many connections.  Called by run.sh.
# CASEMILL_BENCH_CASES and CASEMILL_BENCH_RUNS make it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-1000000}
runs=${CASEMILL_BENCH_RUNS:-5}
threads=2
. "$(dirname "$0")/lib.sh"
database_start
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
worker_start worker
casemill generate --cases "$cases" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"
"$tools/bench_submit" rate "$intake" "$work/cases.mp" 1000 || abort "bench_submit"
stop "$worker_pid" # nothing else runs while the clock does
stop "$broker_pid"
pg_sql "vacuum analyze cases"
pg_sql checkpoint
equal "every case is stored" "$(rows)" "$cases"

# The shipped rules read every fact; the other columns are compared with the new outcome.
facts=$(pg_sql "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
                where $lanes_write and attnum >
                      (select attnum from pg_attribute where attrelid = 'cases'::regclass and attname = 'missing')")
columns="source, case_id, revision, ruleset, reason, result, reference_date, as_of, $facts"
pages=$(pg_sql "select pg_relation_size('cases') / current_setting('block_size')::int")
half=$((pages / threads))
milliseconds() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
copy_part() {
    pg_sql "copy (select $columns from cases where $1) to '/dev/null' (format binary)" >/dev/null
}
copy_rate() { # both halves at a time
    began=$(milliseconds)
    copy_part "ctid < '($half,0)'" &
    other=$!
    copy_part "ctid >= '($half,0)'" || return 1
    wait "$other" || return 1
    ratio "$((cases * 1000))" $(($(milliseconds) - began))
}
replay_rate() {
    began=$(milliseconds)
    casemill replay --db "$pg_conninfo" --threads "$threads" --event US-SV-ACA-2019.in_force=2019-09-21 \
        >"$work/replay.out" 2>"$work/replay.err" || return 1
    ratio "$((cases * 1000))" $(($(milliseconds) - began))
}
replay_rate >/dev/null || abort "replay" "$(tail -n 1 "$work/replay.err")"
copy_rate >/dev/null || abort "copy"
cat "$work/replay.out"
for run in $(seq "$runs"); do
    rate=$(replay_rate) || abort "replay"
    limit=$(copy_rate) || abort "copy"
    echo "$rate $(ratio "$rate" "$limit")" >>"$work/lines"
    echo "run $run: $rate cases a second, copy $limit"
done
figure replay replay.rate "cases/s" ">= 0.7" <"$work/lines"
done_with
