#!/bin/sh
# Personal data (P10) stays in two places: in the journal until the cases are done, and in the content of dead letters
# until they are purged. Marked values are sent in every form that can go wrong. Then the test searches for the mark
# in all that the programs printed, serve and wrote to disk.
# A failure means that a log, a page, an error text or another file holds personal data.
# suite: full
. "$(dirname "$0")/lib.sh"
mark=Qxzwj # in no word of ours
files=$work/intake
mkdir "$files" "$work/home" "$work/scratch" "$work/pages"
HOME=$work/home TMPDIR=$work/scratch
export HOME TMPDIR
send() { # send NAME FILE [OPTION...]
    send_name=$1
    shift
    timeout 60 "$bin/casemill" submit --broker "$intake" --ack outcome --resume "$work/$send_name.resume" "$@" \
        >"$work/$send_name.out" 2>"$work/$send_name.err"
}

# --- cases that are decided, that cannot be read, that contradict an earlier one, and files that are broken
case_line() { echo "{\"case_id\":\"$1\",\"revision\":0,\"facts\":{$2}}"; }
{
    case_line A1 "\"claim_country\":\"$mark\""
    case_line A2 "\"$mark name\":\"$mark value\""
    case_line A3 "\"birth_date\":\"$mark-01-01\",\"claim_country\":\"US\""
    case_line A4 "\"married\":\"$mark\""
    case_line A5 "\"family_anchors\":[{\"country\":\"US\",\"relation\":\"$mark\",\"$mark\":1}]"
    case_line A6 "\"nationalities\":[\"SV\",\"$mark\"]"
    case_line A7 "\"claim_country\":\"US\",\"birth_date\":\"1987-03-04\""
    case_line A7 "\"claim_country\":\"US\",\"birth_date\":\"1987-03-05\""
    echo "{\"case_id\":\"A8\",\"revision\":\"$mark\",\"facts\":{}}"
} >"$files/cases.jsonl"
case_line B1 "\"claim_country\":\"US\"} $mark" >"$files/broken.jsonl"
printf '%s Roe,1990-01-01,US\n' "$mark" >"$files/headerless.csv"
printf 'case_id,revision,claim_country\nC1,0,%s\nC2,%s,US\n' "$mark" "$mark" >"$files/cell.csv"
printf 'case_id,revision,%s Roe\nC3,0,x\n' "$mark" >"$files/column.csv"
printf '\377\376%s' "$mark" >"$files/utf16.jsonl"
printf '%s no messagepack' "$mark" >"$files/bytes.mp"

database_start
broker_start CASEMILL_MEMORY_BYTES_MAX=16MiB
worker_start worker CASEMILL_HTTP_BIND=127.0.0.1:0
send decided "$files/cases.jsonl"
equal "cases that cannot be decided become dead letters" $? 3
bad=$(rows dead_letters)
check "there are some ($bad)" [ "$bad" -ge 6 ]
for file in broken.jsonl headerless.csv cell.csv column.csv utf16.jsonl bytes.mp; do
    send "$file" "$files/$file"
    check "$file is refused or becomes a dead letter" [ $? -ne 0 ]
done
send again "$files/cases.jsonl"
pg_sql "alter table cases rename to cases_away" # an error of the server, in the midst of a case's transaction
case_line D1 "\"claim_country\":\"US\",\"visa_us\":\"$mark\"" >"$files/late.jsonl"
start late "$bin/casemill" submit --broker "$intake" --ack outcome "$files/late.jsonl"
late=$started_pid
wait_until 20 grep -q 'event=POSTGRES' "$work/worker.err" || not_ok "the worker meets the server's error"
pg_sql "alter table cases_away rename to cases"
wait_until 60 is_gone "$late" || not_ok "the case is done when the table is back"

# --- what operators and reporters see
for program in broker worker; do
    for page in metrics status healthz readyz ''; do
        /usr/bin/python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' \
            "$(ready_field $program http)/$page" >"$work/pages/${program}_$page" 2>"$work/pages/$program.$page.err"
    done
    for page in metrics status ''; do
        check "the $program's page /$page was read" [ -s "$work/pages/${program}_$page" ]
    done
done
casemill status --all --control "ipc://$work/control" >"$work/status.out" 2>&1
casemill top --once --control "ipc://$work/control" >"$work/top.out" 2>&1
casemill dead list --db "$pg_conninfo" >"$work/dead.out" 2>&1
casemill dead list --json --db "$pg_conninfo" >"$work/dead_json.out" 2>&1
casemill explain A1 --db "$pg_conninfo" >"$work/explain.out" 2>&1
for id in A1 A2 A4 A7; do
    casemill trace "$id" --db "$pg_conninfo" --control "ipc://$work/control" --log "$work/broker.err" --log "$work/worker.err" \
        >"$work/trace_$id.out" 2>&1
done
check "a dead case is traced" grep -q 'dead letter' "$work/trace_A4.out"
casemill report --db "$pg_conninfo" >"$work/report.out" 2>&1
check "dead letters are listed" grep -q unknown_word "$work/dead.out"
kill -ABRT "$worker_pid" # it would leave a core file where it may
reap "$worker_pid"
stop "$broker_pid"

# --- the search
holders() { # holders FOLDER...: files that hold the mark, by name
    grep -rlaF -e "$mark" "$@" 2>/dev/null | sed "s|^$work/||" | sort
}
equal "the search finds the cases that were sent" "$(holders "$files" | wc -l)" 8
equal "the journal holds the mark, as its README states" "$(holders "$work/journal")" journal/data.mdb
equal "no other file does, except the server's own" \
    "$(holders "$work" | grep -v -e '^intake/' -e '^journal/data.mdb$' -e '^pg/data/' | tr '\n' ' ')" ""
check "nor the server's log" sh -c "! grep -qaF '$mark' '$pg_dir/log'"
equal "nor does any table, but the content of dead letters" \
    "$("$pg_bin/pg_dump" "$pg_conninfo" --data-only --inserts --exclude-table=dead_letters 2>"$work/dump.err" | grep -cF -e "$mark")" 0
check "which holds it" [ "$(pg_sql "select count(*) from dead_letters where position('$mark'::bytea in body) > 0")" -ge 1 ]

# --- and after a purge
pg_sql "update cases set received_at = received_at - interval '2 days'; update dead_letters set last_seen_at = last_seen_at - interval '2 days'"
casemill db purge --db "$pg_conninfo" --source local --before "$(date -u +%Y-%m-%d)" --why test --yes >"$work/purge.out" 2>&1
equal "after a purge no table holds it" \
    "$("$pg_bin/pg_dump" "$pg_conninfo" --data-only --inserts 2>>"$work/dump.err" | grep -cF -e "$mark" -e "$(printf '%s' "$mark" | od -An -tx1 | tr -d ' \n')")" 0
check "the dump was read" [ ! -s "$work/dump.err" ]
finish
