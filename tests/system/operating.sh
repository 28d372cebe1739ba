#!/bin/sh
# The commands of config/operating.md, word for word, on a machine with the packages, systemd and PostgreSQL: backup, restore,
# upgrade, moving a broker.  After each the workers continue, and each case is there once.
# suite: full, alone
set -u
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/machine.sh"
. "$root/tests/system/blocks.sh"
guide=config/operating.md
set_up() { machine_run "$2" >"$work/there.out" 2>&1 || abort "$1" "$(tail -n 5 "$work/there.out")"; }
run_block() { # run_block HEADING N: as root, where the new packages were made
    block "$guide" "## $1" "$2" >"$work/block.sh" || abort "$guide has block $2 of $1"
    machine_run "cd $work/tree && sh -eu $work/block.sh" >"$work/there.out" 2>&1
    equal "the commands of \"$1\", block $2" "$? $(tail -n 1 "$work/there.out" | grep -iE 'error|fail|denied')" "0 "
}
casemill_there() { machine_run "cd / && runuser -u casemill -- env CASEMILL_POSTGRES_CONNINFO=dbname=casemill casemill $1"; }
submit_there() { # submit_there FIRST_LETTER [OPTION...]: 300 cases whose names begin so
    letter=$1
    shift
    sed "s/\"case_id\":\"G/\"case_id\":\"$letter/" "$work/cases.jsonl" >"$work/$letter.jsonl"
    machine_run "casemill submit --broker tcp://127.0.0.1:5570 $* $work/$letter.jsonl" >"$work/submit.out" 2>&1
}
stored() { machine_run "cd / && runuser -u casemill -- psql -Atc \"select count(*) from cases where case_id like '$1%'\"" 2>/dev/null; }
has_300() { [ "$(stored "$1")" = 300 ]; }

version=$(sed -n 's/^project(casemill VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
for number in "$version" 0.1.9; do # each in the directory of the test: packages.sh makes its own
    cpack -R "$number" -B "$work/packages_$number" --config build/release/CPackConfig.cmake >"$work/cpack.out" 2>&1 ||
        abort "cpack of $number" "$(tail -n 1 "$work/cpack.out")"
done
old=$work/packages_0.1.9
new=$work/packages_$version
equal "there are five packages of each version" "$(ls "$new" "$old" | grep -c '[.]deb$')" 10
machine_start >"$work/machine.reason" || { echo "skipped: no machine here: $(cat "$work/machine.reason")"; finish; }
casemill generate --cases 300 --seed 9 --out "$work/cases.jsonl" >"$work/generate.out" 2>&1 || abort "generate"
chmod 0711 "$work"
set_up "PostgreSQL" "mkdir -p /run/postgresql && chown postgres /run/postgresql &&
    pg_createcluster --port 5432 15 casemill --start"
set_up "packages" "dpkg -i $old/*.deb && mkdir -p $work/tree/build/release/packages && cp $new/casemill*.deb $work/tree/build/release/packages &&
    sed -i 's/bytes_max: 1GiB/bytes_max: 128MiB/' /etc/casemill/broker.yaml"
run_block "Installation" 3
run_block "Installation" 4
check "no fault is found, and no warning" sh -c "! grep -E '^(fault|warning)' '$work/there.out' | grep -v ' clock '"
contains "PostgreSQL's log quotes no case" "$work/there.out" '^ok +server log '
run_block "Installation" 5
contains "a check with worker.env" "$work/there.out" '^postgres.conninfo: '
# This machine's Prometheus is masked, and the service cannot have namespaces of its own here.
set_up "a service of Prometheus" "rm -f /etc/systemd/system/prometheus.service && mkdir -p /etc/systemd/system/prometheus.service.d &&
    printf '[Service]\nPrivateUsers=no\n' >/etc/systemd/system/prometheus.service.d/machine.conf && systemctl daemon-reload"
block "$guide" "## Installation" 6 | sed '/^apt-get /d' >"$work/block.sh"
machine_run "cd / && sh -eu $work/block.sh" >"$work/there.out" 2>&1
equal "the commands of \"Installation\", block 6" "$? $(cat "$work/there.out")" "0 "
run_block "Installation" 7
equal "there is a result for each case" "$(machine_run 'grep -c disposition /tmp/results.jsonl')" 1000
set_up "a reporter" "runuser -u postgres -- psql -d casemill -c 'create role casemill_ana login in role casemill_reporter' && useradd casemill_ana"
contains "a reporter reads" "$work/there.out" 'CREATE ROLE'
check "outcomes by month" [ "$(machine_run 'runuser -u casemill_ana -- psql -Atd casemill -c "select sum(outcomes) from report.months"')" = 1000 ]
check "and no facts" [ -z "$(machine_run 'runuser -u casemill_ana -- psql -Atd casemill -c "select * from report.cases limit 1"' 2>/dev/null)" ]
casemill_there "doctor" >"$work/doctor.out" 2>&1
equal "the doctor accepts the port of the worker that runs: exit code" $? 0
panels() { machine_run "/usr/bin/python3 $root/tests/system/panels.py http://127.0.0.1:9090 /usr/share/casemill/monitoring/dashboard.json" >"$work/panels.out" 2>&1; }
check "panels of the dashboard have data" wait_until 60 panels
equal "Prometheus listens on loopback alone" "$(machine_run "ss -Hltn 'sport = :9090'" | awk '{print $4}')" "127.0.0.1:9090"
check "cases are done" submit_there A --ack outcome

run_block "Backup and restore" 1
check "cases after the backup are done" submit_there B --ack outcome
run_block "Backup and restore" 2
check "the cases of the backup are there" has_300 A
equal "the later ones are lost" "$(stored B)" 0
check "the sources send everything again" submit_there A --ack outcome
check "and the later ones" submit_there B --ack outcome
equal "each case is there once" "$(stored A) $(stored B)" "300 300"

set_up "the worker is away" "systemctl stop casemill-worker"
check "cases are accepted" submit_there C
run_block "Upgrade" 1
equal "the version is the new one" "$(machine_run 'casemill-broker --version')" "casemill-broker $version"
check "what was accepted before the upgrade is done" wait_until 30 has_300 C

run_block "Moving a broker" 1
check "the broker is stopped" [ "$(machine_run 'systemctl is-active casemill-broker')" = inactive ]
set_up "the broker and no worker" "systemctl stop casemill-worker && systemctl enable --now casemill-broker"
check "it still drains" [ "$(casemill_there status | grep -c 'draining: no batch is accepted')" = 1 ]
run_block "Moving a broker" 3
check "cases are accepted by the broker that will be moved" submit_there D
run_block "Moving a broker" 2
contains "the copy has them" "$work/there.out" '300 cases, 0 damaged'
set_up "the moved broker" "sed -i 's|path: /var/lib/casemill/journal|path: /srv/casemill-journal|' /etc/casemill/broker.yaml &&
    sed -i 's|/var/lib/casemill/journal|/srv/casemill-journal|' /etc/casemill/worker.yaml &&
    mkdir -p /etc/systemd/system/casemill-broker.service.d && printf '[Service]\nReadWritePaths=/srv/casemill-journal\n' \
        >/etc/systemd/system/casemill-broker.service.d/journal.conf && systemctl daemon-reload &&
    systemctl start casemill-broker casemill-worker"
check "the moved broker dispatches them" wait_until 30 has_300 D
equal "each case is there once" "$(stored A) $(stored B) $(stored C) $(stored D)" "300 300 300 300"
finish
