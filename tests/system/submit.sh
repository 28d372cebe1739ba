#!/bin/sh
# `casemill submit` for its user. The state of --resume belongs to one source, broker and file. The exit code reports
# the outcome of the cases. While the verb waits, it prints the reason.
# A failure means that cases are not sent and no line reports it, or that a script takes a failure for success.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start CASEMILL_INTAKE_CONNECT="tcp://127.0.0.1:1" # of no meaning there
worker_start worker
casemill generate --cases 300 --seed 31 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
send() { # send NAME OPTIONS...: its exit code is the command's
    send_name=$1
    shift
    timeout 60 "$bin/casemill" submit --broker "$intake" "$@" >"$work/$send_name.out" 2>"$work/$send_name.err"
}
memory=$work/memory
refused() { # refused TEXT PATTERN OPTIONS...: exit code 1, the reason in one line, the file as it was
    refused_text=$1
    refused_pattern=$2
    shift 2
    cp "$memory" "$work/before"
    send refused --ack outcome --batch 100 --resume "$memory" "$@"
    equal "$refused_text: exit code" $? 1
    equal "$refused_text: one line" "$(grep -vc '^casemill submit: the [0-9]* cases read' "$work/refused.err")" 1
    contains "$refused_text: the reason is printed" "$work/refused.err" "$refused_pattern"
    check "$refused_text: the file stays" cmp -s "$memory" "$work/before"
}
head -n 250 "$work/cases.jsonl" >"$work/some.jsonl"
check "a run with --resume" send first --ack outcome --batch 100 --source north --resume "$memory" "$work/some.jsonl"
check "and again" send again --ack outcome --batch 100 --source north --resume "$memory" "$work/some.jsonl"
contains "sends nothing" "$work/again.out" "^0 cases in 0 batches.*250 skipped as done before"
refused "another source" 'records what was sent with source "north", not "south"' --source south "$work/some.jsonl"
equal "and none of its cases is taken for done" "$(rows)" 250
refused "another broker" 'with broker "tcp.*, not "tcp://127.0.0.1:1"' --source north --broker tcp://127.0.0.1:1 "$work/some.jsonl"
sed '120s/"G/"H/' "$work/some.jsonl" >"$work/edited.jsonl"
refused "other cases" 'records other cases from number 101 on' --source north "$work/edited.jsonl"
check "a file that has grown" send grown --ack outcome --batch 100 --source north --resume "$memory" "$work/cases.jsonl"
contains "is sent from the batch that was not full" "$work/grown.out" "^100 cases in 1 batch.*50 duplicates among them; 200 skipped"
equal "and is all in" "$(rows)" 300
check "the other source with a file of its own" \
    send south --ack outcome --batch 100 --source south --resume "$work/south" "$work/some.jsonl"
equal "has its cases" "$(pg_sql "select count(*) from cases c join sources s on s.source = c.source where s.name = 'south'")" 250
echo 00112233445566778899aabbccddeeff >"$memory"
refused "a file of the first version" 'is of an older version, which kept neither source nor broker: remove it' \
    --source north "$work/some.jsonl"

# The variables of the broker lead to it; those of a worker do not.
from_environment() { # from_environment NAME VARIABLE=VALUE...
    environment_name=$1
    shift
    head -n 3 "$work/cases.jsonl" | timeout 20 env "$@" "$bin/casemill" submit --wait 5 --ack outcome >"$work/$environment_name.out" 2>"$work/$environment_name.err"
}
check "CASEMILL_INTAKE_BIND, as the broker has it" from_environment bind CASEMILL_INTAKE_BIND="$intake" CASEMILL_BROKER_CONNECT="$lanes"
check "of every interface" from_environment wide CASEMILL_INTAKE_BIND="tcp://0.0.0.0:${intake##*:}"
check "CASEMILL_INTAKE_CONNECT before it" from_environment connect CASEMILL_INTAKE_BIND=tcp://127.0.0.1:1 CASEMILL_INTAKE_CONNECT="$intake"
contains "each is DONE" "$work/connect.out" "^3 cases in 1 batch"

