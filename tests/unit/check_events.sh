#!/bin/sh
# The events of the logs: config/operating.md lists each with its level, its meaning and what to do, as `casemill
# events` prints them; both come from common/base/log_table.h.  Every event has a meaning and an action.
# A failure means that an operator reads an old meaning: run this script with --write, which writes the list.
# CASEMILL_BUILD names the build whose program is asked (default build/release).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
[ -x "$build/bin/casemill" ] || { echo "check_events: no build in $build" && echo "0 passed, 1 failed" && exit 1; }
PYTHONDONTWRITEBYTECODE=1 exec python3 - "$build" "$@" <<'END'
import json
import re
import subprocess
import sys

PAGE, TABLE = "config/operating.md", "common/base/log_table.h"
HEAD = "| event | level | meaning | what to do |\n|---|---|---|---|\n"


def said(*words):
    return subprocess.run([sys.argv[1] + "/bin/casemill", "events", *words], check=True, capture_output=True, text=True, timeout=20).stdout


events = json.loads(said("--json"))["events"]
with open(PAGE, encoding="utf-8") as file:
    page = file.read()
begin = page.find(HEAD)
end = page.find("\n\n", begin)
rows = "".join(f"| `{e['event']}` | {e['level']} | {e['meaning']} | {e['action']} |\n" for e in events)
if begin < 0 or end < 0:
    sys.exit(f"check_events: {PAGE} has no table of events\n0 passed, 1 failed")
if sys.argv[2:] == ["--write"]:
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page[:begin] + HEAD + rows + page[end + 1:])
    sys.exit(0)
faults = []
shown = page[begin + len(HEAD):end + 1].splitlines()
faults += [f"{PAGE} has {line}" for line in shown if line not in rows.splitlines()]
faults += [f"{PAGE} has not {line}" for line in rows.splitlines() if line not in shown]
if not faults and shown != rows.splitlines():
    faults.append(f"{PAGE} has another order")
faults += [f"{e['event']} has no meaning or no action" for e in events if not e["meaning"].strip() or not e["action"].strip()]
with open(TABLE, encoding="utf-8") as file:
    names = re.findall(r"ROW\(([A-Z_]+),", file.read())
if names != [e["event"] for e in events]:
    faults.append("casemill events --json has other events than " + TABLE)
text = said()
faults += [f"casemill events does not show {e['event']} as --json does" for e in events
           if not re.search(rf"^{e['event']} +{e['level']} +{re.escape(e['meaning'])}$", text, re.M)]
for fault in faults:
    print(f"check_events: {fault}")
print(f"{max(4 * len(events) - len(faults), 0)} passed, {len(faults)} failed")
sys.exit(bool(faults) or not events)
END
