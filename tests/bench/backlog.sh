#!/bin/sh
# Benchmark backlog: the cost of a queue without workers: batches of 1,000, batches of one, and a small queue of
# either. It measures the broker's anonymous memory, the journal's bytes beside the payload's, and the first WORK
# after a restart beside reading the journal's table of headers. Called by run.sh.
# CASEMILL_BENCH_CASES, CASEMILL_BENCH_SINGLES and CASEMILL_BENCH_RUNS make it smaller.
set -u
cases=${CASEMILL_BENCH_CASES:-10000000}
singles=${CASEMILL_BENCH_SINGLES:-2000000}
small=${CASEMILL_BENCH_SMALL:-200000}
runs=${CASEMILL_BENCH_RUNS:-3}
. "$(dirname "$0")/lib.sh"
piece=$((cases < 500000 ? cases : 500000)) # submitted again and again: each time they are new batches
casemill generate --cases "$piece" --seed 7 --format msgpack --out "$work/cases.mp" || abort "generate"
casemill generate --cases "$small" --seed 7 --format msgpack --out "$work/small.mp" || abort "generate"

anonymous_kb() { awk '/^RssAnon/ { print $2 }' "/proc/$broker_pid/status"; }
megabytes() { awk -v kb="$1" 'BEGIN { printf "%.1f", kb * 1024 / 1000000 }'; }
file_bytes() { stat -c %s "$1"; }
journal_max=''
away() { # away BYTES: a broker with a new journal of so much room, no worker
    journal_max=$(($1 / 1048576 + 256))MiB
    rm -rf "$work/journal"
    intake=tcp://127.0.0.1:0
    lanes=tcp://127.0.0.1:0
    broker_start CASEMILL_JOURNAL_BYTES_MAX="$journal_max" CASEMILL_QUEUE_BATCHES_MAX=10000000
    empty_kb=$(anonymous_kb)
}
fill() { # fill FILE BATCH TIMES
    for round in $(seq "$3"); do
        "$tools/bench_submit" accepted "$intake" "$1" "$2" >>"$work/accepted" || abort "submit"
    done
}
# The figure of a limit that is a number: it is its own ratio.
itself() { awk '{ print $1, $1 }'; }
one_line() { echo "$1 $2" >"$work/lines"; }
journal_figure() { # journal_figure NAME GOAL PAYLOAD_BYTES
    bytes=$(file_bytes "$work/journal/data.mdb")
    one_line "$(ratio "$bytes" "$3")" "$(ratio "$bytes" "$3")"
    figure backlog "$1" "bytes/byte" "$2" <"$work/lines"
}
first_work() { # first_work FIGURE: the broker's own start on what is there
    stop "$broker_pid" >/dev/null
    : >"$work/lines"
    for run in $(seq "$runs"); do
        began=$("$tools/bench_backlog" first_work env CASEMILL_INTAKE_BIND=tcp://127.0.0.1:0 \
            CASEMILL_WORKER_BIND=tcp://127.0.0.1:0 CASEMILL_CONTROL_BIND="ipc://$work/control" CASEMILL_HTTP_BIND=off \
            CASEMILL_JOURNAL_PATH="$work/journal" CASEMILL_JOURNAL_BYTES_MAX="$journal_max" \
            CASEMILL_QUEUE_BATCHES_MAX=10000000 "$bin/casemill-broker" --config "$root/config/broker.yaml") ||
            abort "the broker starts again"
        read=$("$tools/bench_backlog" meta "$work/journal") || abort "the headers are read"
        echo "$began $(ratio "$began" "${read% *}")" >>"$work/lines"
        echo "first work after $began s, its ${read#* } headers read in ${read% *} s"
    done
    figure backlog "$1" s "<= 2" <"$work/lines"
}

# A small queue: the worse of the two.
: >"$work/lines"
for run in $(seq "$runs"); do
    worst=0
    for batch in 1 1000; do
        away $((small * 5000))
        fill "$work/small.mp" "$batch" 1
        now=$(anonymous_kb)
        echo "$small cases in batches of $batch: $now kB, $empty_kb kB when empty"
        worst=$((now > worst ? now : worst))
        kill_hard "$broker_pid"
    done
    megabytes "$worst" | itself >>"$work/lines"
done
figure backlog backlog.small_memory MB "<= 30" <"$work/lines"

away $((cases * 450))
fill "$work/cases.mp" 1000 $((cases / piece))
megabytes "$(anonymous_kb)" | itself | figure backlog backlog.batches_memory MB "<= 200"
journal_figure backlog.batches_journal "<= 1.3" $(($(file_bytes "$work/cases.mp") * (cases / piece)))
first_work backlog.first_work_batches

away $((singles * 5000))
fill "$work/small.mp" 1 $((singles / small))
entries=$((singles / small * small))
awk -v kb="$(($(anonymous_kb) - empty_kb))" -v n="$entries" 'BEGIN { printf "%.1f\n", kb * 1024 / n }' | itself |
    figure backlog backlog.ones_bytes_entry bytes "<= 64"
journal_figure backlog.ones_journal "<= 1.5" $(($(file_bytes "$work/small.mp") * (singles / small)))
first_work backlog.first_work
rm -rf "$work/journal"
done_with
