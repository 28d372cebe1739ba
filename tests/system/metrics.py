#!/usr/bin/python3
"""Asks a Prometheus, for metrics.sh.  metrics.py queries URL DASHBOARD: runs every query of the dashboard; prints one line each:
"data", "empty" or "error", and the query.  metrics.py rules URL: the rules with their state.  metrics.py targets URL: how many
targets are up.  metrics.py value URL QUERY: the value of one series."""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def ask(url, path, **parameters):
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return json.load(error)


def queries(dashboard):
    """Grafana fills in the variables; here the interval is short, as the scrapes are."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "2m").replace("$instance", ".*")


what, url = sys.argv[1:3]
if what == "queries":
    with open(sys.argv[3], encoding="utf-8") as file:
        dashboard = json.load(file)
    for query in queries(dashboard):
        reply = ask(url, "query", query=query)
        if reply["status"] != "success" or reply.get("warnings") or "$" in query:
            print("error", query, reply.get("error", reply.get("warnings", "a variable is not filled in")))
            continue
        values = [row["value"][1] for row in reply["data"]["result"]]
        print("data" if any(value != "NaN" for value in values) else "empty", query)
elif what == "rules":
    for group in ask(url, "rules")["data"]["groups"]:
        for rule in group["rules"]:
            print(rule["health"], rule.get("state", "record"), rule["name"], rule.get("lastError", ""))
elif what == "targets":
    print(sum(target["health"] == "up" for target in ask(url, "targets")["data"]["activeTargets"]))
elif what == "value":
    result = ask(url, "query", query=sys.argv[3])["data"]["result"]
    print(result[0]["value"][1] if len(result) == 1 else f"{len(result)} series")
elif what == "names":
    with open(sys.argv[3], encoding="utf-8") as file:
        print("\n".join(sorted(set(re.findall(r"\b(?:casemill|process)_\w+", file.read())))))
