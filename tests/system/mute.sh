#!/bin/sh
# PostgreSQL accepts connections and sends nothing, or stops in the middle of a transaction. Every verb ends with one
# line, and a worker ends on TERM in time. The rules in force decide: a rule watch that cannot read them logs it, and
# where it is late the lanes' own transactions detect the change. One worker cannot read the rules for 30 s. Meanwhile
# the other parts of this test run with a broker and a worker of their own.
# A failure means that a program hangs, or that cases are decided under expired rules while every page shows a healthy
# system.
# suite: full
. "$(dirname "$0")/lib.sh"

page() { # page PROGRAM PATH: false unless its status is 200
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
is_bad() { ! page "$1" /readyz >"$work/page" && grep -q -e "$2" "$work/page"; }
is_good() { page "$1" /readyz >"$work/page"; }
case_file() { echo "{\"case_id\": \"$1\", \"revision\": 0, \"facts\": {\"claim_country\": \"US\"}}" >"$work/$1.jsonl"; }
decided() { # decided NAME: a new case goes end-to-end; prints the rule set that decided it
    case_file "$1"
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/$1.jsonl" >"$work/one.out" 2>&1
    pg_sql "select r.id from cases c join rulesets r using (ruleset) where c.case_id = '$1'"
}
loaded() { grep -q "event=RULESET_LOADED ruleset=$(echo "$2" | cut -c 1-12)" "$work/$1.err"; }

database_start
first=$ruleset
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1 || abort "publish"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
straight=$lane_conninfo
mute_proxy() { # mute_proxy NAME: a server that can be made mute ($work/NAME.mode); sets through
    proxy_start "$1" mute pass
    through="host=$work/$1 dbname=casemill connect_timeout=2"
}

# --- a worker whose server then sends nothing; checked below
broker_start CASEMILL_HEALTH_CANARY_MS=60s
first_broker=$broker_pid
first_intake=$intake
mute_proxy proxy
lane_conninfo="$through user=casemill_lane"
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0 CASEMILL_RULES_STALE_S=1
first_worker=$worker_pid
wait_until 10 is_good worker || abort "the worker is ready"
equal "the first rule set decides" "$(decided case-1)" "$first"
echo mute >"$work/proxy.mode"

# --- a thread of a worker that does not return: the process still ends
lane_conninfo=$straight
cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
mkdir "$work/hold"
: >"$work/hold/zmq_poll"
worker_start held CASEMILL_LANES_GRACE_S=1 LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$work/hold"
held=$worker_pid
# A lane that is not held yet when TERM arrives ends normally.  The third thread is the fold.
all_held() { [ "$(grep -sc held "$work/hold/zmq_poll.held")" = 3 ]; }
wait_until 20 all_held || abort "both lanes are held"
kill -TERM "$held" # checked below

# --- server processes stop in the middle of a transaction, and the workers are to end
intake=tcp://127.0.0.1:0
lanes=tcp://127.0.0.1:0
lane_secrets=$work/journal2/lane.secret
broker_start CASEMILL_HEALTH_CANARY_MS=60s CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_CONTROL_BIND="ipc://$work/control2"
in_transaction() { [ "$(pg_sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = "$1" ]; }
stop_server() { # the postmaster first, so that it starts no other
    kill -STOP "$pg_pid"
    stopped=$(pgrep -P "$pg_pid")
    kill -STOP $stopped
}
continue_server() { kill -CONT $stopped "$pg_pid"; }
pg_sql "create function slow() returns trigger language plpgsql as 'begin if new.cases > 100 then perform pg_sleep(4); end if; return new; end';
    create trigger slow before insert on commits for each row execute function slow()"
worker_start patient CASEMILL_LANES_COUNT=1 CASEMILL_LANES_GRACE_S=2
patient=$worker_pid
worker_start hurried CASEMILL_LANES_COUNT=1
hurried=$worker_pid
for part in 1 2; do
    casemill generate --cases 500 --seed "$part" --bad 0 --duplicates 0 --out "$work/part$part.jsonl" || abort "generate"
    sed -i "s/\"G0/\"P$part-/" "$work/part$part.jsonl"
    start "part$part" "$bin/casemill" submit --broker "$intake" --ack outcome --batch 500 "$work/part$part.jsonl"
    eval "part$part=$started_pid"
    wait_until 10 in_transaction "$part" || abort "worker $part is in a transaction"
done
stop_server
kill -TERM "$patient" "$hurried"
wait_until 10 grep -q 'event=PROGRAM_STOPPING asked=once' "$work/hurried.err" || abort "the worker takes its TERM"
kill -TERM "$hurried"
check "a second TERM ends a worker whose server has stopped" wait_until 10 is_gone "$hurried"
reap "$hurried"
equal "with exit code 0" $? 0
check "after its grace period the other worker ends by itself" wait_until 10 is_gone "$patient"
reap "$patient"
equal "with exit code 0" $? 0
contains "and logs the reason" "$work/patient.err" 'event=GRACE_OVER grace_s=2'
contains "both returned their work" "$work/hurried.err" 'event=POSTGRES_LOST .* jobs=1 .*stopped before'
continue_server
pg_sql "drop trigger slow on commits"

# --- another worker; below, only its rule watch cannot read
mute_proxy proxy2
lane_conninfo="$through user=casemill_lane"
worker_start other CASEMILL_HTTP_BIND=127.0.0.1:0 CASEMILL_RULES_STALE_S=1
for part in 1 2; do
    eval "pid=\$part$part"
    wait_until 30 is_gone "$pid" || abort "submit comes to its end"
    check "another worker does the returned work" reap "$pid"
done
equal "each case once" "$(pg_sql "select count(*) || ' ' || count(distinct case_id) from cases where case_id like 'P%'")" "1000 1000"
check "a worker whose lanes hang ends after its grace period" wait_until 20 is_gone "$held"
reap "$held"
equal "with exit code 1" $? 1
contains "which its lanes did not keep" "$work/held.err" 'event=GRACE_OVER grace_s=1'

# --- verbs, and a worker that starts, while the server sends nothing
through="host=$work/proxy dbname=casemill connect_timeout=2"
verbs() { # verbs NAME: all verbs that use the database, at once; each must end with one line
    count=0
    while read -r verb; do
        count=$((count + 1))
        # shellcheck disable=SC2086 # words
        start "verb$count" "$bin/casemill" $verb --db "$through user=casemill"
        eval "verb$count=$started_pid"
    done <<VERBS
db migrate
db purge --source local --before 2020-01-01 --why test --yes
dead list
dead show 1 --why test
dead retry 1 --why test --broker $intake
dead drop 1 --why test
explain case-1
replay --ruleset $second
report
rules activate $second --why test
rules diff $first $second
rules list
rules publish config
rules show $first
VERBS
    for number in $(seq 1 "$count"); do
        eval "pid=\$verb$number"
        wait_until 40 is_gone "$pid" || not_ok "$1: $number of the verbs ends"
        reap "$pid"
        echo "$? $(wc -l <"$work/verb$number.err") $(cat "$work/verb$number.err" "$work/verb$number.out")"
        : >"$work/verb$number.err"
    done >"$work/verbs.results"
    equal "$1: each of $count verbs ends with exit code 1 and one line" "$(grep -c "^1 1 .*$2" "$work/verbs.results")" "$count"
    grep -v "^1 1 .*$2" "$work/verbs.results"
}
echo mute >"$work/proxy.mode"
verbs "no connection" "does not answer"
echo later >"$work/proxy.mode"
verbs "no answer to a statement" "does not answer any more"
echo mute >"$work/proxy.mode"
start waits "$bin/casemill" report --db "$through user=casemill connect_timeout=60"
waits=$started_pid
start early env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$through connect_timeout=60 user=casemill_lane" \
    CASEMILL_POSTGRES_WAIT=true "$bin/casemill-worker" --config "$root/config/worker.yaml"
early=$started_pid
connects() { [ "$(ls -l "/proc/$1/fd" 2>/dev/null | grep -c socket:)" -ge 1 ]; }
wait_until 10 connects "$early" && wait_until 10 connects "$waits" || abort "both connect"
kill -TERM "$early" "$waits"
check "a worker that starts ends on TERM" wait_until 5 is_gone "$early"
reap "$early"
equal "with exit code 0" $? 0
check "so does a verb" wait_until 5 is_gone "$waits"
reap "$waits"

# --- only the rule watch cannot read: the lanes' own transactions detect the change
casemill rules activate "$second" --wait 0 --why "meanwhile" --db "$pg_conninfo" >"$work/activate.out" 2>&1 || abort "activate"
check "a watch that can read loads the newer rule set" wait_until 20 loaded other "$second"
echo watch >"$work/proxy2.mode"
casemill rules activate "$first" --wait 0 --why "back" --db "$pg_conninfo" >"$work/activate.out" 2>&1 || abort "activate"
is_over() { [ "$(pg_sql "select active_from < now() - interval '1 s' from activations order by activation desc limit 1")" = t ]; }
wait_until 10 is_over
equal "a lane decides again under the rule set in force" "$(decided case-3)" "$first"
contains "its log has that event" "$work/other.err" 'event=RULES_STALE lane='
contains "and names the lane as the one that loaded the rules" "$work/other.err" "event=RULESET_LOADED ruleset=$(echo "$first" | cut -c 1-12) .*by=lane"

# --- the rule set in force does not load here, and the previous one has expired
echo pass >"$work/proxy2.mode"
pg_sql "insert into rulesets (id, engine, agreements) values (encode(sha256('nonsense'), 'hex'), (select max(engine) from rulesets), '{}');
    insert into ruleset_texts select max(ruleset), 'nonsense' from rulesets;
    insert into activations (ruleset, why) select max(ruleset), 'does not load' from rulesets" || abort "activate nonsense"
check "no work, and not ready" wait_until 20 is_bad other 'the active rule set does not load here'
case_file case-4
start waiting "$bin/casemill" submit --broker "$intake" --ack outcome "$work/case-4.jsonl"
waiting=$started_pid
casemill rules activate "$second" --wait 0 --why "sound" --db "$pg_conninfo" >"$work/activate.out" 2>&1 || abort "activate"
wait_until 30 is_gone "$waiting" || abort "the case is done when there are rules"
check "the case that waited is done under sound rules" reap "$waiting"
equal "it used the sound rule set" "$(pg_sql "select r.id from cases c join rulesets r using (ruleset) where c.case_id = 'case-4'")" "$second"
check "and the worker is ready" wait_until 10 is_good other

stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0

# --- the first worker again
check "rules that were not checked for 30 s: not ready" wait_until 45 is_bad worker 'the rules were not checked for 30 s'
check "and a line" wait_until 5 grep -q 'event=RULES_UNCHECKED for_ms=3' "$work/worker.err"

# --- the server answers again, but not on the open connections, which lanes detect; the newer rule set decides
echo pass >"$work/proxy.mode"
check "the watch loads the newer rule set" wait_until 20 loaded worker "$second"
check "and the worker is ready again" wait_until 20 is_good worker
check "that is logged, too" wait_until 5 grep -q 'event=RULES_CHECKED' "$work/worker.err"
intake=$first_intake
equal "the newer rule set decides" "$(decided case-2)" "$second"
contains "once the lane has left its old connection" "$work/worker.err" 'event=POSTGRES_LOST .*does not answer any more'
check "no attempt was counted" sh -c "! grep -q DELIVERY_FAILED '$work/broker.err'"
equal "each case once" "$(rows)" 1004

stop "$first_worker"
equal "the first worker ends with exit code 0" $? 0
stop "$broker_pid"
stop "$first_broker"
finish
