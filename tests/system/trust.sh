#!/bin/sh
# Which processes may be a lane on one host: a lane reads personal data, and a case that a lane reports as done leaves
# the journal. The strangers belong to another user (this part prints a line and is left out where that is not
# allowed).
# A failure means that any account of the host can read cases, or can make a client believe in outcomes that are not
# stored.
# suite: full
. "$(dirname "$0")/lib.sh"
secret=$work/journal/lane.secret
metric() { casemill status --json --control "ipc://$work/control" | tr ',{}' '\n\n\n' | sed -n "s/^\"$1\": *\"*\([^\"]*\)\"*/\1/p" | head -n 1; }
at_least() { [ "$(metric "$1")" -ge "$2" ]; }
logged() { grep -q "$2" "$work/$1.err"; }
as_stranger() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
if as_stranger true 2>/dev/null; then stranger=as_stranger; else
    echo "left out: another user, setpriv is not allowed here"
    stranger=''
fi
cp tests/system/lane_stranger.py "$work/stranger.py"
chmod 0644 "$work/stranger.py"
lane() { # lane NAME SECONDS [OPTION...]: a stranger plays a lane, in the background
    lane_name=$1
    shift
    start "$lane_name" $stranger /usr/bin/python3 "$work/stranger.py" "$lanes" "$@"
    lane_pid=$started_pid
}
ended() { wait_until 30 is_gone "$1" && reap "$1"; }
made() { # made NAME COUNT
    casemill generate --cases "$2" --seed 1 --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"$1-/" "$work/$1.jsonl"
}
rows_of() { pg_sql "select count(*) from cases where case_id like '$1-%'"; }

# --- loopback without keys: only a process that can read the broker's secret
database_start
broker_start
equal "the secret is its owner's alone" "$(stat -c %a "$secret")" 600
made one 20
submit --ack journal "$work/one.jsonl" >"$work/one.out" 2>&1 || abort "cases are accepted" "$(tail -n 1 "$work/one.out")"
lane liar 30 --journal "$(metric journal)" --holds 1
wait_until 20 at_least lanes_refused_total 3 || not_ok "messages of a stranger are counted as refused" "$(metric lanes_refused_total)"
wait_until 20 logged broker 'event=LANE_REFUSED reason=no_proof' || not_ok "a lane that cannot prove itself is in the log"
kill_hard "$lane_pid"
contains "a stranger gets a CHALLENGE" "$work/liar.out" '^CHALLENGE'
contains "and is then refused" "$work/liar.out" '^REFUSED not_allowed'
equal "it is not welcomed and gets no work" "$(grep -cE '^(WELCOME|WORK|BURY|BEAT|lied)' "$work/liar.out")" 0
contains "its reports about work are logged" "$work/broker.err" 'event=LANE_REFUSED reason=not_proved'
equal "and changed nothing" "$(metric queued_cases) $(metric delayed_cases) $(metric out_cases) $(metric lanes)" "20 0 0 0"
if [ -n "$stranger" ]; then
    check "another user cannot read the secret" sh -c "! setpriv --reuid=65534 --regid=65534 --clear-groups -- cat '$secret' 2>/dev/null"
fi

# --- workers that cannot prove themselves are named on both sides
start mute env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker"
mute_pid=$started_pid
check "a worker without the secret logs the setting" wait_until 20 logged mute 'BROKER_REFUSED.*set broker.secret'
other_secret=$(printf '0123456789abcdef%.0s' 1 2 3 4)
(umask 077 && echo "$other_secret" >"$work/other.secret" && echo "$other_secret" >"$work/open.secret")
chmod 0644 "$work/open.secret"
worker_start other CASEMILL_BROKER_SECRET="$work/other.secret"
other_pid=$worker_pid
check "a worker with another secret is refused, and logs it" wait_until 20 logged other "BROKER_REFUSED.*refuses this lane's proof"
check "the broker logs it, too" wait_until 20 logged broker 'LANE_REFUSED reason=wrong_proof'
worker_start open CASEMILL_BROKER_SECRET="$work/open.secret"
check "a secret that others may read is not used" wait_until 20 logged open 'BROKER_REFUSED.*others may read'
equal "no lane takes part" "$(metric lanes)" 0
for pid in "$mute_pid" "$other_pid" "$worker_pid"; do stop "$pid"; done

# --- the right secret, also through a restart of the broker, whose secret stays
worker_start worker
wait_until 30 at_least cases_done_total 20 || not_ok "a worker with the secret does the work" "$(metric cases_done_total)"
equal "its rows are there" "$(rows_of one)" 20
kill_hard "$broker_pid"
broker_start
made two 20
check "after a restart the lanes prove themselves again" timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/two.jsonl"
equal "and write the rows" "$(rows_of two)" 20
equal "no lane with the right secret is refused" "$(grep -c 'LANE_REFUSED' "$work/worker.err")$(grep -c 'BROKER_REFUSED' "$work/worker.err")" 00
start friend /usr/bin/python3 "$work/stranger.py" "$lanes" 30 --secret "$secret"
check "a lane written from the protocol's page proves itself, too" wait_until 20 grep -q '^WELCOME' "$work/friend.out"
kill_hard "$started_pid"
stop "$worker_pid"
stop "$broker_pid"

