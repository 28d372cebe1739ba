#!/bin/sh
# Strangers without a key press on connections, descriptors and memory (P7). They open more idle connections than the
# limit, send commands and messages that are never finished, and keep HTTP connections idle. A page of another site
# tries to read the dashboard.
#   sh tests/system/strangers.sh
# A failure means that anyone who can connect can end the broker, block connected peers, or use more memory than
# README.md states.
# suite: full, alone
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/weigh.sh"
strangers() { /usr/bin/python3 tests/system/strangers.py "$@"; }
# on NAME COMMAND...: started with a pipe as its input, which descriptor 7 writes to; a line lets a stranger end.
on() {
    on_name=$1
    shift
    mkfifo "$work/$on_name.fifo"
    # shellcheck disable=SC2016
    start "$on_name" sh -c 'exec "$@" <"$0"' "$work/$on_name.fifo" "$@"
    exec 7>"$work/$on_name.fifo"
}
crowd() { # crowd NAME ARGUMENTS...: strangers that stay until `leave`
    crowd_name=$1
    shift
    on "$crowd_name" /usr/bin/python3 tests/system/strangers.py "$@"
}
leave() { echo >&7; exec 7>&-; }
port_of() { echo "${1##*:}"; }
bound_mib=512 # README.md: at the defaults
printf '{"case_id":"A","revision":0,"facts":{"no_such_fact":true}}\n' >"$work/one.jsonl"

# --- more idle connections than there are descriptors; some of them must be left for operators and HTTP
descriptors=500
broker_start CASEMILL_INTAKE_CONNECTIONS_MAX=40 CASEMILL_WORKER_CONNECTIONS_MAX=20 prlimit --nofile=128:$descriptors
http=$(ready_field broker http)
on standing "$bin/casemill" submit --broker "$intake" --ack journal --batch 1 --wait 60 --format jsonl -
standing_pid=$started_pid
exec 8>&7
has_connections() { [ "$(metric "${2:-intake}_connections")" = "$1" ]; }
wait_until 10 has_connections 1 || not_ok "a client is connected first"
crowd idle idle "$(port_of "$intake")" 1100
check "1,100 strangers: the broker accepts connections up to its limit" wait_until 20 has_connections 40
check "the broker runs" is_running "$broker_pid"
check "casemill status is answered" casemill status --all --wait 5 --control "ipc://$work/control" >"$work/status.out"
contains "it shows the connections" "$work/status.out" '^intake_connections +40$'
check "the limit was reached, as the metrics count it" wait_until 10 at_least connections_full_total 1
check "and as the log names it" wait_until 10 grep -Eq 'event=CONNECTIONS_FULL socket=intake connections=[0-9]+ connections_max=40' "$work/broker.err"
equal "/readyz answers" "$(strangers host "$(port_of "$http")" localhost /readyz)" 503
open=$(ls "/proc/$broker_pid/fd" | wc -l)
below "descriptors in use" "$open" $((descriptors - 64))
ticks() { awk '{print $14 + $15}' "/proc/$broker_pid/stat"; }
before=$(ticks)
sleep 1
below "processor time of a second in which they wait, ticks" $(($(ticks) - before)) $(($(getconf CLK_TCK) / 2))
cat "$work/one.jsonl" >&8
was_accepted() { [ "$(metric batches_accepted_total)" -ge "$1" ]; }
check "a connected client is served" wait_until 10 was_accepted 1
start new submit --ack journal --wait 60 "$work/one.jsonl"
new_pid=$started_pid
leave
check "a new client is accepted when others leave" wait_until 20 is_gone "$new_pid"
exec 8>&-
wait_until 10 is_gone "$standing_pid" || not_ok "the connected client ends"
contains "its case is accepted" "$work/new.out" '1 '
check "connections are counted down again" wait_until 10 has_connections 0

# --- idle HTTP connections, and a page of another site
crowd http idle "$(port_of "$http")" 40
wait_until 10 grep -q open "$work/http.out" || not_ok "40 idle HTTP connections"
equal "/healthz answers beside 40 idle connections" "$(strangers host "$(port_of "$http")" 127.0.0.1 /healthz)" 200
leave
equal "a page of another site is refused" "$(strangers host "$(port_of "$http")" example.org /status)" 421
for page in / /page.css /page.js; do
    equal "the dashboard's $page" "$(strangers host "$(port_of "$http")" localhost "$page")" 200
done

# --- a worker's socket has its own limit
crowd lanes idle "$(port_of "$lanes")" 300
check "300 strangers at the worker socket: the broker accepts connections up to its limit" wait_until 20 has_connections 20 worker
leave

# --- bodies over the limit are refused by name; a larger one never leaves the client
equal "a body of 2 MiB and a byte" "$(strangers body "$intake" 2097153)" "REFUSED too_large 2097152"
/usr/bin/python3 -c 'print("{\"case_id\":\"L\",\"revision\":0,\"facts\":{\"no_such_fact\":\"%s\"}}" % ("x" * 3000000))' >"$work/large.jsonl"
submit --ack journal --wait 20 "$work/large.jsonl" >"$work/large.out" 2>&1
contains "a case of 3 MB is refused by name" "$work/large.out" 'large.jsonl:1: batch of 1 cases refused: too_large'
contains "with the limit" "$work/large.out" 'at most 2097152 bytes'
stop "$broker_pid"
equal "the broker stops as ever" $? 0

