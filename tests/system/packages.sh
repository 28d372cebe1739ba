#!/bin/sh
# The Debian packages: lintian has nothing to report.  On a machine with systemd and PostgreSQL they are installed, upgraded
# from an older version with a journal and a database of 0.1, removed and purged.  A journal with cases is never deleted.
#   sh tests/system/packages.sh           about a minute
# suite: full, alone
set -u
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/machine.sh"
skip() { echo "skipped: $1"; }
build=$root/build/release # the packages are made of this build, which has the prefix /usr
old=0.1.9                 # no version was released yet: the older package is this tree under a lower number
mkdir "$work/new" "$work/old"

# Without the tools that find the dependencies, packages would have none.
mkdir "$work/none"
PATH=$work/none "$(command -v cmake)" -P config/packaging/tools.cmake >"$work/tools.out" 2>&1
equal "CPack refuses to work without its tools" "$? $(grep -c 'dpkg-shlibdeps is not installed' "$work/tools.out")" "1 1"

cmake --preset release >"$work/cmake.out" 2>&1 || abort "cmake" "$(tail -n 1 "$work/cmake.out")"
ninja -C build/release package >"$work/ninja.out" 2>&1 || abort "ninja package" "$(tail -n 1 "$work/ninja.out")"
version=$(sed -n 's/^project(casemill VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
for name in casemill casemill-broker casemill-worker libcasemill1 libcasemill-dev; do
    cp "$build/packages/${name}_$version-1_"*.deb "$work/new/$name.deb" || abort "there is a package $name of $version"
done
(cd "$work/old" && cpack -R "$old" -B "$work/old" --config "$build/CPackConfig.cmake") >"$work/cpack.out" 2>&1 ||
    abort "cpack of an older version" "$(tail -n 1 "$work/cpack.out")"

if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning "$work"/new/*.deb >"$work/lintian.out" 2>&1
    equal "lintian accepts the packages" "$? $(grep -v '^running with root' "$work/lintian.out" | head -n 3)" "0 "
else
    not_ok "lintian is installed"
fi

machine_start >"$work/machine.reason" || { skip "no machine with systemd here: $(cat "$work/machine.reason")"; finish; }
there() { # there TEXT COMMAND: a check of what is true on that machine
    if machine_run "$2" >"$work/there.out" 2>&1; then ok "$1"; else not_ok "$1" "$(tail -n 3 "$work/there.out")"; fi
}
shows() { equal "$1" "$(machine_run "$2" 2>&1)" "$3"; }
set_up() { machine_run "$2" >"$work/there.out" 2>&1 || abort "$1" "$(tail -n 5 "$work/there.out")"; }

# An installation starts nothing.
set_up "dpkg installs" "dpkg -i $work/old/*.deb"
shows "the version" "dpkg-query -W -f '\${Version} ' casemill casemill-broker casemill-worker" "$old-1 $old-1 $old-1 "
shows "the directory of the journal" "stat -c '%a %U %G' /var/lib/casemill" "700 casemill casemill"
shows "the user cannot log in" "getent passwd casemill | cut -d: -f6-" "/var/lib/casemill:/usr/sbin/nologin"
shows "worker.env is for root alone" "stat -c '%a %U' /etc/casemill/worker.env" "600 root"
for program in broker worker; do
    shows "casemill-$program is not started" "systemctl is-active casemill-$program" "inactive"
    shows "casemill-$program is not enabled" "systemctl is-enabled casemill-$program" "disabled"
done
shows "settings are conffiles" "dpkg-query -W -f '\${Conffiles}\\n' casemill casemill-broker casemill-worker | grep -c ' /etc/casemill/'" \
    "$((3 + $(ls config/agreements/*.yaml | wc -l)))"
there "schema and rules are found without an option" "cd / && casemill schema | grep -q claim_country && casemill rules check >/tmp/check.out"
there "each program has a manual page, and so does the library" "for p in casemill casemill-broker casemill-worker '3 casemill'; do man -w \$p || exit 1; done"
there "the example compiles with the library's packages" "cd /tmp && cc -Wall -Werror -o example /usr/share/doc/libcasemill-dev/examples/submit.c \$(pkg-config --cflags --libs casemill) &&
    readelf -d example | grep -q libcasemill.so.1 && ldd example | grep -q 'libcasemill.so.1 => /'"

# A database of 0.1 and a journal with accepted cases; the operator changed a setting.
set_up "PostgreSQL starts" "mkdir -p /run/postgresql && chown postgres /run/postgresql && pg_createcluster --port 5432 15 casemill --start"
set_up "a database of 0.1" "runuser -u postgres -- createuser casemill && runuser -u postgres -- createdb -O casemill casemill &&
    for role in worker operator publisher reporter; do runuser -u postgres -- createuser casemill_\$role || exit 1; done &&
    zcat $root/tests/data/database_0.1.sql.gz | runuser -u casemill -- psql -q -v ON_ERROR_STOP=1 casemill"
set_up "the operator's setting" "sed -i 's/bytes_max: 1GiB/bytes_max: 128MiB/' /etc/casemill/broker.yaml"
set_up "the broker starts" "systemctl enable --now casemill-broker"
there "systemd shows what it serves" "systemctl show -p StatusText casemill-broker | grep -q '^StatusText=ready intake=tcp://127.0.0.1:5570 '"
set_up "cases" "casemill generate --cases 500 --seed 5 --bad 0 --duplicates 0 --out /tmp/cases.jsonl &&
    sed -i 's/\"case_id\":\"G/\"case_id\":\"U/' /tmp/cases.jsonl" # the database has cases of the same name
set_up "cases are accepted" "casemill submit --broker tcp://127.0.0.1:5570 /tmp/cases.jsonl"
before=$(machine_run "systemctl show -p MainPID --value casemill-broker")

# The upgrade restarts the broker that ran, starts no worker, and keeps setting, journal and database.
set_up "dpkg upgrades" "dpkg -i --force-confold $work/new/*.deb"
shows "the upgraded version" "casemill-broker --version" "casemill-broker $version"
there "the broker runs again" "systemctl is-active casemill-broker"
there "as another process" "[ \$(systemctl show -p MainPID --value casemill-broker) != $before ]"
shows "the worker is still not started" "systemctl is-active casemill-worker" "inactive"
there "the operator's setting is kept" "grep -q 'bytes_max: 128MiB' /etc/casemill/broker.yaml"
batches() { machine_run "cd / && runuser -u casemill -- casemill verify --json --journal /var/lib/casemill/journal" 2>/dev/null | tail -n 1; }
check "the journal still has the cases" [ "$(batches | grep -c '"cases":500,')" = 1 ]
set_up "the database is upgraded" "cd / && runuser -u casemill -- env CASEMILL_POSTGRES_CONNINFO=dbname=casemill casemill db migrate --rules /etc/casemill"
set_up "rules are active" "cd / && export CASEMILL_POSTGRES_CONNINFO=dbname=casemill && id=\$(runuser -u casemill -- casemill rules publish /etc/casemill) &&
    runuser -u casemill -- casemill rules activate \${id##* } --why upgrade"
stored() { machine_run "cd / && runuser -u casemill -- psql -Atc 'select count(*) from cases'"; }
had=$(stored)
set_up "the worker starts" "systemctl enable --now casemill-worker"
all_there() { [ "$(stored)" = "$((had + 500))" ]; }
journal_is_empty() { case $(batches) in *'"read":0,"cases":0,"damaged":0'*) ;; *) return 1 ;; esac; }
wait_until 20 all_there
equal "each case of the old journal has its outcome" "$(stored)" "$((had + 500))"

# systemd restarts a broker that hangs; with a shorter interval than the shipped one.
set_up "a shorter watchdog" "mkdir -p /etc/systemd/system/casemill-broker.service.d && printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n' \
    >/etc/systemd/system/casemill-broker.service.d/test.conf && systemctl daemon-reload && systemctl restart casemill-broker"
before=$(machine_run "systemctl show -p MainPID --value casemill-broker")
set_up "the broker hangs" "kill -STOP $before"
is_restarted() { machine_run "[ \$(systemctl show -p MainPID --value casemill-broker) -gt $before ] && systemctl is-active casemill-broker" >"$work/there.out"; }
check "systemd restarts a broker that hangs" wait_until 20 is_restarted
set_up "the watchdog is as shipped" "rm -r /etc/systemd/system/casemill-broker.service.d && systemctl daemon-reload"
there "a reload comes to its end" "systemctl reload casemill-broker && systemctl reload casemill-worker && systemctl is-active casemill-broker casemill-worker"

# A removal keeps settings and journal. A purge deletes the journal, because the removal found it empty.
check "the journal is empty" wait_until 10 journal_is_empty
set_up "dpkg removes" "dpkg -r casemill casemill-worker casemill-broker libcasemill-dev libcasemill1"
there "the broker is stopped" "! systemctl is-active casemill-broker && ! pgrep -x casemill-broker"
there "settings and journal are kept" "[ -e /etc/casemill/broker.yaml ] && [ -e /etc/casemill/worker.env ] && [ -e /var/lib/casemill/journal/data.mdb ]"
set_up "dpkg purges" "dpkg -P casemill casemill-worker casemill-broker libcasemill-dev libcasemill1"
there "nothing is left" "[ ! -e /etc/casemill ] && [ ! -e /var/lib/casemill ] && [ ! -e /etc/systemd/system/multi-user.target.wants/casemill-broker.service ]"
there "but the user, whose number must not become another's" "getent passwd casemill"

# A purge keeps a journal with cases, one that something wrote to after the removal, and one that was copied there then.
accept_again() {
    set_up "dpkg installs again" "dpkg -i $work/new/*.deb && systemctl start casemill-broker"
    [ -z "${1:-}" ] || set_up "cases are accepted again" "casemill submit --broker tcp://127.0.0.1:5570 /tmp/cases.jsonl"
}
accept_again cases
set_up "dpkg purges at once" "dpkg -P casemill casemill-worker casemill-broker libcasemill-dev libcasemill1"
contains "dpkg prints that a journal with cases is kept" "$work/there.out" "journal is kept. It may hold accepted cases"
there "and it is" "[ -e /var/lib/casemill/journal/data.mdb ]"
accept_again
check "the cases are there when the broker is installed again" [ "$(machine_run "systemctl stop casemill-broker"; batches | grep -c '"cases":500,')" = 1 ]
set_up "dpkg purges and the journal is deleted by hand" "dpkg -P casemill casemill-worker casemill-broker libcasemill-dev libcasemill1; rm -r /var/lib/casemill"
accept_again
set_up "dpkg removes, something writes" "dpkg -r casemill-broker && [ -e /var/lib/casemill-broker.journal-is-empty ] && sleep 0.1 && touch /var/lib/casemill/journal/data.mdb"
set_up "dpkg purges later" "dpkg -P casemill-broker"
there "a journal that changed after the removal is kept" "[ -e /var/lib/casemill/journal/data.mdb ]"
set_up "the journal is deleted by hand" "rm -r /var/lib/casemill"
accept_again
set_up "dpkg removes, an older journal is copied there" "systemctl stop casemill-broker && cp --archive /var/lib/casemill/journal /var/tmp/older && systemctl start casemill-broker &&
    dpkg -r casemill-broker && rm -r /var/lib/casemill/journal && cp --archive /var/tmp/older /var/lib/casemill/journal"
set_up "dpkg purges that" "dpkg -P casemill-broker"
there "a journal that was copied there after the removal is kept" "[ -e /var/lib/casemill/journal/data.mdb ]"
finish
