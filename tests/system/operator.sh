#!/bin/sh
# What an operator reads: pages and tables for people, one shape of JSON for scripts, lanes by the first digits of
# their ids.
# A failure means that a script breaks on an answer, or that a table cannot be read.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
control=ipc://$work/control
casemill generate --cases 300 --seed 4 --bad 20 --out "$work/some.jsonl" || abort "generate"
settled submit --ack outcome "$work/some.jsonl" >"$work/submit.out" 2>&1 || abort "submit"
case_id=$(pg_sql "select min(case_id) from cases")
letter=$(pg_sql "select min(dead) from dead_letters")

# --- status
casemill status --control "$control" >"$work/status.out" 2>&1
equal "status: exit code" $? 0
casemill top --once --control "$control" >"$work/top.out" 2>&1
contains "status has a line of totals" "$work/status.out" '^total +300 accepted  300 done '
equal "status shows what top --once shows" "$(sed 's/[0-9.]*//g' "$work/status.out" | tr -s ' ')" "$(sed 's/[0-9.]*//g' "$work/top.out" | tr -s ' ')"
check "status --all" casemill status --all --control "$control" >"$work/all.out" 2>&1
contains "has every counter" "$work/all.out" '^cases_accepted_total +300$'
casemill status --control "ipc://$work/nowhere" --wait 1 >"$work/nowhere.out" 2>"$work/nowhere.err"
equal "status without a broker: exit code" $? 1
contains "the error names the verb and the address" "$work/nowhere.err" "^casemill status: no answer from ipc://$work/nowhere"

# --- tables have headers, and times one form
for table in "workers" "sources" "dead list" "dead list --letters" "dead drop --reason unknown_word --dry-run" "rules list" "report"; do
    # shellcheck disable=SC2086
    casemill $table --control "$control" --db "$pg_conninfo" >"$work/table.out" 2>&1
    contains "$table: its first line names the columns" "$work/table.out" '^ *(WORKER|SOURCE|reason|letter|id|month) +[A-Za-z_]+'
    check "$table: times have one form" sh -c "! grep -E '20[0-9]{2}-[0-9]{2}-[0-9]{2}' '$work/table.out' | grep -vqE '20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z'"
done

# --- JSON: one object a line, with the version of its shape; counts are numbers
answers() { # answers VERB...: with --json
    casemill "$@" --json --control "$control" --db "$pg_conninfo" >"$work/answer.json" 2>"$work/answer.err"
    equal "$1 ${2:-} --json" "$(/usr/bin/python3 -c '
import json, re, sys
literals = {"facts", "names", "value", "case_id"} # as the language of the rules writes them
lines = open(sys.argv[1]).read().splitlines()
def look(value, name):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in literals:
                look(inner, key)
    elif isinstance(value, list):
        for inner in value:
            look(inner, name)
    elif isinstance(value, str) and re.fullmatch(r"[0-9]+", value):
        sys.exit("%s is a text" % name)
for line in lines:
    answer = json.loads(line)
    if next(iter(answer)) != "schema_version" or answer["schema_version"] != 1:
        sys.exit("no version")
    look(answer, "")
print("good" if lines else "nothing")' "$work/answer.json" 2>&1)" good
}
answers status
answers top --once
answers workers
answers sources
answers pause
answers resume
answers verify
answers report
answers dead list
answers dead list --letters
answers dead show "$letter" --why "a test"
answers dead export --reason unknown_word --why "a test"
answers dead drop --reason unknown_word --dry-run
answers dead retry "$letter" --why "a test"
answers dead drop "$letter" --why "a test"
answers rules list
answers rules check config
answers rules test config
answers rules show "$ruleset"
answers rules diff config config --cases 10
answers rules coverage config
answers rules fmt --check config
answers rules publish config
answers rules activate "$ruleset" --why "a test"
answers explain "$case_id"
answers replay
answers db migrate
answers db purge --source local --before 2001-01-01 --why "a test" --dry-run
answers db purge --source local --before 2001-01-01 --why "a test" --yes
answers keys new duty --out "$work"
answers keys show "$work"
answers cel "1 + 1"
answers submit --broker "$intake" --ack outcome "$work/some.jsonl"
casemill status --json --control "$control,$control" >"$work/two.out" 2>&1
equal "status --json of two brokers is refused" $? 2
equal "the rule sets' agreements are an array" "$(casemill rules list --json --db "$pg_conninfo" |
    /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)["rulesets"][0]["agreements"]))')" 4

# --- lanes by the first digits of their ids
lane_of() { casemill workers --json --control "$control" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["workers"][0]["lane"])'; }
lane=$(lane_of)
digits=$(echo "$lane" | cut -c1-8)
contains "top shows its first digits" "$work/top.out" "$digits"
equal "workers with those digits shows that lane alone" "$(casemill workers "$digits" --control "$control" | tail -n +2 | awk '{ print $2 }')" "$lane"
casemill retire "$(echo "$digits" | cut -c1-3)" --control "$control" >"$work/retire.out" 2>&1
equal "three digits are too few" $? 1
casemill retire zzzzzzzz --control "$control" >"$work/retire.out" 2>&1
equal "digits of no lane: exit code" $? 1
contains "the error leads on" "$work/retire.out" "no worker or lane .zzzzzzzz.*casemill workers"
check "a lane is retired by its first digits" casemill retire "$digits" --control "$control" >"$work/retire.out" 2>&1
check "and is gone" sh -c "! '$bin/casemill' workers --control '$control' | grep -q '$lane'"

stop "$worker_pid"
stop "$broker_pid"
finish
