#!/bin/sh
# Settings of the server that change what it prints or how it reads. Every verb that queries a database runs on a
# database with default settings and on one where all of these settings differ, with a worker on each. Both must print
# the same.
# A failure means that a verb reads a date, a number or a name from text that depends on a setting.
# suite: full
. "$(dirname "$0")/lib.sh"

# A German locale for messages, where locales can be made.
messages=C
if command -v localedef >"$work/localedef.out" 2>&1 && mkdir -m 0755 "$work/locale" &&
    localedef -i de_DE -f UTF-8 "$work/locale/de_DE.UTF-8" 2>"$work/localedef.err"; then
    chmod -R a+rX "$work/locale"
    LOCPATH=$work/locale
    export LOCPATH
    messages=de_DE.UTF-8
else
    echo "skipped: lc_messages, no locale can be made here"
fi

database_start
pg_sql "create database odd template casemill" # with its rules, as plain
plain_conninfo=$pg_conninfo
odd_conninfo="host=$pg_dir user=casemill dbname=odd"
pg_sql "grant connect, temporary on database odd to casemill_worker"
odd() { pg_sql "alter database odd set $1" || not_ok "the setting $1 is made"; }
odd "datestyle = 'German, DMY'"
odd "intervalstyle = sql_standard"
odd "timezone = 'Asia/Kathmandu'"
odd "quote_all_identifiers = on"
odd "bytea_output = escape"
odd "extra_float_digits = -15"
odd "lc_messages = '$messages'"
odd "lc_time = '$messages'"
odd "lc_numeric = '$messages'"
odd "standard_conforming_strings = off"
odd "array_nulls = off"
odd "client_min_messages = debug1"
odd "default_transaction_isolation = serializable"
odd "synchronous_commit = off"
odd "xmloption = document"
odd "client_encoding = latin1"
# What runs in the session of a user with settings of their own is no better off.
odd_environment="PGDATESTYLE=German PGTZ=Asia/Kathmandu PGCLIENTENCODING=LATIN1"

# --- cases with every kind of content; a quote and a backslash in an id are content, too
casemill generate --cases 300 --seed 12 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
cat >>"$work/cases.jsonl" <<'CASES'
{"case_id": "O'Neil\\' OR '1'='1", "revision": 0, "reference_date": "2020-02-29", "as_of": "2020-03-01", "facts": {"claim_country": "US", "nationalities": ["SV", "HN"], "arrived_from": "MX"}}
{"case_id": "ünïcode", "revision": 3, "reference_date": "2019-11-19", "facts": {"claim_country": "US", "claim_date": "2019-11-20"}}
{"case_id": "BAD", "revision": 0, "facts": {"no_such": 1}}
{"case_id": "WORSE\\n", "revision": 0, "reference_date": "2020-13-01", "facts": {}}
CASES
sed -n '3s/"reference_date": *"[0-9-]*"/"reference_date":"2021-04-01"/p' "$work/cases.jsonl" >"$work/conflict.jsonl"
first_id=$(sed -n '1s/.*"case_id": *"\([^"]*\)".*/\1/p' "$work/cases.jsonl")

# What differs from run to run is masked, but only in the form that it has to have.
mask() {
    sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z| UTC)/MOMENT/g' \
        -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UUID/g' \
        -e 's/[0-9]+(\.[0-9]+)? (ms|s|seconds|cases per second|per second)\b/TIME/g' \
        -e 's/^time=[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z level/time=TIME level/' \
        -e 's/"(seconds|wall_ms|took_ms|cases_a_second|rate)":[0-9.e+-]+/"\1":TIME/g'
}
ran=''
run() { # run NAME VERB...: a verb on the database of this turn
    run_name=$1
    shift
    # shellcheck disable=SC2086
    env $environment CASEMILL_POSTGRES_CONNINFO="$conninfo" CASEMILL_CONTROL_BIND="ipc://$work/control" \
        timeout 60 "$bin/casemill" "$@" >"$work/verb.out" 2>"$work/verb.err"
    echo "exit code $?" >>"$work/verb.out"
    cat "$work/verb.out" "$work/verb.err" | grep -Ev '^[0-9]+ (of [0-9]+ )?(cases|letters|pages)[^:]*$' | mask >"$work/$turn.$run_name"
    case " $ran " in *" $run_name "*) ;; *) ran="$ran $run_name" ;; esac
}

