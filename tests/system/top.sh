#!/bin/sh
# What an operator watches: the broker's own page, and `casemill top` on a terminal, in a log and for scripts. Names
# from outside never reach the terminal as they are.
# A failure means that the operator does not see a fault, or that the terminal is left in disorder.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
control=ipc://$work/control
casemill top --once --control "$control" >"$work/once.out" 2>"$work/once.err"
equal "top --once: exit code" $? 0
contains "it shows that the broker is not ready, with the reason" "$work/once.out" "NOT READY: no lane is connected"
casemill top --once --control "$control,ipc://$work/nowhere" >"$work/once.out" 2>"$work/once.err"
equal "with a broker that is not there: exit code" $? 1
contains "it names it" "$work/once.err" "no answer from ipc://$work/nowhere"
contains "and shows the other" "$work/once.out" "^ipc://$work/control .*NOT READY"

# page PROGRAM: what its page shows, compared with /status, also in the lists
page() { /usr/bin/python3 - "$(ready_field "$1" http)" >"$work/page.out" 2>&1; } <<'PY'
import json, re, sys, urllib.request
get = lambda path: urllib.request.urlopen(sys.argv[1] + path, timeout=5)
reply = get("/")
page, status = reply.read().decode(), json.load(get("/status"))
for own in re.findall(r'(?:src|href)="(/\w+[.](?:css|js))"', page):
    page += get(own).read().decode()
fields = set(re.findall(r'data-(?:field|rate|trend|part|whole|rows)="(\w+)"', page)) | set(re.findall(r"status\.(\w+)", page))
print("type", reply.headers["Content-Type"])
print("fields", len(fields), "unknown", sorted(fields - set(status)))
for rows, head in re.findall(r'data-rows="(\w+)">(.*?)</thead>', page):
    columns = set(re.findall(r'data-column="(\w+)"', head))
    print("rows", rows, len(status[rows]), "unknown", sorted(columns - set(status[rows][0])) if status[rows] else [])
print("loads", re.findall(r'(?:src|href)="(?!/\w)[^>]*|(?:@import|https?:|//\w)[^>]*', page))
PY
page broker
contains "the broker's / is a page" "$work/page.out" "^type text/html; charset=utf-8"
contains "what it shows is what /status has" "$work/page.out" "^fields [23][0-9] unknown \[\]"
contains "and it loads nothing from elsewhere" "$work/page.out" "^loads \[\]"

worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
page worker
contains "the worker's / is a page" "$work/page.out" "^type text/html; charset=utf-8"
contains "what it shows is what its /status has" "$work/page.out" "^fields [12][0-9] unknown \[\]"
contains "with a row for each lane" "$work/page.out" "^rows lane_list 2 unknown \[\]"
contains "and for each broker" "$work/page.out" "^rows broker_list 1 unknown \[\]"
contains "and it loads nothing from elsewhere, either" "$work/page.out" "^loads \[\]"
start lines "$bin/casemill" top --control "$control"
lines_pid=$started_pid
start json "$bin/casemill" top --json --control "$control"
json_pid=$started_pid
check "elsewhere than on a terminal it is a line each second" wait_until 20 grep -q 'answers=yes.* lanes=2' "$work/lines.out"
casemill generate --cases 3000 --seed 3 --bad 0 --duplicates 0 --out "$work/some.jsonl" || abort "generate"
# The client chooses the name of its source: here one that would colour the terminal and break the table.
submit --ack outcome --source "$(printf 'no\033[31mrth\nwest\302\233\342\200\256')" "$work/some.jsonl" >"$work/submit.out" 2>"$work/submit.err"
equal "cases are submitted" $? 0
check "they are seen to be accepted" wait_until 20 grep -q ' accepted_s=[1-9]' "$work/lines.out"
check "and done" wait_until 20 grep -q ' done_s=[1-9]' "$work/lines.out"
has_rate() { grep -Eq '"source":"no.u001B[^}]*}[^}]*"done_per_s":[1-9]' "$work/json.out"; }
check "in JSON their source is, too" wait_until 20 has_rate
casemill pause --control "$control" >"$work/pause.out" 2>&1
check "a pause is seen" wait_until 20 grep -q 'unready="paused by ' "$work/lines.out"
casemill resume --control "$control" >"$work/resume.out" 2>&1
kill -INT "$json_pid"
check "SIGINT ends it" wait_until 20 is_gone "$json_pid"
reap "$json_pid"
equal "with exit code 0" $? 0
check "each line is JSON" /usr/bin/python3 -c "
import json, sys
assert len([json.loads(line) for line in open(sys.argv[1])]) > 1" "$work/json.out"

for verb in sources "top --once"; do
    # shellcheck disable=SC2086
    casemill $verb --control "$control" >"$work/names.out" 2>&1
    check "casemill $verb shows the name without its control characters" \
        grep -qF 'no?[31mrth?west??' "$work/names.out"
    check "and none elsewhere" harmless "$work/names.out"
done
casemill sources --json --control "$control" >"$work/names.json"
check "in JSON they are escapes" harmless "$work/names.json"
equal "and the name is what it was" "$(/usr/bin/python3 -c '
import json, sys
print([row["source"] for row in json.load(open(sys.argv[1]))["sources"] if row["source"].startswith("no")] == ["no\033[31mrth\nwest\x9b\u202e"])' "$work/names.json")" True
check "no log has any" harmless "$work/broker.err" "$work/worker.err" "$work/lines.out"

timeout 120 /usr/bin/python3 tests/system/top_pty.py "$bin/casemill" "$control" >"$work/pty.out" 2>"$work/pty.err"
equal "it runs on a terminal" $? 0
while read -r verdict text; do
    case $verdict in ok) ok "$text" ;; *) not_ok "$verdict $text" "$(tail -n 3 "$work/pty.err")" ;; esac
done <"$work/pty.out"
equal "all of its checks were made" "$(wc -l <"$work/pty.out")" 14

stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
check "a lost broker is reported" wait_until 20 grep -q 'answers=no fault="[^"]*is the broker running' "$work/lines.out"
: >"$work/lines.out"
broker_start
check "one that is back is seen again" wait_until 20 grep -q 'answers=yes' "$work/lines.out"
stop "$lines_pid"
equal "TERM ends it with exit code 0" $? 0
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
finish
