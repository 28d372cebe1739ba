#!/bin/sh
# Benchmark peers: casemill beside other queues with casemill's own worker code behind each, and a loader that COPYs
# the same rows.  Then each queue is killed while it works.  Called by run.sh.
#   sh tests/bench/run.sh peers [--quick]    --quick: casemill and PostgreSQL only, the smallest run
# A queue whose server or client library is missing is skipped with one line; `sh docker/packages.sh --install peers`
# installs all, and the next build finds them.
# CASEMILL_BENCH_CASES, _SINGLES, _FAULT_CASES and _RUNS make it smaller; CASEMILL_BENCH_PEERS lists the queues.
set -u
systems="casemill postgres redis rabbitmq beanstalkd nats"
bulk_default=400000 singles_default=100000 fault_default=200000 runs_default=3
quiet_s=15 # longer than the time after which every queue delivers again what a lane had
if [ "${1:-}" = --quick ]; then
    systems="casemill postgres"
    bulk_default=20000 singles_default=4000 fault_default=60000 runs_default=1
    quiet_s=8
fi
bulk_cases=${CASEMILL_BENCH_CASES:-$bulk_default}
single_cases=${CASEMILL_BENCH_SINGLES:-$singles_default}
fault_cases=${CASEMILL_BENCH_FAULT_CASES:-$fault_default}
runs=${CASEMILL_BENCH_RUNS:-$runs_default}
systems=${CASEMILL_BENCH_PEERS:-$systems}
# Its client's confirmation is no promise that the message is on the disk, so it is not compared with casemill.
not_synced=nats
fault_message=10
slow=beanstalkd # syncs each message by itself; one case per message would take minutes
slow_singles=$((single_cases / 50))
. "$(dirname "$0")/lib.sh"
bench_peers=$tools/bench_peers

# --- the servers ---

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
server_of() {
    case $1 in
    redis) echo redis-server ;;
    rabbitmq) echo /usr/lib/rabbitmq/bin/rabbitmq-server ;;
    beanstalkd) echo beanstalkd ;;
    nats) echo nats-server ;;
    *) echo sh ;; # casemill and PostgreSQL are there
    esac
}
# server_start NAME: on the port and in the directory of its first start; sets pid_NAME.
server_start() {
    eval "port=\$port_$1"
    dir=$work/$1
    case $1 in
    redis)
        start redis redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes --appendfsync always
        ;;
    beanstalkd) start beanstalkd beanstalkd -l 127.0.0.1 -p "$port" -b "$dir" -f0 -z 4194304 ;;
    nats) start nats nats-server -c "$dir/server.conf" ;;
    rabbitmq)
        # RUNNING_UNDER_SYSTEMD: the script becomes the server, so the pid is the server's own.
        start rabbitmq env -i PATH="$PATH" HOME="$dir" LANG=C.UTF-8 RUNNING_UNDER_SYSTEMD=1 ERL_EPMD_PORT="$epmd_port" \
            RABBITMQ_NODENAME=casemill@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" \
            RABBITMQ_DIST_PORT="$dist_port" RABBITMQ_MNESIA_BASE="$dir/mnesia" RABBITMQ_LOG_BASE="$dir/log" \
            RABBITMQ_CONFIG_FILE="$dir/none" RABBITMQ_CONF_ENV_FILE="$dir/none" RABBITMQ_PID_FILE="$dir/pid" \
            RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" \
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
            "$(server_of rabbitmq)"
        ;;
    esac
    eval "pid_$1=$started_pid"
}
server_first() { # server_first NAME: a fresh directory and a port of the kernel; waits until it accepts messages
    mkdir "$work/$1" || abort "a directory for $1"
    eval "port_$1=$(free_port)"
    eval "address_$1=127.0.0.1:\$port_$1"
    case $1 in
    nats)
        eval "echo \"host: 127.0.0.1, port: \$port_nats, max_payload: 4MB, jetstream: {store_dir: '$work/nats/store'}\"" \
            >"$work/nats/server.conf"
        ;;
    rabbitmq)
        epmd_port=$(free_port)
        dist_port=$(free_port)
        start epmd epmd -port "$epmd_port" -address 127.0.0.1
        ;;
    esac
    server_start "$1"
    : >"$work/nothing"
    eval "\"$bench_peers\" push \"$1\" \"\$address_$1\" \"$work/nothing\" 1" >/dev/null || abort "$1 starts"
}

# --- one timed run ---

