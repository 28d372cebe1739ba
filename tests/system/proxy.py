"""Proxies between clients and a server: one whose server stops answering, one that is cut, one that is slow.

    proxy.py mute LISTEN_PATH SERVER_PATH MODE_FILE
    proxy.py cut LISTEN_PATH SERVER_PATH MODE_FILE
    proxy.py delay TARGET_HOST TARGET_PORT DELAY_MS

mute and cut are unix sockets before PostgreSQL's. They print "ready".

mute: MODE_FILE holds one word, which is read continuously:
    pass    everything is passed on
    mute    nothing is passed on; connections are accepted, open ones are held, no peer gets an answer
    watch   as mute for the connections of rule watches, which are cut when it begins; others pass
    later   a connection is accepted, and its first statement gets no answer
The bytes that a connection held back while it was mute are lost: it stays mute when others pass again.

cut: MODE_FILE holds a word and a count. "before 3" drops a connection when the client's COMMIT arrives, and does not pass
it on. "after 3" passes it on and drops the connection when the server has confirmed COMMIT, which the client never
receives. Both sides lose the connection. Each cut is printed, one word per line.

delay: a TCP relay that holds every byte back for DELAY_MS in each direction, and keeps their order. It listens on
127.0.0.1 and prints "ready PORT".
"""
import os
import queue
import select
import socket
import sys
import threading
import time

TURN_S = 0.05
lock = threading.Lock()


def unix_listener(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(64)
    return listener


def unix_connection(path):
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    return server


def read_mode(path):
    try:
        return open(path).read().strip()
    except OSError:
        return ""


def in_thread(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()


def serve(listener, ready, handle):
    """Gives each connection to `handle` in a thread of its own, until the process ends."""
    print(ready, flush=True)
    while True:
        client, _ = listener.accept()
        in_thread(handle, client)


class MutePair:
    """One connection of the kind mute."""

    def __init__(self, client, server_path, mode_file):
        self.client, self.server_path, self.mode_file = client, server_path, mode_file
        self.server = None
        self.is_watch = False
        self.is_started = False
        self.is_mute = False

    def mode(self):
        return read_mode(self.mode_file) or "mute"

    def look(self):
        mode = self.mode()
        if mode == "watch" and self.is_watch and not self.is_mute:
            raise OSError("cut")
        if mode == "mute" or (mode == "later" and self.is_started):
            self.is_mute = True
        return mode

    def begin(self):
        """The startup packet names the application."""
        while not select.select([self.client], [], [], TURN_S)[0]:
            self.look()
        data = self.client.recv(65536)
        self.is_watch = b"casemill rule watch" in data
        if self.mode() == "mute" or (self.is_watch and self.mode() == "watch"):
            self.is_mute = True
        if not self.is_mute:
            self.server = unix_connection(self.server_path)
            self.server.sendall(data)

    def run(self):
        try:
            self.begin()
            while True:
                self.look()
                if self.is_mute:  # held until the client goes
                    time.sleep(TURN_S)
                    if select.select([self.client], [], [], 0)[0] and not self.client.recv(65536, socket.MSG_PEEK):
                        break
                    continue
                for source in select.select([self.client, self.server], [], [], TURN_S)[0]:
                    if source is self.client and self.look() and self.is_mute:
                        break
                    data = source.recv(65536)
                    if not data:
                        return
                    (self.server if source is self.client else self.client).sendall(data)
                    # ReadyForQuery ends the start of a session.
                    if source is self.server and data.endswith(b"Z\x00\x00\x00\x05I"):
                        self.is_started = True
        except OSError:
            pass
        finally:
            for end in (self.client, self.server):
                if end is not None:
                    end.close()


def mute(listen_path, server_path, mode_file):
    serve(unix_listener(listen_path), "ready", lambda client: MutePair(client, server_path, mode_file).run())


def take_cut(mode_file, kind):
    """Takes one cut of this kind, if any is left."""
    with lock:
        word, _, left = read_mode(mode_file).partition(" ")
        if word != kind or not left.isdigit() or int(left) == 0:
            return False
        with open(mode_file, "w") as out:
            out.write("%s %d" % (word, int(left) - 1))
        print(word, flush=True)
        return True


def pump(source, target, mode_file, kind, mark):
    """Passes bytes on, until a cut of this kind is left when the mark arrives."""
    tail = b""
    try:
        while True:
            data = source.recv(65536)
            if not data or (mark in tail + data and take_cut(mode_file, kind)):
                break
            tail = data[-len(mark):]
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def cut(listen_path, server_path, mode_file):
    def handle(client):
        server = unix_connection(server_path)
        in_thread(pump, client, server, mode_file, "before", b"COMMIT")
        # CommandComplete: C, length 11, the tag
        in_thread(pump, server, client, mode_file, "after", b"C\x00\x00\x00\x0bCOMMIT\x00")
    serve(unix_listener(listen_path), "ready", handle)


def hold(source, held, delay_s):
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        held.put((time.monotonic() + delay_s, data))
        if not data:
            return


def release(target, held):
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


def delay(host, port, delay_ms):
    def handle(near):
        far = socket.create_connection((host, int(port)))
        for source, target in ((near, far), (far, near)):
            held = queue.Queue()
            in_thread(hold, source, held, int(delay_ms) / 1000)
            in_thread(release, target, held)
    listener = socket.create_server(("127.0.0.1", 0))
    serve(listener, "ready %d" % listener.getsockname()[1], handle)


{"mute": mute, "cut": cut, "delay": delay}[sys.argv[1]](*sys.argv[2:5])
