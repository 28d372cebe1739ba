#!/bin/sh
# `casemill rules activate` reports which workers took the rule set, which refused it and why, and
# that none is connected. Rules without their columns, or without facts of the active rules, are refused before.
# A failure means that an operator believes new rules are in use while workers decide by the old ones.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
publisher="host=$pg_dir user=desk dbname=casemill"
pg_sql "create role desk login in role casemill_publisher" || abort "a publisher's role"
publish() { # publish DIR [OPTION...]: prints the id
    casemill rules publish "$@" --db "$publisher" 2>"$work/publish.err" | sed -n 's/.* //p'
}
activate() { # activate ID [OPTION...]: as a role with a publisher's rights only
    began=$(date +%s)
    casemill rules activate "$@" --why "a test" --db "$publisher" >"$work/activate.out" 2>"$work/activate.err"
    code=$?
    took=$(($(date +%s) - began))
}
is_active() { [ "$(pg_sql "select id from active_ruleset")" = "$1" ]; }
first=$ruleset
second=$(publish config --set US-GT-ACA-2019.transit_gate=false)

# --- no worker
activate "$second"
equal "without a worker: exit code" "$code" 0
contains "the first line is the activation" "$work/activate.out" "^activated $second from 20"
contains "and that no worker is connected" "$work/activate.out" "^no worker is connected to this database"
check "at once (took $took s)" [ "$took" -le 5 ]

# --- one worker, then two
broker_start
worker_start w1 CASEMILL_HTTP_BIND=127.0.0.1:0
w1=$worker_pid
activate "$first"
equal "one worker: exit code" "$code" 0
contains "it has taken the rule set" "$work/activate.out" "^taken by 1 of 1 connected workers"
check "soon (took $took s)" [ "$took" -le 5 ]
worker_start w2
activate "$second" --json
equal "two workers, as JSON" "$(sed 's/.*"workers"/"workers"/' "$work/activate.out")" '"workers":{"connected":2,"taken":2,"refused":0}}'
activate "$second"
contains "the same again is taken, too" "$work/activate.out" "^taken by 2 of 2 connected workers"
stop "$worker_pid" >"$work/stop.out"

# --- a later time is not waited for
activate "$first" --from "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)"
equal "a planned activation: exit code" "$code" 0
equal "it prints the activation alone" "$(cat "$work/activate.out")" "activated $first from $(sed 's/.* from //' "$work/activate.out")"

# --- a worker that does not answer
kill -STOP "$w1"
activate "$first" --wait 2
kill -CONT "$w1"
equal "a stopped worker: exit code" "$code" 1
contains "none has taken it, and for how long" "$work/activate.err" "it is active, but none of 1 connected workers has taken it within 2 s"
activate "$second" --wait 0
equal "--wait 0 does not wait" "$(grep -c . "$work/activate.out")" 1

# --- a worker that refuses
wait_until 10 grep -q "RULESET_LOADED.*ruleset=$(echo "$second" | cut -c1-12)" "$work/w1.err"
third=$(publish config --set US-HN-ACA-2019.transit_gate=false)
pg_sql "create table kept as select * from codes where kind = 'path' and label = 'married'; delete from questions where path in (select code from kept);
    delete from codes where code in (select code from kept)" || abort "a code is removed"
activate "$third"
equal "a refusal: exit code" "$code" 1
contains "it is stated that the old rules decide" "$work/activate.err" "a worker refused it and decides by the rule set before it"
contains "with the worker and its reason" "$work/activate.err" "^[^ ]+:$w1: rule set $(echo "$third" | cut -c1-12) lacks codes: run .casemill rules publish. again"
check "soon (took $took s)" [ "$took" -le 8 ]
pg_sql "insert into codes overriding system value select * from kept" || abort "the code is back"

# --- facts without a column
mkdir -p "$work/more"
cp -r config/case.yaml config/agreements "$work/more/"
echo '  pets: {type: bool}
  home:
    type: record
    fields: {roof: {type: string}}' >>"$work/more/case.yaml"
before=$(rows rulesets)
casemill rules publish "$work/more" --db "$publisher" >"$work/publish.out" 2>"$work/publish.err"
equal "new facts without a column: publish fails" $? 1
contains "with their names and the command" "$work/publish.err" "no column for pets, home.roof, so workers would refuse .*casemill db migrate --rules DIR"
equal "on one line" "$(grep -c . "$work/publish.err")" 1
equal "nothing is published" "$(rows rulesets)" "$before"
casemill db migrate --rules "$work/more" --db "$pg_conninfo" >"$work/migrate.out" 2>&1 || abort "db migrate"
more=$(publish "$work/more")
pg_sql "alter table cases drop column pets cascade" >"$work/drop.out" 2>&1 || abort "a column is dropped"
activate "$more"
equal "a column that is gone: activate fails" "$code" 1
contains "with its name and the command" "$work/activate.err" "no column for pets, so .*casemill db migrate --rules DIR"
check "and nothing is activated" is_active "$third"
pg_sql "alter table cases add column pets integer" || abort "another column"
activate "$more"
contains "nor with a column of another type" "$work/activate.err" "fact pets is integer in table cases and boolean in the rule set"
pg_sql "alter table cases drop column pets" && casemill db migrate --rules "$work/more" --db "$pg_conninfo" >"$work/migrate.out" 2>&1 || abort "db migrate"
activate "$more"
contains "after db migrate a worker takes it" "$work/activate.out" "^taken by 1 of 1 connected workers"

# --- a set that lacks facts of the active one
fourth=$(publish config --set US-SV-ACA-2019.transit_gate=false)
contains "a set without facts in use is published with a warning" "$work/publish.err" "^warning: facts of the active rule set are not in this one: pets, home.roof;"
activate "$fourth"
equal "and not activated" "$code" 1
contains "with the names" "$work/activate.err" "lacks facts of the active rule set: pets, home.roof; cases that send one would become dead letters"
check "the active one stays" is_active "$more"
activate "$fourth" --drop-facts
equal "unless it is asked for: exit code" "$code" 0
contains "then a worker takes it" "$work/activate.out" "^taken by 1 of 1 connected workers"

# --- an active set that does not load here stops no repair
pg_sql "with r as (insert into rulesets (id, engine, agreements) values (encode(sha256(convert_to('other' || chr(10), 'UTF8')), 'hex'), 1, '{}') returning ruleset)
    select 1 from r" >"$work/bad.out"
pg_sql "insert into ruleset_texts select max(ruleset), 'other' || chr(10) from rulesets; insert into activations (ruleset, why) select max(ruleset), 'bad' from rulesets"
activate "$fourth"
equal "after an active set that does not load: exit code" "$code" 0
contains "the facts were not compared" "$work/activate.err" "^warning: the facts of the active rule set were not compared: "
contains "and it is taken" "$work/activate.out" "^taken by 1 of 1 connected workers"
check "the worker drains" stop "$w1"
stop "$broker_pid" >"$work/stop.out"
finish
