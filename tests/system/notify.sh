#!/bin/sh
# What broker and worker report to systemd: ready, reload, stop, and the watchdog's beats, which end when the loop or a lane
# hangs.  The listener is the service manager's side of the protocol; system/packages.sh uses systemd itself.
# suite: full
set -u
. "$(dirname "$0")/lib.sh"

cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold=$work/hold
mkdir "$hold"
listen() { # listen NAME SOCKET: its datagrams are in $work/NAME.seen
    start "$1-listener" python3 "$root/tests/system/notify_listener.py" "$2" "$work/$1.seen"
    wait_ready "$1-listener" "$started_pid" || abort "the listener starts"
}
: >"$work/broker.seen" && : >"$work/worker.seen"
listen broker "$work/notify"
listen worker "@casemill-test-$$"
database_start
seen() { grep -Eq " $2" "$work/$1.seen"; }
beats() { grep -c ' WATCHDOG=1$' "$work/$1.seen"; }
has_beats() { [ "$(beats "$1")" -ge "$2" ]; }
has_no_new_beat() { # has_no_new_beat NAME SECONDS
    beats_before=$(beats "$1")
    ! wait_until "$2" has_beats "$1" $((beats_before + 1))
}
watchdog_us=2000000

broker_start NOTIFY_SOCKET="$work/notify" WATCHDOG_USEC=$watchdog_us LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
check "the broker reports that it is ready, with its addresses" wait_until 5 seen broker "READY=1\|STATUS=ready intake=$intake "
worker_start worker NOTIFY_SOCKET="@casemill-test-$$" WATCHDOG_USEC=$watchdog_us LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold"
check "so does the worker, to a socket without a file" wait_until 5 seen worker "READY=1\|STATUS=ready lanes=2 "

for program in broker worker; do
    pid=$broker_pid
    [ $program = broker ] || pid=$worker_pid
    check "$program: the watchdog gets its beats" wait_until 10 has_beats $program 5
    widest=$(awk '/ WATCHDOG=1$/ { if (last && $1 - last > widest) widest = $1 - last; last = $1 } END { print widest + 0 }' "$work/$program.seen")
    check "$program: in time, $widest us apart" [ "$widest" -lt $watchdog_us ]
    check "$program: and no more than needed" [ "$(awk '/ WATCHDOG=1$/ { if (last && $1 - last < 400000) early++; last = $1 } END { print early + 0 }' "$work/$program.seen")" -le 1 ]
    kill -HUP "$pid"
    check "$program: a reload is reported" wait_until 5 seen $program 'RELOADING=1\|MONOTONIC_USEC=[0-9]+$'
    ready_twice() { [ "$(grep -c ' READY=1' "$work/$program.seen")" = 2 ]; }
    check "$program: and its end" wait_until 5 ready_twice
done

# Both wait in zmq_poll: the broker's loop, and a lane of the worker.
: >"$hold/zmq_poll"
is_held() { [ -s "$hold/zmq_poll.held" ]; }
check "the loops are held" wait_until 5 is_held
held_at=$(date +%s)
wait_until 3 has_beats broker 1000000 # a beat that was already sent
check "no beats while the broker's loop hangs" has_no_new_beat broker 3

sleep_until_stalled() { [ $(($(date +%s) - held_at)) -ge 12 ]; } # a lane counts as stalled after 10 s without a turn
wait_until 20 sleep_until_stalled
check "no beats while a worker's lane hangs" has_no_new_beat worker 3
rm "$hold/zmq_poll"
was=$(beats broker)
check "the broker's beats return" wait_until 5 has_beats broker $((was + 1))
was=$(beats worker)
check "the worker's beats return" wait_until 5 has_beats worker $((was + 1))

stop "$worker_pid"
check "the worker reports its stop" seen worker "STOPPING=1\|STATUS="
stop "$broker_pid"
check "the broker reports its stop" seen broker "STOPPING=1\|STATUS="
equal "each once" "$(cat "$work"/*.seen | grep -c STOPPING=1)" 2

# A manager that is gone does not disturb; what is no address is refused.
broker_start NOTIFY_SOCKET="$work/nowhere" WATCHDOG_USEC=$watchdog_us
check "without a manager the broker logs that once" [ "$(grep -c NOTIFY_FAILED "$work/broker.err")" = 1 ]
check "and serves" casemill status --control "ipc://$work/control"
stop "$broker_pid"
for wrong in NOTIFY_SOCKET=relative "WATCHDOG_USEC=soon NOTIFY_SOCKET=$work/notify"; do
    # shellcheck disable=SC2086
    timeout 10 env $wrong CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_JOURNAL_BYTES_MAX=64MiB CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 \
        CASEMILL_HTTP_BIND=off "$bin/casemill-broker" >"$work/wrong.out" 2>"$work/wrong.err"
    equal "refused: ${wrong%% *}" "$? $(wc -l <"$work/wrong.err")" "1 1"
    contains "in a line that names it" "$work/wrong.err" "casemill-broker: ${wrong%%=*} is "
done
finish
