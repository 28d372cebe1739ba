#!/bin/sh
# What operators do is recorded: pause, drain, resume, retire, purge, dead drop, dead retry and activate, with user,
# host, key and reason, in the log and in PostgreSQL. A pause survives a kill -9 of the broker, and ends at --until. A
# purge shows before what it removes, removes one case, too, and refuses a date in the future.
# A failure means that nobody learns who paused the broker or removed cases, or that a restart dispatches again what an
# operator had stopped.
# suite: full
. "$(dirname "$0")/lib.sh"
control=ipc://$work/control
me=$(id -un)@$(hostname)

order() { casemill "$@" --control "$control" --db "$desk_conninfo" >"$work/order.out" 2>"$work/order.err"; }
status_of() { casemill status --all --control "$control" | sed -n "s/^$1  *//p"; }
is_status() { [ "$(status_of "$1")" = "$2" ]; }
readyz() { /usr/bin/python3 tests/system/audit_peer.py get "$(ready_field broker http)/readyz"; }
ready_is() { readyz | grep -Eq -e "$1"; }
action() { pg_sql "select $1 from operator_actions order by action desc limit 1"; }
logged() { grep "event=OPERATOR_ACTION" "$work/${2:-broker}.err" | tail -n 1 | grep -Eq -e "$1"; }
refused() { # refused TEXT CODE PATTERN COMMAND...
    refused_text=$1 refused_code=$2 refused_pattern=$3
    shift 3
    "$@" </dev/null >"$work/refused.out" 2>"$work/refused.err"
    equal "$refused_text: exit code" $? "$refused_code"
    contains "$refused_text: the reason is printed" "$work/refused.err" "$refused_pattern"
}

database_start
pg_sql "create role desk login in role casemill_operator; create role rules_desk login in role casemill_publisher;
        create role auditor login in role casemill_reporter"
desk_conninfo="host=$pg_dir user=desk dbname=casemill"
broker_start
worker_start worker
casemill generate --cases 300 --seed 91 --bad 0 --duplicates 0 --out "$work/cases.jsonl" || abort "generate"
sed 's/"case_id": *"/&P/' "$work/cases.jsonl" >"$work/paused.jsonl"
submit --ack outcome "$work/cases.jsonl" >"$work/submit.out" 2>&1 || abort "submit"
journal=$(status_of journal)

# --- a pause, and a kill -9
check "pause" order pause --why "new disk" --until 1h
check "the log has who, where and why" logged "verb=pause .*user=\"$(id -un)\" host=\"$(hostname)\" key=\"\" until=\"20..-.*Z\" why=\"new disk\""
equal "PostgreSQL has it, too" "$(action "kind || '|' || why || '|' || done_by || '|' || login || '@' || host || '|' || journal || '|' || (until > now() + interval '59 minutes')")" \
    "pause|new disk|desk|$me|$journal|true"
paused="paused by $me since 20..-..-..T..:..:..Z, why: new disk; until 20..-..-..T..:..:..Z"
check "readyz states it" wait_until 5 ready_is "^$paused$"
casemill status --control "$control" >"$work/people.out"
contains "the status for people, too" "$work/people.out" "$paused"
check "and all of the status" sh -c "'$bin/casemill' status --all --control '$control' | grep -Eq '^unready  *$paused$'"
until=$(status_of paused.until)
kill_hard "$broker_pid"
broker_start
equal "a broker that was killed is still paused" "$(status_of dispatching) $(status_of paused.user) $(status_of paused.why) $(status_of paused.until)" \
    "no $(id -un) new disk $until"
check "readyz states that it is the same pause" ready_is "^$paused$"
contains "and so does the log" "$work/broker.err" "OPERATOR_STOP_KEPT verb=pause text=\"$paused\""
worker_ready() { [ "$(status_of lanes)" = 2 ]; }
wait_until 20 worker_ready || abort "the lanes come back"
submit "$work/paused.jsonl" >"$work/submit.out" 2>&1 || abort "submit"
equal "it accepts, and dispatches nothing" "$(status_of queued_cases) $(rows)" "300 300"

