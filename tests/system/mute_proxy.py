"""A PostgreSQL socket whose server stops answering.

    mute_proxy.py LISTEN_PATH SERVER_PATH MODE_FILE

MODE_FILE holds one word, which is read continuously:
    pass    everything is passed on
    mute    nothing is passed on; connections are accepted, open ones are held, no peer gets an answer
    watch   as mute for the connections of rule watches, which are cut when it begins; others pass
    later   a connection is accepted, and its first statement gets no answer
The bytes that a connection held back while it was mute are lost: it stays mute when others pass again.
"""
import os
import select
import socket
import sys
import threading
import time

TURN_S = 0.05


def mode_of(path):
    try:
        return open(path).read().strip()
    except OSError:
        return "mute"


class Pair:
    def __init__(self, client, server_path, mode_file):
        self.client, self.server_path, self.mode_file = client, server_path, mode_file
        self.server = None
        self.is_watch = False
        self.is_let_in = False
        self.is_mute = False

    def look(self):
        mode = mode_of(self.mode_file)
        if mode == "watch" and self.is_watch and not self.is_mute:
            raise OSError("cut")
        if mode == "mute" or (mode == "later" and self.is_let_in):
            self.is_mute = True
        return mode

    def begin(self):
        """The startup packet names the application."""
        while not select.select([self.client], [], [], TURN_S)[0]:
            self.look()
        data = self.client.recv(65536)
        self.is_watch = b"casemill rule watch" in data
        if mode_of(self.mode_file) == "mute" or (self.is_watch and mode_of(self.mode_file) == "watch"):
            self.is_mute = True
        if not self.is_mute:
            self.server = socket.socket(socket.AF_UNIX)
            self.server.connect(self.server_path)
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
                        self.is_let_in = True
        except OSError:
            pass
        finally:
            for end in (self.client, self.server):
                if end is not None:
                    end.close()


def main():
    listen_path, server_path, mode_file = sys.argv[1:4]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(listen_path)
    os.chmod(listen_path, 0o777)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=Pair(client, server_path, mode_file).run, daemon=True).start()


main()
