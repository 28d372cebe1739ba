"""Speaks other versions of the protocol.

    versions.py ask ENDPOINT...   sends each a head of CM0, CM2 and CM1 and prints `ENDPOINT VERSION ANSWER SPOKEN`
    versions.py broker            is a broker of CM2: prints its endpoint, then a line per message that it refuses
"""
import sys

import msgpack
import zmq


def ask(context, endpoint, version):
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    command, header = ("CONTROL", {"verb": "STATUS"}) if endpoint.startswith("ipc") else ("QUERY", {"batch": b"0" * 16})
    socket.send(msgpack.packb([version, command, header]))
    answer = msgpack.unpackb(socket.recv()) if socket.poll(5000) else [None, "silence", {}]
    socket.close()
    print(endpoint.split(":")[0], version, answer[2].get("reason", answer[1]), answer[2].get("version", "-"), flush=True)


def be_broker(context):
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    print("ready worker=tcp://127.0.0.1:%d" % port, flush=True)
    while True:
        route, head = socket.recv_multipart()[:2]
        print("refused", msgpack.unpackb(head)[1], flush=True)
        refused = {"batch": None, "reason": "unknown_version", "index": None, "offset": None, "version": "CM2"}
        socket.send_multipart([route, msgpack.packb(["CM1", "REFUSED", refused])])


def main():
    context = zmq.Context()
    if sys.argv[1] == "broker":
        be_broker(context)
    for endpoint in sys.argv[2:]:
        for version in ("CM0", "CM2", "CM1"):
            ask(context, endpoint, version)


main()
