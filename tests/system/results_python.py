"""The results of the cases of a file of JSON lines, by the package casemill, as submit_results.sh prints them."""
import json
import sys

import casemill

names = []
cases = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
with casemill.Client(sys.argv[1], batch_cases=100, results=True) as client:
    for case in cases:
        client.submit(case)
    for receipt in client.wait(30):
        for result in receipt.results:
            name = cases[result.case].get("case_id")
            if not isinstance(name, str):
                continue
            if result.dead:
                print(name, "dead", result.dead.reason, result.dead.path or "-")
            else:
                first = result.missing[0][0] if result.missing else "-"
                print(name, result.disposition, result.agreement, result.reason, len(result.missing), first)
