#!/bin/sh
# Two PostgreSQL servers, the second a synchronous standby. What was DONE outlives the loss of the first server. A
# server that waits for too few standbys is refused, and an asynchronous one causes a warning. A commit whose wait was
# cancelled does not count (P2).
# A failure means that a client received DONE for a case that a failover loses.
# suite: full
. "$(dirname "$0")/lib.sh"
cases=20000

standby_pid=''
standby_dir=$work/standby
standby_start() { # on the data that is there
    (cd "$standby_dir" && pg_as "$pg_bin/postgres" -D "$standby_dir/data" -k "$standby_dir") >>"$standby_dir/log" 2>&1 &
    standby_pid=$!
    pids="$pids $standby_pid"
    wait_until 30 "$pg_bin/pg_isready" -q -h "$standby_dir" -U casemill || abort "the standby starts" "$(tail -n 2 "$standby_dir/log")"
}
standby_make() {
    mkdir -p "$standby_dir"
    [ "$(id -u)" -ne 0 ] || chown postgres:postgres "$standby_dir"
    chmod 0711 "$standby_dir"
    (cd "$standby_dir" && pg_as "$pg_bin/pg_basebackup" -h "$pg_dir" -U casemill -D "$standby_dir/data" \
        --write-recovery-conf --checkpoint=fast --no-sync) >"$work/basebackup.out" 2>&1 ||
        abort "a base backup is taken" "$(tail -n 1 "$work/basebackup.out")"
}
on_standby() { "$pg_bin/psql" -XAtq -h "$standby_dir" -U casemill -d casemill -c "$1"; }
first_has() { [ "$(pg_sql "$1")" = "$2" ]; }
setting() { pg_sql "alter system set $1" && pg_sql "select pg_reload_conf()" >/dev/null; }
logged() { grep -Eq -e "$1" "$work/$2.err"; }

database_start
chmod 0711 "$pg_dir"
broker_start
standby_make
standby_start
wait_until 20 first_has "select count(*) from pg_stat_replication" 1 || abort "the standby follows"
casemill generate --cases "$cases" --seed 3 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"

# --- a standby that no commit waits for
worker_start worker_async
check "a standby without synchronous commits causes a warning" wait_until 10 logged "asynchronous" worker_async
stop "$worker_pid"
lane_straight=$lane_conninfo
lane_conninfo="host=$pg_dir,$standby_dir user=casemill_lane dbname=casemill target_session_attrs=read-write"
worker_start worker CASEMILL_POSTGRES_SYNC_STANDBYS=1
check "where a synchronous standby is required, the server is refused" wait_until 10 logged "POSTGRES_REFUSED.*waits for 0 standbys" worker
start submit "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/cases.jsonl"
submit_pid=$started_pid
setting "synchronous_standby_names = '*'"
wait_until 20 first_has "select sync_state from pg_stat_replication" sync || abort "the standby is synchronous"
check "until its commits wait for the standby" wait_until 30 logged "POSTGRES_CONNECTED" worker

# --- a wait that is cancelled: the standby is stopped, the commit hangs, another session cancels it
wait_until 60 first_has "select count(*) > 400 from cases" t || abort "work continues"
receiver=$(on_standby "select pid from pg_stat_wal_receiver")
kill -STOP "$receiver"
hangs="select count(*) > 0 from pg_stat_activity where wait_event = 'SyncRep' and application_name like 'casemill/%'"
check "a commit waits for the standby" wait_until 30 first_has "$hangs" t
done_before=$(casemill status --all --control "ipc://$work/control" | sed -n 's/^cases_done_total  *//p')
pg_sql "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and application_name like 'casemill/%'" >/dev/null
check "cancelled, it is tried again" wait_until 30 first_has "$hangs" t
equal "and is not DONE" "$(casemill status --all --control "ipc://$work/control" | sed -n 's/^cases_done_total  *//p')" "$done_before"
kill -CONT "$receiver"

# --- the first server is killed, the second is promoted
wait_until 60 first_has "select count(*) > 1200 from cases" t || abort "work continues when the standby is back"
kill -KILL "$pg_pid"
wait "$pg_pid" 2>/dev/null
done_at_death=$(casemill status --all --control "ipc://$work/control" | sed -n 's/^cases_done_total  *//p')
check "the first dies while work runs" is_running "$submit_pid"
on_standby "select pg_promote()" >"$work/promote.out" 2>&1
equal "the second takes over" "$(on_standby "select pg_is_in_recovery()")" f
rows_kept=$(on_standby "select count(*) from cases")
check "and has all that was DONE ($done_at_death of $rows_kept rows)" [ "$rows_kept" -ge "$done_at_death" ]
on_standby "alter system set synchronous_standby_names = ''" && on_standby "select pg_reload_conf()" >/dev/null
stop "$worker_pid"
worker_start worker_after CASEMILL_POSTGRES_WAIT=true
wait_until 90 is_gone "$submit_pid" || abort "submit comes to its end"
wait "$submit_pid"
equal "the submit that ran meanwhile ends with all batches DONE" $? 0
equal "each case has its row" "$(on_standby "select count(*) from cases")" "$cases"
equal "and only one" "$(on_standby "select count(distinct (source, case_id, revision)) from cases")" "$cases"
lane_conninfo=$lane_straight
stop "$worker_pid"
stop "$broker_pid"
pg_pid=''
finish
