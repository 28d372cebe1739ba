#!/bin/sh
# casemill end-to-end on one machine: installs what is missing (root or sudo), builds, and starts a private
# PostgreSQL, a broker and workers.  Then it publishes the shipped rules, submits generated cases and prints the
# report; the last line is "outcomes: N of N".  It ends everything that it started and removes its data.
#   sh config/demo/run.sh [--cases N] [--workers N] [--keep]
# --keep leaves everything running, and prints addresses, five things to try, and the command that ends it all.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
cd "$root" || exit 1

usage() {
    echo "usage: sh config/demo/run.sh [--cases N] [--workers N] [--keep]" >&2
    exit 2
}
is_count() { case $1 in '' | *[!0-9]* | 0*) return 1 ;; esac; }
cases=100000
workers=2
keep=''
while [ $# -gt 0 ]; do
    if [ "$1" = --keep ]; then
        keep=yes
        shift
        continue
    fi
    [ $# -ge 2 ] && is_count "$2" || usage
    case $1 in
    --cases) cases=$2 ;;
    --workers) workers=$2 ;;
    *) usage ;;
    esac
    shift 2
done

# The demo sets every address and path itself and ignores settings of the caller's shell.
for name in $(env | sed -n 's/^\(CASEMILL_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done

say() { printf '\n== %s\n' "$1"; }
fail() {
    echo "demo: $1" >&2
    for log in "$work"/*.err; do
        [ -s "$log" ] && { echo "--- $(basename "$log" .err)"; tail -n 5 "$log"; } >&2
    done
    exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/casemill-demo.XXXXXX") || exit 1
chmod 0711 "$work"
# shellcheck source=tests/system/pg.sh
. "$root/tests/system/pg.sh"
# shellcheck source=tests/system/processes.sh
. "$root/tests/system/processes.sh"
sampler_pid=''
cleanup() {
    trap - EXIT INT TERM
    [ -z "$sampler_pid" ] || kill "$sampler_pid" 2>/dev/null
    kill_started
    pg_stop
    rm -rf "$work"
}
trap cleanup EXIT
trap 'cleanup; exit 1' INT TERM

say "packages"
sh docker/packages.sh --install build run demo || fail "packages are missing and could not be installed"

say "build"
bin=$root/build/release/bin
# Shows ninja's "[done/all]": on a terminal as one line that changes, else as a line for each tenth.
show_progress() {
    shown=-1
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$work/build.err"
        steps=${line%%]*}
        case $steps in '['[0-9]*/*[0-9]) steps=${steps#[} ;; *) continue ;; esac
        tenths=$((10 * ${steps%/*} / ${steps#*/}))
        if [ -t 1 ]; then
            printf '\rbuilding: %s of %s ' "${steps%/*}" "${steps#*/}"
        elif [ "$tenths" -gt "$shown" ]; then
            echo "building: ${steps%/*} of ${steps#*/}"
        fi
        shown=$tenths
    done
    [ ! -t 1 ] || printf '\r\033[K'
}
{
    cmake --preset release && ninja -C build/release casemill casemill-broker casemill-worker && : >"$work/is_built"
} 2>&1 </dev/null | show_progress
[ -e "$work/is_built" ] || fail "the build failed"
rm -f "$work/build.err"
echo "built: casemill-broker, casemill-worker, casemill"

say "PostgreSQL, private: unix socket only, fsync on"
pg_start "$work/pg" || fail "PostgreSQL did not start"
casemill() { "$bin/casemill" "$@"; }
casemill db migrate --db "$pg_conninfo" || fail "db migrate failed"

say "rules"
casemill rules publish config --db "$pg_conninfo" || fail "rules publish failed"
ruleset=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
casemill rules activate "$ruleset" --why "demo" --db "$pg_conninfo" || fail "rules activate failed"

say "broker and $workers worker(s)"
start broker env CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND="ipc://$work/lanes" \
    CASEMILL_CONTROL_BIND="ipc://$work/control" CASEMILL_HTTP_BIND=127.0.0.1:0 \
    CASEMILL_JOURNAL_PATH="$work/journal" \
    "$bin/casemill-broker" --config config/broker.yaml
broker_pid=$started_pid
wait_ready broker "$broker_pid" || fail "the broker did not start"
cat "$work/broker.out"
number=0
while [ "$number" -lt "$workers" ]; do
    number=$((number + 1))
    start "worker$number" env CASEMILL_BROKER_CONNECT="$(ready_field broker worker)" \
        CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" \
        "$bin/casemill-worker" --config config/worker.yaml
    wait_ready "worker$number" "$started_pid" || fail "worker $number did not start"
done
worker_pid=$started_pid
echo "workers ready: $number"

# The broker's anonymous memory, read five times per second; the end prints the highest.
(
    highest=0
    while [ -r "/proc/$broker_pid/status" ]; do
        now=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$broker_pid/status")
        if [ "${now:-0}" -gt "$highest" ]; then
            highest=$now
            echo "$highest" >"$work/anonymous_kb"
        fi
        sleep 0.2
    done
) 2>/dev/null &
sampler_pid=$!

say "$cases generated cases"
casemill generate --cases "$cases" --seed 1 --bad 0 --duplicates 0 --out "$work/cases.jsonl" ||
    fail "generate failed"
began=$(date +%s)
casemill submit --broker "$(ready_field broker intake)" --ack outcome "$work/cases.jsonl" ||
    fail "submit failed"
echo "submitted and done in $(($(date +%s) - began)) s"

say "report"
casemill report --db "$pg_conninfo" || fail "report failed"

outcomes=$(pg_sql "select count(*) from report.outcomes") || fail "the outcomes could not be counted"
echo
echo "broker anonymous memory: $((($(cat "$work/anonymous_kb") + 1023) / 1024)) MB"
echo "outcomes: $outcomes of $cases"
[ "$outcomes" = "$cases" ] || exit 1
[ -n "$keep" ] || exit 0

# What stays: settings for the verbs, and a script that ends all of it.  A pid may be another's by then, so each has its
# start time.
began_at() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null; }
cat >"$work/env.sh" <<END
export PATH="$bin:\$PATH"
export CASEMILL_POSTGRES_CONNINFO="$pg_conninfo"
export CASEMILL_INTAKE_BIND="$(ready_field broker intake)"
export CASEMILL_CONTROL_BIND="ipc://$work/control"
END
{
    cat <<'END'
began_at() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null; }
end() { # end SIGNAL PID BEGAN: waits until it has ended
    [ "$(began_at "$2")" = "$3" ] && kill -"$1" "$2" || return 0
    while [ "$(began_at "$2")" = "$3" ]; do sleep 0.1; done
}
END
    for pid in $pids; do [ "$pid" = "$broker_pid" ] || echo "end TERM $pid $(began_at "$pid")"; done
    echo "end TERM $broker_pid $(began_at "$broker_pid")"
    echo "end INT $pg_pid $(began_at "$pg_pid")"
    echo "rm -rf '$work'"
} >"$work/stop.sh"
trap - EXIT INT TERM
kill "$sampler_pid" 2>/dev/null

third="Kill a worker:           kill -9 $worker_pid && casemill submit --ack outcome $work/cases.jsonl"
[ "$workers" -gt 1 ] || # nobody would do its work
    third="Pause and resume:        casemill pause && casemill submit $work/cases.jsonl; casemill resume"
cat <<END

== kept
page      $(ready_field broker http)/
metrics   $(ready_field broker http)/metrics
intake    $(ready_field broker intake)
database  $pg_conninfo

First:                      . $work/env.sh
1. Watch it:                casemill top --once
2. Why this outcome?        casemill explain G000000001
3. $third
4. What if?                 casemill replay --event US-SV-ACA-2019.in_force=2019-09-21
5. Read the reports:        $pg_bin/psql "$pg_conninfo" -c "select * from report.months"
To end all of it:           sh $work/stop.sh
END
