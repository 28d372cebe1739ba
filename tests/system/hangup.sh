#!/bin/sh
# Peers hang up while the broker has stopped reading from them: resets, ends and half-closed connections, a PING in
# the stopped buffer, a second peer with the same routing id. The test covers intake, worker and control sockets, tcp
# and ipc, with and without keys. Meanwhile the loop is held, the disk stalls, or nothing is wrong.
#   sh tests/system/hangup.sh [--rounds N]
# A failure means that a stranger can end the broker, make it spin, or leave connections open forever.
# suite: full, alone
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/weigh.sh"
rounds=1
fast_connections=200
[ "${1:-}" != --rounds ] || { rounds=$2 fast_connections=400; }
busy_percent=20 # a spin would use a whole processor
left_mib=80     # of 320 that were sent
rounds_each=10  # of one life of the brokers
spare_mib=24    # what the first round may leave in the allocator
end_s=40        # the longest that a dead peer's connection stays open, with its last heartbeat

# --- a program that libzmq does not call does not start
unguarded() { # unguarded PROGRAM: a copy whose epoll_wait no library finds
    mkdir -p "$work/unguarded"
    /usr/bin/python3 - "$bin/$1" "$work/unguarded/$1" <<'PY' || return 1
import os, sys
program = open(sys.argv[1], "rb").read()
name = b"\0epoll_wait\0"
if name not in program:
    sys.exit("no dynamic symbol epoll_wait")
with open(sys.argv[2], "wb") as out:  # the first is the table of dynamic symbols' names
    out.write(program.replace(name, b"\0epoll_w_it\0", 1))
os.chmod(sys.argv[2], 0o755)
PY
}
refuses_unguarded() { # refuses_unguarded PROGRAM [VARIABLE...]
    ru_program=$1
    shift
    if unguarded "$ru_program"; then
        env "$@" timeout 20 "$work/unguarded/$ru_program" >"$work/unguarded.out" 2>"$work/unguarded.err"
        equal "$ru_program, not called by libzmq: exit code" $? 1
        contains "$ru_program, not called by libzmq: the reason is printed" "$work/unguarded.err" "libzmq does not call"
        check "$ru_program, not called by libzmq: in one line" [ "$(wc -l <"$work/unguarded.err")" -eq 1 ]
    else
        not_ok "$ru_program exports what libzmq is to call"
    fi
}
refuses_unguarded casemill-broker CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 \
    CASEMILL_CONTROL_BIND="ipc://$work/control0" CASEMILL_HTTP_BIND=off CASEMILL_JOURNAL_PATH="$work/journal0"
refuses_unguarded casemill-worker CASEMILL_BROKER_CONNECT=tcp://127.0.0.1:1
check "the command, which has only DEALERs, is left as it is" sh -c "! nm -D --defined-only '$bin/casemill' | grep -qw epoll_wait"

# --- three brokers
cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold=$work/hold
keys=$work/keys
mkdir -p "$hold" "$keys/sources" "$keys/workers"
casemill keys new broker --out "$keys" >"$work/keys.out" && casemill keys new source --out "$keys" >>"$work/keys.out" &&
    cp "$keys/source.pub" "$keys/sources" && cp "$keys/source.pub" "$keys/workers" || abort "keys are made"
