#!/bin/sh
# Cases arrive faster than the workers finish them: many small batches; a backlog without workers, and a restart with
# it; a small source beside a flooding one. There is an urgent batch behind a bulk queue, and there are more sources
# than places. The retry time in BUSY is compared with the time that the client really waits. Some clients never read
# their receipts, or stop in the middle of a body.
#   sh tests/system/back_pressure.sh [--cases N]     a backlog of N cases (200,000)
# A failure means that memory grows with the backlog (P7), that one source delays another, or that the retry time in
# BUSY is wrong (P8).
# suite: full, alone
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/weigh.sh"
total=200000
case ${1:-} in
'') ;;
--cases) total=${2:?} ;;
*)
    echo "usage: sh tests/system/back_pressure.sh [--cases N]" >&2
    exit 2
    ;;
esac
share=$((total / 4)) # of each of four sources
memory_mib=16
# Beside memory.bytes_max: programs and buffers, bodies on their way to disk (32 MiB), one batch's state each.
base_mib=$((40 + total / 200000))

flood() { timeout 120 /usr/bin/python3 tests/system/flood.py "$@"; }
now_ms() { date +%s%3N; }
took_ms() { began=$(now_ms); "$@"; code=$?; took=$(($(now_ms) - began)); return $code; }
number() { sed -n "s/.*\"$2\": *\([0-9.]*\).*/\1/p" "$work/$1" | head -n 1; }
row_count_above() { [ "$(rows)" -gt "$1" ]; }
backlog_broker() { # the sockets of the first start
    broker_start CASEMILL_MEMORY_BYTES_MAX=${memory_mib}MiB CASEMILL_JOURNAL_BYTES_MAX=$((256 + total / 1000))MiB "$@"
}

# --- queued batches are packed, and the memory that they leave is freed without any other event.
# A commit that does not return makes many batches wait, even on a fast machine.
cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
hold="$work/hold"
mkdir "$hold"
broker_start LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$hold" CASEMILL_MEMORY_BYTES_MAX=64MiB
: >"$hold/fdatasync"
start heap timeout 120 /usr/bin/python3 tests/system/flood.py heap "$intake" 6000 4000
heap_pid=$started_pid
wait_until 20 at_least journal_pending_bytes 23000000 || not_ok "a heap is made" "$(metric journal_pending_bytes) bytes"
rm "$hold/fdatasync"
until is_gone "$heap_pid"; do sample; sleep 0.02; done
reap "$heap_pid"
equal "many small batches are accepted" $? 0
has_shrunk() { sample; [ "$(anon_mib)" -le $((highest - 16)) ]; }
check "their memory is freed ($highest MiB)" wait_until 10 has_shrunk
kill_hard "$broker_pid"
highest=0
rm -rf "$work/journal"
intake=tcp://127.0.0.1:0
lanes=tcp://127.0.0.1:0
: >"$work/broker.out"

database_start
backlog_broker

# --- a backlog without workers
casemill generate --cases "$share" --seed 21 --bad 0 --duplicates 0 --out "$work/cases.jsonl" 2>/dev/null || abort "generate"
for source in north:bulk south:bulk east:normal west:normal; do
    start "submit" "$bin/casemill" submit --broker "$intake" --source "${source%:*}" --priority "${source#*:}" "$work/cases.jsonl"
    until is_gone "$started_pid"; do sample; sleep 0.05; done
    wait "$started_pid" || not_ok "the backlog is accepted" "$(tail -n 1 "$work/submit.err")"
done
sample
bytes=$(($(wc -c <"$work/cases.jsonl") * 4 / 1048576))
below "a backlog of $total cases (about $bytes MiB as JSON): anonymous memory in MiB" "$highest" $((memory_mib + base_mib))

# --- first work soon after a restart with the whole backlog; one lane, so that commits have an order
kill_hard "$broker_pid"
worker_start worker CASEMILL_LANES_COUNT=1 CASEMILL_TRANSACTION_CASES_MAX=300
worker=$worker_pid
restarted=$(now_ms)
backlog_broker
until row_count_above 0 || [ $(($(now_ms) - restarted)) -gt 20000 ]; do sleep 0.05; done
below "first work after a restart, ms" $(($(now_ms) - restarted)) 2000

