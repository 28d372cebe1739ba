#!/bin/sh
# The promises to reporters and analysts.  The views of schema report have the columns of report_contract.txt, each with a
# comment.  The eleven questions of sql/README.md have these answers.  Facts are for analysts alone.
# A failure means that an existing report fails, shows another number, or shows facts to the wrong role.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
send() { # send NAME: the cases of that file
    settled timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/$1.jsonl" >"$work/$1.out" 2>"$work/$1.err"
}
case_of() { # case_of ID REVISION [FACT:VALUE...]: the example of US-GT-ACA-2019 with other facts or another day
    /usr/bin/python3 - "$@" <<'PY'
import json, sys
facts = dict(claim_country="US", nationalities=["SV"], stateless=False, birth_date="1990-05-10", married=False,
    us_lawful_status=False, arrived_from="MX", entry_mode="between_poe", entry_date="2020-01-10", claim_date="2020-01-10",
    transit_countries=["GT", "MX"], visa_us="none", visa_required_us=True, visa_ca="none", visa_required_ca=True,
    family_anchors=[], death_penalty_charge=False, reentry_after_us_refusal=False, public_interest="none",
    fear_of_receiving_state={}, officer_screening={})
case = dict(case_id=sys.argv[1], revision=int(sys.argv[2]), reference_date="2020-01-10", as_of="2026-01-01")
for change in sys.argv[3:]:
    name, _, value = change.partition(":")
    (case if name in case else facts)[name] = json.loads(value)
print(json.dumps(case | dict(facts=facts)))
PY
}
{
    case_of T-1 0
    case_of T-2 0 'transit_countries:["MX"]'
    case_of T-3 0 'transit_countries:null'
    case_of T-4 0 'nationalities:null' 'transit_countries:null'
    case_of T-5 0 'reference_date:"2021-03-10"'
    case_of T-6 0 'married:"perhaps"'
    case_of T-7 0 'married:"perhaps"'
    case_of T-8 0 'entry_mode:7'
} >"$work/first.jsonl"
case_of T-3 1 >"$work/later.jsonl"
case_of T-7 0 >"$work/mended.jsonl"
send first || abort "submit" "$(tail -n 1 "$work/first.err")"
send later || abort "submit later"
send mended || abort "submit mended"
letter=$(pg_sql "select dead from dead_letters where case_id = 'T-8'")
casemill dead drop "$letter" --why "a test" --db "$pg_conninfo" >"$work/drop.out" 2>"$work/drop.err" || abort "drop" "$(cat "$work/drop.err")"
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1 || abort "publish"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
pg_sql "select 'local', case_id, revision from cases where case_id in ('T-1', 'T-2')" | tr '|' ' ' >"$work/triples"
/usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome <"$work/triples" >"$work/reapply.out" 2>&1
equal "two cases have an outcome under another rule set" "$(rows reapplied)" 2
casemill rules activate "$second" --why "the gate is open" --db "$pg_conninfo" >"$work/activate.out" 2>&1 || abort "activate"
is_folded() { [ "$(rows tallies)" = 0 ]; }
check "tallies are folded" wait_until 20 is_folded

# --- the contract; report.cases ends with the facts of the case schema
pg_sql "select table_name || '.' || column_name || ' ' || case data_type when 'ARRAY' then substr(udt_name, 2) || '[]' else data_type end
    from information_schema.columns where table_schema = 'report' and (table_name <> 'cases' or ordinal_position <= 16) order by table_name, ordinal_position" >"$work/contract"
diff tests/system/report_contract.txt "$work/contract" >"$work/contract.diff"
equal "the views have the columns of report_contract.txt" "$(cat "$work/contract.diff")" ""
equal "every table, view and column has a comment" "$(pg_sql "select string_agg(format('%s.%s', c.relname, a.attname), ' ')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and (n.nspname = 'report' or c.relkind = 'r')
    where n.nspname in ('public', 'report') and c.relkind in ('r', 'v')
      and (obj_description(c.oid, 'pg_class') is null or a.attname is not null and col_description(c.oid, a.attnum) is null)")" ""

