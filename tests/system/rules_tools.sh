#!/bin/sh
# `casemill rules show` and `rules diff`, from directories and from the database, and `rules fmt`.
# A failure means that a lawyer reads another rule set than the one in force, or sees a change that does not exist.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
json() { # json FILE EXPRESSION: a Python expression over the document d
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
copy() {
    rm -rf "$work/rules"
    cp -r config "$work/rules"
}

# show
casemill rules show config >"$work/dir.out"
equal "show reads a directory" $? 0
casemill rules show "$ruleset" --db "$pg_conninfo" >"$work/db.out"
equal "and the database" $? 0
check "and they are the same page" cmp -s "$work/dir.out" "$work/db.out"
contains "with the status from an event on" "$work/dir.out" "2021-02-06  suspended +agreement_suspended"
contains "what a rule gives" "$work/dir.out" "exceptions .true: exception_applies."
contains "its condition" "$work/dir.out" "when  visa_us == \"valid_nontransit\""
contains "its citation" "$work/dir.out" "cite  GT ACA art[.] 4"
contains "its window" "$work/dir.out" "where claim_date is on or after 2023-03-25"
casemill rules show "$(echo "$ruleset" | cut -c1-8)" --text --db "$pg_conninfo" >"$work/text.out"
equal "the canonical text is what the id names" "$(sha256sum <"$work/text.out" | cut -d' ' -f1)" "$ruleset"
# A title with control characters that colour the terminal and reverse the text; an agreement of that name, too.
copy
sed -i '0,/^title: "/s//title: "\\e[31mred\\u202e\\u009b/' "$work/rules/agreements/US-GT-ACA-2019.yaml"
casemill rules show "$work/rules" >"$work/odd.out"
contains "a title is shown without control characters" "$work/odd.out" "[?]\[31mred[?][?]United States and Guatemala"
check "and no other output has them" harmless "$work/odd.out"
casemill rules show "$work/rules" --json >"$work/odd.json"
check "in JSON it is escapes" harmless "$work/odd.json"
casemill rules diff config "$work/rules" >"$work/odd.out" 2>&1
check "rules diff shows none" harmless "$work/odd.out"
casemill rules show "$(printf '%b' "$work/no\033[31mne")" >"$work/odd.out" 2>&1
check "nor does the name of a file that is not there" harmless "$work/odd.out"
casemill rules show config --agreement US-CA-STCA >"$work/one.out"
contains "one agreement alone" "$work/one.out" "^US-CA-STCA"
check "and no other" sh -c "! grep -q '^US-GT' '$work/one.out'"
casemill rules show config --json >"$work/show.json"
equal "as JSON" "$(json "$work/show.json" '[a["agreement"] for a in d["agreements"]][0]')" US-CA-STCA
casemill rules show config --agreement US-XX >"$work/none.out" 2>"$work/none.err"
equal "an agreement that is not there is a usage error" $? 2
casemill rules show 0000000000 --db "$pg_conninfo" >"$work/none.out" 2>"$work/none.err"
equal "a rule set that is not there fails" $? 1

# diff
casemill rules diff config "$ruleset" --cases 100 --db "$pg_conninfo" >"$work/same.out"
contains "the directory and the published rule set are equal" "$work/same.out" "the documents have the same content"
check "and no case changes" sh -c "! grep -E '[1-9][0-9]* of [0-9]+ change' '$work/same.out'"
contains "because the rules are the same" "$work/same.out" "^US-CA-STCA: the same rules, so no case changes"
copy
document=$work/rules/agreements/US-GT-ACA-2019.yaml
sed -i -e 's/visa_us == "valid_nontransit"/visa_us == "transit_only"/' -e 's/{event: suspended, date: 2021-02-06/{event: suspended, date: 2021-01-06/' \
    -e 's/cite: "operator policy"/cite: "another"/' -e '/name: "visa unknown"/d' "$document"
sed -i 's/transit_gate: {type: bool, value: true/transit_gate: {type: bool, value: false/' "$work/rules/agreements/US-SV-ACA-2019.yaml"
rm "$work/rules/agreements/US-HN-ACA-2019.yaml"
casemill rules diff config "$work/rules" --cases 500 >"$work/diff.out"
equal "a diff of two directories" $? 0
casemill rules diff config "$work/rules" --cases 500 --json >"$work/diff.json"
change() { json "$work/diff.json" "[c for c in d['changes'] if c['kind'] == '$1' and c['name'] == '$2'][0]$3"; }
equal "names the rule and its condition" "$(change rule valid_us_visa "['fields']")" \
    "[{'name': 'when', 'from': 'visa_us == \"valid_nontransit\"', 'to': 'visa_us == \"transit_only\"'}]"
equal "the event" "$(change event suspended "['fields'][0]['to']")" 2021-01-06
equal "the citation" "$(change rule no_transit_through_receiving_state "['fields'][0]['name']")" cite
equal "the parameter" "$(change parameter transit_gate "['fields'][0]['to']")" false
equal "the test that went" "$(change test 'visa unknown' "['change']")" removed
equal "the agreement that went" "$(change agreement US-HN-ACA-2019 "['change']")" removed
equal "and nothing else" "$(json "$work/diff.json" "len(d['changes'])")" 6
equal "no case of the agreement that did not change" \
    "$(json "$work/diff.json" "[t['changed'] for t in d['effect']['tables'] if t['agreement'] == 'US-CA-STCA']")" "[0]"
check "cases of the one that did, each kind with an example" \
    [ "$(json "$work/diff.json" "all(c.get('example') for t in d['effect']['tables'] if t['agreement'] == 'US-GT-ACA-2019' and t['changed'] > 0
        for c in t['matrix'] if c['before'] != c['after'])")" = True ]
# Cases that reach no changed rule show nothing: no number is reported for them. Invented cases are about asylum; these rules are not.
cp -r tests/data/origin "$work/trade"
casemill rules diff tests/data/origin "$work/trade" --cases 200 >"$work/trade.out"
contains "another kind of case, nothing changed" "$work/trade.out" "^NO-CL-TRADE-2018: the same rules, so no case changes"
casemill rules diff tests/data/origin tests/data/origin --set NO-CL-TRADE-2018.share=46 --cases 200 >"$work/trade.out"
contains "where only tests change, that is stated" "$work/trade.out" \
    "^NO-CL-TRADE-2018: no invented case reached a changed rule; 2 of 44 evaluated change"
sed -i '/name: "share at the limit"/d' "$work/trade/agreements/NO-CL-TRADE-2018.yaml"
casemill rules diff "$work/trade" "$work/trade" --set NO-CL-TRADE-2018.share=46 --cases 200 >"$work/trade.out"
contains "a changed rule that no invented case reached is named" "$work/trade.out" \
    "^NO-CL-TRADE-2018: no invented case reached a changed rule, so the effect is unknown"
contains "and so it is for the case" "$work/trade.out" "^the case: no invented case reached a changed rule"
contains "with what helps" "$work/trade.out" "^hint: .casemill replay. shows the effect on stored cases"
check "and no number" sh -c "! grep -E ': 0 of [0-9]+ change' '$work/trade.out'"
casemill rules diff "$work/trade" "$work/trade" --set NO-CL-TRADE-2018.share=46 --cases 200 --json >"$work/trade.json"
equal "in JSON neither" "$(json "$work/trade.json" "[(t['changed'], t['reached']) for t in d['effect']['tables']]")" "[(None, False), (None, False)]"
casemill rules diff config config --set US-GT-ACA-2019.transit_gate=false --cases 0 >"$work/none.out"
contains "nor without any case" "$work/none.out" "^US-GT-ACA-2019: no invented case reached a changed rule"
reported=../shared/found/rules/2-diff-second-domain
if [ -d "$reported" ]; then
    casemill rules diff "$reported/a" "$reported/b" >"$work/reported.out" 2>&1
    contains "reported: the changed agreement" "$work/reported.out" "^US-JP-SSA-2005: no invented case reached a changed rule"
else
    echo "skipped: $reported is not there"
fi
casemill generate --cases 500 --seed 1 >"$work/cases.jsonl"
casemill evaluate --rules config "$work/cases.jsonl" >"$work/a.jsonl"
copy
sed -i 's/transit_gate: {type: bool, value: true/transit_gate: {type: bool, value: false/' "$work/rules/agreements/US-SV-ACA-2019.yaml"
casemill rules diff config "$work/rules" --cases 500 --json >"$work/gate.json"
casemill rules diff config config --set US-SV-ACA-2019.transit_gate=false --cases 500 --json >"$work/set.json"
equal "an override of B is a change of B" "$(json "$work/set.json" "d['effect']")" "$(json "$work/gate.json" "d['effect']")"
casemill evaluate --rules "$work/rules" "$work/cases.jsonl" >"$work/b.jsonl"
changed=$(/usr/bin/python3 - "$work/a.jsonl" "$work/b.jsonl" <<'PY'
import json, sys
a, b = [[json.loads(line) for line in open(f)] for f in sys.argv[1:3]]
print(sum(x["disposition"] != y["disposition"] for x, y in zip(a, b)))
PY
)
counted=$(json "$work/gate.json" "[t['changed'] for t in d['effect']['tables'] if t['agreement'] == ''][0]")
check "cases that change by evaluate are counted" [ "$changed" -gt 0 ]
check "$changed of them, with the tests $counted" [ "$counted" -ge "$changed" ]
# fmt
casemill rules fmt --check config >"$work/fmt.out" 2>"$work/fmt.err"
equal "the shipped documents are in style" $?/"$(cat "$work/fmt.out" "$work/fmt.err")" 0/
copy
sed -i -e 's/^    - /     -   /' -e 's/ # true/    #true/' -e 's/, when:/ ,  when:/' "$work/rules/agreements/US-SV-ACA-2019.yaml"
casemill rules fmt --check "$work/rules" >"$work/fmt.out"
equal "--check fails where one is not" $? 1
equal "and names it alone" "$(cat "$work/fmt.out")" "$work/rules/agreements/US-SV-ACA-2019.yaml: not in style"
check "and changes nothing" grep -q '#true' "$work/rules/agreements/US-SV-ACA-2019.yaml"
casemill rules diff config "$work/rules" --cases 0 >"$work/spoilt.out"
contains "it means the same" "$work/spoilt.out" "the documents have the same content"
casemill rules fmt "$work/rules" >"$work/fmt.out"
equal "fmt is done" $? 0
equal "and the rule set is the one it was" \
    "$(casemill rules show "$work/rules" | head -n 1)" "$(casemill rules show config | head -n 1)"
casemill rules fmt --json "$work/rules" >"$work/fmt.json"
equal "a second time nothing changes" "$(json "$work/fmt.json" "sorted({f['changed'] for f in d['files']})")" "[False]"
casemill rules fmt "$work/rules/none.yaml" >"$work/fmt.out" 2>"$work/fmt.err"
equal "a file that is not there fails" $? 1

casemill rules diff config >"$work/one.out" 2>"$work/one.err"
equal "one rule set is a usage error" $? 2
# The page about rule documents shows one: it is in style, without errors, and passes its own tests.
mkdir -p "$work/page/agreements"
cp config/case.yaml "$work/page"
awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' config/rules-format.md >"$work/page/agreements/US-GT-ACA-2019.yaml"
check "the page's example is in style" casemill rules fmt --check "$work/page"
casemill rules check "$work/page" >"$work/page.out" 2>"$work/page.err"
contains "the page's example has no errors" "$work/page.err" "^0 errors"
casemill rules test "$work/page" >"$work/page.out" 2>&1
equal "the page's example passes its tests" "$(tail -n 1 "$work/page.out")" \
    "$(grep -c '^  - {name: .*expect:' config/rules-format.md) passed, 0 failed"

finish
