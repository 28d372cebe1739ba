"""Plays a lane, with or without the right to be one, and prints the messages that it receives.

    lane_stranger.py ENDPOINT SECONDS [--secret FILE] [--journal UUID --holds N]

It sends READY and BEAT, and reports each delivery as done at once. With --holds it claims the first case of N
batches of a journal. Until it receives WELCOME, it reports them as done, returned and failed. It prints a line per
command, and `lied about N cases`.
"""
import argparse
import hashlib
import os
import time
import uuid

import msgpack
import zmq

arguments = argparse.ArgumentParser()
arguments.add_argument("endpoint")
arguments.add_argument("seconds", type=float)
arguments.add_argument("--secret", help="answer a challenge with this file")
arguments.add_argument("--journal", help="the uuid of a journal of which ranges are claimed")
arguments.add_argument("--holds", type=int, default=0, help="claim to hold the first case of so many batches of it")
arguments.add_argument("--first", type=int, default=1, help="the number of the first of them")
options = arguments.parse_args()

NAME = os.urandom(16)
journal = uuid.UUID(options.journal).bytes if options.journal else None
claimed = [[journal, seq, 0, 1] for seq in range(options.first, options.first + options.holds)] if journal else []
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(options.endpoint)


def say(command, header):
    socket.send(msgpack.packb(["CM1", command, header]))


def ready(proof=None):
    header = {"uuid": NAME, "name": "stranger", "version": "0.1.0", "credit": {"cases": 65536, "bytes": 1 << 25},
              "holds": claimed}
    if proof:
        header["proof"] = proof
    say("READY", header)


def tally(count):
    return {"outcomes": {"not_subject": count}, "duplicates": 0, "dead": [], "dead_count": 0}


def answer(nonce):
    with open(options.secret) as file:
        key = bytes.fromhex(file.read().strip())
    return hashlib.blake2b(nonce + NAME, key=key, digest_size=16).digest()


def take(command, header):
    if command == "CHALLENGE" and options.secret:
        ready(answer(header["nonce"]))
    elif command == "READY?":
        ready()
    elif command == "WORK":
        for delivery in header["deliveries"]:
            _, _, _, _, seq, first, count = delivery[:7]
            say("DONE", {"ranges": [[journal or welcomed, seq, first, count]], "verdicts": [tally(count)]})
            print("lied about %d cases" % count, flush=True)


welcomed = None
deadline = time.monotonic() + options.seconds
ready()
while time.monotonic() < deadline:
    if not socket.poll(200):
        say("BEAT", {"holds": claimed, "phase": "idle", "since": 0, "done": 0})
        if claimed and not welcomed:
            say("DONE", {"ranges": claimed, "verdicts": [tally(1) for _ in claimed]})
            say("RETURN", {"ranges": claimed})
            say("FAILED", {"ranges": claimed, "reason": "a lie"})
        continue
    _, command, header = msgpack.unpackb(socket.recv_multipart()[0], strict_map_key=False)
    print(command, header.get("reason", ""), flush=True)
    if command == "WELCOME":
        welcomed = header["journal"]
    take(command, header)
