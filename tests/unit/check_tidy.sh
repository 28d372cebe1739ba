#!/bin/sh
# clang-tidy-14 over the programs' code with .clang-tidy: bugs, not taste.
# A failure is a place where the analyzer sees a path to a fault. If it is wrong, add a CHECK that gives the reason
# why the path is impossible; it helps the reader, too. .clang-tidy lists the checks that are off, and why.
# With --analyze the path-sensitive analyzer runs, too. It takes minutes, so only `tests/run.sh --long` uses it. It
# reads the compile commands of CASEMILL_BUILD (default build/release).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
build=${CASEMILL_BUILD:-build/release}
if [ ! -e "$build/compile_commands.json" ] || ! command -v clang-tidy-14 >/dev/null; then
    echo "check_tidy: needs clang-tidy-14 and a configured $build"
    echo "0 passed, 1 failed"
    exit 1
fi
files=$(tree_files 'common/*.c' 'broker/*.c' 'worker/*.c')
count=$(echo "$files" | grep -c .)
checks='-clang-analyzer-*'
[ "${1:-}" != --analyze ] || checks=''
report=$(mktemp)
echo "$files" | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet --checks="$checks" >"$report" 2>/dev/null
code=$?
places=$(grep -E ': (error|warning): ' "$report" | sed "s|^$(pwd)/||" | sort -u)
wrong=$(echo "$places" | grep . | cut -d: -f1 | sort -u | grep -c .)
rm -f "$report"
[ -z "$places" ] || echo "$places" | sed 's/^/check_tidy: /'
# xargs gives 123 when a call found something; anything without a place is a breakdown.
if [ "$code" -ne 0 ] && [ "$wrong" -eq 0 ]; then
    echo "check_tidy: clang-tidy-14 broke off with $code"
    wrong=1
fi
echo "$((count - wrong)) passed, $wrong failed"
[ "$wrong" -eq 0 ] && [ "$count" -gt 0 ]
