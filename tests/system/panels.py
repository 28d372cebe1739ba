"""Asks a running Prometheus for the panels of the dashboard: panels.py URL DASHBOARD.  Exit code 0 when the panels of
accepted cases and of outcomes have data."""
import json
import sys
import urllib.parse
import urllib.request

WANTED = ("Accepted per second, by source", "Outcomes per second, by disposition", "Transactions per second")


def values(url, query):
    for name, value in (("$__rate_interval", "1m"), ("$instance", ".*"), ("$source", ".*")):
        query = query.replace(name, value)
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=5) as answer:
        return json.load(answer)["data"]["result"]


dashboard = json.load(open(sys.argv[2]))
found = {panel["title"]: sum(len(values(sys.argv[1], target["expr"])) for target in panel["targets"])
         for panel in dashboard["panels"] if panel.get("title") in WANTED}
print(found)
sys.exit(0 if len(found) == len(WANTED) and all(found.values()) else 1)
