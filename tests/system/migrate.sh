#!/bin/sh
# `casemill db migrate` and `db purge` while other sessions hold locks: they name the blocking session and let lanes
# continue. The test also covers the databases that db migrate refuses, and an older database that is migrated with
# its rows.
# A failure means that a reporter's open transaction stops intake for as long as it is open, or that the operator does
# not learn whose it is.
# suite: full
. "$(dirname "$0")/lib.sh"

# hold NAME APPLICATION SQL: a session of a reporter that stays in its transaction until `release`.
hold() {
    mkfifo "$work/$1.in"
    start "$1" env PGAPPNAME="$2" "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "host=$pg_dir user=reporter dbname=casemill" -f "$work/$1.in"
    hold_pid=$started_pid
    exec 4>"$work/$1.in"
    printf "begin;\n%s;\n\\\\echo holding\n" "$3" >&4
    wait_until 10 grep -q holding "$work/$1.out" || abort "a session holds its locks" "$(tail -n 1 "$work/$1.err")"
}
release() {
    echo "rollback;" >&4
    exec 4>&-
    wait_until 10 is_gone "$hold_pid"
    reap "$hold_pid"
}
made() { # made SEED COUNT: cases with ids of their own
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
prints() { grep -Eq -e "$2" "$work/$1.err"; }

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
timeout 30 "$bin/casemill" db migrate --rules "$work/rules" --wait 0 --db "$pg_conninfo" >"$work/tried.out" 2>"$work/tried.err"
equal "db migrate behind an open transaction: exit code" $? 1
contains "it names the blocking session" "$work/tried.err" "nothing was changed: $blocker holds a lock"
check "but not its statement" sh -c "! grep -Eqi 'select|S1-' '$work/tried.err'"
start waiting "$bin/casemill" db migrate --rules "$work/rules" --wait 120 --db "$pg_conninfo"
waiting_pid=$started_pid
check "one that waits names the session that it waits for" wait_until 30 prints waiting "waits for $blocker"
made 2 200
start submit2 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 20 "$work/2.jsonl"
submit_pid=$started_pid
check "lanes continue meanwhile: every case is DONE" wait_until 60 is_gone "$submit_pid"
check "while the reporter's transaction is open" is_running "$hold_pid"
check "and db migrate still waits" is_running "$waiting_pid"
equal "each case has its row" "$(pg_sql "select count(*) from cases where case_id like 'S2-%'")" 200
release
wait_until 30 is_gone "$waiting_pid"
wait "$waiting_pid"
equal "the reporter ends, and db migrate does its work" $? 0
contains "and prints what it changed" "$work/waiting.out" "columns added: 1"

# --- a purge behind an open change of another session
pg_sql "update cases set received_at = received_at - interval '2 days'"
hold writer "a repair" "update cases set digest = digest where case_id = (select min(case_id) from cases)"
start purging "$bin/casemill" db purge --source local --before "$(date -u +%Y-%m-%d)" --why test --yes --db "$pg_conninfo"
purging_pid=$started_pid
check "a purge names the session that it waits for" wait_until 30 prints purging "db purge: waits for pid [0-9]+ .user reporter, application a repair"
release
wait_until 60 is_gone "$purging_pid"
wait "$purging_pid"
equal "and then continues" $? 0
equal "every case is a tombstone" "$(rows cases) $(rows purged)" "0 400"
stop "$worker_pid"
stop "$broker_pid"

# --- databases that db migrate refuses
refuses() { # refuses TEXT PATTERN COMMAND...
    refuses_text=$1
    refuses_pattern=$2
    shift 2
    timeout 20 "$@" >"$work/refuses.out" 2>"$work/refuses.err"
    equal "$refuses_text: exit code" $? 1
    contains "$refuses_text: the reason is printed" "$work/refuses.err" "$refuses_pattern"
    equal "$refuses_text: in one line" "$(wc -l <"$work/refuses.err")" 1
}
pg_sql "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"
refuses "another encoding than UTF8" "encoding is LATIN1" \
    "$bin/casemill" db migrate --db "host=$pg_dir user=casemill dbname=latin"
pg_sql "create database ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0"
refuses "no encoding at all" "encoding is SQL_ASCII" \
    "$bin/casemill" db migrate --db "host=$pg_dir user=casemill dbname=ascii"
equal "and no table is created" "$(pg_conninfo="host=$pg_dir user=casemill dbname=latin" pg_sql "select count(*) from pg_class where relname = 'schema_migrations'")" 0
pg_sql "create schema elsewhere"
for verb in "db migrate" "explain X" "rules list" "dead show 1 --why test"; do
    # shellcheck disable=SC2086
    refuses "casemill $verb, a wrong search_path" "in schema public, which search_path .elsewhere. does not lead to" \
        env PGOPTIONS="-c search_path=elsewhere" "$bin/casemill" $verb --db "$pg_conninfo"
done
equal "and no second set of tables is created" "$(pg_sql "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'elsewhere'")" 0
pg_sql "alter role casemill_lane set search_path = elsewhere"
refuses "a worker, a wrong search_path" "in schema public, which search_path .elsewhere. does not lead to" \
    env CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker" --config config/worker.yaml
pg_sql "alter role casemill_lane reset search_path; revoke usage on schema public from casemill_worker"
refuses "a worker without a right to the schema" "role casemill_lane has no right to use schema public: run sql/roles.sql" \
    env CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker" --config config/worker.yaml

# --- a database of version 0.1, with rows: a dump of what its programs stored
pg_sql "create database older" && pg_sql "create database fresh"
older="host=$pg_dir user=casemill dbname=older"
fresh="host=$pg_dir user=casemill dbname=fresh"
older_sql() { (pg_conninfo=$older && pg_sql "$1"); }
gzip -dc tests/data/database_0.1.sql.gz >"$work/dump.sql"
"$pg_bin/psql" -Xq -v ON_ERROR_STOP=1 "$older" -f "$work/dump.sql" >"$work/load.out" 2>&1 || abort "the dump is loaded" "$(tail -n 1 "$work/load.out")"
# Without the outcomes that commits held a second time, and without columns that are new.
state() {
    for table in cases reapplied purged dead_letters commits tallies activations sources codes; do
        older_sql "select '$table', count(*), md5(string_agg(t.row::text, ' ' order by t.row::text)) from (select jsonb_strip_nulls(to_jsonb(x))
            - '{tally_sources,tally_agreements,tally_dispositions,tally_counts,received_sources,received_days,received_buckets,received_counts,result}'::text[] as row from $table x) t"
    done
    older_sql "select 'days', count(*), md5(string_agg(d::text, ' ' order by d::text)) from report.daily_counts d"
}
state >"$work/before"
equal "it has rows of every kind" "$(grep -c '|0|' "$work/before")" 0
casemill db migrate --db "$older" >"$work/older.out" 2>"$work/older.err"
equal "a database of version 0.1 is brought to today's tables" $? 0
state >"$work/after"
check "its rows did not change" cmp "$work/before" "$work/after"
equal "its cases are counted by day of acceptance and by latency" "$(older_sql "select (select sum(cases) from report.received_days), (select sum(outcomes)
    from report.latency_percentiles where p50 >= interval '8 us' and p99 >= p95 and p95 >= p50)")" "$(older_sql "select count(*), count(*) from cases")"
