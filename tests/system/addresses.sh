#!/bin/sh
# Host names and IPv6. A broker bound to [::1] and to localhost serves clients and lanes that use these names. A
# client reports why a connection failed: the name, the port, or the owner of the socket. Broker and worker leave no
# core dump.
# A failure means that a host is reachable by its numeric address only, that an error message is misleading, or that a
# core dump holds personal data.
# suite: full
. "$(dirname "$0")/lib.sh"

control() { timeout 20 "$bin/casemill" status --all --control "$1" >"$work/control.out" 2>"$work/control.err"; }
port() { echo "$1" | sed 's/.*://'; }
# serves TEXT ADDRESS: submit gets DONE over this address, with ports that the kernel chooses.
number=0
serves() {
    number=$((number + 1))
    intake=$2:0
    lanes=$2:0
    rm -rf "$work/journal"
    broker_start
    worker_start "worker$number" CASEMILL_BROKER_CONNECT="$2:$(port "$lanes")"
    casemill generate --cases 20 --seed "$number" --bad 0 --duplicates 0 --out "$work/$number.jsonl" 2>"$work/generate.err"
    timeout 30 "$bin/casemill" submit --broker "$2:$(port "$intake")" --source "s$number" --ack outcome "$work/$number.jsonl" \
        >"$work/submit.out" 2>&1
    equal "$1: all is done" $? 0
}
# No core: the limit is 0, and where the kernel shows it, the process is not dumpable (its files belong to root).
no_core() { grep -Eq '^Max core file size +0 +0 ' "/proc/$1/limits"; }
database_start
serves "localhost" tcp://localhost
if [ -z "${CASEMILL_BUILD:-}" ]; then
    check "the broker leaves no core file" no_core "$broker_pid"
    check "the worker leaves no core file" no_core "$worker_pid"
fi
stop "$worker_pid"
stop "$broker_pid"
if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
    serves "[::1]" 'tcp://[::1]'
    stop "$worker_pid"
    stop "$broker_pid"
else
    echo "skipped: this host has no IPv6 loopback"
fi
equal "each case has its row" "$(rows)" $((20 * number))

control tcp://127.0.0.1:1
contains "a port without a listener" "$work/control.err" "no answer from tcp://127.0.0.1:1: Connection refused"
control tcp://no-such-host.invalid:5570
contains "a name that does not resolve" "$work/control.err" "the name does not resolve"
control "ipc://$work/nowhere"
contains "a path without a socket" "$work/control.err" "there is no such socket: is the broker running"
timeout 40 "$bin/casemill" submit --broker tcp://127.0.0.1:1 --wait 3 "$work/1.jsonl" >"$work/submit.out" 2>"$work/submit.err"
contains "submit prints the same reason" "$work/submit.err" "no connection: Connection refused"
if [ "$(id -u)" -eq 0 ]; then
    intake=tcp://127.0.0.1:0
    lanes=tcp://127.0.0.1:0
    broker_start
    cp "$bin/casemill" "$work/casemill"
    chmod 0755 "$work/casemill"
    timeout 20 setpriv --reuid=postgres --regid=postgres --clear-groups -- "$work/casemill" status --all --control "ipc://$work/control" \
        >"$work/control.out" 2>"$work/control.err"
    contains "the socket of another user" "$work/control.err" "permission denied: the socket belongs to user 0"
    stop "$broker_pid"
else
    echo "skipped: another user's socket requires root"
fi
finish
