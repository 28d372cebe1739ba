#!/bin/sh
# Kills broker, workers and PostgreSQL at random, round after round, and counts (P1 to P5).
#   sh tests/system/torture.sh --seed S --rounds N
# A round submits fresh cases, half of the rounds with `ack: journal` and no second try after it, and
# kills what the seed says, when the seed says.  The last line is
# "N rounds, N cases, N lost, N doubled"; the seed repeats the same choices.
. "$(dirname "$0")/lib.sh"
seed=1
rounds=10
while [ $# -gt 0 ]; do
    case $1 in
    --seed) seed=${2:?} ;;
    --rounds) rounds=${2:?} ;;
    *)
        echo "usage: sh tests/system/torture.sh --seed S --rounds N" >&2
        exit 2
        ;;
    esac
    shift 2
done

case_count=20000
state=$((seed * 2654435761 % 2147483647 + 1))
random() { # random N: sets chosen to 0..N-1 (a Lehmer generator)
    state=$((state * 48271 % 2147483647))
    chosen=$((state / 16 % $1))
}
worker_round() { worker_start "$1" CASEMILL_LANES_COUNT=1; }
broker_round() { broker_start CASEMILL_LANES_SILENT_MS=1500 CASEMILL_LANES_BEAT_MS=500; }
at_least() { [ "$(rows 2>/dev/null || echo 0)" -ge "$1" ]; }

database_start
broker_round
worker_round worker_a
worker_a=$worker_pid
worker_round worker_b
worker_b=$worker_pid

strike() { # one kill, and the same program again
    random 4
    case $chosen in
    0)
        kill_hard "$broker_pid"
        broker_round
        ;;
    1)
        kill_hard "$worker_a"
        worker_round worker_a
        worker_a=$worker_pid
        ;;
    2)
        kill_hard "$worker_b"
        worker_round worker_b
        worker_b=$worker_pid
        ;;
    3)
        # the postmaster's death ends its backends; the workers stay and reconnect
        kill -KILL "$pg_pid"
        wait "$pg_pid" 2>/dev/null
        pg_restart || abort "PostgreSQL comes back"
        ;;
    esac
}

round=0
expected=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    casemill generate --cases "$case_count" --seed "$((seed * 1000 + round))" --bad 0 --duplicates 0 \
        --out "$work/round.jsonl" || abort "generate"
    sed -i "s/\"case_id\": *\"G/\"case_id\":\"R$round-G/" "$work/round.jsonl"
    random 2
    ack=outcome
    [ "$chosen" -eq 0 ] || ack=journal
    start submit "$bin/casemill" submit --broker "$intake" --ack "$ack" --batch 50 "$work/round.jsonl"
    submit_pid=$started_pid
    random 3
    strikes=$((chosen + 1))
    while [ "$strikes" -gt 0 ]; do
        strikes=$((strikes - 1))
        random "$case_count"
        wait_until 2 at_least "$((expected + chosen))"
        strike
    done
    wait_until 60 is_gone "$submit_pid" || abort "round $round: submit comes to its end"
    reap "$submit_pid" || abort "round $round: submit says all is well" "$(tail -n 1 "$work/submit.err")"
    expected=$((expected + case_count))
    wait_until 30 at_least "$expected"
done

lost=$(pg_sql "
    with sent as (
        select 'R' || r as round from generate_series(1, $rounds) r)
    select $rounds * $case_count - count(*) from cases c
    where split_part(c.case_id, '-', 1) in (select round from sent)")
doubled=$(pg_sql "
    select (select coalesce(sum(cases), 0) from commits) - (select count(*) from cases)
         + (select count(*) from dead_letters)")
cleanup
echo "$rounds rounds, $expected cases, $lost lost, $doubled doubled"
[ "$lost" -eq 0 ] && [ "$doubled" -eq 0 ]
