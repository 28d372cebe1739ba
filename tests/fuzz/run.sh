#!/bin/sh
# Fuzzes each target for a while with clang's libFuzzer, from the seeds and what earlier runs found.
#   sh tests/fuzz/run.sh [--seconds N] [TARGET...]     60 seconds each, all targets, one at a time
# The corpus grows in build/fuzz-corpus/TARGET; an input that fails is left in build/fuzz-found/TARGET:
# fix the fault, then keep the input in tests/fuzz/regression/TARGET, where ctest replays it.
# Each line has runs, runs per second and findings; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=60
if [ "${1:-}" = --seconds ]; then
    seconds=$2
    shift 2
fi
build=build/fuzz
cmake --preset fuzz >/dev/null && ninja -C "$build" fuzzers >/dev/null || {
    echo "fuzz: the build failed"
    echo "0 passed, 1 failed"
    exit 1
}
[ $# -gt 0 ] || set -- $(ls tests/fuzz/fuzz_*.c | sed 's:.*/::; s:\.c$::')
passed=0
failed=0
for target in "$@"; do
    corpus=build/fuzz-corpus/$target
    found=build/fuzz-found/$target
    log=build/fuzz-corpus/$target.log
    mkdir -p "$corpus" "$found"
    kept=$build/fuzz-seeds/$target
    [ ! -d "tests/fuzz/regression/$target" ] || kept="$kept tests/fuzz/regression/$target"
    before=$(ls "$found" | wc -l)
    length=4096
    [ "$target" != fuzz_rules_stored ] || length=8192 # a schema and an agreement at least
    # shellcheck disable=SC2086
    "$build/tests/$target" -max_total_time="$seconds" -max_len="$length" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$found/" "$corpus" $kept >"$log" 2>&1
    code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    findings=$(($(ls "$found" | wc -l) - before))
    echo "$target: ${runs:-0} runs, ${rate:-0} a second, $findings findings, exit code $code"
    if [ "$code" -eq 0 ] && [ "$findings" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        grep -aE 'CHECK|ERROR|runtime error|    #[0-9] ' "$log" | head -n 12 | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
