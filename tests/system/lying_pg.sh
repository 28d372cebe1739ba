#!/bin/sh
# A PostgreSQL that sends false answers (lying_pg.py): rows of another shape, and impossible lengths, types, tags and
# states. Each verb ends with a clear line. The worker continues or ends with a clear line, without a sanitizer's
# report. What was DONE is in the tables (P2). The test uses the asan build if it exists.
#   sh tests/system/lying_pg.sh [--seed N] [--seconds N]     seconds: for the verbs, and for the worker (6 each)
# A failure means that a number, a length or a missing row from the server is used without a check.
# suite: full
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${CASEMILL_BUILD:-}" ] && [ -x "$root/build/asan/bin/casemill-worker" ]; then
    CASEMILL_BUILD=$root/build/asan
fi
. "$(dirname "$0")/lib.sh"
seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
seconds=6
while [ $# -gt 1 ]; do
    case $1 in
    --seed) seed=$2 ;;
    --seconds) seconds=$2 ;;
    *) abort "usage: lying_pg.sh [--seed N] [--seconds N]" ;;
    esac
    shift 2
done
echo "seed $seed, $(basename "$(dirname "$bin")")"
ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99
UBSAN_OPTIONS=print_stacktrace=1:exitcode=99
export ASAN_OPTIONS UBSAN_OPTIONS

lying=/usr/bin/python3
liar=tests/system/lying_pg.py
server=/.s.PGSQL.5432
made() { # made NAME COUNT SEED: cases with ids of their own, some of them bad
    casemill generate --cases "$2" --seed "$3" --bad 20 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"$1-/" "$work/$1.jsonl"
}

database_start
broker_start
worker_start honest
made first 300 1
timeout 60 "$bin/casemill" submit --broker "$intake" --source north --ack outcome "$work/first.jsonl" >"$work/first.out" 2>&1
code=$?
[ "$code" -eq 3 ] && code=0 # some of it is dead letters
equal "an honest server: everything is DONE" "$code" 0
check "some cases are dead letters, for the verbs to show" [ "$(rows dead_letters)" -gt 0 ]

# --- verbs
case_id=$(pg_sql "select case_id from cases limit 1")
printf '@case=%s\n@ruleset=%s\n@dead=%s\n' "$case_id" "$ruleset" "$(pg_sql "select min(dead) from dead_letters")" >"$work/names"
$lying $liar verbs "$work" "$pg_dir$server" "$bin" "$seed" "$seconds" >"$work/verbs.out" 2>"$work/verbs.err"
while IFS= read -r line; do
    case $line in
    "ok - "*) ok "${line#ok - }" ;;
    "not ok - "*) not_ok "${line#not ok - }" ;;
    *) echo "$line" ;;
    esac
done <"$work/verbs.out"
contains "verbs were run" "$work/verbs.out" "^[1-9][0-9]* runs, "
equal "the proxy itself did not fail" "$(wc -c <"$work/verbs.err" | tr -d ' ')" 0
stop "$worker_pid"

# --- the worker: restarted after it gave up
mkdir "$work/proxy"
chmod 0711 "$work/proxy"
echo "$seed 25" >"$work/lies"
start proxy $lying $liar proxy "$work/proxy$server" "$pg_dir$server" "$work/lies"
wait_until 10 grep -q ready "$work/proxy.out" || abort "the proxy starts"
lane_conninfo="host=$work/proxy user=casemill_lane dbname=casemill"
# Complete rows, but fewer than the server's own tag states: they must not become a result.
proxied="host=$work/proxy user=casemill dbname=casemill"
for left_out in -1 -2; do
    echo "0 $left_out" >"$work/lies"
    casemill replay --threads 1 --db "$proxied" >"$work/replay.out" 2>"$work/replay.err"
    equal "a COPY with missing pieces ($left_out) gives no result" $? 1
    contains "and the error message states the damage" "$work/replay.err" "PostgreSQL sent rows of another shape"
done
echo "0 0" >"$work/lies"
check "the same through an honest proxy" casemill replay --threads 1 --db "$proxied" >"$work/replay.out" 2>&1

