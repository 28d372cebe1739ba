"""A peer that accepts receipts of many batches at once, and a peer that does not.

    coalesce.py ENDPOINT PREFIX

Sends 300 batches of one case with coalesce. Names each in a QUERY once it is ACCEPTED, prints "queried" and waits
for DONE. Then it sends ten batches without coalesce, and one from a REQ with it. It prints its results, a word and
a number per line. With a PREFIX that begins with E it ends after the first step and sends no QUERY.
"""
import os
import sys
import time

import msgpack
import zmq

MANY = 300
FEW = 10


def case(prefix, number):
    return msgpack.packb({"case_id": "%s-%d" % (prefix, number), "revision": 0, "reference_date": "2020-01-10",
                          "facts": {"claim_country": "US", "nationalities": ["SV"], "arrived_from": "MX"}})


def submit(socket, batch, body, coalesce):
    head = {"batch": batch, "count": 1, "ack": "outcome", "coalesce": coalesce}
    socket.send_multipart([msgpack.packb(["CM1", "SUBMIT", head]), body])


def receipts(socket, told, until, wanted):
    """Reads until so many batches have it and no more arrives: messages, early ones (DONE before ACCEPTED), longest list."""
    messages, early, largest = 0, 0, 0
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not socket.poll(300):
            if len(told[until]) >= wanted:
                break
            continue
        _, command, header = msgpack.unpackb(socket.recv())
        if command not in told:
            continue
        messages += 1
        batches = header.get("batches") or [header["batch"]]
        assert batches[0] == header["batch"]
        largest = max(largest, len(batches))
        for batch in batches:
            told[command][batch] = told[command].get(batch, 0) + 1
            early += command == "DONE" and batch not in told["ACCEPTED"]
    return messages, early, largest


def main():
    endpoint, prefix = sys.argv[1:3]
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(endpoint)
    names = [os.urandom(16) for _ in range(MANY)]
    for number, name in enumerate(names):
        submit(socket, name, case(prefix, number), True)
    told = {"ACCEPTED": {}, "DONE": {}}
    messages, early, largest = 0, 0, 0
    if prefix[0] != "E":
        messages, early, largest = receipts(socket, told, "ACCEPTED", MANY)
        for name in names:
            socket.send(msgpack.packb(["CM1", "QUERY", {"batch": name, "coalesce": True}]))
        print("queried", MANY, flush=True)
    more = receipts(socket, told, "DONE", MANY)
    print("done", len(told["DONE"]))
    print("accepted", len(told["ACCEPTED"]))
    print("twice", sum(count > 1 for command in told.values() for count in command.values()))
    print("early", early + more[1])
    print("together", max(largest, more[2]))
    print("fewer_messages", int(messages + more[0] < MANY))
    if prefix[0] == "E":
        return
    plain = context.socket(zmq.DEALER)
    plain.connect(endpoint)
    for number in range(FEW):
        submit(plain, os.urandom(16), case(prefix + "p", number), False)
    messages, early, largest = receipts(plain, {"ACCEPTED": {}, "DONE": {}}, "DONE", FEW)
    print("plain", largest * 1000 + messages)
    req = context.socket(zmq.REQ)
    req.connect(endpoint)
    submit(req, os.urandom(16), case(prefix + "r", 0), True)
    print("req", int(req.poll(30000) and msgpack.unpackb(req.recv())[1] == "DONE"))


main()
