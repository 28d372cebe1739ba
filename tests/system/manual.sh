#!/bin/sh
# The manual pages and the completions are made from the same tables as --help: this test compares them, for every verb,
# option, example, topic and setting.  They are installed where man, bash and zsh look for them.
# A failure means that a page names an option that does not exist, or lacks one.
# suite: full
. "$(dirname "$0")/lib.sh"

pages=$(dirname "$bin")/config/packaging/manual
prefix=$work/prefix
for component in casemill casemill-broker casemill-worker; do
    DESTDIR="$prefix" cmake --install "$(dirname "$bin")" --component "$component" --prefix /usr >"$work/install.out" 2>&1 ||
        abort "cmake --install" "$(tail -n 1 "$work/install.out")"
done
for page in man1/casemill.1 man5/casemill.yaml.5 man8/casemill-broker.8 man8/casemill-worker.8; do
    installed=$prefix/usr/share/man/$page
    check "$page is installed" cmp "$installed" "$pages/$(basename "$page")"
    check "$page has no fault" sh -c "[ -s '$installed' ] && [ -z \"\$(groff -man -ww -z '$installed' 2>&1)\" ]"
    if command -v mandoc >/dev/null; then
        mandoc -Tlint -W warning "$installed" >"$work/lint.out" 2>&1
        check "$page has no fault for mandoc" [ ! -s "$work/lint.out" ]
    fi
    groff -man -Tascii -P-cbou -rLL=1000n "$installed" >"$work/$(basename "$page").txt" 2>&1
done

# --- casemill(1): each verb's section has the options and examples of its --help, and no others
casemill --help >"$work/help.out"
sed -n '/^verbs:/,/^$/s/^  \([a-z][a-z -]*[a-z]\)   *.*/\1/p' "$work/help.out" >"$work/verbs"
check "there are verbs ($(wc -l <"$work/verbs"))" [ "$(wc -l <"$work/verbs")" -gt 30 ]
sed -n 's/^   casemill \([a-z][a-z -]*\)$/\1/p' "$work/casemill.1.txt" >"$work/sections"
check "the page has every verb and no other" cmp "$work/verbs" "$work/sections"
# Options begin a line after two spaces in --help, after seven in a page.
words() { sed -En 's/^(  |       )(--[a-z-]+).*/\2/p' "$1" | sort -u; }
different=''
without=''
while read -r verb; do
    # shellcheck disable=SC2086
    casemill $verb --help >"$work/verb.help"
    sed -n '/^options of every verb:/q;p' "$work/verb.help" >"$work/own.help"
    awk -v verb="   casemill $verb" '$0 == verb { on = 1; next } /^(   [^ ]|[A-Z])/ { on = 0 } on' "$work/casemill.1.txt" >"$work/verb.page"
    words "$work/own.help" >"$work/verb.options"
    words "$work/verb.page" >"$work/page.options"
    cmp -s "$work/verb.options" "$work/page.options" || different="$different $verb"
    sed -n '/^examples:/,$s/^  \(casemill .*\)/\1/p' "$work/verb.help" | sort >"$work/verb.examples"
    sed -n 's/^           \(casemill .*\)/\1/p' "$work/verb.page" | sort >"$work/page.examples"
    { [ -s "$work/verb.examples" ] && cmp -s "$work/verb.examples" "$work/page.examples"; } || without="$without $verb"
done <"$work/verbs"
equal "the options of each verb are those of its --help" "$different" ""
equal "so are its examples, and there is one at least" "$without" ""

# --- topics
sed -n 's/^topics: //p' "$work/help.out" | tr -d ' ' | tr ',' '\n' >"$work/topics"
missing=''
while read -r topic; do
    casemill help "$topic" >"$work/topic.out" || missing="$missing $topic"
    grep -q "^   $(head -n 1 "$work/topic.out")\$" "$work/casemill.1.txt" || missing="$missing $topic"
done <"$work/topics"
equal "each topic is printed, and is in the page" "$missing" ""
check "there are topics" [ "$(wc -l <"$work/topics")" -ge 8 ]
casemill help exit-coeds >"$work/topic.out" 2>&1
equal "an unknown topic: exit code" $? 2
contains "the nearest one is named" "$work/topic.out" 'did you mean "exit-codes"'
casemill help rules check >"$work/topic.out" && casemill rules check --help >"$work/verb.help"
check "help VERB is the verb's --help" cmp "$work/topic.out" "$work/verb.help"

