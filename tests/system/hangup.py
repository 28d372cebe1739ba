"""Peers that hang up while the broker has stopped reading from them; they speak ZMTP themselves.

  hangup.py held HOLD PLAIN KEYED    the loops of both brokers are held, so that their sockets stop reading; peers of
                                     every kind flood and hang up; the broker sends heartbeats meanwhile
  hangup.py stalled HOLD PLAIN KEYED the disk stalls; clients send until the broker stops reading, and are killed
  hangup.py fast PLAIN CONNECTIONS   nothing is held; so many connections flood and are reset, their heartbeats spread
  hangup.py flood ENDPOINT           sends PINGs without a pause until the broker is gone

HOLD is the directory of hold_preload.c. PLAIN is PID,INTAKE,WORKER,CONTROL; KEYED is PID,INTAKE,KEY,BROKER_PUB. The
first three print "N peers hung up, P% Q%": the processor time of each broker between the last hang-up and the next
heartbeat. They fail when the broker does not answer afterwards. While the disk stalls, others connect one after
another, send large messages and end; the memory that this adds is printed, too.
"""
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

WAIT_S = 90  # far more than a busy machine needs
INTAKE_FLOOD, WORKER_FLOOD = 160, 11000  # beyond the mark of each socket
INTAKE_MARK, LARGE, CHURN = 16, 135000, 148  # 2.1 MB a connection: libzmq takes no more; mapped, not heap
FAST_FLOOD = 1000  # more than libzmq reads at once
BODY = b"\x93\xa3CM1\xa4PING\x80"
MESSAGE = b"\x00" + bytes([len(BODY)]) + BODY
ZMTP_PING = b"\x04\x07\x04PING\x00\x00"
ZMTP_PONG = b"\x04\x05\x04PONG"
KINDS = ("reset", "ping_reset", "ping_first", "end", "half", "twin", "full")


def greeting(identity=b""):
    ready = (b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" +
             b"\x08Identity" + struct.pack(">I", len(identity)) + identity)
    return (b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32) +
            b"\x04" + bytes([len(ready)]) + ready)


