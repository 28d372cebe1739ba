#!/bin/sh
# `casemill explain` of stored cases. The facts that it reads from the columns of `cases` are compared with the file
# of the same cases. Its results for answers that would decide are compared with `casemill evaluate` with that answer.
# A failure means that an officer reads another reason than the stored one, or is sent to ask for the wrong fact.
# suite: full
. "$(dirname "$0")/lib.sh"
count=${EXPLAIN_CASES:-40}

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 23 --bad 0 --duplicates 0 --out "$work/cases.jsonl" ||
    abort "cases are generated"
timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/cases.jsonl" \
    >"$work/submit.out" 2>"$work/submit.err" || abort "submit" "$(tail -n 1 "$work/submit.err")"
explain() { casemill explain --db "$pg_conninfo" "$@" 2>"$work/explain.err"; }
field() { # field FILE KEY: a top-level key of the JSON
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"
}

# From the columns and from the file: the whole explanation must be the same.
casemill explain --file "$work/cases.jsonl" --json >"$work/file.jsonl" 2>"$work/file.err"
equal "explain of a file" $? 0
bad=0
pg_sql "select case_id from cases" >"$work/ids"
while read -r id; do
    explain "$id" --json >>"$work/stored.jsonl" || bad=$((bad + 1))
done <"$work/ids"
equal "every stored case is explained as it was decided" "$bad" 0
/usr/bin/python3 - "$work/file.jsonl" "$work/stored.jsonl" >"$work/compare.out" 2>&1 <<'PY'
import json, sys
def read(path):
    cases = {}
    for case in map(json.loads, open(path)):
        case["source"] = case["decided_at"] = None
        cases[case["case_id"], case["revision"]] = case
    return cases
a, b = read(sys.argv[1]), read(sys.argv[2])
print(len(a), len(b), sum(a[k] != b[k] for k in a if k in b))
PY
equal "facts from columns are those of the file" "$(cat "$work/compare.out")" "$count $count 0"

# The result that one answer would give, compared with evaluate.
/usr/bin/python3 - "$work/cases.jsonl" "$work/file.jsonl" "$work/answers.jsonl" "$work/expected" \
    2>"$work/answers.err" <<'PY'
import copy, json, sys
given = {(c["case_id"], c["revision"]): c for c in map(json.loads, open(sys.argv[1]))}
answers, expected = open(sys.argv[3], "w"), open(sys.argv[4], "w")
for page in map(json.loads, open(sys.argv[2])):
    for agreement in page["agreements"]:
        for missing in agreement["missing"]:
            for answer in missing["answers"]:
                case = copy.deepcopy(given[page["case_id"], page["revision"]])
                at, *leaf = missing["fact"].split(".")
                value = json.loads(answer["value"])
                if leaf:
                    case["facts"][at] = dict(case["facts"].get(at) or {}, **{leaf[0]: value})
                else:
                    case["facts"][at] = value
                print(json.dumps(case), file=answers)
                print(agreement["agreement"], answer["projected"], answer["disposition"],
                      answer["reason"], file=expected)
PY
casemill evaluate --rules config "$work/answers.jsonl" >"$work/answered.jsonl" 2>"$work/evaluate.err"
/usr/bin/python3 - "$work/answered.jsonl" "$work/expected" >"$work/compare.out" 2>&1 <<'PY'
import json, sys
wrong = total = 0
for line, wanted in zip(open(sys.argv[1]), open(sys.argv[2])):
    agreement, projected, *result = wanted.split()
    finding = next(f for f in json.loads(line)["findings"] if f["agreement"] == agreement)
    finding = finding["projected"] if projected == "True" else finding
    wrong += [finding["disposition"], finding["reason"]] != result
    total += 1
print(wrong, total > 20)
PY
equal "each answer leads to the predicted result" "$(cat "$work/compare.out")" "0 True"

# The text for people.
id=$(head -n 1 "$work/ids")
explain "$id" >"$work/text"
equal "explain" $? 0
contains "the text states that it is triage" "$work/text" "triage.*not a decision"
contains "the agreement's status" "$work/text" "^  Status "
contains "a citation" "$work/text" "8 CFR 208[.]30"
casemill explain --file "$work/cases.jsonl" >"$work/texts"
equal "no line is wider than 100 columns" "$(LC_ALL=C.UTF-8 grep -cE '^.{101,}' "$work/texts")" 0
equal "no line ends with a space" "$(grep -c ' $' "$work/texts")" 0
equal "no colour" "$(grep -c "$(printf '\033')" "$work/texts")" 0
explain "$id" --agreement US-GT-ACA-2019 >"$work/one"
equal "one agreement alone" "$(grep -c '^  Status ' "$work/one")" 1
explain "$id" --agreement US-GT-ACA-2018 >"$work/one"
equal "an unknown agreement" $? 2
contains "the nearest agreement is named" "$work/explain.err" "did you mean US-GT-ACA-2019"

