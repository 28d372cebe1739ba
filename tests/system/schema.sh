#!/bin/sh
# `casemill schema --json-schema`: a validator of JSON Schema accepts and refuses the same cases as `casemill evaluate`, of the
# shipped schema and of one with every type.
# A failure means that an intake system checks its cases with the schema, and learns of faults from dead letters.
# suite: full
. "$(dirname "$0")/lib.sh"

casemill schema >"$work/table"
contains "as text, a fact has its type and question" "$work/table" '^birth_date +date +On which day was the person born'
casemill schema --json-schema >"$work/schema.json"
contains "it is JSON Schema 2020-12" "$work/schema.json" '"\$schema":"https://json-schema.org/draft/2020-12/schema"'
casemill schema --rules "$work" --json-schema >"$work/none.out" 2>"$work/none.err"
equal "a folder without case.yaml: exit code" $? 1
contains "and its name" "$work/none.err" 'case.yaml'
if /usr/bin/python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
    mkdir "$work/rules"
    cp -r tests/data/rules/agreements "$work/rules/"
    {
        cat tests/data/rules/case.yaml
        echo '  ratio: {type: double}'
        echo '  note: {type: string, bytes: 5}'
        echo '  seen: {type: timestamp}'
        echo '  fear: {type: map, keys: iso, max: 2, of: {type: enum, words: [low]}}'
        echo '  wide: {type: int}'
    } >"$work/rules/case.yaml"
    casemill generate --cases 2000 --seed 7 --bad 40 --out "$work/cases.jsonl" || abort "generate"
    agrees() { /usr/bin/python3 tests/system/schema_agrees.py "$bin/casemill" "$@" >"$work/agrees.out" 2>&1; }
    check "values of every type are compared" agrees "$work/rules" -
    contains "and judged as casemill does" "$work/agrees.out" '^[0-9]{3} cases, [0-9]{2} refused by both, 0 judged otherwise'
    check "generated cases are compared" agrees config "$work/cases.jsonl"
    contains "and judged as casemill does" "$work/agrees.out" '^[0-9]{4} cases, [0-9]{3} refused by both, 0 judged otherwise'
else
    echo "skipped: python3-jsonschema is not installed"
fi
finish
