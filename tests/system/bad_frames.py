"""Sends frames that are not a batch to a broker's intake and prints `NAME GOT EXPECTED`, one line per frame.

GOT is the reason in REFUSED, `PONG` or another command; `silence` when no reply came. Every frame goes through the
same DEALER: a refused one must not affect the next. Then all frames are sent again by a REQ, after an empty
delimiter, each followed by a PING: exactly one reply per request.
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
MIB = 1 << 20


def of_size(size):
    return b"\xc6" + (size - 5).to_bytes(4, "big") + b"\0" * (size - 5)


FRAMES = [
    ("garbage", [b"\xff\xfe\xfd"], "bad_head"),
    ("empty_head", [b"", b""], "bad_head"),
    ("probe_and_ping", [b""], "PONG"),
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
    ("byte_that_starts_nothing", submit(1, b"\xc1"), "truncated"),
    ("nested_17", submit(1, b"\x91" * 17 + b"\xc0"), "too_deep"),
    ("body_of_none", submit(1, b""), "count_mismatch"),
    ("empty_frame_behind", submit(1, CASE) + [b""], "bad_header"),
    ("many_frames", submit(1, CASE) + [CASE] * 70, "bad_header"),
    ("count_65537", submit(65537, CASE), "bad_header"),
    ("count_negative", submit(-1, CASE), "bad_header"),
    ("count_float", submit(1.0, CASE), "bad_header"),
    ("unknown_ack", submit(1, CASE, ack="disk"), "bad_header"),
    ("unknown_priority", submit(1, CASE, priority="high"), "bad_header"),
    ("source_too_long", submit(1, CASE, source="x" * 129), "bad_header"),
    ("text_as_batch_id", [head("QUERY", {"batch": "x" * 16})], "bad_header"),
    ("head_alone", [msgpack.packb(["CM1", "PING"])], "bad_head"),
    ("no_header", [msgpack.packb(["CM1", "PING", None])], "bad_header"),
    ("bytes_behind_the_head", [head("PING", {}) + b"\0"], "bad_head"),
    ("two_delimiters", [b"", b"", head("PING", {})], "bad_head"),
    ("later_version_of_other_shape", [msgpack.packb(["CM2", "PING"])], "unknown_version"),
    ("head_over_1_mib", [head("PING", {"x": b"\0" * MIB})], "too_large"),
    ("body_over_2_mib", submit(1, of_size(2 * MIB + 1)), "too_large"),
    ("body_of_2_mib_and_64_kib", submit(1, of_size(2 * MIB + 65536)), "too_large"),
    ("ping_with_a_body", [head("PING", {}), b"x"], "PONG"),
    ("ping_after_all", [head("PING", {})], "PONG"),
]


def word(reply):
    _, command, header = msgpack.unpackb([f for f in reply if f][0], strict_map_key=False)
    return header["reason"] if command == "REFUSED" else command


def answer(socket):
    return word(socket.recv_multipart()) if socket.poll(5000) else "silence"


def as_req(socket, frames):
    socket.send_multipart([b""] + frames)
    socket.send_multipart([b"", head("PING", {})])
    return "%s,%s" % (answer(socket), answer(socket))


def main():
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(sys.argv[1])
    for name, frames, expected in FRAMES:
        dealer.send_multipart(frames)
        if expected == "PONG" and frames == [b""]:  # the message of PROBE_ROUTER has no answer
            dealer.send_multipart([head("PING", {})])
        print(name, answer(dealer), expected)
    for name, frames, expected in FRAMES:
        expected = "bad_head" if frames == [b""] else expected
        print("req_" + name, as_req(dealer, frames), expected + ",PONG")
    context.destroy(linger=0)


main()
