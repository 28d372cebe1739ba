#!/bin/sh
# The service manager restarts the servers after a crash: the systemd services and the compose file require it, and
# the services are valid and confined.
# A failure means that a server stays down after a crash, or that systemd would ignore a line.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
exposure_max=20 # systemd's rating times ten: 0 is confined, 100 is exposed
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "check_units: $1"; }
has() { # has FILE LINE
    if grep -qxF -e "$2" "$1"; then pass; else fail "$1: no line $2"; fi
}

check_watchdog() { # longer than a hang is noticed after, and a program that hangs is restarted
    if grep -qxE 'WatchdogSec=[0-9]+s' "$1"; then pass; else fail "$1: no WatchdogSec"; fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for program in broker worker; do
    unit=config/systemd/casemill-$program.service
    has "$unit" "Restart=on-failure"
    has "$unit" "StartLimitIntervalSec=0"
    has "$unit" "ExecStart=/usr/bin/casemill-$program --config /etc/casemill/$program.yaml"
    has "$unit" "LimitCORE=0"
    has "$unit" "Type=notify"
    check_watchdog "$unit"
    if [ -e "config/$program.yaml" ]; then pass; else fail "$unit names settings that are not there"; fi
    # Verified with the programs of this build, where there are any.
    sed "s|/usr/bin/casemill-|$(pwd)/$build/bin/casemill-|" "$unit" >"$scratch/casemill-$program.service"
done
if ! command -v systemd-analyze >/dev/null; then
    echo "check_units: no systemd-analyze here, the services are not verified"
elif [ ! -x "$build/bin/casemill-broker" ]; then
    fail "no build in $build to verify the services with"
else
    said=$(systemd-analyze verify --man=no "$scratch"/*.service 2>&1)
    if [ -z "$said" ]; then pass; else fail "systemd-analyze verify: $said"; fi
    for program in broker worker; do
        if said=$(systemd-analyze security --offline=yes --threshold="$exposure_max" "$scratch/casemill-$program.service" 2>&1); then
            pass
        else
            fail "casemill-$program.service: $(echo "$said" | tail -n 1)"
        fi
    done
fi

# The compose file: broker and worker use the settings of x-casemill, and do not override them.
compose=docker/compose.yaml
part() { sed -n "/^$1:/,/^[^ ]/p" "$compose"; }
service() { sed -n "/^  $1:/,/^  [^ ]/p" "$compose"; }
if part x-casemill | grep -qx "  restart: unless-stopped"; then pass; else fail "$compose: x-casemill does not restart"; fi
for name in broker worker; do
    if service "$name" | grep -qx "    <<: \*casemill"; then pass; else fail "$compose: $name does not take over x-casemill"; fi
    if service "$name" | grep -q "restart:"; then fail "$compose: $name has a restart of its own"; else pass; fi
done
if service broker | grep -qx "      <<: \*database"; then pass; else fail "$compose: exec broker has no database"; fi
for name in prometheus grafana; do
    if service "$name" | grep -qx "    profiles: \[monitoring\]"; then pass; else fail "$compose: $name is not of the profile monitoring"; fi
done
if grep -q 'tmpfs:.*uid=' "$compose"; then fail "$compose: podman knows no uid of a tmpfs"; else pass; fi
# The dashboard and the alert rules: their metrics are in the tables of the READMEs.
sed -n 's/^| `\([a-z_]*\)` | [a-z]* |.*/\1/p' broker/README.md worker/README.md >"$scratch/metrics"
cat config/grafana/dashboard.json config/prometheus/alerts.yml | grep -oE '\b(casemill|process)_[a-z_]+' |
    sed -E 's/_(bucket|sum|count)$//' | sort -u >"$scratch/figures"
if [ "$(wc -l <"$scratch/figures")" -ge 50 ]; then pass; else fail "the dashboard shows no figures"; fi
while read -r figure; do
    if grep -qx "$figure" "$scratch/metrics"; then pass; else fail "dashboard or alert rules use $figure, which no program has"; fi
done <"$scratch/figures"
if service postgres | grep -qx "    restart: unless-stopped"; then pass; else fail "$compose: postgres does not restart"; fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
