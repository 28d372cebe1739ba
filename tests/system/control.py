"""Sends a verb to a broker's control socket and prints the JSON of the reply: control.py ENDPOINT VERB"""
import sys

import msgpack
import zmq

context = zmq.Context()
socket = context.socket(zmq.DEALER)
socket.linger = 0
socket.connect(sys.argv[1])
socket.send(msgpack.packb(["CM1", "CONTROL", {"verb": sys.argv[2]}]))
if not socket.poll(5000):
    sys.exit("no answer")
reply = msgpack.unpackb(socket.recv())[2]
print(reply["json"] if isinstance(reply["json"], str) else reply["json"].decode())
sys.exit(0 if reply["ok"] else 1)
