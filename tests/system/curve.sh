#!/bin/sh
# Keys: the programs over CURVE, on loopback and, where allowed, between two network namespaces on other addresses.
# A failure means that a client without an allowed key is accepted, or that a source can use the name of another. It
# can also mean that a revoked key still works, or that a refused client does not learn the reason.
# suite: full
. "$(dirname "$0")/lib.sh"
k=$work/keys
pair() { # pair NAME [ROLE [FILE]]: a new pair; its public key among a role's, under FILE
    casemill keys new "$1" --out "$k/own${4:-}" >"$work/keys.out" || abort "keys new $1"
    [ -z "${2:-}" ] || cp "$k/own${4:-}/$1.pub" "$k/$2/${3:-$1}.pub"
}
mkdir -p "$k/own" "$k/own2" "$k/sources" "$k/workers" "$k/operators"
pair broker
pair north sources
pair north sources north-2 2
pair south sources
pair lanes1 workers
pair lanes2 workers
pair duty operators
pair stranger

metric() { casemill status --json --control "$control" --key "$k/own/duty.key" --broker-key "$k/own/broker.pub" |
    tr ',{}' '\n\n\n' | sed -n "s/^\"$1\": *//p" | head -n 1; }
serve() { # serve NAME INTAKE WORKER CONTROL [PREFIX...]: a broker with all keys
    serve_name=$1 serve_in=$2 serve_lanes=$3 serve_control=$4
    shift 4
    start "$serve_name" "$@" env CASEMILL_INTAKE_BIND="$serve_in" CASEMILL_WORKER_BIND="$serve_lanes" \
        CASEMILL_CONTROL_BIND="$serve_control" CASEMILL_HTTP_BIND=off \
        CASEMILL_JOURNAL_PATH="$work/$serve_name.journal" CASEMILL_JOURNAL_BYTES_MAX=64MiB \
        CASEMILL_LANES_BEAT_MS=300 CASEMILL_LANES_SILENT_MS=1500 CASEMILL_KEYS_SECRET="$k/own/broker.key" \
        CASEMILL_KEYS_SOURCES="$k/sources" CASEMILL_KEYS_WORKERS="$k/workers" CASEMILL_KEYS_OPERATORS="$k/operators" \
        "$bin/casemill-broker" --config config/broker.yaml
    broker_pid=$started_pid
    wait_ready "$serve_name" "$broker_pid" || abort "the broker starts" "$(tail -n 1 "$work/$serve_name.err")"
    intake=$(ready_field "$serve_name" intake) lanes=$(ready_field "$serve_name" worker)
    control=$(ready_field "$serve_name" control)
}
keyed_worker() { # keyed_worker NAME KEY [PREFIX...]
    kw_name=$1 kw_key=$2
    shift 2
    start "$kw_name" "$@" env CASEMILL_BROKER_CONNECT="$lanes" CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" \
        CASEMILL_LANES_COUNT=2 CASEMILL_KEYS_SECRET="$k/own/$kw_key.key" CASEMILL_KEYS_BROKER="$k/own/broker.pub" \
        "$bin/casemill-worker" --config config/worker.yaml
    worker_pid=$started_pid
    wait_ready "$kw_name" "$worker_pid" || abort "the worker starts" "$(tail -n 1 "$work/$kw_name.err")"
}
send() { # send KEY FILE [OPTION...]: with the broker's right key
    send_key=$1 send_file=$2
    shift 2
    casemill submit --broker "$intake" --key "$send_key" --broker-key "$k/own/broker.pub" --wait 10 --ack outcome "$@" "$send_file" \
        >"$work/send.out" 2>"$work/send.err"
}
made() { # made SEED COUNT
    casemill generate --cases "$2" --seed "$1" --bad 0 --duplicates 0 --out "$work/$1.jsonl" || abort "generate"
    sed -i "s/\"G0/\"S$1-/" "$work/$1.jsonl"
}
of_source() { pg_sql "select count(*) from cases join sources using (source) where name = '$1' and case_id like '$2'"; }
lane_is_up() { [ "$(metric lanes || echo 0)" -ge "$1" ]; }
hup() { # hup PATTERN: the keys are read again; waits until the log shows it
    hup_before=$(grep -Ec "$1" "$work/broker.err")
    kill -HUP "$broker_pid"
    hup_is_logged() { [ "$(grep -Ec "$1" "$work/broker.err")" -gt "$hup_before" ]; }
    wait_until 10 hup_is_logged "$1" || not_ok "HUP is answered by a line like $1"
}

database_start
made 1 500
made 2 500
made 3 100

