#!/bin/sh
# Everything is stopped and started again while clients submit: the workers one after the other, one of them by an
# operator's `retire`, then the broker, twice. Clients receive DONE and no error, no delivery counts as a failed
# attempt, and no lane is lost. Then the test covers pause, drain and resume, a second TERM, and peers with other
# protocol versions.
# A failure means that an update is not possible while clients submit.
# suite: full
. "$(dirname "$0")/lib.sh"

row_count_above() { [ "$(rows)" -gt "$1" ]; }
await_more() { wait_until 60 row_count_above $(($(rows) + 500)) || abort "further rows arrive (at $(rows))"; }
status_of() { casemill status --all --control "ipc://$work/control" | sed -n "s/^$1 *//p"; }
control() { timeout 60 "$bin/casemill" "$@" --control "ipc://$work/control"; }
no_attempt() { # no_attempt TEXT: in this run of the broker
    equal "$1: no attempt failed, no lane was lost" \
        "$(status_of parts_failed_total) $(status_of lanes_silent_total) $(status_of parts_exhausted_total)" "0 0 0"
}

database_start
broker_start
worker_start a
a=$worker_pid
worker_start b
b=$worker_pid
casemill generate --cases 2000 --seed 41 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
# Three streams of ever new cases until it is enough, so that there is always one under way.
stream() {
    until [ -e "$work/enough" ]; do
        echo piece >>"$work/pieces$1"
        sed "s/\"case_id\": *\"/&S$1R$(wc -l <"$work/pieces$1")X/" "$work/cases.jsonl" >"$work/piece$1.jsonl"
        "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/piece$1.jsonl" || return 1
    done
}
start stream1 stream 1; stream1=$started_pid
start stream2 stream 2; stream2=$started_pid
start stream3 stream 3; stream3=$started_pid

# --- workers
await_more
stop "$a"
equal "a worker that gets TERM under load ends with exit code 0" $? 0
took_leave() { ! control workers | grep -q ":$1 "; }
check "it sent BYE: its lanes leave the broker's list at once" wait_until 5 took_leave "$a"
worker_start a2
a=$worker_pid
await_more
control workers >"$work/workers.out" 2>&1
contains "workers are named" "$work/workers.out" ":$b "
name=$(sed -n "s/^ *\([^ ]*:$b\) .*/\1/p" "$work/workers.out" | head -n 1)
check "an operator retires the other" control retire "$name" --wait 30 >"$work/retire.out" 2>&1
check "and it ends" wait_until 20 is_gone "$b"
reap "$b"
equal "with exit code 0" $? 0
worker_start b2
b=$worker_pid
control retire nobody >"$work/nobody.out" 2>&1
equal "an unknown worker cannot be retired" $? 1
await_more
no_attempt "workers"

# --- the broker
for round in 1 2; do
    check "clients are under way" is_running "$stream1"
    stop "$broker_pid"
    equal "a broker that gets TERM under load ends with exit code 0" $? 0
    broker_start
    await_more
    no_attempt "the broker, start $round"
done

# --- all is in
touch "$work/enough"
for stream in "$stream1" "$stream2" "$stream3"; do
    wait_until 100 is_gone "$stream" || abort "a client comes to its end (rows: $(rows))"
    wait "$stream"
    equal "each client received DONE for all" $? 0
done
count=$(($(cat "$work"/pieces? | wc -l) * 2000))
check "and no client printed an error" sh -c "! grep -i 'refused\|error\|failed' '$work'/stream*.err '$work'/stream*.out"
equal "each case has its outcome, once" "$(rows)" "$count"
equal "no case became a dead letter" "$(rows dead_letters)" 0
equal "commits and rows agree" "$(pg_sql "select coalesce(sum(cases), 0) from commits")" "$count"

