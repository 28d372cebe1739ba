#!/bin/sh
# Faults at startup: each one gives one clear line on stderr and exit code 1, at once.
# A failure means that an operator sees many lines, a hang, or a program that only seems to run.
# suite: full
. "$(dirname "$0")/lib.sh"

# refuses TEXT PATTERN COMMAND...: exit code 1 within ten seconds, a line like PATTERN on stderr that
# is no crash report, no ready line.
refuses() {
    refuses_text=$1
    refuses_pattern=$2
    shift 2
    timeout 10 "$@" >"$work/refuses.out" 2>"$work/refuses.err"
    equal "$refuses_text: exit code" $? 1
    contains "$refuses_text: the reason is printed" "$work/refuses.err" "$refuses_pattern"
    check "$refuses_text: in one line" [ "$(wc -l <"$work/refuses.err")" -eq 1 ]
    check "$refuses_text: not ready" sh -c "! grep -q ^ready '$work/refuses.out'"
}
# Each start has exactly one fault.
broker() {
    refuses "$@" "$bin/casemill-broker" --config "$root/config/broker.yaml"
}
worker() {
    refuses "$@" "$bin/casemill-worker" --config "$root/config/worker.yaml"
}
broker_env="env CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0
    CASEMILL_CONTROL_BIND=ipc://$work/control2 CASEMILL_HTTP_BIND=127.0.0.1:0 CASEMILL_JOURNAL_BYTES_MAX=64MiB"

database_start
broker_start

# shellcheck disable=SC2086
{
    broker "broker, intake port taken" "$(echo "$intake" | sed 's|.*:||')" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_INTAKE_BIND="$intake"
    broker "broker, control socket of another broker" "control.*in use" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_CONTROL_BIND="ipc://$work/control"
    touch "$work/file"
    broker "broker, a file where its control socket is to be" "file.*no socket" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_CONTROL_BIND="ipc://$work/file"
    broker "broker, an ipc address without a file" "open to every user of this host" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_CONTROL_BIND="ipc://@casemill-$$"
    broker "broker, journal below a file" "file/journal" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/file/journal"
    broker "broker, journal in use" "journal" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal"
    broker "broker, bad number" "lanes.beat_ms|LANES_BEAT_MS" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_LANES_BEAT_MS=soon
    broker "broker, unknown variable" "BEAT_MSS.*BEAT_MS|beat_mss.*beat_ms" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_LANES_BEAT_MSS=1000
    broker "broker, a bind that is not loopback" "loopback" \
        $broker_env CASEMILL_JOURNAL_PATH="$work/journal2" CASEMILL_INTAKE_BIND=tcp://0.0.0.0:0
}
# Root writes anywhere, so a directory that refuses needs another user.
if [ "$(id -u)" -eq 0 ]; then
    mkdir "$work/closed"
    chmod 0755 "$work" "$work/closed"
    cp "$bin/casemill-broker" "$work/casemill-broker"
    cp "$root/config/broker.yaml" "$work/broker.yaml"
    chmod 0755 "$work/casemill-broker"
    chmod 0644 "$work/broker.yaml"
    # shellcheck disable=SC2086
    refuses "broker, journal directory not writable" "closed/journal|closed" \
        setpriv --reuid=postgres --regid=postgres --init-groups -- $broker_env CASEMILL_CONTROL_BIND=ipc:///tmp/casemill-control-$$ \
        CASEMILL_JOURNAL_PATH="$work/closed/journal" "$work/casemill-broker" --config "$work/broker.yaml"
else
    mkdir -m 0555 "$work/closed"
    # shellcheck disable=SC2086
    broker "broker, journal directory not writable" "closed" $broker_env CASEMILL_JOURNAL_PATH="$work/closed/journal"
fi
rm -f "/tmp/casemill-control-$$"
printf 'intake:\n  bind: tcp://127.0.0.1:0\n  bnid: tcp://127.0.0.1:0\n' >"$work/wrong.yaml"
refuses "broker, unknown key" "wrong.yaml:3.*bnid.*bind" \
    env CASEMILL_JOURNAL_PATH="$work/journal2" "$bin/casemill-broker" --config "$work/wrong.yaml"
