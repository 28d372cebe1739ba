#!/bin/sh
# Another kind of case, from files alone: consignments under an invented trade agreement, end-to-end. The programs
# know about them only what the schema declares.
# A failure means that something in C or SQL works for one kind of case only.
# suite: full
. "$(dirname "$0")/lib.sh"
rules=tests/data/origin
count=3000

casemill rules test "$rules" >"$work/test.out" 2>&1
equal "the documents pass their own tests" $? 0
contains "all of them" "$work/test.out" "^[0-9]+ passed, 0 failed"

database_start "$rules"
broker_start
worker_start worker
equal "each fact has its column" "$(pg_sql "
    select string_agg(format_type(atttypid, atttypmod), ' ' order by attnum) from pg_attribute
    where attrelid = 'cases'::regclass and attname in ('heading', 'origin_percent', 'materials', 'entry_date', 'direct_transport')")" \
    "text double precision jsonb boolean date"
equal "and no fact of another kind has one" \
    "$(pg_sql "select count(*) from pg_attribute where attrelid = 'cases'::regclass and attname = 'claim_country'")" 0

# Every fact takes several values or is left out, by number, so that the run can be repeated.
/usr/bin/python3 - "$count" >"$work/cases.jsonl" <<'PY'
import json
import sys

for n in range(int(sys.argv[1])):
    facts = {
        "import_country": ["CL", "NO", "SE"][n % 3 if n % 7 == 0 else n % 2],
        "export_country": ["NO", "CL"][n % 2],
        "heading": ["8413", "0402", "870899"][n % 5 % 3],
        "origin_percent": float(n % 100),
        "materials": [{"heading": "8413", "country": ["CN", "NO", None][n // 2 % 3], "value": n}][:n // 3 % 2],
        "direct_transport": n % 11 != 0,
        "certificate": ["certificate", "declaration", "none"][n // 5 % 3],
        "certificate_date": "2019-01-%02d" % (n % 28 + 1),
        "entry_date": ["2019-05-02", "2018-08-31", "2020-01-20"][n // 7 % 3],
        "general_duty_percent": [6.0, 0.0][n // 13 % 2],
        "verification": ["not_done", "done", "refuted"][n // 11 % 3],
    }
    if n % 4 == 0:
        del facts[sorted(facts)[n // 4 % len(facts)]]
    print(json.dumps({"case_id": "C%06d" % n, "revision": 0, "reference_date": "2019-05-02",
                      "as_of": "2019-05-02", "facts": facts}))
PY
submit --ack outcome "$work/cases.jsonl" >"$work/submit.out" 2>"$work/submit.err"
equal "all are taken" $? 0
equal "one row per case" "$(rows)" "$count"
equal "no case became a dead letter" "$(rows dead_letters)" 0

# Each stored outcome equals that of evaluate.
casemill evaluate --rules "$rules" "$work/cases.jsonl" >"$work/evaluated" 2>"$work/evaluate.err" || abort "evaluate"
cat >"$work/lines.py" <<'PY'
import json
import sys

for line in open(sys.argv[1], encoding="utf-8"):
    case = json.loads(line)
    print("|".join([case["case_id"], case["ruleset"], case["disposition"], case["agreement"], case["reason"],
                    "{%s}" % ",".join(case["missing"])]))
PY
/usr/bin/python3 "$work/lines.py" "$work/evaluated" >"$work/wanted"
pg_sql "select case_id, ruleset, disposition, agreement, reason, missing from report.outcomes order by case_id" >"$work/got"
check "each outcome is the one that evaluate gives" cmp -s "$work/wanted" "$work/got"
equal "all five dispositions are among them" "$(cut -d '|' -f 3 "$work/got" | sort -u | wc -l)" 5
check "and most of the rules ($(cut -d '|' -f 5 "$work/got" | sort -u | wc -l))" [ "$(cut -d '|' -f 5 "$work/got" | sort -u | wc -l)" -ge 12 ]
casemill report --db "$pg_conninfo" >"$work/report.out" 2>&1
contains "the report is of this agreement" "$work/report.out" "NO-CL-TRADE-2018"
equal "the screening list is there" "$(pg_sql "select count(*) from report.screening")" \
    "$(grep -c '|screening_required|' "$work/wanted")"

# Each fact is stored and read back unchanged: under another rule set, too, the outcomes equal those of evaluate.
casemill rules publish "$rules" --set NO-CL-TRADE-2018.share=70 --db "$pg_conninfo" >"$work/publish.out" 2>&1
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
pg_sql "select 'local', case_id, revision from cases" | tr '|' ' ' |
    timeout 60 /usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome >"$work/reapply.out" 2>&1
contains "all can be reapplied" "$work/reapply.out" '"duplicates":0,"dead_count":0'
casemill evaluate --rules "$rules" --set NO-CL-TRADE-2018.share=70 "$work/cases.jsonl" >"$work/evaluated" 2>&1
/usr/bin/python3 "$work/lines.py" "$work/evaluated" >"$work/wanted2"
pg_sql "select case_id, ruleset, disposition, agreement, reason, missing from report.current_outcomes order by case_id" >"$work/got"
check "each is the one that evaluate gives" cmp -s "$work/wanted2" "$work/got"

# A schema without one of the facts: a case with this fact would be decided without it.
mkdir -p "$work/less/agreements"
sed '/^  general_duty_percent:/,/^    help:/d' "$rules/case.yaml" >"$work/less/case.yaml"
sed -e '/^  exceptions:/d' -e '/general_duty_percent == 0.0/d' -e '/name: "free anyway"/d' -e 's/general_duty_percent: 6.0, //' \
    "$rules/agreements/NO-CL-TRADE-2018.yaml" >"$work/less/agreements/NO-CL-TRADE-2018.yaml"
casemill rules publish "$work/less" --db "$pg_conninfo" >"$work/publish.out" 2>&1
less=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
check "a smaller schema is published" [ "$less" != "$second" ]
pg_sql "select 'local', case_id, revision from cases" | tr '|' ' ' |
    timeout 60 /usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$less" --ack outcome >"$work/less.out" 2>&1
equal "cases that know the fact are dead letters" \
    "$(pg_sql "select count(*) from dead_letters where reason = 'not_in_schema'")" \
    "$(pg_sql "select count(*) from cases where general_duty_percent is not null")"
equal "the others are decided" "$(pg_sql "select count(*) from report.outcomes where ruleset = '$less'")" \
    "$(pg_sql "select count(*) from cases where general_duty_percent is null")"

# A case of the other kind is a dead letter here that names the place.
echo '{"case_id": "OTHER", "revision": 0, "facts": {"claim_country": "US"}}' >"$work/other.jsonl"
submit --ack outcome "$work/other.jsonl" >"$work/other.out" 2>"$work/other.err"
equal "a case of another kind is a dead letter" \
    "$(pg_sql "select reason from dead_letters where case_id = 'OTHER'")" unknown_fact
check "the worker drains" stop "$worker_pid"
stop "$broker_pid"
finish
