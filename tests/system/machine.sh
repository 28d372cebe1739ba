#!/bin/sh
# A machine of its own, for tests of packages and services.  Sourced after lib.sh.
#   machine_start          systemd runs as process 1 on a copy of this machine's files, without a network: true
#   machine_run COMMAND    runs a line of shell there, as root
#   machine_stop           ends it; nothing of it stays.  lib.sh does this at the end of a test
# Its files are an overlay of this machine's root: what is installed or made there is in the directory of the test, and is
# removed with it.  That is on a disk: in memory, a journal would count against the memory of its service.
# Where a machine may not have one, machine_start prints the reason in one line and returns 1.
machine_unshare=''
machine_init=''
machine_cgroup=''

# What runs in the new namespaces: it makes the root of the new machine and becomes its process 1.
machine_boot() {
    set -eu
    dir=$1
    root=$2
    files=$3
    mount --make-rprivate /
    mkdir "$dir/upper" "$dir/work" "$dir/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
    new=$dir/root
    mount -t proc proc "$new/proc"
    mount -t sysfs -o ro sysfs "$new/sys"
    mount -t tmpfs -o mode=755 tmpfs "$new/sys/fs/cgroup"
    mkdir "$new/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$new/sys/fs/cgroup/systemd"
    mount -t tmpfs -o mode=755 tmpfs "$new/dev"
    for device in null zero full random urandom tty; do
        : >"$new/dev/$device"
        mount --bind "/dev/$device" "$new/dev/$device"
    done
    : >"$new/dev/console"
    mkdir "$new/dev/shm" "$new/dev/pts" "$new/dev/mqueue" "$new/dev/hugepages"
    mount -t tmpfs tmpfs "$new/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/dev/pts"
    ln -s pts/ptmx "$new/dev/ptmx"
    ln -s /proc/self/fd "$new/dev/fd"
    mount -t tmpfs -o mode=755 tmpfs "$new/run"
    mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
    # The tree and the files of the test, at their own paths.
    for shared in "$root" "$files"; do
        mkdir -p "$new$shared"
        mount --bind "$shared" "$new$shared"
    done
    rm -f "$new/usr/sbin/policy-rc.d" # an image of a container may forbid services by it
    # No service of this machine starts there, but the log of systemd does.
    rm -f "$new"/etc/systemd/system/*.wants/* "$new"/lib/systemd/system/*.wants/*
    mkdir -p "$new/etc/systemd/system/basic.target.wants"
    ln -s /lib/systemd/system/systemd-journald.service "$new/etc/systemd/system/basic.target.wants/"
    ip link set lo up
    mount --make-rshared /
    exec chroot "$new" /usr/bin/env -i container=casemill PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        /lib/systemd/systemd --system --log-target=null --show-status=0 --unit=basic.target
}

machine_is_up() {
    machine_init=$(cat "/proc/$machine_unshare/task/$machine_unshare/children" 2>/dev/null)
    machine_init=${machine_init%% *}
    case $(machine_run 'systemctl is-system-running' 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac
}
machine_is_up_or_gone() { is_gone "$machine_unshare" || machine_is_up; }

machine_start() {
    [ "$(id -u)" -eq 0 ] || { echo "this user is not root"; return 1; }
    [ -x /lib/systemd/systemd ] || { echo "no systemd is installed"; return 1; }
    [ -d /sys/fs/cgroup/systemd ] || { echo "there is no cgroup hierarchy name=systemd"; return 1; }
    machine_cgroup=/sys/fs/cgroup/systemd/casemill-test.$$
    mkdir "$work/machine" && mkdir "$machine_cgroup" || { echo "$machine_cgroup cannot be made"; return 1; }
    (
        echo 0 >"$machine_cgroup/cgroup.procs"
        exec unshare -m -p -f -C -u -i -n --kill-child sh -c '. "$1/tests/system/machine.sh"; machine_boot "$2" "$1" "$3"' \
            sh "$root" "$work/machine" "$work"
    ) >"$work/machine.out" 2>&1 3>&- </dev/null &
    machine_unshare=$!
    wait_until 20 machine_is_up_or_gone
    machine_is_up || { echo "systemd does not start: $(tail -n 1 "$work/machine.out")"; machine_stop; return 1; }
}
machine_run() {
    nsenter -t "$machine_init" -m -p -C -u -i -n -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive TERM=dumb sh -c "$1"
}
machine_stop() {
    [ -n "$machine_unshare" ] || return 0
    kill -KILL "$machine_unshare" 2>/dev/null # its child, process 1, ends with it, and everything there with process 1
    wait "$machine_unshare" 2>/dev/null
    machine_unshare=''
    [ -z "$machine_init" ] || wait_until 5 is_gone "$machine_init"
    wait_until 5 machine_cgroup_gone || echo "machine.sh: $machine_cgroup stays" >&2
}
machine_cgroup_gone() {
    find "$machine_cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -e "$machine_cgroup" ]
}
