#!/bin/sh
# A private PostgreSQL cluster for tests and the demo. Sourced, not run:
#   pg_start DIR    initdb in the fresh directory DIR, start, create database casemill;
#                   sets pg_pid, pg_dir, pg_conninfo
#   pg_stop         stops the server that pg_start started, by its pid
#   pg_restart      starts it again on the same data
#   pg_sql TEXT     runs SQL, prints rows with | between columns
# It never changes a system cluster. It uses a unix socket only, fsync on, and an unprivileged user where the caller
# is root (PostgreSQL refuses root).

pg_bin=''
pg_find() {
    for pg_bin in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
        [ ! -x "$pg_bin/initdb" ] || return 0
    done
    echo "pg.sh: no PostgreSQL found; sh docker/packages.sh --install demo" >&2
    return 1
}
pg_pid=''
pg_conninfo=''

# A child that has ended stays in the process table until it is waited for: that is gone, too.
is_gone() {
    [ ! -e "/proc/$1/stat" ] || grep -q '^[0-9]* (.*) Z' "/proc/$1/stat" 2>/dev/null
}

# Runs a command as whoever may run PostgreSQL; exec keeps the pid.
pg_as() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    fi
    exec "$@"
}

pg_launch() {
    # One pid to wait for and to stop: the postmaster's own.
    (cd "$pg_dir" && pg_as "$pg_bin/postgres" -D "$pg_dir/data") >>"$pg_dir/log" 2>&1 &
    pg_pid=$!
    pg_tries=0
    until "$pg_bin/pg_isready" -q -h "$pg_dir" -U casemill; do
        pg_tries=$((pg_tries + 1))
        if [ "$pg_tries" -gt 300 ] || is_gone "$pg_pid"; then
            echo "pg.sh: PostgreSQL did not start:" >&2
            tail -n 5 "$pg_dir/log" >&2
            return 1
        fi
        sleep 0.1
    done
}

pg_start() {
    pg_dir=$1
    pg_find || return 1
    mkdir -p "$pg_dir" || return 1
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres:postgres "$pg_dir" || return 1
    fi
    chmod 0700 "$pg_dir"
    (cd "$pg_dir" && pg_as "$pg_bin/initdb" --pgdata="$pg_dir/data" --username=casemill \
        --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync) >"$pg_dir/log" 2>&1 || {
        echo "pg.sh: initdb failed:" >&2
        tail -n 5 "$pg_dir/log" >&2
        return 1
    }
    cat >>"$pg_dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$pg_dir'
fsync = on
shared_buffers = 128MB
max_wal_size = 4GB
max_connections = 60
log_min_messages = warning
timezone = 'UTC'
CONF
    # One role that must show a password, so that a wrong one can be tried.
    {
        echo "local all casemill_password scram-sha-256"
        cat "$pg_dir/data/pg_hba.conf"
    } >"$pg_dir/data/pg_hba.new" &&
        cat "$pg_dir/data/pg_hba.new" >"$pg_dir/data/pg_hba.conf" || return 1
    pg_launch || return 1
    pg_conninfo="host=$pg_dir user=casemill dbname=postgres"
    pg_sql "create database casemill" || return 1
    pg_conninfo="host=$pg_dir user=casemill dbname=casemill"
}

# After a kill the old backends may still hold the shared memory for a moment: it is tried again.
pg_restart() {
    pg_restarts=0
    until pg_launch 2>"$pg_dir/restart.err"; do
        wait "$pg_pid" 2>/dev/null
        pg_restarts=$((pg_restarts + 1))
        if [ "$pg_restarts" -gt 60 ]; then
            cat "$pg_dir/restart.err" >&2
            return 1
        fi
        sleep 0.5
    done
}

pg_stop() {
    [ -n "$pg_pid" ] || return 0
    kill -INT "$pg_pid" 2>/dev/null # fast shutdown: open transactions are rolled back
    wait "$pg_pid" 2>/dev/null
    pg_pid=''
}

pg_sql() {
    "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "${pg_conninfo:?pg_start first}" -c "$1"
}