equal "in the right buckets" "$(older_sql "select count(*) from report.latency_percentiles v join
    (select date_trunc('hour', m.committed_at, 'UTC') as hour, percentile_disc(array[0.5, 0.99]) within group
         (order by greatest(m.committed_at - c.received_at, interval '8 us')) as exact from cases c join commits m using (commit) group by 1) e using (hour)
    where not (v.p50 > e.exact[1] and v.p50 <= e.exact[1] * 1.125 and v.p99 > e.exact[2] and v.p99 <= e.exact[2] * 1.125)")" 0
equal "the questions of its facts are there" "$(older_sql "select count(*) from report.questions")" "$(older_sql "select count(*) from codes c join pg_attribute a
    on a.attrelid = 'cases'::regclass and a.attname = replace(c.label, '.', '_') where c.kind = 'path'")"
casemill db migrate --db "$fresh" >"$work/fresh.out" 2>"$work/fresh.err"
equal "an empty database gets the same tables" $? 0
# PostgreSQL adds a column behind the others, so columns of tables that grew are compared in the order of their names.
shape() {
    "$pg_bin/pg_dump" "$1" --schema-only --no-owner --no-privileges | sed '/restrict/d; /^--/d; /^$/d' >"$work/shape"
    grown='^COMMENT ON COLUMN public\.(cases|reapplied)\.'
    grep -Ev "$grown" "$work/shape" | awk '
        /^CREATE TABLE public.(cases|reapplied) / { inside = 1; print; fflush(); next }
        inside && /^\);/ { close("sort"); inside = 0 }
        inside { sub(/,$/, ""); print | "sort"; next }
        { print }'
    grep -E "$grown" "$work/shape" | sort
}
shape "$older" >"$work/older.shape"
shape "$fresh" >"$work/fresh.shape"
check "both have the same tables, views, functions and comments" cmp "$work/older.shape" "$work/fresh.shape"
check "there are some" [ "$(wc -l <"$work/fresh.shape")" -gt 1000 ]
for database in "$older" "$fresh"; do
    equal "no function is open to PUBLIC" "$( (pg_conninfo=$database && pg_sql "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('public', 'report') and has_function_privilege('public', p.oid, 'EXECUTE')") )" 0
    casemill db migrate --db "$database" >"$work/again.out" 2>&1
    contains "a second run changes nothing" "$work/again.out" "^migrations applied: 0, columns added: 0$"
done
refuses "a folder without the baseline" "no baseline in config: use --sql DIR" \
    "$bin/casemill" db migrate --sql config --db "$older"
