#!/bin/sh
# Bad cases among good ones, and frames that are no batch at all.  A bad case is a dead letter with
# the path, its neighbours get outcomes; a bad frame is refused and the broker goes on.
# A failure means one sender can spoil another's work, or is not told what was wrong.
# suite: quick, full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
casemill generate --cases 100 --seed 5 --bad 0 --duplicates 0 --out "$work/good.jsonl" || abort "generate"
# Ten faults, each in a copy of a good line, among the hundred good ones.
/usr/bin/python3 - "$work/good.jsonl" >"$work/mixed.jsonl" 2>"$work/mixed.want" <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
def fact(name, value):
    return lambda case: case["facts"].__setitem__(name, value)
faults = [
    (fact("claim_country", "XX"), "claim_country"),
    (fact("claim_country", 7), "claim_country"),
    (fact("birth_date", "1990-05"), "birth_date"),
    (fact("entry_mode", "by_balloon"), "entry_mode"),
    (fact("nationalities", ["SV", None]), "nationalities[1]"),
    (fact("no_such_fact", True), "no_such_fact"),
    (fact("married", "yes"), "married"),
    (fact("minor_ctx", {"accompanied": 1}), "minor_ctx.accompanied"),
    (lambda case: case.__setitem__("reference_date", "2019-02-30"), "reference_date"),
    (lambda case: case.__setitem__("surprise", 1), "surprise"),
]
for position, case in enumerate(lines):
    print(json.dumps(case))
    if position % 10 == 4:
        spoil, path = faults[position // 10]
        bad = json.loads(json.dumps(case))
        bad["case_id"] = "BAD%d" % (position // 10)
        spoil(bad)
        print(json.dumps(bad))
        where = path if path in ("reference_date", "surprise") else "facts." + path
        print(bad["case_id"], where, file=sys.stderr)
PY
timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/mixed.jsonl" \
    >"$work/submit.out" 2>"$work/submit.err"
equal "the good neighbours have outcomes" "$(rows)" 100
equal "no bad case has one" "$(pg_sql "select count(*) from cases where case_id like 'BAD%'")" 0
equal "each bad case is one dead letter" "$(rows dead_letters)" 10
pg_sql "select case_id || ' ' || path from dead_letters order by dead" | sort >"$work/mixed.got"
sort "$work/mixed.want" >"$work/mixed.sorted"
equal "each with the path of its fault" \
    "$(diff "$work/mixed.got" "$work/mixed.sorted" | grep '^[<>]' | tr '\n' ';')" ""
equal "each says what was expected and found" \
    "$(pg_sql "select count(*) from dead_letters where expected <> '' and found <> ''")" 10
cat "$work/submit.err" >>"$work/submit.out"
contains "submit lists input line, path, expected and found" "$work/submit.out" "mixed.jsonl:6.*facts.claim_country"
check "no log holds a value that was sent" \
    sh -c "! grep -l 'by_balloon\|1990-05\"' '$work'/broker.err '$work'/worker.err '$work'/broker.out '$work'/worker.out"

# A JSON line that does not parse: nothing of its batch is sent, and the place is named.
{ head -n 3 "$work/good.jsonl"; echo '{"case_id": "HALF", "facts": {'; } >"$work/half.jsonl"
timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/half.jsonl" >"$work/half.out" 2>"$work/half.err"
equal "a line that is no JSON ends with exit code 1" $? 1
contains "and names file and line" "$work/half.err" "half.jsonl:4"

# Frames that are no batch: through pyzmq, each refused by name; the broker goes on.
timeout 60 /usr/bin/python3 tests/system/bad_frames.py "$intake" >"$work/frames.out" 2>"$work/frames.err" ||
    abort "bad frames are answered" "$(tail -n 3 "$work/frames.err")"
while read -r frame_name frame_got frame_wanted; do
    equal "frame: $frame_name" "$frame_got" "$frame_wanted"
done <"$work/frames.out"
check "the broker still runs" is_running "$broker_pid"
casemill status --control "ipc://$work/control" >"$work/status.out" 2>&1
contains "and counts what it refused" "$work/status.out" "^batches_refused_total +[1-9]"
casemill generate --cases 20 --seed 6 --bad 0 --duplicates 0 --out "$work/after.jsonl" || abort "generate"
sed -i 's/"G0/"A0/' "$work/after.jsonl"
check "and serves the next batch" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/after.jsonl" >"$work/after.out" 2>"$work/after.err"
equal "whose cases have outcomes" "$(pg_sql "select count(*) from cases where case_id like 'A0%'")" 20
stop "$worker_pid"
equal "the worker ends in order" $? 0
stop "$broker_pid"
equal "the broker ends in order" $? 0
finish
