#!/bin/sh
# Instructions per case, as callgrind counts them: a slow-down is seen at once, without a clock.
#   sh tests/bench/instructions.sh           counts, and compares with instructions.txt, to within 5 %
#   sh tests/bench/instructions.sh --write   writes instructions.txt; the commit must give the reason for a changed number
# A number that fell by more than 5 % fails, too: it must be written down, or it may silently rise again.
# CASEMILL_BUILD names the build (default build/release). Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
record=tests/bench/instructions.txt
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is not installed" && echo "0 passed, 1 failed" && exit 1; }
"$build/bin/casemill" generate --cases 1000 --seed 7 --format msgpack --out "$scratch/cases.mp" 2>/dev/null || exit 1

count() { # count NAME FUNCTION PROGRAM ARGUMENT...: "NAME INSTRUCTIONS-A-CASE"
    count_name=$1
    count_function=$2
    shift 2
    valgrind --tool=callgrind --callgrind-out-file="$scratch/out" --collect-atstart=no \
        --toggle-collect="$count_function" "$@" >"$scratch/cases" 2>"$scratch/said" || return 1
    awk -v name="$count_name" -v cases="$(cat "$scratch/cases")" \
        '/Collected/ { printf "%-18s %.1f\n", name, $NF / cases; found = 1 } END { exit !found }' "$scratch/said"
}
all() {
    for stage in walk decode evaluate encode to_rows walk_rows decode_rows; do
        count "$stage" "loop_$stage" "$build/tests/bench_evaluate" config "$scratch/cases.mp" "$stage" 1 || return 1
    done
    count core_batches loop_core "$build/tests/bench_core" 100 1600 || return 1
    count core_ones loop_core "$build/tests/bench_core" 1 16000 || return 1
    count core_sources loop_core "$build/tests/bench_core" 1 16000 1000
}
all >"$scratch/now" || { echo "instructions.sh: callgrind failed:" && tail -n 3 "$scratch/said" && echo "0 passed, 1 failed" && exit 1; }
if [ "${1:-}" = --write ]; then
    cp "$scratch/now" "$record"
    cat "$record"
    exit 0
fi
awk 'NR == FNR { recorded[$1] = $2; next }
    {
        seen[$1] = 1
        off = recorded[$1] == "" ? 1 : ($2 - recorded[$1]) / recorded[$1]
        good = recorded[$1] != "" && off <= 0.05 && off >= -0.05
        printf "%s - %s: %s instructions a case, recorded %s (%+.1f %%)\n", good ? "ok" : "not ok", $1, $2, recorded[$1], off * 100
        if (good) passed++; else failed++
    }
    END {
        for (name in recorded) if (!(name in seen)) { print "not ok - " name " was not counted"; failed++ }
        print passed + 0 " passed, " failed + 0 " failed"
        exit failed > 0
    }' "$record" "$scratch/now"
