"""Clients and lanes that press on a broker, and what the test measures of them.

  flood.py full ENDPOINT N           fills the queue and prints the retry times of N BUSY replies
  flood.py busy ENDPOINT PLACES N    keeps a queue of so many places full; then N batches receive BUSY at once, and each
                                     is sent again after its retry time
  flood.py deaf ENDPOINT BATCHES N   sends batches of N bad cases, one when the other is on disk, and never reads a receipt
  flood.py heap ENDPOINT BATCHES N   sends batches of N bytes without a pause and waits until all are accepted
  flood.py half ENDPOINT             speaks ZMTP, begins a body of 2 MiB and stops permanently in the middle
  flood.py heavy ENDPOINT CLIENTS N  so many clients send N bodies of 4 MiB each at once, again after BUSY,
                                     until all are accepted: {accepted, busy}
  flood.py lanes ENDPOINT N          so many lanes ask for 32 MiB of work each and read nothing but WELCOME
  flood.py names ENDPOINT N          one case of each of N sources: a line with the replies; another line when the
                                     clients that received BUSY have sent again and all batches are DONE
  flood.py pace ENDPOINT SOURCE N    one case after another, each from SUBMIT to DONE: {worst_ms, mean_ms}
"""
import json
import os
import socket
import sys
import time

import msgpack
import zmq


def head(command, header):
    return msgpack.packb(["CM1", command, header])


def case(name, facts=None):
    return msgpack.packb({"case_id": name, "revision": 0, "reference_date": "2020-02-01",
                          "facts": {} if facts is None else facts})


def dealer(endpoint, reads=True):
    sock = zmq.Context.instance().socket(zmq.DEALER)
    sock.linger = 0
    if not reads:  # as few messages as possible wait on this side
        sock.rcvhwm = 1
        sock.rcvbuf = 4096
    sock.connect(endpoint)
    return sock


def submit(sock, batch, body, count=1, **header):
    sock.send_multipart([head("SUBMIT", dict({"batch": batch, "count": count}, **header)), body])


def answer(sock, timeout_ms):
    if not sock.poll(timeout_ms):
        return None, None
    _, command, header = msgpack.unpackb(sock.recv())
    return command, header


def fill(sock, tag):
    """Leaves the queue full; the retry_ms of each ACCEPTED."""
    taken = []
    while True:
        submit(sock, os.urandom(16), case("%s%d" % (tag, len(taken))))
        command, header = answer(sock, 10000)
        while command == "DONE":
            command, header = answer(sock, 10000)
        if command != "ACCEPTED":
            return taken
        taken.append(header["queue"]["retry_ms"])


def full(endpoint, asks):
    """Without workers: fills the queue and prints the times in the first and the last ACCEPTED, then the retry times of so
    many BUSY replies."""
    sock = dealer(endpoint)
    taken = fill(sock, "F%d-" % os.getpid())
    print(taken[0], taken[-1])
    told = []
    for i in range(asks):
        submit(sock, os.urandom(16), case("A%d" % i))
        told.append(str(answer(sock, 10000)[1]["retry_ms"]))
    print(" ".join(told))


PACE_S = 3  # less than the time over which the broker measures its rate


def busy(endpoint, places, waiters):
    """Keeps a queue of so many places full without a further batch, then sends `waiters` batches that get BUSY at
    once; each is sent again after its retry time.  room_mean_ms: their real wait, by the rate at which batches were
    done in the seconds before they were sent."""
    sock = dealer(endpoint)
    due, told, tries = {}, {}, {}
    taken, live, done_at, sent = set(), 0, [], 0
    watched, began, start = set(), None, time.monotonic()
    while time.monotonic() < start + 60 and not (watched and watched <= taken):
        if began is None:
            for _ in range(places - live):
                submit(sock, os.urandom(16), case("B%d-%d" % (os.getpid(), sent)))
                sent, live = sent + 1, live + 1
            if time.monotonic() - start > PACE_S + 1:
                began = time.monotonic()
                watched = {os.urandom(16) for _ in range(waiters)}
                due.update((batch, 0) for batch in watched)
        for batch in [b for b, at in due.items() if at <= time.monotonic()]:
            del due[batch]
            submit(sock, batch, case("W" + batch.hex()))
        command, header = answer(sock, 2)
        now = time.monotonic()
        if command == "DONE":
            done_at.append(now)
            live -= 1
        elif command == "ACCEPTED":
            taken.add(header["batch"])
        elif command == "BUSY" and header["batch"] in watched:
            batch = header["batch"]
            told.setdefault(batch, header["retry_ms"])
            tries[batch] = tries.get(batch, 0) + 1
            due[batch] = now + header["retry_ms"] / 1000
        elif command is not None:
            sys.exit("answered %s %s" % (command, header))
    a_batch_ms = 1000 * PACE_S / max(1, sum(began - PACE_S <= at < began for at in done_at))
    print(json.dumps({"waiters": len(told), "first_try": sum(tries[b] == 1 and b in taken for b in told),
                      "told_mean_ms": round(sum(told.values()) / max(1, len(told))),
                      "room_mean_ms": round(a_batch_ms * (len(told) + 1) / 2), "a_batch_ms": round(a_batch_ms), "told": sorted(told.values())}))


def deaf(endpoint, batches, cases):
    sock, asks = dealer(endpoint, reads=False), dealer(endpoint)
    body = b"".join(case("D%d" % i, {"no_such_fact_" + "x" * 80: True}) for i in range(cases))
    for _ in range(batches):
        batch, state = os.urandom(16), "unknown"
        submit(sock, batch, body, cases, ack="outcome")
        while state == "unknown":  # it does not read BUSY: the next one only when this one is on disk
            asks.send_multipart([head("QUERY", {"batch": batch})])
            command, header = answer(asks, 10000)
            while command != "STATUS":
                command, header = answer(asks, 10000)
            state = header["state"]
    asks.close()
    print("sent", flush=True)
    time.sleep(3600)