# The notations of common/client/README.md.
awk '/^    case_id,revision/ {inside = 1} !/^    / {inside = 0} inside {sub(/^    /, ""); print}' common/client/README.md >"$work/page.csv"
check "the CSV of the page" send page --ack outcome --source page "$work/page.csv"
contains "is one case" "$work/page.out" "^1 case in 1 batch"
awk "/^    cat > cases.jsonl/ {inside = 1; next} /^    END/ {inside = 0} inside {sub(/^    /, \"\"); print}" common/client/README.md >"$work/page.jsonl"
send page --ack outcome --source page-jsonl "$work/page.jsonl"
equal "its JSON lines: one case is a dead letter" "$? $(grep -c 'dead letter' "$work/page.err")" "3 1"

# Exit codes: 0 all has its outcome, 1 a fault, 2 usage, 3 some are dead letters, in this run or an earlier one.
head -n 20 "$work/cases.jsonl" | sed '7s/"claim_country":"[A-Z]*"/"claim_country":"XX"/; s/"G/"D/' >"$work/dead.jsonl"
send dead --ack outcome --resume "$work/dead" "$work/dead.jsonl"
equal "a case that became a dead letter: exit code" $? 3
contains "and which" "$work/dead.err" "dead.jsonl:7: dead letter"
send dead --ack outcome --resume "$work/dead" "$work/dead.jsonl"
equal "and when all of it was done before" $? 3
contains "with their number" "$work/dead.out" "20 skipped as done before, 1 dead letter among them"
send dead --ack journal "$work/dead.jsonl"
equal "with --ack journal, accepted batches are a success: exit code" $? 0
send usage --ack never "$work/dead.jsonl"
equal "usage: exit code" $? 2
casemill submit --help >"$work/help.out"
contains "--help lists this exit code" "$work/help.out" "3 all is done, but some cases became dead"

# While it waits, it prints the reason, and never reports a broker that answers as silent.
control="ipc://$work/control"
waits() { # waits TEXT PATTERN: the submit in the background prints PATTERN within 12 s
    wait_until 12 grep -Eq "$2" "$work/waiting.err" || not_ok "$1" "$(tail -n 3 "$work/waiting.err")"
    contains "$1" "$work/waiting.err" "$2"
}
gives_up() { # gives_up TEXT PATTERN OPTIONS...
    up_text=$1
    up_pattern=$2
    shift 2
    send up --wait 2 --ack outcome "$@" "$work/wait.jsonl"
    equal "$up_text: exit code" $? 1
    contains "$up_text: the reason is printed" "$work/up.err" "gave up after [23] s: tcp:.*$up_pattern.*nothing is lost: run it again"
}
sed 's/"G/"W/' "$work/some.jsonl" >"$work/wait.jsonl"
stop "$worker_pid"
start waiting "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/wait.jsonl"
waiting_pid=$started_pid
waits "without a worker" "^casemill submit: waiting for tcp:.*: no lane is connected; 250 cases are queued there$"
casemill pause --control "$control" >"$work/pause.out" 2>&1 || abort "pause" "$(cat "$work/pause.out")"
waits "paused" "waiting for tcp:.*: paused; 250 cases"
gives_up "--wait without a worker" "paused; [0-9]* cases are queued there"
casemill resume --control "$control" >"$work/pause.out" 2>&1 || abort "resume" "$(cat "$work/pause.out")"
worker_start again
wait_until 30 is_gone "$waiting_pid" || abort "submit comes to its end"
wait "$waiting_pid"
equal "once there is a worker, it ends: exit code" $? 0
sed 's/"W/"V/' "$work/wait.jsonl" >"$work/drained.jsonl"
casemill drain --control "$control" >"$work/drain.out" 2>&1 || abort "drain" "$(cat "$work/drain.out")"
start waiting "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/drained.jsonl"
waiting_pid=$started_pid
waits "BUSY, with its reason" "waiting for tcp:.*: BUSY stopped: it accepts nothing until an operator .*; draining: no batch is accepted"
sed 's/"W/"U/' "$work/wait.jsonl" >"$work/wait2.jsonl"
mv "$work/wait2.jsonl" "$work/wait.jsonl"
gives_up "--wait on BUSY" "BUSY stopped"
kill -STOP "$broker_pid"
waits "a broker that is stopped" "waiting for tcp:.*: it is connected, but does not answer"
kill -CONT "$broker_pid"
casemill resume --control "$control" >"$work/pause.out" 2>&1 || abort "resume" "$(cat "$work/pause.out")"
wait_until 30 is_gone "$waiting_pid" || abort "submit comes to its end"
wait "$waiting_pid"
equal "resumed, it ends: exit code" $? 0
gives_up "no broker" "no connection" --broker tcp://127.0.0.1:1
stop "$broker_pid"
finish