refuses "broker, no such file" "nowhere.yaml" "$bin/casemill-broker" --config "$work/nowhere.yaml"
# A value that has the right type and is still wrong is refused with its place.  --check refuses what a start refuses.
place() { # place PROGRAM YAML PATTERN: the whole file is one section with one key
    printf '%b' "$2" >"$work/place.yaml"
    refuses "$1, $(printf '%b' "$2" | tr -s '\n ' ' ')" "$3" "$bin/casemill-$1" --config "$work/place.yaml" --check
}
place broker 'lanes:\n  beat_ms: 1h\n' "place.yaml:2:12: lanes.beat_ms: expected milliseconds"
place broker 'lanes:\n  beat_ms: 20s\n' "place.yaml:2:12: lanes.beat_ms: must be below"
place broker 'lanes:\n  silent_ms: 500\n' "place.yaml:2:14: lanes.silent_ms: must be above"
place broker 'queue:\n  weights: [a=2, b=101]\n' "place.yaml:2:12: queue.weights: .b=101.: wanted"
place broker 'queue:\n  weights: [a=2, b=3, a=4]\n' "place.yaml:2:12: queue.weights: .a. is named twice"
place broker 'intake:\n  bind: tcp://127.0.0.1:99999\n' "place.yaml:2:9: intake.bind: .*HOST:PORT"
place broker 'control:\n  bind: ipc://@casemill\n' "place.yaml:2:9: control.bind: .ipc://@casemill. is refused: an address without a file"
place worker 'broker:\n  connect: [ipc://@casemill]\n' "place.yaml:2:12: broker.connect: .*use ipc://PATH"
refuses "casemill drain, an ipc address without a file" "use ipc://PATH" "$bin/casemill" drain --control ipc://@casemill
echo '{"case_id":"E-1","revision":0,"facts":{}}' >"$work/one.jsonl"
refuses "casemill submit, an ipc address without a file" "use ipc://PATH" "$bin/casemill" submit --broker ipc://@casemill --wait 2 "$work/one.jsonl"
place broker 'worker:\n  bind: tcp://0.0.0.0:1\n' "place.yaml:2:9: worker.bind: .*only loopback"
place broker 'http:\n  bind: 0.0.0.0:80\n' "place.yaml:2:9: http.bind: .*is beyond loopback: set http.token"
place broker 'keys:\n  sources: /tmp\n' "place.yaml:2:12: keys.sources: is set"
place worker 'http:\n  bind: 0.0.0.0:80\n' "place.yaml:2:9: http.bind: .*is beyond loopback: set http.token"
place worker 'broker:\n  connect: [nonsense]\n' "place.yaml:2:12: broker.connect: .nonsense. is not tcp"
place worker 'postgres:\n  conninfo: "host=x password=half secret"\n' "place.yaml:2:13: postgres.conninfo: .*does not parse"
check "and nothing of a connection string is repeated" sh -c "! grep -q secret '$work/refuses.err'"
refuses "a variable is named instead" "^casemill-broker: CASEMILL_QUEUE_WEIGHTS: .a=0.: wanted" \
    env CASEMILL_QUEUE_WEIGHTS=a=0 "$bin/casemill-broker" --check
# Kubernetes sets variables for services named casemill and casemill-broker.  Similar names are still refused.
for of_service in CASEMILL_PORT=tcp://10.0.0.1:5570 CASEMILL_SERVICE_HOST=10.0.0.1 CASEMILL_BROKER_SERVICE_PORT_INTAKE=5570 \
    CASEMILL_BROKER_PORT_5570_TCP_ADDR=10.0.0.1 CASEMILL_DB_PASSWORD=x; do
    check "broker, $of_service is ignored" env CASEMILL_JOURNAL_PATH="$work/journal3" "$of_service" \
        "$bin/casemill-broker" --config config/broker.yaml --check >"$work/check.out"
    check "worker, too" env CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" "$of_service" "$bin/casemill-worker" --config config/worker.yaml --check >"$work/check.out"
