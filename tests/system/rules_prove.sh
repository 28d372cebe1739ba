#!/bin/sh
# `casemill rules prove`: the properties of the shipped agreements, counterexamples as tests, what is not translated, and
# mutations of a document that a proof must notice (table in README.md).
# A failure means that a property is called proved that does not hold, or that a case against it is not a case.
# suite: full
. "$(dirname "$0")/lib.sh"

prove() { # prove DIR [OPTION...]: output in $work/prove.out; the exit code
    "$bin/casemill" rules prove "$@" >"$work/prove.out" 2>"$work/prove.err"
}
copy() {
    rm -rf "$work/rules"
    cp -r config "$work/rules"
    rm -f "$work/rules/agreements"/US-HN* "$work/rules/agreements"/US-SV*
    gt=$work/rules/agreements/US-GT-ACA-2019.yaml
    ca=$work/rules/agreements/US-CA-STCA.yaml
}
property() { # property FILE TEXT: one more property
    printf '  - {name: "tried", %s}\n' "$2" >>"$1"
}

# The shipped agreements.
prove config
equal "every property of the shipped agreements is proved" $? 0
contains "and counted" "$work/prove.out" "^[0-9]+ proved, 0 refuted, 0 not proved, 0 undecided"
check "they are eight at least" [ "$(grep -c '^proved' "$work/prove.out")" -ge 8 ]
for id in US-CA-STCA US-GT-ACA-2019 US-HN-ACA-2019 US-SV-ACA-2019; do
    contains "$id has some" "$work/prove.out" "^proved +$id: "
done
prove config --json
equal "as JSON" "$(/usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print({p["verdict"] for p in d["properties"]}, {p["test"] for p in d["properties"]})' "$work/prove.out")" "{'proved'} {None}"
prove config --agreement US-XX
equal "an agreement that is not there is a usage error" $? 2
prove config --set US-GT-ACA-2019.us_rule_effective=2019-01-01
equal "under another parameter they hold, too" $? 0

# A counterexample is a test of the document.
copy
property "$gt" "never: exception_applies, when: 'visa_us == \"valid_nontransit\"'"
property "$ca" "never: subject_to_agreement, when: 'family_anchors.exists(f, f.relation == \"cousin\") && \"MX\" in transit_countries && as_of < reference_date'"
property "$ca" "always: not_subject, when: 'reference_date < as_of && fear_of_receiving_state[?\"CA\"].orValue(\"none\") == \"mln_met\"'"
sed -i 's/orValue("none")/orValue("not_expressed")/' "$ca"
prove "$work/rules"
equal "a refuted property is a failure" $? 1
equal "each of the three is refuted" "$(grep -c '^refuted' "$work/prove.out")" 3
for file in "$gt" "$ca"; do
    id=$(basename "$file" .yaml)
    grep -A1 "^refuted *$id" "$work/prove.out" | grep '^  - ' >"$work/tests.txt"
    sed -i "/^tests:/r $work/tests.txt" "$file"
done
"$bin/casemill" rules test "$work/rules" >"$work/test.out" 2>&1
equal "the cases against them pass as tests of the document" "$(tail -n 1 "$work/test.out")" \
    "$(($("$bin/casemill" rules test config | cut -d' ' -f1) - $(grep -c expect config/agreements/US-HN-ACA-2019.yaml) - $(grep -c expect config/agreements/US-SV-ACA-2019.yaml) + 3)) passed, 0 failed"
prove "$work/rules" --set US-GT-ACA-2019.transit_gate=false
contains "a case under an overridden parameter sets it" "$work/prove.out" "set: .transit_gate: false."

# What has no translation is named, and nothing is proved.
copy
sed -i "s/{label: valid_us_visa, when: 'visa_us == \"valid_nontransit\"'/{label: valid_us_visa, when: 'visa_us.startsWith(\"valid\") || nationalities.exists_one(n, n == \"GT\")'/" "$gt"
prove "$work/rules" --agreement US-GT-ACA-2019
equal "a rule that is not translated is a failure" $? 1
equal "no property of its agreement is proved" "$(grep -c '^not proved' "$work/prove.out")" 8
contains "the function is named" "$work/prove.out" "not translated: valid_us_visa: startsWith"
contains "and the other one" "$work/prove.out" "not translated: valid_us_visa: exists_one"
copy
property "$gt" "never: subject_to_agreement, when: 'visa_us < \"none\"'"
prove "$work/rules" --agreement US-GT-ACA-2019
contains "a property that is not translated is not proved" "$work/prove.out" "^not proved +US-GT-ACA-2019: tried"
equal "and the others are" "$(grep -c '^proved' "$work/prove.out")" 8

