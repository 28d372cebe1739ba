"""Compares `casemill schema --json-schema` with `casemill evaluate`: schema_agrees.py CASEMILL RULES FILE|-.

Each case is judged by both; FILE has one case a line, - stands for cases that are written here for the facts of RULES.
Prints "N cases, N refused by both, N judged otherwise: ..."; the cases that JSON Schema cannot judge as casemill does are
known, and must be judged otherwise.
"""
import json
import subprocess
import sys

import jsonschema

casemill, rules, file = sys.argv[1:]
run = lambda words, text="": subprocess.run([casemill, *words], input=text, capture_output=True, text=True, timeout=60).stdout
schema = json.loads(run(["schema", "--rules", rules, "--json-schema"]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)

# Values for each fact of tests/data/rules and of schema.sh: good and bad ones; the last, where it is a set, differ.
VALUES = {
    "home": ["US", "ZZ", "us", "", 5, None, True, ["US"]],
    "lands": [[], ["US"], ["US"] * 8, ["US"] * 9, [None], ["ZZ"], [["US"]], "US", {"US": "US"}, None],
    "large": ["w01", "w33", "w34", 1, None],
    "a": [True, False, 0, "true", None, []],
    "born": ["1990-05-10", "1990-02-30", "1990-05", "90-05-10", "1990-5-10", "", 19900510, None],
    "number": [0, 100, -1, 101, 5.5, "5", True, None],
    "ctx": [{}, {"p": None}, {"p": True, "q": False}, {"p": 1}, {"x": True}, [], None],
    "kin": [[], [{}], [{"kind": "near", "adult": None}], [{"kind": "nearest"}], [{"x": 1}], [None], [{}] * 4, [{}] * 5, {}],
    "screened": [{}, {"a": "done"}, {"a": "undone"}, {"a": None}, {"k" * 64: "done"}, {"k" * 65: "done"},
                 {str(n): "done" for n in range(8)}, {str(n): "done" for n in range(9)}, []],
    "ratio": [0.5, -1.5, 1, -7, 0, "1", None, True],
    "note": ["", "abcde", "abcdef", 5, None],
    "seen": ["2020-01-10T12:00:00Z", "2020-01-10T12:00:00.25+01:00", "2020-01-10", "2020-01-10 12:00:00Z",
             "2020-01-10T12:00:00.1234567890Z", "2020-01-10T12:00:00.123456Z", "2020-01-10T12:00:00.123456000Z",
             "2020-01-10T12:00:00.1234561Z", "2020-01-10T12:00:00.123456001Z", "2020-01-10T12:00:00.000000000Z", 5, None],
    "fear": [{}, {"US": "low"}, {"ZZ": "low"}, {"US": "high"}, {"US": "low", "CA": "low", "MX": "low"}, None],
    "wide": [9223372036854775807, -9223372036854775808, 1.5, None],
    "nothing": [True],
}
OTHERWISE = {("number", 5.0), ("ratio", 9007199254740993), ("note", "ééé")}  # see common/cli/README.md


def written():
    case = {"case_id": "A", "revision": 0, "facts": {}}
    yield "facts", None, case
    for name, values in VALUES.items():
        for value in values:
            yield name, value, {**case, "facts": {name: value}}
    for name, value in sorted(OTHERWISE, key=str):
        yield name, value, {**case, "facts": {name: value}}
    for name, values in {"case_id": ["", "x" * 64, "x" * 65, 5, None], "revision": [-1, 2147483647, 2147483648, "0", None, 1.5],
                         "reference_date": ["2020-01-10", "2020-02-30", 5, None], "as_of": ["10.01.2020", None],
                         "facts": [[], None], "extra": [1]}.items():
        for value in values:
            yield name, value, {**case, name: value}
    for name in case:
        yield name, "absent", {key: value for key, value in case.items() if key != name}


if file == "-":
    cases = list(written())
else:
    with open(file, encoding="utf-8") as lines:
        cases = [("line", number, json.loads(line)) for number, line in enumerate(lines, 1)]
answers = run(["evaluate", "--rules", rules, "-"], "".join(json.dumps(case) + "\n" for _, _, case in cases)).splitlines()
assert len(answers) == len(cases), (len(answers), len(cases))
refused, otherwise = 0, set()
for (name, value, case), answer in zip(cases, answers):
    is_refused = "dead" in json.loads(answer)
    refused += is_refused
    if validator.is_valid(case) == is_refused:
        otherwise.add((name, str(value)))
known = {(name, str(value)) for name, value in OTHERWISE} if file == "-" else set()
print(f"{len(cases)} cases, {refused} refused by both, {len(otherwise ^ known)} judged otherwise: {sorted(otherwise ^ known)}")
