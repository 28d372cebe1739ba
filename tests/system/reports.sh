#!/bin/sh
# The counts of the views equal a scan of the cases: with tallies that are not folded, while other sessions write and
# fold, and when all is folded. They also do so after duplicates, conflicts, a reapplication, a purge and a recount.
# The pages of outcomes, current outcomes and the screening list together equal the whole view.
# A failure means that a report differs from the rows behind it.
# suite: full
. "$(dirname "$0")/lib.sh"
count=6000

# Each view as a scan, as report.sql had it before there were tallies.
scan_months="select date_trunc('month', c.reference_date)::date, a.agreement, d.disposition, count(*)
    from cases c join codes a on a.code = c.agreement join codes d on d.code = c.disposition group by 1, 2, 3"
scan_findings="select date_trunc('month', c.reference_date)::date, f.agreement, f.disposition, f.label, p.disposition, count(*)
    from cases c join ruleset_pairs l using (ruleset)
    cross join lateral (select l.findings[1 + b], l.projected[1 + b] from get_byte(c.result, 2 + l.position) as b) as x (finding, projected)
    join codes f on f.code = x.finding left join codes p on p.code = x.projected
    group by 1, 2, 3, 4, 5, x.finding, x.projected"
scan_missing_facts="select p.label, s.name, count(*), count(*) filter (where m.nr = 1)
    from cases c cross join lateral generate_series(1, get_byte(c.result, 2)) as m (nr)
    cross join lateral (select octet_length(c.result) + 2 * (m.nr - 1 - get_byte(c.result, 2)) as at) as t
    join codes p on p.code = 256 * get_byte(c.result, t.at) + get_byte(c.result, t.at + 1) join sources s on s.source = c.source group by 1, 2"
# A purge leaves the counts by day, so the scan is of all cases that ever were.
scan_daily_counts="select (c.committed_at at time zone 'UTC')::date, s.name, a.agreement, d.disposition, count(*)
    from ever_written w join commits c using (commit) join sources s on s.source = w.source
    join codes a on a.code = w.agreement join codes d on d.code = w.disposition group by 1, 2, 3, 4"
remember_written="insert into ever_written select source, agreement, disposition, commit, received_at from cases
    where commit not in (select commit from ever_written)"
scan_received_days="select (w.received_at at time zone 'UTC')::date, s.name, count(*) from ever_written w join sources s using (source) group by 1, 2"
scan_latency_percentiles="select date_trunc('hour', c.committed_at, 'UTC'), s.name, count(*) from ever_written w join commits c using (commit)
    join sources s on s.source = w.source group by 1, 2"
columns_latency_percentiles='hour, source, outcomes'
# Hours whose percentiles are not those of the exact times, rounded up by at most an eighth.
wrong_percentiles="select count(*) from report.latency_percentiles v join
    (select date_trunc('hour', c.committed_at, 'UTC') as hour, s.name as source,
            percentile_disc(array[0.5, 0.95, 0.99]) within group (order by greatest(c.committed_at - w.received_at, interval '8 us')) as exact
     from ever_written w join commits c using (commit) join sources s on s.source = w.source group by 1, 2) e using (hour, source)
    where not (v.p50 > e.exact[1] and v.p50 <= e.exact[1] * 1.125 and v.p95 > e.exact[2] and v.p95 <= e.exact[2] * 1.125
               and v.p99 > e.exact[3] and v.p99 <= e.exact[3] * 1.125)"
scan_latency="select (committed_at at time zone 'UTC')::date, sum(cases)::bigint, max(committed_at - received_from), avg(committed_at - received_until)
    from commits where received_from is not null and mode = 'intake' group by 1"
scan_completeness="select s.journal, max(s.low_water), max(s.committed_at), min(s.low_water_at) filter (where s.low_water = l.low_water)
    from (select j.*, c.committed_at from commits c
          cross join lateral unnest(c.journals, c.low_water, c.low_water_at) as j (journal, low_water, low_water_at)) s
    left join (select j.journal, max(j.low_water) as low_water from commits c
               cross join lateral unnest(c.journals, c.low_water, c.low_water_at) as j (journal, low_water, low_water_at)
               where j.low_water_at is not null group by 1) l using (journal) group by 1"
scan_current_outcomes="select distinct on (source, case_id) source, case_id, revision, reapplied, ruleset, disposition, agreement, reason, missing
    from report.outcomes order by source, case_id, revision desc, decided_at desc"
scan_screening="select source, case_id, revision, agreement, reason, missing from ($scan_current_outcomes) c where disposition = 'screening_required'"
scan_transitions="select * from (select source, case_id, lag(revision) over w as from_revision, revision as to_revision,
        lag(left(ruleset, 12)) over w as from_rule_set, left(ruleset, 12) as to_rule_set, lag(disposition) over w as from_disposition,
        disposition as to_disposition, lag(reason) over w as from_reason, reason as to_reason, decided_at from report.outcomes
    window w as (partition by source, case_id order by revision, reapplied, decided_at)) t where from_revision is not null"
