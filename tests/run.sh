#!/bin/sh
# Every test of casemill on a fresh machine: installs what is missing, builds, runs, counts.
#   sh tests/run.sh            everything, about 14 minutes on 2 cores (CI runs this)
#   sh tests/run.sh --quick    release build, unit tests, checks, three system tests: under three minutes
#   sh tests/run.sh --long     everything with longer campaigns and the static analyzer
# A part that did not run counts as failed; the last line is "N passed, N failed".
# Each part leaves its whole output in build/test-logs/PART.log. System tests mostly wait, so some run side by side.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)

mode=plain
case ${1:-} in
'') ;;
--quick) mode=quick ;;
--long) mode=long ;;
*)
    echo "usage: sh tests/run.sh [--quick|--long]" >&2
    exit 2
    ;;
esac

logs=$root/build/test-logs
rm -rf "$logs"
mkdir -p "$logs" || exit 1
began=$(date +%s)
jobs=$(nproc)
# shellcheck source=tests/system/pg.sh
. "$root/tests/system/pg.sh"
cluster=$(mktemp -d "${TMPDIR:-/tmp}/casemill-unit.XXXXXX") || exit 1
chmod 0711 "$cluster"
trap 'pg_stop; rm -rf "$cluster"' EXIT
trap 'exit 1' INT TERM

# part NAME COMMAND...: runs it; its last line must be "N passed, N failed", else the part failed.
# Its counts go to a file, because a part may run in a process of its own.
part() {
    name=$1
    shift
    part_began=$(date +%s)
    "$@" >"$logs/$name.log" 2>&1
    code=$?
    counts=$(tail -n 1 "$logs/$name.log" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*$/\1 \2/p')
    part_passed=${counts% *}
    part_failed=${counts#* }
    note=''
    if [ -z "$counts" ]; then
        part_passed=0 part_failed=1 note=" (did not finish: exit code $code)"
    elif [ "$code" -ne 0 ] && [ "$part_failed" -eq 0 ]; then
        part_failed=1 note=" (exit code $code)"
    elif [ "$part_passed" -eq 0 ] && [ "$part_failed" -eq 0 ]; then
        part_failed=1 note=" (ran nothing)"
    fi
    echo "$part_passed $part_failed" >"$logs/$name.count"
    {
        printf '%-24s %5d passed, %d failed %4d s%s\n' "$name" "$part_passed" "$part_failed" \
            $(($(date +%s) - part_began)) "$note"
        if [ "$part_failed" -gt 0 ]; then
            grep -aE '^(not ok|check_|FAILED|fail)|:[EF]:|error:|[Ss]anitizer|\*\*\*Failed' "$logs/$name.log" |
                head -n 30 | sed 's/^/    /'
            [ -n "$counts" ] || tail -n 15 "$logs/$name.log" | sed 's/^/    | /'
        fi
    } >"$logs/$name.verdict"
    cat "$logs/$name.verdict"
    [ "$part_failed" -eq 0 ]
}

# beside NAME COMMAND...: a part that runs beside others, one more than there are processors;
# `together` waits for all of them.
mkfifo "$logs/places" || exit 1
exec 8<>"$logs/places"
for place in $(seq $((jobs + 1))); do echo "$place" >&8; done
beside_pids=''
beside() {
    read -r place <&8
    (
        trap - EXIT INT TERM
        # A part that did not start, or was ended from outside, counts as failed.
        echo "0 1" >"$logs/$1.count"
        part "$@"
        echo "$place" >&8
    ) &
    beside_pids="$beside_pids $!"
}
together() { # PostgreSQL is a child, too, and stays
    for beside_pid in $beside_pids; do wait "$beside_pid"; done
    beside_pids=''
}

# A step that has no tests of its own counts one.
step() { "$@" && echo "1 passed, 0 failed"; }

install_packages() { sh docker/packages.sh --install build run test; }

build() { # build PRESET [TARGET...]
    preset=$1
    shift
    cmake --preset "$preset" -DCASEMILL_TESTS=ON -DCASEMILL_WERROR=ON >/dev/null && ninja -C "build/$preset" -j "$jobs" "$@"
}
unit_targets() { for test in tests/unit/test_*.c; do basename "$test" .c; done; }

# unit PRESET: what ctest labels unit, with a database of its own.  CMake leaves out a test
# whose folder is missing, so the programs are counted against the files.
unit() {
    preset=$1
    pg_sql "create database unit_$preset" || return 1
    CASEMILL_TEST_CONNINFO="host=$pg_dir user=casemill dbname=unit_$preset"
    export CASEMILL_TEST_CONNINFO
    ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS="halt_on_error=0 suppressions=$root/tests/unit/tsan.supp"
    export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
    ctest --test-dir "build/$preset" -L unit -j $((jobs + 1)) --no-tests=error -V >"$logs/ctest-$preset.out" 2>&1
    ctest_code=$?
    unset CASEMILL_TEST_CONNINFO
    cat "$logs/ctest-$preset.out"
    count_unit "$logs/ctest-$preset.out" "$ctest_code" "$(unit_targets | wc -l)"
}
count_unit() { # count_unit LOG CTEST_CODE PROGRAMS
    awk -v code="$2" -v expected="$3" '
        # Check: "100%: Checks: 12, Failures: 0, Errors: 0"
        / Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
            for (i = 1; i < NF; i++) {
                if ($i == "Checks:") checks += $(i + 1)
                if ($i == "Failures:") bad += $(i + 1)
                if ($i == "Errors:") bad += $(i + 1)
            }
            programs++
        }
        # cel_conformance: "1234 passed, 0 failed"
        /^[0-9]+: [0-9]+ passed, [0-9]+ failed$/ { checks += $2 + $4; bad += $4 }
        # a test that cannot run here: "skipped: CASEMILL_TEST_CONNINFO is not set"
        /^[0-9]+: skipped: / { skipped++; why[substr($0, index($0, "skipped: "))]++ }
        END {
            if (programs != expected) { print "not ok - " expected " unit test programs in the tree, " (programs + 0) " finished"; bad++ }
            if (code != 0 && bad == 0) { print "not ok - ctest failed"; bad = 1 }
            for (reason in why) print reason " (" why[reason] " tests)"
            good = checks - bad - skipped; if (good < 0) good = 0
            print good " passed, " (bad + 0) " failed" (skipped ? ", " skipped " skipped" : "")
            exit bad > 0
        }' "$1"
}

rules_tests() { build/release/bin/casemill rules test config; }

# sim prints "N seeds, N failed".
simulation() {
    build/release/tests/sim --from 1 --seeds "$1" >"$logs/sim.out" 2>&1
    sim_code=$?
    cat "$logs/sim.out"
    tail -n 1 "$logs/sim.out" | awk -v code="$sim_code" '
        /^[0-9]+ seeds, [0-9]+ failed$/ { seen = 1; print ($1 - $3) " passed, " $3 " failed"; exit code != 0 || $3 > 0 }
        END { if (!seen) exit 1 }'
}

# torture prints "N rounds, N cases, N lost, N doubled".
torture() {
    sh tests/system/torture.sh --seed "$1" --rounds "$2" >"$logs/torture.out" 2>&1
    torture_code=$?
    cat "$logs/torture.out"
    tail -n 1 "$logs/torture.out" | awk -v code="$torture_code" '
        /^[0-9]+ rounds, [0-9]+ cases, -?[0-9]+ lost, -?[0-9]+ doubled$/ {
            seen = 1; bad = ($5 != 0) + ($7 != 0); print ($1 - bad) " passed, " bad " failed"; exit code != 0
        }
        END { if (!seen) exit 1 }'
}

checks() {
    for script in tests/unit/check_*.sh; do
        name=$(basename "$script" .sh)
        case $mode-$name in
        long-check_tidy) part "$name" sh "$script" --analyze ;;
        *) part "$name" sh "$script" ;;
        esac
    done
}

