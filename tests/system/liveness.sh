#!/bin/sh
# Broker and worker detect that work has stopped. Each fault that can stop work without ending a program is detected
# within its limit and shown in /readyz or /healthz, and so is its end.
# A failure means that a monitor shows a healthy system while nothing is committed.
# suite: full
. "$(dirname "$0")/lib.sh"

# page PROGRAM PATH: the page's text; false unless its status is 200.
page() {
    /usr/bin/python3 - "$(ready_field "$1" http)$2" <<'PY' 2>>"$work/page.err"
import sys, urllib.error, urllib.request
try:
    answer, good = urllib.request.urlopen(sys.argv[1], timeout=5), True
except urllib.error.HTTPError as error:
    answer, good = error, False
sys.stdout.write(answer.read().decode())
sys.exit(0 if good else 1)
PY
}
shows() { page "$1" "$2" | grep -q -e "$3"; } # shows PROGRAM PATH PATTERN
is_bad() { ! page "$1" "$2" >"$work/page" && grep -q -e "$3" "$work/page"; } # and 503
is_good() { page "$1" "$2" >"$work/page"; }
metric() { page "$1" /metrics | sed -n "s/^$2 //p"; } # metric PROGRAM NAME
at_least() { metric "$1" "$2" | awk -v least="$3" '{ found = $1 + 0 >= least } END { exit !found }'; } # at_least PROGRAM NAME N
within() { # within SECONDS TEXT COMMAND...
    within_s=$1
    within_text=$2
    shift 2
    if wait_until "$within_s" "$@"; then
        ok "$within_text"
    else
        not_ok "$within_text" "not within $within_s s: $*: $(head -c 200 "$work/page" 2>/dev/null)"
    fi
}
as_owner() { start "$1" "$pg_bin/psql" -XAtq -d "$pg_conninfo" -c "$2"; }

cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold="$work/hold"
mkdir "$hold"
database_start

# --- end-to-end: ready means that a canary, or work, has returned lately
broker_start CASEMILL_HEALTH_CANARY_MS=500ms
within 5 "without a lane the broker is not ready" is_bad broker /readyz 'no lane is connected'
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
within 10 "with a worker, it is ready once a canary has returned" is_good broker /readyz
within 5 "the worker is ready, too" is_good worker /readyz
start lonely env CASEMILL_BROKER_CONNECT="ipc://$work/nobody,$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
    CASEMILL_LANES_COUNT=1 CASEMILL_HTTP_BIND=127.0.0.1:0 "$bin/casemill-worker"
lonely_pid=$started_pid
wait_ready lonely "$lonely_pid" || abort "the worker starts" "$(tail -n 1 "$work/lonely.err")"
within 15 "the worker's log names a broker that is not running" \
    grep -q "event=BROKER_AWAY broker=ipc://$work/nobody" "$work/lonely.err"
contains "and the broker that is running" "$work/lonely.err" "event=BROKER_CONNECTED broker=$lanes"
check "with one of two brokers the worker is ready" is_good lonely /readyz
equal "and counts its connections" "$(metric lonely casemill_worker_broker_connections)" 1
stop "$lonely_pid"
start lonely env CASEMILL_BROKER_CONNECT="ipc://$work/nobody" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
    CASEMILL_LANES_COUNT=1 CASEMILL_HTTP_BIND=127.0.0.1:0 "$bin/casemill-worker"
wait_ready lonely "$started_pid" || abort "the worker starts" "$(tail -n 1 "$work/lonely.err")"
within 10 "without a broker it is not ready" is_bad lonely /readyz 'no lane is connected to a broker'
stop "$started_pid"
check "a canary is a commits row without a case" \
    [ "$(pg_sql "select count(*) from commits where mode = 'canary' and cases = 0 and received_from is null")" -ge 1 ]
