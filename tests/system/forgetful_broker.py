"""A broker that takes one batch, answers nothing and forgets it, which the real one never does: forgetful_broker.py.

Prints "ready intake=ADDRESS".  It expects a QUERY, answers STATUS unknown, expects the batch again and answers DONE.
Prints what it got, and whether the second batch has the id and the bytes of the first.
"""
import msgpack
import zmq

context = zmq.Context()
socket = context.socket(zmq.ROUTER)
socket.rcvtimeo = 10000
print("ready intake=tcp://127.0.0.1:%d" % socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)


def receive():
    peer, head, *body = socket.recv_multipart()
    _, command, header = msgpack.unpackb(head)
    print(command, flush=True)
    return peer, header, body


def answer(peer, command, header):
    socket.send_multipart([peer, msgpack.packb(["CM1", command, header])])


peer, first, body = receive()
peer, query, _ = receive()
answer(peer, "STATUS", {"batch": query["batch"], "state": "unknown", "done": None})
peer, again, same = receive()
print("same" if first == again and body == same and query["batch"] == first["batch"] else "other", flush=True)
answer(peer, "DONE", {"batch": again["batch"], "count": 1, "outcomes": {"not_subject": 1}, "duplicates": 0, "dead": [], "dead_count": 0})
socket.close(1000)
context.term()  # waits until it is sent