columns_transitions='source, case_id, from_revision, to_revision, from_rule_set, to_rule_set, from_disposition, to_disposition, from_reason, to_reason, decided_at'
columns_current_outcomes='source, case_id, revision, reapplied, ruleset, disposition, agreement, reason, missing'
columns_screening='source, case_id, revision, agreement, reason, missing'

# differ VIEW: rows that the view has and the scan has not, and the other way round; one snapshot for both
differ() {
    eval "scan=\$scan_$1 columns=\${columns_$1:-*}"
    pg_sql "with v as (select $columns from report.$1), s as ($scan)
            select count(*) from ((select * from v except all select * from s) union all (select * from s except all select * from v)) x"
}
all_agree() { # all_agree WHEN
    pg_sql "$remember_written" || abort "the written rows are recorded"
    for view in months findings missing_facts daily_counts received_days latency latency_percentiles completeness current_outcomes screening transitions; do
        equal "$1: $view equals a scan" "$(differ "$view")" 0
    done
    equal "$1: percentiles equal those of the exact times, rounded up" "$(pg_sql "$wrong_percentiles")" 0
}
send() { # send NAME FILE
    settled timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome "$2" >"$work/$1.out" 2>"$work/$1.err"
}
tallies() { pg_sql "select count(*) from tallies"; }
is_folded() { [ "$(tallies)" = 0 ]; }

# --- no fold runs: another session holds the lock
database_start
pg_sql "create table ever_written (source smallint, agreement smallint, disposition smallint, commit bigint, received_at timestamptz)"
pg_sql "begin; select from folds for update; select pg_sleep(600)" >"$work/holder.out" 2>&1 &
pids="$pids $!"
holds() { [ "$(pg_sql "select count(*) from pg_stat_activity where query like '%pg_sleep%' and wait_event = 'PgSleep'")" = 1 ]; }
wait_until 10 holds || abort "the lock is held"
broker_start
worker_start worker
casemill generate --cases "$count" --seed 51 --bad 1 --duplicates 3 --out "$work/cases.jsonl" || abort "generate"
send first "$work/cases.jsonl" || abort "submit" "$(tail -n 1 "$work/first.err")"
head -n 3 "$work/cases.jsonl" >"$work/few.jsonl"
sed 's/"case_id": *"/&N/' "$work/few.jsonl" >"$work/new.jsonl" # an INSERT, not a COPY
send few "$work/new.jsonl" || abort "submit few"
sed 's/"revision": *0/"revision":1/' "$work/few.jsonl" >"$work/later.jsonl"
send later "$work/later.jsonl" || abort "submit later"
send again "$work/cases.jsonl" # duplicates: written by way of the incoming table
check "there are cases" [ "$(rows)" -gt $((count * 9 / 10)) ]
check "tallies wait" [ "$(tallies)" -gt 2 ]
equal "a fold does not wait for another" "$(pg_sql "select fold_tallies(1000)")" 0
equal "nothing is folded" "$(rows rollup_months)" 0
all_agree "unfolded"

# --- the worker folds by itself
pg_sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()" >/dev/null
check "tallies are folded when no session holds the lock" wait_until 20 is_folded
check "into rollups" [ "$(rows rollup_months)" -gt 0 ]
all_agree "folded"

# --- a long transaction: its counts are older than the folded ones
pg_sql "insert into commits select 7, committed_at, lane, mode, journals, low_water, received_from, received_until, 0, 0, 0, 0, low_water_at
        from (select * from commits where mode = 'intake' order by committed_at limit 1) c;
        insert into tallies (commit, day, committed_at, received_from, received_until, journals, low_water, low_water_at)
        select commit, (committed_at at time zone 'UTC')::date, committed_at, received_from, received_until, journals, low_water, low_water_at
        from commits where commit = 7" || abort "a late one"
all_agree "a late one"
check "it is folded" wait_until 20 is_folded
all_agree "a late one folded"

# --- other sessions write and fold at the same time; each comparison is one snapshot
for name in S U V; do sed "s/\"case_id\": *\"/&$name/" "$work/cases.jsonl"; done >"$work/second.jsonl"
fold_on() { while [ -e "$work/folding" ]; do pg_sql "select fold_tallies(1)" >>"$work/folds" 2>&1 || echo failed >>"$work/fold.failed"; done; }
touch "$work/folding"
fold_on &
fold1=$!
fold_on &
fold2=$!
timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 40 "$work/second.jsonl" >"$work/second.out" 2>"$work/second.err" &
sending=$!
looks=0
while ! is_gone "$sending"; do
    for view in months findings latency completeness; do [ "$(differ "$view")" = 0 ] || echo "$view" >>"$work/differ"; done
    looks=$((looks + 1))