# What does not start, in one line each.
refused() { # refused TEXT PATTERN VARIABLE...
    refused_text=$1 refused_pattern=$2
    shift 2
    env CASEMILL_JOURNAL_PATH="$work/none" "$@" "$bin/casemill-broker" --config config/broker.yaml --check \
        >"$work/check.out" 2>"$work/check.err"
    equal "$refused_text: refused" $? 1
    contains "$refused_text: the reason is printed" "$work/check.err" "$refused_pattern"
}
wide=CASEMILL_INTAKE_BIND=tcp://0.0.0.0:0
secret=CASEMILL_KEYS_SECRET=$k/own/broker.key
with_workers="CASEMILL_KEYS_WORKERS=$k/workers"
worker_refused() { # worker_refused TEXT PATTERN VARIABLE...
    wr_text=$1 wr_pattern=$2
    shift 2
    env "$@" "$bin/casemill-worker" --config config/worker.yaml --check >"$work/check.out" 2>"$work/check.err"
    equal "$wr_text: refused" $? 1
    contains "$wr_text: the reason is printed" "$work/check.err" "$wr_pattern"
}
refused "beyond loopback without keys" "only loopback is served" "$wide"
refused "control on tcp without keys" "control is ipc only" CASEMILL_CONTROL_BIND=tcp://127.0.0.1:0
refused "keys without those of the role" "keys.sources" "$wide" "$secret" "$with_workers"
refused "keyrings without a secret" "keys.secret is not" "$with_workers"
cp "$k/own/broker.key" "$k/open.key"
chmod 0644 "$k/open.key"
refused "a secret that others may read" "open.key.*0644" CASEMILL_KEYS_SECRET="$k/open.key" "$with_workers" CASEMILL_KEYS_SOURCES="$k/sources"
refused "a secret among the public keys" "secret key" "$secret" "$with_workers" CASEMILL_KEYS_SOURCES="$k/own/south.key"
worker_refused "a worker with half of the keys" "not the broker's public key" CASEMILL_KEYS_SECRET="$k/own/lanes1.key"
worker_refused "a worker with too few brokers' keys" "keys.broker lists 2 files for 3" \
    CASEMILL_BROKER_CONNECT="tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3" \
    CASEMILL_KEYS_SECRET="$k/own/lanes1.key" CASEMILL_KEYS_BROKER="$k/own/broker.pub,$k/own/north.pub"
env CASEMILL_JOURNAL_PATH="$work/none" "$wide" "$secret" "$with_workers" CASEMILL_KEYS_SOURCES="$k/sources" \
    "$bin/casemill-broker" --config config/broker.yaml --check >"$work/check.out" 2>&1
equal "with all of them it may bind beyond loopback" $? 0
contains "--check counts the keys" "$work/check.out" "keys.sources: 3 keys"
check "and shows no secret" sh -c "! grep -qF '$(sed -n 's/^secret //p' "$k/own/broker.key")' '$work/check.out'"

serve broker tcp://127.0.0.1:0 tcp://127.0.0.1:0 tcp://127.0.0.1:0
keyed_worker worker lanes1

# The right keys; the name of the key is the name of the source, whatever the header has.
send "$k/own/north.key" "$work/1.jsonl"
equal "a client with the right key is accepted" $? 0
equal "its cases are of the source that the key names" "$(of_source north 'S1-%')" 500
send "$k/own2/north.key" "$work/1.jsonl" --json
equal "a client with another key of that source is accepted" $? 0
contains "and is the same source: duplicates" "$work/send.out" '"duplicates": *500'
send "$k/own/south.key" "$work/1.jsonl"
equal "another source" $? 0
equal "has cases of its own under the same names" "$(of_source south 'S1-%')" 500
send "$k/own/south.key" "$work/2.jsonl" --source north
equal "a source cannot use the name of another" $? 1
contains "it receives the reason" "$work/send.err" "not_allowed"
equal "nothing was written" "$(of_source north 'S2-%')" 0
send "$k/own/south.key" "$work/2.jsonl" --source south
equal "its own name in the header is right" $? 0

send "$k/own/south.key" "$work/2.jsonl" --broker "tcp://127.0.0.1:1,$intake" --broker-key "$k/own/north.pub,$k/own/broker.pub"
equal "of several brokers each has its own key" $? 0