done
refuses "broker, CASEMILL_PORT=5570" "unknown variable CASEMILL_PORT" \
    env CASEMILL_PORT=5570 "$bin/casemill-broker" --config config/broker.yaml --check
check "broker --check prints the addresses that it would bind" sh -c "
    CASEMILL_JOURNAL_PATH='$work/journal3' '$bin/casemill-broker' --config config/broker.yaml --check >'$work/check.out' 2>&1"
contains "and where" "$work/check.out" "intake"
# The value of a setting, or a fault in it, is shown without control characters.
odd=$(printf 'o\033[31md\342\200\256d\302\233')
env CASEMILL_JOURNAL_PATH="$work/$odd" "$bin/casemill-broker" --check >"$work/odd.out" 2>&1
contains "broker --check shows a setting" "$work/odd.out" 'journal.*o[?]\[31md[?]d[?]'
env CASEMILL_INTAKE_BIND="$odd" "$bin/casemill-broker" --check >>"$work/odd.out" 2>&1
env CASEMILL_JOURNAL_BYTES_MAX="$odd" "$bin/casemill-broker" >>"$work/odd.out" 2>&1
env CASEMILL_POSTGRES_CONNINFO="$odd" CASEMILL_KEYS_SECRET="$odd" "$bin/casemill-worker" --check >>"$work/odd.out" 2>&1
"$bin/casemill-worker" --config "$odd" >>"$work/odd.out" 2>&1
"$bin/casemill" submit --broker "$odd" --source "$odd" "$odd.jsonl" >>"$work/odd.out" 2>&1
mkdir -p "$work/$odd"
"$bin/casemill" verify "$work/$odd" >>"$work/odd.out" 2>&1
"$bin/casemill" crash-test "$work/$odd/none" >>"$work/odd.out" 2>&1
"$bin/casemill" "$odd" >>"$work/odd.out" 2>&1
"$bin/casemill" status "--$odd" >>"$work/odd.out" 2>&1
check "no setting, fault or command line argument prints control characters" harmless "$work/odd.out"
check "and makes nothing" [ ! -e "$work/journal3" ]
# --check tries the steps of a start, and does not disturb a running broker.
tries() { # tries TEXT PATTERN PROGRAM VARIABLE...
    tries_text=$1 tries_pattern=$2 tries_program=$3
    shift 3
    # shellcheck disable=SC2086
    refuses "$tries_text" "$tries_pattern" $broker_env CASEMILL_JOURNAL_PATH="$work/journal3" "$@" "$bin/$tries_program" --check
    check "$tries_text: makes nothing" [ ! -e "$work/journal3" ]
}
tries "broker --check, intake port taken" "Address already in use" casemill-broker CASEMILL_INTAKE_BIND="$intake"
tries "broker --check, a name that does not resolve" "no-such-host.invalid" casemill-broker CASEMILL_INTAKE_BIND=tcp://no-such-host.invalid:0
tries "broker --check, HTTP port taken" "already in use" casemill-broker CASEMILL_HTTP_BIND="$(ready_field broker http | sed 's|http://||')"
tries "broker --check, journal below a file" "file/journal: cannot be made" casemill-broker CASEMILL_JOURNAL_PATH="$work/file/journal"
tries "broker --check, a file in place of the journal" "is no directory" casemill-broker CASEMILL_JOURNAL_PATH="$work/file"
tries "broker --check, more than the disk has" "has room for" casemill-broker CASEMILL_JOURNAL_BYTES_MAX=16000GiB
tries "broker --check, a socket in no directory" "control.bind .*no socket can be made in .*/absent" casemill-broker CASEMILL_CONTROL_BIND="ipc://$work/absent/control"
mkdir "$work/journal6" && touch "$work/journal6/lane.secret" && chmod 0644 "$work/journal6/lane.secret"
# shellcheck disable=SC2086
refuses "broker --check, a secret that others can read" "lane.secret: others may read" \
    $broker_env CASEMILL_JOURNAL_PATH="$work/journal6" "$bin/casemill-broker" --check
