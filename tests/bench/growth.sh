#!/bin/sh
# Benchmark growth: end-to-end in batches of 1,000 into a table that holds 1, 10 and 30 million rows already. The
# baseline is the loader into the same table, in turns. The case ids follow the existing ones, or are spread over all
# of them. Called by run.sh.
# CASEMILL_BENCH_CASES (the smallest size, of which the others are ten and thirty times) and CASEMILL_BENCH_RUNS make
# it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-1000000}
runs=${CASEMILL_BENCH_RUNS:-3}
. "$(dirname "$0")/lib.sh"
chunk=$((cases / 2)) # of one timed run
database_start
# A transaction that writes into a table that it truncated itself needs no log: only the filling, not the timed part.
pg_sql "alter system set wal_level = minimal"
pg_sql "alter system set max_wal_senders = 0"
pg_stop
pg_restart || abort "PostgreSQL starts again"
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
worker_start worker
casemill generate --cases "$chunk" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"
"$tools/bench_submit" rate "$intake" "$work/cases.mp" 1000 ordered 0 || abort "bench_submit"
# Real rows; with other ids they are the table's filling and the loader's.
columns=$(cases_columns)
others=$(pg_sql "select string_agg('t.' || quote_ident(attname), ', ' order by attnum) from pg_attribute
                 where $lanes_write and attname not in ('source', 'case_id')")
columns_others="source, case_id, $(echo "$others" | sed 's/\bt\.//g')"
pg_sql "create table template as select row_number() over (order by case_id) - 1 as nr, * from cases"
pg_sql "vacuum analyze template"
keys=$(pg_sql "select string_agg(pg_get_indexdef(indexrelid), '; ') from pg_index where indrelid = 'cases'::regclass and not indisprimary")

# case_id_of NUMBER: as bench_submit makes them.
case_id_of() {
    case $order in
    ordered) echo "lpad(to_hex($1), 10, '0')" ;;
    random) echo "(select lpad(to_hex(m # (m >> 20)), 10, '0') from (select (($1) * 84941944609) & ((1::bigint << 40) - 1)) as spread (m))" ;;
    esac
}
rows_from() { # rows_from NUMBER: the template's rows under the ids from there on
    echo "select t.source, $(case_id_of "(($1) + t.nr)::bigint"), $others from template t"
}
fill() { # fill ROWS: a table of so many, with its indexes, in one transaction
    pg_sql "begin; truncate cases, reapplied, commits, dead_letters, tallies;
            alter table cases drop constraint cases_pkey; $(echo "$keys" | tr ';' '\n' |
                sed -n 's/.*INDEX \([a-z_0-9]*\) ON.*/drop index \1;/p')
            insert into cases ($columns_others) select r.* from generate_series(0, $1 / $chunk - 1) k
                cross join lateral ($(rows_from "k * $chunk::bigint")) r;
            set local maintenance_work_mem = '1GB';
            alter table cases add primary key (source, case_id, revision); $keys; commit" &&
        pg_sql "vacuum analyze cases"
}
next=0
ours() {
    pg_sql checkpoint
    took=$("$tools/bench_submit" rate "$intake" "$work/cases.mp" 1000 "$order" "$next") || abort "bench_submit"
    next=$((next + chunk))
    echo "$took" | awk '{ print $2 / $1 }' >"$work/ours"
}
loader() {
    pg_sql "copy ($(rows_from "$next") order by 1, 2, t.revision) to stdout (format binary)" >"$work/rows.bin" || abort "the rows are read"
    next=$((next + chunk))
    pg_sql checkpoint
    took=$("$tools/bench_load" "$pg_conninfo" "$work/rows.bin" "COPY cases ($columns_others) FROM STDIN (FORMAT binary)" 2 8192) ||
        abort "bench_load"
    echo "$took" | awk '{ print $2 / $1 }' >"$work/limit"
}
for order in ordered random; do
    for times in 1 10 30; do
        began=$(date +%s)
        fill $((cases * times)) || abort "the table is filled"
        next=$((cases * times))
        echo "$times times $cases rows, $order: filled in $(($(date +%s) - began)) s"
        : >"$work/lines"
        for run in $(seq "$runs"); do
            ours
            loader
            echo "run $run: $(cat "$work/ours") cases a second, the loader $(cat "$work/limit")"
            echo "$(cat "$work/ours") $(ratio "$(cat "$work/ours")" "$(cat "$work/limit")")" >>"$work/lines"
        done
        [ "$(rows)" -eq $((cases * times + runs * 2 * chunk)) ] || abort "a row is lost"
        figure growth "growth.${times}m_$order" "cases/s" ">= 0.75" <"$work/lines"
    done
done
done_with
