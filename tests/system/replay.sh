#!/bin/sh
# Stored cases under other rules. The matrix of `casemill replay` is compared with two runs of `casemill evaluate` on
# the same cases, one under the shipped rules and one under documents changed by hand.
# A failure means that replay reads stored facts wrongly, or counts wrongly.
# suite: full
. "$(dirname "$0")/lib.sh"
count=${REPLAY_CASES:-2000}

database_start
broker_start
worker_start worker
casemill generate --cases "$count" --seed 11 --bad 0 --duplicates 0 --out "$work/cases.jsonl" ||
    abort "cases are generated"
timeout 120 "$bin/casemill" submit --broker "$intake" --ack outcome "$work/cases.jsonl" \
    >"$work/submit.out" 2>"$work/submit.err" || abort "submit" "$(tail -n 1 "$work/submit.err")"
equal "every case is stored" "$(rows)" "$count"
replay() { casemill replay --db "$pg_conninfo" "$@" 2>"$work/replay.err"; }
evaluate() { # evaluate OUT DIR [OPTION...]
    out=$1
    shift
    casemill evaluate --rules "$@" "$work/cases.jsonl" >"$work/$out" 2>"$work/evaluate.err" ||
        abort "evaluate" "$(tail -n 1 "$work/evaluate.err")"
}

# expected BEFORE AFTER: the matrix from two files of evaluate, in the words of print_matrix.
expected() {
    /usr/bin/python3 - "$work/$1" "$work/$2" "${3:-}" <<'PY'
import collections, json, sys
def read(path):
    return {(o["case_id"], o["revision"]): o for o in map(json.loads, open(path))}
before, after = read(sys.argv[1]), read(sys.argv[2])
cells, samples, other = collections.Counter(), collections.defaultdict(list), collections.Counter()
def note(table, key, b, a):
    cells[table, b[0], a[0]] += 1
    other[table] += b[0] == a[0] and b != a
    if b[0] != a[0]:
        samples[table, b[0], a[0]].append(key)
for key in sorted(before):
    b, a = before[key], after[key]
    if sys.argv[3] and b["disposition"] != sys.argv[3]:
        continue
    of = lambda o: {f["agreement"]: (f["disposition"], f["reason"]) for f in o["findings"]}
    for table, finding in of(b).items():
        note(table, key, finding, of(a)[table])
    whole = lambda o: (o["disposition"], o["agreement"], o["reason"])
    note("case", key, whole(b), whole(a))
for (table, b, a), n in sorted(cells.items()):
    print(table, b, a, n, other[table], *["%s.%d" % key for key in samples[table, b, a][:3]])
PY
}
print_matrix() { # the same lines from --json
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
page = json.load(open(sys.argv[1]))
lines = []
for table in page["agreements"] + [dict(page["case"], agreement="case")]:
    for c in table["matrix"]:
        lines.append((table["agreement"], c["before"], c["after"], c["cases"], table["other_reason"],
                      *["%s.%d" % (s["case_id"], s["revision"]) for s in c["samples"]]))
for line in sorted(lines, key=lambda l: l[:3]):
    print(*line)
PY
}
same_matrix() { # same_matrix TEXT BEFORE AFTER DISPOSITION OPTION...
    text=$1
    expected "$2" "$3" "$4" >"$work/expected"
    shift 4
    replay --json "$@" >"$work/replay.json" || { not_ok "$text" "$(tail -n 1 "$work/replay.err")"; return; }
    print_matrix "$work/replay.json" >"$work/printed"
    equal "$text" "$(diff "$work/expected" "$work/printed" | grep -c '^[<>]')" 0
    diff "$work/expected" "$work/printed" | head -n 4 | sed 's/^/    /'
}
changed() { sed 's/.*"case":{"cases":[0-9]*,"changed":\([0-9]*\),.*/\1/' "$work/replay.json"; }

# --- the stored facts are what was sent
evaluate now.jsonl config
same_matrix "under the same rules nothing changes" now.jsonl now.jsonl ""
equal "and no case does" "$(changed)" 0

# --- as if El Salvador's agreement had been in force the day after its signature
mkdir -p "$work/if" && cp -r config/case.yaml config/agreements "$work/if"
sed -i '/event: in_force/i\  - {event: in_force, date: 2019-09-21, recorded: 2019-09-21, cite: "supposed"}' \
    "$work/if/agreements/US-SV-ACA-2019.yaml"
evaluate if.jsonl "$work/if"
same_matrix "an event that never happened" now.jsonl if.jsonl "" --event US-SV-ACA-2019.in_force=2019-09-21
check "it changes many cases" [ "$(changed)" -gt $((count / 50)) ]
cp "$work/replay.json" "$work/event.json"
same_matrix "the changed documents themselves" now.jsonl if.jsonl "" --rules "$work/if"

