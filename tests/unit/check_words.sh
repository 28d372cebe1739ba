#!/bin/sh
# Words that must not be in the tree: calls that cannot be used safely, calls that belong to one folder, unfinished
# work, and paths of one machine.
# A failure names the line. Calls: use base/buf.h, base/mem.h, base/clock.h. A TODO is either done now or is an issue.
# A path of one machine works for one person.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
passed=0
failed=0
sources=$(tree_files 'common/*.[ch]' 'common/*.cc' 'broker/*.[ch]' 'worker/*.[ch]')
everything=$(tree_files | grep -vE '^tests/unit/check_words.sh$|^tests/fuzz/regression/|[.]gz$') # inputs are bytes

none() { # none WHAT PATTERN FILES...: no line of the files matches (comments of C are not looked at)
    what=$1
    pattern=$2
    shift 2
    found=$(grep -nE "$pattern" /dev/null "$@" | grep -vE '^[^:]*:[0-9]+: *(/\*|\*|//)' | head -n 10)
    if [ -z "$found" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "check_words: $what"
        echo "$found" | sed 's/^/    /'
    fi
}
# Identifiers (comments and strings are not looked at) have the plain verb: received, logged, printed, reported.
speech=$(for source in $sources; do
    sed -E "s/\"([^\"\\\\]|\\\\.)*\"//g; s@/\\*.*@@; s@^ +\\* .*@@" "$source" |
        grep -niE '(^|[^a-z])(un)?(said|told|heard|news|blamed?)([^a-z]|$)' | sed "s@^@$source:@"
done | head -n 10)
if [ -z "$speech" ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    printf 'check_words: an identifier of speech: name what happens\n%s\n' "$speech"
fi
without() { echo "$sources" | grep -vE "$1"; }

# shellcheck disable=SC2086,SC2046
{
    none "banned calls: they cannot be bounded" \
        '(^|[^a-z0-9_>.])(strcpy|strcat|sprintf|vsprintf|strncpy|strncat|gets|atoi|atol|atof|strtok|alloca|setjmp|longjmp)\(' $sources
    none "memory comes from base/mem" \
        '(^|[^a-z0-9_>.])(malloc|calloc|realloc|free|strdup|strndup|asprintf|aligned_alloc|posix_memalign)\(' \
        $(without '^common/base/mem\.[ch]$')
    none "sleeps live in base/clock.c" \
        '(^|[^a-z0-9_>.])(sleep|usleep|nanosleep|clock_nanosleep)\(' $(without '^common/base/clock\.c$')
    none "the clock is read in base/clock.c" \
        '(^|[^a-z0-9_>.])(clock_gettime|gettimeofday|time|localtime|localtime_r)\(' $(without '^common/base/clock\.c$')
    none "what goes to a terminal goes through base/plain.h (a crash's last words apart)" \
        '(^|[^a-z0-9_>.])(f?printf|vf?printf|dprintf|puts|fputs|putchar|putc|fputc|fwrite|perror)\(' \
        $(without '^common/(base/(plain|check|mem)|client/example/[a-z]*)\.c$')
    none "what goes to a terminal goes through base/plain.h, not to its descriptor" \
        'io_write_all\(STD(OUT|ERR)_FILENO' $(without '^common/(base/log|cli/top/screen)\.c$')
    none "state lives in structs: no variables at file scope" \
        '^(static )?(unsigned |signed )?(struct [a-z_]+|enum [a-z_]+|char|int|bool|u?int[0-9]+_t|size_t|double|_Atomic [a-z0-9_ ]+) \**[a-z_0-9]+(\[[^]]*\])?( = [^(]*)?;$' \
        $(without '/main\.c$|\.h$')
    none "part_enter and batch_enter alone write a state" \
        '(part|piece|pieces\[[^]]*\]|parts\[[^]]*\]|whole|batch)(->|\.)state = [^(]' $(without '^(common|worker)/')
    none "work left open" '(^|[^A-Za-z.])(TODO|FIXME|XXX|HACK)([^A-Za-z_]|$)' $everything
    none "paths of one machine" '(^|[^a-zA-Z0-9_.$}])/(work|farm|root|home/[a-z]+)/' $everything
    none "trailing spaces" '[[:blank:]]+$' $(echo "$everything" | grep -vE '\.(hex|bin|jsonl)$')
}

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