# Processor time of all that takes part, in ticks.  These are PostgreSQL with its processes of now and before, the queue,
# casemill or the peer's worker, and the programs that this script has waited for.  The start of a worker does not count.
peer_pid=''
ticks() {
    eval "ticks_server=\${pid_$1:-}"
    ticks_pids="$pg_pid $(cat "/proc/$pg_pid/task/$pg_pid/children")"
    [ "$1" != casemill ] || ticks_pids="$ticks_pids $broker_pid $worker_pid"
    for ticks_pid in $ticks_pids $ticks_server $peer_pid; do cat "/proc/$ticks_pid/stat" 2>/dev/null; done |
        awk -v own="$(cat /proc/$$/stat)" '
            { sub(/.*[)] /, ""); sum += $12 + $13 + $14 + $15 }
            END { sub(/.*[)] /, "", own); split(own, mine, " "); print sum + mine[14] + mine[15] }'
}
casemill_once() { # casemill_once MESSAGE FILE: seconds
    before=$(ticks casemill)
    took=$("$tools/bench_submit" rate "$intake" "$2" "$1") || abort "bench_submit"
    echo "${took%% *}"
}
worker_ready() { # worker_ready NAME PID
    wait_until 30 is_ready "$1" "$2"
    grep -q '^ready' "$work/$1.out" || abort "the lanes of $1 start" "$(tail -n 1 "$work/$1.err")"
}
peer_once() { # peer_once NAME MESSAGE FILE CASES: seconds
    eval "address=\$address_$1"
    start peer_worker "$bench_peers" work "$1" "$address" "$lane_conninfo" "$2" "$4" 60
    peer_pid=$started_pid
    worker_ready peer_worker "$peer_pid"
    before=$(ticks "$1")
    pushed=$("$bench_peers" push "$1" "$address" "$3" "$2") || abort "the client of $1"
    wait_until 120 is_gone "$peer_pid" || abort "the lanes of $1 end"
    reap "$peer_pid" || abort "the lanes of $1"
    peer_pid=''
    tail -n 1 "$work/peer_worker.out" | awk -v began="${pushed%% *}" '{ printf "%.6f\n", ($1 - began) / 1e9 }'
}
# once NAME SHAPE MESSAGE FILE CASES: a line "RATE MICROSECONDS" in $work/rate.SHAPE.NAME
once() {
    fresh_tables
    [ "$1 $2" != "$slow single" ] || set -- "$1" "$2" "$3" "$work/slow.mp" "$slow_singles"
    [ "$1" != postgres ] || pg_sql "truncate peer_queue"
    if [ "$1" = casemill ]; then
        casemill_once "$3" "$4" >"$work/seconds"
    else
        peer_once "$1" "$3" "$4" "$5" >"$work/seconds"
    fi
    after=$(ticks "$1")
    [ "$(rows)" = "$5" ] || abort "$1: every case is in the table" "$(rows) of $5"
    awk -v cases="$5" -v ticks="$((after - before))" -v hz="$(getconf CLK_TCK)" \
        '{ printf "%.0f %.3f\n", cases / $1, ticks / hz / cases * 1e6 }' "$work/seconds" >>"$work/rate.$2.$1"
}

# --- the figures ---

column() { awk -v column="$1" '{ print $column }'; }
middle() { # of the first column
    column 1 | sort -g |
        awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}
# beside A B: lines "VALUE RATIO" of two files of one line per round
beside() { paste -d ' ' "$1" "$2" | awk '{ printf "%s %.4f\n", $1, $1 / $2 }'; }
shape() { # shape NAME MESSAGE FILE CASES LIMIT LEAD: the goals of casemill beside the loader and the best peer
    for system in $there; do once "$system" "$1" "$2" "$3" "$4"; done # warm
    rm -f "$work/rate.$1".*
    once casemill "$1" "$2" "$3" "$4"
    rm -f "$work/rate.$1".*
    dump_rows "$work/rows.bin" || abort "the rows are read"
    load_best "$work/rows.bin" >/dev/null || abort "bench_load"
    for run in $(seq "$runs"); do
        for system in $there; do once "$system" "$1" "$2" "$3" "$4"; done
        load_best "$work/rows.bin" >>"$work/rate.$1.loader" || abort "bench_load"
    done
    column 1 <"$work/rate.$1.loader" | sed 's/$/ -/' | figure peers "$1.loader" cases/s ""
    best=''
    for system in $there; do
        column 1 <"$work/rate.$1.$system" >"$work/rates"
        label=$1.$system
        case $system in
        casemill) beside "$work/rates" "$work/rate.$1.loader" | figure peers "$label" cases/s "$5" ;;
        "$not_synced") beside "$work/rates" "$work/rate.$1.loader" | figure peers "$label.not_synced" cases/s "" ;;
        *)
            beside "$work/rates" "$work/rate.$1.loader" | figure peers "$label" cases/s ""
            best=$(printf '%s %s\n%s' "$(middle <"$work/rates")" "$system" "$best" | sort -rg | head -n 1)
            ;;
        esac
        [ "$system $1" != "$slow single" ] || continue # too few cases
        awk '{ print $2, "-" }' "$work/rate.$1.$system" | figure peers "$label.cpu" us ""
    done
    [ -n "$best" ] || return 0
    column 1 <"$work/rate.$1.casemill" >"$work/rates"
    column 1 <"$work/rate.$1.${best#* }" >"$work/best"
    beside "$work/rates" "$work/best" | figure peers "$1.lead_of_${best#* }" cases/s "$6"
}

