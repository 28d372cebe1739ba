#!/bin/sh
# The life of one case and of one batch, as `casemill trace` shows it to an analyst: accepted, dead, retried, decided,
# reapplied, purged; queued, in flight, done, refused.  What no place has is named as unknown.  The logs have the addresses
# at startup, and in JSON numbers are numbers.
# A failure means that an operator who asks for a case gets half of its life, an event in the wrong place, or a fact.
# suite: full
. "$(dirname "$0")/lib.sh"

send() { # send BATCH ACK COUNT CASE_ID...: one batch of source trace; prints the last receipt
    /usr/bin/python3 - "$intake" "$@" <<'PY'
import os, sys, msgpack, zmq
endpoint, batch, ack, count, *ids = sys.argv[1:]
body = b"".join(msgpack.packb({"case_id": i, "revision": 0, "reference_date": "2020-01-10", "as_of": "2020-01-10",
                               "facts": {"claim_country": "US"}}) for i in ids)
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(endpoint)
head = {"batch": bytes.fromhex(batch.replace("-", "")), "count": int(count), "ack": ack, "source": os.environ.get("SOURCE", "trace")}
socket.send_multipart([msgpack.packb(["CM1", "SUBMIT", head]), body])
wanted = {"journal": "ACCEPTED", "outcome": "DONE"}[ack]
command = ""
while command not in (wanted, "REFUSED", "BUSY"):
    if not socket.poll(15000):
        sys.exit("no receipt")
    command = msgpack.unpackb(socket.recv_multipart()[0])[1]
print(command)
PY
}
trace() { # trace NAME OPERAND...: as the analyst
    trace_name=$1
    shift
    timeout 20 "$bin/casemill" trace "$@" --db "$analyst" --control "ipc://$work/control" >"$work/$trace_name.out" 2>"$work/$trace_name.err"
}
# what NAME: the events in their order, without the times
what() { awk -F '  +' '/^20/ {print $2}' "$work/$1.out" | paste -sd , -; }
operator() { casemill "$@" --control "ipc://$work/control" >"$work/operator.out" 2>&1; }
first=11111111-aaaa-4aaa-8aaa-111111111111
second=22222222-aaaa-4aaa-8aaa-222222222222
fifth=55555555-aaaa-4aaa-8aaa-555555555555
fourth=44444444-aaaa-4aaa-8aaa-444444444444
third=33333333-aaaa-4aaa-8aaa-333333333333

database_start
pg_sql "create role ana login in role casemill_analyst; create role rita login in role casemill_reporter" || abort "the roles are made"
analyst="host=$pg_dir user=ana dbname=casemill"
broker_start
worker_start worker CASEMILL_LOG_JSON=true CASEMILL_HTTP_BIND=127.0.0.1:0

# --- the logs at startup
contains "the broker logs its addresses" "$work/broker.err" \
    "event=PROGRAM_READY version=[0-9.]* intake=\"$intake\" worker=\"$lanes\" control=\"ipc://$work/control\" http=\"$(ready_field broker http)\""
check "the worker logs brokers, http and lanes; in JSON numbers are numbers" /usr/bin/python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
ready = [line for line in lines if line["event"] == "PROGRAM_READY"][0]
assert ready["lanes"] == 2 and ready["brokers"] == sys.argv[2] and ready["http"].startswith("http://"), ready
loaded = [line for line in lines if line["event"] == "RULESET_LOADED"][0]
assert type(loaded["activation"]) is int and type(loaded["ruleset"]) is str, loaded' "$work/worker.err" "$lanes"

# --- a case that is dead, retried twice, decided, reapplied; the id of another is a number
pg_sql "alter table cases add constraint refused check (case_id not like 'D-%')"
equal "a batch is done" "$(send $first outcome 3 D-1 A-1 12345678)" DONE
check "trace of a dead case" trace dead D-1
equal "it was accepted and became a dead letter" "$(what dead)" "accepted,dead letter,known as done"
contains "of that batch" "$work/dead.out" "accepted  *trace  *batch=$first cases=3$"
contains "with the reason and the lane" "$work/dead.out" "dead letter  *lane [0-9a-f]{8}  *letter=1 reason=not_storable .*commit=[0-9-]* lane=[0-9a-f-]{36}"
# shellcheck disable=SC2046
equal "a batch with many dead letters is done" "$(send $fourth outcome 203 $(seq -f D-0%g 1 203))" DONE
check "trace of it" trace many $fourth
equal "shows the first of them" "$(what many | tr , '\n' | grep -c '^dead letter')" 200
contains "and how many there are more" "$work/many.out" "^unknown: 3 more dead letters"
casemill dead retry 1 --why "too early" --db "$pg_conninfo" --control "ipc://$work/control" >"$work/retry.out" 2>&1
equal "a retry that is too early" $? 1
pg_sql "alter table cases drop constraint refused"
check "a retry" casemill dead retry 1 --why "repaired" --db "$pg_conninfo" --control "ipc://$work/control" >"$work/retry.out" 2>&1
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1
again=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
echo "trace D-1 0" | /usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$again" --ack outcome >"$work/reapply.out" 2>&1
check "trace of all of it, by source and revision" trace life trace/D-1@0
equal "in this order" "$(what life)" \
    "accepted,dead letter,dead retry,dead again,dead retry,decided,resolved,committed,reapplied,committed,known as done"