# --- other parameters, other dates, a published rule set
evaluate gate.jsonl config --set US-SV-ACA-2019.transit_gate=false --set US-GT-ACA-2019.transit_gate=false
same_matrix "other parameters" now.jsonl gate.jsonl "" --set US-SV-ACA-2019.transit_gate=false \
    --set US-GT-ACA-2019.transit_gate=false
casemill rules publish config --set US-SV-ACA-2019.transit_gate=false --set US-GT-ACA-2019.transit_gate=false \
    --db "$pg_conninfo" >"$work/publish2.out" 2>"$work/publish2.err" || abort "a second rule set is published"
second=$(pg_sql "select id from rulesets order by ruleset desc limit 1")
same_matrix "a published rule set" now.jsonl gate.jsonl "" --ruleset "$(echo "$second" | cut -c1-12)"
sed 's/"reference_date": *"[^"]*"/"reference_date":"2021-01-10"/; s/"as_of": *"[^"]*"/"as_of":"2021-01-09"/' \
    "$work/cases.jsonl" >"$work/dated.jsonl"
casemill evaluate --rules config "$work/dated.jsonl" >"$work/dates.jsonl"
same_matrix "other dates" now.jsonl dates.jsonl "" --reference-date 2021-01-10 --as-of 2021-01-09

# --- threads, filters
for threads in 1 3 8; do
    replay --json --threads "$threads" --event US-SV-ACA-2019.in_force=2019-09-21 >"$work/replay.json"
    equal "$threads threads count the same" "$(print_matrix "$work/replay.json" | cksum)" \
        "$(print_matrix "$work/event.json" | cksum)"
done
same_matrix "--where disposition" now.jsonl if.jsonl not_subject --where disposition=not_subject \
    --event US-SV-ACA-2019.in_force=2019-09-21
filtered() { # filtered FILTER... : how many cases
    replay --json "$@" | sed 's/.*"changes":\[[^]]*\],"cases":\([0-9]*\),.*/\1/'
}
equal "--where source" "$(filtered --where source=local)" "$count"
equal "--where reference_date" "$(filtered --where reference_date=2020-01-01..2020-06-30)" \
    "$(pg_sql "select count(*) from cases where reference_date between '2020-01-01' and '2020-06-30'")"
day=$(pg_sql "select to_char(max(received_at) at time zone 'UTC', 'YYYY-MM-DD') from cases")
equal "--where received, one day" "$(filtered --where "received=$day" --where received=..2099-01-01)" \
    "$(pg_sql "select count(*) from cases where (received_at at time zone 'UTC')::date = '$day'")"
equal "--where agreement and reason" \
    "$(filtered --where agreement=US-CA-STCA --where reason=agreement_not_in_force)" \
    "$(pg_sql "select count(*) from report.outcomes where agreement = 'US-CA-STCA' and reason = 'agreement_not_in_force'")"
equal "--where ruleset" "$(filtered --where "ruleset=$second")" 0

# --- --apply: written by the broker and its workers, once; what is there already is left out
outcomes() { # outcomes TABLE
    pg_sql "select case_id || '|' || revision || '|' || d.disposition || '|' || f.label || '|' || reference_date
            from $1 o join codes d on d.code = o.disposition join codes f on f.code = o.reason order by case_id collate \"C\""
}
outcomes cases >"$work/intake_before"
apply() { replay --apply --control "ipc://$work/control" --ruleset "$second" "$@"; }
began=$(date +%s)
replay --apply --control "ipc://$work/nobody" --ruleset "$second" >"$work/refused.out"
equal "a broker that is not there is a failure" $? 1
contains "the error message names it" "$work/replay.err" "is the broker running"
check "without a long wait" [ $(($(date +%s) - began)) -lt 30 ]
apply --where disposition=screening_required >"$work/apply.out" || not_ok "--apply" "$(tail -n 1 "$work/replay.err")"
some=$(pg_sql "select count(*) from cases where disposition = 3")
contains "--apply writes the cases of the filter" "$work/apply.out" "^applied: $some of $some cases"
equal "and no others" "$(rows reapplied)" "$some"
check "--apply, all" apply --json >"$work/apply.json"
left=$((count - some))
contains "it continues from there" "$work/apply.json" "\"applied\":.\"wanted\":$left,\"done\":$left,\"dead\":0"
apply >"$work/apply.out"
contains "then nothing is left" "$work/apply.out" "^applied: 0 of 0 cases"
equal "each case has one outcome more" "$(rows reapplied)" "$count"
outcomes reapplied >"$work/reapplied"
/usr/bin/python3 - "$work/gate.jsonl" >"$work/wanted" <<'PY'
import json, sys
for o in sorted(map(json.loads, open(sys.argv[1])), key=lambda o: o["case_id"]):
    print("|".join([o["case_id"], str(o["revision"]), o["disposition"], o["reason"], o["reference_date"]]))
