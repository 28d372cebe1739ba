#!/bin/sh
# A pooler between the worker and PostgreSQL. In session mode everything works. In transaction or statement mode the
# settings of a lane reach other sessions, and theirs reach the lane. So the worker refuses to start, in one line. A
# running worker whose pooler changes its mode logs it and stops working. Until it detects this, each transaction
# carries the settings that its promises rely on (P2, P10).
# A failure means that a commit was less than durable, or that an outcome was lost behind a pooler.
# suite: full
. "$(dirname "$0")/lib.sh"

pgbouncer=$(command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null)
if [ -z "$pgbouncer" ]; then
    echo "skipped: pgbouncer is not installed (sh docker/packages.sh --install test)"
    echo "1 passed, 0 failed"
    exit 0
fi

# pooler MODE POOL_SIZE [LINE]: writes the settings.  pgbouncer refuses root, so for root it runs as the user that runs
# PostgreSQL.
pooler_dir=$work/pooler
mkdir "$pooler_dir"
[ "$(id -u)" -ne 0 ] || chown postgres "$pooler_dir"
pooler_settings() {
    cat >"$pooler_dir/ini" <<INI
[databases]
casemill = host=$pg_dir dbname=casemill
[pgbouncer]
listen_addr =
unix_socket_dir = $pooler_dir
listen_port = 6432
auth_type = trust
auth_file = $pooler_dir/users
admin_users = casemill
pool_mode = $1
default_pool_size = $2
max_client_conn = 100
server_login_retry = 1
logfile = $pooler_dir/log
pidfile = $pooler_dir/pid
${3:-}
INI
}
pooler_sql() { "$pg_bin/psql" -XAtq -d "host=$pooler_dir port=6432 user=casemill dbname=$1" -c "$2"; }
pooler_is_up() { pooler_sql pgbouncer "show version" >"$work/pooler.up" 2>&1; }
pooler_start() {
    pooler_settings "$@"
    printf '"casemill" ""\n"casemill_lane" ""\n' >"$pooler_dir/users"
    if [ "$(id -u)" -eq 0 ]; then
        start pooler setpriv --reuid=postgres --regid=postgres --init-groups -- "$pgbouncer" "$pooler_dir/ini"
    else
        start pooler "$pgbouncer" "$pooler_dir/ini"
    fi
    pooler_pid=$started_pid
    wait_until 10 pooler_is_up || abort "pgbouncer starts" "$(tail -n 1 "$work/pooler.err")"
}
pooler_stop() {
    kill -TERM "$pooler_pid" 2>/dev/null # at once, whoever is connected
    wait_until 10 is_gone "$pooler_pid" || kill -KILL "$pooler_pid"
    reap "$pooler_pid"
}
worker_env() {
    env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$pooled" CASEMILL_LANES_COUNT=2 "$@"
}
refused() { # refused TEXT PATTERN: a worker does not start, and prints the reason in one line
    worker_env timeout 20 "$bin/casemill-worker" --config config/worker.yaml >"$work/refused.out" 2>"$work/refused.err"
    equal "$1: a worker does not start" $? 1
    contains "$1: the reason is printed" "$work/refused.err" "$2"
    equal "$1: in one line" "$(wc -l <"$work/refused.err")" 1
}
made() { # made SEED COUNT: cases with ids of their own
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
count_of() { pg_sql "select count(*) from cases where case_id like 'S$1-%'"; }

database_start
broker_start
# The settings under which each lane transaction committed.  The role and the server have other settings than lanes need.
pg_sql "create table seen (settings text primary key);
    create function note_settings() returns trigger language plpgsql security definer as 'begin
        insert into seen select string_agg(name || ''='' || setting, '' '' order by name) from pg_settings where name in
            (''synchronous_commit'', ''lock_timeout'', ''transaction_isolation'', ''log_min_error_statement'', ''log_error_verbosity'')
        on conflict do nothing; return null; end';
    create trigger note_settings after insert on commits for each row execute function note_settings();
    alter database casemill set synchronous_commit = off; alter database casemill set lock_timeout = 0;
    alter database casemill set default_transaction_isolation = 'repeatable read';
    alter database casemill set log_error_verbosity = verbose; alter database casemill set log_min_error_statement = error" ||
    abort "settings are noted"
wanted_settings="lock_timeout=5000 log_error_verbosity=terse log_min_error_statement=panic synchronous_commit=on transaction_isolation=read committed"
pooled="host=$pooler_dir port=6432 user=casemill_lane dbname=casemill"

# --- statement mode, and transaction mode with each order in which a pool hands out its servers
pooler_start statement 8
refused "statement mode" "pooler in front of PostgreSQL .*pool_mode"
pooler_stop
for way in "1" "2 server_round_robin=1" "8" "8 server_round_robin=1" "1 server_round_robin=1"; do
    # shellcheck disable=SC2086
    pooler_start transaction $way
    # As many servers as the pool may have, idle.
    fillers=""
    for i in 1 2 3 4 5 6 7; do pooler_sql casemill "select pg_sleep(0.2)" >"$work/fill.out" 2>&1 & fillers="$fillers $!"; done
    wait $fillers
    refused "transaction mode, pool of $way" "different servers: set its pool_mode to session"
    pooler_stop
done

# While other sessions are at work, the servers change hands between any two statements.
pooler_start transaction 8
echo "select pg_sleep(0.001)" >"$work/others.sql"
start others "$pg_bin/pgbench" -n -c 6 -T 30 -f "$work/others.sql" -h "$pooler_dir" -p 6432 -U casemill casemill
others_pid=$started_pid
others_work() { [ "$(pg_sql "select count(*) from pg_stat_activity where application_name = 'pgbench'")" -ge 3 ]; }
check "other sessions are at work" wait_until 10 others_work
refused "transaction mode, other sessions at work" "different servers: set its pool_mode to session"
kill_hard "$others_pid"
pooler_stop

# --- verbs work in transaction mode: they rely on no session
pooler_start transaction 2
casemill report --db "host=$pooler_dir port=6432 user=casemill dbname=casemill" >"$work/report.out" 2>"$work/report.err"
equal "casemill report works in transaction mode" $? 0
pooler_stop

# --- session mode: everything works, even if the pool has no spare server
pooler_start session 20
lane_conninfo=$pooled
worker_start worker
made 1 300
check "session mode: every case is DONE" submit --ack outcome --batch 100 "$work/1.jsonl"
equal "session mode: and has its row" "$(count_of 1)" 300
stop "$worker_pid"
pooler_stop
pooler_start session 4 # the rule watch, the fold and two lanes
worker_start worker
made 2 300
check "a pool without a spare server: every case is DONE" submit --ack outcome --batch 100 "$work/2.jsonl"
equal "a pool without a spare server: and has its row" "$(count_of 2)" 300

# --- PostgreSQL goes away behind the pooler, under a worker that runs and at the start of another
kill -INT "$pg_pid"
wait "$pg_pid"
stop "$worker_pid"
worker_start waits CASEMILL_POSTGRES_WAIT=true
made 4 100
start submit4 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/4.jsonl"
submit_pid=$started_pid
pg_restart || abort "PostgreSQL comes back"
check "PostgreSQL away behind the pooler: every case is DONE afterwards" wait_until 60 is_gone "$submit_pid"
equal "PostgreSQL away behind the pooler: and has its row" "$(count_of 4)" 100
stop "$worker_pid"
worker_start worker

# --- the mode is changed under a worker that runs: it notices and refuses
: >"$work/worker.err"
pooler_settings transaction 8
pooler_sql pgbouncer "reload" || not_ok "pgbouncer takes the new mode"
pooler_sql pgbouncer "kill casemill" >"$work/kill.out" 2>&1 # all connections start again
pooler_sql pgbouncer "resume casemill" >"$work/resume.out" 2>&1
made 3 100
start submit3 "$bin/casemill" submit --broker "$intake" --ack outcome --batch 100 "$work/3.jsonl"
submit_pid=$started_pid
logged() { grep -q "$1" "$work/worker.err"; }
check "a pooler that is changed to transaction mode: the worker logs it" wait_until 20 logged "POSTGRES_REFUSED.*pool_mode to session"
pooler_settings session 8
pooler_sql pgbouncer "reload"
check "and set back: the work continues" wait_until 60 is_gone "$submit_pid"
equal "every case has its row" "$(count_of 3)" 100
stop "$worker_pid"
pooler_stop

equal "every transaction carried its settings" "$(pg_sql "select string_agg(settings, '; ') from seen")" "$wanted_settings"
equal "no case became a dead letter" "$(rows dead_letters)" 0
stop "$broker_pid"
finish
