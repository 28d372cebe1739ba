#!/bin/sh
# Sizes: a file of at most 600 lines, a function of at most 70 (from its name to its closing brace).
# A failure means a thing does more than one thing: split it along its subject, not in the middle.
# size_exceptions.txt lists the few that may be longer, each with its reason; it only ever shrinks.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
files=$(tree_files '*.c' '*.h' '*.cc' '*.sh' 'tests/run.sh')
# shellcheck disable=SC2086
awk '
function over(what, lines, limit) {
    checked++
    if (what in allowed) {
        used[what] = 1
        if (lines > allowed[what] || lines <= limit || lines < allowed[what]) {
            print "check_sizes: " what " has " lines " lines, size_exceptions.txt says " allowed[what]
            failed++
        }
    } else if (lines > limit) {
        print "check_sizes: " what " has " lines " lines, at most " limit
        failed++
    }
}
FILENAME == "tests/unit/size_exceptions.txt" {
    if ($0 !~ /^#/ && NF >= 3) {
        if ($2 ~ /^[0-9]+$/) { allowed[$1] = $2 } else { allowed[$1 " " $2] = $3 }
    }
    next
}
FNR == 1 { if (file) over(file, last, 600); file = FILENAME; head = 0; inside = 0 }
{ last = FNR }
file ~ /\.sh$/ { next }
# a definition starts in column 0 with a word and its "{" ends a line; clang-format sees to that
/^[a-zA-Z_].*\(/ && !inside && !/;$/ && !/^(#|typedef|struct [a-z_]+ \{|enum|union|extern)/ {
    head = FNR; name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
}
/^}/ { if (inside) over(file " " name, FNR - head + 1, 70); inside = 0; head = 0 }
/\{$/ && head && !inside { inside = 1 }
/;$/ && head && !inside { head = 0 }
END {
    if (file) over(file, last, 600)
    for (what in allowed) if (!(what in used) && !ENVIRON["CASEMILL_STAGED"]) { print "check_sizes: exception for " what ", which is not there"; failed++ }
    print (checked - failed) " passed, " (failed + 0) " failed"
    exit failed > 0 || checked == 0
}' tests/unit/size_exceptions.txt $files
