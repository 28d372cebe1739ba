#!/bin/sh
# The broker's disk fails, fills up, is read-only, or its journal is damaged. strace makes system calls of the running
# broker fail; a small disk is a tmpfs. Where strace or mount are not allowed, that part prints a line and is left
# out.
# A failure means that a batch was confirmed that is not on the disk (P1, P6), or that a damaged journal was used as a
# sound one. It can also mean that the operator gets no line with the next step.
# suite: full
. "$(dirname "$0")/lib.sh"
control="ipc://$work/control"
bytes_max=CASEMILL_JOURNAL_BYTES_MAX=32MiB

status() { casemill status --all --control "$control" 2>/dev/null | sed -n "s/^$1  *//p"; }
health() { # the answer's code
    /usr/bin/python3 - "$(ready_field broker http)/healthz" <<'PY'
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as answer:
    print(answer.code)
PY
}
status_is() { [ "$(status "$1")" = "$2" ]; }
verify() { casemill verify --journal "${journal:-$work/journal}" --control "$control" "$@"; }
rows_are() { [ "$(rows)" -eq "$1" ]; }
# made FIRST COUNT: cases with ids of their own, so that no run repeats another's.
made() {
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
accepted() { # accepted SEED COUNT: made and sent, journal receipts awaited; prints nothing
    made "$1" "$2"
    timeout 30 "$bin/casemill" submit --broker "$intake" --ack journal --batch 10 "$work/$1.jsonl" \
        >"$work/submit.out" 2>"$work/submit.err"
}

database_start
broker_start "$bytes_max"

# --- a journal is read through, with and without a broker
accepted 1 200 || abort "submit receives ACCEPTED" "$(tail -n 1 "$work/submit.err")"
verify >"$work/verify.out" 2>"$work/verify.err"
equal "verify asks the running broker" $? 0
contains "the broker has read all of it" "$work/verify.out" '^20 batches read, 200 cases, 0 damaged'
casemill verify --control "$control" --json >"$work/verify.out" 2>"$work/verify.err"
equal "verify asks the broker that is named, wherever its journal is" $? 0
contains "in JSON, too" "$work/verify.out" '"read":20,"cases":200,"damaged":0'
verify --salvage "$work/saved0" >"$work/verify.out" 2>"$work/verify.err"
equal "salvage refuses a journal in use" $? 1
stop "$broker_pid"
verify >"$work/verify.out" 2>"$work/verify.err"
equal "verify reads the files when no broker runs" $? 0
verify >/dev/full 2>"$work/verify.err"
equal "output that cannot be written is a failure" $? 1
contains "and the error message states the cause" "$work/verify.err" "standard output cannot be written"
verify >"$work/verify.out" 2>"$work/verify.err"
contains "all of them" "$work/verify.out" "^20 batches read, 200 cases, 0 damaged"

# --- one bit of a body: named, left out, and healed by sending again
/usr/bin/python3 - "$work/journal/data.mdb" <<'PY'
import re, sys
data = bytearray(open(sys.argv[1], "rb").read())
places = [m.start() for m in re.finditer(rb"S1-00000017", data)]
assert places, "the case is in the file"
for at in places:
    data[at - 1] ^= 0x10
open(sys.argv[1], "r+b").write(data)
PY
verify >"$work/verify.out" 2>"$work/verify.err"
equal "verify fails on a damaged batch" $? 1
contains "it names the batch and the cases" "$work/verify.out" '"what":"body","batch":"[0-9a-f-]*","source":"local","cases":10,"case_ids":\["S1-00000011"'
broker_start "$bytes_max"
verify >"$work/verify.out" 2>"$work/verify.err"
equal "so does the running broker" $? 1
contains "with its number" "$work/verify.out" '^damaged: seq [0-9]'
contains "and the sum" "$work/verify.out" '^20 batches read, 190 cases, 1 damaged'
contains "and in the log" "$work/broker.err" "JOURNAL_QUARANTINED"
worker_start worker
check "the other batches become rows" wait_until 30 rows_are 190
check "and the damaged batch is not queued" status_is queued_cases 0
timeout 30 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 10 "$work/1.jsonl" >"$work/submit.out" 2>"$work/submit.err"
equal "sent again, all is DONE" $? 0
equal "every case has its row" "$(rows)" 200
stop "$worker_pid"

# --- a write or a sync fails under way (P6)
can_trace() { command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; }
# fails_with CALL ERROR SEED: from now on CALL gives ERROR in the broker.
fails_with() {
    accepted "$3" 50 || abort "submit before $2"
    start strace strace -f -p "$broker_pid" -o /dev/null -e "trace=$1" -e "inject=$1:error=$2"
    strace_pid=$started_pid
    wait_until 10 grep -q "ttached" "$work/strace.err" || abort "strace attaches" "$(tail -n 1 "$work/strace.err")"
    made "$(($3 + 100))" 50
    timeout 4 "$bin/casemill" submit --broker "$intake" --ack journal --batch 10 "$work/$(($3 + 100)).jsonl" \
        >"$work/submit.out" 2>"$work/submit.err"
    check "$2 in $1: nothing is confirmed" [ $? -ne 0 ]
    check "$2 in $1: status shows it" wait_until 5 status_is journal_failed 1
    equal "$2 in $1: and health is not ok" "$(health)" 503
    contains "$2 in $1: so does the log" "$work/broker.err" "JOURNAL_FAILED"
    kill -INT "$strace_pid" 2>/dev/null
    reap "$strace_pid"
    : >"$work/strace.err"
    timeout 4 "$bin/casemill" submit --broker "$intake" --ack journal --batch 10 "$work/$(($3 + 100)).jsonl" \
        >"$work/submit.out" 2>"$work/submit.err"
    check "$2 in $1: nor when the disk works again, until a restart" [ $? -ne 0 ]
    wanted=$(($(rows) + 50))
    worker_start worker
    check "$2 in $1: safe batches are still dispatched and committed" wait_until 30 rows_are "$wanted"
    stop "$worker_pid"
    kill_hard "$broker_pid"
    : >"$work/broker.err"
    broker_start "$bytes_max"
    check "$2 in $1: after the restart it is accepted" \
        timeout 30 "$bin/casemill" submit --broker "$intake" --ack journal --batch 10 "$work/$(($3 + 100)).jsonl" \
        >"$work/submit.out" 2>"$work/submit.err"
    worker_start worker
    wanted=$(($(pg_sql "select count(*) from cases where case_id not like 'S$(($3 + 100))-%'") + 50))
    check "$2 in $1: and becomes rows" wait_until 30 rows_are "$wanted"
    stop "$worker_pid"
}
if can_trace; then
    fails_with fdatasync EIO 11
    fails_with pwrite64,pwritev EIO 12
    fails_with pwrite64,pwritev ENOSPC 13
    fails_with pwrite64,pwritev EROFS 14
else
    echo "skipped: strace is not there or not allowed"
fi

# --- damage to the whole: refused in one line, saved by salvage
accepted 21 300 || abort "submit receives ACCEPTED"
kill_hard "$broker_pid"
refuses() { # refuses TEXT PATTERN [VARIABLE=VALUE...]: exit 1, one line
    refuses_text=$1
    refuses_pattern=$2
    shift 2
    timeout 20 env CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 \
        CASEMILL_CONTROL_BIND="ipc://$work/control2" CASEMILL_HTTP_BIND=off "$bytes_max" "$@" \
        "$bin/casemill-broker" --config "$root/config/broker.yaml" >"$work/refuses.out" 2>"$work/refuses.err"
    equal "$refuses_text: the broker does not start" $? 1
    contains "$refuses_text: the reason is printed" "$work/refuses.err" "$refuses_pattern"
    equal "$refuses_text: in one line" "$(grep -cv '^time=' "$work/refuses.err")" 1
}
cp -r "$work/journal" "$work/cut"
truncate -s "$(($(stat -c %s "$work/cut/data.mdb") / 2))" "$work/cut/data.mdb"
refuses "a journal cut short" "casemill verify --salvage" CASEMILL_JOURNAL_PATH="$work/cut"
cp -r "$work/journal" "$work/torn"
dd if=/dev/zero of="$work/torn/data.mdb" bs=4096 seek=2 count=60 conv=notrunc 2>/dev/null
refuses "pages that are gone" "casemill verify --salvage" CASEMILL_JOURNAL_PATH="$work/torn"
for broken in cut torn; do
    journal=$work/$broken verify --salvage "$work/saved-$broken" >"$work/verify.out" 2>"$work/verify.err"
    check "$broken: salvage prints the number of saved batches" grep -Eq '^[0-9]+ batches saved' "$work/verify.out"
done
: >"$work/broker.err"
kept=$intake
broker_start "$bytes_max" CASEMILL_JOURNAL_PATH="$work/saved-torn"
equal "a broker works on the saved batches" "$intake" "$kept"
lane_secrets=$work/saved-torn/lane.secret # each broker has its own
worker_start worker
check "sent again, all is DONE" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 10 "$work/21.jsonl" >"$work/submit.out" 2>"$work/submit.err"
equal "every case has one row" "$(pg_sql "select count(*) from cases where case_id like 'S21-%'")" 300
stop "$worker_pid"
stop "$broker_pid"

# --- a small disk
if mount_small "$work/disk" size=100m,mode=0755; then
    refuses "too small a disk" "cannot reserve .*bytes_max" CASEMILL_JOURNAL_PATH="$work/disk/journal" CASEMILL_JOURNAL_BYTES_MAX=200MiB
    rm -rf "$work/disk/journal"
    broker_start CASEMILL_JOURNAL_BYTES_MAX=16MiB CASEMILL_JOURNAL_PATH="$work/disk/journal"
    dd if=/dev/zero of="$work/disk/filler" bs=1M 2>/dev/null
    check "the disk is full" [ "$(df --output=avail "$work/disk" | tail -n 1)" -eq 0 ]
    check "a full disk accepts within the reserved space" accepted 31 500
    lane_secrets=$work/disk/journal/lane.secret
    worker_start worker
    wanted=$(($(pg_sql "select count(*) from cases where case_id not like 'S31-%'") + 500))
    check "these batches become rows" wait_until 30 rows_are "$wanted"
    check "and leave the journal" wait_until 10 status_is journal_batches 0
    stop "$worker_pid"
    stop "$broker_pid"
    rm -f "$work/disk/filler"
    mount -o remount,ro "$work/disk"
    refuses "a read-only disk" "not writable|Read-only" CASEMILL_JOURNAL_PATH="$work/disk/journal" CASEMILL_JOURNAL_BYTES_MAX=16MiB
else
    echo "skipped: mount is not allowed"
fi
finish
