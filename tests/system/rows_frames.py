"""Sends ROWS frame by frame and prints each answer as `NAME COMMAND REASON INDEX OFFSET`.

    rows_frames.py ENDPOINT
"""
import sys

import msgpack
import zmq

NAMES = ["stateless", "claim_country"]
ROWS = [["F-1", 0, "2020-01-10", None, False, "US"], ["F-2", 0, None, None, True]]

socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(sys.argv[1])


def pack(*values):
    return b"".join(msgpack.packb(value) for value in values)


def ask(name, batch, body, count):
    header = {"batch": batch.ljust(16, b"."), "count": count, "source": "frames"}
    socket.send_multipart([msgpack.packb(["CM1", "ROWS", header]), body])
    answer = msgpack.unpackb(socket.recv_multipart()[0]) if socket.poll(10000) else [None, "silence", {}]
    print(name, answer[1], *(answer[2].get(key) for key in ("reason", "index", "offset")), flush=True)


ask("good", b"good", pack(NAMES, *ROWS), 2)
ask("again", b"good", pack(NAMES, *ROWS), 2)
ask("other-names", b"good", pack(["stateless", "claim_cuntry_"], *ROWS), 2)
ask("twice", b"a", pack(NAMES + ["stateless"], *ROWS), 2)
ask("beside", b"b", pack(["minor_ctx", "minor_ctx.accompanied"], *ROWS), 2)
ask("no-text", b"c", pack(["stateless", 7], *ROWS), 2)
ask("too-many", b"d", pack(["n%d" % i for i in range(1025)], *ROWS), 2)
ask("too-long", b"e", pack(["n%0100d" % i for i in range(200)], *ROWS), 2)
ask("long-row", b"f", pack(NAMES, ROWS[0], ROWS[1] + ["US", 1]), 2)
ask("map-row", b"g", pack(NAMES, {"case_id": "F-1"}), 1)
ask("too-few", b"h", pack(NAMES, ROWS[0]), 2)
ask("more", b"i", pack(NAMES, *ROWS, None), 2)