# --- the roles, made as sql/README.md describes
pg_sql "create role ana login in role casemill_reporter; create role anders login in role casemill_analyst" || abort "roles"
as() { # as ROLE COMMAND...
    as_role=$1
    shift
    (pg_conninfo="host=$pg_dir user=$as_role dbname=casemill" && "$@")
}
readable() { as "$1" pg_sql "select string_agg(table_name, ' ' order by table_name) from information_schema.views
    where table_schema in ('report', 'public') and has_table_privilege(format('%I.%I', table_schema, table_name), 'SELECT')"; }
all=$(pg_sql "select string_agg(table_name, ' ' order by table_name) from information_schema.views where table_schema = 'report'")
for view in $all; do
    [ "$view" = cases ] || as ana pg_sql "select count(*) from report.$view" >"$work/read.out" 2>>"$work/read.err"
    as anders pg_sql "select count(*) from report.$view" >"$work/read.out" 2>>"$work/read.err"
done
equal "a reporter reads every view but report.cases, an analyst all" "$(cat "$work/read.err")" ""
check "a reporter does not read facts" sh -c "! '$pg_bin/psql' -XAtq 'host=$pg_dir user=ana dbname=casemill' -c 'select * from report.cases' 2>/dev/null"
equal "an analyst reads facts with their outcome" "$(as anders pg_sql "select case_id, revision, disposition, missing, nationalities, married, reference_date
    from report.cases where source_number = 1 and case_id >= 'T-3' order by case_id, revision limit 2")" \
    "T-3|0|insufficient_information|{transit_countries}|{SV}|f|2020-01-10
T-3|1|screening_required|{}|{SV}|f|2020-01-10"
for verb in "explain T-1" "replay --set US-GT-ACA-2019.transit_gate=false"; do
    # shellcheck disable=SC2086
    casemill $verb --db "host=$pg_dir user=anders dbname=casemill" >"$work/verb.out" 2>"$work/verb.err"
    equal "an analyst may casemill ${verb%% *}" $? 0
    # shellcheck disable=SC2086
    casemill $verb --db "host=$pg_dir user=ana dbname=casemill" >"$work/verb.out" 2>"$work/verb.err"
    equal "a reporter may not casemill ${verb%% *}" $? 1
    contains "and is shown the role that may" "$work/verb.err" "role ana may not read facts.*member of role casemill_analyst"
    equal "in one line" "$(cat "$work/verb.out" "$work/verb.err" | wc -l)" 1
done
casemill report --db "host=$pg_dir user=ana dbname=casemill" >"$work/report.out" 2>&1
equal "a reporter may casemill report" $? 0

# --- eleven questions
# Real latencies depend on the machine, so known ones replace them.
# In the first hour 88 are of 1 ms, 9 of 10 ms, 3 of 1 s; in the second 5 of 1 ms.
pg_sql "delete from rollup_latencies; insert into rollup_latencies values
    ('2026-01-05 10:00Z', 1, 79, 88), ('2026-01-05 10:00Z', 1, 105, 9), ('2026-01-05 10:00Z', 1, 159, 3), ('2026-01-05 11:00Z', 1, 79, 5)"
/usr/bin/python3 - "$work" <<'PY'
import re, sys
text = open("sql/README.md").read().split("## Eleven questions of a reporter")[1].split("\n## ")[0]
for number, sql in re.findall(r"^(\d+)\. .*\n\n((?:        .*\n)+)", text, re.M):
    open(f"{sys.argv[1]}/question{number}.sql", "w").write(sql)
PY
answer() { # answer NUMBER <<ANSWER: a reporter's psql prints this for the question of that number
    cat >"$work/wanted"
    "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 "host=$pg_dir user=ana dbname=casemill" -f "$work/question$1.sql" >"$work/answer" 2>&1
    equal "question $1 of sql/README.md" "$(cat "$work/answer")" "$(cat "$work/wanted")"
}
today=$(pg_sql "select (min(received_at) at time zone 'UTC')::date from cases")
equal "there are eleven questions" "$(find "$work" -name 'question*.sql' | wc -l)" 11
answer 1 <<A
$today|local|7
A
answer 2 <<A
2020-01-01|US-CA-STCA|not_subject|1
2020-01-01|US-GT-ACA-2019|insufficient_information|2
2020-01-01|US-GT-ACA-2019|screening_required|3
2021-03-01|US-CA-STCA|not_subject|1
A
answer 3 <<A
T-1|US-GT-ACA-2019|appears_subject_officer_screening_outstanding
T-2|US-GT-ACA-2019|appears_subject_officer_screening_outstanding
T-3|US-GT-ACA-2019|appears_subject_officer_screening_outstanding
T-7|US-GT-ACA-2019|appears_subject_officer_screening_outstanding
A
answer 4 <<A
nationalities|Which nationalities does the person hold? Leave out if not known; an empty list says none.|1|1
transit_countries|Through which countries did the person travel? Leave out if not known; an empty list says none.|2|1
A
answer 5 <<A
US-CA-STCA|not_subject: not_arriving_from_canada|
US-GT-ACA-2019|screening_required: appears_subject_officer_screening_outstanding|
US-HN-ACA-2019|not_subject: agreement_not_in_force|not_subject: no_transit_through_receiving_state
US-SV-ACA-2019|not_subject: agreement_not_in_force|not_subject: national_of_receiving_state
A
answer 6 <<A
revision|insufficient_information|screening_required|1
rule_set|not_subject|screening_required|1
A
answer 7 <<A
$(echo "$second" | cut -c1-12)|the gate is open|{US-GT-ACA-2019.transit_gate=false}
A
answer 8 <<A
2026-01-05 10:00:00+00|local|100|00:00:00.001024|00:00:00.01024|00:00:01.048576
2026-01-05 11:00:00+00|local|5|00:00:00.001024|00:00:00.001024|00:00:00.001024
A
answer 9 <<A
wrong_type|3|1|0|1|1|0
A
answer 11 <<A
nationalities|Which nationalities does the person hold? Leave out if not known; an empty list says none.
transit_countries|Through which countries did the person travel? Leave out if not known; an empty list says none.
A
answer 10 <<A
US-GT-ACA-2019|agreement_suspended|screening_required|1
US-HN-ACA-2019|agreement_not_in_force|insufficient_information|2
US-HN-ACA-2019|agreement_not_in_force|not_subject|4
US-HN-ACA-2019|agreement_suspended|not_subject|1
US-SV-ACA-2019|agreement_not_in_force|insufficient_information|1
US-SV-ACA-2019|agreement_not_in_force|not_subject|5
US-SV-ACA-2019|agreement_suspended|not_subject|1
A

# --- export
"$pg_bin/psql" -XAtq -d "host=$pg_dir user=ana dbname=casemill" -c "copy (select * from report.months) to stdout with (format csv, header)" >"$work/months.csv"
equal "COPY writes CSV with a head" "$(head -n 1 "$work/months.csv")" "month,agreement,disposition,outcomes"

# --- a purge leaves the counts by day and hour
counts() { pg_sql "select (select md5(string_agg(v::text, ',' order by v::text)) from report.received_days v), (select md5(string_agg(v::text, ',' order by v::text))
    from report.latency_percentiles v), (select sum(letters) from report.dead_letter_days)"; }
counts >"$work/before"
pg_sql "update cases set received_at = received_at - interval '2 days'; update dead_letters set last_seen_at = last_seen_at - interval '2 days'"
casemill db purge --db "$pg_conninfo" --source local --before "$(date -u +%Y-%m-%d)" --why test --yes >"$work/purge.out" 2>"$work/purge.err"
equal "no case and no dead letter is left" "$(rows) $(rows dead_letters)" "0 0"
pg_sql "select rebuild_rollups()"
counts >"$work/after"
check "days of acceptance, percentiles and dead letters by day stay" cmp "$work/before" "$work/after"
equal "with their end" "$(pg_sql "select sum(open), sum(resolved), sum(overtaken), sum(dropped), sum(purged) from report.dead_letter_days")" "0|0|0|1|2"
check "the worker drains" stop "$worker_pid"
finish
