"""Sends what is no batch to a broker's intake and prints `NAME GOT WANTED`, one line a frame.

GOT is the reason in REFUSED, `PONG` or another command; `silence` when nothing came.  Every frame
goes through the same DEALER: a refused one must not hurt the next.
"""
import os
import sys

import msgpack
import zmq


def head(command, header, version="CM1"):
    return msgpack.packb([version, command, header])


def submit(count, body, **changes):
    return [head("SUBMIT", dict({"batch": os.urandom(16), "count": count}, **changes)), body]


CASE = msgpack.packb({"case_id": "F1", "revision": 0, "facts": {}})
DEEP = b"\x81\xa1a" * 40 + b"\xc0"
FRAMES = [
    ("garbage", [b"\xff\xfe\xfd"], "bad_head"),
    ("empty_head", [b""], "bad_head"),
    ("not_an_array", [msgpack.packb({"CM1": 1})], "bad_head"),
    ("version", [head("PING", {}, version="CM9")], "unknown_version"),
    ("command", [head("LAUNCH", {})], "unknown_command"),
    ("lane_command", [head("READY", {})], "unknown_command"),
    ("short_batch_id", [head("SUBMIT", {"batch": b"short", "count": 1}), CASE], "bad_header"),
    ("no_batch_id", [head("SUBMIT", {"count": 1}), CASE], "bad_header"),
    ("count_zero", submit(0, b""), "bad_header"),
    ("source_with_nul", submit(1, CASE, source="a\0b"), "bad_header"),
    ("no_body", submit(1, b"")[:1], "bad_header"),
    ("two_bodies", submit(1, CASE) + [CASE], "bad_header"),
    ("count_too_high", submit(2, CASE), "count_mismatch"),
    ("count_too_low", submit(1, CASE + CASE), "trailing_bytes"),
    ("truncated", submit(1, CASE[:-1]), "truncated"),
    ("too_deep", submit(1, DEEP), "too_deep"),
    ("size_bomb", submit(1, b"\x81\xa1a\xdd\xff\xff\xff\xff"), "size_bomb"),
    ("ping_after_all", [head("PING", {})], "PONG"),
]


def main():
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(sys.argv[1])
    for name, frames, wanted in FRAMES:
        socket.send_multipart(frames)
        if not socket.poll(5000):
            print(name, "silence", wanted)
            continue
        reply = socket.recv_multipart()
        _, command, header = msgpack.unpackb([f for f in reply if f][0], strict_map_key=False)
        print(name, header.get("reason", command) if command == "REFUSED" else command, wanted)
    context.destroy(linger=0)


main()
