#!/bin/sh
# Functions for the system tests. Sourced, not run. A test is a script that sources this file, makes checks, and calls
# `finish`: the last line is "N passed, N failed".
# Every wait has a condition and a deadline; each process is ended by its pid.
# CASEMILL_BUILD names the build to test (default build/release); CASEMILL_KEEP=1 keeps the directory.

root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${CASEMILL_BUILD:-$root/build/release}/bin
cd "$root" || exit 1
# shellcheck source=tests/system/pg.sh
. "$root/tests/system/pg.sh"

# Settings of the caller's shell must not leak into a test, nor its own two variables into a program.
keep=${CASEMILL_KEEP:-}
for lib_name in $(env | sed -n 's/^\(CASEMILL_[A-Z_]*\)=.*/\1/p'); do unset "$lib_name"; done

passed=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/casemill-test.XXXXXX")
chmod 0711 "$work"
# shellcheck source=tests/system/processes.sh
. "$root/tests/system/processes.sh"

# Results go to the script's own output, even if the output of a command goes to a file.
exec 3>&1
ok() { passed=$((passed + 1)); echo "ok - $1" >&3; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1" >&3; [ -z "${2:-}" ] || echo "    $2" >&3; }
check() { # check TEXT COMMAND...: one check, passed when the command succeeds
    check_text=$1
    shift
    if "$@"; then ok "$check_text"; else not_ok "$check_text" "failed: $*"; fi
}
equal() { # equal TEXT GOT EXPECTED
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', expected '$3'"; fi
}
contains() { # contains TEXT FILE PATTERN
    if grep -Eq -e "$3" "$2"; then
        ok "$1"
    else
        not_ok "$1" "no line like '$3' in $(basename "$2"):"
        head -n 5 "$2" | sed 's/^/    | /'
    fi
}
abort() { # the test cannot continue
    not_ok "$1" "${2:-}"
    for lib_log in "$work"/*.err; do
        [ -s "$lib_log" ] && { echo "--- $(basename "$lib_log")"; tail -n 8 "$lib_log"; }
    done
    finish
}

# mount_small DIR OPTIONS: a tmpfs, gone when the test is; false where mounting is not allowed.
mounts=''
mount_small() {
    mkdir -p "$1" && mount -t tmpfs -o "$2" tmpfs "$1" 2>/dev/null && mounts="$mounts $1"
}

cleanup() {
    trap - EXIT INT TERM
    [ -z "${machine_unshare:-}" ] || machine_stop
    kill_started
    pg_stop
    for lib_mount in $mounts; do umount -l "$lib_mount"; done
    if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
finish() {
    cleanup
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit $?
}
trap 'cleanup; exit 1' INT TERM
trap cleanup EXIT

# Lanes use tcp here, so a worker proves itself with the broker's secret.  The first start uses free ports, and a later
# start uses the same ones, so that peers find the broker again.
intake=tcp://127.0.0.1:0
lanes=tcp://127.0.0.1:0
broker_start() {
    start broker env CASEMILL_INTAKE_BIND="$intake" CASEMILL_WORKER_BIND="$lanes" \
        CASEMILL_CONTROL_BIND="ipc://$work/control" CASEMILL_HTTP_BIND=127.0.0.1:0 \
        CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX=256MiB "$@" \
        "$bin/casemill-broker" --config "$root/config/broker.yaml"
    broker_pid=$started_pid
    wait_ready broker "$broker_pid" || abort "the broker starts" "$(tail -n 1 "$work/broker.err")"
    intake=$(ready_field broker intake)
    lanes=$(ready_field broker worker)
}
worker_start() { # worker_start NAME [VARIABLE=VALUE...]
    worker_name=$1
    shift
    start "$worker_name" env CASEMILL_BROKER_CONNECT="$lanes" \
        CASEMILL_BROKER_SECRET="${lane_secrets:-$work/journal/lane.secret}" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
        CASEMILL_LANES_COUNT=2 "$@" "$bin/casemill-worker" --config "$root/config/worker.yaml"
    worker_pid=$started_pid
    wait_ready "$worker_name" "$worker_pid" ||
        abort "the worker starts" "$(tail -n 1 "$work/$worker_name.err")"
}
casemill() { "$bin/casemill" "$@"; }

database_start() { # database_start [RULES]: PostgreSQL with migrations and rules (the shipped ones) active
    pg_start "$work/pg" || abort "PostgreSQL starts"
    casemill db migrate --rules "${1:-config}" --db "$pg_conninfo" >"$work/migrate.out" 2>"$work/migrate.err" ||
        abort "db migrate" "$(tail -n 1 "$work/migrate.err")"
    casemill rules publish "${1:-config}" --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err" ||
        abort "rules publish" "$(tail -n 1 "$work/publish.err")"
    ruleset=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
    casemill rules activate "$ruleset" --why "system test" --db "$pg_conninfo" \
        >"$work/activate.out" 2>"$work/activate.err" ||
        abort "rules activate" "$(tail -n 1 "$work/activate.err")"
    # Lanes have the rights of sql/roles.sql and no others, not even those of PUBLIC.
    pg_sql "revoke all on database casemill from public; revoke all on schema public from public;
            revoke execute on all functions in schema public from public; revoke usage on language plpgsql from public" || abort "the rights of PUBLIC are revoked"
    pg_sql "$(cat sql/roles.sql)" >"$work/roles.out" 2>&1 || abort "roles" "$(tail -n 1 "$work/roles.out")"
    pg_sql "create role casemill_lane login in role casemill_worker" || abort "the role of the lanes is created"
    lane_conninfo="host=$pg_dir user=${lane_role:-casemill_lane} dbname=casemill"
}
# proxy_start NAME KIND MODE: tests/system/proxy.py of that kind before PostgreSQL, in the directory $work/NAME; the file
# $work/NAME.mode holds its mode.
proxy_start() {
    mkdir "$work/$1"
    chmod 0711 "$work/$1"
    echo "$3" >"$work/$1.mode"
    start "$1" /usr/bin/python3 tests/system/proxy.py "$2" "$work/$1/.s.PGSQL.5432" "$pg_dir/.s.PGSQL.5432" "$work/$1.mode"
    wait_until 10 grep -q ready "$work/$1.out" || abort "the proxy starts"
}
# harmless FILE...: no file has control characters except newline and tab, marks of direction, or bytes that are not
# UTF-8: a terminal acts on them or hides them.
harmless() {
    /usr/bin/python3 -c '
import sys, unicodedata
for path in sys.argv[1:]:
    for number, line in enumerate(open(path, encoding="utf-8", newline="\n"), 1):
        bad = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in "\n\t\u200c\u200d\u00ad"]
        if bad:
            sys.exit("%s:%d: %a" % (path, number, bad))' "$@"
}
submit() { casemill submit --broker "$intake" "$@"; }
settled() { # settled COMMAND...: a submit that ends with 0, or with 3, where some cases became dead letters
    "$@"
    case $? in 0 | 3) ;; *) return 1 ;; esac
}
rows() { pg_sql "select count(*) from ${1:-cases}"; }
