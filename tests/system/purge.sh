#!/bin/sh
# Old cases become tombstones, while the same cases are sent repeatedly. A later case with the same key is a duplicate
# or a conflict and never a second outcome. The content of the old cases is removed everywhere, and the database
# records the operator.
# A failure means that after a removal the system decides old cases again (P3), or that the content is still stored.
# suite: full
. "$(dirname "$0")/lib.sh"
count=12000
old=8000 # cases of these; more than a piece of a purge

purge() { casemill db purge --db "$pg_conninfo" --yes "$@" >"$work/purge.out" 2>"$work/purge.err"; }
send() { # send NAME FILE
    timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome "$2" >"$work/$1.out" 2>"$work/$1.err"
}
field() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$work/$1.out"; }
dispositions() { sed -n 's/^.* done: \(.*dead letters\).*/\1/p' "$work/$1.out"; }

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 31 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
send first "$work/cases.jsonl" || abort "submit" "$(tail -n 1 "$work/first.err")"
equal "all cases are stored" "$(rows)" "$count"
check "with dispositions: $(dispositions first)" [ -n "$(dispositions first)" ]
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
pg_sql "select 'local', case_id, revision from cases order by case_id limit 100" | tr '|' ' ' >"$work/triples"
/usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome <"$work/triples" >"$work/reapply.out" 2>&1
# A conflict and a case that could not be decoded: their bytes are content, too.
sed -n '1s/"reference_date": *"[0-9-]*"/"reference_date":"2021-04-01"/p' "$work/cases.jsonl" >"$work/changed.jsonl"
echo '{"case_id": "BAD", "revision": 0, "facts": {"no_such": 1}}' >>"$work/changed.jsonl"
send changed "$work/changed.jsonl"
equal "two dead letters" "$(rows dead_letters)" 2
pg_sql "update cases set received_at = received_at - interval '400 days'
        where case_id in (select case_id from cases order by case_id limit $old);
        update dead_letters set last_seen_at = last_seen_at - interval '400 days'"
before=$(date -u -d '-200 days' +%Y-%m-%d)

purge --source nobody --before "$before" --why "test"
equal "a source without cases is refused" $? 1
purge --source local --before 1.5.2024 --why "test"
equal "a day is written as a day" $? 2
purge --source local --before "$before"
equal "a reason is required" $? 2
equal "nothing is removed so far" "$(rows) $(rows purged)" "$count 0"

# --- the same cases are sent again while they are removed
again() { while [ -e "$work/sending" ]; do send again "$work/cases.jsonl" || echo "$?" >>"$work/again.failed"; done; }
touch "$work/sending"
again &
sending=$!
purge --source local --before "$before" --why "kept for a year"
equal "the purge is done" $? 0
contains "and prints what it removed" "$work/purge.out" "$old cases are tombstones; 100 further outcomes and 2 dead letters"
rm "$work/sending"
wait "$sending"
check "no submit failed meanwhile" [ ! -e "$work/again.failed" ]
equal "young cases stay" "$(rows)" $((count - old))
equal "the others are tombstones" "$(rows purged)" "$old"
equal "and none is both" "$(pg_sql "select count(*) from cases join purged using (source, case_id, revision)")" 0
equal "their further outcomes are gone" "$(rows reapplied)" 0
equal "and the bytes of dead letters" "$(rows dead_letters)" 0
equal "the database records the operator, the cases and the reason" \
    "$(pg_sql "select purged_by || ' ' || cases || ' ' || reapplied || ' ' || dead_letters || ' ' || why from purges")" \
    "casemill $old 100 2 kept for a year"

# --- a piece that takes long: a case that arrives meanwhile waits for it, and looks again
pg_sql "update cases set received_at = received_at - interval '400 days'
        where case_id in (select case_id from cases order by case_id limit 10)"
(pg_sql "begin; select purge_some(max(purge), '', 0, 10) from purges; select pg_sleep(2); commit" >"$work/slow.out" 2>&1) &
slow=$!
sleep 0.5
check "sent in the middle of it" send meanwhile "$work/cases.jsonl"
wait "$slow"
old=$((old + 10))
equal "none is both" "$(pg_sql "select count(*) from cases join purged using (source, case_id, revision)")" 0
equal "each is one of them" "$(rows) $(rows purged)" "$((count - old)) $old"

# --- a reapplied case waits, too: nothing is written beside a case that is being removed
pg_sql "update cases set received_at = received_at - interval '400 days'
        where case_id in (select case_id from cases order by case_id limit 10)"
pg_sql "select 'local', case_id, revision from cases order by case_id limit 10" | tr '|' ' ' >"$work/going"
(pg_sql "begin; select purge_some(max(purge), '', 0, 10) from purges; select pg_sleep(2); commit" >"$work/slow.out" 2>&1) &
slow=$!
is_purging() { [ "$(pg_sql "select count(*) from pg_stat_activity where query like '%pg_sleep%' and wait_event = 'PgSleep'")" = 1 ]; }
wait_until 10 is_purging || abort "a piece is purged"
timeout 60 /usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome <"$work/going" >"$work/going.out" 2>&1
wait "$slow"
old=$((old + 10))
equal "a case that is being removed is not reapplied" "$(field going dead_count) $(rows reapplied)" "10 0"

# --- after the purge: the worker from before, and a new one
after() { # after NAME
    send "$1" "$work/cases.jsonl"
    contains "$1: all are duplicates" "$work/$1.out" "$count duplicates"
    equal "$1: of the same dispositions" "$(dispositions "$1")" "$(dispositions first)"
    equal "$1: no second outcome" "$(rows) $(rows purged)" "$((count - old)) $old"
    send "$1-changed" "$work/changed.jsonl"
    equal "$1: other content is a conflict with the tombstone" "$(pg_sql "
        select count(*) from dead_letters d join purged p using (source, case_id, revision)
        where d.reason = 'conflict' and d.expected = p.digest::text and d.found <> d.expected")" 1
}
after old_worker
stop "$worker_pid"
worker_start worker2
after new_worker
for many in 1 20; do
    head -n "$many" "$work/cases.jsonl" | sed "s/\"case_id\": *\"/&N$many/" >"$work/new$many.jsonl"
    check "new cases are taken ($many)" send "new$many" "$work/new$many.jsonl"
done
equal "each once" "$(pg_sql "select count(*) from cases where case_id like 'N%'")" 21
/usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome <"$work/triples" >"$work/reapply2.out" 2>&1
equal "removed cases cannot be reapplied" "$(field reapply2 dead_count) $(rows reapplied)" "100 0"
check "the worker drains" stop "$worker_pid"
finish