# --- fair shares
# Two sources flood at one priority: the first one must not be finished before the other begins.
until row_count_above $((total / 10)); do sleep 0.05; done
# A source has no number before its first case, so both sources are looked up by name here.
shares=$(pg_sql "select min(n) || ' ' || max(n) from (
    select (select count(*) from cases c join sources s using (source) where s.name = w.name) as n
    from (values ('east'), ('west')) w (name)) t")
least=${shares% *}
check "flooding sources have equal shares ($shares of $share)" [ $((least * 2)) -ge "${shares#* }" ]
check "and there is more of them" [ "$least" -lt "$share" ]
flood pace "$intake" small 10 >"$work/pace.out" 2>"$work/pace.err"
# A turn of one flooding source is 4,096 cases, 14 transactions. After the whole backlog there would be hundreds.
between=$(pg_sql "select coalesce(max(n), 999) from (
    select (select count(*) from commits o where o.committed_at > c.received_at and o.committed_at < x.committed_at) as n
    from cases c join commits x using (commit) where c.case_id like 'P%') t")
below "a small source beside flooding ones, worst of 10: transactions of others before its own" "$between" 40
below "and from SUBMIT to DONE, ms" "$(number pace.out worst_ms)" 5000
casemill generate --cases 100 --seed 22 --bad 0 --duplicates 0 --out "$work/urgent.jsonl" 2>/dev/null || abort "generate"
sed -i 's/"G0/"U/' "$work/urgent.jsonl"
took_ms timeout 60 "$bin/casemill" submit --broker "$intake" --source north --priority urgent --ack outcome \
    "$work/urgent.jsonl" >"$work/urgent.out" 2>"$work/urgent.err"
longest=$(pg_sql "select coalesce(max(work_us), 0) / 1000 from commits")
# The lane sorts its deliveries by priority: one transaction is running, the next one is that of the urgent batch.
below "an urgent batch behind a bulk queue, ms (the longest transaction: $longest)" "$took" $((2 * longest + 1500))
left=$(pg_sql "select $total - count(*) from cases where case_id like 'G%'")
check "and the queues were long all the while ($left left)" [ "$left" -gt $((total / 8)) ]
equal "each source in its own order" "$(pg_sql "select count(*) from (
    select min(c.case_id) as first, lag(max(c.case_id)) over (partition by c.source order by x.committed_at) as before
    from cases c join commits x using (commit) where c.case_id like 'G%' group by c.source, c.commit, x.committed_at) t
    where t.first <= t.before")" 0

# --- the whole backlog is processed
worker_start more CASEMILL_LANES_COUNT=2
more=$worker_pid
deadline=$(($(date +%s) + 60 + total / 5000))
until [ "$(rows)" -ge $((total + 110)) ] || [ "$(date +%s)" -gt "$deadline" ]; do sample; sleep 0.2; done
equal "every case of the backlog has its row" "$(rows)" $((total + 110))
below "anonymous memory to the end, MiB" "$highest" $((memory_mib + base_mib))
stop "$more" # its lanes send BYE: nothing is dispatched to a worker that has ended
stop "$worker"

# --- more sources than places, without workers: the sources before have no batch any more
start names flood names "$intake" 1100
names=$started_pid
check "1,100 sources are answered" wait_until 30 grep -q ACCEPTED "$work/names.out"
equal "each place is used" "$(number names.out ACCEPTED)" 1024
equal "the others receive BUSY, and none is refused" "$(number names.out queue_full)" 76
worker_start worker
wait "$names" || not_ok "more sources than places" "$(tail -n 1 "$work/names.err")"
equal "and all are done once there is work" "$(tail -n 1 "$work/names.out")" '{"done": 1100, "not_allowed": 0}'
# What /metrics shows is up to a quarter of a second old.
check "they took the places of other sources" wait_until 5 at_least sources_replaced_total 76
equal "the number of places did not grow" "$(metric sources)" 1024
worker=$worker_pid