rm "$work/journal6/lane.secret" && echo garbage >"$work/journal6/data.mdb"
# shellcheck disable=SC2086
refuses "broker --check, a damaged journal" "journal .*journal6: .*casemill verify" \
    $broker_env CASEMILL_JOURNAL_PATH="$work/journal6" "$bin/casemill-broker" --check
equal "it makes nothing there" "$(ls "$work/journal6")" data.mdb
# shellcheck disable=SC2086
check "broker --check beside a broker that runs" $broker_env CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_INTAKE_BIND="$intake" \
    "$bin/casemill-broker" --check >"$work/check.out" 2>&1
contains "it reports that the journal is in use" "$work/check.out" '^# journal.path: in use, a broker runs on it'
contains "and its port" "$work/check.out" '^# intake.bind: in use'
check "the broker continues" casemill status --all --control "ipc://$work/control" >"$work/check.out"
tries "worker --check, no PostgreSQL" "nowhere" casemill-worker CASEMILL_POSTGRES_CONNINFO="host=$work/nowhere dbname=casemill"
tries "worker --check, no tables" "casemill db migrate" casemill-worker CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill dbname=postgres"
tries "worker --check, HTTP port taken" "already in use" casemill-worker CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" \
    CASEMILL_HTTP_BIND="$(ready_field broker http | sed 's|http://||')"
check "worker --check with all there" env CASEMILL_BROKER_CONNECT="$lanes,tcp://127.0.0.1:1" CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" \
    "$bin/casemill-worker" --check >"$work/check.out" 2>&1
contains "names a broker that is away" "$work/check.out" '^# broker.connect tcp://127.0.0.1:1: Connection refused'
# What a start leaves to the lanes: --check tries it, too.
touch "$work/open.secret" && chmod 0644 "$work/open.secret"
tries "worker --check, a secret that others can read" "open.secret: others may read" casemill-worker \
    CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" CASEMILL_BROKER_SECRET="$work/open.secret"
check "worker --check, no secret yet" env CASEMILL_BROKER_SECRET="$work/absent.secret" CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" \
    "$bin/casemill-worker" --check >"$work/check.out" 2>&1
contains "it is noted" "$work/check.out" '^# broker.secret .*absent.secret: no such file; its broker makes it'
tries "worker --check, fewer standbys than wanted" "waits for 0 standbys, postgres.sync_standbys is 1" casemill-worker \
    CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" CASEMILL_POSTGRES_SYNC_STANDBYS=1
pg_sql "revoke insert on tallies from casemill_worker"
tries "worker --check, a role without a right" "role casemill_lane lacks rights .INSERT on tallies.: run sql/roles.sql" casemill-worker \
    CASEMILL_POSTGRES_CONNINFO="$lane_conninfo"
pg_sql "grant insert on tallies to casemill_worker"
check "worker --check, the role of the lanes" env CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" "$bin/casemill-worker" --check >"$work/check.out" 2>&1
pg_sql "create database unruly"
casemill db migrate --db "host=$pg_dir user=casemill dbname=unruly" >"$work/unruly.out" 2>&1 || abort "db migrate"
check "worker --check, no rule set" env CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill dbname=unruly" \
    "$bin/casemill-worker" --check >"$work/check.out" 2>&1
contains "it is noted" "$work/check.out" '^# rules: no rule set is active.*casemill rules publish'

# Started without standard input and error, the next files that a program opens would get their
# numbers, and what it logs would go into its own journal.
bare() { # bare NAME REDIRECTION...: a broker on journal4
    bare_name=$1
    shift
    # shellcheck disable=SC2086
    start "$bare_name" $broker_env CASEMILL_JOURNAL_PATH="$work/journal4" \
        sh -c "exec '$bin/casemill-broker' --config '$root/config/broker.yaml' $*"
}
bare closed "<&- 2>&-"
check "a broker without standard input and error starts" wait_ready closed "$started_pid"
check "it ends with exit code 0" stop "$started_pid"
bare open
check "its journal is as it was: it starts again" wait_ready open "$started_pid"
check "and ends with exit code 0" stop "$started_pid"
for unheard in ">/dev/full" ">&-"; do
    bare unheard "$unheard"
    check "a broker whose ready line cannot be written ($unheard) ends" wait_until 10 is_gone "$started_pid"
    stop "$started_pid"
    equal "with exit code 1" $? 1
    contains "and the error message states it" "$work/unheard.err" "^casemill-broker: standard output cannot be written"
