#!/bin/sh
# config/demo/run.sh --keep: the build shows its progress, everything stays, each thing to try works, and one command ends it.
# suite: full, alone
set -u
. "$(dirname "$0")/lib.sh"
TMPDIR=$work
export TMPDIR
touch common/cli/main.c # so that there is something to build
sh config/demo/run.sh --keep --cases 500 --workers 2 >"$work/demo.txt" 2>&1
equal "the demo works" $? 0
contains "the build shows its progress" "$work/demo.txt" '^building: [0-9]+ of [0-9]+$'
contains "every case has an outcome" "$work/demo.txt" '^outcomes: 500 of 500$'
page=$(sed -n 's/^page *//p' "$work/demo.txt")
reads() { python3 -c 'import sys, urllib.request; sys.exit(b"casemill" not in urllib.request.urlopen(sys.argv[1], timeout=5).read())' "$1"; }
check "the page is there" reads "$page"
check "so are the metrics" reads "$(sed -n 's/^metrics *//p' "$work/demo.txt")"
prepare=$(sed -n 's/^First: *//p' "$work/demo.txt")
tried=0
for number in 1 2 3 4 5; do
    try=$(sed -n "s/^$number\. [^:?]*[:?]  *//p" "$work/demo.txt")
    [ -n "$try" ] || continue
    tried=$((tried + 1))
    timeout 60 sh -eu -c "$prepare; $try" >"$work/try$number.out" 2>&1
    equal "thing $number to try: $try" $? 0
done
equal "there are five" "$tried" 5
contains "the killed worker's cases are done by the other" "$work/try3.out" '500'
end=$(sed -n 's/^To end all of it: *//p' "$work/demo.txt")
kept=$(dirname "${end#sh }")
kept_pids=$(sed -n 's/^end [A-Z]* \([0-9]*\) [0-9]*$/\1/p' "$kept/stop.sh")
equal "it knows the broker, two workers and PostgreSQL" "$(echo "$kept_pids" | wc -l)" 4
are_gone() {
    for kept_pid in $kept_pids; do is_gone "$kept_pid" || return 1; done
}
timeout 60 sh -c "$end" >"$work/end.out" 2>&1
equal "one command ends it" "$? $(cat "$work/end.out")" "0 "
check "its files are gone" [ ! -e "$kept" ]
check "so are its programs" are_gone
finish
