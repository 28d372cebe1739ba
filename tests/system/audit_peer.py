"""What audit.sh does without `casemill`.

  audit_peer.py send ENDPOINT VERB KEY=VALUE...
  audit_peer.py old ENDPOINT
  audit_peer.py get URL
  audit_peer.py answer TEXT COMMAND...

`send` sends a CONTROL with these keys in its header, and prints the reply. `old` is a broker of version 0.1: it answers
every CONTROL and ignores keys that it does not have. `get` prints a page, also if its status is 503. `answer` runs the
command on a terminal, types the text and prints what the terminal shows; its exit code is the command's.
"""
import os
import pty
import sys

TIMEOUT_MS = 5000


def send(endpoint, verb, *pairs):
    import msgpack
    import zmq

    socket = zmq.Context().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    header = {"verb": verb}
    for pair in pairs:
        key, value = pair.split("=", 1)
        header[key] = int(value) if value.isdigit() else value.encode().decode("unicode_escape")
    socket.send(msgpack.packb(["CM1", "CONTROL", header]))
    if not socket.poll(TIMEOUT_MS):
        sys.exit("no answer")
    print(msgpack.unpackb(socket.recv())[1:])


def old(endpoint):
    import msgpack
    import zmq

    socket = zmq.Context().socket(zmq.ROUTER)
    socket.bind(endpoint)
    print("ready", flush=True)
    while True:
        route = socket.recv_multipart()[0]
        reply = ["CM1", "REPLY", {"ok": True, "json": '{"dispatching":false}'}]
        socket.send_multipart([route, msgpack.packb(reply)])


def get(url):
    import urllib.error
    import urllib.request

    try:
        page = urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError as error:
        page = error
    print(page.read().decode(), end="")


def answer(text, *command):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    shown = b""
    typed = False
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not typed and b"Type yes" in shown:
            typed = True
            os.write(fd, text.encode() + b"\n")
    print(shown.decode())
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


{"send": send, "old": old, "get": get, "answer": answer}[sys.argv[1]](*sys.argv[2:])
