#!/bin/sh
# `casemill crash-test` passes a sound disk, fails an unsound one in the line of that fault, and leaves no files
# behind. strace makes the unsound disks: flock or fallocate return success and do nothing.
# A failure means that an operator would put a journal on a disk where it cannot keep its promises.
# suite: full
. "$(dirname "$0")/lib.sh"
mkdir "$work/disk"
tried() { # tried NAME COMMAND...: exit code in tried_code, output in NAME.out
    tried_name=$1
    shift
    "$@" >"$work/$tried_name.out" 2>"$work/$tried_name.err"
    tried_code=$?
}

tried sound "$bin/casemill" crash-test "$work/disk"
equal "a sound disk passes" "$tried_code" 0
equal "nine faults" "$(grep -c '^PASS ' "$work/sound.out")" 9
equal "the last line counts them" "$(tail -n 1 "$work/sound.out")" "9 passed, 0 failed"
equal "nothing is left behind" "$(ls -A "$work/disk")" ""
confirmed=$(sed -n 's/^PASS kill: .* \([0-9]*\) batches confirmed in \([0-9]*\) commits.*/\1 \2/p' "$work/sound.out")
[ -n "$confirmed" ] || confirmed="0 1"
check "small batches share commits, as they do in a broker ($confirmed)" [ "${confirmed% *}" -ge $((2 * ${confirmed#* })) ]
"$bin/casemill" crash-test "$work/disk" >/dev/full 2>"$work/unheard.err"
equal "output that cannot be written is a failure" $? 1
contains "and the error message states the cause" "$work/unheard.err" "standard output cannot be written"
equal "nothing is left behind then" "$(ls -A "$work/disk")" ""

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    tried nolock strace -f -o /dev/null -e trace=flock -e inject=flock:retval=0 "$bin/casemill" crash-test "$work/disk"
    equal "without locks the disk fails" "$tried_code" 1
    contains "in that line" "$work/nolock.out" "^FAIL lock"
    equal "and in no other" "$(grep -c '^FAIL' "$work/nolock.out")" 1
    tried noreserve strace -f -o /dev/null -e trace=fallocate -e inject=fallocate:retval=0 "$bin/casemill" crash-test "$work/disk"
    equal "without reservation the disk fails" "$tried_code" 1
    contains "in that line" "$work/noreserve.out" "^FAIL reserve"
    equal "nothing is left behind" "$(ls -A "$work/disk")" ""
else
    echo "skipped: strace is not there or not allowed"
fi

if mount_small "$work/small" size=300m; then
    tried memory "$bin/casemill" crash-test "$work/small" --json
    equal "memory fails as a disk" "$tried_code" 1
    contains "because it keeps nothing" "$work/memory.out" '"fault":"sync","pass":false'
    dd if=/dev/zero of="$work/small/filler" bs=1M count=100 2>/dev/null
    tried full "$bin/casemill" crash-test "$work/small"
    equal "too little space: the test does not start" "$tried_code" 1
    contains "and the error message states the cause" "$work/full.err" "256 MiB have to be free"
    equal "nothing but the filler is there" "$(ls -A "$work/small")" filler
else
    echo "skipped: mount is not allowed"
fi
finish
