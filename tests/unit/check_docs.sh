#!/bin/sh
# The READMEs name files that exist, and every folder of the source says what it is for.
# A failure means a reader is sent to a place that is gone: mend the sentence with the move.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
passed=0
failed=0
fail() { failed=$((failed + 1)); echo "check_docs: $1"; }

for page in $(tree_files '*.md'); do
    folder=$(dirname "$page")
    gone=''
    # `path/file.c` or `folder/` between backticks; names in capitals and patterns are placeholders
    for name in $(grep -o '`[^`]*`' "$page" | tr -d '`' | tr ' ' '\n' |
        grep -E '^[a-z.][a-z0-9_./-]*(/|\.(c|cc|h|md|sh|yaml|sql|py|txt|supp))$' |
        grep -vE '^(\.\.?/\.\.|build/|/)|^\.\./shared' | sort -u); do
        for place in "$name" "$folder/$name" "common/$name" "config/$name" "tests/$name"; do
            [ ! -e "$place" ] || continue 2
        done
        gone="$gone $name"
    done
    if [ -z "$gone" ]; then passed=$((passed + 1)); else fail "$page names what is not there:$gone"; fi
done
for folder in $(tree_files '*.c' '*.sh' '*.sql' '*.yaml' | xargs -n 1 dirname | sort -u | grep -vE '^\.|/data/|agreements$'); do
    case $folder in
    config/demo) page=config/README.md ;; # its one file explains itself
    *) page=$folder/README.md ;;
    esac
    if [ -e "$page" ]; then passed=$((passed + 1)); else fail "$folder has no README.md"; fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