done
settled wait "$sending" || abort "submit second" "$(tail -n 1 "$work/second.err")"
rm "$work/folding"
wait "$fold1" "$fold2"
check "there were looks in between" [ "$looks" -ge 3 ]
check "none of them ($looks) saw a count twice or not at all" [ ! -e "$work/differ" ]
check "no fold failed" [ ! -e "$work/fold.failed" ]
all_agree "after folds at the same time"

# --- further outcomes are no intake, and current
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>&1
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
pg_sql "select 'local', case_id, revision from cases order by case_id limit 500" | tr '|' ' ' >"$work/triples"
/usr/bin/python3 tests/system/reapply.py "ipc://$work/control" "$second" --ack outcome <"$work/triples" >"$work/reapply.out" 2>&1
equal "there are further outcomes" "$(rows reapplied)" 500
check "and transitions of both kinds" [ "$(pg_sql "select count(*) from report.transitions where kind = 'rule_set'") $(pg_sql "select count(*) > 0 from report.transitions where kind = 'revision'")" = "500 t" ]
all_agree "reapplied"
# A clock that went back: the later moment counts, wherever it stands.
pg_sql "update reapplied set decided_at = decided_at - interval '1 day' where case_id in (select case_id from reapplied order by case_id limit 50)"
all_agree "decided at another time"

# --- page by page is the whole
page_by_page() { # page_by_page VIEW: keys, a page of 97 after the other
    last=''
    while :; do
        pg_sql "select case_id || ' ' || revision || ' ' || disposition from report.$1
                where source_number = 1 and case_id > '$last' order by case_id limit 97" >"$work/page"
        [ -s "$work/page" ] || break
        cat "$work/page"
        last=$(tail -n 1 "$work/page" | cut -d' ' -f1)
    done
}
page_by_page current_outcomes | sort >"$work/got"
pg_sql "select case_id || ' ' || revision || ' ' || disposition from ($scan_current_outcomes) c" | sort >"$work/want"
check "pages of current outcomes are the whole" cmp -s "$work/got" "$work/want"

# --- a purge subtracts the removed cases, but not from the daily counts
days=$(pg_sql "select md5(string_agg(d::text, ',' order by d::text)) from report.daily_counts d")
pg_sql "update cases set received_at = received_at - interval '400 days' where case_id > (select case_id from cases order by case_id offset 1000 limit 1)"
casemill db purge --db "$pg_conninfo" --source local --before "$(date -u -d '-200 days' +%Y-%m-%d)" --why "test" --yes >"$work/purge.out" 2>"$work/purge.err"
check "most cases are gone" [ "$(rows purged)" -gt "$count" ]
all_agree "purged"
check "a purge's counts are folded like others" wait_until 20 is_folded
all_agree "purged and folded"
equal "what was written by day stays" "$(pg_sql "select md5(string_agg(d::text, ',' order by d::text)) from report.daily_counts d")" "$days"
pg_sql "update cases set received_at = received_at - interval '400 days'"
casemill db purge --db "$pg_conninfo" --source local --before "$(date -u -d '-200 days' +%Y-%m-%d)" --why "test" --yes >"$work/purge.out" 2>"$work/purge.err"
equal "no case is left, and no line of zero" "$(rows) $(rows report.months) $(rows report.findings) $(rows report.missing_facts)" "0 0 0 0"

# --- rollups that are wrong: counted again; tallies that wait are folded, not lost
sed 's/"case_id": *"/&T/' "$work/few.jsonl" >"$work/third.jsonl"
send third "$work/third.jsonl" || abort "submit third"
pg_sql "select from folds for update; insert into commits select 8, committed_at, lane, mode, journals, low_water, received_from - interval '1 day',
            received_until, 0, 0, 0, 0, low_water_at from (select * from commits where mode = 'intake' order by committed_at limit 1) c;
        insert into tallies (commit, day, committed_at, received_from, received_until, journals, low_water, low_water_at)
        select commit, (committed_at at time zone 'UTC')::date, committed_at, received_from, received_until, journals, low_water, low_water_at
        from commits where commit = 8;
        update rollup_months set outcomes = outcomes + 5; delete from rollup_findings; delete from rollup_missing; select rebuild_rollups()"
equal "no tally waits after rebuild_rollups" "$(tallies)" 0
all_agree "counted again"

# --- rights
check "a reporter reads the views and no table" sh -c "
    . tests/system/pg.sh; pg_find; pg_conninfo='$pg_conninfo'
    pg_sql 'create role reporter login in role casemill_reporter' >/dev/null
    pg_conninfo='host=$pg_dir user=reporter dbname=casemill'
    for view in outcomes current_outcomes screening transitions months findings missing_facts daily_counts received_days latency \
        latency_percentiles completeness dead_letters dead_letter_days; do
        pg_sql \"select count(*) from report.\$view\" >/dev/null || exit 1
    done
    ! pg_sql 'select count(*) from tallies' 2>/dev/null"
check "the worker drains" stop "$worker_pid"
finish