# --- work for which a lane reads rows: numbers, lengths and rows that it did not ask for
echo "0 0" >"$work/lies"
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1 || abort "publish"
other=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
is_sent() { grep -q "^lie $2 $1" "$work/proxy.out"; }
lost() { grep -c "event=POSTGRES_LOST .*error=$1 .*jobs=[1-9]" "$work/reader.err"; }
more_lost() { [ "$(lost "$1")" -gt "$2" ]; }
lies_met() { # lies_met NAME VERB...: the verb's work under each kind of false answer in turn, then with true answers
    lie_name=$1
    shift
    start "$lie_name" "$bin/casemill" "$@" --control "ipc://$work/control" --db "$pg_conninfo"
    lie_pid=$started_pid
    for lie in -3:CORRUPT -4:CORRUPT -5:CORRUPT -6:CORRUPT -7:CORRUPT -8:BUSY -9:CORRUPT; do
        echo "0 ${lie%:*}" >"$work/lies"
        : >"$work/reader.err"
        worker_start reader # a new process, so that it does not wait before it connects again
        check "$lie_name: false answer ${lie%:*} is sent" wait_until 10 is_sent "$lie_name" "${lie%:*}"
        check "and the lane returns the work" wait_until 10 more_lost "${lie#*:}" 0
        check "nothing is done" is_running "$lie_pid"
        stop "$worker_pid"
        equal "and the worker ends on TERM" $? 0
    done
    echo "0 0" >"$work/lies"
    worker_start reader
    wait_until 30 is_gone "$lie_pid" || not_ok "$lie_name comes to its end"
    reap "$lie_pid"
    stop "$worker_pid"
}
letters=$(pg_sql "select count(*) from dead_letters where resolved_at is null")
lies_met retry dead retry --source north --why "lies"
contains "with true answers each dead letter was tried, and is dead again" "$work/retry.out" "^$letters dead letters: 0 have .* $letters are dead again"
lies_met reapply replay --apply --ruleset "$other"
equal "each case was decided once more" "$(rows reapplied)" "$(rows cases)"

echo "$seed 25" >"$work/lies"
for round in 1 2 3; do
    made "lied$round" 400 "$((round + 1))"
    start "submit$round" "$bin/casemill" submit --broker "$intake" --source north --batch 20 --ack outcome "$work/lied$round.jsonl"
    eval "submit${round}_pid=$started_pid"
done
starts=0
bad_ends=''
end=$(($(date +%s) + seconds))
: >"$work/liar.errs"
while [ "$(date +%s)" -lt "$end" ]; do
    start "liar$starts" env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" CASEMILL_LANES_COUNT=2 \
        "$bin/casemill-worker" --config config/worker.yaml
    liar_pid=$started_pid
    name=liar$starts
    starts=$((starts + 1))
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || left=1
    if wait_until "$left" is_gone "$liar_pid"; then
        wait "$liar_pid"
        code=$?
        [ "$code" -eq 1 ] || bad_ends="$bad_ends $code"
        [ -s "$work/$name.err" ] || bad_ends="$bad_ends silent"
    else
        stop "$liar_pid" || true
    fi
    cat "$work/$name.err" >>"$work/liar.errs"
done
equal "a worker that gives up ends with 1 and a line ($starts starts)" "$bad_ends" ""
equal "no sanitizer report, no failed CHECK" \
    "$(grep -aEc 'Sanitizer|runtime error|check failed|out of memory' "$work/liar.errs")" 0
grep -aE -A12 'Sanitizer|runtime error|check failed|out of memory' "$work/liar.errs" | head -n 40

# --- an honest server again: all is done, and every case that was DONE is stored
echo "0 0" >"$work/lies"
worker_start healed
for round in 1 2 3; do
    eval "pid=\$submit${round}_pid"
    wait_until 60 is_gone "$pid" || not_ok "submit $round comes to its end"
    sed -n 's/.*"case_id": *"\([^"]*\)".*/\1/p' "$work/lied$round.jsonl" | sort -u >"$work/sent"
    pg_sql "select case_id from cases where case_id like 'lied$round-%' union
            select case_id from dead_letters where case_id like 'lied$round-%'" | sort -u >"$work/stored"
    equal "round $round: each case that was DONE is in the tables" "$(comm -23 "$work/sent" "$work/stored" | wc -l | tr -d ' ')" 0
done
stop "$worker_pid"
stop "$broker_pid"
finish