# --- trust: loopback switches the proof off, with a warning at each start; a lane still cannot claim deliveries of others
broker_start CASEMILL_WORKER_TRUST=loopback
equal "the broker warns of trust at startup" "$(grep -c 'SETTING_WARNING setting=worker.trust' "$work/broker.err")" 1
casemill pause --control "ipc://$work/control" >/dev/null
made three 1
submit --ack journal "$work/three.jsonl" >"$work/three.out" 2>&1 || abort "a case is accepted"
lane claimer 3 --journal "$(metric journal)" --holds 4 --first "$(metric low_water)"
check "a stranger is welcomed" wait_until 10 grep -q '^WELCOME' "$work/claimer.out"
equal "what it claims to hold stays queued" "$(metric queued_cases) $(metric out_cases)" "1 0"
ended "$lane_pid"
equal "to its end" "$(metric queued_cases) $(metric out_cases)" "1 0"
stop "$broker_pid"

# --- with trust, more lanes than places, none of which works: they do not block a worker
broker_start CASEMILL_WORKER_TRUST=loopback CASEMILL_WORKER_CONNECTIONS_MAX=2000
casemill resume --control "ipc://$work/control" >/dev/null
equal "the broker warns of trust again at the next startup" "$(grep -c 'SETTING_WARNING setting=worker.trust' "$work/broker.err")" 2
cat >"$work/crowd.py" <<'PYTHON'
import os, resource, sys, time, msgpack, zmq
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
context = zmq.Context()
context.set(zmq.MAX_SOCKETS, 2000)
crowd = []
for _ in range(int(sys.argv[2])):
    lane = context.socket(zmq.DEALER)
    lane.linger = 0
    lane.connect(sys.argv[1])
    ready = msgpack.packb(["CM1", "READY", {"uuid": os.urandom(16), "name": "crowd", "version": "0.1.0",
                                            "credit": {"cases": int(sys.argv[3]), "bytes": 1}, "holds": []}])
    crowd.append((lane, ready))
for _ in range(100):
    for lane, ready in crowd:
        lane.send(ready)
    time.sleep(0.5)
PYTHON
start crowd /usr/bin/python3 "$work/crowd.py" "$lanes" 1100 0
crowd_pid=$started_pid
wait_until 20 at_least lanes_replaced_total 100 || not_ok "lanes beyond the limit are counted" "$(metric lanes_replaced_total)"
equal "the broker keeps lanes up to its limit" "$(metric lanes)" 1024
contains "and logs it" "$work/broker.err" 'event=LANES_FULL lanes=1024 replaced='
worker_start late
made five 20
check "a worker that comes last does the work" timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/five.jsonl"
equal "its rows are there" "$(rows_of five)" 20
check "and the crowd is still there" is_running "$crowd_pid"
stop "$worker_pid"
kill_hard "$crowd_pid"
stop "$broker_pid"

# --- every place is taken by a lane that asks for work: one that asks for none is refused, and named on both sides
broker_start CASEMILL_WORKER_TRUST=loopback CASEMILL_WORKER_CONNECTIONS_MAX=2000
start crowd /usr/bin/python3 "$work/crowd.py" "$lanes" 1024 1
crowd_pid=$started_pid
wait_until 20 at_least lanes 1024 || not_ok "all places are taken" "$(metric lanes)"
worker_start refused # its first READY asks for no work
check "a worker without a place logs it" wait_until 20 logged refused 'BROKER_REFUSED.*it has reached its limit of lanes'
check "so does the broker" wait_until 20 logged broker 'LANES_FULL lanes=1024 .*turned_away=[1-9]'
stop "$worker_pid"
kill_hard "$crowd_pid"
stop "$broker_pid"

# --- the default: a path that only the owner can open
broker_start CASEMILL_WORKER_BIND=
equal "by default lanes connect beside the journal" "$lanes" "ipc://$work/journal/lanes.sock"
equal "which only the owner can open" "$(stat -c '%a %F' "$work/journal/lanes.sock"), $(stat -c %a "$work/journal")" "600 socket, 700"
lane outsider 2
ended "$lane_pid"
[ -z "$stranger" ] || equal "another user receives nothing there" "$(cat "$work/outsider.out")" ""
worker_start beside CASEMILL_BROKER_SECRET=
made four 20
check "a worker needs no secret there" timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/four.jsonl"
equal "its rows are there" "$(rows_of four)" 20
stop "$worker_pid"
stop "$broker_pid"
finish
