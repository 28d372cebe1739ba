#!/bin/sh
# A rule set is activated while cases stream through two workers. No case is dropped or decided twice, and each
# outcome is that of its own rule set. The workers use the new rule set within 5 seconds. After an activation that
# does not load, the previous rule set stays in force.
# A failure means that a change of law requires a stop of the system, or that some cases were decided by half of the
# change.
# suite: full
. "$(dirname "$0")/lib.sh"
parts=30
part_cases=1000
total=$((parts * part_cases))
changed=US-GT-ACA-2019.transit_gate=false

database_start
first=$ruleset
casemill rules publish config --set "$changed" --db "$pg_conninfo" >"$work/publish.out" 2>&1 || abort "publish"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
broker_start
worker_start one
one_pid=$worker_pid
worker_start two
two_pid=$worker_pid
casemill generate --cases "$total" --seed 21 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
split -l "$part_cases" -a 3 -d --additional-suffix=.jsonl "$work/cases.jsonl" "$work/part."

# The stream: a file after the other, each waited for, a little slower than the workers are.
stream() {
    for part in "$work"/part.*; do
        submit --ack outcome "$part" >>"$work/stream.out" 2>&1 || echo "$part" >>"$work/stream.failed"
        sleep 0.3 # so that it lasts longer than the workers may take
    done
}
stream &
streaming=$!
stored() { [ "$(rows)" -ge "$1" ]; }
loaded() { # loaded WORKER RULESET: seconds since 1970 when it took that rule set
    sed -n "s/^time=\([^ ]*\) .*event=RULESET_LOADED ruleset=$(echo "$2" | cut -c 1-12) .*/\1/p" "$work/$1.err" |
        tail -n 1 | xargs -r -I TIME date -d TIME +%s.%N
}
within_5_s() { # within_5_s WORKER
    loaded_at=$(loaded "$1" "$second")
    [ -n "$loaded_at" ] && awk -v a="$activated_at" -v b="$loaded_at" 'BEGIN {exit !(b - a >= -1 && b - a <= 5)}'
}

wait_until 30 stored $((total / 5)) || abort "the first fifth is stored"
casemill rules activate "$second" --why "in mid-flow" --db "$pg_conninfo" >"$work/activate.out" 2>&1 || abort "activate"
activated_at=$(pg_sql "select extract(epoch from max(activated_at)) from activations")
wait_until 30 stored $((total / 2)) || abort "half is stored"
check "cases still arrive" kill -0 "$streaming"
# Sound for the database, nonsense for a worker.
pg_sql "insert into rulesets (id, engine, agreements)
        values (encode(sha256('nonsense'), 'hex'), (select max(engine) from rulesets), '{}');
        insert into ruleset_texts select max(ruleset), 'nonsense' from rulesets;
        insert into activations (ruleset, why) select max(ruleset), 'does not load' from rulesets" || abort "activate nonsense"
after_nonsense=$(rows)
wait "$streaming"

equal "every file was accepted" "$([ -e "$work/stream.failed" ] && cat "$work/stream.failed")" ""
equal "each case once" "$(rows)" "$total"
equal "no case was a duplicate or a dead letter" "$(pg_sql "select sum(duplicates) + sum(dead) from commits")" 0
equal "the commits have the same number" "$(pg_sql "select sum(cases) from commits where mode = 'intake'")" "$total"
equal "the report states how far it is complete" "$(pg_sql "
    select count(*) from report.completeness
    where complete_before > (select min(received_at) from cases) and complete_before <= (select max(received_at) from cases)")" 1
check "worker one took it within 5 seconds" within_5_s one
check "worker two took it within 5 seconds" within_5_s two
equal "no later case was decided by the old rule set" "$(pg_sql "
    select count(*) from cases join rulesets using (ruleset)
    where id = '$first' and decided_at > to_timestamp($activated_at) + interval '5 seconds'")" 0
pg_sql "select r.id, count(*), count(distinct lane) from cases c join rulesets r using (ruleset) join commits using (commit)
        group by 1 order by 2" >"$work/shares"
equal "both rule sets decided" "$(cut -d '|' -f 1 "$work/shares" | sort | tr '\n' ' ')" \
    "$(printf '%s\n%s\n' "$first" "$second" | sort | tr '\n' ' ')"
contains "worker one refused the rule set that does not load" "$work/one.err" "RULESET_REFUSED"
contains "and worker two" "$work/two.err" "RULESET_REFUSED"
check "and the old rule set still decides ($after_nonsense of $total before)" [ "$after_nonsense" -lt "$total" ]

# Each outcome against its own rule set, all of them.
cat >"$work/lines.py" <<'PY'
import json
import sys

for line in sys.stdin:
    case = json.loads(line)
    print("|".join([case["ruleset"], case["case_id"], str(case["revision"]), case["disposition"], case["reason"]]))
PY
{
    casemill evaluate --rules config "$work/cases.jsonl"
    casemill evaluate --rules config --set "$changed" "$work/cases.jsonl"
} 2>"$work/evaluate.err" | /usr/bin/python3 "$work/lines.py" | sort >"$work/wanted"
pg_sql "select ruleset, case_id, revision, disposition, reason from report.outcomes" | sort >"$work/got"
equal "both rule sets were computed for all" "$(wc -l <"$work/wanted")" $((2 * total))
equal "and differ in some" "$([ "$(cut -d '|' -f 2- "$work/wanted" | sort -u | wc -l)" -gt "$total" ] && echo yes)" yes
equal "every outcome is that of the rule set it names" "$(comm -23 "$work/got" "$work/wanted" | wc -l)" 0
check "the workers drain" stop "$one_pid"
check "both of them" stop "$two_pid"
finish
