#!/bin/sh
# Broker and worker export metrics as Prometheus expects them; the alert rules and the dashboard work with these metrics.
# promtool checks both pages and the rules, and runs the rules' tests. A private Prometheus reads a broker and a worker
# under load; every query of the dashboard and every rule is run there.
# A failure means that a monitor shows nothing, or that an alert never fires.
# suite: full
. "$(dirname "$0")/lib.sh"

for tool in prometheus promtool; do
    if ! command -v $tool >/dev/null; then
        echo "skipped: $tool is not installed (Debian package prometheus)"
        ok "a host without $tool"
        finish
    fi
done
page() { /usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "$(ready_field "$1" http)$2"; }
asked() { /usr/bin/python3 "$root/tests/system/metrics.py" "$@"; }
rules=config/prometheus/alerts.yml
dashboard=config/grafana/dashboard.json

# --- the files, without a broker
check "the alert rules are valid" promtool check rules "$rules" >"$work/rules.out" 2>&1
check "so is the example configuration" promtool check config config/prometheus/prometheus.yml >"$work/config.out" 2>&1
check "each alert fires for its series and for no others" promtool test rules tests/system/metrics_alerts.yml >"$work/alerts.out" 2>&1
[ "$failed" -eq 0 ] || tail -n 20 "$work/rules.out" "$work/config.out" "$work/alerts.out"
sed -n 's/^ *- alert: //p' "$rules" >"$work/alerts"
tested() { # tested ALERT PATTERN: it has a test whose expectation is like that
    grep -A 1 "^ *alertname: $1\$" tests/system/metrics_alerts.yml | grep -q "$2"
}
untested=''
without_section=''
while read -r alert; do
    tested "$alert" 'exp_alerts:$' && tested "$alert" 'exp_alerts: \[\]' || untested="$untested $alert"
    grep -qx "### $alert" config/operating.md || without_section="$without_section $alert"
    anchor=$(echo "$alert" | tr '[:upper:]' '[:lower:]')
    grep -q "runbook: config/operating.md#$anchor\$" "$rules" || without_section="$without_section $alert"
done <"$work/alerts"
equal "every alert has a test that fires and one that does not" "$untested" ''
equal "every alert has its section in config/operating.md" "$without_section" ''
equal "and every section its alert" \
    "$(sed -n 's/^### \(Casemill.*\)/\1/p' config/operating.md | sort)" "$(sort "$work/alerts")"

# --- a broker and a worker under load
database_start
broker_start CASEMILL_HEALTH_CANARY_MS=1s
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
sed -e "s/127.0.0.1:5580/$(ready_field broker http | sed 's|http://||')/" \
    -e "s/127.0.0.1:5581/$(ready_field worker http | sed 's|http://||')/" \
    -e 's/_interval: 15s/_interval: 1s/' -e "s|alerts.yml|$root/$rules|" config/prometheus/prometheus.yml >"$work/prometheus.yml"
: >"$work/prometheus.err"
start prometheus prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address=127.0.0.1:0
prometheus_pid=$started_pid
address() { sed -n 's/.*msg="Listening on" address=\([^ ]*\).*/\1/p' "$work/prometheus.err"; }
listens() { [ -n "$(address)" ]; }
wait_until 20 listens || abort "Prometheus starts" "$(tail -n 2 "$work/prometheus.err")"
prometheus=http://$(address)

casemill generate --cases 3000 --seed 5 --bad 2 --duplicates 2 --out "$work/cases.jsonl" 2>"$work/generate.err" || abort "generate"
two_up() { [ "$(asked targets "$prometheus" 2>/dev/null)" = 2 ]; }
check "Prometheus reads both" wait_until 20 two_up
# Load over several scrapes, so that every rate has two samples.
for source in north 'so"uth\' east; do
    settled submit --ack outcome --batch 50 --source "$source" "$work/cases.jsonl" >"$work/submit.out" 2>&1 || not_ok "submit" "$(tail -n 1 "$work/submit.out")"
