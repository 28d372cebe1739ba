#!/bin/sh
# Functions for the benchmarks.  Sourced, not run.  A real PostgreSQL, broker and workers of tests/system;
# stdout is for figures alone.
#   figure NAME FIGURE UNIT GOAL <<LINES     one JSON line: medians of lines "VALUE RATIO"
exec 4>&1 1>&2
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
tools=${bin%/bin}/tests

figure() { # GOAL: "<= 4", ">= 0.75" or "" (none); a RATIO of - means there is none
    sort -g | awk -v name="$1" -v figure="$2" -v unit="$3" -v goal="$4" '
        { value[NR] = $1; if ($2 != "-") ratio[++ratios] = $2 }
        function median(list, count,   i, j, low) {
            for (i = 2; i <= count; i++)
                for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
                    low = list[j]; list[j] = list[j - 1]; list[j - 1] = low
                }
            return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
        }
        END {
            if (NR == 0) exit 1
            printf "{\"name\": \"%s\", \"figure\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"", name, figure, median(value, NR), unit
            if (!ratios) {
                printf ", \"ratio\": null, \"goal\": null, \"met\": null, \"runs\": %d, \"min\": null, \"max\": null}\n", NR
                exit
            }
            middle = median(ratio, ratios)
            split(goal, parts, " ")
            met = goal == "" ? "null" : (parts[1] == "<=" ? middle <= parts[2] + 0 : middle >= parts[2] + 0) ? "true" : "false"
            printf ", \"ratio\": %.3g, \"goal\": %s, \"met\": %s, \"runs\": %d, \"min\": %.3g, \"max\": %.3g}\n", middle,
                goal == "" ? "null" : "\"" goal "\"", met, NR, ratio[1], ratio[ratios]
        }' >&4
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'; }
done_with() { # the benchmark has come to its end
    cleanup
    exit 0
}

# The same columns for the loader as the lanes write: not those of older workers.
lanes_write="attrelid = 'cases'::regclass and attnum > 0 and not attisdropped and attname not in ('findings', 'projected', 'missing')
    and attname || '\$' not in (select attname from pg_attribute where attrelid = 'cases'::regclass)"
cases_columns() { pg_sql "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute where $lanes_write"; }
# An empty table on a quiet server, for one timed run.
fresh_tables() { pg_sql "truncate cases, reapplied, commits, tallies, dead_letters; checkpoint"; }
# load_best ROWS_FILE ROWS: the loader's rows per second over two connections, at its best size.
load_best() {
    columns=$(cases_columns)
    best=0
    for size in 1000 8192; do
        fresh_tables
        took=$("$tools/bench_load" "$pg_conninfo" "$1" "COPY cases ($columns) FROM STDIN (FORMAT binary)" 2 "$size") || return 1
        best=$(echo "$took" | awk -v best="$best" '{ rate = $2 / $1; print (rate > best ? rate : best) }')
    done
    echo "$best"
}
dump_rows() { # dump_rows FILE: the rows of cases, in key order
    pg_sql "copy (select $(cases_columns) from cases order by source, case_id, revision) to stdout (format binary)" >"$1"
}