done
CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" "$bin/casemill-worker" --check >/dev/full 2>"$work/unheard.err"
equal "a worker --check whose output cannot be written: exit code" $? 1
contains "and the error message states it" "$work/unheard.err" "^casemill-worker: standard output cannot be written"
casemill submit --broker "$intake" - <&- >"$work/unread.out" 2>"$work/unread.err"
equal "casemill submit without standard input: exit code" $? 1
contains "and the error message states it" "$work/unread.err" "Bad file descriptor"

pg_sql "create role casemill_password login password 'right'"
worker "worker, no PostgreSQL" "PostgreSQL|connect" \
    env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="host=$work/nowhere dbname=casemill"
worker "worker, wrong password" "password" \
    env CASEMILL_BROKER_CONNECT="$lanes" \
    CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill_password password=wrong dbname=casemill"
worker "worker, no password" "requires one" \
    env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill_password dbname=casemill"
for no_database in "casemill report --db" "casemill rules list --db"; do
    # shellcheck disable=SC2086
    refuses "$no_database, a right password and no such database" "there is no such database: .*absent" \
        "$bin"/$no_database "host=$pg_dir user=casemill_password password=right dbname=absent"
done
worker "worker, a right password and no such database" "there is no such database: .*absent" \
    env CASEMILL_BROKER_CONNECT="$lanes" \
    CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill_password password=right dbname=absent"
pg_sql "create database bare"
pg_sql "revoke connect on database bare from public"
refuses "casemill, a right password and no right to connect" "PostgreSQL refuses the connection: .*permission denied for database" \
    "$bin/casemill" report --db "host=$pg_dir user=casemill_password password=right dbname=bare"
pg_sql "grant connect on database bare to public"
for before_migrate in report "dead list" "dead list --letters" "rules list" "explain X" "dead drop 1 --why x" "rules activate 0123456789ab --why x"; do
    # shellcheck disable=SC2086
    refuses "casemill $before_migrate, missing migration" "casemill db migrate" \
        "$bin/casemill" $before_migrate --db "host=$pg_dir user=casemill dbname=bare"
done
worker "worker, missing migration" "db migrate" \
    env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="host=$pg_dir user=casemill dbname=bare"
worker "worker, unknown variable" "CONNINFOO|conninfoo" \
    env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$pg_conninfo" CASEMILL_POSTGRES_CONNINFOO=x
refuses "casemill, no PostgreSQL" "PostgreSQL|connect" \
    "$bin/casemill" report --db "host=$work/nowhere dbname=casemill"
timeout 10 "$bin/casemill" no-such-verb >"$work/verb.out" 2>"$work/verb.err"
equal "casemill, an unknown verb: exit code" $? 2

# A server without fsync cannot keep DONE: lanes take no work until fsync is on.
set_fsync() { # set_fsync on|off
    pg_sql "alter system set fsync = $1" && pg_sql "select pg_reload_conf()" >/dev/null &&
        wait_until 10 fsync_is "$1"
}
fsync_is() { [ "$(pg_sql "show fsync")" = "$1" ]; }
check "fsync is switched off" set_fsync off
worker_start worker_fsync
check "a lane refuses a server that does not sync" \
    wait_until 20 grep -q 'POSTGRES_REFUSED.*fsync = off' "$work/worker_fsync.err"
tries "worker --check, a server that does not sync" "fsync = off" casemill-worker CASEMILL_POSTGRES_CONNINFO="$lane_conninfo"
casemill generate --cases 20 --seed 5 --bad 0 --duplicates 0 --out "$work/few.jsonl" || abort "generate"
start submit "$bin/casemill" submit --broker "$intake" --ack outcome "$work/few.jsonl"
submit_pid=$started_pid
cases_wait() { casemill status --all --control "ipc://$work/control" | grep -Eq '^queued_cases +20$'; }
check "work waits in the broker" wait_until 20 cases_wait
equal "and no case is written" "$(rows)" 0
check "fsync is switched on again" set_fsync on
wait_until 60 is_gone "$submit_pid" || abort "submit comes to its end"
wait "$submit_pid"
equal "then the work is done" $? 0
equal "all of it" "$(rows)" 20
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0

