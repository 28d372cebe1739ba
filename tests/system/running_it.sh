#!/bin/sh
# "Running it" of README.md, word for word: the administrator's commands as root, the others as a user without rights.
#   sh tests/system/running_it.sh           on a machine with systemd made of this one; the build is that of the tests
#   sh tests/system/running_it.sh --long    in a bare Debian with PostgreSQL only: installs and builds, about five minutes
# suite: full
set -u
. "$(dirname "$0")/lib.sh"
. "$root/tests/system/machine.sh"
. "$root/tests/system/blocks.sh"
user=newcomer
home=/home/$user/casemill
block README.md "### Running it" 1 | sed "s/NAME/$user/g" >"$work/root.sh" || abort "README.md has the administrator's commands"
block README.md "### Running it" 2 >"$work/user.sh" || abort "README.md has the user's commands"
equal "nothing of it is left out" "$(cat "$work/root.sh" "$work/user.sh" | grep -c .)" \
    "$(awk '/^#/ { inside = $0 == "### Running it" } inside && /^    / && NF' README.md | wc -l)"
contains "the build is the first command" "$work/user.sh" '^cmake .*ninja'
git ls-files -z --cached | tar --null -T - -cf "$work/tree.tar" || abort "the tree is packed"

if [ "${1:-}" = --long ]; then
    . "$root/tests/system/bare_root.sh"
    bare_start >"$work/bare.reason" 2>&1 || { echo "skipped: $(tail -n 1 "$work/bare.reason")"; finish; }
    there() { bare_run "$1"; }
else
    machine_start >"$work/machine.reason" || { echo "skipped: no machine here: $(cat "$work/machine.reason")"; finish; }
    there() { machine_run "$1"; }
    sed -i '1d' "$work/user.sh" # every other test builds
    built="ln -s $root/build $home/build &&"
    there "mkdir -p /run/postgresql && chown postgres /run/postgresql && pg_createcluster --port 5432 15 casemill --start" \
        >"$work/cluster.out" 2>&1 || abort "PostgreSQL starts" "$(tail -n 1 "$work/cluster.out")"
fi
there "useradd --create-home $user && mkdir $home && tar -xf $work/tree.tar -C $home && ${built:-} chown -hR $user $home" \
    >"$work/user.out" 2>&1 || abort "there is a user" "$(tail -n 1 "$work/user.out")"
chmod 0711 "$work"
chmod 0644 "$work/root.sh" "$work/user.sh"
there "cd $home && sh -eu $work/root.sh" >"$work/root.out" 2>&1
equal "the administrator's commands work" $? 0
there "cd $home && runuser -u $user -- env HOME=/home/$user sh -eu $work/user.sh" >"$work/user.out" 2>&1
equal "the user's commands work" $? 0
contains "the cases are done" "$work/user.out" '1000 cases'
contains "the report has findings" "$work/user.out" 'US-GT-ACA-2019'
contains "and the broker is shown" "$work/user.out" 'CONNECTED|lanes'
equal "every case is stored" "$(there "runuser -u $user -- psql -Atd casemill -c 'select count(*) from cases'" 2>/dev/null)" 1000
[ "$failed" -eq 0 ] || tail -n 15 "$work/user.out"
finish
