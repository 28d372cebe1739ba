#!/bin/sh
# Each step of the evaluator, changed: test_prove must notice, since the proof then speaks of another evaluator. Table in
# tests/README.md.
# A failure means that a fault in that step could leave proofs that no longer hold.
# suite: full
. "$(dirname "$0")/lib.sh"

build=${CASEMILL_BUILD:-$root/build/release}
test_prove=$build/tests/test_prove
[ -x "$test_prove" ] || { echo "skipped: no $test_prove"; exit 0; }

# What the build itself calls, for one source and for the test program.
compile_line() { (cd "$build" && ninja -t commands "common/$1/CMakeFiles/$1.dir/$2.o" | tail -n 1); }
link_line=$(cd "$build" && ninja -t commands tests/test_prove | tail -n 1)

# mutated TEXT FOLDER FILE EXPRESSION [RULES]: the source after the sed expression, linked before its library.
mutated() {
    sed "$4" "common/$2/$3" >"$work/$3"
    if cmp -s "common/$2/$3" "$work/$3"; then
        not_ok "$1: the source changed"
        return
    fi
    line=$(compile_line "$2" "$3" | sed 's| -MD .*||')
    link=$(echo "$link_line" | sed -e "s| -o tests/test_prove| -o $work/mutant|" -e "s|test_prove.c.o|& $work/mutant.o|")
    if ! (cd "$build" && sh -c "$line -O1 -w -o '$work/mutant.o' -c '$work/$3'" && sh -c "$link") >"$work/build.out" 2>&1; then
        not_ok "$1: builds" "$(head -n 3 "$work/build.out")"
        return
    fi
    timeout 60 "$work/mutant" --rules "${5:-tests/data/rules}" --cases 100 >"$work/mutant.out" 2>&1
    code=$?
    if [ "$code" -eq 1 ] && grep -q '^seed ' "$work/mutant.out"; then ok "$1"; else not_ok "$1: noticed" "exit code $code"; fi
}

echo "# evaluate.c"
mutated "an unknown is not absorbed by a false" rules evaluate.c 's/program == NULL || truth == RULE_FALSE/program == NULL/'
mutated "an error comes before an unknown in a rule" rules evaluate.c '/^static enum rule_truth and_other/,/^}/s/truth != RULE_TRUE/truth == RULE_FALSE/' tests/data/prove
mutated "a window holds on its last day, too" rules evaluate.c 's/by.i < (int64_t)rule->until/by.i <= (int64_t)rule->until/'
mutated "a rule is absent on its day of record" rules evaluate.c 's/rule->recorded > run->as_of/rule->recorded >= run->as_of/'
mutated "exclusions give exception_applies" rules evaluate.c 's/section == SECTION_EXCEPTIONS/section >= SECTION_EXCLUSIONS/'
mutated "officers' facts block in step 3" rules evaluate.c 's/(state->paths.words\[i\] & ~officer->words\[i\])/state->paths.words[i]/'
mutated "an error does not block in step 3" rules evaluate.c 's/is_error || has_intake_path/!is_error \&\& has_intake_path/'
mutated "no step 4" rules evaluate.c 's/run->open_count > 0) { .. step 4/run->open_count > RULES_MAX) { \/* step 4/'
mutated "step 4 names an absent rule" rules evaluate.c 's/truth_of(run, first) == RULE_ABSENT/false/' tests/data/prove
mutated "an unknown officer rule does not count in step 5" rules evaluate.c 's/truth != RULE_FALSE && truth != RULE_ABSENT/& \&\& truth != RULE_UNKNOWN/'
echo "# settle.c"
mutated "settle never tries" rules settle.c 's/if (filling.count == 0)/if (filling.count < PATHS_MAX)/'
mutated "settle tries half as many combinations" rules settle.c 's/SETTLE_PRODUCT_MAX \/ values/SETTLE_PRODUCT_MAX \/ 2 \/ values/'
mutated "a try in error settles" rules settle.c 's/ || one->erred//' tests/data/prove
mutated "settle names the last label" rules settle.c 's/one->rule < all->rule/one->rule > all->rule/'
mutated "settle takes the milder disposition" rules settle.c 's/one->disposition > all->disposition/one->disposition < all->disposition/' tests/data/prove
echo "# status.c"
mutated "an event counts from the day after it" rules status.c 's/event->date <= day/event->date < day/'
mutated "an event is known from the day after its record" rules status.c 's/recorded <= as_of \&\&/recorded < as_of \&\&/'
mutated "a correction counts from the day after its record" rules status.c 's/corrected <= as_of/corrected < as_of/' tests/data/prove
mutated "not known in force is not in force" rules status.c 's/status.reason = STATUS_NOT_KNOWN/status.reason = STATUS_NOT_IN_FORCE/'
echo "# cel/ and base/"
mutated "an error comes before an unknown in && and ||" cel values.c '/^struct value absorb_join/,/^}/{s/a.kind == VAL_UNKNOWN || /a.kind == VAL_ERROR || /;s/b.kind == VAL_UNKNOWN || /b.kind == VAL_ERROR || /}' tests/data/prove
mutated "an unknown comes before an error elsewhere" cel values.c '/^struct value values_fault_join/,/^}/{s/a.kind == VAL_ERROR/a.kind == VAL_UNKNOWN/;s/b.kind == VAL_ERROR/b.kind == VAL_UNKNOWN/}' tests/data/prove
mutated "an age changes the day after the birthday" base date.c 's/day_b < day_a ? 1/day_b <= day_a ? 1/' tests/data/prove

finish
