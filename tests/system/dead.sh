#!/bin/sh
# Dead letters of each kind: rows that PostgreSQL refuses, cases over every limit of the schema, a conflict. Other
# cases of the same batches are done. `casemill dead` lists, shows, retries and drops dead letters with an operator's
# rights alone, and records the operator. A retry is as durable as any other work: worker and broker are killed during
# it, and each case has one outcome.
# A failure means that a case which could not be stored cannot be stored later, is stored twice, or is shown without a
# record.
# suite: full
. "$(dirname "$0")/lib.sh"
count=4000
refused=1500

letters() { pg_sql "select count(*) from report.dead_letters where ${1:-true}"; }
actions() { pg_sql "select count(*) || ' ' || coalesce(sum(cardinality(letters)), 0) from operator_actions where kind = '$1'"; }
dead() { "$bin/casemill" dead "$@" --db "$desk_conninfo" --control "ipc://$work/control"; }
sent() { timeout 100 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 1000 "$1" >"$work/submit.out" 2>&1; }

database_start
pg_sql "create role casemill_desk login in role casemill_operator" || abort "the operator's role is made"
desk_conninfo="host=$pg_dir user=casemill_desk dbname=casemill"
broker_start CASEMILL_LANES_BEAT_MS=300 CASEMILL_LANES_SILENT_MS=1500
worker_start worker

# --- each kind
casemill generate --cases "$count" --seed 31 --bad 0 --duplicates 0 --out "$work/good.jsonl" || abort "generate"
awk -v n="$refused" 'NR <= n { sub(/"case_id": *"/, "&REFUSED") } { print }' "$work/good.jsonl" >"$work/cases.jsonl"
pg_sql "alter table cases add constraint refused check (case_id not like 'REFUSED%')"
sent "$work/cases.jsonl"
equal "rows that the database refuses are dead letters" \
    "$(letters "reason = 'not_storable' and case_id like 'REFUSED%'") $(letters)" "$refused $refused"
equal "the other cases of the batch have outcomes" "$(rows)" "$((count - refused))"
/usr/bin/python3 - "$work/good.jsonl" >"$work/limits.jsonl" <<'PY'
import json, sys
case = json.loads(open(sys.argv[1]).readline())
def over(name, change):
    spoiled = json.loads(json.dumps(case))
    spoiled["case_id"] = "L" + name
    change(spoiled)
    print(json.dumps(spoiled))
over("case_id", lambda c: c.__setitem__("case_id", "L" + "x" * 64))
over("revision", lambda c: c.__setitem__("revision", 2 ** 31))
over("list", lambda c: c["facts"].__setitem__("nationalities", ["SV"] * 5000))
over("string", lambda c: c["facts"].__setitem__("claim_country", "S" * 100000))
over("deep", lambda c: c["facts"].__setitem__("claim_country", [[[[[["SV"]]]]]]))
over("\033[31mkeys", lambda c: c["facts"].update({"fact_%d" % i: 1 for i in range(3000)}))
over("date", lambda c: c.__setitem__("as_of", "99999-01-01"))
print(json.dumps(dict(case, case_id="LNONE")))
PY
sent "$work/limits.jsonl"
equal "a case over a limit is a dead letter, each of them" "$(letters "reason <> 'not_storable'")" 7
equal "and the case beside it is done" "$(pg_sql "select count(*) from cases where case_id = 'LNONE'")" 1
head -n $((refused + 1)) "$work/cases.jsonl" | tail -n 1 | sed 's/"as_of": *"[0-9-]*"/"as_of": "2019-12-31"/' >"$work/conflict.jsonl"
sent "$work/conflict.jsonl"
equal "other content under the same name is one, too" "$(letters "reason = 'conflict'")" 1

