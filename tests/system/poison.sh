#!/bin/sh
# Cases that kill every worker which decides them, in the middle of a batch. The workers are the shipped ones with
# poison_preload.c, which ends the process. The test restarts them as a service manager would.
# A failure means that a sound case was buried with the poison, or that the poison was never buried.
# suite: full
. "$(dirname "$0")/lib.sh"
count=5000

cc -shared -fPIC -O1 -o "$work/poison.so" "$root/tests/system/poison_preload.c" -ldl || abort "the preload is built"
database_start
broker_start CASEMILL_LANES_SILENT_MS=1s CASEMILL_LANES_BEAT_MS=200ms CASEMILL_LANES_ATTEMPTS_MAX=2
casemill generate --cases "$count" --seed 21 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
# One poison case beside the first case, one at the end of the first delivery, one in the second delivery.
awk 'NR == 2 || NR == 4096 || NR == 4500 { sub(/"case_id": *"/, "&POISON") } { print }' \
    "$work/cases.jsonl" >"$work/poisoned.jsonl"
equal "three cases are poison" "$(grep -c POISON "$work/poisoned.jsonl")" 3

start submit "$bin/casemill" submit --broker "$intake" --ack outcome --batch "$count" "$work/poisoned.jsonl"
submit_pid=$started_pid
worker_start worker LD_PRELOAD="$work/poison.so"
while_running() { # while_running PID: restarts workers while PID runs, and counts how many were killed
    deaths=0
    deadline=$(($(date +%s) + 60))
    while is_running "$1" && [ "$(date +%s)" -lt "$deadline" ]; do
        if is_running "$worker_pid"; then
            sleep 0.1
        else
            deaths=$((deaths + 1))
            worker_start worker LD_PRELOAD="$work/poison.so"
        fi
    done
}
while_running "$submit_pid"
is_gone "$submit_pid" || abort "submit comes to its end (rows: $(rows), dead: $(rows dead_letters), deaths: $deaths)"
wait "$submit_pid"
submit_code=$?
echo "    $deaths workers died"
equal "submit reports dead letters in its exit code" "$submit_code" 3
check "workers died of it" [ "$deaths" -ge 6 ]
equal "every other case has its outcome" "$(rows)" $((count - 3))
equal "no poison case has an outcome" "$(pg_sql "select count(*) from cases where case_id like 'POISON%'")" 0
equal "the poison is buried, and nothing else" \
    "$(pg_sql "select count(*), count(*) filter (where reason = 'poison' and case_id like 'POISON%') from dead_letters")" "3|3"
equal "each dead letter has the number of attempts" \
    "$(pg_sql "select count(*) from dead_letters where (history ->> 'attempts')::int = 3")" 3
equal "and the exit status of the workers" \
    "$(pg_sql "select count(*) from dead_letters where (history ->> 'silent')::int = 3")" 3

# Retried, one case kills the workers again and is buried again: the same dead letter, counted once more.
letter=$(pg_sql "select min(dead) from dead_letters")
start retry "$bin/casemill" dead retry "$letter" --why "fixed?" --db "$pg_conninfo" --control "ipc://$work/control"
retry_pid=$started_pid
while_running "$retry_pid"
is_gone "$retry_pid" || abort "the retry comes to its end (deaths: $deaths)"
wait "$retry_pid"
equal "a retry that kills the workers ends, and its exit code reports that the case is dead again" $? 1
check "workers died of it" [ "$deaths" -ge 3 ]
equal "the dead letter is counted once more, and no other is added" \
    "$(pg_sql "select sum(seen), count(*), max(seen) filter (where dead = $letter) from dead_letters")" "4|3|2"
# With workers that survive it, a retry stores the case.  The other cases, sent again, are done normally.
stop "$worker_pid"
worker_start healthy
check "a retry stores the case" \
    "$bin/casemill" dead retry "$letter" --why "fixed" --db "$pg_conninfo" --control "ipc://$work/control" >"$work/fixed.out" 2>&1
equal "and resolves the dead letter" "$(pg_sql "select count(*), min(dead) from dead_letters where resolved_at is not null")" "1|$letter"
equal "one case more has its row" "$(rows)" $((count - 2))
check "the same cases again are done" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch "$count" "$work/poisoned.jsonl" \
    >"$work/again.out" 2>"$work/again.err"
equal "and each has its row" "$(rows)" "$count"
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
