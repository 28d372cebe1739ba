#!/bin/sh
# Benchmark evaluate: a case decoded and evaluated, without a database, under 4, 40 and 400 agreements, beside
# msgpack-c's unpacking of the same bytes.  The further agreements are the shipped ones under other names.
# Called by run.sh.
set -u
. "$(dirname "$0")/lib.sh"
casemill generate --cases 2000 --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"

agreements() { # agreements DIR COPIES: the shipped rules, COPIES times
    mkdir -p "$1/agreements" && cp config/case.yaml "$1/" || return 1
    for file in config/agreements/*.yaml; do
        id=$(basename "$file" .yaml)
        for copy in $(seq "$2"); do
            # Their tests name officers' facts by agreement, and are not what is measured.
            sed "s/$id/$id-$copy/g; /^example:/,\$d" "$file" >"$1/agreements/$id-$copy.yaml" || return 1
        done
    done
}
goal='<= 2'
for count in 4 40 400; do
    agreements "$work/rules$count" "$((count / 4))" || abort "the agreements are written"
    "$tools/bench_evaluate" "$work/rules$count" "$work/cases.mp" >"$work/lines" || abort "bench_evaluate"
    figure evaluate "evaluate.$count" ns "$goal" <"$work/lines"
    # Ten times the agreements, less than ten times the time.
    goal="<= $(sort -g -k 2 "$work/lines" | awk '{ ratio[NR] = $2 } END { print 10 * ratio[int((NR + 1) / 2)] }')"
done
done_with