# Clients that are refused, and the reason that each one receives.
expect_refused() { # expect_refused TEXT PATTERN COMMAND...
    away_text=$1 away_pattern=$2
    shift 2
    "$@" >"$work/away.out" 2>"$work/away.err"
    equal "$away_text: fails" $? 1
    contains "$away_text: the reason is printed" "$work/away.err" "$away_pattern"
}
ask() { casemill status --all --wait 2 --control "$control" "$@"; }
bare() { casemill submit --broker "$intake" --wait 2 "$@" "$work/3.jsonl"; }
expect_refused "an unknown key" "does not allow this key" bare --key "$k/own/stranger.key" --broker-key "$k/own/broker.pub"
expect_refused "a worker's key at intake" "does not allow this key" bare --key "$k/own/lanes1.key" --broker-key "$k/own/broker.pub"
expect_refused "no key" "requires keys" bare
expect_refused "another broker's key" "wrong public key of the broker" bare --key "$k/own/north.key" --broker-key "$k/own/south.pub"
expect_refused "half of the keys" "not the broker's public key" bare --key "$k/own/north.key"
expect_refused "a source's key at control" "does not allow this key" ask --key "$k/own/north.key" --broker-key "$k/own/broker.pub"
expect_refused "no key at control" "requires keys" ask
check "an operator's key is accepted" ask --key "$k/own/duty.key" --broker-key "$k/own/broker.pub" >"$work/status.out"
equal "none of them stored a case" "$(pg_sql "select count(*) from cases where case_id like 'S3-%'")" 0
contains "the log has the key that was shown" "$work/broker.err" "KEY_REFUSED.*key_not_allowed"
contains "and those that showed none" "$work/broker.err" "KEY_REFUSED.*no_key_shown"
casemill top --once --control "$control" --key "$k/own/duty.key" --broker-key "$k/own/broker.pub" \
    >"$work/top.out" 2>"$work/top.err"
equal "top is accepted with it" $? 0
contains "and sees the lanes" "$work/top.out" "^WORKER .*LANE"
casemill top --once --control "$control" --key "$k/own/stranger.key" --broker-key "$k/own/broker.pub" \
    >"$work/top.out" 2>"$work/top.err"