# --- the services and their settings
for program in broker worker; do
    "$bin/casemill-$program" --help >"$work/program.help"
    words "$work/program.help" >"$work/program.options"
    sed -n '/^OPTIONS/,/^SIGNALS/p' "$work/casemill-$program.8.txt" >"$work/program.page"
    words "$work/program.page" >"$work/page.options"
    check "the options of casemill-$program are those of its --help" cmp "$work/program.options" "$work/page.options"
    CASEMILL_JOURNAL_PATH="$work/none" CASEMILL_HTTP_BIND=off CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_POSTGRES_CONNINFO="host=$work" \
        "$bin/casemill-$program" --check 2>/dev/null >"$work/check.out"
    sed -n 's/^\([a-z_]*\.[a-z_]*\):.*/\1/p' "$work/check.out" | sort >"$work/check.keys"
    awk -v title="SETTINGS OF THE $(echo "$program" | tr a-z A-Z)" '/^[A-Z]/ { on = $0 == title } on && /^       [a-z_]+[.][a-z_]+$/ { print $1 }' \
        "$work/casemill.yaml.5.txt" | sort >"$work/page.keys"
    check "casemill.yaml(5) has the settings of casemill-$program" sh -c "[ -s '$work/check.keys' ] && cmp '$work/check.keys' '$work/page.keys'"
done
contains "with default and bounds" "$work/casemill.yaml.5.txt" 'bytes, default 1GiB, from 16MiB to 16TiB'
contains "and whether SIGHUP changes it" "$work/casemill.yaml.5.txt" 'memory for batches.*SIGHUP changes it'

# --- completion
completion=$prefix/usr/share/bash-completion/completions/casemill
completes() { # completes WORD...: what bash offers for the last word
    # shellcheck disable=SC2016
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _casemill; printf "%s\n" "${COMPREPLY[@]}"' - "$completion" casemill "$@" |
        sort -u | sed '/^$/d'
}
casemill completion bash >"$work/bash"
check "the completion of bash is installed" cmp "$work/bash" "$completion"
sed 's/ .*//' "$work/verbs" | sort -u >"$work/first"
completes "" | grep -vE '^(help|--help|--version)$' >"$work/offered"
check "bash offers every verb" cmp "$work/first" "$work/offered"
different=''
while read -r verb; do
    # shellcheck disable=SC2086
    casemill $verb --help >"$work/verb.help"
    words "$work/verb.help" >"$work/verb.options"
    # shellcheck disable=SC2086
    completes $verb --control x -- >"$work/offered"
    cmp -s "$work/verb.options" "$work/offered" || different="$different $verb"
done <"$work/verbs"
equal "and the options of each verb" "$different" ""
equal "after an option with a value it offers no option" "$(completes dead drop --reason "")" ""
contains "in help it offers topics" "$(completes help de >"$work/offered" && echo "$work/offered")" '^dead-letters$'
zsh=$prefix/usr/share/zsh/site-functions/_casemill
casemill completion zsh >"$work/zsh"
check "the completion of zsh is installed" cmp "$work/zsh" "$zsh"
missing=''
while read -r verb; do
    # shellcheck disable=SC2086
    casemill $verb --help >"$work/verb.help"
    awk -v verb="$verb" '{ gsub(/\*\).*/, "") } /^    '"'"'/ { name = $0; gsub(/[ '"'"']*$|^    '"'"'/, "", name); on = name == verb; next } /^        \) ;;/ { on = 0 } on' "$zsh" |
        sed -n "s/^ *'[*]\(--[a-z-]*\).*/\1/p;s/^            '\*\(--[a-z-]*\).*/\1/p" | sort -u >"$work/offered"
    words "$work/verb.help" | cmp -s - "$work/offered" || missing="$missing $verb"
done <"$work/verbs"
equal "zsh has the options of each verb" "$missing" ""
if command -v zsh >/dev/null; then
    check "and can read the file" zsh -n "$zsh"
else
    echo "skipped: zsh is not installed"
fi
command -v mandoc >/dev/null || echo "skipped: mandoc is not installed"
casemill completion fish >"$work/fish" 2>&1
equal "another shell: exit code" $? 2
finish