# --- from here on the queue has room for 64 batches and memory for 8 MiB; at first there is no worker
kill_hard "$worker"
stop "$broker_pid"
: >"$work/broker.out"
memory_mib=8
backlog_broker CASEMILL_QUEUE_BATCHES_MAX=64
start half /usr/bin/python3 tests/system/flood.py half "$intake"
flood full "$intake" 5 >"$work/away.out" 2>"$work/away.err" || not_ok "BUSY is received" "$(tail -n 1 "$work/away.err")"
equal "ACCEPTED has the time until the next batch is accepted: zero, and then that of BUSY" "$(head -n 1 "$work/away.out")" "0 5000"
equal "BUSY without workers has a round retry time" "$(tail -n 1 "$work/away.out")" "5000 5000 5000 5000 5000"

# --- a client that never reads, beside a client that reads
worker_start worker
queue_is_empty() { [ "$(metric batches)" = 0 ]; }
wait_until 20 queue_is_empty || abort "the queue is empty"
dropped=$(metric receipts_dropped_total)
start deaf /usr/bin/python3 tests/system/flood.py deaf "$intake" 60 1000
deaf=$started_pid
all_dead() { [ "$(metric cases_dead_total)" -ge 60000 ]; }
wait_until 60 all_dead || not_ok "a deaf client's cases are done" "$(metric cases_dead_total) dead"
below "receipts that wait for a deaf client, KiB" "$(($(metric memory_receipt_bytes) / 1024))" $((memory_mib * 1024 / 4))
check "the others were dropped" [ "$(metric receipts_dropped_total)" -gt "$dropped" ]
flood pace "$intake" small 20 >"$work/pace.out" 2>"$work/pace.err"
below "a client that reads gets its receipts, worst of 20, ms" "$(number pace.out worst_ms)" 5000
kill_hard "$deaf"
no_receipts() { [ "$(metric memory_receipt_bytes)" -lt 4096 ]; }
check "a deaf client's receipts are freed when it ends" wait_until 30 no_receipts

# --- the retry time in BUSY is the real wait, at two speeds: a statement takes so long
slow() { # slow MILLISECONDS
    pg_sql "create or replace function slow() returns trigger language plpgsql as
        'begin perform pg_sleep($1 / 1000.0); return null; end';
        drop trigger if exists slow on cases;
        create trigger slow after insert on cases for each statement execute function slow()" >"$work/slow.out" 2>&1 ||
        abort "a slow table" "$(cat "$work/slow.out")"
}
# The retry time follows the rate of the last seconds, so it is compared with the rate of the last seconds.
above() { # above TEXT VALUE LIMIT
    if [ "${2:--1}" -ge "$3" ]; then ok "$1 ($2 of $3)"; else not_ok "$1" "$2, at least $3"; fi
}
kill_hard "$worker_pid"
slow 6
worker_start worker CASEMILL_LANES_COUNT=1 CASEMILL_TRANSACTION_CASES_MAX=1
for pace in 6 150; do
    wait_until 30 queue_is_empty || abort "the queue is empty"
    slow "$pace"
    flood busy "$intake" 64 12 >"$work/busy$pace.out" 2>"$work/busy$pace.err" || abort "BUSY is obeyed" "$(tail -n 1 "$work/busy$pace.err")"
    asked=$(number "busy$pace.out" waiters)
    check "at $pace ms per batch, the waiting clients found a full queue ($asked of 12)" [ "$asked" -ge 6 ]
    retry_ms=$(number "busy$pace.out" told_mean_ms)
    room=$(number "busy$pace.out" room_mean_ms)
    below "the retry time is not far longer than the real wait, mean ms (room after $room)" "$retry_ms" $((room * 2 + 100))
    above "nor far shorter than it" "$retry_ms" $((room / 2))
done
# At the other pace all batches are done within one pause of the machine.
first=$(number busy150.out first_try)
check "a client that sends again at the retry time finds room ($first of $asked)" [ "$first" -ge $((asked / 2)) ]
check "slower work gives a longer retry time" [ "$(number busy150.out told_mean_ms)" -ge $((2 * $(number busy6.out told_mean_ms))) ]

# --- a body that stops in the middle
check "a client that stops in the middle of a body is cut off" wait_until 40 grep -q cut "$work/half.out"
below "anonymous memory at the end, MiB" "$(anon_mib)" $((memory_mib + base_mib))
finish
