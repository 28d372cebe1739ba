#!/bin/sh
# clang-format-14 decides the layout of the C code.
# A failure names the lines; `clang-format-14 -i FILE` fixes them.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
files=$(tree_files '*.c' '*.h' '*.cc')
count=$(echo "$files" | grep -c .)
command -v clang-format-14 >/dev/null || { echo "check_format: clang-format-14 is missing"; echo "0 passed, 1 failed"; exit 1; }
faults=$(echo "$files" | xargs -P 2 -n 8 clang-format-14 --dry-run -Werror 2>&1 | grep -E 'error:' |
    sed 's/: error:.*//' | cut -d: -f1,2 | awk -F: '!seen[$1]++')
wrong=$(echo "$faults" | grep -c .)
[ -z "$faults" ] || echo "$faults" | sed 's/^/check_format: /'
echo "$((count - wrong)) passed, $wrong failed"
[ "$wrong" -eq 0 ] && [ "$count" -gt 0 ]
