#!/bin/sh
# Two brokers that share nothing, two workers that serve both, clients that list both. One broker is not running at
# first. One is killed permanently in the middle of a submit. One is killed and its disk is lost while it holds
# accepted batches. One is stopped in an orderly way. Every submit ends with all batches DONE and each case stored
# once.
# A failure means that a client waits for a dead broker, that a lane serves only one broker, or that P2 or P3 is
# broken.
# suite: full
. "$(dirname "$0")/lib.sh"
count=${FAILOVER_CASES:-30000}

# serve NAME: a broker with its own journal, on the ports it had before; sets NAME_pid, NAME_in and NAME_lanes.
serve() {
    eval "intake=\${$1_in:-tcp://127.0.0.1:0} lanes=\${$1_lanes:-tcp://127.0.0.1:0}"
    start "$1" env CASEMILL_INTAKE_BIND="$intake" CASEMILL_WORKER_BIND="$lanes" \
        CASEMILL_CONTROL_BIND="ipc://$work/$1.control" CASEMILL_HTTP_BIND=127.0.0.1:0 \
        CASEMILL_JOURNAL_PATH="$work/$1.journal" CASEMILL_JOURNAL_BYTES_MAX=64MiB \
        CASEMILL_LANES_BEAT_MS=500 CASEMILL_LANES_SILENT_MS=1500 "$bin/casemill-broker" --config config/broker.yaml
    wait_ready "$1" "$started_pid" || abort "broker $1 starts" "$(tail -n 1 "$work/$1.err")"
    eval "$1_pid=$started_pid $1_in=$(ready_field "$1" intake) $1_lanes=$(ready_field "$1" worker)"
}
status_of() { # status_of NAME KEY
    casemill status --json --control "ipc://$work/$1.control" 2>/dev/null | tr ',{}' '\n\n\n' |
        sed -n "s/^\"$2\": *//p" | head -n 1
}
has() { [ "$(status_of "$1" "$2")" = "$3" ]; } # has NAME KEY VALUE
holds_some() { [ "$(status_of "$1" journal_batches || echo 0)" -gt 0 ]; }
ask() { /usr/bin/python3 tests/system/control.py "ipc://$work/$1.control" "$2"; } # ask NAME VERB
row_count_above() { [ "$(rows)" -gt "$1" ]; }
made() { # made SEED COUNT: cases with ids of their own
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
send() { # send SEED BROKERS: in the background
    start "submit$1" "$bin/casemill" submit --broker "$2" --ack outcome --batch 200 "$work/$1.jsonl"
    send_pid=$started_pid
}
all_done() { # all_done TEXT SEED COUNT
    if wait_until 60 is_gone "$send_pid"; then
        wait "$send_pid"
        equal "$1: every case is DONE" $? 0
    else
        not_ok "$1: submit comes to its end" "rows: $(rows) in all"
    fi
    equal "$1: and has its one row" "$(pg_sql "select count(*) from cases where case_id like 'S$2-%'")" "$3"
}

database_start
serve one
serve two
stop "$two_pid"
both_lanes="$one_lanes,$two_lanes"
lane_secrets="$work/one.journal/lane.secret,$work/two.journal/lane.secret"
lanes=$both_lanes
worker_start worker_a
lanes=$both_lanes
worker_start worker_b
made 1 "$count"
made 2 3000
made 3 3000
made 4 "$count"

send 2 "$two_in,$one_in"
all_done "the first broker of the list is not running" 2 3000
contains "and submit prints that it uses the other one" "$work/submit2.err" "continuing with $one_in"
serve two
check "the workers find a broker that comes later" wait_until 20 has two lanes 4
ask one WORKERS >"$work/workers.out" 2>&1
equal "four lanes serve each, with half of their credit" \
    "$(grep -Eo '"credit_cases": *8192' "$work/workers.out" | wc -l)" 4
send 3 "$two_in"
all_done "the one that came later" 3 3000

# --- killed permanently, its journal never opened again
before=$(rows)
send 1 "$one_in,$two_in"
wait_until 60 row_count_above $((before + 1000)) || abort "rows come" "$(rows)"
check "the kill happens during the submit" is_running "$send_pid"
kill_hard "$one_pid"
# Far below the 10 s of the heartbeat limit: the client detects the closed connection.
check "a lost connection is detected and printed within 5 s" wait_until 5 grep -q "continuing with $two_in" "$work/submit1.err"
all_done "a broker is killed permanently" 1 "$count"

# --- it restarts with its journal: all its cases are stored already
serve one
check "a broker that comes back is served again" wait_until 20 has one lanes 4
check "and its remaining batches are done" wait_until 30 has one journal_batches 0
equal "no case is stored twice" "$(rows)" $((count + 6000))

# --- killed and its disk lost while it has accepted batches that are not dispatched
ask two PAUSE >"$work/pause.out" 2>&1 || abort "a broker is paused" "$(cat "$work/pause.out")"
send 4 "$two_in,$one_in"
wait_until 20 holds_some two || abort "a broker accepts while it is paused"
kill_hard "$two_pid"
rm -rf "$work/two.journal"
all_done "a broker and its disk are lost" 4 "$count"
serve two
check "an empty journal in its place is served" wait_until 20 has two lanes 4

# --- stopped in an orderly way, in the middle
made 5 "$count"
before=$(rows)
send 5 "$two_in,$one_in"
wait_until 60 row_count_above $((before + 1000)) || abort "rows come" "$(rows)"
check "the stop happens during the submit" is_running "$send_pid"
stop "$two_pid"
equal "a broker ends with exit code 0" $? 0
check "submit prints within 5 s that this broker is gone" wait_until 5 grep -q "continuing with $one_in" "$work/submit5.err"
all_done "a broker is stopped" 5 "$count"
equal "no case became a dead letter" "$(rows dead_letters)" 0
equal "commits and rows agree" "$(pg_sql "select coalesce(sum(cases), 0) from commits")" "$(rows)"
finish
