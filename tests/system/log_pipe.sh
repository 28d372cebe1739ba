#!/bin/sh
# The reader of a program's log may stop reading. Broker and worker continue, end when they are asked to, and report
# the number of lost lines when somebody reads again. Programs that start with a full pipe do the same.
# A failure means that a stuck log collector, or a terminal stopped by ^S, stops all work.
# suite: full
. "$(dirname "$0")/lib.sh"

page() { # page PROGRAM PATH
    /usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "$(ready_field "$1" http)$2" 2>>"$work/page.err"
}
is_healthy() { page "$1" /healthz >"$work/page"; }
dropped() { page "$1" /metrics | sed -n "s/^casemill_$1_log_dropped_total //p"; }
has_dropped() { [ "$(dropped "$1")" -gt 0 ] 2>/dev/null; }
# reader NAME: a log pipe NAME.fifo that is read into NAME.log while the file NAME.read exists.
reader() {
    mkfifo "$work/$1.fifo"
    start "$1_reader" /usr/bin/python3 "$root/tests/system/log_reader.py" "$work/$1.fifo" "$work/$1.log" "$work/$1.read"
    wait_ready "$1_reader" "$started_pid" || abort "the log's reader starts"
}
# A settings file with a fault and a long name: each HUP logs a long line.
long="$work/$(printf '%0150d' 0)/$(printf '%0150d' 0)"
mkdir -p "$long"
# flood NAME PID: HUPs until lines were dropped.
flood() {
    flood_until=$(($(date +%s) + 30))
    until has_dropped "$1"; do
        [ "$(date +%s)" -lt "$flood_until" ] || return 1
        flood_count=0
        while [ "$flood_count" -lt 40 ]; do
            flood_count=$((flood_count + 1))
            kill -HUP "$2" || return 1
            sleep 0.02
        done
    done
}
logs_dropped() { # the log has the number of all dropped lines
    says_sum=$(awk -F'lines=' '/event=LOG_DROPPED/ { sum += $2 } END { print sum + 0 }' "$work/$1.log")
    [ "$says_sum" -gt 0 ] && [ "$says_sum" -eq "$(dropped "$1")" ]
}
ends() { # ends NAME PID TEXT
    kill -TERM "$2"
    check "$3 ends on TERM" wait_until 10 is_gone "$2"
    stop "$2"
    equal "$3 ends with exit code 0" $? 0
}

database_start
lanes="ipc://$work/lanes" # its file is the proof of the lanes
reader broker
printf 'log:\n  json: false\n' >"$long/broker.yaml"
start broker env CASEMILL_INTAKE_BIND="$intake" CASEMILL_WORKER_BIND="$lanes" CASEMILL_CONTROL_BIND="ipc://$work/control" \
    CASEMILL_HTTP_BIND=127.0.0.1:0 CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX=256MiB \
    sh -c "exec '$bin/casemill-broker' --config '$long/broker.yaml' 2>'$work/broker.fifo'"
broker_pid=$started_pid
wait_ready broker "$broker_pid" || abort "the broker starts"
intake=$(ready_field broker intake)
lanes=$(ready_field broker worker)
reader worker
printf 'log:\n  json: false\n' >"$long/worker.yaml"
start worker env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" CASEMILL_LANES_COUNT=2 \
    CASEMILL_HTTP_BIND=127.0.0.1:0 sh -c "exec '$bin/casemill-worker' --config '$long/worker.yaml' 2>'$work/worker.fifo'"
worker_pid=$started_pid
wait_ready worker "$worker_pid" || abort "the worker starts"
printf 'log:\n  jsn: true\n' >"$long/broker.yaml"
printf 'log:\n  jsn: true\n' >"$long/worker.yaml"
casemill generate --cases 500 --seed 9 --bad 0 --duplicates 0 --out "$work/few.jsonl" 2>"$work/generate.err" || abort "generate"

check "a broker whose log is not read drops lines and counts them" flood broker "$broker_pid"
check "so does a worker" flood worker "$worker_pid"
timeout 20 /usr/bin/python3 - "$intake" <<'PY' || not_ok "the broker answers what cannot be read"
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(sys.argv[1])
for number in range(50):
    socket.send(b"junk")
    if not socket.poll(5000):
        sys.exit(1)
    socket.recv()
PY
check "the broker's loop runs" is_healthy broker
check "the worker's lanes run" is_healthy worker
timeout 30 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/few.jsonl" >"$work/submit.out" 2>&1
equal "cases are processed end-to-end" $? 0
equal "each has its row" "$(rows)" 500
touch "$work/broker.read" "$work/worker.read"
check "once its log is read again, the broker logs the number of dropped lines" wait_until 10 logs_dropped broker
check "so does the worker" wait_until 10 logs_dropped worker
check "no line is torn" sh -c "! grep -avE '^time=[^ ]+ level=[a-z]+ program=(broker|worker) event=[A-Z_]+( |\$)' '$work/broker.log' '$work/worker.log'"
rm "$work/broker.read" "$work/worker.read"
check "the broker's log is stuck again" flood broker "$broker_pid"
check "the worker's, too" flood worker "$worker_pid"
ends worker "$worker_pid" "the worker"
ends broker "$broker_pid" "the broker"

# A start under a pipe that is full already: for the log, for the ready line, and for why it fails.
rm -f "$work/broker.yaml"
/usr/bin/python3 - "$work/broker.fifo" <<'PY' || abort "the pipe is full"
import os, sys
pipe = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
try:
    while True:
        os.write(pipe, b"x")
except BlockingIOError:
    pass
PY
start full env CASEMILL_INTAKE_BIND="ipc://$work/intake" CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 CASEMILL_CONTROL_BIND="ipc://$work/control" \
    CASEMILL_HTTP_BIND=off CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX=256MiB \
    sh -c "exec '$bin/casemill-broker' >'$work/broker.fifo' 2>&1"
full_pid=$started_pid
serves() { timeout 5 "$bin/casemill" status --all --control "ipc://$work/control" >"$work/status.out" 2>&1; }
check "a broker whose ready line is not read serves clients" wait_until 20 serves
ends full "$full_pid" "it"
timeout 10 env CASEMILL_POSTGRES_CONNINFO="host=$work/nowhere dbname=casemill" "$bin/casemill-worker" \
    >"$work/broker.fifo" 2>&1
equal "a worker that cannot start and cannot print the reason: exit code" $? 1
start hung env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" CASEMILL_LANES_COUNT=1 \
    sh -c "exec '$bin/casemill-worker' >'$work/broker.fifo' 2>&1"
hung_pid=$started_pid
connected() { [ "$(pg_sql "select count(*) from pg_stat_activity where application_name like 'casemill%'")" -gt 1 ]; }
check "a worker whose ready line is not read starts" wait_until 20 connected
ends hung "$hung_pid" "it"
finish
