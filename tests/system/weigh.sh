# shellcheck shell=sh
# What the tests of memory share: the broker's gauges, its highest anonymous memory, a verdict on a bound.
# Sourced after lib.sh.

metric() { # metric NAME: a member of /status
    /usr/bin/python3 -c 'import json, sys, urllib.request
print(json.load(urllib.request.urlopen(sys.argv[1] + "/status"))[sys.argv[2]])' "$(ready_field broker http)" "$1" 2>/dev/null
}
anon_mib() { awk '/^RssAnon/ {print int($2 / 1024)}' "/proc/$broker_pid/status" 2>/dev/null; }
at_least() { [ "$(metric "$1")" -ge "$2" ] 2>/dev/null; } # at_least NAME N: false while the broker is away
highest=0
sample() {
    anon=$(anon_mib)
    [ "${anon:-0}" -le "$highest" ] || highest=$anon
}
below() { # below TEXT VALUE LIMIT
    if [ "${2:-999999999}" -le "$3" ]; then ok "$1 ($2 of $3)"; else not_ok "$1" "$2, at most $3"; fi
}
