#!/bin/sh
# Two hosts, as network namespaces: broker, PostgreSQL and a worker on one; a worker and the clients on the other. The
# faults of the link between them: it is cut, cut for PostgreSQL alone, loses packets, or is slow. It is also cut
# while programs are killed on the far side, so that no connection is closed.
# A failure means that a case was lost or stored twice, that the system did not recover by itself, or that a dead
# peer's connection stays open forever.
# suite: full
. "$(dirname "$0")/lib.sh"
here=cm$$-here
there=cm$$-there
a=192.0.2.1
on_here() { ip netns exec "$here" "$@"; }
on_there() { ip netns exec "$there" "$@"; }

hosts_end() {
    for net_pid in $(ip netns pids "$here" 2>/dev/null) $(ip netns pids "$there" 2>/dev/null); do kill -KILL "$net_pid"; done
    ip netns del "$here" 2>/dev/null
    ip netns del "$there" 2>/dev/null
}
hosts_start() {
    ip netns add "$here" && ip netns add "$there" &&
        ip link add "va$$" netns "$here" type veth peer name "vb$$" netns "$there" &&
        ip -n "$here" addr add "$a/24" dev "va$$" && ip -n "$there" addr add 192.0.2.2/24 dev "vb$$" &&
        ip -n "$here" link set "va$$" up && ip -n "$there" link set "vb$$" up &&
        ip -n "$here" link set lo up && ip -n "$there" link set lo up && on_there nft list ruleset
}
if ! hosts_start >"$work/hosts.out" 2>&1; then
    hosts_end
    echo "skipped: network namespaces are not allowed here: $(tail -n 1 "$work/hosts.out")"
    none_left_behind() { ! ip netns list 2>/dev/null | grep -q "^cm$$-"; }
    check "and nothing remained" none_left_behind
    finish
fi
trap 'hosts_end; cleanup; exit 1' INT TERM
trap 'hosts_end; cleanup' EXIT

