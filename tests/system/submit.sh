#!/bin/sh
# `casemill submit` towards whoever runs it: what --resume remembers belongs to one source, broker and
# file, the exit code says what became of the cases, and while it waits it says for what.
# A failure means that cases are not sent and nobody is told, or that a script takes a failure for success.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
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
    contains "$refused_text: which says why" "$work/refused.err" "$refused_pattern"
    check "$refused_text: the file stays" cmp -s "$memory" "$work/before"
}
head -n 250 "$work/cases.jsonl" >"$work/some.jsonl"
check "a run with --resume" send first --ack outcome --batch 100 --source north --resume "$memory" "$work/some.jsonl"
check "and again" send again --ack outcome --batch 100 --source north --resume "$memory" "$work/some.jsonl"
contains "sends nothing" "$work/again.out" "^0 cases in 0 batches.*250 skipped as done before"
refused "another source" 'remembers what was sent with source "north", not "south"' --source south "$work/some.jsonl"
equal "and none of its cases is taken for done" "$(rows)" 250
refused "another broker" 'with broker "tcp.*, not "tcp://127.0.0.1:1"' --source north --broker tcp://127.0.0.1:1 "$work/some.jsonl"
sed '120s/"G/"H/' "$work/some.jsonl" >"$work/edited.jsonl"
refused "other cases" 'remembers other cases from number 101 on' --source north "$work/edited.jsonl"
check "a file that has grown" send grown --ack outcome --batch 100 --source north --resume "$memory" "$work/cases.jsonl"
contains "is sent from the batch that was not full" "$work/grown.out" "^100 cases in 1 batch.*50 duplicates among them; 200 skipped"
equal "and is all in" "$(rows)" 300
check "the other source with a file of its own" \
    send south --ack outcome --batch 100 --source south --resume "$work/south" "$work/some.jsonl"
equal "has its cases" "$(pg_sql "select count(*) from cases c join sources s on s.source = c.source where s.name = 'south'")" 250
echo 00112233445566778899aabbccddeeff >"$memory"
refused "a file of the first version" 'is of an older version, which kept neither source nor broker: remove it' \
    --source north "$work/some.jsonl"
finish