# --- a copied journal has its pause; a file of another journal is not used; a damaged one is an error
kill_hard "$broker_pid"
cp -r "$work/journal" "$work/copy"
mkdir "$work/other"
cp "$work/journal/operator" "$work/other/operator"
first_broker_err=$work/broker.err
broker_start CASEMILL_JOURNAL_PATH="$work/copy"
equal "a copy of the journal is paused" "$(status_of dispatching) $(status_of queued_cases)" "no 300"
kill_hard "$broker_pid"
broker_start CASEMILL_JOURNAL_PATH="$work/other"
equal "another journal is not" "$(status_of dispatching)" yes
contains "which the log states" "$first_broker_err" "OPERATOR_STATE_FOREIGN file=\"$work/other/operator\""
kill_hard "$broker_pid"
printf 'x' | dd of="$work/copy/operator" bs=1 seek=40 conv=notrunc 2>/dev/null
refused "a damaged file" 1 "copy/operator: damaged: whether an operator has paused the broker is unknown; remove the file" \
    env CASEMILL_JOURNAL_PATH="$work/copy" CASEMILL_CONTROL_BIND="ipc://$work/control2" CASEMILL_HTTP_BIND=off \
    CASEMILL_INTAKE_BIND="ipc://$work/i2" CASEMILL_WORKER_BIND="ipc://$work/w2" timeout 20 "$bin/casemill-broker" --config config/broker.yaml
broker_start
equal "the journal itself is as it was" "$(status_of dispatching)" no

# --- resume
check "resume" order resume --why "disk is in"
check "resume is logged" logged "verb=resume .*why=\"disk is in\""
equal "and recorded" "$(action "kind || '|' || why || '|' || login")" "resume|disk is in|$(id -un)"
all_done() { [ "$(rows)" = 600 ]; }
check "the cases are dispatched" wait_until 30 all_done
kill_hard "$broker_pid"
broker_start
equal "a restart does not bring the pause back" "$(status_of dispatching) $(status_of paused)" "yes -"

# --- it ends by itself
check "drain, with an end" order drain --until 3s --why "short" --wait 0
equal "nothing is accepted" "$(status_of accepting) $(status_of draining.why)" "no short"
check "until its end" wait_until 10 is_status accepting yes
contains "which is logged" "$work/broker.err" "OPERATOR_STOP_ENDED verb=drain"
check "pause, with an end" order pause --until "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)" --wait 0
kill_hard "$broker_pid"
past_end() { [ "$(date +%s)" -gt "$end_s" ]; }
end_s=$(($(date +%s) + 2))
wait_until 5 past_end
broker_start
check "a broker that starts after it dispatches" wait_until 5 is_status dispatching yes
check "pause in place of a pause" order pause --until 1h --why "first"
check "without an end" order pause --why "second"
equal "the later one is in force" "$(status_of paused.why) $(status_of paused.until)" "second -"
check "resume without a reason" order resume
equal "which is recorded as none" "$(action "kind || '|' || why || '|'")" "resume||"

# --- what is refused
refused "an end that has passed" 1 "its end has passed" casemill pause --control "$control" --until 2020-01-01T00:00:00Z
refused "an end far away" 1 "more than 366 days" casemill pause --control "$control" --until 2199-01-01T00:00:00+02:00
for end in 0s 5 1w tomorrow 2026-13-01T00:00:00Z 400d; do
    refused "--until $end" 2 "until is a time from now on" casemill drain --control "$control" --until "$end"
