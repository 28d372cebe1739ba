"""Clients as other programs write them, with what ZeroMQ puts before their messages.

    envelopes.py ENDPOINT

Each client sends a QUERY, then one case with ack outcome, and waits for its outcome. Prints `NAME GOT EXPECTED`,
one line per client; GOT is the replies, in their order, or `silence`. Once two clients with one routing id are
connected, it prints `twins` and waits for a line.
"""
import os
import sys
import threading

import msgpack
import zmq

WAIT_MS = 10000
CASE = {"revision": 0, "reference_date": "2020-01-10", "facts": {"claim_country": "US", "arrived_from": "MX"}}
BOTH = "PONG,ACCEPTED,DONE"
ONE = "PONG,DONE"

context = zmq.Context()


def head(command, header):
    return msgpack.packb(["CM1", command, header])


def submit(name):
    case = msgpack.packb(dict(CASE, case_id="E-" + name))
    return [head("SUBMIT", {"batch": os.urandom(16), "count": 1, "ack": "outcome"}), case]


def socket_of(kind, endpoint, **options):
    socket = context.socket(kind)
    socket.linger = 0
    for name, value in options.items():
        socket.setsockopt(getattr(zmq, name), value)
    socket.connect(endpoint)
    return socket


def proxy(endpoint):
    """A zmq_proxy before a broker, as used between two networks; gives its address."""
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    front.linger = back.linger = 0
    port = front.bind_to_random_port("tcp://127.0.0.1")
    back.connect(endpoint)
    threading.Thread(target=run_proxy, args=(front, back), daemon=True).start()
    return "tcp://127.0.0.1:%d" % port


def run_proxy(front, back):
    try:
        zmq.proxy(front, back)
    except zmq.ZMQError:  # the context was ended
        pass


def told(socket, delimited):
    """The next command; of a DEALER that sends an empty frame the answer has one."""
    if not socket.poll(WAIT_MS):
        return "silence"
    frames = socket.recv_multipart()
    assert not delimited or frames.pop(0) == b"", frames
    assert len(frames) == 1, frames
    return msgpack.unpackb(frames[0], strict_map_key=False)[1]


def ask(name, socket, expected, front=()):
    words = []
    socket.send_multipart(list(front) + [head("PING", {})])
    words.append(told(socket, front))
    socket.send_multipart(list(front) + submit(name))
    while words[-1] not in ("silence", "DONE") and len(words) < 4:
        words.append(told(socket, front))
    print(name, ",".join(words), expected, flush=True)


def twins(endpoint):
    """Two processes with one routing id: the later one is served, the other one when it is alone again."""
    first = socket_of(zmq.DEALER, endpoint, IDENTITY=b"north")
    ask("first_of_two", first, BOTH)
    second = socket_of(zmq.DEALER, endpoint, IDENTITY=b"north")
    ask("second_of_two", second, BOTH)
    print("twins", flush=True)  # both stay connected until the broker has detected it
    sys.stdin.readline()
    first.close()
    ask("second_alone", second, BOTH)


def main():
    endpoint = sys.argv[1]
    near = proxy(endpoint)
    far = proxy(proxy(near))
    numbered = {"REQ_CORRELATE": 1, "REQ_RELAXED": 1}
    ask("req", socket_of(zmq.REQ, endpoint), ONE)
    ask("req_correlate", socket_of(zmq.REQ, endpoint, **numbered), ONE)
    ask("req_proxy", socket_of(zmq.REQ, near), ONE)
    ask("req_correlate_proxy", socket_of(zmq.REQ, near, **numbered), ONE)
    ask("req_correlate_three_proxies", socket_of(zmq.REQ, far, **numbered), ONE)
    ask("dealer_proxy", socket_of(zmq.DEALER, near), BOTH)
    ask("dealer_three_proxies", socket_of(zmq.DEALER, far), BOTH)
    ask("dealer_delimiter_proxy", socket_of(zmq.DEALER, near), ONE, [b""])
    ask("named_dealer_delimiter_proxy", socket_of(zmq.DEALER, near, IDENTITY=b"south"), ONE, [b""])
    ask("long_name", socket_of(zmq.DEALER, endpoint, IDENTITY=b"n" * 255), BOTH)
    ask("req_probe", socket_of(zmq.REQ, endpoint, PROBE_ROUTER=1), ONE)
    ask("dealer_probe", socket_of(zmq.DEALER, endpoint, PROBE_ROUTER=1), BOTH)
    twins(endpoint)
    context.destroy(linger=0)


main()
