#!/bin/sh
# The broker and workers are killed (kill -9) in the middle of a submit, several times, and started again. In the end
# every case is stored exactly once, and a second submit finds only duplicates.
# A failure means that a promise is broken: an ACCEPTED case is lost (P1, P5) or decided twice (P3).
# suite: full
. "$(dirname "$0")/lib.sh"
count=${KILL_CASES:-40000}

database_start
# Each transaction is small and takes a while until the kills are over, so that they fall into running work.
pg_sql "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.1); return new; end';
        create trigger slow before insert on commits for each row execute function slow()"
killed_worker() { worker_start "$1" CASEMILL_TRANSACTION_CASES_MAX=400; }
broker_start
killed_worker worker_a
worker_a=$worker_pid
killed_worker worker_b
worker_b=$worker_pid
casemill generate --cases "$count" --seed 11 --bad 0 --duplicates 0 --out "$work/cases.jsonl" ||
    abort "cases are generated"

start submit "$bin/casemill" submit --broker "$intake" --ack outcome --batch 200 "$work/cases.jsonl"
submit_pid=$started_pid

row_count_above() { [ "$(rows)" -gt "$1" ]; }
# Each kill waits until more rows have come than at the last one: it falls into running work.
kills=0
kill_when() { # kill_when ROWS PID
    wait_until 60 row_count_above "$1" || abort "further rows arrive (at $(rows) of $count)"
    is_running "$submit_pid" && kills=$((kills + 1))
    kill_hard "$2"
}
kill_when 200 "$worker_a"
killed_worker worker_a
worker_a=$worker_pid
kill_when "$(($(rows) + 200))" "$broker_pid"
broker_start
kill_when "$(($(rows) + 200))" "$worker_b"
kill_when "$(($(rows) + 0))" "$broker_pid"
broker_start
killed_worker worker_b
worker_b=$worker_pid
pg_sql "drop trigger slow on commits"
equal "four kills happened during the submit" "$kills" 4

wait_until 120 is_gone "$submit_pid" || abort "submit comes to its end (rows: $(rows) of $count)"
wait "$submit_pid"
equal "submit ends with exit code 0" $? 0
equal "every case has its row" "$(rows)" "$count"
equal "and only one" "$(pg_sql "select count(*) from (select distinct source, case_id, revision from cases) x")" "$count"
equal "no case became a dead letter" "$(rows dead_letters)" 0
equal "commits and rows agree" "$(pg_sql "select coalesce(sum(cases), 0) from commits")" "$count"
equal "so do the counts of the reports" "$(pg_sql "select sum(outcomes) from report.months")" "$count"

check "the same file again is done" \
    timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 1000 "$work/cases.jsonl" \
    >"$work/again.out" 2>"$work/again.err"
equal "and adds nothing" "$(rows)" "$count"
equal "and no dead letter" "$(rows dead_letters)" 0

# ACCEPTED is a promise of the broker alone (P1): no worker is there, submit has gone home, the broker
# dies at once; nobody sends the cases again.
kill_hard "$worker_a"
kill_hard "$worker_b"
casemill generate --cases 3000 --seed 12 --bad 0 --duplicates 0 --out "$work/more.jsonl" || abort "generate"
sed -i 's/"G0/"M0/' "$work/more.jsonl"
check "submit receives ACCEPTED without any worker" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack journal --batch 100 "$work/more.jsonl" \
    >"$work/more.out" 2>"$work/more.err"
kill_hard "$broker_pid"
broker_start
worker_start worker_a
row_count_is() { [ "$(rows)" -eq "$1" ]; }
wait_until 60 row_count_is $((count + 3000))
equal "after the broker's death every accepted case has its row" "$(rows)" $((count + 3000))

stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
