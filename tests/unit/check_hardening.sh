#!/bin/sh
# The programs have the properties of the compiler flags: position-independent, no memory that is writable and
# executable, relocations read-only before main. They also have stack and buffer checks, probes of large stack frames,
# and marks for indirect branches.
# A failure means that a flag was lost (CMakeLists.txt), or that an object was built without it.
# CASEMILL_BUILD names the build (default build/release).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
passed=0
failed=0
check() { # check TEXT COMMAND...
    text=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "check_hardening: $text"; fi
}
has() { readelf "$1" -W "$2" 2>/dev/null | grep -Eq -e "$3"; }
imports() { nm -D --undefined-only "$1" | grep -Eq -e "$2"; }
# Each access to a freshly grown stack page touches it: or $0 to the top of the stack.
probes() { objdump -d --no-show-raw-insn "$1" | grep -Eq 'orq? +\$0x0,\(%rsp\)'; }
# Every object of an archive is marked; assembly of others would not be.
marked() {
    objects=$(ar t "$1" | wc -l)
    [ "$objects" -gt 0 ] && [ "$(readelf -nW "$1" 2>/dev/null | grep -c 'IBT, SHSTK')" -eq "$objects" ]
}
begins_marked() { objdump -d --no-show-raw-insn --disassemble=main "$1" | grep -A1 '<main>:$' | grep -q endbr64; }
all_flags() { # all_flags FLAG: each of our objects was compiled with it
    [ "$(grep -c '"command"' "$build/compile_commands.json")" -eq "$(grep '"command"' "$build/compile_commands.json" | grep -c -e "$1")" ]
}

[ -d "$build/bin" ] || { echo "check_hardening: no build in $build" && echo "0 passed, 1 failed" && exit 1; }
x86=false
[ "$(uname -m)" != x86_64 ] || x86=true
for program in "$build/bin/casemill" "$build/bin/casemill-broker" "$build/bin/casemill-worker"; do
    name=$(basename "$program")
    check "$name is no position-independent program" has -h "$program" 'Type: +DYN'
    check "$name asks for an executable stack" has -l "$program" 'GNU_STACK.* RW +0x'
    check "$name has no read-only relocations" has -l "$program" 'GNU_RELRO'
    check "$name resolves symbols late" has -d "$program" '\(FLAGS_1\).*NOW'
    check "$name has a segment that is written and run" sh -c "! readelf -lW '$program' | grep -Eq 'LOAD.* RWE '"
    check "$name checks no buffers" imports "$program" '__(memcpy|snprintf|vsnprintf|memset|read)_chk'
    check "$name checks no stack frames" imports "$program" '__stack_chk_fail'
    if $x86; then
        check "$name does not probe large stack frames" probes "$program"
        check "$name is not marked for indirect branches" begins_marked "$program"
    fi
done
if $x86; then
    for archive in "$build"/broker/lib*.a "$build"/worker/lib*.a "$build"/common/*/lib*.a; do
        check "$archive holds an object without IBT and SHSTK" marked "$archive"
    done
fi
check "an object was compiled without stack probes" all_flags '-fstack-clash-protection'
gcc=$(cc -dumpversion 2>/dev/null | sed 's/\..*//')
if [ "${gcc:-0}" -ge 12 ]; then check "an object was compiled without FORTIFY 3" all_flags '-D_FORTIFY_SOURCE=3'; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