# Faults of the document.
refused() { # refused TEXT PROPERTY PATTERN
    copy
    property "$gt" "$2"
    "$bin/casemill" rules check "$work/rules" >"$work/check.out" 2>&1
    equal "$1: refused" $? 1
    contains "$1: the text" "$work/check.out" "$3"
}
refused "no claim" "when: 'stateless'" "either .never. or .always."
refused "two claims" "never: not_subject, always: not_subject" "either .never. or .always."
refused "an unknown reason" "never: valid_us_vis" "did you mean valid_us_visa"
refused "a condition that is no bool" "never: not_subject, when: 'visa_us'" "expected a value of type bool"

# Mutations of a document: the proof must notice each.  TEXT, document, sed expression, the property that is refuted.
mutated() {
    copy
    sed -i "$3" "$work/rules/agreements/$2.yaml"
    check "$1: the document changed" sh -c "! cmp -s 'config/agreements/$2.yaml' '$work/rules/agreements/$2.yaml'"
    prove "$work/rules" --agreement "$2"
    equal "$1: noticed" $? 1
    contains "$1: by its property" "$work/prove.out" "^refuted +$2: $4"
}
mutated "a condition without its negation" US-GT-ACA-2019 '/label: unaccompanied_minor/s/!minor_ctx/minor_ctx/' "no unaccompanied child"
mutated "an age of 18 that became 17" US-GT-ACA-2019 "/label: unaccompanied_minor/s/minor_on_claim/years(birth_date, claim_date) < 17/" "no unaccompanied child"
mutated "a word of an enum" US-GT-ACA-2019 '/label: mln_harm/s/"mln_met"/"mln_not_met"/' "nobody who faces harm"
mutated "an officer rule without a part" US-GT-ACA-2019 '/label: appears_subject/s/ || fear == "expressed_unresolved"//' "a fear that is not resolved"
mutated "a window that ends a day early" US-CA-STCA '/label: between_poe/s/until: 2023-03-25/until: 2023-03-24/' "nobody is subject who crossed between ports before"
mutated "a day of termination, later by one" US-GT-ACA-2019 '/event: suspended/d;/event: terminated/s/date: 2021-08-06/date: 2021-08-07/' "nobody is subject once"
mutated "a limit of days, higher by one" US-CA-STCA '/last_day_us: /s/value: 14/value: 15/' "nobody is subject who crossed between ports more than"
mutated "an exclusion that became an officer rule" US-CA-STCA '/label: national_of_receiving_state/{h;d};/^  officer:/{G};/expect: .*national_of/d' "no citizen"
mutated "an exclusion that lost one country" US-CA-STCA '/label: national_of_receiving_state/s/ || "CA" in nationalities//' "no citizen"
mutated "a list that lost a relation" US-CA-STCA '/^  us_relatives/s/"parent", //' "nobody is subject with a parent"
mutated "a rule that exists from a later day" US-GT-ACA-2019 '/label: national_of_receiving_state/s/{label/{recorded: 2020-01-01, label/' "no national"
mutated "a scope that covers one country more" US-CA-STCA '/label: claim_not_made/s/"US", "CA"/"US", "CA", "MX"/' "nobody is subject who claims in a third country"

# Only the command links the solver.
needs() { readelf -d "$bin/$1" | grep -c 'NEEDED.*libz3'; }
equal "casemill links the solver" "$(needs casemill)" 1
equal "the worker does not" "$(needs casemill-worker)" 0
equal "nor does the broker" "$(needs casemill-broker)" 0
check "and the worker never loads it" sh -c "! ldd '$bin/casemill-worker' | grep -q libz3"

finish