done
sees() { [ "$(asked value "$prometheus" "$1")" = "$2" ]; } # sees QUERY VALUE
check "all cases are seen to be done" wait_until 20 sees 'sum(casemill_broker_cases_done_total)' 9000
check "those of each source, whatever its name" wait_until 10 sees 'casemill_broker_cases_done_total{source="so\"uth\\"}' 3000
check "nothing is queued" wait_until 10 sees 'sum(casemill_broker_queued_cases)' 0
check "outcomes and dead letters are all cases" wait_until 10 sees \
    'sum(casemill_worker_outcomes_total) + sum(casemill_worker_dead_letters_total) == sum(casemill_worker_cases_total)' 9000
check "every reason of a dead letter has its label" wait_until 10 sees 'casemill_worker_dead_letters_total{reason="other"}' 0
check "each accepted batch has its accept time" wait_until 10 sees 'casemill_broker_accept_seconds_count - casemill_broker_batches_accepted_total' 0
check "and its end-to-end time" wait_until 10 sees 'casemill_broker_end_to_end_seconds_count - casemill_broker_batches_done_total' 0
check "and was dispatched" wait_until 10 sees 'casemill_broker_queue_age_seconds_count - casemill_broker_deliveries_total' 0
check "transactions hold all cases" wait_until 10 sees 'casemill_worker_transaction_cases_sum - casemill_worker_cases_total' 0
check "evaluation took some time" wait_until 10 sees 'casemill_worker_evaluate_seconds_sum > bool 0' 1
check "the journal's commits did, too" wait_until 10 sees 'casemill_broker_journal_commit_seconds_sum > bool 0' 1
check "both are ready" wait_until 10 sees 'casemill_broker_ready + on() casemill_worker_ready' 2
check "the build is known" wait_until 10 sees 'count(casemill_build_info)' 2
check "the processes report themselves" wait_until 10 sees 'count(process_resident_memory_bytes{job=~"casemill-.+"} > 1e6)' 2
has_started() { [ "$(asked value "$prometheus" "abs(process_start_time_seconds{job=\"casemill-$1\"} - $2) < bool 2")" = 1 ]; }
check "and when they started" wait_until 10 has_started broker "$(stat -c %Y "/proc/$broker_pid")"

for program in broker worker; do
    page "$program" /metrics >"$work/$program.metrics" || not_ok "/metrics of the $program"
    promtool check metrics <"$work/$program.metrics" >"$work/$program.lint" 2>&1
    equal "promtool has no complaint about the metrics of the $program" "$? $(cat "$work/$program.lint")" "0 "
done
missing=$(cat "$work"/*.metrics | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' | sort -u >"$work/families"
    cat "$rules" "$dashboard" >"$work/users"
    asked names "$prometheus" "$work/users" | sed -E 's/_(bucket|sum|count)$//' | sort -u | comm -23 - "$work/families")
equal "rules and dashboard use only metrics that exist" "$missing" ''

# --- every query and every rule
asked queries "$prometheus" "$dashboard" >"$work/queries" 2>"$work/queries.err"
equal "every query of the dashboard was run" "$(wc -l <"$work/queries")" "$(grep -c '"expr":' "$dashboard")"
equal "none is an error" "$(grep '^error' "$work/queries")" ''
# Only what needs a refusal, or a journal that grows for half an hour, may have nothing to show.
equal "and all show data" "$(grep '^empty' "$work/queries" | grep -vE 'journal_left:hours|_(refused|busy)_total')" ''
rules_ran() { [ "$(asked rules "$prometheus" | grep -c '^ok')" = "$(grep -cE '^ *- (alert|record):' "$rules")" ]; }
check "every rule was evaluated without an error" wait_until 10 rules_ran
firing_is() { [ "$(asked rules "$prometheus" | awk '$2 == "firing" { print $3 }')" = "$1" ]; }
check "of the alerts, only that of the dead letters fires" wait_until 10 firing_is CasemillDeadLettersRising
stop "$worker_pid"
equal "the worker ends with exit code 0" $? 0
pending() { asked rules "$prometheus" >"$work/states" && grep -qE "^ok (pending|firing) $1 " "$work/states"; }
check "without a worker, the alert for lanes is pending" wait_until 20 pending CasemillNoLanes
check "the alert for the program, too" wait_until 20 pending CasemillDown
stop "$prometheus_pid"
stop "$broker_pid"
equal "the broker ends with exit code 0" $? 0
finish