# --- list, show
check "list" dead list >"$work/list.out" 2>&1
contains "groups them by reason" "$work/list.out" "not_storable +$refused +$refused"
check "list of single dead letters" dead list --letters --reason conflict --json >"$work/letters.out" 2>&1
contains "names each by number" "$work/letters.out" '"letter":[0-9]+,"reason":"conflict".*"seen":1,'
conflict=$(sed -n 's/.*"letter":\([0-9]*\),.*/\1/p' "$work/letters.out")
dead list --letters --reason unknown_fact >"$work/letters.txt" 2>&1
contains "a name from outside is shown" "$work/letters.txt" 'L\?\[31mkeys'
check "without its control characters" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' '$work/letters.txt'"
check "no list shows the content of a case" sh -c "! grep -q claim_country '$work/list.out' '$work/letters.out'"
for wrong in "list" "list --letters" "drop --why x" "retry --why x"; do
    # shellcheck disable=SC2086
    dead $wrong --reason conflit >"$work/wrong.out" 2>&1
    equal "dead $wrong with a reason that does not exist: exit code" $? 2
    contains "the nearest one is named" "$work/wrong.out" 'no reason "conflit", did you mean conflict[?]'
done
dead show "$conflict" >"$work/show.out" 2>&1
equal "show requires a reason" $? 2
check "show" dead show "$conflict" --why "looked into" --json >"$work/show.out" 2>&1
contains "prints the case as it was sent" "$work/show.out" '"as_of":"2019-12-31"'
equal "and the database records it with the name" \
    "$(pg_sql "select kind, why, done_by, letters from operator_actions where kind = 'show'")" "show|looked into|casemill_desk|{$conflict}"
dead show 999999 --why x >"$work/none.out" 2>&1
equal "a number without a dead letter: exit code" $? 1
contains "the error message names it" "$work/none.out" "no dead letter 999999"

# --- export: by filter, as a file that submit reads
check "export" dead export --reason not_storable --why "for its source" --out "$work/export.jsonl" >"$work/export.out" 2>&1
contains "the output has their number" "$work/export.out" "^$refused dead letters exported"
equal "each case is a line" "$(sort "$work/export.jsonl" | uniq | wc -l)" "$refused"
equal "its owner alone can read the file" "$(stat -c %a "$work/export.jsonl")" 600
equal "every number is recorded before it is written" "$(pg_sql "select sum(cardinality(letters)) from operator_actions where why = 'for its source'")" "$refused"
dead export --reason not_storable --why "again" --out "$work/export.jsonl" >"$work/export.out" 2>&1
equal "an existing file is not overwritten" $? 1
check "MessagePack" dead export --reason not_storable --why "exact" --format msgpack --out "$work/export.msgpack" >"$work/export.out" 2>&1
equal "is exactly what was sent" "$(/usr/bin/python3 -c '
import msgpack, sys
print(sum(1 for _ in msgpack.Unpacker(open(sys.argv[1], "rb"))))' "$work/export.msgpack") $(stat -c %s "$work/export.msgpack")" \
    "$refused $(pg_sql "select sum(octet_length(body)) from dead_letters where reason = 'not_storable'")"
# What JSON cannot hold is not changed into something else: bytes that are no text, a number that is not finite.  1.0 stays a real number.
/usr/bin/python3 - "$intake" <<'PY' || abort "cases that JSON cannot hold"
import msgpack, os, sys, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.connect(sys.argv[1])
cases = [{"case_id": "J%d" % i, "revision": 0, "reference_date": "2020-01-10", "facts": {"unknown": value}}
         for i, value in enumerate([b"\xff\xfe", float("nan"), 1.0, "text"])]
header = {"batch": os.urandom(16), "count": len(cases), "source": "inexact", "ack": "outcome"}
socket.send_multipart([msgpack.packb(["CM1", "SUBMIT", header]), b"".join(map(msgpack.packb, cases))])
if not socket.poll(30000):
    sys.exit("no DONE")