done
refused "a reason of two lines" 2 "one line" casemill pause --control "$control" --why "$(printf 'a\nb')"
refused "a reason that is too long" 2 "at most 512 bytes" casemill pause --control "$control" --why "$(head -c 513 /dev/zero | tr '\0' x)"
equal "none of them stopped anything" "$(status_of dispatching) $(status_of accepting)" "yes yes"
start old /usr/bin/python3 tests/system/audit_peer.py old "ipc://$work/old"
old=$started_pid
wait_until 10 grep -q ready "$work/old.out" || abort "an old broker starts"
refused "an older broker" 1 "does not support --until: casemill resume" casemill pause --control "ipc://$work/old" --until 1h --wait 0
kill_hard "$old"
casemill pause --control "$control" --db "host=$work/nowhere user=desk dbname=casemill" --wait 0 >"$work/nodb.out" 2>"$work/nodb.err"
equal "without its database a pause is done all the same" "$? $(status_of dispatching)" "0 no"
contains "with a warning" "$work/nodb.err" "warning: done, and in the broker's log, but not recorded in PostgreSQL"

# --- texts of another client: no control characters, no quotes, no formats
/usr/bin/python3 tests/system/audit_peer.py send "$control" PAUSE 'user=x\x1b[31m%s%n' 'host=h\x00i' \
    'why=y" user="root\nlevel=error\u202e' >"$work/send.out" 2>&1 || abort "a pause is sent"
check "they are logged as text" logged "verb=pause subject=\"\" user=\"x\?\[31m%s%n\" host=\"h\" key=\"\" until=\"\" why=\"y' user='root\?level=error\?\""
wait_until 5 ready_is "why: y' user=" || not_ok "readyz has the later pause" "$(readyz)"
readyz >"$work/readyz.out"
casemill status --control "$control" >"$work/status.out"
check "and nothing shows them as they came" harmless "$work/readyz.out" "$work/status.out" "$work/broker.err"
/usr/bin/python3 tests/system/audit_peer.py send "$control" PAUSE "user=$(head -c 129 /dev/zero | tr '\0' x)" >"$work/send.out" 2>&1
contains "a longer name is refused" "$work/send.out" "REFUSED.*bad_header"
check "resume" order resume

# --- retire
name=$(casemill workers --control "$control" | sed -n 's/^ *\([^ ]*:[0-9]*\) .*/\1/p' | head -n 1)
check "retire" order retire "$name" --why "host is replaced"
check "retire is logged" logged "verb=retire subject=\"$name\" .*why=\"host is replaced\""
equal "and recorded" "$(action "kind || '|' || subject || '|' || why || '|' || journal")" "retire|$name|host is replaced|$journal"
wait_until 20 is_gone "$worker_pid"
reap "$worker_pid"
worker_start worker2

# --- dead letters and rule sets
sed -n '1,3s/"reference_date": *"[0-9-]*"/"reference_date":"2021-04-01"/p' "$work/cases.jsonl" >"$work/changed.jsonl"
settled submit --ack outcome "$work/changed.jsonl" >"$work/changed.out" 2>&1
letters=$(pg_sql "select string_agg(dead::text, ' ' order by dead) from dead_letters")
set -- $letters
equal "three dead letters" $# 3
order dead retry "$1" --why "sent twice"
check "dead retry is logged by the broker" logged "verb=dead_retry subject=\"1 dead letters\" user=\"$(id -un)\" .*why=\"sent twice\""
equal "and recorded" "$(action "kind || '|' || why || '|' || login || '@' || host || '|' || letters::text")" "retry|sent twice|$me|{$1}"
check "dead drop" order dead drop "$1" --why "cleared"
check "dead drop is logged on stderr" logged "verb=dead_drop subject=\"1 dead letters\" user=\"$(id -un)\" .*why=\"cleared\"" order
equal "and recorded" "$(action "kind || '|' || why || '|' || login || '@' || host || '|' || letters::text")" "drop|cleared|$me|{$1}"
casemill rules activate "$ruleset" --why "again" --db "host=$pg_dir user=rules_desk dbname=casemill" >"$work/order.out" 2>"$work/order.err"
equal "a publisher activates" $? 0
check "which is logged on stderr" logged "verb=rules_activate subject=\"$ruleset\" user=\"$(id -un)\" .*why=\"again\"" order
equal "and recorded" "$(action "kind || '|' || subject || '|' || why || '|' || login || '@' || host || '|' || done_by")" "activate|$ruleset|again|$me|rules_desk"

