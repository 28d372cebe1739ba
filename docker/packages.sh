#!/bin/sh
# The one list of system packages (Debian 12). Prints a set, or installs it:
#   sh docker/packages.sh SET...                    prints the package names of build, package, run, demo, test or peers
#   sh docker/packages.sh --install build run test  installs what is missing (root or sudo)
# postgresql-common is installed first, with a setting that creates no cluster: casemill starts private clusters
# of its own and never touches a system one.  Prometheus and the queues of `peers` get no service, for the same reason: their
# units are masked before.  All this is reported at the end, with the command that undoes it.
# `peers` is for the benchmark of that name; nothing else needs it.
set -eu

packages() {
    case $1 in
    build)
        echo "gcc g++ cmake ninja-build pkg-config libc6-dev libzmq3-dev libmsgpack-dev libpq-dev liblmdb-dev" \
            "libyaml-dev libre2-dev libmicrohttpd-dev libxxhash-dev libjansson-dev libsodium-dev libz3-dev zlib1g-dev"
        ;;
    package)
        echo "dpkg-dev file"
        ;;
    run)
        echo "libzmq5 libmsgpackc2 libpq5 liblmdb0 libyaml-0-2 libre2-9 libmicrohttpd12 libxxhash0" \
            "libjansson4 libsodium23 libz3-4 zlib1g iso-codes tzdata ca-certificates"
        ;;
    demo)
        echo "iso-codes postgresql-15 postgresql-client-15 procps util-linux"
        ;;
    test)
        echo "check clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev iso-codes tzdata" \
            "postgresql-15 postgresql-client-15 pgbouncer prometheus python3-minimal python3-zmq python3-msgpack procps" \
            "python3-jsonschema nodejs npm groff-base util-linux git strace valgrind iproute2 nftables systemd" \
            "lintian dpkg-dev file man-db mandoc zsh adduser"
        ;;
    peers)
        echo "rabbitmq-server librabbitmq-dev redis-server libhiredis-dev beanstalkd nats-server"
        ;;
    *)
        echo "packages.sh: unknown set '$1', expected build, package, run, demo, test or peers" >&2
        return 2
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo -n "$@" || sudo "$@"
    else
        echo "packages.sh: installing packages needs root or sudo" >&2
        return 1
    fi
}

is_missing() {
    case $1 in npm) command -v npm >/dev/null && return 1 ;; esac # a nodejs that is not Debian's has it, and refuses Debian's
    ! dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}

mask() { # mask UNIT: nothing starts it when its package is installed
    [ ! -e "/etc/systemd/system/$1" ] || return 0
    as_root mkdir -p /etc/systemd/system
    as_root ln -s /dev/null "/etc/systemd/system/$1"
    undo="${undo:+$undo; }${1%.*} has no service (systemctl unmask $1)"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" \
        >"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
}

install() {
    wanted=''
    for set in "$@"; do
        for package in $(packages "$set"); do
            case " $wanted " in *" $package "*) continue ;; esac
            is_missing "$package" && wanted="$wanted $package"
        done
    done
    [ -n "$wanted" ] || return 0
    log=$(mktemp)
    undo=''
    echo "installing:$wanted"
    as_root apt-get update >"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
    case " $wanted " in
    *' postgresql-15 '*)
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            as_root mkdir -p /etc/postgresql-common
            echo 'create_main_cluster = false' |
                as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
            undo='PostgreSQL has no cluster (pg_createcluster 15 main --start makes one)'
        fi
        apt_install -o Dpkg::Options::=--force-confold postgresql-common
        ;;
    esac
    for package in prometheus redis-server rabbitmq-server beanstalkd nats-server; do
        case " $wanted " in *" $package "*) mask "$package.service" ;; esac
    done
    case " $wanted " in
    *' rabbitmq-server '*)
        mask epmd.service
        mask epmd.socket
        ;;
    esac
    # shellcheck disable=SC2086
    apt_install $wanted
    case $undo in PostgreSQL*) as_root rm /etc/postgresql-common/createcluster.conf ;; esac # for that installation alone
    [ -z "$undo" ] || echo "packages.sh: $undo"
    rm -f "$log"
}

case ${1:-} in
--install)
    shift
    install "$@"
    ;;
'')
    echo "usage: packages.sh [--install] build|package|run|demo|test|peers ..." >&2
    exit 2
    ;;
*)
    for set in "$@"; do packages "$set"; done
    ;;
esac
