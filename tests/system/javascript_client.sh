#!/bin/sh
# The JavaScript package common/client/javascript against a broker and a worker: faults, receipts, the same batch id again,
# a broker that is killed, paused, drained and away, keys.  npm installs the packages it needs (skipped where npm cannot).
# A failure means that a JavaScript program loses cases, sends them under another id, or waits without a reason.
# suite: full
. "$(dirname "$0")/lib.sh"
mkdir "$work/js"
cp tests/system/javascript_client.js "$work/js/"
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' common/client/javascript/package.json)
equal "the package has the version of the programs" "casemill $version" "$(casemill --version)"
# Copied, not linked, so that its packages are installed beside it; they bring their native library.
if ! (cd "$work/js" && npm pack --silent "$root/common/client/javascript" && timeout 100 npm install --silent --no-audit --no-fund --fetch-retries=0 \
    --ignore-scripts --prefix "$work/js" "$work/js/casemill-$version.tgz") >"$work/npm.out" 2>&1; then
    echo "skipped: npm cannot install zeromq and @msgpack/msgpack"
    finish
fi
in_background() { # in_background NAME ARGUMENT...
    start_as=$1
    shift
    start "$start_as" node "$work/js/javascript_client.js" "$@"
}
client() { # client NAME ARGUMENT...
    client_name=$1
    shift
    timeout 40 node "$work/js/javascript_client.js" "$@" >"$work/$client_name.out" 2>"$work/$client_name.err" ||
        { tail -n 3 "$work/$client_name.err" | sed 's/^/    | /'; false; }
}

database_start
broker_start
first=$intake
control="ipc://$work/control"
worker_start worker

# --- faults and receipts
check "a program with faulty cases runs to its end" client faults faults "$intake"
contains "each case has its outcome or is a dead letter" "$work/faults.out" '^250 cases 248 outcomes 2 dead 0 duplicates DONE$'
contains "which has its number among all, and the reason" "$work/faults.out" '^dead 123 wrong_type facts.stateless bool \| int$'
contains "a Double is a float" "$work/faults.out" '^dead 124 wrong_type facts.married bool \| float$'
contains "sent again: duplicates" "$work/faults.out" '^2 cases 2 outcomes 0 dead 2 duplicates DONE$'
equal "batches that break a limit are errors of the caller" "$(grep -c '^RangeError a batch has 1 to 65536 cases' "$work/faults.out")" 2
contains "so are values that MessagePack does not have" "$work/faults.out" '^TypeError a case cannot hold a Date'
check "ack journal" client journal journal "$intake"
contains "is settled by ACCEPTED" "$work/journal.out" '^1 cases 0 outcomes 0 dead 0 duplicates ACCEPTED$'
awk '/^```js/ {inside = 1; next} /^```/ {inside = 0} inside' common/client/javascript/README.md |
    sed "s|tcp://127.0.0.1:5570|$intake|" >"$work/js/page.js"
check "the example of its page runs" sh -c "timeout 40 node '$work/js/page.js' >'$work/page.out' 2>'$work/page.err'"
contains "and gets its DONE" "$work/page.out" '^DONE 250 \{'

# --- the result of each case
check "a program that requests results" client results results "$intake"
contains "has one for each case, and where the dead letter is" "$work/results.out" '^results 250 0 facts.stateless 123$'
equal "an outcome with what to ask for, decided and stored" \
    "$(grep -cE '^insufficient_information US-[A-Z-]+ [a-z_]+ [a-z_.]+ true$' "$work/results.out")" 2
contains "sent again they are duplicates" "$work/results.out" '^results 250 249 facts.stateless 123$'

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
contains "BUSY is shown as it comes" "$work/drained.out" '^BUSY stopped true$'
check "and its time is kept ($(grep -c '^BUSY' "$work/drained.out") times in 2 s)" [ "$(grep -c '^BUSY' "$work/drained.out")" -le 5 ]
contains "it is the reason" "$work/drained.out" "^Timeout after 2 s: $intake: BUSY stopped: it accepts nothing until .*draining"
casemill resume --control "$control" >"$work/pause.out" 2>&1

# --- the broker is killed under a stream, while the worker is away; then it is back, at its address, as one of two
stop "$worker_pid"
in_background stream stream "$intake,tcp://127.0.0.1:1"
stream_pid=$started_pid
wait_until 20 grep -q '^sent 500' "$work/stream.out" || abort "the stream begins" "$(tail -n 1 "$work/stream.err")"
kill_hard "$broker_pid"
wait_until 10 grep -q 'no connection' "$work/stream.out"
contains "a broker that is away is the reason" "$work/stream.out" "^Timeout after 1 s: tcp:.*: no connection$"
broker_start
worker_start worker
wait_until 40 is_gone "$stream_pid" || abort "the stream comes to its end" "$(tail -n 2 "$work/stream.out")"
contains "every batch is DONE" "$work/stream.out" '^3000 cases 3000 outcomes 0 dead'
equal "each case once, at the broker's first address" "$intake $(pg_sql "select count(*) from cases where case_id like 'stream-%'")" "$first 3000"

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
