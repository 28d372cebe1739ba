"""The service manager's side of sd_notify: notify_listener.py SOCKET OUT appends each datagram to OUT as one line, with its time.

SOCKET is a path or @NAME; prints `ready` when it listens. The lines of a datagram are joined by |.
"""
import socket
import sys
import time

path, out = sys.argv[1:3]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\0" + path[1:] if path.startswith("@") else path)
print("ready", flush=True)
with open(out, "a", encoding="utf-8") as file:
    while True:
        text = listener.recv(65536).decode()
        file.write(f"{time.monotonic_ns() // 1000} {text.replace(chr(10), '|')}\n")
        file.flush()
