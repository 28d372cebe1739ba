#!/bin/sh
# Rules change while work continues: at the planned moment, not before it. After the activation of a rule set that
# does not load here, the previous one stays in force, and the worker's page names the fault. Where two people are
# required, the database refuses a single one.
# A failure means that cases are decided under rules that nobody activated, or that one bad row stops a worker.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
page=$(ready_field worker http)
page=${page#http://}
get() { # get PATH: a page of the worker
    /usr/bin/python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' \
        "http://$page$1"
}
field() { get /status | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
decides() { [ "$(field ruleset)" = "$1" ]; }
refused() { field ruleset_refused | grep -q "$1"; }
metric() { get /metrics | sed -n 's/^casemill_worker_ruleset_refused //p'; }
decided() { # decided NAME: submits a new case of that name; prints the rule set that decided it
    echo "{\"case_id\": \"$1\", \"revision\": 0, \"facts\": {\"claim_country\": \"US\"}}" >"$work/one.jsonl"
    submit --ack outcome "$work/one.jsonl" >"$work/one.out" 2>&1
    pg_sql "select r.id from cases c join rulesets r using (ruleset) where c.case_id = '$1'"
}

first=$ruleset
wait_until 10 decides "$first"
equal "the worker's page shows the rule set in force" "$(field ruleset)" "$first"
equal "and that none is refused" "$(field ruleset_refused)/$(metric)" "None/0"
equal "the first case is decided by it" "$(decided case-1)" "$first"

# A planned moment.
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
moment=$(($(date +%s) + 5))
casemill rules activate "$second" --why "planned" --from "$(date -u -d "@$moment" +%Y-%m-%dT%H:%M:%SZ)" \
    --db "$pg_conninfo" >"$work/activate.out" 2>"$work/activate.err"
equal "a future activation is taken" $? 0
casemill rules list --db "$pg_conninfo" >"$work/list.out"
contains "rules list shows the moment" "$work/list.out" "^$second .* $(date -u -d "@$moment" +%Y-%m-%dT%H:%M:%SZ)"
contains "and what is active now" "$work/list.out" "^$first .* active "
equal "before the moment the old one decides" "$(decided case-2)" "$first"
check "and the worker's page still shows it" decides "$first"
wait_until 20 decides "$second"
taken=$(date +%s)
check "the new one decides after it" decides "$second"
check "not before the moment" [ "$taken" -ge "$moment" ]
check "within 5 seconds of it (took $((taken - moment)) s)" [ $((taken - moment)) -le 5 ]
equal "and decides the next case" "$(decided case-3)" "$second"
casemill rules activate "$first" --why "too late" --from 2020-01-01T00:00:00Z --db "$pg_conninfo" >"$work/past.out" 2>"$work/past.err"
equal "a moment that has passed is refused" $? 1
contains "and the error message states it" "$work/past.err" "has passed"
casemill rules activate "$first" --why "loose" --from 01/02/2030 --db "$pg_conninfo" >"$work/loose.out" 2>"$work/loose.err"
equal "a date that is no RFC 3339 moment is a usage error" $? 2

# Rule sets that do not load here.
bad() { # bad ENGINE BODY: a published row that this worker cannot use, active at once
    pg_sql "with r as (insert into rulesets (id, engine, agreements)
            values (encode(sha256(convert_to('$2' || chr(10), 'UTF8')), 'hex'), $1, '{}') returning ruleset) select 1 from r" >"$work/bad.out" &&
        pg_sql "insert into ruleset_texts select max(ruleset), '$2' || chr(10) from rulesets;
            insert into activations (ruleset, why) select max(ruleset), 'bad' from rulesets" >>"$work/bad.out"
    bad_id=$(pg_sql "select substr(id, 1, 12) from rulesets order by ruleset desc limit 1")
}
bad 99 "casemill ruleset 1 engine 99"
wait_until 10 refused "$bad_id"
check "a newer engine's rule set is refused by name" refused "rule set $bad_id is for engine 99"
equal "the metric counts it" "$(metric)" 1
contains "and the log" "$work/worker.err" "RULESET_REFUSED.*$bad_id"
equal "the old rule set still decides" "$(decided case-4)" "$second"
bad 1 "casemill ruleset 7 engine 1"
wait_until 10 refused "$bad_id"
check "a newer text format is refused by name" refused "rule set $bad_id does not load: .*layout"
equal "the old rule set still decides" "$(decided case-5)" "$second"
casemill rules activate "$first" --why "back" --json --db "$pg_conninfo" >"$work/back.out" 2>&1
contains "an activation as JSON" "$work/back.out" "^[{]\"schema_version\":1,\"ruleset\":\"$first\",\"active_from\":\"20.*Z\",\"workers\":.\"connected\":1,\"taken\":1,\"refused\":0[}]"
wait_until 10 decides "$first"
equal "a sound one is taken again" "$(decided case-6)" "$first"
equal "and nothing is refused" "$(field ruleset_refused)/$(metric)" "None/0"
equal "the row of an activation names the previous rule set" \
    "$(pg_sql "select p.id from activations a join rulesets p on p.ruleset = a.previous where why = 'planned'")" "$first"

# Two people.
pg_sql "create role anna login in role casemill_publisher; create role berta login in role casemill_publisher;
    grant berta to anna; grant temporary on database casemill to anna" >"$work/roles2.out" 2>&1
as() { echo "host=$pg_dir user=$1 dbname=casemill"; }
as_sql() { "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$(as "$1")" -c "$2" 2>&1; }
pg_sql "update rule_policy set two_person = true"
casemill rules publish config --set US-HN-ACA-2019.transit_gate=false --db "$(as anna)" >"$work/publish.out" 2>&1
equal "a publisher publishes" $? 0
third=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
number=$(pg_sql "select max(ruleset) from rulesets")
casemill rules activate "$third" --why "alone" --db "$(as anna)" >"$work/alone.out" 2>"$work/alone.err"
equal "the publisher cannot activate" $? 1
contains "and the error message gives the reason" "$work/alone.err" "anna published this rule set"
check "nor through another role" sh -c "! $pg_bin/psql -X -q -v ON_ERROR_STOP=1 '$(as anna)' \
    -c \"set role berta; insert into activations (ruleset, why, activated_by) values ($number, 'w', 'berta')\" >'$work/set.out' 2>&1"
check "nor with a table of their own" sh -c "! $pg_bin/psql -X -q -v ON_ERROR_STOP=1 '$(as anna)' \
    -c 'create temp table rule_policy as select false as two_person; insert into activations (ruleset, why) values ($number, 1)' >'$work/temp.out' 2>&1"
contains "that insert reached the rule" "$work/temp.out" "anna published"
check "nor by changing the policy" sh -c "! $pg_bin/psql -X -q -v ON_ERROR_STOP=1 '$(as anna)' \
    -c 'update rule_policy set two_person = false' >'$work/policy.out' 2>&1"
check "nor by publishing in another's name" [ "$(as_sql anna "insert into rulesets (id, engine, agreements, published_by)
    values (repeat('a', 64), 1, '{}', 'berta') returning published_by")" = anna ]
check "nor with another text" sh -c "! $pg_bin/psql -X -q -v ON_ERROR_STOP=1 '$(as anna)' \
    -c \"insert into ruleset_texts select ruleset, 'other' from rulesets where id = repeat('a', 64)\" >'$work/text.out' 2>&1"
casemill rules activate "$third" --why "read and agreed" --db "$(as berta)" >"$work/berta.out" 2>&1
equal "another role does" $? 0
equal "and its name is in the row" "$(pg_sql "select activated_by from activations where why = 'read and agreed'")" berta
wait_until 10 decides "$third"
equal "and the worker takes it" "$(decided case-7)" "$third"
finish