equal "top with a stranger's key is refused" $? 1
contains "and prints the reason" "$work/top.err" "key"
check "they are counted" [ "$(metric keys_refused_total)" -ge 5 ]
sed -n 's/^secret //p' "$k"/own/*.key >"$k/secrets"
equal "each of the secrets is looked for" "$(wc -l <"$k/secrets")" 7
check "no secret is in a log or an answer" sh -c "! cat '$work'/*.err '$work'/*.out | grep -qFf '$k/secrets'"
keyed_worker wrong north
logged_by_worker() { grep -q "BROKER_REFUSED.*does not allow this key" "$work/wrong.err"; }
check "a source's key at the lanes' socket: the worker logs the refusal" wait_until 10 logged_by_worker
check "and it has no lane" lane_is_up 2
equal "only the other worker's" "$(metric lanes)" 2
stop "$worker_pid"

# A connection that is open while keys change.
mkfifo "$work/lines"
exec 4<>"$work/lines"
start python sh -c "exec /usr/bin/python3 tests/system/curve_client.py '$intake' '$k/own/north.key' '$k/own/broker.pub' <'$work/lines'"
has_receipts() { [ "$(wc -l <"$work/python.out")" -ge "$1" ]; }
send_line() { # send_line LINE COUNT: and waits until COUNT answers are there
    echo "$1" >&4
    wait_until 25 has_receipts "$2" || not_ok "the Python client receives $2 answers" "$(cat "$work/python.err")"
}
last_word() { tail -n 1 "$work/python.out" | cut -d' ' -f1,2; }
send_line submit 2
equal "a client of another library: DONE" "$(last_word)" "DONE "
equal "under its key's name" "$(of_source north 'py-%')" 1
batch=$(tail -n 1 "$work/python.out" | cut -d' ' -f3)
send_line "query $batch" 3
equal "it may query its batch" "$(last_word)" "STATUS done"
send_line "query $batch south" 4
equal "not in another's name" "$(last_word)" "REFUSED not_allowed"
send_line "submit south" 5
equal "nor submit" "$(last_word)" "REFUSED not_allowed"
contains "and the log names the key" "$work/broker.err" "KEY_REFUSED.*another_source key_of=.north"
mv "$k/sources/north.pub" "$k/north.pub"
hup "KEYS_LOADED sources=2"
send_line submit 6
equal "a revoked key is refused on an open connection" "$(last_word)" "REFUSED not_allowed"
send "$k/own2/north.key" "$work/3.jsonl"
equal "the source's other key still works" $? 0
expect_refused "a new connection of it" "does not allow this key" bare --key "$k/own/north.key" --broker-key "$k/own/broker.pub"
cp "$k/own/broker.key" "$k/sources/wrong.pub"
hup "KEYS_NOT_LOADED.*wrong.pub"
send_line submit 7
equal "with a bad file the old keys stay: still refused" "$(last_word)" "REFUSED not_allowed"
rm "$k/sources/wrong.pub"
mv "$k/north.pub" "$k/sources/north.pub"
hup "KEYS_LOADED sources=3"
send_line submit 9
equal "allowed again, it is served again" "$(last_word)" "DONE "
exec 4>&-

# An operator's, too.
mkfifo "$work/commands"
exec 5<>"$work/commands"
start operator sh -c "exec /usr/bin/python3 tests/system/curve_client.py '$control' '$k/own/duty.key' '$k/own/broker.pub' <'$work/commands'"
has_replies() { [ "$(wc -l <"$work/operator.out")" -ge "$1" ]; }
send_command() { # send_command LINE COUNT
    echo "$1" >&5
    wait_until 25 has_replies "$2" || not_ok "the operator receives $2 answers" "$(cat "$work/operator.err")"
}
send_command "control PAUSE" 1
equal "an operator's command is executed" "$(tail -n 1 "$work/operator.out" | cut -d' ' -f1)" REPLY
mv "$k/operators/duty.pub" "$k/duty.pub"
hup "KEYS_LOADED .*operators=0"
send_command "control RESUME" 2
equal "until the key is revoked" "$(tail -n 1 "$work/operator.out" | cut -d' ' -f1,2)" "REFUSED not_allowed"
mv "$k/duty.pub" "$k/operators/duty.pub"
hup "KEYS_LOADED .*operators=1"
send_command "control RESUME" 3
equal "allowed again, its command is executed again" "$(tail -n 1 "$work/operator.out" | cut -d' ' -f1)" REPLY
exec 5>&-

# A worker's key is revoked while it has deliveries: other workers finish them.
keyed_worker second lanes2
check "two workers" wait_until 10 lane_is_up 4
made 4 4000
start late "$bin/casemill" submit --broker "$intake" --key "$k/own/north.key" --broker-key "$k/own/broker.pub" \
    --ack outcome --batch 100 "$work/4.jsonl"
late_pid=$started_pid
row_count_above() { [ "$(rows)" -gt "$1" ]; }
wait_until 20 row_count_above 1800 || not_ok "some of its cases are written"
rm "$k/workers/lanes1.pub"
hup "KEYS_LOADED sources=3 workers=1"
if wait_until 60 is_gone "$late_pid"; then
    wait "$late_pid"
    equal "a revoked worker's work is done by another" $? 0
else
    not_ok "a revoked worker's work is done by another" "rows: $(rows)"
fi
equal "each case once" "$(of_source north 'S4-%')" 4000
two_lanes() { [ "$(metric lanes)" -eq 2 ]; }
check "its lanes are gone" wait_until 10 two_lanes
stop "$broker_pid"

# Two hosts.
here=casemill-$$-a
there=casemill-$$-b
hosts_end() {
    ip netns del "$here" 2>/dev/null
    ip netns del "$there" 2>/dev/null
}
hosts_start() {
    ip netns add "$here" && ip netns add "$there" &&
        ip link add "cm$$a" netns "$here" type veth peer name "cm$$b" netns "$there" &&
        ip -n "$here" addr add 192.0.2.1/24 dev "cm$$a" && ip -n "$there" addr add 192.0.2.2/24 dev "cm$$b" &&
        ip -n "$here" link set "cm$$a" up && ip -n "$there" link set "cm$$b" up
}
if hosts_start >"$work/hosts.out" 2>&1; then
    trap 'hosts_end; cleanup; exit 1' INT TERM
    trap 'hosts_end; cleanup' EXIT
    serve far tcp://192.0.2.1:0 tcp://192.0.2.1:0 tcp://192.0.2.1:0 ip netns exec "$here"
    keyed_worker far_worker lanes2 ip netns exec "$there"
    made 5 1000
    ip netns exec "$there" "$bin/casemill" submit --broker "$intake" --key "$k/own/south.key" \
        --broker-key "$k/own/broker.pub" --ack outcome "$work/5.jsonl" >"$work/far.out" 2>&1
    equal "two hosts: a client and a worker on the other one" $? 0
    equal "two hosts: each case once" "$(of_source south 'S5-%')" 1000
    expect_refused "two hosts: no key" "requires keys" ip netns exec "$there" "$bin/casemill" submit --broker "$intake" \
        --wait 2 "$work/3.jsonl"
    check "two hosts: an operator" ip netns exec "$there" "$bin/casemill" status --all --control "$control" \
        --key "$k/own/duty.key" --broker-key "$k/own/broker.pub" >"$work/far_status.out"
    stop "$broker_pid"
    kill_started
    hosts_end
else
    hosts_end
    echo "skipped: two hosts: network namespaces are not allowed here: $(tail -n 1 "$work/hosts.out")"
fi
finish
