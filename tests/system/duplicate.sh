#!/bin/sh
# Cases that are sent again are duplicates. Cases with the same ids and other content are conflicts.
# A failure means that sending again is not safe: an outcome changed, was stored twice, or was lost silently (P3, P4).
# suite: full
. "$(dirname "$0")/lib.sh"
count=500

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 3 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
send() { # send NAME FILE OPTIONS...
    send_name=$1
    shift
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$@" \
        >"$work/$send_name.out" 2>"$work/$send_name.err"
}
before() { pg_sql "select md5(string_agg(c::text, '|' order by source, case_id, revision)) from cases c"; }

check "first submit" send first "$work/cases.jsonl"
equal "one row per case" "$(rows)" "$count"
stored=$(before)

check "the same file again" send again "$work/cases.jsonl"
contains "the receipt counts the duplicates" "$work/again.out" "$count duplicate|duplicates?[:= ]+$count"
check "in batches of another size" send other "$work/cases.jsonl" --batch 77
contains "the receipt counts the duplicates again" "$work/other.out" "$count duplicate|duplicates?[:= ]+$count"
# Doubled within one batch: the first wins, the second is its duplicate.
casemill generate --cases 50 --seed 4 --bad 0 --duplicates 0 --out "$work/twin.jsonl" || abort "generate"
sed 's/"G0/"T0/' "$work/twin.jsonl" >"$work/twins.jsonl"
cat "$work/twins.jsonl" >>"$work/twins.jsonl.two"
cat "$work/twins.jsonl" >>"$work/twins.jsonl.two"
mv "$work/twins.jsonl.two" "$work/twins.jsonl"
check "a case twice in one batch" send twins "$work/twins.jsonl"
contains "is once a duplicate" "$work/twins.out" "50 duplicate|duplicates?[:= ]+50"
equal "and is stored once" "$(pg_sql "select count(*) from cases where case_id like 'T%'")" 50
pg_sql "delete from cases where case_id like 'T%'"
equal "the stored rows did not change" "$(before)" "$stored"
equal "no dead letter so far" "$(rows dead_letters)" 0

# Other content under the same name: another claim date in ten cases.
head -n 10 "$work/cases.jsonl" | sed 's/"reference_date": *"[0-9-]*"/"reference_date":"2021-04-01"/' >"$work/changed.jsonl"
check "the changed lines differ" [ "$(sort "$work/changed.jsonl" | comm -12 - "$work/cases.jsonl" 2>/dev/null | wc -l)" -eq 0 ]
send changed "$work/changed.jsonl"
equal "ten conflicts" "$(pg_sql "select count(*) from dead_letters where reason = 'conflict'")" 10
equal "each names both digests" "$(pg_sql "
    select count(*) from dead_letters d join cases c using (case_id, revision)
    where d.reason = 'conflict' and replace(d.expected, '-', '') like '%' || replace(c.digest::text, '-', '') || '%'
      and d.found <> d.expected and length(d.found) >= 32")" 10
contains "submit lists them" "$work/changed.err" "changed.jsonl:1: .*conflict"
equal "the stored rows still did not change" "$(before)" "$stored"
send changed_again "$work/changed.jsonl"
equal "a conflict that is sent again is counted, not stored twice" \
    "$(pg_sql "select count(*) || ' ' || min(seen) from dead_letters where reason = 'conflict'")" "10 2"
stop "$broker_pid"
finish
