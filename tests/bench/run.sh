#!/bin/sh
# Benchmarks: each figure beside its goal, as a ratio to a baseline of the same run.
#   sh tests/bench/run.sh                       all of them
#   sh tests/bench/run.sh NAME                  one: tests/bench/NAME.sh
#   sh tests/bench/run.sh [NAME] --json         only JSON lines on stdout, one per figure
#   sh tests/bench/run.sh [NAME] --instructions with callgrind's counts where a benchmark has them (slow)
#   sh tests/bench/run.sh peers --quick         only casemill and PostgreSQL, the smallest run
# CASEMILL_BUILD=build/X takes the programs of that build instead of building build/release.
# A missed goal is no failure; a benchmark that does not finish is one.
set -u
cd "$(dirname "$0")/../.." || exit 1

name=''
json=no
extra=''
for word in "$@"; do
    case $word in
    --json) json=yes ;;
    --instructions | --quick) extra=$word ;;
    -*) echo "usage: sh tests/bench/run.sh [NAME] [--json] [--instructions | --quick]" >&2 && exit 2 ;;
    *) name=$word ;;
    esac
done
if [ -n "$name" ] && { [ ! -e "tests/bench/$name.sh" ] || [ "$name" = run ] || [ "$name" = lib ] || [ "$name" = instructions ]; }; then
    echo "run.sh: no benchmark $name; there are: $(ls tests/bench/*.sh | sed 's|.*/||; s|[.]sh$||' |
        grep -vxE 'run|lib|instructions' | tr '\n' ' ')" >&2
    exit 2
fi

if [ -z "${CASEMILL_BUILD:-}" ]; then
    CASEMILL_BUILD=build/release
    { cmake --preset release && ninja -C "$CASEMILL_BUILD" bench; } >&2 || exit 1
fi
export CASEMILL_BUILD

table() { # JSON lines -> one line per figure, and how many goals are met
    awk '
        function get(key,   at, rest) {
            at = index($0, "\"" key "\": ")
            if (at == 0) return ""
            rest = substr($0, at + length(key) + 4)
            if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); sub(/".*/, "", rest) }
            else sub(/[,}].*/, "", rest)
            return rest == "null" ? "" : rest
        }
        {
            if (!head++)
                printf "%-36s %10s %-12s %7s  %-15s %-8s %s\n", "figure", "value", "unit", "ratio", "min - max", "goal", ""
            spread = get("min") == "" ? "" : get("min") " - " get("max")
            met = get("met")
            goals += met != ""
            reached += met == "true"
            printf "%-36s %10s %-12s %7s  %-15s %-8s %s\n", get("figure"), get("value"), get("unit"),
                get("ratio"), spread, get("goal"), met == "" ? "" : met == "true" ? "met" : "MISSED"
            fflush()
        }
        END { print reached + 0 " of " goals + 0 " goals met" }'
}

failed=$(mktemp) || exit 1
trap 'rm -f "$failed"' EXIT
all() {
    for script in tests/bench/*.sh; do
        this=$(basename "$script" .sh)
        if [ "$this" = run ] || [ "$this" = lib ] || [ "$this" = instructions ] || { [ -n "$name" ] && [ "$this" != "$name" ]; }; then continue; fi
        sh "$script" $extra || echo "$this" >>"$failed"
    done
}
if [ "$json" = yes ]; then all; else all | table; fi
if [ -s "$failed" ]; then
    echo "run.sh: did not finish: $(tr '\n' ' ' <"$failed")" >&2
    exit 1
fi
