#!/bin/sh
# The pages of broker and worker beyond loopback: a token, public pages, the Host of a request, slow and greedy clients,
# and a new token after a HUP.
# A failure means that a stranger in the network reads a page, or that a monitor is blocked.
# suite: full
. "$(dirname "$0")/lib.sh"
ask() { /usr/bin/python3 tests/system/http_ask.py "$@" >"$work/ask.out" 2>"$work/ask.err"; }
code() { ask "$@"; sed -n '1s/ .*//p' "$work/ask.out"; } # code METHOD URL PATH [HEADER]...: the status alone
token=first-token-of-the-test
wrong=wrong-token-of-the-test
basic() { printf '%s' "$1" | base64 -w 0; }

umask 077
echo "$token" >"$work/token"
cat >"$work/broker.yaml" <<YAML
http:
  bind: 0.0.0.0:0
  token: $work/token
  public: [health]
  hosts: [casemill.example.org]
YAML
own_broker() { # own_broker [COMMAND]...
    env CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 CASEMILL_CONTROL_BIND="ipc://$work/control" \
        CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX=64MiB "$@"
}
refused() { # refused TEXT PATTERN SECTION: the settings http are refused in one line, by a start as well
    printf 'http:\n%b' "$3" >"$work/refused.yaml"
    for refused_option in "" --check; do
        # shellcheck disable=SC2086
        own_broker timeout 20 "$bin/casemill-broker" --config "$work/refused.yaml" $refused_option >"$work/refused.out" 2>"$work/refused.err"
        equal "$1 ${refused_option:-at startup}: exit code" $? 1
        equal "$1 ${refused_option:-at startup}: lines" "$(wc -l <"$work/refused.err")" 1
        contains "$1 ${refused_option:-at startup}: the reason" "$work/refused.err" "$2"
    done
}

# --- what is refused
refused "beyond loopback with nothing to read" 'refused.yaml:2:9: http.bind: "0.0.0.0:0" is beyond loopback: set http.token, or http.public' \
    '  bind: 0.0.0.0:0\n'
install -m 0644 "$work/token" "$work/open_token"
refused "a token that others may read" "refused.yaml:3:10: http.token: .*others may read this secret .mode 0644.: chmod 600" \
    "  bind: 0.0.0.0:0\n  token: $work/open_token\n"
echo short >"$work/short_token"
refused "a short token" "refused.yaml:2:10: http.token: .*a token has 16 to 256 characters" "  token: $work/short_token\n"
refused "another public page" 'refused.yaml:2:11: http.public: "status" is neither metrics nor health' '  public: [health, status]\n'
refused "a host with a port" 'refused.yaml:2:10: http.hosts: "a:80": wanted a name' '  hosts: ["a:80"]\n'

# --- the token
database_start
own_broker "$bin/casemill-broker" --config "$work/broker.yaml" --check >"$work/check.out" 2>&1 || not_ok "--check" "$(tail -n 1 "$work/check.out")"
# shellcheck disable=SC2046
start broker env $(own_broker env | grep ^CASEMILL_) "$bin/casemill-broker" --config "$work/broker.yaml"
broker_pid=$started_pid
wait_ready broker "$broker_pid" || abort "the broker starts" "$(tail -n 1 "$work/broker.err")"
http=$(ready_field broker http)
for page in / /status /metrics /page.css; do
    equal "$page without a token" "$(code get "$http" "$page")" 401
done
contains "the reply states what to send" "$work/ask.out" '^401 send the token'
contains "a program is asked for a token" "$work/ask.out" '^WWW-Authenticate: Bearer realm="casemill"'
contains "and so is a browser" "$work/ask.out" '^WWW-Authenticate: Basic realm="casemill"'
contains "no browser keeps it" "$work/ask.out" '^Cache-Control: no-store'
for page in / /status /metrics; do
    equal "$page with the token" "$(code get "$http" "$page" "Authorization: Bearer $token")" 200
done
equal "as a password" "$(code get "$http" /status "Authorization: Basic $(basic "any:$token")")" 200
equal "a wrong token" "$(code get "$http" /status "Authorization: Bearer $wrong")" 401
equal "a wrong password" "$(code get "$http" /status "Authorization: Basic $(basic "any:$wrong")")" 401
equal "a token that begins like the right one" "$(code get "$http" /status "Authorization: Bearer ${token}s")" 401
contains "wrong tokens are logged" "$work/broker.err" 'event=HTTP_TOKEN_REFUSED'
equal "/healthz is public" "$(code get "$http" /healthz)" 200
equal "/readyz is public" "$(code get "$http" /readyz)" 503
equal "a page that does not exist" "$(code get "$http" /nothing "Authorization: Bearer $token")" 404
equal "another method" "$(code post "$http" /healthz)" 405
contains "the reply names the allowed methods" "$work/ask.out" '^Allow: GET, HEAD'

