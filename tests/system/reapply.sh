#!/bin/sh
# Stored cases under a second rule set. Workers and broker are killed meanwhile, and each case has one further
# outcome, the one that `casemill evaluate` gives. The intake outcomes do not change. A case that cannot be reapplied
# is named with its reason.
# A failure means that a changed rule is applied to some cases twice, to some never, or to facts that no source sent
# (P3, P5).
# suite: full
. "$(dirname "$0")/lib.sh"
count=40000
changed=US-GT-ACA-2019.transit_gate=false

published() { pg_sql "select id from rulesets order by ruleset desc limit 1"; }
publish() { casemill rules publish config --db "$pg_conninfo" "$@" >"$work/publish.out" 2>&1 || abort "publish $*"; }
reapply() { # reapply NAME RULESET OPTIONS... < triples
    reapply_name=$1
    shift
    timeout 120 /usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$@" \
        >"$work/$reapply_name.out" 2>"$work/$reapply_name.err"
}
intake_state() { pg_sql "select md5(string_agg(c::text, '|' order by source, case_id, revision)) from cases c"; }
reapplied() { pg_sql "select count(*) from reapplied join rulesets using (ruleset) where id = '$1'"; }
await_reapplied() { # await_reapplied COUNT: at least so many under the second rule set
    tries=0
    until [ "$(reapplied "$second")" -ge "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || return 1
        sleep 0.02
    done
}
field() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$work/$1.out" | awk '{n += $1} END {print n + 0}'; }

database_start
first=$ruleset
publish --set "$changed"
second=$(published)
publish --set US-HN-ACA-2019.transit_gate=false
third=$(published)
broker_start CASEMILL_LANES_BEAT_MS=300 CASEMILL_LANES_SILENT_MS=1500
worker_start worker
casemill generate --cases "$count" --seed 11 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
# Dates that were not sent are not in the digest: each way must be found again.
head -n 4 "$work/cases.jsonl" | sed -e 's/"case_id": *"/&D/' \
    -e '1,2s/"reference_date": *"[0-9-]*",* *//' -e '2,3s/"as_of": *"[0-9-]*",* *//' >"$work/undated.jsonl"
cat "$work/undated.jsonl" >>"$work/cases.jsonl"
count=$((count + 4))
submit --ack outcome "$work/cases.jsonl" >"$work/submit.out" 2>&1 || abort "submit" "$(tail -n 1 "$work/submit.out")"
equal "intake stored them" "$(rows)" "$count"
before=$(intake_state)
pg_sql "select s.name, case_id, revision from cases join sources s using (source)" | tr '|' ' ' >"$work/triples"

# --- killed in the middle, both
reapply kills "$second" --size 4000 <"$work/triples" &
asking=$!
await_reapplied 1 || abort "the first are reapplied"
stop_hard() { kill -9 "$1" && wait "$1" 2>/dev/null; }
at_kill=$(reapplied "$second")
stop_hard "$worker_pid"
worker_start worker2
await_reapplied $((at_kill + 1)) || abort "another worker continues"
at_second_kill=$(reapplied "$second")
stop_hard "$broker_pid"
broker_start CASEMILL_LANES_BEAT_MS=300 CASEMILL_LANES_SILENT_MS=1500
wait "$asking"
equal "every batch was accepted, across the kills" "$(grep -c '"batch"' "$work/kills.out")" "$((count / 4000 + 1))"
check "the kills came in the middle ($at_kill, $at_second_kill of $count)" [ "$at_second_kill" -lt "$count" ]
check "all are reapplied" await_reapplied "$count"
sleep 1
equal "each case once" "$(reapplied "$second")" "$count"
equal "and each of them" "$(pg_sql "
    select count(*) from cases join reapplied r using (source, case_id, revision)
    where r.reference_date = cases.reference_date and r.as_of = cases.as_of")" "$count"
equal "the intake outcomes did not change" "$(intake_state)" "$before"
equal "no dead letter" "$(rows dead_letters)" 0

# --- the outcomes are the rule set's
head -n "$((count - 4))" "$work/cases.jsonl" >"$work/dated.jsonl"
casemill evaluate --rules config --set "$changed" "$work/dated.jsonl" >"$work/evaluated" 2>"$work/evaluate.err" ||
    abort "evaluate" "$(tail -n 1 "$work/evaluate.err")"
sed -n 's/.*"case_id": *"\([^"]*\)".*"revision": *\([0-9]*\).*"ruleset": *"\([0-9a-f]*\)".*"as_of": *"[^"]*", *"disposition": *"\([a-z_]*\)".*/\1|\2|\3|\4/p' \
    "$work/evaluated" | sort >"$work/wanted"
pg_sql "select case_id, revision, ruleset, disposition from report.outcomes
        where reapplied and case_id not like 'D%'" | sort >"$work/got"
equal "evaluate gives as many" "$(wc -l <"$work/wanted")" "$((count - 4))"
check "every outcome is the second rule set's" cmp -s "$work/wanted" "$work/got"
check "the rule sets differ in some" [ "$(pg_sql "
    select count(*) from cases c join reapplied r using (source, case_id, revision) where c.disposition <> r.disposition")" -gt 0 ]
equal "the report has both" "$(pg_sql "select count(*) || ' ' || count(*) filter (where reapplied) from report.outcomes")" \
    "$((2 * count)) $count"
equal "the later one is current" "$(pg_sql "select count(*) from report.current_outcomes where ruleset = '$second'")" "$count"
equal "daily counts are of intake" "$(pg_sql "select sum(outcomes) from report.daily_counts")" "$count"

# --- again, and under the rule set that decided first
check "the same again" reapply again "$second" --ack outcome <"$work/triples"
equal "are duplicates" "$(field again duplicates) $(field again count)" "$count $count"
head -n 100 "$work/triples" >"$work/few"
check "under the rule set of intake" reapply own "$first" --ack outcome <"$work/few"
equal "are duplicates, too" "$(field own duplicates) $(reapplied "$first")" "100 0"
equal "still each case once" "$(rows reapplied)" "$count"

# --- other dates
check "under a third, with dates" reapply dates "$third" --ack outcome --as-of 2019-09-01 --reference-date 2019-09-02 <"$work/few"
equal "the dates are those asked for" "$(pg_sql "
    select count(*) from reapplied join rulesets using (ruleset)
    where id = '$third' and as_of = '2019-09-01' and reference_date = '2019-09-02'")" 100

# --- what cannot be
{ echo "local NOBODY 0"; echo "nowhere NOBODY 0"; head -n 1 "$work/few"; } >"$work/missing"
check "cases that are not there" reapply missing "$second" --ack outcome <"$work/missing"
equal "are dead letters, the case beside them is not" "$(field missing dead_count) $(field missing duplicates)" "2 1"
contains "with the reason" "$work/missing.out" '"reason":"no_such_case"'
unknown=$(printf '%064d' 0)
check "an unknown rule set" reapply unknown "$unknown" --ack outcome <"$work/few"
contains "is the reason" "$work/unknown.out" '"reason":"no_such_ruleset"'
reapply bad_id "notahash" --ack outcome <"$work/few"
contains "a malformed rule set id is refused" "$work/bad_id.out" "REFUSED bad_header"
tampered=$(head -n 1 "$work/few" | cut -d ' ' -f 2)
pg_sql "update cases set claim_country = case when claim_country = 'US' then 'CA' else 'US' end where case_id = '$tampered'"
pg_sql "delete from reapplied where ruleset = (select ruleset from rulesets where id = '$third')"
check "a row that was changed" reapply tampered "$third" --ack outcome <"$work/few"
equal "is not decided" "$(field tampered dead_count) $(reapplied "$third")" "1 99"
contains "because its digest differs" "$work/tampered.out" '"reason":"digest_differs"'
equal "and is in the report" "$(pg_sql "select count(*) from report.dead_letters where case_id = '$tampered' and reason = 'digest_differs'")" 1
pg_sql "delete from reapplied where ruleset = (select ruleset from rulesets where id = '$third');
        alter table reapplied add constraint refused check (false) not valid"
check "an outcome that the database refuses" reapply refused "$third" --ack outcome <"$work/few"
equal "is a dead letter" "$(field refused dead_count)" 100
equal "and stays in the report, but for the changed one" "$(pg_sql "select count(*) from report.dead_letters where reason = 'not_storable'")" 99
casemill dead retry --reason not_storable --why "are no cases" --db "$pg_conninfo" --control "ipc://$work/control" >"$work/retry.out" 2>&1
contains "which a retry leaves alone: its bytes are no case" "$work/retry.out" "^0 dead letters"
pg_sql "alter table reapplied drop constraint refused"

# --- lanes without the right
pg_sql "revoke select on cases from casemill_worker;
        grant select (source, case_id, revision, digest, disposition) on cases to casemill_worker"
pg_sql "delete from reapplied where ruleset = (select ruleset from rulesets where id = '$third')"
check "without the right it is taken" reapply denied "$third" --ack outcome <"$work/few"
equal "and each is a dead letter" "$(field denied dead_count) $(grep -c '"reason":"not_allowed"' "$work/denied.out")" "100 1"
sed 's/"case_id": *"/&E/' "$work/undated.jsonl" >"$work/more.jsonl"
check "and intake continues" timeout 30 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/more.jsonl" >"$work/more.out" 2>&1
equal "nothing was reapplied" "$(reapplied "$third")" 0
check "no lane lost its connection over it" sh -c "! grep -q POSTGRES_REFUSED '$work'/worker*.err"
check "the worker drains" stop "$worker_pid"
finish
