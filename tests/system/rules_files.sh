#!/bin/sh
# For a broken rule file the program names file, line and column, with a caret below the place, and publishes nothing.
# The active rule set does not change.
# A failure means that a typing error reaches a worker, or that its author cannot find it.
# suite: quick, full
. "$(dirname "$0")/lib.sh"

database_start
document=config/agreements/US-GT-ACA-2019.yaml
published=$(rows rulesets)
active=$(pg_sql "select id from active_ruleset")
copy() {
    rm -rf "$work/rules"
    mkdir -p "$work/rules/agreements"
    cp config/case.yaml "$work/rules/"
    cp config/agreements/*.yaml "$work/rules/agreements/"
}
# broken TEXT SED_SCRIPT PATTERN: the spoilt copy is refused with file:line:column, caret, PATTERN
broken() {
    copy
    sed "$2" "$document" >"$work/rules/agreements/US-GT-ACA-2019.yaml"
    if cmp -s "$document" "$work/rules/agreements/US-GT-ACA-2019.yaml"; then
        not_ok "$1: the copy is spoilt" "sed changed nothing"
        return
    fi
    line=$(diff "$document" "$work/rules/agreements/US-GT-ACA-2019.yaml" | sed -n '1s/^[0-9,]*[acd]\([0-9]*\).*/\1/p')
    casemill rules check "$work/rules" >"$work/check.out" 2>"$work/check.err"
    equal "$1: check fails" $? 1
    contains "$1: file and line $line" "$work/check.err" "US-GT-ACA-2019[.]yaml:$line:[0-9]+"
    contains "$1: what is wrong" "$work/check.err" "$3"
    contains "$1: a caret" "$work/check.err" "^ *\\|? *\\^"
    casemill rules publish "$work/rules" --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err"
    equal "$1: publish fails" $? 1
    equal "$1: nothing is published" "$(rows rulesets)" "$published"
}

check "the shipped rules are sound" "$bin/casemill" rules check config
broken "unknown fact" '0,/birth_date, claim_date/s//birth_dat, claim_date/' "birth_date"
broken "unknown word" '0,/"valid_nontransit"/s//"valid_nontransti"/' "valid_nontransit"
broken "unknown key" '0,/^parties:/s//partys:/' "parties"
broken "bad date" '0,/date: 2019-07-26/s//date: 2019-02-30/' "date"
broken "half an expression" '0,/when: .*claim_country != "US"/s/"US"/"US" \&\&/' "."

broken "event out of order" '0,/date: 2019-11-15/s//date: 2019-01-15/' "older than one before it.*move it up"
broken "label in two sections" '0,/label: valid_us_visa/s//label: national_of_receiving_state/' "give this rule another"
broken "anchor" '0,/^receiving: /s//receiving: \&r /' "anchors.*write the value out"
broken "tag" '0,/^receiving: /s//receiving: !!str /' "tags.*leave it out"
broken "bare NO" '0,/claim_country: "US"/s//claim_country: NO/' "bare NO is a boolean.*write"

# What is legal and wrong all the same: a rule that can never win is published by nobody.
copy
sed -i 's/^    - {label: valid_us_visa, when/    - {label: any_visa, when: "true", cite: "c"}\n&/' "$work/rules/agreements/US-GT-ACA-2019.yaml"
casemill rules check "$work/rules" >"$work/check.out" 2>"$work/check.err"
equal "a rule that can never win fails the check" $? 1
contains "and is named" "$work/check.err" "US-GT-ACA-2019[.]yaml:[0-9]+:[0-9]+: error: rule valid_us_visa can never win: rule any_visa"
contains "with a hint" "$work/check.err" "hint: remove it"
casemill rules publish "$work/rules" --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err"
equal "and keeps the rules unpublished" $? 1
equal "nothing is published" "$(rows rulesets)" "$published"
casemill rules check --strict config >"$work/check.out" 2>"$work/check.err"
equal "with --strict a warning is a failure" $? 1
casemill rules check --json config >"$work/check.json" 2>"$work/check.err"
equal "without it, it is not" $? 0
check "the findings are JSON" /usr/bin/python3 -c "import json, sys
found = json.load(open(sys.argv[1]))['findings']
sys.exit(0 if found and all(f['severity'] == 'warning' and f['line'] > 0 and f['notes'] for f in found) else 1)" "$work/check.json"

# A document that does not pass its own tests is not published either.
copy
sed '0,/{exception_applies: unaccompanied_minor/s//{screening_required: appears_subject_officer_screening_outstanding/' "$document" \
    >"$work/rules/agreements/US-GT-ACA-2019.yaml"
casemill rules test "$work/rules" >"$work/test.out" 2>&1
equal "a wrong test fails" $? 1
contains "and is counted" "$work/test.out" "[0-9]+ passed, 1 failed"
casemill rules publish "$work/rules" --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err"
equal "and keeps the rules unpublished" $? 1
equal "nothing is published" "$(rows rulesets)" "$published"

# Publishing the same again changes nothing; a changed parameter is another rule set.
check "publish again" "$bin/casemill" rules publish config --db "$pg_conninfo" >"$work/publish.out"
equal "is the same rule set" "$(rows rulesets)" "$published"
check "publish with a parameter" "$bin/casemill" rules publish config \
    --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out"
equal "is a new one" "$(rows rulesets)" "$((published + 1))"
equal "what was active stays" "$(pg_sql "select id from active_ruleset")" "$active"
casemill rules activate "$(printf '%064d' 0)" --why "no such" --db "$pg_conninfo" >"$work/activate.out" 2>"$work/activate.err"
equal "an unknown rule set cannot be activated" $? 1
finish
