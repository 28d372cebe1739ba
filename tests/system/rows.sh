#!/bin/sh
# Batches as rows: submit uses them by itself, the journal keeps them over a kill, and only lanes that announce rows get
# them. Both forms of a case are duplicates of each other. Faulty batches are refused with their place.
# A failure means that a batch gets stuck, or that a case differs by the form in which it was sent.
# ROWS_OLD_BUILD=DIR names a build of an earlier version: then each pairing of old and new client, broker and worker is
# tested, too.
# suite: full
old_build=${ROWS_OLD_BUILD:-}
. "$(dirname "$0")/lib.sh"
new_bin=$bin

status_of() { casemill status --json --control "ipc://$work/control" | /usr/bin/python3 -c "import json, sys; print(json.load(sys.stdin)[\"$1\"])"; }
is_status() { [ "$(status_of "$1")" = "$2" ]; }
row_count_is() { [ "$(rows)" -eq "$1" ]; }

database_start
broker_start
casemill generate --cases 600 --seed 9 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"

# --- only a lane of an earlier version, which announces no forms
start older /usr/bin/python3 tests/system/lane_stranger.py "$lanes" 120 --secret "$work/journal/lane.secret"
older=$started_pid
wait_until 10 is_status lanes 1 || abort "the older lane connects"
check "batches of rows are accepted" submit --ack journal --batch 200 "$work/cases.jsonl" >"$work/submit.out" 2>&1
check "they wait" wait_until 5 is_status queued_row_cases 600
equal "no lane takes them" "$(status_of lanes_rows)" 0
check "the log names the reason" wait_until 5 grep -q "event=ROWS_WAIT" "$work/broker.err"
casemill status --json --control "ipc://$work/control" >"$work/status.out" 2>&1
contains "so does status" "$work/status.out" "no connected lane takes rows: update the workers"
sed -n 1,5p "$work/cases.jsonl" | sed 's/"case_id": *"/&M/' >"$work/few.jsonl"
check "a batch of maps does not wait" timeout 30 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/few.jsonl" \
    >"$work/few.out" 2>&1
equal "the older lane got these cases alone" "$(grep -c "lied about" "$work/older.out") $(grep "lied about" "$work/older.out")" \
    "1 lied about 5 cases"
kill "$older"
reap "$older"

# --- a kill, then a worker
kill -9 "$broker_pid"
reap "$broker_pid"
broker_start
equal "the journal kept them" "$(status_of queued_row_cases)" 600
worker_start worker
check "a lane that announces rows decides them" wait_until 60 row_count_is 600
equal "no case became a dead letter" "$(rows dead_letters)" 0
check "the same cases as maps, in small batches" timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 10 \
    "$work/cases.jsonl" >"$work/maps.out" 2>"$work/maps.err"
equal "are duplicates" "$(status_of cases_duplicate_total) $(rows) $(rows dead_letters)" "600 600 0"
casemill evaluate --rules config "$work/cases.jsonl" 2>"$work/evaluate.err" | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    print("|".join([o["case_id"], o["disposition"], o["agreement"], o["reason"]]))' | sort >"$work/evaluated"
pg_sql "select case_id || '|' || disposition || '|' || agreement || '|' || reason from report.outcomes" | sort >"$work/stored"
check "each outcome is that of evaluate" cmp "$work/evaluated" "$work/stored"

# --- faults, each with its place; paused, so that a batch stays while its id is used again
check "pause" casemill pause --control "ipc://$work/control" --wait 0 --why rows >"$work/pause.out" 2>&1
check "the frames are sent" timeout 60 /usr/bin/python3 tests/system/rows_frames.py "$intake" >"$work/frames.out" 2>"$work/frames.err"
cat >"$work/frames.expected" <<'EOF'
good ACCEPTED None None None
again ACCEPTED None None None
other-names REFUSED batch_id_reused None None
twice REFUSED bad_names 2 25
beside REFUSED bad_names 1 11
no-text REFUSED bad_names 1 11
too-many REFUSED bad_names 1024 5037
too-long REFUSED bad_names 159 16380
long-row REFUSED bad_row 1 47
map-row REFUSED bad_row 0 25
too-few REFUSED count_mismatch 1 47
more REFUSED trailing_bytes 2 56
EOF
check "the same batch is accepted again, and each fault is refused with its place" diff "$work/frames.expected" "$work/frames.out"
check "resume" casemill resume --control "ipc://$work/control" >"$work/resume.out" 2>&1

# --- each pairing of versions
pairing() { # pairing CLIENT BROKER WORKER SEED
    [ -z "${worker_pid:-}" ] || { kill "$worker_pid"; reap "$worker_pid"; }
    kill "$broker_pid"
    reap "$broker_pid"
    rm -rf "$work/journal"
    pairing_before=$(rows)
    bin=$([ "$2" = old ] && echo "$old_build/bin" || echo "$new_bin") && broker_start
    worker_pid=''
    bin=$([ "$3" = old ] && echo "$old_build/bin" || echo "$new_bin") && worker_start "worker-$1-$2-$3"
    bin=$new_bin && casemill generate --cases 300 --seed "$4" --bad 0 --duplicates 0 --out "$work/pair.jsonl"
    sed -i "s/\"case_id\": *\"/&P$4-/" "$work/pair.jsonl"
    bin=$([ "$1" = old ] && echo "$old_build/bin" || echo "$new_bin")
    if [ "$1 $2 $3" = "new new old" ]; then
        submit --ack journal --batch 100 "$work/pair.jsonl" >"$work/pair.out" 2>&1
        bin=$new_bin
        check "$1 client, $2 broker, $3 worker: the cases wait" wait_until 10 is_status queued_row_cases 300
        kill "$worker_pid"
        reap "$worker_pid"
        worker_start "updated"
        check "and are decided when the worker is updated" wait_until 60 row_count_is $((pairing_before + 300))
    else
        check "$1 client, $2 broker, $3 worker: every batch is done" timeout 60 "$bin/casemill" submit --broker "$intake" \
            --ack outcome --batch 100 "$work/pair.jsonl" >"$work/pair.out" 2>"$work/pair.err"
        bin=$new_bin
        equal "and every case has its row" "$(rows)" $((pairing_before + 300))
    fi
}
if [ -n "$old_build" ]; then
    seed=100
    for pairing_client in old new; do
        for pairing_broker in old new; do
            for pairing_worker in old new; do
                seed=$((seed + 1))
                pairing "$pairing_client" "$pairing_broker" "$pairing_worker" "$seed"
            done
        done
    done
    equal "no case became a dead letter" "$(rows dead_letters)" 0
fi
finish
