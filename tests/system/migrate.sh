#!/bin/sh
# `casemill db migrate` and `db purge` while others hold locks: they name who is in the way and let
# lanes pass; and the databases that db migrate refuses.  An older database is brought to today's
# tables with its rows.
# A failure means that a reporter's open transaction stops intake for as long as it is open, or that
# an operator does not see whose it is.
# suite: full
. "$(dirname "$0")/lib.sh"

# hold NAME APPLICATION SQL: a session of a reporter that stays in its transaction until `let_go`.
hold() {
    mkfifo "$work/$1.in"
    start "$1" env PGAPPNAME="$2" "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "host=$pg_dir user=reporter dbname=casemill" -f "$work/$1.in"
    hold_pid=$started_pid
    exec 4>"$work/$1.in"
    printf "begin;\n%s;\n\\\\echo holding\n" "$3" >&4
    wait_until 10 grep -q holding "$work/$1.out" || abort "a session holds its locks" "$(tail -n 1 "$work/$1.err")"
}
let_go() {
    echo "rollback;" >&4
    exec 4>&-
    wait_until 10 is_gone "$hold_pid"
    reap "$hold_pid"
}
made() { # made SEED COUNT: cases with ids of their own
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
said() { grep -Eq -e "$2" "$work/$1.err"; }

database_start
broker_start
worker_start worker
pg_sql "create role reporter login in role casemill_reporter; grant select, update on cases to reporter; grant usage on schema public to reporter"
mkdir "$work/rules"
cp -R config/. "$work/rules"
printf "  test_fact:\n    type: bool\n    help: \"Invented for this test?\"\n" >"$work/fact"
sed -i "/^facts:/r $work/fact" "$work/rules/case.yaml"
made 1 200
submit --ack outcome "$work/1.jsonl" >"$work/submit1.out" 2>&1 || abort "submit"

# --- a reporter's open transaction
hold reporter "a report" "select count(*) from cases where case_id like 'S1-%'"
blocker="pid $(pg_sql "select pid from pg_stat_activity where usename = 'reporter'") .user reporter, application a report, since 20..-..-..T..:..:..Z."
casemill db migrate --rules "$work/rules" --wait 0 --db "$pg_conninfo" >"$work/tried.out" 2>"$work/tried.err"
equal "db migrate behind an open transaction: exit code" $? 1
contains "it names who is in the way" "$work/tried.err" "nothing was changed, .* $blocker holds"
check "but not what they run" sh -c "! grep -Eqi 'select|S1-' '$work/tried.err'"
start waiting "$bin/casemill" db migrate --rules "$work/rules" --wait 120 --db "$pg_conninfo"
waiting_pid=$started_pid
check "one that waits says for whom" wait_until 30 said waiting "waits for $blocker"
made 2 200
start submit2 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 20 "$work/2.jsonl"
submit_pid=$started_pid
check "lanes go on meanwhile: every case is DONE" wait_until 60 is_gone "$submit_pid"
check "while the reporter is there" is_running "$hold_pid"
check "and db migrate still waits" is_running "$waiting_pid"
equal "each case has its row" "$(pg_sql "select count(*) from cases where case_id like 'S2-%'")" 200
let_go
wait_until 30 is_gone "$waiting_pid"
wait "$waiting_pid"
equal "the reporter ends, and db migrate does its work" $? 0
contains "and says so" "$work/waiting.out" "columns added: 1"

# --- a purge behind somebody's open change
hold writer "a repair" "update cases set digest = digest where case_id = (select min(case_id) from cases)"
start purging "$bin/casemill" db purge --source local --before 2999-01-01 --why test --db "$pg_conninfo"
purging_pid=$started_pid
check "a purge says for whom it waits" wait_until 30 said purging "db purge: waits for pid [0-9]+ .user reporter, application a repair"
let_go
wait_until 60 is_gone "$purging_pid"
wait "$purging_pid"
equal "and goes on" $? 0
equal "every case is a tombstone" "$(rows cases) $(rows purged)" "0 400"
stop "$worker_pid"
stop "$broker_pid"

# --- databases that are not for it
refuses() { # refuses TEXT PATTERN COMMAND...
    refuses_text=$1
    refuses_pattern=$2
    shift 2
    timeout 20 "$@" >"$work/refuses.out" 2>"$work/refuses.err"
    equal "$refuses_text: exit code" $? 1
    contains "$refuses_text: is said" "$work/refuses.err" "$refuses_pattern"
    equal "$refuses_text: in one line" "$(wc -l <"$work/refuses.err")" 1
}
pg_sql "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"
refuses "another encoding than UTF8" "encoding is LATIN1" \
    "$bin/casemill" db migrate --db "host=$pg_dir user=casemill dbname=latin"
equal "and nothing is made there" "$(pg_conninfo="host=$pg_dir user=casemill dbname=latin" pg_sql "select count(*) from pg_class where relname = 'schema_migrations'")" 0
pg_sql "create schema elsewhere"
for verb in "db migrate" "explain X" "rules list" "dead show 1 --why test"; do
    # shellcheck disable=SC2086
    refuses "casemill $verb, a wrong search_path" "in schema public, which search_path .elsewhere. does not lead to" \
        env PGOPTIONS="-c search_path=elsewhere" "$bin/casemill" $verb --db "$pg_conninfo"
done
equal "and no second set of tables is made" "$(pg_sql "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'elsewhere'")" 0
pg_sql "alter role casemill_lane set search_path = elsewhere"
refuses "a worker, a wrong search_path" "in schema public, which search_path .elsewhere. does not lead to" \
    env CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker" --config config/worker.yaml
pg_sql "alter role casemill_lane reset search_path; revoke usage on schema public from casemill_worker"
refuses "a worker without a right to the schema" "role casemill_lane has no right to use schema public: run sql/roles.sql" \
    env CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker" --config config/worker.yaml

# --- an older database with rows, whose functions everybody may call
mkdir "$work/old"
cp sql/000*.sql sql/0010*.sql sql/0011*.sql sql/0012*.sql sql/0013*.sql "$work/old"
pg_sql "create database older"
older="host=$pg_dir user=casemill dbname=older"
casemill db migrate --sql "$work/old" --db "$older" >"$work/older.out" 2>&1 || not_ok "an older database is made"
older_sql() { (pg_conninfo=$older && pg_sql "$1"); }
older_sql "insert into sources (name) values ('one');
    insert into cases (source, case_id, revision, received_at, digest, ruleset, disposition, agreement, reason, findings, projected,
        missing, reference_date, as_of, decided_at, commit)
    select 1, 'C' || n, 0, now(), gen_random_uuid(), 1, n % 5, 16, 17, '{17}', '{null}', '{}', date '2020-01-01' + n, '2020-01-10', now(), n
    from generate_series(1, 500) n;
    insert into commits (commit, committed_at, lane, mode, journals, low_water, cases, duplicates, dead, work_us, tally_sources,
        tally_agreements, tally_dispositions, tally_counts)
    select n, now(), gen_random_uuid(), 'intake', '{}', '{}', 1, 0, 0, 1, '{1}', '{16}', array[n % 5]::smallint[], '{1}' from generate_series(1, 500) n;
    select rebuild_rollups();
    insert into tallies (commit, day, outcome_sources, outcome_months, outcome_agreements, outcome_dispositions, outcome_counts)
    select 0, current_date, '{1}', '{240}', '{16}', '{1}', '{7}' from generate_series(1, 3)" >"$work/older.rows" || not_ok "it has rows"
state() {
    older_sql "select md5(string_agg(c::text, ' ' order by c.case_id)) from cases c;
        select md5(string_agg(c::text, ' ' order by c.commit)) from commits c;
        select count(*), sum(outcomes) from rollup_months; select count(*) from tallies"
}
state >"$work/before"
casemill db migrate --db "$older" >"$work/older.out" 2>"$work/older.err"
equal "an older database is brought to today's tables" $? 0
state >"$work/after"
check "its rows stand" cmp "$work/before" "$work/after"
equal "its tallies are folded" "$(older_sql "select fold_tallies(100)")" 3
equal "and no function is everybody's" "$(older_sql "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'report') and has_function_privilege('public', p.oid, 'EXECUTE')")" 0
finish
