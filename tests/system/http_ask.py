#!/usr/bin/python3
"""Clients of the pages over plain sockets.

  http_ask.py get URL PATH [NAME: VALUE]...   one GET; prints the status, then the reply's first line, then on lines of
                                              their own the headers.  Host is the address of URL unless it is given
  http_ask.py METHOD URL PATH                 the same with another method
  http_ask.py slow URL                        sends a byte each half second; prints after how many seconds it was cut
  http_ask.py hold URL COUNT                  begins a request from 127.0.0.2, opens COUNT idle connections from
                                              127.0.0.1, then ends the request; prints its status
"""
import socket, sys, time

SECONDS_MAX = 30


def connect(url, own=""):
    host, port = url.split("//")[1].rsplit(":", 1)
    sock = socket.socket()
    sock.settimeout(SECONDS_MAX)
    sock.bind((own, 0))
    sock.connect(("127.0.0.1" if host == "0.0.0.0" else host, int(port)))
    return sock


def rest(sock):
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except OSError:
        pass
    return data.decode()


def ask(method, url, path, headers):
    sock = connect(url)
    if not any(header.lower().startswith("host:") for header in headers):
        headers = ["Host: %s:%d" % sock.getpeername()] + headers
    sock.sendall("\r\n".join(["%s %s HTTP/1.1" % (method.upper(), path), *headers, "", ""]).encode())
    head, _, body = rest(sock).partition("\r\n\r\n")
    lines = head.split("\r\n")
    print(lines[0].split(" ")[1] if " " in lines[0] else "none", body.split("\n")[0])
    print("\n".join(lines[1:]))


def slow(url):
    sock, began = connect(url), time.monotonic()
    sock.settimeout(0.5)
    print("open", flush=True)
    for byte in ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + "x" * 200).encode():
        try:
            sock.send(bytes([byte]))
            if not sock.recv(1):
                break
        except TimeoutError:
            pass
        except OSError:
            break
        if time.monotonic() - began > SECONDS_MAX:
            break
    print("cut after", round(time.monotonic() - began), flush=True)


def hold(url, count):
    first = connect(url, "127.0.0.2")
    first.sendall(b"GET /healthz HTTP/1.1\r\n")
    crowd = [connect(url, "127.0.0.1") for _ in range(count)]
    first.sendall(b"Host: localhost\r\n\r\n")
    print((rest(first).split(" ") + ["none"])[1], len(crowd))


if sys.argv[1] == "slow":
    slow(sys.argv[2])
elif sys.argv[1] == "hold":
    hold(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