# system_tests SUITE: the scripts that name it in their line "# suite: ...".  A script without that
# line is a helper or runs by hand.  What the line calls "alone" is measured, and runs alone.
system_tests() {
    suite=$(grep -lE "^# suite:.*\b$1\b" tests/system/*.sh)
    for script in $(echo "$suite" | xargs grep -LE '^# suite:.*\balone\b'); do
        beside "system-$(basename "$script" .sh)" timeout 300 sh "$script"
    done
    together
    for script in $(echo "$suite" | xargs grep -lE '^# suite:.*\balone\b'); do
        part "system-$(basename "$script" .sh)" timeout 300 sh "$script"
    done
}

part install step install_packages
part build-release step build release || { echo "the release build failed: the rest cannot run"; }
if part postgresql step pg_start "$cluster/pg"; then
    part unit-release unit release
else
    echo "unit tests need PostgreSQL"
fi
checks
part rules rules_tests
part instructions sh tests/bench/instructions.sh
case $mode in
quick)
    part sim simulation 2000
    system_tests quick
    ;;
*)
    part build-asan step build asan
    part unit-asan unit asan
    part build-tsan step build tsan
    part unit-tsan unit tsan
    if [ "$mode" = long ]; then part sim simulation 1000000; else part sim simulation 20000; fi
    system_tests full
    if [ "$mode" = long ]; then system_tests long; fi
    if [ "$mode" = long ]; then part torture torture 2 500; else part torture torture 1 20; fi
    if [ "$mode" = long ]; then
        part prove step build/release/tests/test_prove --cases 100000 --seed "$(date +%s)"
        part rules-p9 step build/release/tests/test_rules_p9 --cases 3000000 --seed "$(date +%s)"
        part cel-differential step build/release/tests/test_cel_differential --cases 3000000 --seed "$(date +%s)"
    fi
    beside system-liars-asan env CASEMILL_BUILD="$root/build/asan" timeout 180 sh tests/system/liars.sh
    beside system-end-to-end-asan env CASEMILL_BUILD="$root/build/asan" timeout 180 sh tests/system/end_to_end.sh
    beside system-end-to-end-tsan env CASEMILL_BUILD="$root/build/tsan" timeout 180 sh tests/system/end_to_end.sh
    together
    ;;
esac

# skips: every skipped test with its part and reason.  unit prints a reason once, with the number of its tests.
skips() {
    grep -aH '^skipped: ' "$logs"/*.log | sed "s|^$logs/\([^:]*\)[.]log:skipped: |skipped: \1: |"
}
skips
echo "took $(($(date +%s) - began)) s"
cat "$logs"/*.count | awk '
    { passed += $1; failed += $2 }
    END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || passed == 0 }'
