#!/bin/sh
# Plain English: no sentence of more than 30 words and no word that the glossary replaces.  It reads *.md, the comments
# of the C folders named below and of tests/, and the texts of the checks in tests/system/.  In the comments of settings,
# units and container files it looks for such words only.
#   sh tests/unit/check_prose.sh          findings of files that have more than prose_exceptions.txt allows
#   sh tests/unit/check_prose.sh --all    every finding
#   sh tests/unit/check_prose.sh --list FILE...   every finding in the comments of C, SQL, shell or Python; no check
# A failure names the line: split the sentence, or write the word that is proposed (common/README.md).
# Code in backticks, indented code and fenced code are not read.  Code is indented by three spaces after the star in C,
# and after the # in tests/.  In a docstring it is indented by two spaces more than the quotes.
# A table cell counts as a paragraph.
# prose_exceptions.txt holds the present numbers; they only fall.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
pages=$(tree_files '*.md')
# comments in agreements and case.yaml count in the id of a rule set: they are left as they are
comments=$(tree_files 'config/*.yaml' 'config/*.service' 'config/*.sh' 'docker/*.yaml' 'docker/*.sh' 'docker/Dockerfile' |
    grep -vE '^config/(agreements/|case\.yaml)')
# the C folders
for folder in broker common/base common/casedoc common/cel common/cli common/client common/db common/http common/net \
    common/rules common/settings common/wire common/yaml worker; do
    comments="$comments $(tree_files "$folder/*.[ch]")"
done
comments="$comments $(tree_files sql/roles.sql 'tests/*.c' 'tests/*.h' 'tests/*.sh' 'tests/*.py')"
all=0
list=0
case ${1:-} in
--all) all=1 ;;
--list)
    list=1
    shift
    pages=''
    comments=$*
    ;;
esac
# shellcheck disable=SC2086
awk -v all="$all" -v list="$list" -v words_max=30 '
# ban PATTERN WRITE: the pattern is matched in lower case, as whole words
function ban(pattern, write) { bans++; banned[bans] = "[^a-z0-9_](" pattern ")[^a-z0-9_]"; instead[bans] = write }
BEGIN {
    ban("roads?", "end-to-end, path, step")
    ban("told|tells?|telling", "receives, states, reports")
    ban("said|says?|saying", "is logged, states, shows")
    ban("hears?|heard", "receives")
    ban("news", "event, message")
    ban("(let|lets|letting) [a-z]* ?in", "accepts, admits")
    ban("turn(s|ed)? away", "refuses")
    ban("(cases|batches|inputs|messages|rows|times|once|bytes) a second", "per second")
    ban("(instructions|ns|us|ms|bytes|file|line|row|reply|directory|one|seed) an? (case|verb|seed|overload|request|month|event|figure|row|role|batch|transaction|program|turn)", "per case, one file for each verb")
    ban("who (comes?|came|sends?|works?|speaks?|waits?|folds?|proved|proves|has not|is next|is away)", "name the subject: the client, the lane, the operator")
    ban("such a one|that which|the one.s", "name the thing")
    ban("stands?( still)?( (in|at|there|before|beside|alone|on|like|still))|stood", "is")
    ban("(go|goes|going|went) on", "continues")
    ban("(fall|falls|fell|falling) silent", "is lost")
    ban("in hand", "in flight")
    ban("deal|deals|dealt|dealing", "dispatches, sends")
    ban("anew", "again")
    ban("mend|mends|mended", "fix")
    ban("(held|holds|hold) against", "compares with")
    ban("wants?|wanted", "requires, needs")
    ban("(be|get|gets) rid of", "remove")
    ban("(become|becomes|became|come|comes|came) of", "result, outcome")
    ban("blanks?", "space")
    ban("be they|though there be", "even if")
    ban("for ever|ever after", "forever, permanently")
    ban("letters?", "dead letter")
}
function finding(kind, line, text) {
    count[kind, file]++
    found[kind, file] = found[kind, file] file ":" line ": " text "\n"
}
function sentence_end(first, last,   i, size, start) {
    for (i = first; i <= last; i++) {
        if (word[i] !~ /[A-Za-z0-9`]/) continue
        size++
        if (size <= 8) start = start (start == "" ? "" : " ") word[i]
    }
    if ((page || is_c || is_test || list) && size > words_max) finding("long", line_of[first], size " words, at most " words_max ": \"" start " ...\"")
}
function paragraph_end(   i, k, first, text, rest, done, at, place) {
    if (words == 0) return
    first = 1
    text = " "
    for (i = 1; i <= words; i++) {
        if (word[i] ~ /[.?!][)"*]*$/ && word[i] !~ /^(e\.g|i\.e|art|arts)\.$/) { sentence_end(first, i); first = i + 1 }
        starts[i] = length(text)
        text = text tolower(word[i]) " "
    }
    if (first <= words) sentence_end(first, words)
    gsub(/dead letter/, "dead-Letter", text)
    for (k = 1; k <= bans; k++) {
        rest = text
        done = 0
        while (match(rest, banned[k])) {
            at = done + RSTART
            for (place = words; place > 1 && starts[place] > at; place--) { }
            finding("words", line_of[place], "\"" substr(rest, RSTART + 1, RLENGTH - 2) "\": write " instead[k])
            done += RSTART + RLENGTH - 2
            rest = substr(text, done + 1)
        }
    }
    words = 0
    code = 0
}
function add(text,   i, n, piece, ticks, copy) {
    n = split(text, piece, /[ \t]+/)
    for (i = 1; i <= n; i++) {
        if (piece[i] == "") continue
        copy = piece[i]
        ticks = gsub(/`/, "", copy)
        if (code) { # the code is one word, which is there already
            if (ticks % 2) { code = 0; sub(/.*`/, "", piece[i]); word[words] = word[words] piece[i] }
            continue
        }
        gsub(/`[^`]*`/, "``", piece[i])
        if (ticks % 2) { code = 1; sub(/`[^`]*$/, "``", piece[i]) }
        words++
        word[words] = piece[i]
        line_of[words] = FNR
    }
}
FILENAME == "tests/unit/prose_exceptions.txt" {
    if ($0 !~ /^#/ && NF == 3) {
        if ($2 != "long" && $2 != "words") { print "check_prose: " $0 ": expected PATH long|words NUMBER"; failed++ }
        allowed[$2, $1] = $3
    }
    next
}
FNR == 1 {
    paragraph_end()
    file = FILENAME
    files[++file_count] = file
    page = file ~ /\.md$/
    is_c = file ~ /\.(c|cc|h)$/
    is_test = file ~ /^tests\//
    inside = 0
    fence = 0
    empty = 1
}
is_c { # a comment is a paragraph, and an empty line ends one
    text = $0
    if (!inside) {
        while (match(text, /"([^"\\]|\\.)*"|\/\*/) && substr(text, RSTART, 1) == "\"") # a string is not a comment
            text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
        if (match(text, /\/\*/)) { inside = 1; paragraph_end() }
        else if (!match(text, /(^|[ \t;{}])\/\/ /)) { if (text !~ /^ *\/\//) paragraph_end(); next }
        text = substr(text, RSTART + RLENGTH)
    }
    ended = match(text, /\*\//)
    if (ended) { text = substr(text, 1, RSTART - 1) }
    if (text ~ /^[ \t]*\*   /) { paragraph_end(); if (ended) inside = 0; next } # a table or code
    sub(/^[ \t]*\*[ \t]?/, "", text)
    if (text ~ /^[ \t]*$/) { paragraph_end() }
    add(text)
    if (ended) { inside = 0; paragraph_end() }
    next
}
file ~ /\.sql$/ { gsub(/--/, "#") }
FNR == 1 && /^#!/ { next }
file ~ /\.py$/ && (inside || /^ *"""/) { # a docstring
    text = $0
    if (!inside) { paragraph_end(); inside = 1; base = match(text, /"/) - 1; sub(/"""/, "", text) }
    ended = sub(/""".*/, "", text)
    if (match(text, /[^ ]/) == 0) paragraph_end()
    else if (RSTART - 1 >= base + 2) paragraph_end()
    else add(text)
    if (ended) { inside = 0; paragraph_end() }
    next
}
file ~ /^tests\/system\/.*sh$/ && match($0, /^ *(check|equal|contains|within [0-9]+|below|above|ok|not_ok|abort) "[^"]*"/) {
    paragraph_end()
    text = substr($0, RSTART, RLENGTH)
    sub(/^[^"]*"/, "", text)
    gsub(/["$]/, "", text)
    add(text)
    paragraph_end()
    next
}
is_test && /^[ \t]*#   / { paragraph_end(); next } # code
!page { # comments: a run of comment lines is a paragraph
    if ($0 ~ /^[ \t]*#/) { text = $0; sub(/^[ \t]*#+!?/, "", text); add(text) }
    else if (match($0, /[ \t]# /)) { paragraph_end(); add(substr($0, RSTART + 3)) }
    else { paragraph_end() }
    next
}
/^ *```/ { paragraph_end(); fence = !fence; empty = 1; next }
fence { next }
/^[ \t]*$/ { paragraph_end(); empty = 1; next }
/^    / && empty { next }
/^#/ { paragraph_end(); text = $0; sub(/^#+/, "", text); add(text); paragraph_end(); empty = 0; next }
/^ *\|/ {
    paragraph_end()
    text = $0
    gsub(/\\\|/, "/", text)
    cells = split(text, cell, "|")
    for (c = 1; c <= cells; c++) { add(cell[c]); paragraph_end() }
    empty = 0
    next
}
/^ *([-*]|[0-9]+\.) / { paragraph_end(); text = $0; sub(/^ *([-*]|[0-9]+\.) /, "", text); add(text); empty = 0; next }
{ add($0); empty = 0 }
END {
    paragraph_end()
    for (f = 1; f <= file_count; f++) {
        for (k = 1; k <= 2; k++) {
            kind = k == 1 ? "long" : "words"
            file = files[f]
            here = count[kind, file] + 0
            limit = allowed[kind, file] + 0
            used[kind, file] = 1
            if (all || list || here > limit) printf "%s", found[kind, file]
            total[kind] += here
            if (list) continue
            if (here == limit) { passed++; continue }
            failed++
            name = kind == "long" ? "long sentences" : "replaced words"
            if (here > limit) print "check_prose: " file " has " here " " name ", at most " limit
            else print "check_prose: " file " has only " here " " name " now: write \"" file " " kind " " here "\" in prose_exceptions.txt" (here ? "" : ", or remove its row")
        }
    }
    if (list) { print total["long"] + 0 " long sentences, " total["words"] + 0 " replaced words"; exit 0 }
    for (row in allowed) {
        if (row in used) continue
        split(row, part, SUBSEP)
        print "check_prose: prose_exceptions.txt names " part[2] ", which is not there"
        failed++
    }
    print (passed + 0) " passed, " (failed + 0) " failed"
    exit failed > 0 || passed == 0
}' tests/unit/prose_exceptions.txt $pages $comments