def heap(endpoint, batches, size):
    sock = dealer(endpoint)
    body = case("H", {"text": "x" * size})
    for _ in range(batches):
        submit(sock, os.urandom(16), body)
    while batches > 0:
        command, header = answer(sock, 30000)
        if command == "BUSY":
            submit(sock, header["batch"], body)
        elif command == "ACCEPTED":
            batches -= 1
        else:
            sys.exit("answered %s %s" % (command, header))


def half(endpoint):
    host, port = endpoint[len("tcp://"):].rsplit(":", 1)
    sock = socket.create_connection((host, int(port)))
    sock.sendall(b"\xff" + b"\0" * 8 + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32)
    time.sleep(0.2)
    ready = b"\x05READY" + b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER" + b"\x08Identity" + b"\0" * 4
    sock.sendall(b"\x04" + bytes([len(ready)]) + ready)
    first = head("SUBMIT", {"batch": os.urandom(16), "count": 1})
    sock.sendall(b"\x01" + bytes([len(first)]) + first)
    sock.sendall(b"\x02" + (2 << 20).to_bytes(8, "big") + b"x" * 65536)
    print("sent", flush=True)
    while sock.recv(65536):  # heartbeats that get no answer
        pass
    print("cut", flush=True)


def heavy(endpoint, clients, batches):
    case_bytes = msgpack.packb({"case_id": "H", "revision": 0, "facts": {"text": "x" * (4 << 20)}})
    socks = [dealer(endpoint) for _ in range(clients)]
    poller = zmq.Poller()
    for sock in socks:
        sock.sndhwm = 0
        poller.register(sock, zmq.POLLIN)
    waiting = {os.urandom(16): sock for sock in socks for _ in range(batches)}
    due = {batch: 0 for batch in waiting}
    busy = 0
    while waiting:
        now = time.monotonic()
        for batch in [b for b, at in due.items() if at <= now]:
            del due[batch]
            waiting[batch].send(head("SUBMIT", {"batch": batch, "count": 1}), zmq.SNDMORE)
            waiting[batch].send(case_bytes, copy=False)
        for sock, _ in poller.poll(5):
            command, header = answer(sock, 0)
            if command == "ACCEPTED":
                waiting.pop(header["batch"], None)
            elif command == "BUSY":
                busy += 1
                due[header["batch"]] = now + header["retry_ms"] / 1000
            elif command != "DONE":
                sys.exit("answered %s %s" % (command, header))
    print(json.dumps({"accepted": clients * batches, "busy": busy}))


def lanes(endpoint, count):
    socks = [dealer(endpoint, reads=False) for _ in range(count)]
    for sock in socks:
        sock.send(head("READY", {"uuid": os.urandom(16), "name": "deaf", "version": "1", "ruleset": "",
                                 "credit": {"cases": 16384, "bytes": 32 << 20}, "holds": []}))
    for sock in socks:
        sock.recv()
    print("ready", flush=True)
    time.sleep(3600)


def pace(endpoint, source, count):
    sock = dealer(endpoint)
    took = []
    for i in range(count):
        began = time.monotonic()
        submit(sock, os.urandom(16), case("P%d-%d" % (os.getpid(), i)), source=source, ack="outcome")
        command = None
        while command != "DONE":
            command, header = answer(sock, 60000)
            if command not in ("ACCEPTED", "DONE"):
                sys.exit("answered %s %s" % (command, header))
        took.append(1000 * (time.monotonic() - began))
    print(json.dumps({"worst_ms": round(max(took)), "mean_ms": round(sum(took) / len(took))}))


def names(endpoint, count):
    sock = dealer(endpoint)
    batches = {os.urandom(16): "name%d" % i for i in range(count)}
    due = dict.fromkeys(batches, 0)
    told, answers, done = {}, 0, set()
    end = time.monotonic() + 100
    while len(done) < count and time.monotonic() < end:
        now = time.monotonic()
        for batch in [b for b, at in due.items() if at <= now]:
            del due[batch]
            submit(sock, batch, case(batches[batch]), source=batches[batch])
        command, header = answer(sock, 20)
        if command == "BUSY":
            due[header["batch"]] = time.monotonic() + header["retry_ms"] / 1000
        if command == "DONE":
            done.add(header["batch"])
        elif command is not None:
            word = header.get("reason", command)
            told[word] = told.get(word, 0) + 1
            answers += 1
            if answers == count:
                print(json.dumps(told), flush=True)
    print(json.dumps({"done": len(done), "not_allowed": told.get("not_allowed", 0)}))


def main():
    what, endpoint, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if what == "busy":
        busy(endpoint, int(rest[0]), int(rest[1]))
    elif what == "deaf":
        deaf(endpoint, int(rest[0]), int(rest[1]))
    elif what == "heap":
        heap(endpoint, int(rest[0]), int(rest[1]))
    elif what == "half":
        half(endpoint)
    elif what == "full":
        full(endpoint, int(rest[0]))
    elif what == "heavy":
        heavy(endpoint, int(rest[0]), int(rest[1]))
    elif what == "lanes":
        lanes(endpoint, int(rest[0]))
    elif what == "names":
        names(endpoint, int(rest[0]))
    elif what == "pace":
        pace(endpoint, rest[0], int(rest[1]))


main()
