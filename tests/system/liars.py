"""Peers that speak the protocol and send false numbers.

  liars.py lane WORKER INTAKE CONTROL   sends false numbers to a broker's three sockets, as a lane, a source and an
                                        operator; after each one the broker must still answer a PING
  liars.py broker ENDPOINT              is a broker: each lane that sends READY receives false numbers once it asks
                                        for work; prints `ready`, then `sent N` when all were sent
  liars.py intake ENDPOINT              is a broker to a client: false numbers in every receipt before its DONE

A false message is a correct one with another number in the place of one of its integers.
"""
import os
import sys
import time

import msgpack
import zmq

LIES = [-(1 << 63), -(1 << 31), -1, 0, 1, (1 << 31) - 1, (1 << 32) - 1, 65537, (1 << 53) + 1,
        253402300800000000, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
JOURNAL = b"J" * 16
CASE = msgpack.packb({"case_id": "LIE-1", "revision": 0, "facts": {}})


def head(command, header):
    return msgpack.packb(["CM1", command, header])


def places(value, path=()):
    """The path of each integer in a header."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, path + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, path + (index,))


def with_lie(value, path, lie):
    if not path:
        return lie
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = with_lie(value[path[0]], path[1:], lie)
    return changed


def lies_of(header):
    for path in places(header):
        for lie in LIES:
            yield with_lie(header, path, lie)


def tally():
    return {"outcomes": {"not_subject": 1}, "duplicates": 0, "dead": [
        {"index": 0, "reason": "lie", "path": "facts"}], "dead_count": 1}


def dealer(context, endpoint):
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    return socket


def drain(socket):
    while socket.poll(0):
        socket.recv_multipart()


def lane(worker, intake, control):
    context = zmq.Context()
    asks = dealer(context, intake)
    as_lane, as_source, as_operator = (dealer(context, at) for at in (worker, intake, control))
    ranges = [[JOURNAL, 1, 0, 1]]
    messages = [
        (as_lane, "READY", {"uuid": os.urandom(16), "name": "liar", "version": "1",
                            "credit": {"cases": 0, "bytes": 0}, "holds": ranges}, []),
        (as_lane, "BEAT", {"holds": ranges, "phase": "lying", "since": 1, "done": 1}, []),
        (as_lane, "DONE", {"ranges": ranges, "verdicts": [tally()]}, []),
        (as_lane, "FAILED", {"ranges": ranges, "reason": "lie"}, []),
        (as_lane, "RETURN", {"ranges": ranges}, []),
        (as_source, "SUBMIT", {"batch": os.urandom(16), "count": 2}, [CASE]),
        (as_operator, "REAPPLY", {"batch": os.urandom(16), "count": 2, "ruleset": "0" * 64}, [CASE]),
        (as_operator, "RETRY", {"batch": os.urandom(16), "count": 2}, [msgpack.packb(1)]),
    ]
    sent = 0
    for socket, command, header, body in messages:
        for lie in lies_of(header):
            socket.send_multipart([head(command, lie)] + body)
            sent += 1
            asks.send(head("PING", {}))
            if not asks.poll(20000):
                sys.exit("the broker is silent after %s %s" % (command, lie))
            asks.recv()
            drain(socket)
    # This lane leaves with BYE: its deliveries, if any, go to other lanes.
    as_lane.send(head("BYE", {}))
    asks.send(head("PING", {}))
    asks.poll(20000)
    print("sent %d" % sent)


def broker(endpoint):
    router = zmq.Context().socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    router.bind(endpoint)
    print("ready", flush=True)
    welcome = {"journal": JOURNAL, "limits": {"cases": 65536, "bytes": 8 << 20}, "beat_ms": 1000, "version": "1"}
    canary = {"mode": "canary", "deliveries": [], "low_water": 1, "low_water_at": 1}
    delivery = [0, 0, len(CASE), os.urandom(16), 1, 0, 1, 1, 1600000000000000, "liar", "normal", None]
    work = dict(canary, mode="intake", deliveries=[delivery])
    bury = dict(work, deliveries=[delivery[:11] + [{"poison": {"attempts": 2, "silent": 1, "reason": "lie"}}]])
    refused = {"batch": None, "reason": "bad_header", "index": 1, "offset": 1}
    lies = [[head("WELCOME", lie)] for lie in lies_of(welcome)]
    lies += [[head("WELCOME", welcome)]]
    lies += [[head("WORK", lie)] for lie in lies_of(canary)]
    lies += [[head("REFUSED", lie)] for lie in lies_of(refused)]
    for command, header in (("WORK", work), ("BURY", bury)):
        for number, lie in enumerate(lies_of(header)):
            # Each has its own case, so that each accepted one is a commit of its own.
            name = ("LIE-%s-%05d" % (command, number)).encode()
            case = msgpack.packb({"case_id": name.decode(), "revision": 0, "facts": {}})
            if lie["deliveries"][0][2] == len(CASE):
                lie["deliveries"][0][2] = len(case)
            lies.append([head(command, lie), case])
    sent = set()
    while True:
        route, message = router.recv_multipart()[:2]
        _, command, header = msgpack.unpackb(message, strict_map_key=False)
        if command == "READY" and header["credit"]["cases"] > 0 and route not in sent:
            sent.add(route)
            for lie in lies:
                router.send_multipart([route] + lie)
            # The last message is false, too: a lane uses its values until another arrives.
            last = [[head("WORK", dict(canary, low_water=1 << 63))], [head("WELCOME", dict(welcome, beat_ms=1 << 53))]]
            for lie in last:
                router.send_multipart([route] + lie)
            print("sent %d" % (len(lies) + len(last)), flush=True)


def intake(endpoint):
    router = zmq.Context().socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    router.bind(endpoint)
    print("ready", flush=True)
    sent = 0
    while True:
        parts = router.recv_multipart()
        route, message = parts[0], parts[-2] if len(parts) > 2 else parts[-1]
        _, command, header = msgpack.unpackb(message, strict_map_key=False)
        if command not in ("SUBMIT", "ROWS"):
            continue
        batch = header["batch"]
        accepted = {"batch": batch, "duplicate": False, "queue": {"cases": 1, "oldest_ms": 1, "retry_ms": 0}}
        refused = {"batch": os.urandom(16), "reason": "bad_header", "index": 1, "offset": 1}
        busy = {"batch": os.urandom(16), "retry_ms": -1, "reason": "rate"}
        # Refused numbers would end the client's connection permanently, so only clamped ones are sent.
        for name, value in (("ACCEPTED", accepted), ("REFUSED", refused)):
            for path in places(value):
                if path[-1] in ("oldest_ms", "retry_ms"):
                    for lie in LIES:
                        router.send_multipart([route, head(name, with_lie(value, path, lie))])
                        sent += 1
        for lie in (-(1 << 63), -1, 0):
            router.send_multipart([route, head("BUSY", dict(busy, retry_ms=lie))])
            sent += 1
        count = header["count"]
        router.send_multipart([route, head("DONE", {"batch": batch, "count": count, "outcomes": {"not_subject": count},
                                                    "duplicates": 0, "dead": [], "dead_count": 0})])
        print("sent %d" % sent, flush=True)


{"lane": lane, "broker": broker, "intake": intake}[sys.argv[1]](*sys.argv[2:])
