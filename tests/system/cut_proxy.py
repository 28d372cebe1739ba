"""A PostgreSQL socket that is cut around a COMMIT.

    cut_proxy.py LISTEN_PATH SERVER_PATH MODE_FILE

Each new connection is passed on to the server. MODE_FILE holds a word and a count. "before 3" drops a connection
when the client's COMMIT arrives, and does not pass it on. "after 3" passes it on and drops the connection when the
server has confirmed COMMIT, which the client never receives. Both sides lose the connection. Each cut is printed,
one word per line.
"""
import os
import socket
import sys
import threading

lock = threading.Lock()


def take(mode_file, wanted):
    """One cut of this kind, if any is left."""
    with lock:
        try:
            word, left = open(mode_file).read().split()
        except (OSError, ValueError):
            return False
        if word != wanted or int(left) == 0:
            return False
        with open(mode_file, "w") as out:
            out.write("%s %d" % (word, int(left) - 1))
        print(word, flush=True)
        return True


def pump(source, target, mode_file, word, mark):
    tail = b""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            if mark in tail + data and take(mode_file, word):
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


def main():
    listen_path, server_path, mode_file = sys.argv[1:4]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(listen_path)
    os.chmod(listen_path, 0o777)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(server_path)
        for args in ((client, server, mode_file, "before", b"COMMIT"),
                     # CommandComplete: C, length 11, the tag
                     (server, client, mode_file, "after", b"C\x00\x00\x00\x0bCOMMIT\x00")):
            threading.Thread(target=pump, args=args, daemon=True).start()


main()
