#!/bin/sh
# A broken rule file is named by file, line and column with a caret below the place, and nothing is
# published; what was active stays.  A failure means a lawyer's typing error reaches a worker, or
# nobody can find it.
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