# A HUP: settings that may change at run time change, the others are named, and a file with a fault changes nothing.
live() { # live WEIGHTS MEMORY JSON QUEUE: the settings of a running broker
    printf 'queue:\n  weights: [%s]\n  batches_max: %s\nmemory:\n  bytes_max: %s\nlog:\n  json: %s\n' \
        "$1" "$4" "$2" "$3" >"$work/live.yaml"
}
logged() { [ "$(grep -c "$2" "$work/$1.err")" -ge "$3" ]; }
# shellcheck disable=SC2086
live_is() { casemill $1 --control "ipc://$work/control2" | grep -Eq "$2"; }
live "north=3,south=2" 16MiB false 100
# shellcheck disable=SC2086
start live $broker_env CASEMILL_JOURNAL_PATH="$work/journal5" "$bin/casemill-broker" --config "$work/live.yaml"
live_pid=$started_pid
wait_ready live "$live_pid" || abort "the broker starts" "$(tail -n 1 "$work/live.err")"
live "north=5,east=4" 32MiB true 200
kill -HUP "$live_pid"
check "a HUP is answered" wait_until 10 logged live 'SETTINGS_LOADED' 1
contains "a changed weight and a new one are counted" "$work/live.err" '"SETTINGS_LOADED","changed":3'
check "north has its new weight" live_is sources '^ *north +5 '
check "east has one" live_is sources '^ *east +4 '
check "south has none any more" live_is sources '^ *south +1 '
check "memory has its new limit" live_is "status --all" '^memory_bytes_max +33554432$'
contains "settings that wait for a restart are named" "$work/live.err" 'SETTING_WAITS.*queue.batches_max'
check "and nothing else" sh -c "! grep SETTING_WAITS '$work/live.err' | grep -v queue.batches_max"
live "north=101" 64MiB false 200
kill -HUP "$live_pid"
check "a wrong setting is logged with its place" \
    wait_until 10 logged live 'SETTINGS_NOT_LOADED.*live.yaml.*"line":2.*queue.weights' 1
check "and no setting of that file is applied" live_is "status --all" '^memory_bytes_max +33554432$'
live "" 16MiB false 100
kill -HUP "$live_pid"
check "after the correction the file is applied" wait_until 10 logged live 'event=SETTINGS_LOADED changed=3' 1
check "all of it" live_is "status --all" '^memory_bytes_max +16777216$'
check "a setting with its value from the start no longer waits" [ "$(grep -c SETTING_WAITS "$work/live.err")" -eq 1 ]
check "the broker ends with exit code 0" stop "$live_pid"
printf 'log:\n  json: false\nlanes:\n  count: 1\n' >"$work/lively.yaml"
start lively env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
    "$bin/casemill-worker" --config "$work/lively.yaml"
wait_ready lively "$started_pid" || abort "the worker starts" "$(tail -n 1 "$work/lively.err")"
printf 'log:\n  json: true\nlanes:\n  count: 2\n' >"$work/lively.yaml"
kill -HUP "$started_pid"
check "a worker takes a HUP, too" wait_until 10 logged lively '"SETTINGS_LOADED","changed":1' 1
contains "and names what waits" "$work/lively.err" 'SETTING_WAITS.*lanes.count'
printf 'log:\n  jsn: true\n' >"$work/lively.yaml"
kill -HUP "$started_pid"
check "and what is wrong" wait_until 10 logged lively 'SETTINGS_NOT_LOADED.*lively.yaml.*log.jsn' 1
check "the worker ends with exit code 0" stop "$started_pid"

# The password is in no output.
check "no password is repeated" sh -c "! grep -rl 'password=wrong' '$work' --include='*.err' --include='*.out'"
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