# --- pause, drain, resume
check "pause" control pause >"$work/pause.out" 2>&1
contains "it ends when nothing is in flight" "$work/pause.out" "nothing is in flight"
sed 's/"case_id": *"/&P/' "$work/piece1.jsonl" >"$work/paused.jsonl"
check "a paused broker accepts" timeout 30 "$bin/casemill" submit --broker "$intake" --batch 100 "$work/paused.jsonl" >"$work/paused.out" 2>&1
equal "and dispatches nothing" "$(rows)" "$count"
control drain >"$work/drain.out" 2>&1
equal "it cannot be drained" $? 1
contains "because it is paused" "$work/drain.out" "casemill resume"
check "resume" control resume >"$work/resume.out" 2>&1
check "drain" control drain >"$work/drain.out" 2>&1
contains "it ends when all batches are done" "$work/drain.out" "all accepted batches are done"
equal "and all cases are stored" "$(rows)" $((count + 2000))
equal "a drained broker is not ready" "$(status_of unready)" \
    "draining: no batch is accepted by $(id -un)@$(hostname) since $(status_of draining.since), why: not given"
check "resume" control resume >"$work/resume.out" 2>&1
check "sources are shown" control sources >"$work/sources.out" 2>&1
contains "with what they sent" "$work/sources.out" "local"

# --- other versions of the protocol
timeout 60 /usr/bin/python3 tests/system/versions.py ask "$intake" "$lanes" "ipc://$work/control" >"$work/versions.out" 2>"$work/versions.err" ||
    abort "versions are asked" "$(tail -n 1 "$work/versions.err")"
equal "every socket refuses them and names the version that it supports" \
    "$(grep -c ' CM[02] unknown_version CM1$' "$work/versions.out")" 6
equal "the supported version is answered" "$(grep -c 'CM1 STATUS\|CM1 REPLY\|CM1 unknown_command' "$work/versions.out")" 3
contains "the log names both" "$work/broker.err" "PEER_VERSION.*it_speaks=CM2 this_speaks=CM1"
start newer /usr/bin/python3 tests/system/versions.py broker
newer=$started_pid
wait_ready newer "$newer" || abort "a newer broker starts"
worker_start both CASEMILL_BROKER_CONNECT="$lanes,$(ready_field newer worker)" CASEMILL_LANES_COUNT=1
refused_again() { [ "$(grep -c 'refused READY' "$work/newer.out")" -ge 3 ]; }
check "a newer broker is asked again" wait_until 30 refused_again
contains "and named in the log" "$work/both.err" "PEER_VERSION.*broker=$(ready_field newer worker) it_speaks=CM2 this_speaks=CM1"
equal "once" "$(grep -c PEER_VERSION "$work/both.err")" 1
stop "$a"
stop "$b"
sed 's/"case_id": *"/&V/' "$work/piece2.jsonl" >"$work/both.jsonl"
check "the broker with a supported version is served meanwhile" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/both.jsonl" >"$work/both.out" 2>&1

# --- a second TERM does not wait
check "pause" control pause >"$work/pause.out" 2>&1
kill -STOP "$worker_pid"
check "resume" control resume >"$work/resume.out" 2>&1
sed 's/"case_id": *"/&T/' "$work/piece3.jsonl" >"$work/term.jsonl"
check "work is on its way" timeout 30 "$bin/casemill" submit --broker "$intake" --batch 1000 "$work/term.jsonl" >"$work/term.out" 2>&1
held() { [ "$(status_of out_cases)" -gt 0 ]; }
wait_until 20 held || abort "a lane holds something"
control pause --wait 1 >"$work/pause.out" 2>&1
equal "a pause that waits in vain: exit code" $? 1
contains "names what it waited for" "$work/pause.out" " cases are in flight after 1 s"
check "resume" control resume >"$work/resume.out" 2>&1
control drain --wait 1 >"$work/drain.out" 2>&1
equal "a drain that waits in vain: exit code" $? 1
contains "names what it waited for" "$work/drain.out" " batches are not done after 1 s"
kill -TERM "$broker_pid"
wait_until 10 sh -c "tail -n 3 '$work/broker.err' | grep -q PROGRAM_STOPPING" || abort "the broker stops"
check "the first TERM waits for what lanes hold" is_running "$broker_pid"
kill -TERM "$broker_pid"
check "the second does not" wait_until 5 is_gone "$broker_pid"
reap "$broker_pid"
equal "and ends with exit code 0" $? 0
kill -CONT "$worker_pid"
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
finish