PY
equal "the outcomes equal those of evaluate" "$(diff "$work/wanted" "$work/reapplied" | grep -c '^[<>]')" 0
outcomes cases >"$work/intake_after"
equal "the first outcomes stay" "$(diff "$work/intake_before" "$work/intake_after" | grep -c '^[<>]')" 0

# --- a later outcome counts, the first one when it is asked for
replay --json --ruleset "$second" >"$work/replay.json"
equal "the newest outcome is the one before" "$(changed)" 0
same_matrix "--intake takes the first" now.jsonl gate.jsonl "" --ruleset "$second" --intake

# --- output
replay --event US-SV-ACA-2019.in_force=2019-09-21 --html "$work/page.html" >"$work/replay.out"
contains "the text states the assumed event" "$work/replay.out" "^$count stored cases .* with --event US-SV-ACA-2019"
contains "the text has samples" "$work/replay.out" "^  not_subject -> screening_required, [0-9]+: local/"
check "the page is well-formed" /usr/bin/python3 - "$work/page.html" <<'PY'
import html.parser, re, sys
page = open(sys.argv[1]).read()
class Parser(html.parser.HTMLParser):
    stack, svgs = [], 0
    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "rect"): self.stack.append(tag)
        if tag == "svg": self.svgs += 1; assert dict(attrs)["role"] == "img"
    def handle_startendtag(self, tag, attrs): pass
    def handle_endtag(self, tag): assert self.stack.pop() == tag, tag
parser = Parser()
parser.feed(page)
assert not parser.stack and parser.svgs == 5, (parser.stack, parser.svgs)
assert not re.search(r'(src|href)=', page) and "prefers-color-scheme" in page
PY

# --- wrong input: one clear line, nothing on standard output
refused() { # refused CODE PATTERN OPTION...
    wanted=$1 pattern=$2
    shift 2
    replay "$@" >"$work/refused.out"
    equal "exit code of: $*" $? "$wanted"
    check "one line about: $*" [ "$(wc -l <"$work/replay.err")" -eq 1 ]
    contains "it names the fault: $*" "$work/replay.err" "$pattern"
    check "nothing is printed: $*" [ ! -s "$work/refused.out" ]
}
refused 1 'there is no "dispositon", did you mean disposition' --where dispositon=x
refused 1 'did you mean screening_required' --where disposition=screening_requird
refused 1 'nothing stored is called "nobody"' --where source=nobody
refused 1 'expected YYYY-MM-DD or FROM\.\.UNTIL' --where received=yesterday
refused 1 'expected KEY=VALUE' --where everything
refused 1 'did you mean in_force' --event US-SV-ACA-2019.inforce=2019-09-21
refused 1 'expected a date' --event US-SV-ACA-2019.in_force=soon
refused 1 'did you mean US-SV-ACA-2019' --set US-SV-ACA-2018.transit_gate=true
refused 1 'no rule set 123456' --ruleset 123456
refused 1 'cannot be reached' --db "host=$work dbname=nowhere"
replay --html "$work/missing/page.html" >"$work/refused.out"
equal "a page that cannot be written is a failure" $? 1
contains "it is named" "$work/replay.err" "missing/page\.html"
check "and nothing else is printed" [ ! -s "$work/refused.out" ]
replay --apply --event US-SV-ACA-2019.in_force=2019-09-21 >"$work/refused.out"
equal "rules that are not published cannot be applied" $? 2
contains "the error message states it" "$work/replay.err" "--apply is for a published rule set"
replay --threads 0 >"$work/refused.out"
equal "no threads are a usage error" $? 2
replay --ruleset "$second" --rules config >"$work/refused.out"
equal "two rule sets are a usage error" $? 2

# --- rows that are not what they should be
pg_sql "update cases set visa_us = 'nonsense' where case_id = (select min(case_id) from cases)"
replay --json --intake >"$work/replay.json"
contains "a fact that does not fit is counted" "$work/replay.json" "\"cases\":$count,\"unreadable\":1,"
contains "and its case is left out" "$work/replay.json" "\"case\":.\"cases\":$((count - 1)),"
pg_sql "update cases set reason = 1 where case_id = (select max(case_id) from cases)"
replay --json --intake >"$work/refused.out"
equal "an unknown code ends the replay" $? 1
contains "the error message states it" "$work/replay.err" "numbers that codes or rulesets do not explain"
check "and nothing is printed" [ ! -s "$work/refused.out" ]
finish
