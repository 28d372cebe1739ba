"""A program on the package casemill: python_client.py ACTION BROKER,... [KEY BROKER_KEY]; prints what it gets."""
import datetime
import socket
import sys
import time

import casemill

action, brokers, *keys = sys.argv[1:]
key, broker_key = keys or (None, None)
source = None if key else "python"
if action == "hangup":  # no broker: it accepts one connection, hangs up, and is gone
    listener = socket.create_server(("127.0.0.1", 0))
    brokers = "tcp://127.0.0.1:%d" % listener.getsockname()[1]
client = casemill.Client(brokers.split(","), source=source, batch_cases=100, key=key, broker_key=broker_key,
                         quiet=0.3 if action == "forgotten" else 60.0,  # longer than the test: a new connection is reason enough
                         ack="journal" if key or action == "journal" else "outcome",
                         on_busy=lambda reason, seconds: print("BUSY", reason, seconds > 0, flush=True))


def case(name, **facts):
    return {"case_id": name, "revision": 0, "reference_date": datetime.date(2020, 1, 10), "facts": {"claim_country": "US", **facts}}


def told(receipts):
    print(sum(receipt.count for receipt in receipts), "cases", sum(sum(receipt.outcomes.values()) for receipt in receipts),
          "outcomes", sum(receipt.dead_count for receipt in receipts), "dead",
          sum(receipt.duplicates for receipt in receipts), "duplicates", *sorted({receipt.event for receipt in receipts}))
    for receipt in receipts:
        for dead in receipt.dead:
            print("dead", dead.case, dead.reason, dead.path, dead.expected, "|", dead.found)


began = time.monotonic()
with client:
    if action == "faults":
        for number in range(250):
            client.submit(case(f"F-{number}", **({"stateless": 1} if number == 123 else {})))
        told(client.wait(30))
        batch = client.submit_batch([case("F-0"), case("F-1")], batch=bytes(16))
        told(client.wait(30))
        client.submit_batch([case("F-2")], batch=batch)
        client.submit_batch([case("F-2"), case("F-3")])
        told(client.wait(30))
        for wrong in ([], [case("F")] * 65537):
            try:
                client.submit_batch(wrong)
            except ValueError as error:
                print("ValueError", error)
        try:
            client.submit({"case_id": object()})
        except TypeError as error:
            print("TypeError", error)
    elif action == "hangup":
        client.submit_batch([case("H")])
        listener.accept()[0].close()
        listener.close()
        reasons = []
        while len(reasons) < 2 and time.monotonic() < began + 10:
            client.step(0.05)
            reason = client.why().partition(": ")[2]
            if reason != (reasons or ["no connection"])[-1]:
                reasons.append(reason)
        print(*reasons, sep="; ")
    elif action in ("stream", "patient"):  # until its end, whatever happens to the broker
        for number in range(3000 if action == "stream" else 1):
            client.submit(case(f"{action}-{number}"))
            if number % 100 == 0:
                print("sent", number, flush=True)
        while True:
            try:
                told(client.wait(1))
                break
            except casemill.Timeout as error:
                print("Timeout", error, flush=True)
    else:
        client.submit(case(f"{action}-{source}"))
        try:
            told(client.wait(2))
        except casemill.Timeout as error:
            print("Timeout", error)
