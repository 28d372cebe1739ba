#!/usr/bin/python3
"""Submits three cases to a casemill broker with nothing but ZeroMQ and MessagePack.

usage: client_example.py [ENDPOINT]    default tcp://127.0.0.1:5570; common/wire/README.md is the spec
"""
import os, sys
import msgpack, zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
context = zmq.Context()


def connect(kind):
    socket = context.socket(kind)
    socket.setsockopt(zmq.RCVTIMEO, 30000)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    return socket


def submit(socket, ack, first, count):
    facts = {"claim_country": "US", "nationalities": ["HN"], "married": False}
    body = b"".join(msgpack.packb({"case_id": "example-%d" % n, "revision": 0, "facts": facts})
                    for n in range(first, first + count))
    header = {"batch": os.urandom(16), "count": count, "ack": ack, "source": "example"}
    socket.send_multipart([msgpack.packb(["CM1", "SUBMIT", header]), body])


def receipt(socket):
    _, command, header = msgpack.unpackb(socket.recv_multipart()[0])
    print(command, {key: value for key, value in header.items() if key != "batch"}, flush=True)
    return command


req = connect(zmq.REQ)  # one reply per request: with ack outcome it is DONE
submit(req, "outcome", 1, 1)
last = receipt(req)
dealer = connect(zmq.DEALER)  # ACCEPTED when it is on disk, DONE when it is in the database
submit(dealer, "journal", 2, 2)
while last in ("ACCEPTED", "DONE"):
    last = receipt(dealer)
    if last == "DONE":
        sys.exit(0)
sys.exit(1)
