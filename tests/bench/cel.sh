#!/bin/sh
# Benchmark cel: conditions beside the same ones written by hand in C (cel_hand.c).  Called by run.sh.
# --instructions adds what callgrind counts for one evaluation of each pair.
set -u
cd "$(dirname "$0")/../.." || exit 1
program=${CASEMILL_BUILD:-build/release}/tests/bench_cel
[ -x "$program" ] || { echo "cel.sh: $program was not built" >&2; exit 1; }

"$program" || exit 1
[ "${1:-}" = --instructions ] || exit 0
command -v valgrind >/dev/null || { echo "cel.sh: valgrind is not installed" >&2; exit 1; }

rounds=200
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
count() { # count NAME hand|cel: instructions of one evaluation
    valgrind --tool=callgrind --callgrind-out-file="$scratch/out" --collect-atstart=no \
        --toggle-collect="loop_$2" "$program" --only "$1" "$2" "$rounds" >"$scratch/runs" 2>"$scratch/said" || return 1
    awk -v runs="$(cat "$scratch/runs")" '/Collected/ { printf "%.1f", $NF / runs; found = 1 } END { exit !found }' \
        "$scratch/said"
}
for name in $("$program" --list); do
    if ! by_hand=$(count "$name" hand) || ! by_cel=$(count "$name" cel); then
        echo "cel.sh: callgrind failed on $name" >&2
        exit 1
    fi
    ratio=$(awk -v a="$by_cel" -v b="$by_hand" 'BEGIN { printf "%.2f", a / b }')
    printf '{"name": "cel", "figure": "cel.%s.instructions", "value": %s, "unit": "instructions", "ratio": %s, "goal": null, "met": null, "runs": 1, "min": %s, "max": %s}\n' \
        "$name" "$by_cel" "$ratio" "$ratio" "$ratio"
done