# Packet filter rules on the far host, in one table: its removal ends the fault.
faulty() { on_there nft "add table inet cm; add chain inet cm in { type filter hook input priority 0; };
    add chain inet cm out { type filter hook output priority 0; }; $1"; }
heal() { on_there nft delete table inet cm; }
cut() { faulty 'add rule inet cm in iifname != "lo" drop; add rule inet cm out oifname != "lo" drop'; }
cut_postgres() { faulty 'add rule inet cm in tcp sport 5432 drop; add rule inet cm out tcp dport 5432 drop'; }
lossy() { faulty 'add rule inet cm in iifname != "lo" numgen random mod 100 < 15 drop;
    add rule inet cm out oifname != "lo" numgen random mod 100 < 15 drop'; }

database_start
echo "host all all 192.0.2.0/24 trust" >>"$pg_dir/data/pg_hba.conf"
kill -INT "$pg_pid"
wait "$pg_pid" 2>/dev/null
(cd "$pg_dir" && exec ip netns exec "$here" setpriv --reuid=postgres --regid=postgres --init-groups -- \
    "$pg_bin/postgres" -D "$pg_dir/data" -c listen_addresses="$a" -p 5432) >>"$pg_dir/log" 2>&1 &
pg_pid=$!
wait_until 20 "$pg_bin/pg_isready" -q -h "$pg_dir" -U casemill || abort "PostgreSQL listens" "$(tail -n 2 "$pg_dir/log")"

k=$work/keys
mkdir -p "$k/own" "$k/sources" "$k/workers"
for name in broker north lanes; do casemill keys new "$name" --out "$k/own" >"$work/keys.out" || abort "keys new"; done
cp "$k/own/north.pub" "$k/sources/" && cp "$k/own/lanes.pub" "$k/workers/"
start broker ip netns exec "$here" env CASEMILL_INTAKE_BIND="tcp://$a:0" CASEMILL_WORKER_BIND="tcp://$a:0" \
    CASEMILL_CONTROL_BIND="ipc://$work/control" CASEMILL_HTTP_BIND=off CASEMILL_JOURNAL_PATH="$work/journal" \
    CASEMILL_JOURNAL_BYTES_MAX=256MiB CASEMILL_LANES_BEAT_MS=300ms CASEMILL_LANES_SILENT_MS=1500ms \
    CASEMILL_KEYS_SECRET="$k/own/broker.key" CASEMILL_KEYS_SOURCES="$k/sources" CASEMILL_KEYS_WORKERS="$k/workers" \
    "$bin/casemill-broker" --config config/broker.yaml
broker_pid=$started_pid
wait_ready broker "$broker_pid" || abort "the broker starts" "$(tail -n 1 "$work/broker.err")"
intake=$(ready_field broker intake)
lanes=$(ready_field broker worker)

# These settings detect a lost server within seconds; the defaults take half a minute.
lane_conninfo="host=$a port=5432 user=casemill_lane dbname=casemill tcp_user_timeout=2000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"
worker_on() { # worker_on HOST NAME
    wo_host=$1 wo_name=$2
    start "$wo_name" ip netns exec "$wo_host" env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
        CASEMILL_LANES_COUNT=1 CASEMILL_KEYS_SECRET="$k/own/lanes.key" CASEMILL_KEYS_BROKER="$k/own/broker.pub" \
        "$bin/casemill-worker" --config config/worker.yaml
    worker_pid=$started_pid
    wait_ready "$wo_name" "$worker_pid" || abort "worker $wo_name starts" "$(tail -n 1 "$work/$wo_name.err")"
}
worker_on "$here" near
near_pid=$worker_pid
worker_on "$there" far
far_pid=$worker_pid

send() { # send SEED COUNT: from the far host, in the background
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
    start "submit$1" ip netns exec "$there" "$bin/casemill" submit --broker "$intake" --key "$k/own/north.key" \
        --broker-key "$k/own/broker.pub" --ack outcome --batch 20 "$work/$1.jsonl"
    send_pid=$started_pid
}
count_of() { pg_sql "select count(*) from cases where case_id like 'S$1-%'"; }
some() { [ "$(count_of "$1")" -ge "$2" ]; }
lane_count() { casemill status --all --control "ipc://$work/control" | sed -n 's/^lanes  *//p'; }
lanes_are() { [ "$(lane_count)" = "$1" ]; }
logged() { [ "$(grep -Ec "$2" "$work/$1.err")" -gt "$3" ]; }
how_often() { grep -Ec "$2" "$work/$1.err"; }
all_done() { # all_done TEXT SEED COUNT
    wait_until 60 is_gone "$send_pid" || { not_ok "$1: submit comes to its end" "rows: $(count_of "$2") of $3"; return; }
    reap "$send_pid"
    equal "$1: every case is DONE" $? 0
    equal "$1: and has its one row" "$(count_of "$2")" "$3"
}
slow_table() { # so that a stream lasts longer than its fault
    pg_sql "create or replace function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.02); return new; end';
        create trigger slow before insert on commits for each row execute function slow()"
}
fast_table() { pg_sql "drop trigger slow on commits"; }

# --- the link is cut for twice as long as a lane may be silent
slow_table
send 1 6000
wait_until 20 some 1 500 || abort "work flows between the hosts" "$(tail -n 1 "$work/far.err")"
silent=$(how_often broker LANE_SILENT)
cut
if wait_until 10 logged broker LANE_SILENT "$silent"; then ok "cut: the far lane is lost"; else not_ok "cut: the far lane is lost"; fi
check "cut: the near lane continues" lanes_are 1
heal
check "cut: the far lane is back by itself" wait_until 10 lanes_are 2
fast_table
all_done "cut" 1 6000

# --- only PostgreSQL cannot be reached by the far worker, and sends nothing
slow_table
send 2 6000
wait_until 20 some 2 200 || abort "work flows again"
lost=$(how_often far POSTGRES_LOST)
cut_postgres
if wait_until 20 logged far POSTGRES_LOST "$lost"; then ok "PostgreSQL cut off: the worker logs it"; else not_ok "PostgreSQL cut off: the worker logs it"; fi
fast_table
all_done "PostgreSQL cut off" 2 6000
connected=$(how_often far POSTGRES_CONNECTED)
heal
if wait_until 20 logged far POSTGRES_CONNECTED "$connected"; then ok "PostgreSQL cut off: reached again"; else not_ok "PostgreSQL cut off: reached again"; fi

# --- a seventh of all packets is lost in each direction
lossy
send 3 4000
all_done "lossy" 3 4000
heal

# --- every packet takes 60 ms longer in each direction
relay() { # relay NAME PORT: sets relayed to the local port of the relay
    start "relay_$1" ip netns exec "$there" /usr/bin/python3 tests/system/proxy.py delay "$a" "$2" 60
    wait_until 10 grep -q ready "$work/relay_$1.out" || abort "the relay starts"
    relayed=$(sed -n 's/^ready //p' "$work/relay_$1.out")
}
straight_intake=$intake straight_lanes=$lanes straight_conninfo=$lane_conninfo
stop "$near_pid"
stop "$far_pid"
relay intake "${intake##*:}" && intake=tcp://127.0.0.1:$relayed
relay lanes "${lanes##*:}" && lanes=tcp://127.0.0.1:$relayed
relay postgres 5432 && lane_conninfo="host=127.0.0.1 port=$relayed user=casemill_lane dbname=casemill"
worker_on "$there" slow_far
send 4 4000
all_done "slow" 4 4000
equal "slow: no lane was lost" "$(lane_count)" 1
stop "$worker_pid"
intake=$straight_intake lanes=$straight_lanes lane_conninfo=$straight_conninfo

# --- programs are killed behind a cut link: no FIN, no RST, no packet arrives
worker_on "$here" near
worker_on "$there" far
far_pid=$worker_pid
slow_table
send 5 6000
wait_until 20 some 5 200 || abort "work flows a last time"
far_connections() { on_here ss -Htn state established dst 192.0.2.2 | grep -vc ':5432 '; }
check "half-open: the far programs are connected" [ "$(far_connections)" -ge 2 ]
cut
kill_hard "$send_pid"
kill_hard "$far_pid"
check "half-open: the lane's work goes to the near one" wait_until 10 lanes_are 1
fast_table
none_left() { [ "$(far_connections)" -eq 0 ]; }
check "half-open: the broker closes their connections within 30 s" wait_until 30 none_left
heal
send 5 6000
all_done "half-open, sent again" 5 6000

equal "no case twice" "$(rows)" "$(pg_sql "select sum(cases) from commits")"
equal "no case became a dead letter" "$(rows dead_letters)" 0
finish
