#!/bin/sh
# casemill doctor against real servers: all is well, then one fault at a time.  Each fault has its line, which states what
# to do; doctor itself changes nothing.
# A failure means that an operator is led to a wrong place, or that a fault is not noticed.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
export CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX=256MiB CASEMILL_HTTP_BIND=off \
    CASEMILL_INTAKE_BIND="$intake" CASEMILL_WORKER_BIND="$lanes" CASEMILL_CONTROL_BIND="ipc://$work/control"
doctor() { # doctor NAME ARGUMENT...
    doctor_name=$1
    shift
    casemill doctor --broker-config config/broker.yaml --worker-config config/worker.yaml "$@" >"$work/$doctor_name.out" 2>"$work/$doctor_name.err"
}
has() { # has TEXT NAME PATTERN: one of its lines
    contains "$1" "$work/$2.out" "$3"
}
good_db="$pg_conninfo"
export CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_BROKER_SECRET="$work/journal/lane.secret" CASEMILL_POSTGRES_CONNINFO="$good_db"

doctor good
equal "all is well: exit code" $? 0
for line in 'broker settings +config/broker.yaml: a start by this user would succeed' 'journal +.*/journal is in use by a broker' \
    'disk +[0-9]+ MiB .* are free for' 'worker settings +config/worker.yaml: a start' 'keys +none' 'broker +ipc://.*/control is ready, with 2 lanes' \
    'database +reachable' 'encoding +database casemill has UTF8' 'migrations +the tables are at migration' 'sync settings +fsync and full_page_writes are on' \
    'database clock +it differs' 'rule set +[0-9a-f]{12} is active'; do
    has "ok: ${line%% +*}" good "^ok +$line"
done
check "every line is ok, or states what to do" sh -c "! tail -n +2 '$work/good.out' | grep -vE '^(ok|warning|fault) ' &&
    ! grep -E '^(warning|fault) ' '$work/good.out' | grep -v '[.]  Do: '"
check "its first line names the columns" grep -q '^STATE  *CHECK  *FOUND$' "$work/good.out"
casemill doctor --json --broker-config config/broker.yaml >"$work/json.out" 2>&1
equal "as JSON" "$(/usr/bin/python3 -c '
import json, sys
answer = json.load(open(sys.argv[1]))
print(answer["schema_version"], {"ok", "warning", "fault"} >= {c["state"] for c in answer["checks"]}, all(c["advice"] for c in answer["checks"] if c["state"] == "warning"))' "$work/json.out")" "1 True True"
before=$(ls -lR "$work/journal" | grep -v '^total' | awk '{ print $5, $NF }')
doctor again
equal "it changes nothing" "$(ls -lR "$work/journal" | grep -v '^total' | awk '{ print $5, $NF }')" "$before"

# --- one fault at a time
CASEMILL_JOURNAL_PATH="$work/journal/lock/below" doctor paths
equal "a journal below a file: exit code" $? 1
has "it is a fault of the broker's settings" paths '^fault +broker settings +journal.path .*cannot be made.*correct it'
CASEMILL_LANES_BEAT_MS=soon doctor value
has "a wrong value" value '^fault +broker settings +.*(LANES_BEAT_MS|lanes.beat_ms)'
CASEMILL_BROKER_CONNECT=tcp://127.0.0.1:1 doctor away
has "a broker that a worker does not reach" away "^warning +worker's broker +broker.connect tcp://127.0.0.1:1: Connection refused.*Do: "
PATH=/usr/bin:/bin cp "$bin/casemill" "$work/casemill"
"$work/casemill" doctor --control "ipc://$work/control" --broker-config config/broker.yaml >"$work/alone.out" 2>&1
has "a program that is not installed" alone '^fault +broker settings +casemill-broker is neither beside this program nor on PATH.*Do: install it'
if mount_small "$work/small" size=180m; then
    head -c 178m /dev/zero >"$work/small/full"
    CASEMILL_JOURNAL_PATH="$work/small/journal" CASEMILL_JOURNAL_BYTES_MAX=16MiB CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 \
        CASEMILL_CONTROL_BIND="ipc://$work/control3" doctor full
    has "a disk without room" full '^fault +broker settings +journal.path .*has room for'
    truncate -s 163m "$work/small/full"
    CASEMILL_JOURNAL_PATH="$work/small/journal" CASEMILL_JOURNAL_BYTES_MAX=16MiB CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 \
        CASEMILL_CONTROL_BIND="ipc://$work/control3" doctor low
    has "a disk that is nearly full" low '^warning +disk +[0-9]+ MiB .[0-9] %. are free.*Do: free space'
else
    echo "skipped: mount is not allowed here"
