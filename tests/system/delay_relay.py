"""A TCP relay that holds every byte back for a while in each direction, and keeps their order.

    delay_relay.py TARGET_HOST TARGET_PORT DELAY_MS

Listens on 127.0.0.1, prints "ready PORT", and ends with the process.
"""
import queue
import socket
import sys
import threading
import time


def reader(source, held, delay_s):
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        held.put((time.monotonic() + delay_s, data))
        if not data:
            return


def writer(target, held):
    while True:
        due, data = held.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
        except OSError:
            return


def main():
    host, port, delay_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000
    listener = socket.create_server(("127.0.0.1", 0))
    print("ready %d" % listener.getsockname()[1], flush=True)
    while True:
        near, _ = listener.accept()
        far = socket.create_connection((host, port))
        for source, target in ((near, far), (far, near)):
            held = queue.Queue()
            threading.Thread(target=reader, args=(source, held, delay_s), daemon=True).start()
            threading.Thread(target=writer, args=(target, held), daemon=True).start()


main()
