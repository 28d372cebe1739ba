#!/bin/sh
# Headers: the guard's name follows the path, each header compiles alone, and a function that can fail declares it
# (enum err is never returned without MUST_USE).
# A failure means that a file which includes the header needs something that the header hides, or that an error can be
# dropped silently.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "check_headers: $1"; }

# Two headers at a time: each call prints nothing when all is well.
foreign=$(pkg-config --cflags libzmq msgpack libpq lmdb yaml-0.1 libmicrohttpd jansson)
compile_alone() {
    # shellcheck disable=SC2086
    said=$(printf '#include "%s"\n' "$1" |
        gcc -std=c17 -fsyntax-only -Wall -Wextra -Werror -Icommon -I. -D_GNU_SOURCE $foreign -x c - 2>&1) ||
        echo "$1 does not compile alone: $(echo "$said" | head -n 2)"
}
if [ "${1:-}" = --one ]; then
    compile_alone "$2"
    exit 0
fi

headers=$(tree_files 'common/*.h' 'broker/*.h' 'worker/*.h' 'tests/*.h')
for header in $headers; do
    guard=CASEMILL_$(echo "${header#common/}" | tr '[:lower:]/.' '[:upper:]__')
    if [ "$(grep -cE "^#(ifndef|define) $guard\$" "$header")" -eq 2 ]; then
        pass
    else
        fail "$header: guard should be $guard"
    fi
    bare=$(grep -nE '^(extern )?(static inline )?enum err [a-z0-9_]+\(' "$header")
    if [ -z "$bare" ]; then pass; else fail "$header: without MUST_USE: $bare"; fi
done

faults=$(echo "$headers" | xargs -P 2 -I '{}' sh tests/unit/check_headers.sh --one '{}')
if [ -n "$faults" ]; then fail "$faults"; else passed=$((passed + $(echo "$headers" | wc -l))); fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