# --- purge: what it would remove, and what it removes
purge() { casemill db purge --db "$pg_conninfo" --why "kept for a year" "$@" </dev/null >"$work/purge.out" 2>"$work/purge.err"; }
would() { casemill db purge --db "$pg_conninfo" --dry-run --json "$@" </dev/null >"$work/dry.out" 2>"$work/dry.err"; }
counts() { tr -d '"' <"$work/$1" | sed 's/.*\(cases:[0-9]*,reapplied:[0-9]*,dead_letters:[0-9]*\).*/\1/'; }
tomorrow=$(date -u -d '+1 day' +%Y-%m-%d)
old=$(date -u -d '-200 days' +%Y-%m-%d)
refused "a date in the future" 1 "before $tomorrow is in the future" casemill db purge --db "$pg_conninfo" --source local --before "$tomorrow" --why x --yes
refused "also for --dry-run" 1 "in the future" casemill db purge --db "$pg_conninfo" --source local --before 2999-01-01 --dry-run
refused "no terminal and no --yes" 2 "no terminal to ask on" casemill db purge --db "$pg_conninfo" --source local --before "$old" --why x
refused "no reason" 2 "give the reason" casemill db purge --db "$pg_conninfo" --case local/X --yes
for one in local local/ /X local/@1 "local/X --source local" "local/X --before $old"; do
    # shellcheck disable=SC2086
    refused "--case $one" 2 "^casemill db purge: (--case is|either)" casemill db purge --db "$pg_conninfo" --why x --yes --case $one
done
refused "a case that is not stored" 1 "no such case" casemill db purge --db "$pg_conninfo" --case local/NONE --why x --yes
equal "nothing was removed" "$(rows) $(rows purges) $(rows dead_letters)" "600 0 2"

# One case with two revisions, a further outcome and a dead letter; its neighbours stay.
one=$(pg_sql "select case_id from dead_letters order by dead limit 1")
pg_sql "create temporary table c as select * from cases where case_id = '$one'; update c set revision = 7; insert into cases select * from c;
        insert into cases select (jsonb_populate_record(null::cases, to_jsonb(c) || '{\"case_id\": \"a/b@7\"}')).* from c;
        insert into reapplied (source, case_id, revision, ruleset, disposition, agreement, reason, result, reference_date, as_of, decided_at, commit)
        select source, case_id, revision, ruleset, disposition, agreement, reason, result, reference_date, as_of, decided_at, commit from c;
        select rebuild_rollups()" >"$work/made.out" 2>&1 || abort "rows are made" "$(cat "$work/made.out")"
would --case "local/$one@7"
equal "one revision: what would be removed" "$(counts dry.out)" "cases:1,reapplied:1,dead_letters:0"
would --case "local/$one"
equal "one case: what would be removed" "$(counts dry.out)" "cases:2,reapplied:1,dead_letters:1"
equal "a dry run removes nothing" "$(rows) $(rows reapplied) $(rows dead_letters) $(rows purges)" "602 1 2 0"
check "a revision is purged" purge --yes --json --case "local/$one@7"
equal "as was shown" "$(counts purge.out)" "cases:1,reapplied:1,dead_letters:0"
equal "the other one stays" "$(pg_sql "select string_agg(revision::text, ' ') from cases where case_id = '$one'") $(rows)" "0 601"
would --case "local/$one"
check "then the case" purge --yes --json --case "local/$one"
equal "as was shown" "$(counts purge.out)" "$(counts dry.out)"
equal "it has a tombstone of each revision, and no dead letter" \
    "$(pg_sql "select string_agg(revision::text, ' ' order by revision) from purged where case_id = '$one'") $(pg_sql "select count(*) from dead_letters where case_id = '$one'") $(rows dead_letters)" "0 7 0 1"
