"""DONE of one case, by REQ.  Without `results` it has a head frame alone.  With it there is a body frame in the form of
common/wire/README.md, for a new case and for a duplicate.  Ends with 1 and one line at the first fault."""
import os
import sys

import msgpack
import zmq

socket = zmq.Context().socket(zmq.REQ)
socket.linger = 0
socket.rcvtimeo = 20000
socket.connect(sys.argv[1])


def ask(case_id, **more):
    case = msgpack.packb({"case_id": case_id, "revision": 0, "reference_date": "2020-01-10", "facts": {"claim_country": "US"}})
    header = {"batch": os.urandom(16), "count": 1, "ack": "outcome", "source": "frames", **more}
    socket.send_multipart([msgpack.packb(["CM1", "SUBMIT", header]), case])
    head, *body = socket.recv_multipart()
    command, reply = msgpack.unpackb(head)[1:]
    assert command == "DONE", command
    return reply, body


def read(body):
    assert len(body) == 1, "one body frame"
    first, count, texts, questions, cases = msgpack.unpackb(body[0], strict_map_key=False)
    assert (first, count, len(cases)) == (0, 1, 1)
    disposition, duplicate, agreement, reason, missing = cases[0]
    assert disposition == 2 and texts[agreement] and texts[reason] and missing
    assert all(texts[path] and texts[questions[path]] for path in missing)
    return duplicate


assert ask("F1")[1] == [], "no frame without the request"
assert ask("F2", results=False)[1] == []
assert read(ask("F3", results=True)[1]) is False
assert read(ask("F3", results=True)[1]) is True
assert ask("F3", coalesce=True)[1] == []