all_verbs() {
    ruleset12=$(echo "$ruleset" | cut -c1-12)
    run submit submit --broker "$intake" --ack outcome --source one "$work/cases.jsonl"
    run conflict submit --broker "$intake" --ack outcome --source one "$work/conflict.jsonl"
    run migrate db migrate
    run publish rules publish config
    run publish_other rules publish config --set US-GT-ACA-2019.transit_gate=false
    second=$(pg_conninfo=$conninfo pg_sql "select id from rulesets order by ruleset desc limit 1")
    run activate rules activate "$ruleset12" --why "test" --from 2099-05-06T07:08:09Z
    run rules_list rules list
    run rules_list_json rules list --json
    run rules_show rules show "$ruleset12"
    run rules_diff rules diff "$ruleset12" config
    run report report
    run report_json report --json
    run explain explain "$first_id"
    run explain_json explain "$first_id" --json
    run explain_quote explain "O'Neil\\' OR '1'='1"
    run explain_unicode explain "ünïcode" --source one
    run explain_none explain "no' such\\"
    run replay replay --json --event US-SV-ACA-2019.in_force=2019-09-21
    run replay_where replay --json --ruleset "$second" --where received=2020-01-01.. --where reference_date=2019-11-01..2020-12-31 --where as_of=2019-01-02..
    run replay_apply replay --ruleset "$second" --apply
    run explain_second explain "O'Neil\\' OR '1'='1" --ruleset "$second"
    run dead_list dead list
    run dead_list_json dead list --json
    run dead_letters dead list --letters
    run dead_letters_json dead list --letters --json
    letters=$(pg_conninfo=$conninfo pg_sql "select string_agg(dead::text, ' ' order by dead) from dead_letters")
    # shellcheck disable=SC2086
    run dead_show dead show $letters --why "test"
    # shellcheck disable=SC2086
    run dead_show_json dead show $letters --why "test" --json
    run dead_dry dead retry --reason conflict --why "test" --dry-run
    run dead_retry dead retry --reason conflict --why "test"
    run dead_drop dead drop --reason conflict --why "test"
    run purge db purge --source one --before 2000-02-28 --why "test" --yes
    pg_conninfo=$conninfo pg_sql "update cases set received_at = received_at - interval '2 days'; update dead_letters set last_seen_at = last_seen_at - interval '2 days'"
    run purge_all db purge --source one --before "$(date -u +%Y-%m-%d)" --why "test" --yes
    run report_purged report --json
}
turn_of() { # turn_of NAME CONNINFO ENVIRONMENT: a broker and a worker on that database, and every verb
    turn=$1
    conninfo=$2
    environment=$3
    rm -rf "$work/journal"
    broker_start
    lane_conninfo="host=$pg_dir user=casemill_lane dbname=$(echo "$conninfo" | sed 's/.*dbname=//')"
    # shellcheck disable=SC2086
    worker_start "worker_$1" $environment
    all_verbs
    stop "$worker_pid"
    stop "$broker_pid"
}
turn_of plain "$plain_conninfo" ""
turn_of odd "$odd_conninfo" "$odd_environment"

for name in $ran; do
    if cmp -s "$work/plain.$name" "$work/odd.$name"; then
        ok "$name prints the same"
    else
        not_ok "$name prints the same" "$(diff "$work/plain.$name" "$work/odd.$name" | head -n 4 | cut -c 1-200)"
    fi
done
# That the comparison has something to compare.
for name in report explain explain_quote explain_unicode replay dead_show_json rules_list purge_all migrate; do
    contains "$name did its work" "$work/plain.$name" "^exit code 0"
done
contains "submit did its work" "$work/plain.submit" "^exit code 3" # two of them are dead letters
contains "explain shows a day as a day" "$work/odd.explain_quote" "2020-02-29"
contains "migrate finds every column as it should be" "$work/odd.migrate" "migrations applied: 0, columns added: 0"
stones() { (pg_conninfo=$1 && pg_sql "select md5(string_agg(concat_ws(' ', case_id, revision, digest, disposition), ',' order by case_id, revision)) from purged"); }
equal "both databases hold the same" "$(stones "$plain_conninfo")" "$(stones "$odd_conninfo")"

# --- a host beyond this machine that nobody verifies is warned of, also one that is only the next to be asked
reported() { casemill report --json --db "$1" >"$work/report.out" 2>"$work/report.err"; }
warns() { grep -c "$2: the connection to PostgreSQL is not verified.*sslmode=verify-full" "$work/$1.err"; }
reported "host=$pg_dir,db.invalid user=casemill dbname=casemill"
equal "casemill warns of a host that is not verified" "$? $(warns report db.invalid)" "0 1"
cp "$work/report.out" "$work/warned.out"
reported "host=$pg_dir,db.invalid user=casemill dbname=casemill sslmode=verify-full"
equal "and not of one that is" "$? $(wc -l <"$work/report.err")" "0 0"
check "both print the same" cmp "$work/report.out" "$work/warned.out"
broker_start
lane_conninfo="host=$pg_dir,db.invalid user=casemill_lane dbname=casemill"
worker_start warned
equal "a worker warns once" "$(warns warned db.invalid)" 1
stop "$worker_pid"

# --- PostgreSQL recovers when the worker starts
kill -INT "$pg_pid"
wait "$pg_pid"
echo "hot_standby = off" >>"$pg_dir/data/postgresql.conf"
touch "$pg_dir/data/standby.signal"
chown --reference="$pg_dir/data/PG_VERSION" "$pg_dir/data/standby.signal"
(cd "$pg_dir" && pg_as "$pg_bin/postgres" -D "$pg_dir/data") >>"$pg_dir/log" 2>&1 &
pg_pid=$!
recovers() { "$pg_bin/pg_isready" -q -h "$pg_dir"; [ $? -eq 1 ]; }
check "PostgreSQL recovers and refuses connections" wait_until 20 recovers
lane_conninfo="host=$pg_dir user=casemill_lane dbname=casemill"
worker_start recovering
ok "a worker starts and waits for it"
kill -INT "$pg_pid"
wait "$pg_pid"
rm "$pg_dir/data/standby.signal"
pg_restart || abort "PostgreSQL comes back"
check "its lanes connect when it has recovered" wait_until 30 grep -q POSTGRES_CONNECTED "$work/recovering.err"
stop "$worker_pid"
stop "$broker_pid"
finish
