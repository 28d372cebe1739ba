#!/bin/sh
# The Python package common/client/python against a broker and a worker: faults, receipts, the same batch id again, a
# broker that is killed, paused, drained and away, a second broker, keys.
# A failure means that a Python program loses cases, sends them under another id, or waits without a reason.
# suite: full
. "$(dirname "$0")/lib.sh"
export PYTHONPATH="$root/common/client/python" PYTHONDONTWRITEBYTECODE=1
client() { # client NAME ARGUMENT...
    client_name=$1
    shift
    timeout 40 /usr/bin/python3 tests/system/python_client.py "$@" >"$work/$client_name.out" 2>"$work/$client_name.err" ||
        { tail -n 3 "$work/$client_name.err" | sed 's/^/    | /'; false; }
}
in_background() { # in_background NAME ARGUMENT...
    start_as=$1
    shift
    start "$start_as" /usr/bin/python3 tests/system/python_client.py "$@"
}
is_whole() { /usr/bin/python3 -c 'import casemill, importlib.util as u, pathlib as p; print(casemill.__version__); assert (p.Path(casemill.__file__).parent / "py.typed").exists()'; }
equal "the package has the version of the programs" "casemill $(is_whole)" "$(casemill --version)"

database_start
broker_start
first=$intake
control="ipc://$work/control"
worker_start worker

# --- faults and receipts
check "a program with faulty cases runs to its end" client faults faults "$intake"
contains "each case has its outcome or is a dead letter" "$work/faults.out" '^250 cases 249 outcomes 1 dead 0 duplicates DONE$'
contains "which has its number among all, and the reason" "$work/faults.out" '^dead 123 wrong_type facts.stateless bool \| int$'
contains "sent again: duplicates" "$work/faults.out" '^2 cases 2 outcomes 0 dead 2 duplicates DONE$'
contains "under an id that was used before, too" "$work/faults.out" '^3 cases 3 outcomes 0 dead 3 duplicates DONE$'
equal "batches that break a limit are errors of the caller" "$(grep -c '^ValueError a batch has 1 to 65536 cases' "$work/faults.out")" 2
contains "so are values that MessagePack does not have" "$work/faults.out" '^TypeError a case cannot hold a object'
check "ack journal" client journal journal "$intake"
contains "is settled by ACCEPTED" "$work/journal.out" '^1 cases 0 outcomes 0 dead 0 duplicates ACCEPTED$'
awk '/^```python/ {inside = 1; next} /^```/ {inside = 0} inside' common/client/python/README.md |
    sed "s|tcp://127.0.0.1:5570|$intake|" >"$work/page.py"
check "the example of its page runs" sh -c "timeout 40 /usr/bin/python3 '$work/page.py' >'$work/page.out' 2>'$work/page.err'"
contains "and gets its DONE" "$work/page.out" '^DONE 250 \{'

check "a peer that hangs up and goes" client hangup hangup -
contains "is one reason after the other" "$work/hangup.out" '^the handshake failed: .*; no connection$'

# --- silence
start forgetful /usr/bin/python3 tests/system/forgetful_broker.py
forgetful_pid=$started_pid
wait_ready forgetful "$forgetful_pid" || abort "the forgetful broker starts"
check "a batch that is never mentioned is asked for, and sent again" client forgotten forgotten "$(ready_field forgetful intake)"
contains "until it is DONE" "$work/forgotten.out" '^1 cases 1 outcomes 0 dead 0 duplicates DONE$'
reap "$forgetful_pid"
equal "under its id, with its bytes" "$(sed 1d "$work/forgetful.out" | tr '\n' ' ')" "SUBMIT QUERY SUBMIT same "

# --- paused, drained: the reason is shown, and nothing is lost
casemill pause --control "$control" >"$work/pause.out" 2>&1
check "paused: it ends by its time" client paused paused "$intake"
contains "with the reason" "$work/paused.out" "^Timeout after 2 s: $intake: paused$"
casemill resume --control "$control" >"$work/pause.out" 2>&1
casemill drain --control "$control" >"$work/drain.out" 2>&1
check "drained: it ends by its time" client drained drained "$intake"
contains "BUSY is shown as it comes" "$work/drained.out" '^BUSY stopped True$'
check "and its time is kept ($(grep -c '^BUSY' "$work/drained.out") times in 2 s)" [ "$(grep -c '^BUSY' "$work/drained.out")" -le 5 ]
contains "it is the reason" "$work/drained.out" "^Timeout after 2 s: $intake: BUSY stopped: it accepts nothing until .*draining"
casemill resume --control "$control" >"$work/pause.out" 2>&1

# --- the broker is killed under a stream, while the worker is away; then it is back, at its address
stop "$worker_pid"
in_background stream stream "$intake"
stream_pid=$started_pid
wait_until 20 grep -q '^sent 500' "$work/stream.out" || abort "the stream begins" "$(tail -n 1 "$work/stream.err")"
kill_hard "$broker_pid"
wait_until 10 grep -q 'no connection' "$work/stream.out"
contains "a broker that is away is the reason" "$work/stream.out" "^Timeout after 1 s: $first: no connection$"
broker_start
worker_start worker
wait_until 40 is_gone "$stream_pid" || abort "the stream comes to its end" "$(tail -n 2 "$work/stream.out")"
contains "every batch is DONE" "$work/stream.out" '^3000 cases 3000 outcomes 0 dead'
equal "each case once" "$(pg_sql "select count(*) from cases where case_id like 'stream-%'")" 3000

# --- the next broker, when the first is away
check "of two brokers, one is away: the other serves" client two two "tcp://127.0.0.1:1,$intake"
contains "and all is DONE" "$work/two.out" '^1 cases 1 outcomes 0 dead 0 duplicates DONE$'

# --- keys
kill_hard "$broker_pid"
mkdir "$work/own" "$work/sources" "$work/workers"
for name in broker north stranger; do casemill keys new "$name" --out "$work/own" >"$work/keys.out" || abort "keys new"; done
cp "$work/own/north.pub" "$work/sources/"
broker_start CASEMILL_KEYS_SECRET="$work/own/broker.key" CASEMILL_KEYS_SOURCES="$work/sources" \
    CASEMILL_KEYS_WORKERS="$work/workers" CASEMILL_WORKER_BIND="ipc://$work/lanes"
check "a key that is allowed" client north journal "$intake" "$work/own/north.key" "$work/own/broker.pub"
contains "is accepted" "$work/north.out" ' ACCEPTED$'
in_background stranger patient "$intake" "$work/own/stranger.key" "$work/own/broker.pub"
stranger_pid=$started_pid
wait_until 10 grep -q 'refuses' "$work/stranger.out"
contains "one that is not is refused, with the reason" "$work/stranger.out" "^Timeout after 1 s: $intake: the broker refuses this key$"
cp "$work/own/stranger.pub" "$work/sources/"
kill -HUP "$broker_pid"
wait_until 10 is_gone "$stranger_pid" || abort "it comes to its end" "$(tail -n 1 "$work/stranger.out")"
contains "until it is allowed" "$work/stranger.out" ' ACCEPTED$'
finish
