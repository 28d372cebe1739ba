#!/bin/sh
# Strikes broker, workers, client and PostgreSQL at random, round after round, and compares the cases that were sent
# with the rows of the tables (P1 to P5).
#   sh tests/system/torture.sh --seed S --rounds N
# A round submits fresh cases, some of them undecodable or sent twice, half of the rounds with `ack: journal` and no
# second try after it. The seed decides what is struck and when. A strike is kill -9 and a restart, an immediate or an
# orderly stop of the postmaster, or a program stopped for longer than lanes.silent_ms. It can also be a client that
# is killed and sends again, or another rule set. The last line is "N rounds, N cases, N lost, N doubled"; the same
# seed repeats the same choices.
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
# The counts that lanes report: counting the table would make each round longer than the one before.
written() { pg_sql "select coalesce(sum(cases), 0) from commits"; }
at_least() { [ "$(written 2>/dev/null || echo 0)" -ge "$1" ]; }

database_start
broker_round
worker_round worker_a
worker_a=$worker_pid
worker_round worker_b
worker_b=$worker_pid
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1 ||
    abort "a second rule set is published"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
active=$ruleset

# Stops one program for longer than lanes.silent_ms; the only fixed wait here, because it is the fault itself.
freeze() { # freeze PID
    kill -STOP "$1"
    sleep 2
    kill -CONT "$1"
}
send_round() {
    start submit "$bin/casemill" submit --broker "$intake" --ack "$ack" --batch 50 "$work/round.jsonl"
    submit_pid=$started_pid
}
# kill_worker NAME PID: sets worker_pid to the pid of the new worker.
kill_worker() {
    kill_hard "$2"
    worker_round "$1"
}
end_postgres() { # end_postgres SIGNAL; the workers stay and reconnect
    kill "-$1" "$pg_pid"
    wait "$pg_pid" 2>/dev/null
    pg_restart || abort "PostgreSQL comes back"
}
activate_other() {
    [ "$active" = "$ruleset" ] && active=$second || active=$ruleset
    casemill rules activate "$active" --wait 0 --why "torture" --db "$pg_conninfo" >>"$work/activate.out" 2>&1 ||
        abort "a rule set is activated"
}

# At most one strike per round stops a program, so that a round stays short.
frozen=no
strike() {
    random 10
    [ "$frozen" = no ] || chosen=$((chosen % 8))
    echo "$chosen" >>"$work/strikes"
    case $chosen in
    0)
        kill_hard "$broker_pid"
        broker_round
        ;;
    1) kill_worker worker_a "$worker_a" && worker_a=$worker_pid ;;
    2) kill_worker worker_b "$worker_b" && worker_b=$worker_pid ;;
    3) end_postgres KILL ;; # its backends end with it
    4) end_postgres QUIT ;; # immediate: no checkpoint, recovery at the start
    5) end_postgres INT ;;  # orderly, in the middle of transactions
    6)
        kill_hard "$submit_pid"
        send_round
        ;;
    7) activate_other ;;
    8) freeze "$worker_a" && frozen=yes ;;
    9) freeze "$broker_pid" && frozen=yes ;;
    esac
}

# The sets: ids sent, and ids with an outcome or an open dead letter; a line without an id is counted.
compare_round() {
    sed -n 's/^{"case_id":"\([^"]*\)".*/\1/p' "$work/round.jsonl" | sort -u >"$work/ids"
    nameless=$((nameless + $(grep -v '^{"case_id"' "$work/round.jsonl" | sort -u | wc -l)))
    "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "$pg_conninfo" >"$work/compared" <<SQL || abort "the sets are compared"
create temp table sent (case_id text collate "C" primary key);
\copy sent from '$work/ids'
create temp table stands as
    select case_id from cases where source = (select source from sources where name = 'local') and case_id between 'R$round-' and 'R$round-~'
    union all
    select distinct case_id from report.dead_letters where case_id like 'R$round-%' and reason <> 'conflict';
select (select count(*) from (select case_id from sent except select case_id from stands) gone),
       (select count(*) from (select case_id from stands except select case_id from sent) invented)
           + (select count(*) - count(distinct case_id) from stands);
SQL
    lost=$((lost + $(cut -d'|' -f1 "$work/compared")))
    doubled=$((doubled + $(cut -d'|' -f2 "$work/compared")))
}
is_settled() { # nothing is left in the broker
    casemill status --all --control "ipc://$work/control" >"$work/status" 2>&1 && grep -q '^batches  *0$' "$work/status"
}

round=0
expected=0
lost=0
doubled=0
nameless=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    casemill generate --cases "$case_count" --seed "$((seed * 1000 + round))" --bad 1 --duplicates 1 \
        --out "$work/round.jsonl" || abort "generate"
    sed -i "s/\"case_id\": *\"G/\"case_id\":\"R$round-G/" "$work/round.jsonl"
    random 2
    ack=outcome
    [ "$chosen" -eq 0 ] || ack=journal
    send_round
    before=$(written)
    frozen=no
    random 3
    strikes=$((chosen + 1))
    while [ "$strikes" -gt 0 ]; do
        strikes=$((strikes - 1))
        random "$case_count"
        wait_until 2 at_least "$((before + chosen))"
        strike
    done
    wait_until 60 is_gone "$submit_pid" || abort "round $round: submit comes to its end"
    settled reap "$submit_pid" || abort "round $round: submit ends without a fault" "$(tail -n 1 "$work/submit.err")"
    expected=$((expected + case_count))
    wait_until 30 is_settled || abort "round $round: the broker has nothing left" "$(head -n 20 "$work/status")"
    compare_round
done

# The counts that lanes reported equal the rows, and no case that was sent once was stored with other content.
twice=$(pg_sql "
    select (select coalesce(sum(cases), 0) from commits) - (select count(*) from cases)
         + (select count(*) from dead_letters where reason = 'conflict')")
unread=$(pg_sql "select count(*) from dead_letters where case_id is null")
lost=$((lost + (nameless > unread ? nameless - unread : 0)))
doubled=$((doubled + twice + (unread > nameless ? unread - nameless : 0)))
echo "strikes of each kind: $(sort -n "$work/strikes" | uniq -c | awk '{ printf "%s%s x %s", sep, $1, $2; sep = ", " }')"
cleanup
echo "$rounds rounds, $expected cases, $lost lost, $doubled doubled"
[ "$lost" -eq 0 ] && [ "$doubled" -eq 0 ]
