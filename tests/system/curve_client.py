"""A keyed client that shares no code with casemill: curve_client.py ENDPOINT OWN.key BROKER.pub

Each line on stdin is one batch of one case, `submit NAME` with NAME as header source or `submit` without, or `query
HEX [NAME]`, or `control VERB` on the control socket. Each receipt is a line on stdout. The connection stays open
between the lines.
"""
import os
import sys

import msgpack
import zmq


def first_line(path, start=""):
    lines = [line.rstrip("\n") for line in open(path) if not line.startswith("# ")]
    return next(line[len(start):] for line in lines if line.startswith(start))


secret = first_line(sys.argv[2], "secret ").encode()
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.curve_secretkey = secret
socket.curve_publickey = zmq.curve_public(secret)
socket.curve_serverkey = first_line(sys.argv[3])[:40].encode()
socket.connect(sys.argv[1])
for number, line in enumerate(sys.stdin):
    words = line.split()
    header = {"source": words[-1]} if len(words) > (1 if words[0] == "submit" else 2) else {}
    if words[0] == "control":
        header = {"verb": words[1], "batch": b""}
        frames = [msgpack.packb(["CM1", "CONTROL", {"verb": words[1]}])]
        last = ("REPLY", "REFUSED")
    elif words[0] == "query":
        header["batch"] = bytes.fromhex(words[1])
        frames = [msgpack.packb(["CM1", "QUERY", header])]
        last = ("STATUS", "REFUSED")
    else:
        case = {"case_id": "py-%d-%d" % (os.getpid(), number), "revision": 0, "facts": {"claim_country": "US"}}
        header.update(batch=os.urandom(16), count=1, ack="journal")
        frames = [msgpack.packb(["CM1", "SUBMIT", header]), msgpack.packb(case)]
        last = ("DONE", "REFUSED")
    socket.send_multipart(frames)
    said = ""
    while said not in last:
        if not socket.poll(20000):
            print("SILENT", flush=True)
            break
        _, said, answer = msgpack.unpackb(socket.recv_multipart()[0])
        print(said, answer.get("reason") or answer.get("state") or "", header["batch"].hex(), flush=True)
