#!/bin/sh
# Cases that kill every worker which decides them, in the midst of a batch; the workers are the shipped
# ones, with poison_preload.c to die of it, and something starts them again as a service manager would.
# A failure means that an innocent was buried with the poison, or that the poison was never buried.
. "$(dirname "$0")/lib.sh"
count=5000

cc -shared -fPIC -O1 -o "$work/poison.so" "$root/tests/system/poison_preload.c" -ldl || abort "the preload is built"
database_start
broker_start CASEMILL_LANES_SILENT_MS=1s CASEMILL_LANES_BEAT_MS=200ms CASEMILL_LANES_ATTEMPTS_MAX=2
casemill generate --cases "$count" --seed 21 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
# One beside the first, one at the end of the first delivery's cases, one in the second.
awk 'NR == 2 || NR == 4096 || NR == 4500 { sub(/"case_id": *"/, "&POISON") } { print }' \
    "$work/cases.jsonl" >"$work/poisoned.jsonl"
equal "three cases are poison" "$(grep -c POISON "$work/poisoned.jsonl")" 3

start submit "$bin/casemill" submit --broker "$intake" --ack outcome --batch "$count" "$work/poisoned.jsonl"
submit_pid=$started_pid
deaths=0
deadline=$(($(date +%s) + 120))
worker_start worker LD_PRELOAD="$work/poison.so"
while is_running "$submit_pid" && [ "$(date +%s)" -lt "$deadline" ]; do
    if is_running "$worker_pid"; then
        sleep 0.1
    else
        deaths=$((deaths + 1))
        worker_start worker LD_PRELOAD="$work/poison.so"
    fi
done
is_gone "$submit_pid" || abort "submit comes to its end (rows: $(rows), dead: $(rows dead_letters), deaths: $deaths)"
wait "$submit_pid"
submit_code=$?
echo "    $deaths workers died, submit's exit is $submit_code"
check "workers died of it" [ "$deaths" -ge 6 ]
equal "every neighbour has its outcome" "$(rows)" $((count - 3))
equal "no poison has one" "$(pg_sql "select count(*) from cases where case_id like 'POISON%'")" 0
equal "the poison is buried, and nothing else" \
    "$(pg_sql "select count(*), count(*) filter (where reason = 'poison' and case_id like 'POISON%') from dead_letters")" "3|3"
equal "each says how often it was tried" \
    "$(pg_sql "select count(*) from dead_letters where (history ->> 'attempts')::int = 3")" 3
equal "and what became of the workers" \
    "$(pg_sql "select count(*) from dead_letters where (history ->> 'silent')::int = 3")" 3
# Sent again to workers that survive it, the same cases have outcomes like any other.
stop "$worker_pid"
worker_start healthy
check "the same cases again are done" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --batch "$count" "$work/poisoned.jsonl" \
    >"$work/again.out" 2>"$work/again.err"
equal "and each has its row" "$(rows)" "$count"
stop "$broker_pid"
equal "the broker ends in order" $? 0
finish