# --- kill -9 in the middle ---

# Sets killed_at: a quarter of the cases or more, and not all, have their outcome when the queue is killed.
wait_rows() {
    for try in $(seq 3000); do
        killed_at=$(rows)
        [ "$killed_at" -lt $((fault_cases / 4)) ] || break
    done
    [ "$try" -lt 3000 ] || abort "$1 works before it is killed"
    [ "$killed_at" -lt "$fault_cases" ] || abort "$1 is killed in the middle" "CASEMILL_BENCH_FAULT_CASES is too small"
}
kill_queue() { # kill_queue NAME: and starts it again
    case $1 in
    casemill)
        kill_hard "$broker_pid"
        broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
        ;;
    postgres)
        kill -KILL "$pg_pid"
        wait "$pg_pid" 2>/dev/null
        pg_restart || abort "PostgreSQL starts again"
        ;;
    *)
        eval "kill_hard \$pid_$1"
        server_start "$1"
        ;;
    esac
}
# fault NAME: cases that got no outcome, and cases that the queue delivered again after their commit.  The key of `cases`
# turns the latter into duplicates; a table without such a key would have them twice.
fault() {
    fresh_tables
    [ "$1" != postgres ] || pg_sql "truncate peer_queue"
    if [ "$1" = casemill ]; then
        start fault_client "$bin/casemill" submit --broker "$intake" --batch "$fault_message" --ack outcome --wait 120 \
            --format msgpack "$work/fault.mp"
    else
        eval "address=\$address_$1"
        start fault_worker "$bench_peers" work "$1" "$address" "$lane_conninfo" "$fault_message" 0 "$quiet_s"
        fault_worker=$started_pid
        worker_ready fault_worker "$fault_worker"
        start fault_client "$bench_peers" push "$1" "$address" "$work/fault.mp" "$fault_message"
    fi
    fault_client=$started_pid
    wait_rows "$1"
    kill_queue "$1"
    wait_until 240 is_gone "$fault_client" || abort "the client of $1 ends"
    reap "$fault_client" || abort "the client of $1 succeeds" "$(tail -n 1 "$work/fault_client.err")"
    if [ "$1" != casemill ]; then
        wait_until 240 is_gone "$fault_worker" || abort "the lanes of $1 end"
        reap "$fault_worker" || abort "the lanes of $1 end well" "$(tail -n 1 "$work/fault_worker.err")"
    fi
    lost=$((fault_cases - $(rows)))
    again=$(pg_sql "select coalesce(sum(duplicates), 0) from commits")
    goal=''
    [ "$1" != casemill ] || goal="<= 0"
    echo "$killed_at -" | figure peers "kill.$1.at" cases ""
    echo "$lost $lost" | figure peers "kill.$1.lost" cases "$goal"
    echo "$again -" | figure peers "kill.$1.repeated" cases ""
}

# --- the run ---

there=''
for system in $systems; do
    if [ "$system" = casemill ] || "$bench_peers" list | grep -qx "$system"; then
        if command -v "$(server_of "$system")" >/dev/null; then
            there="$there $system"
        else
            echo "peers.sh: $system is skipped: no $(server_of "$system") here (sh docker/packages.sh --install peers)"
        fi
    else
        echo "peers.sh: $system is skipped: bench_peers was built without its client library (sh docker/packages.sh --install peers)"
    fi
done

database_start
pg_sql "create table peer_queue (id bigint generated always as identity primary key, message bytea not null);
    alter table peer_queue alter message set storage external" # compression costs more than it saves
address_postgres=$pg_conninfo
broker_start CASEMILL_JOURNAL_BYTES_MAX=2GiB
worker_start worker
for system in $there; do
    case $system in casemill | postgres) ;; *) server_first "$system" ;; esac
done
for file in "bulk $bulk_cases" "single $single_cases" "slow $slow_singles" "fault $fault_cases"; do
    casemill generate --cases "${file#* }" --seed 7 --format msgpack --out "$work/${file% *}.mp" 2>"$work/generate.err" ||
        abort "generate" "$(tail -n 1 "$work/generate.err")"
done
shape bulk 1000 "$work/bulk.mp" "$bulk_cases" ">= 0.75" ">= 1.4"
shape single 1 "$work/single.mp" "$single_cases" ">= 0.60" ">= 1.5"
for system in $there; do fault "$system"; done
done_with
