#!/bin/sh
# PostgreSQL stops, refuses, fills up, or cancels during the work. For each fault the lane logs the cause, and nothing
# is lost or written twice. When the fault is over, the submit that ran during it ends with every case DONE, without
# an operator (P2, P3, P8).
# A failure means that a case was lost or stored twice, or that the system did not recover by itself.
# suite: full
. "$(dirname "$0")/lib.sh"
batch=100

# made SEED COUNT: cases with ids of their own.
made() {
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
send() { # send SEED COUNT [ack]: in the background
    made "$1" "$2"
    start "submit$1" "$bin/casemill" submit --broker "$intake" --ack "${3:-outcome}" --batch "$batch" "$work/$1.jsonl"
    send_pid=$started_pid
}
count_of() { pg_sql "select count(*) from cases where case_id like 'S$1-%'"; }
all_done() { # all_done TEXT SEED COUNT: the submit ends well, and each case has its one row
    wait_until 60 is_gone "$send_pid" || { not_ok "$1: submit comes to its end" "rows: $(count_of "$2") of $3"; return; }
    wait "$send_pid"
    equal "$1: every case is DONE" $? 0
    equal "$1: and has its one row" "$(count_of "$2")" "$3"
}
logged() { grep -Eq -e "$1" "$work/worker.err"; }
# through TEXT SEED PATTERN FAULT HEAL: work meets the fault, the worker logs it, and the work ends after HEAL.
through() {
    : >"$work/worker.err"
    eval "$4" >"$work/fault.out" 2>&1 || not_ok "$1: the fault is made" "$(tail -n 1 "$work/fault.out")"
    send "$2" 500
    if wait_until 20 logged "$3"; then ok "$1: the worker logs it"; else not_ok "$1: the worker logs it" "$(tail -n 2 "$work/worker.err")"; fi
    eval "$5" >"$work/fault.out" 2>&1 || not_ok "$1: the fault is healed" "$(tail -n 1 "$work/fault.out")"
    all_done "$1" "$2" 500
}
lanes_new() { # the lanes' connections end, so that the next ones have the role's new settings
    pg_sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'casemill/%'" >/dev/null
}

database_start
broker_start

# --- down at start, and for long
kill -INT "$pg_pid"
wait "$pg_pid"
check "without postgres.wait a worker refuses to start" sh -c "! env CASEMILL_BROKER_CONNECT='$lanes' \
    CASEMILL_POSTGRES_CONNINFO='$lane_conninfo' timeout 10 '$bin/casemill-worker' --config config/worker.yaml >'$work/w.out' 2>'$work/w.err'"
contains "in one line" "$work/w.err" "PostgreSQL cannot be reached"
worker_start worker CASEMILL_POSTGRES_WAIT=true
send 1 500
check "down at start: the broker accepts" sh -c "
    timeout 20 '$bin/casemill' submit --broker '$intake' --ack journal --batch $batch '$work/1.jsonl' >'$work/j.out' 2>&1"
pg_restart || abort "PostgreSQL comes back"
all_done "down at start" 1 500
through "stopped in an orderly way" 2 "POSTGRES_LOST" "kill -INT $pg_pid; wait $pg_pid" "pg_restart"
through "killed" 3 "POSTGRES_LOST" "kill -KILL $pg_pid; wait $pg_pid; true" "pg_restart"

# --- the server refuses for a while: the SQLSTATEs of common/db/sqlstate.h
through "no right to write" 10 "POSTGRES_REFUSED.*sqlstate=42501 .*sql/roles.sql" \
    "pg_sql 'revoke insert on cases from casemill_worker'" "pg_sql 'grant insert on cases to casemill_worker'"
through "a column that is gone" 11 "POSTGRES_REFUSED.*sqlstate=42703 .*casemill db migrate" \
    "pg_sql 'alter table commits rename cases to cases_'" "pg_sql 'alter table commits rename cases_ to cases'"
through "a column of another type" 15 "POSTGRES_REFUSED.*sqlstate=22P03 .*another type" \
    "pg_sql 'alter table cases rename claim_country to kept; alter table cases add claim_country boolean'" \
    "pg_sql 'alter table cases drop claim_country; alter table cases rename kept to claim_country'"
through "read-only" 12 "POSTGRES_LOST.*sqlstate=25006 .*read-only" \
    "pg_sql 'alter role casemill_lane set default_transaction_read_only = on' && lanes_new" \
    "pg_sql 'alter role casemill_lane reset default_transaction_read_only' && lanes_new"
through "no connection left" 13 "POSTGRES_LOST.*too many connections" \
    "pg_sql 'alter role casemill_lane connection limit 0' && lanes_new" \
    "pg_sql 'alter role casemill_lane connection limit -1'"
through "statements cancelled" 14 "sqlstate=57014 .*statement_timeout" \
    "pg_sql \"create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(3); return new; end'\" &&
     pg_sql 'create trigger slow before insert on commits for each row execute function slow()' &&
     pg_sql \"alter role casemill_lane set statement_timeout = '300ms'\" && lanes_new" \
    "pg_sql 'drop trigger slow on commits; drop function slow()' &&
     pg_sql 'alter role casemill_lane reset statement_timeout' && lanes_new"

# raises CODE TIMES: the next inserts into commits fail with CODE, then no more.
raises() {
    pg_sql "create sequence faults; grant usage on sequence faults to public;
        create function fault() returns trigger language plpgsql as
        'begin if nextval(''faults'') <= $2 then raise exception using errcode = ''$1''; end if; return new; end';
        create trigger fault before insert on commits for each row execute function fault()"
}
raised() { [ "$(pg_sql "select last_value from faults")" -gt "$1" ]; }
no_more() { pg_sql "drop trigger fault on commits; drop function fault(); drop sequence faults"; }
once_more=20
for code in 40001 40P01 55P03; do
    raises "$code" 3
    send "$once_more" 300
    all_done "$code three times" "$once_more" 300
    check "$code: it was met three times, and then no more" raised 3
    no_more
    once_more=$((once_more + 1))
done
raises 53200 3
: >"$work/worker.err"
send 25 300
all_done "out of memory three times" 25 300
contains "out of memory: the worker logs it" "$work/worker.err" "sqlstate=53200"
no_more

# A lock that another session holds for longer than lock_timeout.
start locker "$pg_bin/psql" -XAtq -d "$pg_conninfo" -c "begin; lock table cases; select pg_sleep(7); commit"
locker_pid=$started_pid
send 26 300
all_done "the table locked for longer than lock_timeout" 26 300
contains "and no lane waited forever" "$pg_dir/log" "canceling statement due to lock timeout"
wait_until 10 is_gone "$locker_pid"
reap "$locker_pid"

# --- a connection cut around COMMIT
proxy_start proxy cut "none 0"
stop "$worker_pid"
straight=$lane_conninfo
lane_conninfo="host=$work/proxy user=casemill_lane dbname=casemill"
worker_start worker
for cut in before after; do
    : >"$work/worker.err"
    echo "$cut 5" >"$work/proxy.mode"
    seed=$([ $cut = before ] && echo 30 || echo 31)
    send "$seed" 3000
    all_done "cut $cut COMMIT" "$seed" 3000
    equal "cut $cut COMMIT: five times" "$(grep -c "^$cut" "$work/proxy.out")" 5
    contains "cut $cut COMMIT: the worker logs it" "$work/worker.err" "POSTGRES_LOST"
done
stop "$worker_pid"
lane_conninfo=$straight

# --- older and newer tables
saved_rows=$(pg_sql "select number || ',' || quote_literal(name) || ',' || quote_literal(hash) from schema_migrations order by number desc limit 1")
pg_sql "delete from schema_migrations where number = (select max(number) from schema_migrations)"
check "older tables: a worker refuses to start" sh -c "! env CASEMILL_BROKER_CONNECT='$lanes' \
    CASEMILL_POSTGRES_CONNINFO='$lane_conninfo' timeout 10 '$bin/casemill-worker' --config config/worker.yaml >'$work/w.out' 2>'$work/w.err'"
contains "and prints the command to run" "$work/w.err" "casemill db migrate"
pg_sql "insert into schema_migrations (number, name, hash) values ($saved_rows), (9999, 'later.sql', 'x')"
: >"$work/worker.err"
worker_start worker
send 40 300
all_done "newer tables that hold what is needed" 40 300
pg_sql "delete from schema_migrations where number = 9999"

# --- no space on the server's disk: the table is on a small one
disk=$work/pgdisk
if [ "$(id -u)" -eq 0 ] && mount_small "$disk" size=24m,mode=0700,uid="$(id -u postgres)"; then
    pg_sql "create tablespace small location '$disk'"
    fill="setpriv --reuid=postgres --regid=postgres --init-groups dd if=/dev/zero of=$disk/filler bs=64k; true"
    # Full: space that an autovacuum freed would take the next cases without a request to the disk.
    through "no room on the disk" 50 "sqlstate=53100 .*disk full" \
        "pg_sql 'vacuum full cases' && pg_sql 'alter table cases set tablespace small' && $fill" "rm -f $disk/filler"
    pg_sql "alter table cases set tablespace pg_default"
else
    echo "skipped: mount is not allowed"
fi

equal "no case is written twice" "$(rows)" "$(pg_sql "select count(distinct (source, case_id, revision)) from cases")"
equal "no case became a dead letter" "$(rows dead_letters)" 0
equal "commits and rows agree" "$(pg_sql "select coalesce(sum(cases), 0) from commits")" "$(rows)"
stop "$worker_pid"
stop "$broker_pid"
finish