def read(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise OSError("the broker hung up")
        data += more
    return data


def frame(sock):
    """A short frame: its flags and its bytes."""
    flags, length = read(sock, 2)
    return flags, read(sock, length)


def connect(endpoint, identity=b""):
    scheme, address = endpoint.split("://")
    if scheme == "ipc":
        sock = socket.socket(socket.AF_UNIX)
        target = address
    else:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = address.rsplit(":", 1)
        target = (host, int(port))
    sock.settimeout(WAIT_S)
    sock.connect(target)
    sock.sendall(greeting(identity))
    read(sock, 64)
    frame(sock)
    return sock


def pour(sock, data):
    """Sends as much of it as fits."""
    sock.setblocking(False)
    try:
        while data:
            data = data[sock.send(data):]
    except OSError:
        pass


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def press(sock, kind, count, left):
    """Floods and hangs up; connections that stay half open are added to left."""
    half = count // 2
    parts = {"reset": [MESSAGE * count], "ping_first": [ZMTP_PING, MESSAGE * count],
             "full": [MESSAGE * 100 * count]}
    pour(sock, b"".join(parts.get(kind, [MESSAGE * half, ZMTP_PING, MESSAGE * (count - half)])))
    if kind == "end":
        sock.close()
    elif kind == "half":
        sock.shutdown(socket.SHUT_WR)
        left.append(sock)
    else:
        reset(sock)


def answers(endpoint):
    """A PING of casemill's own protocol is answered: the loop runs.  A reply may be dropped while peers that read
    nothing hold their share of memory, so it is asked again."""
    sock = connect(endpoint)
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        sock.sendall(MESSAGE)
        if not select.select([sock], [], [], 1)[0]:
            continue
        if not frame(sock)[0] & 4:
            return sock
        sock.sendall(ZMTP_PONG)  # the broker's own PING, when the answer takes long
    raise OSError("the broker does not answer")


def await_beat(endpoint):
    """From one heartbeat's time to the next: every connection has had its own."""
    sock = connect(endpoint)
    while not (frame(sock)[1].startswith(b"\x04PING")):
        pass
    sock.close()


def ticks(pid):
    fields = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


class Usage:
    def __init__(self, pids):
        self.pids, self.began = pids, time.monotonic()
        self.before = [ticks(pid) for pid in pids]

    def percent(self):
        ticked = (time.monotonic() - self.began) * os.sysconf("SC_CLK_TCK")
        return " ".join("%d%%" % (100 * (ticks(pid) - before) / ticked)
                        for pid, before in zip(self.pids, self.before))


def child(*arguments):
    return subprocess.Popen([sys.executable, __file__, *arguments], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def await_word(process, word):
    line = process.stdout.readline().strip()
    if line != word:
        raise OSError("a child said '%s' in place of '%s'" % (line, word))


def hold(folder, name, is_held):
    path = os.path.join(folder, name)
    if is_held:
        open(path, "w").close()
    else:
        os.unlink(path)


def held(folder, plain, keyed):
    pid, intake, worker, control = plain.split(",")
    keyed_pid, keyed_intake, key, broker_pub = keyed.split(",")
    peers, left = [], []
    for endpoint, count, copies in ((intake, INTAKE_FLOOD, 4), (control, INTAKE_FLOOD, 2), (worker, WORKER_FLOOD, 1)):
        for number in range(copies):
            for kind in KINDS:
                identity = b"twin%d" % number if kind == "twin" else b""
                if kind == "twin":
                    left.append(connect(endpoint, identity))
                peers.append((connect(endpoint, identity), kind, count))
    children = [child("keyed", kind, keyed_intake, key, broker_pub) for kind in ("reset", "end", "half", "kill") * 2]
    for one in children:
        await_word(one, "connected")
    last = answers(intake)
    hold(folder, "zmq_poll", True)
    last.sendall(MESSAGE)
    for sock, kind, count in peers:
        press(sock, kind, count, left)
    for one in children:
        one.stdin.write("go\n")
        one.stdin.flush()
        await_word(one, "hung up")
    usage = Usage([pid, keyed_pid])
    await_beat(intake)
    used = usage.percent()
    hold(folder, "zmq_poll", False)
    answers(intake).close()
    answers(worker).close()
    answers(control).close()
    for one in children:
        one.kill()
        one.wait()
    for sock in left:
        reset(sock)
    return len(peers) + len(children), used


def anon_mib(pid):
    line = next(line for line in open("/proc/%s/status" % pid) if line.startswith("RssAnon"))
    return int(line.split()[1]) // 1024


def leave_unread(endpoint):
    """As many large messages as libzmq takes; when it has them, the end."""
    sock = connect(endpoint)
    sock.sendall((b"\x02" + struct.pack(">Q", LARGE) + bytes(LARGE)) * INTAKE_MARK)
    deadline = time.monotonic() + WAIT_S
    while struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0] > 0:
        if time.monotonic() > deadline:
            raise OSError("the broker does not take %d messages" % INTAKE_MARK)
        time.sleep(0.001)
    reset(sock)


def stalled(folder, plain, keyed):
    pid, intake = plain.split(",")[:2]
    keyed_pid, keyed_intake, key, broker_pub = keyed.split(",")
    hold(folder, "fdatasync", True)
    children = [child("client", intake) for _ in range(2)]
    children += [child("client", keyed_intake, key, broker_pub) for _ in range(2)]
    for one in children:
        await_word(one, "stuck")
    for one in children:
        one.kill()
        one.wait()
    usage = Usage([pid, keyed_pid])
    await_beat(intake)
    used = usage.percent()
    before = anon_mib(pid)
    for _ in range(CHURN):
        leave_unread(intake)
    used += " of a processor, then %d MiB were left by %d" % (anon_mib(pid) - before, CHURN)
    hold(folder, "fdatasync", False)
    answers(intake).close()
    return len(children), used


def fast(plain, connections):
    pid, intake = plain.split(",")[:2]
    peers = []
    for _ in range(int(connections)):
        peers.append(connect(intake))
        time.sleep(4.8 / int(connections))  # spreads the heartbeats over their interval
    for sock in peers:
        pour(sock, MESSAGE * FAST_FLOOD)
    for sock in peers:
        reset(sock)
    answers(intake).close()
    usage = Usage([pid])
    await_beat(intake)
    answers(intake).close()
    return len(peers), usage.percent()


def flood(endpoint):
    try:
        sock = connect(endpoint)
        print("flooding", flush=True)
        while True:
            sock.sendall(MESSAGE * 1000)
    except OSError:
        pass


def first_line(path, start=""):
    lines = [line.rstrip("\n") for line in open(path) if not line.startswith("# ")]
    return next(line[len(start):] for line in lines if line.startswith(start))


def dealer(endpoint, key=None, broker_pub=None):
    import zmq
    sock = zmq.Context.instance().socket(zmq.DEALER)
    sock.linger = 0
    if key:
        secret = first_line(key, "secret ").encode()
        sock.curve_secretkey = secret
        sock.curve_publickey = zmq.curve_public(secret)
        sock.curve_serverkey = first_line(broker_pub)[:40].encode()
    sock.heartbeat_ivl = 1  # a PING between any two messages
    sock.heartbeat_timeout = 60000
    sock.connect(endpoint)
    return sock


def own_connection(endpoint):
    """libzmq's descriptor of this process's only connection."""
    port = int(endpoint.rsplit(":", 1)[1])
    for name in os.listdir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=os.dup(int(name)))
            if sock.family == socket.AF_INET and sock.getpeername()[1] == port:
                return sock
            sock.close()
        except OSError:
            pass
    raise OSError("no connection to %s" % endpoint)


def keyed_peer(kind, endpoint, key, broker_pub):
    sock = dealer(endpoint, key, broker_pub)
    sock.send(BODY)
    sock.recv()
    print("connected", flush=True)
    sys.stdin.readline()
    for _ in range(20):
        for _ in range(10):
            sock.send(BODY)
        time.sleep(0.002)
    below = own_connection(endpoint)
    if kind == "half":
        below.shutdown(socket.SHUT_WR)
    elif kind == "reset":
        below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    print("hung up", flush=True)
    if kind == "half":
        sys.stdin.readline()
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(0)


def client(*where):
    """Valid batches, until the broker has read nothing for a while."""
    import msgpack
    import zmq
    sock = dealer(*where)
    sock.sndhwm = 1
    body = msgpack.packb({"case_id": "K1", "revision": 0, "facts": {"claim_country": "US"}}) * 500
    while sock.poll(1000, zmq.POLLOUT):
        head = {"batch": os.urandom(16), "count": 500, "ack": "journal"}
        sock.send_multipart([msgpack.packb(["CM1", "SUBMIT", head]), body])
    print("stuck", flush=True)
    sys.stdin.readline()


ROUNDS = {"held": held, "stalled": stalled, "fast": fast}
OTHERS = {"flood": flood, "keyed": keyed_peer, "client": client}
try:
    if sys.argv[1] in OTHERS:
        OTHERS[sys.argv[1]](*sys.argv[2:])
    else:
        print("%d peers hung up, %s" % ROUNDS[sys.argv[1]](*sys.argv[2:]))
except (OSError, ValueError) as error:
    print("hangup.py %s: %r in line %d" % (sys.argv[1], error, error.__traceback__.tb_next.tb_lineno))
    sys.exit(1)