# The same cases again, with today's worker.
casemill generate --cases 60 --seed 3 --bad 3 --duplicates 0 --out "$work/again.jsonl" 2>"$work/generate.err" || abort "generate"
pg_sql "alter role casemill_lane reset search_path; grant usage on schema public to casemill_worker"
rm -rf "$work/journal"
intake=tcp://127.0.0.1:0 lanes=tcp://127.0.0.1:0
broker_start
lane_conninfo="host=$pg_dir user=casemill_lane dbname=older"
worker_start worker
settled casemill submit --broker "$intake" --ack outcome "$work/again.jsonl" >"$work/again.out" 2>"$work/again.err"
equal "the same cases again are done" $? 0
contains "as duplicates, purged ones too" "$work/again.out" "58 duplicates among them"
equal "no case has a second outcome" "$(older_sql "select count(*) from cases")" "$(sed -n 's/^cases|\([0-9]*\)|.*/\1/p' "$work/before")"

# Rows of both forms: of today's worker, and of one of version 0.1 that still writes its columns.
made 9 60
settled casemill submit --broker "$intake" --ack outcome "$work/9.jsonl" >"$work/new.out" 2>"$work/new.err"
equal "new cases are done" $? 0
its_columns=$(sed -n 's/^COPY public.cases (\(.*\)) FROM stdin;$/\1/p' "$work/dump.sql")
older_psql() { "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 "$older" -c "$1"; }
older_psql "copy (select $(echo "$its_columns" | sed "s/case_id/'OLD-' || case_id/") from cases where findings is not null) to stdout (format binary)" >"$work/old_rows"
check "an older worker still copies its rows" older_psql "copy cases ($its_columns) from stdin (format binary)" <"$work/old_rows"
equal "each row has one of both forms" "$(older_sql "select count(*) filter (where result is null) > 90, count(*) filter (where findings is null) > 50,
    count(*) filter (where (result is null) = (findings is null)) from cases")" "t|t|0"
equal "report.outcomes names the findings of both" "$(older_sql "select count(*) from report.outcomes o join cases c using (case_id, revision)
    where not o.reapplied and not (cardinality(o.findings) = 4 and cardinality(o.projected) = 4 and c.reason in
        (select n.code from unnest(o.agreements, o.findings) f (id, text) join codes n on n.agreement = f.id and n.disposition || ': ' || n.label = f.text))")" 0
equal "and report.cases" "$(older_sql "select count(*) from report.cases c join report.outcomes o using (source, case_id, revision)
    where not o.reapplied and (c.findings, c.projected, c.missing) is distinct from (o.findings, o.projected, o.missing)")" 0
equal "and shows lists and maps of both, as arrays and JSON" "$(older_sql "select count(*) from report.cases v join cases c using (case_id, revision)
    where (v.nationalities, v.family_anchors) is distinct from (coalesce(c.nationalities, c.nationalities\$::text[]), coalesce(c.family_anchors, c.family_anchors\$::jsonb))
       or (c.findings is null and c.nationalities is not null) or pg_typeof(v.nationalities) <> 'text[]'::regtype or pg_typeof(v.family_anchors) <> 'jsonb'::regtype"),
$(older_sql "select count(nationalities) > 0, count(nationalities\$) > 0, count(family_anchors) > 0, count(family_anchors\$) > 0 from cases")" "0,
t|t|t|t"
equal "an older row keeps its missing facts" "$(older_sql "select count(*) from report.outcomes o join cases c using (case_id, revision) where not o.reapplied
    and c.findings is not null and array_length(c.missing, 1) is distinct from array_length(o.missing, 1)")" 0
older_sql "select rebuild_rollups()" >"$work/rebuild.out"
counts() { older_sql "select (select sum(findings) from report.findings), (select coalesce(sum(cases), 0) from report.missing_facts)"; }
equal "rebuild_rollups counts both" "$(counts)" "$(older_sql "select sum(cardinality(findings)), sum(cardinality(missing)) from report.outcomes where not reapplied")"
for id in $(older_sql "select min(case_id) from cases where findings is not null union all select min(case_id) from cases where result is not null"); do
    casemill explain "$id" --db "$older" >"$work/explained" 2>"$work/explain.err"
    equal "explain reads $id, and decides it as it is stored" "$? $(cat "$work/explain.err")" "0 "
done
casemill replay --db "$older" --json >"$work/replay.out" 2>"$work/replay.err"
equal "replay reads both" $? 0
older_sql "update cases set received_at = received_at - interval '2 days'"
for source in $(older_sql "select name from sources"); do
    casemill db purge --db "$older" --source "$source" --before "$(date -u +%Y-%m-%d)" --why test --yes >"$work/purge.out" 2>&1
done
equal "a purge takes both out of the counts" "$(older_sql "select count(*) from cases") $(older_sql "select count(*) from report.findings") $(older_sql "select count(*) from report.missing_facts")" "0 0 0"
stop "$worker_pid"
stop "$broker_pid"
pg_sql "create database ancient"
(pg_conninfo="host=$pg_dir user=casemill dbname=ancient" && pg_sql "create table schema_migrations (number integer primary key, name text, hash text, applied_at timestamptz);
    insert into schema_migrations values (9, '0009_rollups.sql', 'x', now())")
refuses "a database from before version 0.1" "the database is at migration 9, and this program upgrades from 15 on" \
    "$bin/casemill" db migrate --db "host=$pg_dir user=casemill dbname=ancient"
finish
