#!/bin/sh
# `submit --results` writes the result of each case, and it is the one that PostgreSQL has.
# A failure means that an intake system does not learn which of its cases failed, or what to ask for next.
# suite: full
. "$(dirname "$0")/lib.sh"
count=3000

# lines FILE: "case_id disposition agreement reason first-missing" or "case_id dead reason path", sorted
lines() {
    /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    one = json.loads(line)
    if one["case_id"] is None:
        continue
    if "dead" in one:
        print(one["case_id"], "dead", one["dead"]["reason"], one["dead"]["path"] or "-")
    elif "disposition" in one:
        first = one["missing"][0]["path"] if one["missing"] else "-"
        print(one["case_id"], one["disposition"], one["agreement"], one["reason"], len(one["missing"]), first)
    else:
        print(one["case_id"], "none")' "$1" | LC_ALL=C sort
}
stored() { # the same from PostgreSQL
    pg_sql "select case_id || ' ' || disposition || ' ' || agreement || ' ' || reason || ' ' || cardinality(missing) || ' '
                || coalesce(missing[1], '-') from report.outcomes
            union all select case_id || ' dead ' || reason || ' ' || coalesce(nullif(path, ''), '-') from dead_letters
            where case_id is not null" | LC_ALL=C sort
}
same() { # same TEXT FILE: the lines of the file are what is stored
    lines "$2" >"$work/got.lines"
    stored >"$work/stored.lines"
    if cmp -s "$work/got.lines" "$work/stored.lines"; then
        ok "$1"
    else
        not_ok "$1" "$(diff "$work/got.lines" "$work/stored.lines" | head -n 4)"
    fi
}

