#!/bin/sh
# Starts, awaits and ends programs by pid, for the system tests and the demo. Sourced, not run; the caller sets $work,
# a fresh directory. Every wait has a deadline.
work=${work:?a fresh directory}
pids=''

wait_until() { # wait_until SECONDS COMMAND...: polls ten times per second
    lib_left=$(($1 * 10))
    shift
    until "$@"; do
        lib_left=$((lib_left - 1))
        [ "$lib_left" -gt 0 ] || return 1
        sleep 0.1
    done
}
is_running() { ! is_gone "$1"; }

# start NAME COMMAND...: runs it in the background; output in $work/NAME.out and .err; pid in
# started_pid.  `env` in front of the command execs, so the pid is the program's own.
start() {
    start_name=$1
    shift
    : >"$work/$start_name.out"
    "$@" >>"$work/$start_name.out" 2>>"$work/$start_name.err" &
    started_pid=$!
    pids="$pids $started_pid"
}
is_ready() { grep -q '^ready' "$work/$1.out" || is_gone "$2"; }
wait_ready() { # wait_ready NAME PID
    wait_until 20 is_ready "$1" "$2"
    grep -q '^ready' "$work/$1.out"
}
ready_field() { sed -n "s/^ready.* $2=\([^ ]*\).*/\1/p" "$work/$1.out" | tail -n 1; }
stop() { # stop PID: TERM, then KILL after 20 s; gives the exit code
    kill -TERM "$1" 2>/dev/null
    wait_until 20 is_gone "$1" || kill -KILL "$1" 2>/dev/null
    reap "$1"
}
kill_hard() {
    kill -KILL "$1" 2>/dev/null
    reap "$1"
    true
}
# A pid that was waited for may soon belong to another process, so it leaves the list at once.
reap() {
    pids=$(echo " $pids " | sed "s/ $1 / /")
    wait "$1" 2>/dev/null
}
# kill_started ends whatever `start` started and nothing else.
kill_started() {
    for lib_pid in $pids; do kill -KILL "$lib_pid" 2>/dev/null; done
    for lib_pid in $pids; do wait "$lib_pid" 2>/dev/null; done
    pids=''
}
