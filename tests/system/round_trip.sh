#!/bin/sh
# Each type of fact survives PostgreSQL: what was sent is what replay and reapply read. The cases hold the limits of each type, as
# a fact of its own and in lists, maps and records. A second outcome is written only if the digest of the stored facts is the
# one of the sent case. A value that a column cannot keep is refused at intake, with its path.
# A failure means that a stored case differs from the sent one, and cannot be decided again.
# suite: full
. "$(dirname "$0")/lib.sh"

# A schema with a slot of each type, a list and a map of each scalar type, and records; a document that reads one of them.
rules=$work/rules
mkdir -p "$rules/agreements"
/usr/bin/python3 - >"$rules/case.yaml" <<'PY'
scalars = {"flag": "type: bool", "whole": "type: int", "real": "type: double", "note": "type: string, bytes: 200",
           "word": 'type: enum, words: ["near", "far"]', "land": "type: iso", "day": "type: date", "moment": "type: timestamp"}
print("version: 1\ntitle: \"one slot of each type\"\nfacts:")
for name, of in scalars.items():
    print(f"  {name}: {{{of}}}")
    print(f"  {name}_list: {{type: list, max: 12, of: {{{of}}}}}")
    print(f"  {name}_map: {{type: map, max: 12, bytes: 100, of: {{{of}}}}}")
fields = ", ".join(f"{name}: {{{of}}}" for name, of in scalars.items())
print(f"  one: {{type: record, fields: {{{fields}}}}}")
print(f"  records: {{type: list, max: 12, of: {{type: record, fields: {{{fields}}}}}}}")
print("  by_land: {type: map, keys: iso, max: 12, of: {type: int}}")
PY
cat >"$rules/agreements/T.yaml" <<'YAML'
agreement: T
title: "Test"
parties: ["US"]
parameters:
  limit: {type: int, value: 3, why: "a test"}
rules:
  in_force:
    - {status: none, why: "a test"}
  exclusions:
    - {label: above, when: 'whole > limit', cite: "c"}
  otherwise: {label: rest}
YAML
# Each limit of a type, alone and with the others; a case of each value, and cases of random ones.
/usr/bin/python3 - >"$work/cases.jsonl" <<'PY'
import json, random
random.seed(20)
values = {
    "flag": [True, False],
    "whole": [0, 1, -1, 2**63 - 1, -2**63, 2**53 + 1],
    "real": [0.0, 0.1, -1e300, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 1 / 3, 1e23, 123456789.125, 1, -7, 2**53],
    "note": ["", "a", " b ", "\"\\/\b\f\n\r\t\x01\x1f\x7f", "null", "{}", "\u00e9\u00df\u4e2d", "\U0001f600\U0010ffff\ufffe", "'; --", "\\u0041", "x" * 200],
    "word": ["near", "far"],
    "land": ["US", "SV", "ZW"],
    "day": ["0001-01-01", "9999-12-31", "1999-12-31", "2000-01-01", "1970-01-01", "2020-02-29"],
    "moment": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z",
               "1969-12-31T23:59:59.000001Z", "2020-05-01T10:00:00.123456Z", "2020-05-01T10:00:00.120000000+05:45",
               "2020-05-01T10:00:00.5-11:30"],
}
number = 0


def case(facts):
    global number
    number += 1
    print(json.dumps({"case_id": f"R{number:04d}", "revision": 0, "reference_date": "2020-01-01", "as_of": "2021-01-01", "facts": facts},
                     ensure_ascii=number % 2 == 0))


def some(name):
    return random.choice(values[name])


def record():
    return {name: some(name) for name in values if random.random() < 0.7}


for name, all_of in values.items():
    for value in all_of:
        case({name: value})
        case({f"{name}_list": [value]})
        case({f"{name}_map": {"k": value}})
        case({"one": {name: value}})
        case({"records": [{name: value}, {}]})
    case({f"{name}_list": all_of})
    case({f"{name}_list": [], f"{name}_map": {}})
    case({f"{name}_map": {note[:25]: some(name) for note in values["note"]}})
case({"records": [], "by_land": {}, "one": {}})
case({"by_land": {land: n for n, land in enumerate(values["land"])}})
for _ in range(400):
    facts = {name: some(name) for name in values if random.random() < 0.5}
    facts |= {f"{name}_list": [some(name) for _ in range(random.randrange(12))] for name in values if random.random() < 0.3}
    facts |= {f"{name}_map": {str(k): some(name) for k in range(random.randrange(12))} for name in values if random.random() < 0.3}
    case({**facts, "one": record(), "records": [record() for _ in range(random.randrange(4))]})
PY
count=$(wc -l <"$work/cases.jsonl")

database_start "$rules"
broker_start
worker_start worker
submit --ack outcome "$work/cases.jsonl" >"$work/submit.out" 2>"$work/submit.err"
equal "all cases are taken" $? 0
equal "each has its outcome" "$(rows)" "$count"
casemill rules publish "$rules" --set T.limit=5 --db "$pg_conninfo" >"$work/publish2.out" 2>&1 || abort "a second rule set is published"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
casemill replay --apply --control "ipc://$work/control" --ruleset "$second" --db "$pg_conninfo" >"$work/apply.out" 2>"$work/apply.err"
equal "replay --apply takes each of them" $? 0
contains "and reports so" "$work/apply.out" "^applied: $count of $count cases"
equal "each has a second outcome" "$(rows reapplied)" "$count"
equal "no digest differs" "$(rows dead_letters)" 0

# Sent again, the stored cases are duplicates: an int for a double, a finer notation and another zone are the same value.
submit --ack outcome "$work/cases.jsonl" >"$work/again.out" 2>"$work/again.err"
equal "sent again, all are duplicates" "$(rows)" "$count"
equal "and none is a conflict" "$(rows dead_letters)" 0

# An instant finer than a microsecond, in each place; JSON's own form, so that only the digits differ.
fine='"2020-05-01T10:00:00.123456789Z"'
number=0
for facts in "\"moment\": $fine" "\"moment_list\": [\"2020-05-01T10:00:00Z\", $fine]" "\"moment_map\": {\"k\": $fine}" \
    "\"one\": {\"moment\": $fine}" "\"records\": [{\"moment\": $fine}]"; do
    number=$((number + 1))
    echo "{\"case_id\": \"F$number\", \"revision\": 0, \"facts\": {$facts}}"
done >"$work/fine.jsonl"
submit --ack outcome "$work/fine.jsonl" >"$work/fine.out" 2>"$work/fine.err"
equal "finer instants are dead letters: exit code" $? 3
equal "with the path of each" "$(pg_sql "select string_agg(case_id || ' ' || reason || ' ' || path, ', ' order by case_id) from dead_letters")" \
    "F1 bad_date facts.moment, F2 bad_date facts.moment_list[1], F3 bad_date facts.moment_map[0], F4 bad_date facts.one.moment, F5 bad_date facts.records[0].moment"
equal "and none has an outcome" "$(rows)" "$count"

# The reported input, where it is there.
found=$root/../shared/found/rules/9-nanosecond-timestamp
if [ -r "$found/case.jsonl" ]; then
    casemill evaluate --rules "$found" "$found/case.jsonl" >"$work/found.out" 2>&1
    equal "reported: two of three are refused" "$(grep -c '"dead":.*whole microseconds' "$work/found.out")" 2
else
    echo "skipped: ../shared/found/rules is not there"
fi
stop "$worker_pid" >/dev/null
stop "$broker_pid" >/dev/null
finish