check "/metrics shows its round-trip time" shows broker /metrics '^casemill_broker_canary_round_trip_seconds [0-9]'
as_owner lock "begin; lock table commits in access exclusive mode; select pg_sleep(60)"
lock_pid=$started_pid
within 10 "with lanes that send heartbeats and commit nothing, the broker is not ready" is_bad broker /readyz 'nothing was committed lately'
check "although the program is healthy" is_good broker /healthz
check "/metrics shows the age of the last end-to-end success" at_least broker casemill_broker_end_to_end_success_age_seconds 1.5
check "/status shows the same reason" shows broker /status '"unready":"nothing was committed lately'
pg_sql "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table commits%'" >"$work/end.out"
reap "$lock_pid"
within 40 "it is ready again when a canary returns" is_good broker /readyz
pg_sql "delete from activations" >"$work/end.out"
stop "$worker_pid"
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
within 10 "lanes without a rule set are not ready for work, and /readyz reports it" is_bad broker /readyz 'no lane is ready for work'
pg_sql "insert into activations (ruleset, why) select max(ruleset), 'again' from rulesets" >"$work/end.out"
within 10 "they are ready when there is one" is_good broker /readyz
# Committed work is an end-to-end proof: no canary is sent beside it.
casemill generate --cases 2000 --seed 41 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
stop "$worker_pid"
stop "$broker_pid"
broker_start CASEMILL_HEALTH_CANARY_MS=60s
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
within 10 "a broker is ready after the first canary" is_good broker /readyz
check "work is done" timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/cases.jsonl" \
    >"$work/submit.out" 2>"$work/submit.err"
equal "and no second canary was sent" "$(metric broker casemill_broker_canaries_total)" 1

# --- a disk that does not answer, a blocked loop and a blocked lane
stop "$worker_pid"
stop "$broker_pid"
broker_start LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0 LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
within 10 "broker and worker are well" is_good broker /readyz
: >"$hold/fdatasync"
start submit "$bin/casemill" submit --broker "$intake" --ack journal --batch 100 "$work/cases.jsonl"
submit_pid=$started_pid
within 10 "/readyz reports a commit that does not return within 10 s" is_bad broker /readyz "journal's disk does not answer"
contains "in the log too" "$work/broker.err" 'event=JOURNAL_STALLED'
check "and for how long" at_least broker casemill_broker_journal_commit_running_seconds 5
check "nothing was confirmed" is_running "$submit_pid"
rm "$hold/fdatasync"
within 10 "the broker is ready again when the disk answers" is_good broker /readyz
wait_until 20 is_gone "$submit_pid" || abort "submit comes to its end"
check "and the batches are confirmed" reap "$submit_pid"

: >"$hold/zmq_poll"
within 10 "a blocked loop is detected within 10 s" is_bad broker /healthz 'the loop is stalled'
check "and is not ready" is_bad broker /readyz 'the loop is stalled'
equal "the metric is that of now, not of the last turn" "$(metric broker casemill_broker_ready)" 0
within 20 "a blocked lane is detected within 20 s" is_bad worker /healthz 'a lane is stalled'
check "/metrics shows for how long it is blocked" at_least worker casemill_worker_lane_turn_seconds 10
rm "$hold/zmq_poll"
within 10 "the loop turns again" is_good broker /healthz
within 10 "so does the lane" is_good worker /healthz
within 30 "and the broker is ready again" is_good broker /readyz

# --- LISTEN receives nothing: the row is written, its notification is not sent
second=$(pg_sql "select max(activation) from activations")
pg_sql "set session_replication_role = replica; insert into activations (ruleset, why) select max(ruleset), 'unheard' from rulesets" >"$work/end.out"
deaf_is() { [ "$(metric worker casemill_worker_listen_deaf_total)" = "$1" ]; }
loaded_is() { grep -q "event=RULESET_LOADED.* activation=$1 " "$work/worker.err"; }
within 10 "the poll finds an activation without a notification within 10 s" loaded_is $((second + 1))
within 10 "and reports that LISTEN receives nothing" deaf_is 1
contains "in the log too" "$work/worker.err" 'event=LISTEN_DEAF'
check "/status shows for how long LISTEN received nothing" shows worker /status '"listen_notified_ms":'
pg_sql "insert into activations (ruleset, why) select max(ruleset), 'after LISTEN' from rulesets" >"$work/end.out"
within 10 "the next activation arrives" loaded_is $((second + 2))
check "and LISTEN is not reported as deaf" deaf_is 1

stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