PY
equal "each of them is a dead letter" "$(letters "source = 'inexact'")" 4
dead export --source inexact --why "repair" --out "$work/inexact.jsonl" >"$work/inexact.out" 2>&1
equal "an export that leaves cases out: exit code" $? 1
contains "it has the others" "$work/inexact.out" "^2 dead letters exported"
kept=$(pg_sql "select string_agg(dead::text, ', ' order by dead) from report.dead_letters where source = 'inexact' and position < 2")
contains "and names those" "$work/inexact.out" "2 are left out, because JSON cannot hold their values: export $kept with --format msgpack"
equal "a number stays what it is" "$(sed 's/.*"unknown"://' "$work/inexact.jsonl" | sort | tr '\n' ' ')" '"text"}} 1.0}} '
check "MessagePack has all" dead export --source inexact --why "repair" --format msgpack --out "$work/inexact.msgpack" >"$work/inexact.out" 2>&1
pg_sql "update dead_letters set reapplied = true where dead = ${kept%%,*}"
dead export "${kept%%,*}" "${kept##* }" --why "repair" --out "$work/reapplied.jsonl" >"$work/inexact.out" 2>&1
equal "a number whose dead letter holds no case: exit code" $? 1
contains "it is named" "$work/inexact.out" "dead letter ${kept%%,*} is of a reapplication or a retry and holds no case"
check "and no file is made" [ ! -e "$work/reapplied.jsonl" ]
pg_sql "delete from dead_letters d using sources s where s.source = d.source and s.name = 'inexact'"
contains "with --json each line has its number and reason" "$work/letters.out" '"reason":"conflict"'
equal "as many" "$(dead export --source local --why "all" --json 2>/dev/null | grep -c '"letter":[0-9]*,"source":"local"')" "$(letters)"
dead export --why "x" >"$work/export.out" 2>&1
equal "without a filter it is refused" $? 2
sent "$work/export.jsonl"
equal "sent again they are the same dead letters" "$(pg_sql "select count(*), min(seen) from dead_letters where reason = 'not_storable'")" "$refused|2"
pg_sql "update dead_letters set seen = 1"

# --- retry
check "a dry run" dead retry --reason not_storable --dry-run >"$work/dry.out" 2>&1
contains "counts" "$work/dry.out" "$refused dead letters; nothing was done"
equal "and does nothing" "$(actions retry)" "0 0"
dead retry --reason not_storable --why "too early" >"$work/early.out" 2>&1
equal "a case that still cannot be stored is a dead letter again" $? 1
contains "all of it" "$work/early.out" "$refused dead letters: 0 have an outcome, 0 had one, $refused are dead again"
equal "counted once more, not written again" \
    "$(pg_sql "select count(*), min(seen), max(seen) from dead_letters where reason = 'not_storable'")" "$refused|2|2"
pg_sql "alter table cases drop constraint refused"
before=$(rows)
start retry "$bin/casemill" dead retry --reason not_storable --why "fixed" --db "$desk_conninfo" --control "ipc://$work/control" --rate 500
retry_pid=$started_pid
resolved() { [ "$(pg_sql "select count(*) from dead_letters where resolved_at is not null")" -ge "$1" ]; }
wait_until 60 resolved 1 || abort "dead letters are retried"
kill_hard "$worker_pid"
kill_hard "$broker_pid"
broker_start CASEMILL_LANES_BEAT_MS=300 CASEMILL_LANES_SILENT_MS=1500
worker_start worker2
wait_until 90 is_gone "$retry_pid" || abort "the retry comes to its end"
wait "$retry_pid"
equal "killed in the middle, the retry ends well" $? 0
contains "and accounts for each" "$work/retry.out" "^$refused dead letters: .* 0 are dead again"
equal "each case has its outcome, once" "$(rows) $(pg_sql "select count(*) from cases where case_id like 'REFUSED%'")" "$((before + refused)) $refused"
equal "under its own source" "$(pg_sql "select count(*) from cases join sources using (source) where name <> 'local'")" 0
equal "resolved with it, by the transaction that wrote it" "$(pg_sql "
    select count(*) from dead_letters d join cases c using (source, case_id, revision) where d.resolved_at is not null
    and d.resolved_by = c.commit and c.received_at = d.received_at and d.received_at < d.first_seen_at")" "$refused"
