#!/bin/sh
# End-to-end: generated cases pass through submit, the broker's journal, a worker and PostgreSQL to DONE.
# Then every row is compared with the result of `casemill evaluate`, which uses neither broker nor database.
# A failure means that a case was lost, stored twice, or decided differently.
# suite: quick, full
. "$(dirname "$0")/lib.sh"
count=${END_TO_END_CASES:-1000}

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 7 --bad 0 --duplicates 0 --out "$work/cases.jsonl" ||
    abort "cases are generated"
equal "generate writes one line per case" "$(wc -l <"$work/cases.jsonl")" "$count"

check "submit ends with every batch DONE" \
    timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/cases.jsonl" \
    >"$work/submit.out" 2>"$work/submit.err"
[ -s "$work/submit.err" ] && sed 's/^/    submit: /' "$work/submit.err" | tail -n 5
equal "every case has its row when submit returns" "$(rows)" "$count"
equal "no case became a dead letter" "$(rows dead_letters)" 0

# One line per outcome: case, dates, result, missing facts, and each agreement's finding / projection.
pg_sql "
select o.case_id || '|' || o.revision || '|' || o.reference_date || '|' || o.as_of
    || '|' || o.disposition || '|' || o.agreement || '|' || o.reason
    || '|' || array_to_string(o.missing, ',')
    || '|' || (select string_agg(replace(f.finding || coalesce('/' || f.projected, ''), ': ', ':'), ',' order by f.place)
               from unnest(o.findings, o.projected) with ordinality as f(finding, projected, place))
from report.outcomes o
order by o.case_id collate \"C\", o.revision" >"$work/stored" || abort "the outcomes can be read"

casemill evaluate --rules config "$work/cases.jsonl" >"$work/evaluated.jsonl" 2>"$work/evaluate.err" ||
    abort "evaluate" "$(tail -n 1 "$work/evaluate.err")"
/usr/bin/python3 - "$work/evaluated.jsonl" >"$work/evaluated" <<'PY'
import json, sys
lines = []
for text in open(sys.argv[1]):
    o = json.loads(text)
    lines.append("|".join([
        o["case_id"], str(o["revision"]), o["reference_date"], o["as_of"], o["disposition"], o["agreement"],
        o["reason"], ",".join(o["missing"]),
        ",".join(f["disposition"] + ":" + f["reason"] + (
            "/" + f["projected"]["disposition"] + ":" + f["projected"]["reason"] if f.get("projected") else "")
            for f in o["findings"])]))
print("\n".join(sorted(lines)))
PY
equal "evaluate prints a result for every case" "$(wc -l <"$work/evaluated")" "$count"
equal "evaluate and the worker use the same rule set" \
    "$(head -n 1 "$work/evaluated.jsonl" | sed 's/.*"ruleset": *"\([0-9a-f]*\)".*/\1/')" "$ruleset"
differing=$(diff "$work/stored" "$work/evaluated" | grep -c '^[<>]')
equal "every outcome equals the result of evaluate" "$differing" 0
[ "$differing" -eq 0 ] || diff "$work/stored" "$work/evaluated" | head -n 4 | sed 's/^/    /'
check "more than two dispositions occur" \
    [ "$(cut -d'|' -f5 "$work/stored" | sort -u | wc -l)" -gt 2 ]

equal "the daily counts contain every outcome" \
    "$(pg_sql "select coalesce(sum(outcomes), 0) from report.daily_counts")" "$count"
check "report prints" "$bin/casemill" report --db "$pg_conninfo" >"$work/report.out" 2>"$work/report.err"
contains "the report has the total" "$work/report.out" "(^|[^0-9])$count([^0-9]|\$)"

stop "$worker_pid"
equal "the worker drains and exits with code 0" $? 0
stop "$broker_pid"
equal "the broker drains and exits with code 0" $? 0
finish
