#!/bin/sh
# Bad cases among good ones, and frames that are no batch. A bad case becomes a dead letter that names the path, and
# the other cases of its batch get outcomes. A bad frame is refused, and the broker continues.
# A failure means that one sender can spoil the work of another, or that the sender does not learn what was wrong.
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
equal "the good cases have outcomes" "$(rows)" 100
equal "no bad case has an outcome" "$(pg_sql "select count(*) from cases where case_id like 'BAD%'")" 0
equal "each bad case is one dead letter" "$(rows dead_letters)" 10
pg_sql "select case_id || ' ' || path from dead_letters order by dead" | sort >"$work/mixed.got"
sort "$work/mixed.want" >"$work/mixed.sorted"
equal "each with the path of its fault" \
    "$(diff "$work/mixed.got" "$work/mixed.sorted" | grep '^[<>]' | tr '\n' ';')" ""
equal "each states the expected and the found value" \
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

# The files that common tools write. tests/unit/test_cli_files.c reads each row of the table in
# common/client/README.md. Here the cases are in the database, or nothing was sent.
case_json() { # case_json ID [EXTRA]
    printf '{"case_id":"%s","revision":0,%s"facts":{"claim_country":"US","nationalities":["SV"],"arrived_from":"MX"}}' "$1" "${2:-}"
}
files=$work/files
mkdir "$files"
{ printf '\357\273\277'; case_json TA1; echo; case_json TA2; echo; } >"$files/bom.jsonl"
{ case_json TB1 '"reference_date":null,"as_of":null,'; echo; } >"$files/null.jsonl"
{ printf '[\n'; case_json TC1; printf ',\n'; case_json TC2; printf ']\n'; } >"$files/array.json"
{ case_json TD1; echo; } | gzip -c >"$files/packed.jsonl.gz"
printf 'case_id,revision,reference_date,claim_country,married\r\nTE1,0,2020-01-10,US,TRUE\r\n,,,,\r\n,,,,\r\n' >"$files/excel.csv"
printf 'sep=;\r\ncase_id;revision;claim_country;nationalities\r\nTF1;0;US;"SV;GT"\r\n' >"$files/semicolons.csv"
printf 'case_id\trevision\tclaim_country\tnationalities\nTG1\t0\tUS\tSV;GT\n' >"$files/tabs.tsv"
printf 'case_id,revision,claim_country\n"TH\n1",0,US\n' >"$files/newline.csv"
for file in bom.jsonl null.jsonl array.json packed.jsonl.gz excel.csv semicolons.csv tabs.tsv newline.csv; do
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$files/$file" >"$work/file.out" 2>"$work/file.err"
    equal "$file: exit code" $? 0
done
equal "each case of these files has its outcome" \
    "$(pg_sql "select count(*) from cases where case_id ~ '^T[A-H]'")" 10
equal "a newline in a quoted cell stays" "$(pg_sql "select count(*) from cases where case_id = 'TH' || chr(10) || '1'")" 1
equal "an absent date is the day of acceptance" \
    "$(pg_sql "select (reference_date = (now() at time zone 'utc')::date) from cases where case_id = 'TB1'")" t

refused_file() { # refused_file FILE PATTERN: one line, exit code 1
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$files/$1" >"$work/file.out" 2>"$work/file.err"
    equal "$1: exit code" $? 1
    equal "$1: one line" "$(grep -vc '^casemill submit: the [0-9]* cases read' "$work/file.err")" 1
    contains "$1: it states what to do" "$work/file.err" "$2"
}
printf 'Jane Roe,1990-01-01,US\n' >"$files/headerless.csv"
refused_file headerless.csv 'headerless.csv:1: .*expected a header row first'
check "it repeats nothing of the file" sh -c "! grep -q 'Jane\|Roe\|1990' '$work/file.err'"
printf 'case_id,revision,claim_country\nTN1,7\000 junk,US\n' >"$files/nul.csv"
refused_file nul.csv 'nul.csv:2: column 2: a NUL byte.*save the file as UTF-8'
case_json TN2 | iconv -f UTF-8 -t UTF-16 >"$files/wide.jsonl"
refused_file wide.jsonl 'wide.jsonl is UTF-16 text: save the file as UTF-8'
gzip -c "$work/good.jsonl" | head -c 2000 >"$files/cut.jsonl.gz"
refused_file cut.jsonl.gz 'cut.jsonl.gz is gzip that ends too early: make or copy it again'
{ printf '['; case_json TN3; } >"$files/cut.json"
refused_file cut.json 'cut.json:1: the file ends within its JSON array'
equal "no case of these files was sent" "$(pg_sql "select count(*) from cases where case_id like 'TN%'")" 0
timeout 60 "$bin/casemill" evaluate "$files/array.json" "$files/bom.jsonl" >"$work/evaluate.out" 2>&1
equal "evaluate reads the same files" "$(grep -c '"disposition"' "$work/evaluate.out")" 4

# Frames that are no batch: through pyzmq, each refused with its reason; the broker continues.
timeout 60 /usr/bin/python3 tests/system/bad_frames.py "$intake" >"$work/frames.out" 2>"$work/frames.err" ||
    abort "bad frames are answered" "$(tail -n 3 "$work/frames.err")"
while read -r frame_name frame_got frame_wanted; do
    equal "frame: $frame_name" "$frame_got" "$frame_wanted"
done <"$work/frames.out"
check "the broker still runs" is_running "$broker_pid"
casemill status --all --control "ipc://$work/control" >"$work/status.out" 2>&1
contains "it counts the refused messages" "$work/status.out" "^batches_refused_total +[1-9]"
casemill generate --cases 20 --seed 6 --bad 0 --duplicates 0 --out "$work/after.jsonl" || abort "generate"
sed -i 's/"G0/"A0/' "$work/after.jsonl"
check "it serves the next batch" \
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/after.jsonl" >"$work/after.out" 2>"$work/after.err"
equal "the cases of that batch have outcomes" "$(pg_sql "select count(*) from cases where case_id like 'A0%'")" 20
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