equal "none is open" "$(letters "reason = 'not_storable'")" 0
equal "daily counts have them" "$(pg_sql "select sum(outcomes) from report.daily_counts")" "$(rows)"
casemill evaluate --rules config "$work/good.jsonl" 2>/dev/null | head -n "$refused" |
    sed -n 's/.*"case_id": *"\([^"]*\)".*"as_of": *"[^"]*", *"disposition": *"\([a-z_]*\)".*/REFUSED\1|\2/p' | sort >"$work/wanted"
pg_sql "select case_id, disposition from report.outcomes where case_id like 'REFUSED%'" | sort >"$work/got"
check "each outcome equals the result of evaluate" cmp -s "$work/wanted" "$work/got"
check "again there is nothing to do" dead retry --reason not_storable --why "again" >"$work/again.out" 2>&1
contains "and the output states it" "$work/again.out" "^0 dead letters"
dead retry --reason conflict --agreement NO-SUCH --why "none" >"$work/agreement.out" 2>&1
contains "an agreement that decided none of them chooses none" "$work/agreement.out" "^0 dead letters"
agreement=$(pg_sql "select a.agreement from dead_letters d join cases c using (source, case_id, revision) join codes a on a.code = c.agreement where d.dead = $conflict")
dead retry --agreement "$agreement" --why "conflict again" --json >"$work/agreement.out" 2>&1
contains "the one that decided the case chooses it" "$work/agreement.out" '"letters":1,"outcomes":0,"duplicates":0,"dead":1'

# --- drop
check "drop by number" dead drop "$conflict" --why "sent in error" >"$work/drop.out" 2>&1
equal "the dead letter is removed" "$(pg_sql "select count(*) from dead_letters where dead = $conflict")" 0
check "drop all of a source" dead drop --source local --why "cleared" >"$work/drop.out" 2>&1
contains "the output has their number" "$work/drop.out" "^7 dead letters dropped"
equal "and the database records the operator and the numbers" "$(actions drop)" "2 8"
equal "a resolved dead letter stays" "$(pg_sql "select count(*) from dead_letters")" "$refused"
equal "a role cannot record an action under another name" "$(PGOPTIONS='' psql -qtA "$desk_conninfo" -c "insert into operator_actions (kind, why, letters, done_by) values ('drop', 'x', '{}', 'someone')" 2>&1 | grep -c 'permission denied')" 1

# --- lanes without the right
sed -n "1p" "$work/good.jsonl" | sed 's/"case_id": *"/&AGAIN/; s/"claim_country": *"[A-Z]*"/"claim_country": "XX"/' >"$work/again.jsonl"
sent "$work/again.jsonl"
pg_sql "revoke select (body) on dead_letters from casemill_worker"
dead retry --source local --why "no right" >"$work/denied.out" 2>&1
equal "without the right it is refused" $? 1
equal "the dead letter has that reason" "$(letters "reason = 'not_allowed'")" 1
check "no lane lost its connection over it" sh -c "! grep -q POSTGRES_REFUSED '$work'/worker*.err"
check "no log holds the content of a case" sh -c "! grep -l 'REFUSEDG\|claim_country\|2019-12-31' '$work'/broker.err '$work'/worker.err '$work'/worker2.err"
check "nor does PostgreSQL's log" sh -c "! grep -q 'Failing row\|INSERT INTO dead_letters' '$pg_dir/log'"
contains "although it has the refused statements" "$pg_dir/log" 'violates check constraint "refused"'
pg_sql "revoke set on parameter log_min_error_statement from casemill_worker" || abort "the right is taken"
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
worker_start worker3
contains "a lane without the right to set log_min_error_statement warns" "$work/worker3.err" "SETTING_WARNING.*quotes cases.*sql/roles.sql"
stop "$worker_pid"
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