contains "with one acceptance, from all that have it" "$work/life.out" "accepted  *trace  *revision=0 batch=$first cases=3$"
contains "with the outcome" "$work/life.out" "decided .*revision=0 disposition=insufficient_information agreement=[A-Z0-9-]* reason=[a-z_]* ruleset=$(echo "$ruleset" | cut -c 1-12)"
contains "the later outcome" "$work/life.out" "reapplied .*ruleset=$(echo "$again" | cut -c 1-12)"
contains "the operator and the reason" "$work/life.out" "dead retry  *[a-z]*  *letter=1 why=repaired"
contains "and what is unknown" "$work/life.out" "^unknown: the batch of an outcome is not stored"
check "as JSON" trace json trace/D-1@0 --json
check "with the same events" /usr/bin/python3 -c '
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["schema_version"] == 1 and answer["unknown"]
times = [event["time"] for event in answer["events"]]
assert times == sorted(times) and ",".join(event["what"] for event in answer["events"]) == sys.argv[2]' "$work/json.out" "$(what life)"
check "an id that is a number" trace number 12345678
equal "is an ordinary case" "$(what number)" "accepted,decided,committed"
check "no trace has a fact" sh -c "! grep -l 'claim_country\|US\$' '$work/life.out' '$work/json.out' '$work/number.out'"
trace revision D-1 --revision 7
equal "another revision: exit code" $? 1
contains "in one line" "$work/revision.err" "^casemill trace: nothing is known of case D-1"
equal "and nothing more" "$(wc -l <"$work/revision.err") $(wc -c <"$work/revision.out")" "1 0"
trace range D-1 --revision 2147483648
equal "a number that no revision has: exit code" $? 2
contains "the limit is named" "$work/range.err" '"2147483648" is no number from 0 to 2147483647'
trace range trace/D-1@2147483648
equal "after an @ it belongs to the id" "$? $(sed "s|: no outcome.*||" "$work/range.err")" "1 casemill trace: nothing is known of case trace/D-1@2147483648"

# --- a batch that is queued, in flight, done
check "dispatching is paused" operator pause
equal "a batch is accepted" "$(send $second journal 2 B-1 B-2)" ACCEPTED
check "trace of a queued batch" trace queued $second
equal "it is queued" "$(what queued)" "accepted,queued"
contains "in one part, at the first attempt" "$work/queued.out" "queued .*batch=$second first=0 cases=2 attempt=1"
for number in $(seq 17); do SOURCE=many$number send $fifth journal 1 "M-$number" >"$work/many.receipt"; done
check "trace of an id that 17 sources use" trace shared $fifth
equal "the broker lists some" "$(what shared | tr , '\n' | grep -c '^queued')" 16
contains "and that there are more" "$work/shared.out" "^unknown: more sources have a batch $fifth"
"$pg_bin/psql" -qtA "$pg_conninfo" -c "begin; lock table cases in exclusive mode; select pg_sleep(30)" >"$work/lock.out" 2>&1 &
locker=$!
is_locked() { [ "$(pg_sql "select count(*) from pg_locks where relation = 'cases'::regclass and mode = 'ExclusiveLock' and granted")" = 1 ]; }
wait_until 10 is_locked || abort "the table is locked"
check "dispatching resumes" operator resume
in_flight() { trace flight $second && grep -q 'in flight' "$work/flight.out"; }
wait_until 10 in_flight || abort "the batch is in flight"
contains "in flight at a lane" "$work/flight.out" "in flight  *lane [0-9a-f]{8} .*batch=$second first=0 cases=2 attempt=1 lane=[0-9a-f-]{36}"
pg_sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()" >"$work/unlock.out"
wait "$locker"
are_stored() { [ "$(pg_sql "select count(*) from cases where case_id like 'B-%'")" = 2 ]; }
wait_until 20 are_stored || abort "the batch is done"
is_done() { trace done $second && grep -q 'known as done' "$work/done.out"; }
wait_until 10 is_done || abort "the broker has its counts"
contains "when it is done the counts are known" "$work/done.out" "known as done  *trace  *batch=$second cases=2 duplicates=0 dead=0"
equal "with the transaction that its time of acceptance leads to" "$(what done)" "accepted,committed,known as done"
contains "and what is unknown is named" "$work/done.out" "^unknown: which cases the batch has"
pg_sql "insert into commits select (jsonb_populate_record(null::commits, to_jsonb(c) || jsonb_build_object('commit', i))).*
    from (select * from commits where commit = $(sed -n 's/.*commit=\([-0-9]*\) .*/\1/p' "$work/done.out")) c, generate_series(1, 30) i"
