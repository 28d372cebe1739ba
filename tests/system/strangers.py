#!/usr/bin/python3
"""Peers without a key that misuse plain sockets.

  strangers.py idle PORT COUNT           opens COUNT connections, sends nothing, prints how many are open; ends on a
                                         line from stdin (prints "left" when all are closed)
  strangers.py curve PORT COUNT BYTES    each begins a CURVE handshake with a command of BYTES that it never finishes
  strangers.py plain PORT COUNT BYTES    each begins a body of BYTES, without keys, and never finishes it
  strangers.py endless PORT MIB          one message of frames of 1 MiB without a last one, until it is cut or MIB are sent
  strangers.py host PORT HOST PATH       one HTTP request with that Host; prints the status
  strangers.py body ENDPOINT BYTES       a SUBMIT with a body of so many bytes by a REQ; prints the reply
"""
import os, select, socket, struct, sys, time

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00%s" + b"\0" * 32


def open_all(port, count, first=b""):
    """Non-blocking, so that connections that are not accepted yet do not delay the others."""
    socks = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        socks.append(sock)
    return socks


def greeting(mechanism):
    return b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + b"\0" * 32


def ready():
    body = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + struct.pack(">I", 0)
    return b"\x04" + bytes([len(body)]) + body


def push(socks, bytes_of_each, seconds):
    """Sends to each what it takes until all is sent, all are closed, or nothing has moved for a second."""
    left = {sock: memoryview(bytes_of_each) for sock in socks}
    end, moved = time.monotonic() + seconds, time.monotonic()
    while left and time.monotonic() < end and time.monotonic() - moved < 1:
        _, writable, _ = select.select([], list(left), [], 0.2)
        for sock in writable:
            try:
                sent = sock.send(left[sock][: 1 << 18])
                left[sock] = left[sock][sent:]
                moved = time.monotonic()
                if not left[sock]:
                    del left[sock]
            except BlockingIOError:
                pass
            except OSError:
                del left[sock]


def wait_for_line():
    sys.stdin.readline()


def unfinished(port, count, start, body):
    socks = open_all(port, count)
    push(socks, start, 10)
    time.sleep(0.3)  # the other side's greeting is taken; it is not read here
    push(socks, body, 20)
    print("sent", flush=True)
    wait_for_line()


def idle(port, count):
    socks = open_all(port, count)
    print("open", flush=True)
    wait_for_line()
    for sock in socks:
        sock.close()
    print("left", flush=True)


def endless(port, mib):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(greeting(b"NULL"))
    sock.recv(64)
    sock.sendall(ready())
    frame = b"\x03" + struct.pack(">Q", 1 << 20) + b"x" * (1 << 20)
    sent = 0
    try:
        while sent < mib:
            sock.sendall(frame)
            sent += 1
    except OSError:
        pass
    print("cut" if sent < mib else "taken", sent, flush=True)
    wait_for_line()


def host(port, name, path):
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, name)).encode())
    print(sock.recv(4096).split()[1].decode())


def body(endpoint, size):
    import msgpack, zmq
    case = msgpack.packb({"case_id": "S", "revision": 0, "facts": {"no_such": "x" * size}})
    case = case[: len(case)] if len(case) <= size else msgpack.packb(
        {"case_id": "S", "revision": 0, "facts": {"no_such": "x" * (size - (len(case) - size))}})
    req = zmq.Context().socket(zmq.REQ)
    req.setsockopt(zmq.LINGER, 0)
    req.setsockopt(zmq.RCVTIMEO, 3000)
    req.connect(endpoint)
    req.send_multipart([msgpack.packb(["CM1", "SUBMIT", {"batch": os.urandom(16), "count": 1}]), case])
    try:
        _, command, header = msgpack.unpackb(req.recv())
        print(command, header.get("reason", ""), header.get("message_bytes_max", ""))
    except zmq.Again:
        print("silence")


what, args = sys.argv[1], sys.argv[2:]
if what == "idle":
    idle(int(args[0]), int(args[1]))
elif what == "curve":
    size = int(args[2])
    unfinished(int(args[0]), int(args[1]), greeting(b"CURVE"), b"\x06" + struct.pack(">Q", size) + b"\0" * (size - 16))
elif what == "plain":
    size = int(args[2])
    unfinished(int(args[0]), int(args[1]), greeting(b"NULL") + ready(), b"\x02" + struct.pack(">Q", size) + b"\0" * (size - 16))
elif what == "endless":
    endless(int(args[0]), int(args[1]))
elif what == "host":
    host(int(args[0]), args[1], args[2])
else:
    body(args[0], int(args[1]))