# An unknown case, one of two sources, one that was applied again, one that the engine now decides otherwise.
explain no-such-case >"$work/none"
equal "no such case" $? 1
contains "no such case: the error message states it" "$work/explain.err" "no outcome"
explain >"$work/none"
equal "no case id is a usage fault" $? 2
columns=$(pg_sql "select string_agg(quote_ident(attname), ', ') from pg_attribute
    where attrelid = 'cases'::regclass and attnum > 0 and not attisdropped and attname <> 'source'")
pg_sql "select source_for('second')" >"$work/sql.out"
pg_sql "insert into cases (source, $columns) select (select source from sources where name = 'second'),
    $columns from cases where case_id = '$id'" >"$work/sql.out"
explain "$id" >"$work/none"
equal "two sources have it" $? 1
contains "two sources: --source is named" "$work/explain.err" "give --source"
explain "$id" --source second --json >"$work/second"
equal "one of the two" $? 0
equal "the source is named" "$(field "$work/second" source)" second
casemill rules publish config --set US-SV-ACA-2019.us_rule_effective=2019-11-20 --db "$pg_conninfo" \
    >"$work/publish.out" 2>"$work/publish.err" || abort "a second rule set is published"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
explain "$id" --source second --ruleset "$second" >"$work/none"
equal "not yet applied again" $? 1
pg_sql "insert into reapplied (source, case_id, revision, ruleset, disposition, agreement, reason, result, reference_date, as_of,
    decided_at, commit) select source, case_id, revision, (select max(ruleset) from rulesets), disposition, agreement, reason, result,
    reference_date, as_of, decided_at, commit from cases where case_id = '$id' and source = (select source from sources where name = 'second')" \
    >"$work/sql.out"
explain "$id" --source second --ruleset "$(echo "$second" | cut -c1-12)" --json >"$work/again"
equal "applied again" "$(field "$work/again" ruleset)" "$second"
pg_sql "update cases c set result = (select o.result from cases o join ruleset_pairs l on l.ruleset = c.ruleset and l.position = 2
        where l.findings[1 + get_byte(o.result, 4)] <> l.findings[1 + get_byte(c.result, 4)] limit 1)
    where case_id = '$id' and source = (select source from sources where name = 'second')" >"$work/sql.out"
explain "$id" --source second >"$work/text"
equal "another finding than stored: exit 1" $? 1
contains "another finding than stored: the text states it" "$work/text" "The stored outcome differs"
contains "both are shown" "$work/text" "US-GT-ACA-2019: stored .*, now"
pg_sql "update cases c set result = set_byte(result, 4, get_byte(result, 4) # 1)
    where case_id = '$id' and source = (select source from sources where name = 'second')" >"$work/sql.out"
explain "$id" --source second >"$work/text"
equal "a damaged result: exit 1" $? 1
contains "a damaged result: the line states it" "$work/explain.err" "XX001"
equal "a damaged result: one line" "$(wc -l <"$work/explain.err")" 1

# `rules coverage` names each rule that no test reached with its line, and fails below a threshold.
mkdir -p "$work/rules/agreements"
cp config/case.yaml "$work/rules/"
document=config/agreements/US-SV-ACA-2019.yaml
grep -v 'name: "visa unknown\|name: "valid visa\|name: "status decides\|name: "day of suspension\|name: "needs no visa' "$document" \
    >"$work/rules/agreements/US-SV-ACA-2019.yaml"
casemill rules coverage "$work/rules" >"$work/coverage" 2>"$work/coverage.err"
equal "coverage alone fails nothing" $? 0
casemill rules coverage "$work/rules" --threshold 100 >"$work/coverage" 2>"$work/coverage.err"
equal "below the threshold" $? 1
line=$(grep -n 'label: us_visa_not_required' "$document" | cut -d: -f1)
contains "a rule that never decides" "$work/coverage" \
    "US-SV-ACA-2019.yaml:$line: us_visa_not_required: no test in which it decides"
contains "a condition never unknown" "$work/coverage" "valid_us_visa: no test in which .when. is unknown"
contains "a condition behind the rule that decided" "$work/coverage" "valid_us_visa: no test in which .when. is true"
contains "a legal day" "$work/coverage" "suspended: no test on the day, 2021-02-06"
casemill rules coverage config --threshold 100 >"$work/coverage" 2>"$work/coverage.err"
equal "the shipped documents are covered" $? 0
casemill rules coverage "$work/rules" --json >"$work/coverage" 2>"$work/coverage.err"
equal "coverage for machines" "$(/usr/bin/python3 -c '
import json, sys
page = json.load(open(sys.argv[1]))["agreements"][0]
print(page["agreement"], page["percent"] < 100, len(page["unseen"]) ==
      sum(page[k]["all"] - page[k]["seen"] for k in ("true", "false", "unknown", "decides", "edge")))
' "$work/coverage")" "US-SV-ACA-2019 True True"
finish