equal "the counts by month are those of the cases" "$(pg_sql "select sum(outcomes) from report.months")" "$(rows)"
check "purge is logged on stderr" logged "verb=db_purge subject=\"purge 2\" user=\"$(id -un)\" .*why=\"kept for a year\"" purge
equal "and recorded" "$(action "kind || '|' || subject || '|' || why || '|' || login || '@' || host || '|' || done_by")" "purge|2|kept for a year|$me|casemill"
equal "with the case" "$(pg_sql "select case_id || '|' || coalesce(revision::text, '') || '|' || (received_before is null) from purges order by purge")" "$one|7|true
$one||true"
check "an id with a slash and an @" purge --yes --case "local/a/b@7@7"
equal "is found" "$(pg_sql "select case_id from purged where case_id like 'a%'")" "a/b@7"
settled submit --ack outcome "$work/cases.jsonl" >"$work/again.out" 2>&1
contains "a purged case that comes again is a duplicate" "$work/again.out" "300 duplicates"

# By date, on a terminal.
pg_sql "update cases set received_at = received_at - interval '400 days' where case_id in (select case_id from cases order by case_id limit 40);
        update dead_letters set last_seen_at = last_seen_at - interval '400 days'"
would --source local --before "$old"
equal "by date: what would be removed" "$(counts dry.out)" "cases:40,reapplied:0,dead_letters:1"
before=$(rows)
ask() { timeout 20 /usr/bin/python3 tests/system/audit_peer.py answer "$1" "$bin/casemill" db purge --db "$pg_conninfo" --source local --before "$old" --why "kept for a year" >"$work/ask.out" 2>&1; }
ask no
equal "on a terminal it asks: no: exit code" $? 1
contains "with the numbers" "$work/ask.out" "before $old: 40 cases, 0 further outcomes and 1 dead letters"
equal "no removes nothing" "$(rows) $(rows purges)" "$before 3"
check "yes" ask yes
contains "removes what was shown" "$work/ask.out" "40 cases are tombstones; 0 further outcomes and 1 dead letters"
equal "and the others stay" "$(rows)" $((before - 40))

# --- the record
PGOPTIONS='' "$pg_bin/psql" -qtA "$desk_conninfo" -c "update operator_actions set why = 'x'" >"$work/update.out" 2>&1
contains "an operator cannot change the record" "$work/update.out" "permission denied"
PGOPTIONS='' "$pg_bin/psql" -qtA "$desk_conninfo" -c "delete from operator_actions" >"$work/delete.out" 2>&1
contains "nor remove it" "$work/delete.out" "permission denied"
PGOPTIONS='' "$pg_bin/psql" -qtA "$desk_conninfo" -c "insert into operator_actions (kind, why, done_by) values ('pause', 'x', 'someone')" >"$work/insert.out" 2>&1
contains "nor write it under another role's name" "$work/insert.out" "permission denied"
equal "a reporter reads it" "$("$pg_bin/psql" -XqtA "host=$pg_dir user=auditor dbname=casemill" -c "select count(*) from report.operator_actions")" "$(rows operator_actions)"
equal "every kind is there" "$(pg_sql "select count(distinct kind) from report.operator_actions")" 8
stop "$worker_pid"
stop "$broker_pid"

# --- on a socket with keys the name of the key is logged, whatever the client reports
mkdir "$work/operators" "$work/keys"
for name in broker duty; do casemill keys new "$name" --out "$work/keys" >"$work/keys.out" || abort "keys new $name"; done
cp "$work/keys/duty.pub" "$work/operators"
intake=ipc://$work/in lanes=ipc://$work/lanes
broker_start CASEMILL_CONTROL_BIND=tcp://127.0.0.1:0 CASEMILL_KEYS_SECRET="$work/keys/broker.key" CASEMILL_KEYS_OPERATORS="$work/operators"
control=$(ready_field broker control)
check "pause with a key" order pause --why "with a key" --key "$work/keys/duty.key" --broker-key "$work/keys/broker.pub"
check "its name is logged" logged "verb=pause .*key=\"duty\" .*why=\"with a key\""
equal "and recorded" "$(action "kind || '|' || key")" "pause|duty"
check "readyz shows it" wait_until 5 ready_is "paused by $me \(key duty\) since"
stop "$broker_pid"
finish
