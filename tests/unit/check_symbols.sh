#!/bin/sh
# The dependencies between files, read from the objects of a build. There is no circle of files within a folder, and
# no external function or table that no other file uses, or that tests alone use. Each name begins with a word of a
# file or of the folder, and each log event is logged somewhere.
# A failure means that two files are one thing, that code is dead, or that a name does not show its place. Split off
# the shared part, make it static, delete it, or rename it. symbol_exceptions.txt lists exceptions, each with its
# reason; it only ever shrinks.
# CASEMILL_BUILD names the build (default build/release).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
[ -e "$build/compile_commands.json" ] || { echo "check_symbols: no build in $build" && echo "0 passed, 1 failed" && exit 1; }
never=''
for event in $(sed -n 's/^    ROW(\([A-Z_]*\),.*/\1/p' common/base/log_table.h); do
    grep -rqw "EV_$event" common broker worker || never="$never $event"
done
report=$(mktemp)
trap 'rm -f "$report"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 tests/unit/symbols.py "$build" tests/unit/symbol_exceptions.txt >"$report" 2>&1
sed '$d' "$report"
counts=$(tail -n 1 "$report" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
[ -n "$counts" ] || { tail -n 1 "$report" && counts='0 1'; }
failed=${counts#* }
for event in $never; do failed=$((failed + 1)) && echo "check_symbols: the event $event is never logged"; done
echo "${counts% *} passed, $failed failed"
[ "$failed" -eq 0 ]
