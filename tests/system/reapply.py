"""Submits stored cases to the broker's control socket, to be decided under another rule set.

    reapply.py CONTROL RULESET [--ack outcome] [--as-of DATE] [--reference-date DATE] [--size N] < LINES

A line is SOURCE CASE_ID REVISION. Each batch is sent again, under its id, until it is answered. The answers are
printed, one per line.
"""
import argparse
import os
import sys

import msgpack
import zmq

RESEND_MS = 3000


def ask(context, control, head, body, wait_ms):
    while True:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(control)
        socket.send_multipart([head, body])
        answered = socket.poll(wait_ms)
        reply = msgpack.unpackb(socket.recv()) if answered else None
        socket.close()
        if reply is None or '"busy"' in reply[2].get("json", ""):
            continue
        return reply[2]["json"] if reply[1] == "REPLY" else "%s %s" % (reply[1], reply[2]["reason"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("control")
    parser.add_argument("ruleset")
    parser.add_argument("--ack", default="journal")
    parser.add_argument("--as-of")
    parser.add_argument("--reference-date")
    parser.add_argument("--size", type=int, default=5000)
    arguments = parser.parse_args()
    triples = []
    for line in sys.stdin:
        source, case_id, revision = line.split()
        triples.append(msgpack.packb([source, case_id, int(revision)]))
    context = zmq.Context()
    for at in range(0, len(triples), arguments.size):
        batch = triples[at:at + arguments.size]
        header = {"batch": os.urandom(16), "count": len(batch), "ack": arguments.ack,
                  "ruleset": arguments.ruleset, "as_of": arguments.as_of,
                  "reference_date": arguments.reference_date}
        head = msgpack.packb(["CM1", "REAPPLY", header])
        wait_ms = RESEND_MS if arguments.ack == "journal" else 60000
        print(ask(context, arguments.control, head, b"".join(batch), wait_ms), flush=True)


main()