fi
casemill keys new duty --out "$work" >"$work/keys.out" || abort "keys new"
chmod 0644 "$work/duty.key"
doctor keys --key "$work/duty.key" --broker-key "$work/duty.pub"
has "a secret key that others can read" keys '^fault +keys +.*duty.key.*Do: '
casemill pause --control "ipc://$work/control" >"$work/pause.out"
doctor paused
equal "a broker that is paused: exit code" $? 1
has "the line leads to resume" paused '^fault +broker +.*not ready: paused.*Do: casemill resume'
casemill resume --control "ipc://$work/control" >"$work/resume.out"
/usr/bin/python3 -c '
import msgpack, sys, zmq
socket = zmq.Context().socket(zmq.ROUTER)
socket.bind(sys.argv[1])
if socket.poll(20000):
    parts = socket.recv_multipart()
    socket.send_multipart(parts[:-1] + [msgpack.packb(["CM1", "REPLY", {"ok": True, "json": "{}"}])])
    socket.close(linger=2000)' "ipc://$work/other" &
other=$!
doctor other --control "ipc://$work/other"
equal "a program that is no broker: exit code" $? 1
wait "$other"
has "the line names it" other '^fault +broker +the answer of .*/other is no status of a broker'
doctor away --control "ipc://$work/nowhere"
has "no broker" away '^fault +broker +no answer from .*/nowhere.*Do: start casemill-broker'

doctor nowhere --db "host=$work/nowhere dbname=casemill"
has "no server" nowhere '^fault +database +PostgreSQL cannot be reached.*Do: start PostgreSQL'
doctor nodb --db "host=$pg_dir user=casemill dbname=absent"
has "no such database" nodb '^fault +database +there is no such database'
doctor tables --db "host=$pg_dir user=casemill dbname=postgres"
has "no tables" tables '^fault +migrations +the database has no tables: run `casemill db migrate`'
pg_sql "create database ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0"
doctor ascii --db "host=$pg_dir user=casemill dbname=ascii"
has "another encoding" ascii "^fault +encoding +database ascii has SQL_ASCII.*Do: .*ENCODING 'UTF8'"
pg_sql "create database fresh"
casemill db migrate --db "host=$pg_dir user=casemill dbname=fresh" >"$work/migrate.out" 2>&1 || abort "db migrate"
doctor rules --db "host=$pg_dir user=casemill dbname=fresh"
has "no rule set" rules '^fault +rule set +no rule set is active.*Do: casemill rules publish'
(pg_conninfo="host=$pg_dir user=casemill dbname=fresh" && pg_sql "delete from schema_migrations where number = (select max(number) from schema_migrations); insert into schema_migrations values (15, 'x', 'y') on conflict do nothing")
doctor older --db "host=$pg_dir user=casemill dbname=fresh"
has "older tables" older '^fault +migrations +the database is at migration 15, .*run `casemill db migrate`'
for role in $(sed -n "s/.*ARRAY ARRAY\[\(.*\)/\1/p;s/^ *\('casemill_[a-z]*'\)\] LOOP/\1/p" sql/roles.sql | tr -d "',]" | sed 's/LOOP//' | tr ' ' '\n' | sort -u); do
    pg_sql "alter role $role rename to moved" && doctor role
    has "the role $role is missing" role "^warning +roles +missing: $role.*Do: run sql/roles.sql"
    pg_sql "alter role moved rename to $role"
done
turned_off() { [ "$(pg_sql "show $1")" = off ]; }
for setting in fsync full_page_writes; do
    pg_sql "alter system set $setting = off" && pg_sql "select pg_reload_conf()" >/dev/null && wait_until 10 turned_off "$setting"
    doctor "$setting"
    has "$setting is off" "$setting" "^fault +sync settings +$setting is off.*Do: set it to on"
    pg_sql "alter system reset $setting" && pg_sql "select pg_reload_conf()" >/dev/null
done
cc -shared -fPIC -O1 -o "$work/hold.so" "$root/tests/system/hold_preload.c" -ldl || abort "the preload is built"
mkdir "$work/hold" && echo 5 >"$work/hold/clock"
LD_PRELOAD="$work/hold.so" TEST_HOLD_DIR="$work/hold" casemill doctor --control "ipc://$work/control" >"$work/skew.out" 2>&1
has "a clock that is 5 s ahead" skew '^warning +database clock +it differs from this host.s by (499|500)[0-9] ms.*Do: synchronize'
unset CASEMILL_POSTGRES_CONNINFO
casemill doctor --control "ipc://$work/control" >"$work/none.out" 2>&1
has "without a database" none '^warning +database +not checked.*Do: give --db'

stop "$worker_pid"
doctor lanes --db "$good_db"
has "without lanes" lanes '^fault +broker +.*not ready: no lane.*Do: start casemill-worker'
stop "$broker_pid"
finish