# --- memory: 300 connections, each with a message that is never finished; without keys, then with keys
press() { # press NAME ARGUMENTS...: until it has sent what is taken
    press_name=$1
    shift
    crowd "$press_name" "$@"
    press_pid=$started_pid
    highest=0
    has_sent() { sample; grep -Eq 'sent|cut|taken' "$work/$press_name.out" || is_gone "$press_pid"; }
    wait_until 40 has_sent || not_ok "$press_name: all is sent"
}
is_pressed() { sample; [ "$highest" -gt 100 ]; } # the broker may read a moment after all is sent
intake=tcp://127.0.0.1:0 lanes=tcp://127.0.0.1:0
broker_start
press plain plain "$(port_of "$intake")" 300 2097152
check "they were held back by the limit alone" wait_until 10 is_pressed
below "300 bodies of 2 MiB that are not finished, anonymous memory in MiB" "$highest" "$bound_mib"
leave
press endless endless "$(port_of "$intake")" 1500
below "a message without an end, anonymous memory in MiB" "$highest" "$bound_mib"
contains "its connection is ended" "$work/endless.out" '^cut'
leave
check "and logged" wait_until 15 grep -q 'event=CONNECTIONS_HEAVY socket=intake connections=1 unread_bytes_max=' "$work/broker.err"
check "and counted" wait_until 10 at_least connections_heavy_total 1
check "others are served" submit --ack journal --wait 30 "$work/one.jsonl" >"$work/after.out"
stop "$broker_pid"

mkdir "$work/keys"
casemill keys new broker --out "$work/keys" >"$work/keys.out"
casemill keys new north --out "$work/keys" >>"$work/keys.out"
intake=tcp://127.0.0.1:0 lanes=tcp://127.0.0.1:0
broker_start CASEMILL_KEYS_SECRET="$work/keys/broker.key" CASEMILL_KEYS_SOURCES="$work/keys/north.pub" \
    CASEMILL_KEYS_WORKERS="$work/keys/north.pub"
press huge curve "$(port_of "$intake")" 300 9437184
below "300 commands of 9 MiB without a key, anonymous memory in MiB" "$highest" 64
leave
crowd curve curve "$(port_of "$intake")" 300 2162688
exec 6>&7
press lanes2 curve "$(port_of "$lanes")" 300 1114112
wait_until 20 grep -q sent "$work/curve.out" || not_ok "all is sent"
check "they were held back by the limit alone" wait_until 10 is_pressed
below "300 commands without a key at intake and 300 at the worker socket, anonymous memory in MiB" "$highest" "$bound_mib"
exec 6>&-
leave
stop "$broker_pid"

# --- what a program lacks is one line
line() { # line TEXT PATTERN COMMAND...
    line_text=$1 line_pattern=$2
    shift 2
    env CASEMILL_JOURNAL_PATH="$work/lacking" CASEMILL_CONTROL_BIND="ipc://$work/lacking.control" CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 \
        CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 CASEMILL_HTTP_BIND=off timeout 20 "$@" >"$work/line.out" 2>"$work/line.err"
    equal "$line_text: exit code" $? 1
    equal "$line_text: one line" "$(wc -l <"$work/line.err")" 1
    contains "$line_text: the missing resource is named" "$work/line.err" "$line_pattern"
}
# root has no limit of processes; another user may not reach the build
cp "$bin/casemill-broker" "$bin/casemill-worker" "$bin/casemill" "$work" && chmod 0755 "$work/casemill"*
few() { if [ "$(id -u)" = 0 ]; then echo "setpriv --reuid=65534 --regid=65534 --clear-groups"; fi; }
# shellcheck disable=SC2046
line "broker with 2 threads" 'threads are needed and only [0-9]+ can be started' $(few) prlimit --nproc=2 "$work/casemill-broker"
# shellcheck disable=SC2046
line "worker with 2 threads" 'threads are needed and only [0-9]+ can be started' $(few) prlimit --nproc=2 "$work/casemill-worker"
# shellcheck disable=SC2046
line "casemill with 1 thread" 'threads are needed and only [0-9]+ can be started' $(few) prlimit --nproc=1 "$work/casemill" status \
    --control "ipc://$work/lacking.control"
line "broker with 256 descriptors" 'intake.connections_max 100 and worker.connections_max 128 need [0-9]+ file descriptors, and the limit is 256' \
    prlimit --nofile=256 "$bin/casemill-broker"
line "worker with 16 descriptors" 'lanes.count 2 with 1 of broker.connect need [0-9]+ file descriptors, and the limit is 16' \
    prlimit --nofile=16 "$bin/casemill-worker"
# Whatever is inherited, it is the same line.
for lacking in 12 16 20; do
    line "casemill with $lacking descriptors" "connections need [0-9]+ file descriptors, and the limit is $lacking:" \
        prlimit --nofile=$lacking sh -c 'exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-' sh \
        "$bin/casemill" status --all --control "ipc://$work/lacking.control"
done
line "casemill for three brokers with 26 descriptors" 'connections need [0-9]+ file descriptors, and the limit is 26:' \
    prlimit --nofile=26 "$bin/casemill" submit --ack journal --wait 1 \
    --broker tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3 "$work/one.jsonl"
line "casemill top of three brokers with 26 descriptors" 'connections need [0-9]+ file descriptors, and the limit is 26:' \
    prlimit --nofile=26 "$bin/casemill" top --once \
    --control "ipc://$work/a.control,ipc://$work/b.control,ipc://$work/c.control"
finish