check "trace of a batch of a busy minute" trace busy $second
equal "shows some transactions" "$(what busy | tr , '\n' | grep -c '^committed')" 20
contains "and how many there are more" "$work/busy.out" "^unknown: 11 more transactions"

# --- by the logs
equal "a batch is refused" "$(send $third journal 9 C-1)" REFUSED
contains "the log has batch, source and reason" "$work/broker.err" "event=BATCH_REFUSED batch=$third source=\"trace\" reason=[a-z_]* index="
equal "a batch of a source that was never accepted" "$(SOURCE="Qxzwj Roe" send $third journal 9 C-1)" REFUSED
contains "is logged without the name" "$work/broker.err" "event=BATCH_REFUSED batch=$third source=\"\" reason="
check "which may be anything" sh -c "! grep -q Qxzwj '$work/broker.err'"
check "trace of it from the log" trace refused $third --log "$work/broker.err" --log "$work/worker.err"
equal "shows that" "$(what refused)" BATCH_REFUSED,BATCH_REFUSED
contains "with the reason" "$work/refused.out" "BATCH_REFUSED  *broker  *batch=$third source=trace reason="
contains "and that the broker has it not" "$work/refused.out" "^unknown: batch $third: this broker does not have it"
lane=$(sed -n 's/.* lane=//p' "$work/flight.out" | tail -n 1)
at=$(sed -n 's/^\([^ ]*\)  accepted .*/\1/p' "$work/flight.out")
{
    echo "{\"time\":\"$at\",\"level\":\"warn\",\"program\":\"worker\",\"event\":\"POSTGRES_LOST\",\"lane\":\"$lane\",\"jobs\":2,\"text\":\"a b\"}"
    echo "{\"time\":\"2020-01-01T00:00:00.000Z\",\"program\":\"worker\",\"event\":\"POSTGRES_REFUSED\",\"lane\":\"$lane\"}"
    echo "{\"time\":\"2020-01-01T00:00:00.000Z\",\"program\":\"broker\",\"event\":\"RECEIPT_DROPPED\",\"batch\":\"$second\",\"batches\":1}"
    echo "{\"time\":\"$at\",\"event\":\"LANE_READY\",\"lane\":\"$first\"}"
    printf '%s torn' "$second"
} >"$work/made.log"
check "trace of a batch with a log in JSON" trace made $second --log "$work/made.log"
equal "shows lines of the batch at any time, and those of its lane in its time" "$(what made | sed 's/,committed.*//')" \
    "RECEIPT_DROPPED,accepted,POSTGRES_LOST"
contains "with their fields" "$work/made.out" 'POSTGRES_LOST  *worker  *lane=.* jobs=2 text="a b"$'
trace nolog $third --log "$work/none.err"
equal "a log that is not there" "$? $(wc -l <"$work/nolog.err")" "1 1"

# --- purged, without a broker, and the rights
pg_sql "update cases set received_at = received_at - interval '400 days' where case_id = 'D-1'"
casemill db purge --source trace --before "$(date -u -d '-200 days' +%Y-%m-%d)" --why "retention" --yes --db "$pg_conninfo" >"$work/purge.out" 2>&1
equal "the case is purged" "$(rows purged)" 1
stop "$broker_pid"
check "trace of a purged case, without a broker" trace purged D-1
contains "the purge and its reason" "$work/purged.out" "purged  *[a-z]*  *revision=0 purge=1 disposition=insufficient_information why=retention"
contains "what it removed is unknown" "$work/purged.out" "^unknown: a purge removed"
equal "a reporter has no right" "$(timeout 20 "$bin/casemill" trace D-1 --db "host=$pg_dir user=rita dbname=casemill" 2>&1 | grep -c 'casemill trace: role rita .*casemill_analyst')" 1
equal "an analyst reads no bytes of dead letters" "$("$pg_bin/psql" -qtA "$analyst" -c "select body from dead_letters" 2>&1 | grep -c 'permission denied')" 1
check "the worker ends" stop "$worker_pid"
finish