has_lines() { [ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; } # has_lines FILE COUNT
ended() { # ended PID: its exit code, once it has ended by itself
    wait_until 60 is_gone "$1" || abort "the submission ends"
    reap "$1"
}

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 3 --bad 5 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"

casemill submit --broker "$intake" --results "$work/first.jsonl" "$work/cases.jsonl" >"$work/first.out" 2>"$work/first.err"
equal "dead letters among the cases: code 3" $? 3
equal "one line per case" "$(grep -c . "$work/first.jsonl")" "$count"
same "each line is what PostgreSQL has" "$work/first.jsonl"
equal "each line names its case" "$(/usr/bin/python3 -c '
import json, sys
cases = [json.loads(line) for line in open(sys.argv[1])]
results = [json.loads(line) for line in open(sys.argv[2])]
print(sum(cases[one["line"] - 1].get("case_id") == one["case_id"] for one in results))' "$work/cases.jsonl" "$work/first.jsonl")" "$count"
check "a missing fact has its question" grep -q '"question":"[A-Z]' "$work/first.jsonl"
check "standard output has the summary alone" [ "$(grep -c . "$work/first.out")" -eq 1 ]

casemill submit --broker "$intake" --results - "$work/cases.jsonl" >"$work/again.jsonl" 2>"$work/again.err"
same "sent again, to standard output: the same results" "$work/again.jsonl"
equal "each outcome is a duplicate" "$(grep -c '"duplicate":true' "$work/again.jsonl")" "$(pg_sql "select count(*) from cases")"

# Without the request DONE has one frame, with it two; a REQ and an old header work as before.
check "DONE has results for those who ask" /usr/bin/python3 tests/system/results_frames.py "$intake"

# The broker dies while batches are on their way: the request is in its journal.
casemill generate --cases 20000 --seed 5 --bad 0 --duplicates 0 --out "$work/more.jsonl" || abort "generate"
pg_sql "truncate cases, dead_letters cascade" >/dev/null
start sender "$bin/casemill" submit --broker "$intake" --batch 100 --results "$work/killed.jsonl" "$work/more.jsonl"
sender=$started_pid
wait_until 20 has_lines "$work/killed.jsonl" 1000 || abort "the first results"
kill_hard "$broker_pid"
broker_start
ended "$sender"
equal "a broker that died: all is done" $? 0
equal "and each case has its line" "$(grep -c . "$work/killed.jsonl")" 20000
same "as PostgreSQL has it" "$work/killed.jsonl"

# The batch was queued without the request: the client sends it again, and gets what is stored.
stop "$worker_pid"
pg_sql "truncate cases, dead_letters cascade" >/dev/null
head -n 500 "$work/cases.jsonl" >"$work/few.jsonl"
check "queued without a request" casemill submit --broker "$intake" --ack journal "$work/few.jsonl" >"$work/few.out" 2>&1
start late "$bin/casemill" submit --broker "$intake" --results "$work/late.jsonl" "$work/few.jsonl"
late=$started_pid
sleep 1
worker_start worker
ended "$late"
equal "requested later: done, with dead letters" $? 3
same "the stored results came" "$work/late.jsonl"
check "none is unavailable" sh -c "! grep -q unavailable '$work/late.jsonl'"

# A batch whose results are not in the file is not skipped by the next run with --resume.
casemill submit --broker "$intake" --resume "$work/resume" --results /dev/full "$work/few.jsonl" >"$work/full.out" 2>"$work/full.err"
equal "results that cannot be written: code 1" $? 1
casemill submit --broker "$intake" --resume "$work/resume" --results "$work/resumed.jsonl" "$work/few.jsonl" >"$work/resumed.out" 2>&1
equal "the next run gets them: code 3 for dead letters" $? 3
same "all of them" "$work/resumed.jsonl"
casemill submit --broker "$intake" --resume "$work/resume" --results "$work/rest.jsonl" "$work/few.jsonl" >"$work/rest.out" 2>&1
contains "the run after it skips all" "$work/rest.out" "^0 cases in 0 batches.*500 skipped as done before"

# The Python package gives the same.
PYTHONPATH=common/client/python /usr/bin/python3 tests/system/results_python.py "$intake" "$work/few.jsonl" >"$work/python.out" 2>"$work/python.err"
equal "the Python package ends" $? 0
LC_ALL=C sort "$work/python.out" >"$work/python.lines"
lines "$work/late.jsonl" >"$work/late.lines"
check "with the same results" cmp "$work/python.lines" "$work/late.lines"

# Lines that are no case.
{ head -n 2 "$work/more.jsonl"; echo '{"case_id": "broken'; sed -n 3p "$work/more.jsonl"; } >"$work/bad.jsonl"
casemill submit --broker "$intake" --source bad --results "$work/stops.jsonl" "$work/bad.jsonl" >"$work/stops.out" 2>"$work/stops.err"
equal "a line that is no case ends the reading" $? 1
casemill submit --broker "$intake" --source bad --skip-bad --results "$work/skips.jsonl" "$work/bad.jsonl" >"$work/skips.out" 2>"$work/skips.err"
equal "--skip-bad: code 3" $? 3
contains "the line is reported" "$work/skips.err" 'bad.jsonl:3: not sent: '
equal "the others have results" "$(grep -c '"disposition"' "$work/skips.jsonl")" 3
contains "the line is in the results" "$work/skips.jsonl" '"line":3,"case_id":null,"revision":null,"unreadable":"'
contains "the summary counts it" "$work/skips.out" '1 could not be read'

# A dry run decides as a worker does, and leaves no trace.
before=$(pg_sql "select count(*) from cases")
casemill submit --broker tcp://127.0.0.1:1 --dry-run --results "$work/dry.jsonl" "$work/few.jsonl" >"$work/dry.out" 2>"$work/dry.err"
equal "a dry run: code 3 for dead letters" $? 3
lines "$work/dry.jsonl" >"$work/dry.lines"
lines "$work/late.jsonl" >"$work/late.lines"
check "decides as the worker did" cmp -s "$work/dry.lines" "$work/late.lines"
equal "and stores nothing" "$(pg_sql "select count(*) from cases")" "$before"
stop "$broker_pid"
finish