preload=$work/hold.so
# A sanitizer's runtime comes first, and keeps what was freed.
case $bin in *san/bin) spare_mib=400 preload="$(cc -print-file-name="lib$(basename "${bin%/bin}").so"):$preload" ;; esac
serve() { # serve NAME [VARIABLE...]: its pid in serve_pid
    serve_name=$1
    shift
    start "$serve_name" env LD_PRELOAD="$preload" TEST_HOLD_DIR="$hold" CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 \
        CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 CASEMILL_CONTROL_BIND="ipc://$work/$serve_name.control" \
        CASEMILL_HTTP_BIND=off CASEMILL_JOURNAL_PATH="$work/$serve_name.journal" CASEMILL_JOURNAL_BYTES_MAX=256MiB \
        CASEMILL_MEMORY_BYTES_MAX=16MiB "$@" "$bin/casemill-broker" --config "$root/config/broker.yaml"
    serve_pid=$started_pid
    wait_ready "$serve_name" "$serve_pid" || abort "the broker $serve_name starts" "$(tail -n 1 "$work/$serve_name.err")"
}
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
anon() { awk '/^RssAnon/ {print int($2 / 1024)}' "/proc/$1/status" 2>/dev/null; }
serve_all() { # with new journals, and no workers
    rm -rf "$work"/*.journal
    serve plain
    plain_pid=$serve_pid plain_fds=$(descriptors "$serve_pid")
    plain=$plain_pid,$(ready_field plain intake),$(ready_field plain worker),$(ready_field plain control)
    serve keyed CASEMILL_KEYS_SECRET="$keys/broker.key" CASEMILL_KEYS_SOURCES="$keys/sources" \
        CASEMILL_KEYS_WORKERS="$keys/workers"
    keyed_pid=$serve_pid keyed_fds=$(descriptors "$serve_pid")
    keyed=$keyed_pid,$(ready_field keyed intake),$keys/source.key,$keys/broker.pub
    serve free TEST_HOLD_DIR="$work" CASEMILL_INTAKE_CONNECTIONS_MAX=1000
    free_pid=$serve_pid free_fds=$(descriptors "$serve_pid")
    free=$free_pid,$(ready_field free intake)
}
peers() { timeout 170 /usr/bin/python3 tests/system/hangup.py "$@"; }
hung_up() { # hung_up TEXT NAME: what hangup.py printed into NAME.out, and which brokers run
    contains "$1: peers hang up, and the broker answers" "$work/$2.out" 'peers hung up'
    [ "$2" != fast ] || return 0 # what the flood left is still being read
    hung_busy=$(grep -o '[0-9]*%' "$work/$2.out" | tr -d % | sort -n | tail -n 1)
    below "$1: percent of a processor until the next heartbeat" "$hung_busy" "$busy_percent"
}
alive() { # alive TEXT
    for alive_name in plain keyed free; do
        eval "alive_pid=\$${alive_name}_pid"
        check "$1: the broker $alive_name runs" is_running "$alive_pid"
    done
}

round() { # round TEXT
    start fast timeout 170 /usr/bin/python3 tests/system/hangup.py fast "$free" "$fast_connections"
    fast_pid=$started_pid
    peers held "$hold" "$plain" "$keyed" >"$work/held.out" 2>&1
    hung_up "$1, held loop" held
    peers stalled "$hold" "$plain" "$keyed" >"$work/stalled.out" 2>&1
    hung_up "$1, stalled disk" stalled
    below "$1, stalled disk: MiB that ended connections left unread" \
        "$(sed -n 's/.*then \([0-9-]*\) MiB were left.*/\1/p' "$work/stalled.out")" "$left_mib"
    reap "$fast_pid"
    hung_up "$1, quick disk" fast
    alive "$1"
}
# What is left of the rounds since the brokers started.
settled() { [ "$(descriptors "$1")" -le "$2" ] && [ "$(anon "$1")" -le "$3" ]; } # settled PID FDS MIB
what_is_left() {
    for name in plain keyed free; do
        eval "pid=\$${name}_pid fds=\$${name}_fds mib=\$${name}_mib"
        wait_until "$end_s" settled "$pid" "$fds" $((mib + spare_mib))
        below "the broker $name: open descriptors, as before" "$(descriptors "$pid")" "$fds"
        below "the broker $name: anonymous memory in MiB" "$(anon "$pid")" $((mib + spare_mib))
    done
    casemill submit --broker "$(ready_field plain intake)" --ack journal --wait 20 "$work/cases.jsonl" >"$work/submit.out" 2>&1
    equal "a batch is accepted afterwards" $? 0
}
end_all() {
    for name in plain keyed free; do
        eval "pid=\$${name}_pid"
        stop "$pid"
        equal "the broker $name ends on TERM" $? 0
    done
}

casemill generate --cases 100 --seed 1 --bad 0 --out "$work/cases.jsonl" 2>"$work/generate.err"
serve_all
number=0
while [ "$number" -lt "$rounds" ] && { [ "$number" -eq 0 ] || [ "$failed" -eq 0 ]; }; do
    number=$((number + 1))
    round "round $number"
    if [ $((number % rounds_each)) -eq 1 ]; then
        plain_mib=$(anon "$plain_pid") keyed_mib=$(anon "$keyed_pid") free_mib=$(anon "$free_pid")
    fi
    if [ $((number % rounds_each)) -eq 0 ] && [ "$number" -lt "$rounds" ]; then
        what_is_left
        end_all
        serve_all
    fi
done
what_is_left

# --- a broker that stops while it is flooded
start flood /usr/bin/python3 tests/system/hangup.py flood "$(ready_field plain intake)"
is_flooding() { grep -q flooding "$work/flood.out"; }
wait_until 20 is_flooding || not_ok "the flood begins"
end_all
finish
