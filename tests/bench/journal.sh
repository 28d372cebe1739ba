#!/bin/sh
# Benchmark journal: put and delete with group commit, in batches of 1,000 cases of 300 bytes, and in batches of one.
# The baseline is append + fdatasync of the same bytes in the same groups. Called by run.sh.
# CASEMILL_BENCH_GROUPS and CASEMILL_BENCH_RUNS make it smaller.
set -u
groups=${CASEMILL_BENCH_GROUPS:-200}
runs=${CASEMILL_BENCH_RUNS:-5}
. "$(dirname "$0")/lib.sh"

compare() { # compare FIGURE BODY_BYTES CASES BATCHES_A_GROUP
    : >"$work/lines"
    for run in $(seq "$runs"); do
        mkdir "$work/disk"
        took=$("$tools/bench_journal" "$work/disk" "$2" "$3" "$4" "$groups") || abort "bench_journal"
        rm -rf "$work/disk"
        echo "run $run: $took"
        echo "$took" | awk '{ printf "%s %.4f\n", $1, $1 / $2 }' >>"$work/lines"
    done
    figure journal "$1" "batches/s" ">= 0.6" <"$work/lines"
}
compare journal.rate 300000 1000 8
compare journal.rate_ones 300 1 500
done_with
