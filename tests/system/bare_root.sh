#!/bin/sh
# A bare Debian with PostgreSQL and nothing else, for the long part of tests.  Sourced after lib.sh; needs root, debootstrap
# and the packages' mirror, which it reads from this machine's own sources.
#   bare_start           makes it; false, with a reason in the last line, where that is not possible
#   bare_run COMMAND     runs a line of shell there, as root.  Whatever it starts stays until the test ends
bare_root=''
bare_files() { # the sources and the name of the mirror
    bare_sources=$(ls /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
    bare_mirror=$(awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' "$bare_sources")
}
bare_start() {
    [ "$(id -u)" -eq 0 ] || { echo "this user is not root"; return 1; }
    command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; return 1; }
    bare_files
    bare_root=$work/bare
    debootstrap --variant=minbase --include=ca-certificates bookworm "$bare_root" "$bare_mirror" || { echo "debootstrap failed"; return 1; }
    rm -f "$bare_root/etc/apt/sources.list"
    case $bare_sources in
    *.sources) cp "$bare_sources" "$bare_root/etc/apt/sources.list.d/" ;;
    *) cp "$bare_sources" "$bare_root/etc/apt/" ;;
    esac
    cp -r /etc/apt/apt.conf.d/. "$bare_root/etc/apt/apt.conf.d/"
    cp /etc/resolv.conf /etc/hosts "$bare_root/etc/"
    mkdir -p "$bare_root$work"
    start bare-init unshare -m -p -f --kill-child sh -c '
        mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind "$1" "$0$1" &&
        exec chroot "$0" sleep infinity' "$bare_root" "$work"
    bare_unshare=$started_pid
    wait_until 10 bare_is_up || { echo "the namespaces are not made: $(tail -n 1 "$work/bare-init.err")"; return 1; }
    bare_run "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql &&
        pg_ctlcluster 15 main start" || { echo "PostgreSQL cannot be installed"; return 1; }
}
bare_is_up() {
    bare_init=$(cat "/proc/$bare_unshare/task/$bare_unshare/children" 2>/dev/null)
    bare_init=${bare_init%% *}
    [ -n "$bare_init" ] && [ "$(cat "/proc/$bare_init/comm" 2>/dev/null)" = sleep ]
}
bare_run() {
    nsenter -t "$bare_init" -m -p -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb sh -c "$1"
}
