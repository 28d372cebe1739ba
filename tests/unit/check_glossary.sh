#!/bin/sh
# The glossary of common/README.md. A term has one row with a definition of one line (at most 30 words), and another
# page or a source file uses it. A page that uses eight terms or more names common/README.md.
# A failure means that a term has no definition, or that the glossary defines a term that is no longer used.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
glossary=common/README.md
pages=$(tree_files '*.md' | grep -vxF "$glossary")
sources=$(tree_files 'broker/*.[ch]' 'worker/*.[ch]' 'common/*.[ch]' 'sql/*.sql')
# shellcheck disable=SC2086
awk -v glossary="$glossary" -v words_max=30 -v terms_max=8 '
function fail(text) { print "check_glossary: " text; failed++ }
FILENAME == glossary {
    if (/^## Glossary/) inside = 1
    if (!inside || $0 !~ /^\|/ || /^\| *term *\|/ || /^\|[-| ]*$/) next
    split($0, cell, "|")
    term = cell[2]
    gsub(/^ +| +$/, "", term)
    key = tolower(term)
    if (key in place) fail(glossary ":" FNR ": \"" term "\" is defined twice")
    place[key] = FNR
    spelled[key] = term
    size = split(cell[3], word, " ")
    if (size == 0 || size > words_max) fail(glossary ":" FNR ": the definition of \"" term "\" has " size " words, expected 1 to " words_max)
    terms++
    next
}
FNR == 1 {
    if (file != "" && file ~ /\.md$/) page_end()
    file = FILENAME
    links = 0
    count = 0
    for (key in here) delete here[key]
}
{
    text = " " tolower($0) " "
    if (index($0, glossary) || (file == "README.md" && index($0, "common/README.md"))) links = 1
    for (key in place) {
        if ((key in here) || !index(text, key)) continue
        if (text !~ ("[^a-z_]" key "(s|es)?[^a-z_]")) continue
        here[key] = 1
        used[key] = 1
        count++
    }
}
function page_end() {
    pages++
    if (count >= terms_max && !links) fail(file ": uses " count " terms of the glossary and does not name " glossary)
    else passed++
}
END {
    if (file ~ /\.md$/) page_end()
    for (key in place) {
        if (key in used) passed++
        else fail(glossary ":" place[key] ": no page or source file uses \"" spelled[key] "\"")
    }
    if (terms == 0) fail(glossary ": no glossary was found")
    print (passed + 0) " passed, " (failed + 0) " failed"
    exit failed > 0 || passed == 0
}' "$glossary" $pages $sources