# --- the Host of a request
equal "a name of http.hosts" "$(code get "$http" /healthz "Host: casemill.example.org:5580")" 200
equal "the address that the request reached" "$(code get "$http" /healthz "Host: 127.0.0.1")" 200
equal "the name of another machine" "$(code get "$http" /healthz "Host: example.org")" 421
equal "the same with the token" "$(code get "$http" /status "Host: example.org" "Authorization: Bearer $token")" 421
contains "one line states why" "$work/ask.out" '^421 the Host must be this machine'
equal "the wildcard address" "$(code get "$http" /healthz "Host: 0.0.0.0")" 421

# --- a client that holds all connections it can get
ask hold "$http" 200
equal "a client at another address is served" "$(cat "$work/ask.out")" "200 200"

start slow /usr/bin/python3 tests/system/http_ask.py slow "$http"
slow_pid=$started_pid

# --- the worker: health alone, without a token
start worker env CASEMILL_BROKER_CONNECT="$(ready_field broker worker)" CASEMILL_BROKER_SECRET="$work/journal/lane.secret" \
    CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" CASEMILL_HTTP_BIND=0.0.0.0:0 CASEMILL_HTTP_PUBLIC=health "$bin/casemill-worker"
wait_ready worker "$started_pid" || abort "the worker starts" "$(tail -n 1 "$work/worker.err")"
worker=$(ready_field worker http)
is_reachable() { [ "$(code get "$worker" /readyz)" = 200 ]; }
check "the worker's /readyz is public" wait_until 10 is_reachable
for page in / /status /metrics; do
    equal "the worker's $page is closed" "$(code get "$worker" "$page" "Authorization: Bearer $token")" 403
done
contains "the reply names the setting" "$work/ask.out" '^403 this page needs http.token'
stop "$started_pid"
cp "$work/token" "$work/worker_token"
start worker env CASEMILL_BROKER_CONNECT="$(ready_field broker worker)" CASEMILL_BROKER_SECRET="$work/journal/lane.secret" \
    CASEMILL_POSTGRES_CONNINFO="$lane_conninfo" CASEMILL_HTTP_BIND=127.0.0.1:0 CASEMILL_HTTP_TOKEN="$work/worker_token" "$bin/casemill-worker"
worker_pid=$started_pid
wait_ready worker "$worker_pid" || abort "the worker starts" "$(tail -n 1 "$work/worker.err")"
worker=$(ready_field worker http)
equal "a token is needed on loopback, too, if there is one" "$(code get "$worker" /healthz)" 401

for page in / /page.css /page.js /status; do
    equal "the worker's $page without the token" "$(code get "$worker" "$page")" 401
    equal "the worker's $page with the token" "$(code get "$worker" "$page" "Authorization: Bearer $token")" 200
done
contains "the worker's /status has a row for each lane" "$work/ask.out" \
    '"lane_list":\[{"lane":"[0-9a-f-]{36}","phase":"[a-z]+","connected":(true|false).*},{"lane":"'

# --- HUP: another token, other public pages; a broken file changes nothing
next=second-token-of-the-test
accepts() { [ "$(code get "$1" /status "Authorization: Bearer $2")" = 200 ]; }
chmod 0644 "$work/token" # as a careless operator
kill -HUP "$broker_pid"
check "a token that others may read is refused on HUP" wait_until 10 grep -q 'event=SETTINGS_NOT_LOADED.*others may read' "$work/broker.err"
check "and the old one stays in use" accepts "$http" "$token"
chmod 0600 "$work/token"
echo "$next" >"$work/token"
echo "$next" >"$work/worker_token"
sed -i 's/public: .*/public: [metrics]/' "$work/broker.yaml"
kill -HUP "$broker_pid" "$worker_pid"
check "the broker takes the new token" wait_until 10 accepts "$http" "$next"
check "the worker, too" wait_until 10 accepts "$worker" "$next"
equal "the old token is wrong now" "$(code get "$http" /status "Authorization: Bearer $token")" 401
equal "also at the worker" "$(code get "$worker" /status "Authorization: Bearer $token")" 401
equal "/metrics is public now" "$(code get "$http" /metrics)" 200
equal "and /healthz is not" "$(code get "$http" /healthz)" 401
# A bind that would be allowed on loopback does not open the address in use.
printf 'http:\n  bind: 127.0.0.1:0\n' >"$work/broker.yaml"
kill -HUP "$broker_pid"
check "a HUP does not open what is beyond loopback" wait_until 10 grep -q 'event=SETTINGS_NOT_LOADED.*beyond loopback' "$work/broker.err"
equal "/status needs the token as before" "$(code get "$http" /status)" 401

# --- a client that sends a byte now and then
check "a slow client is cut" wait_until 20 is_gone "$slow_pid"
contains "after 10 s" "$work/slow.out" '^cut after (10|11)$'
equal "no log or page shows a token" "$(cat "$work"/*.err "$work/check.out" "$work/ask.out" | grep -c "token-of-the-test")" 0
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
