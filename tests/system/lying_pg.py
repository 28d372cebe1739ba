"""A PostgreSQL that sends false answers: a proxy that alters the answers of a real server, and its test driver.

    lying_pg.py proxy LISTEN_PATH SERVER_PATH SEED_FILE
    lying_pg.py verbs DIR SERVER_PATH BIN SEED SECONDS

`proxy` passes each connection on to the server. SEED_FILE holds a seed and how many messages in 1,000 are false ("7
30"). It is read for each connection and each message, so that "0 0" makes the server honest. With "0 -1" every
third piece of a COPY is left out and all else is true; with "0 -2" the end of each COPY. With "0 -3" to "0 -9" only
the answers to a lane's reads of stored cases and dead letters are altered, each with a line "lie MODE KIND"; see
lie_number.
`verbs` runs the verbs of the casemill command one after another for so many seconds, each against a proxy with its
own seed. It prints for each kind of verb "ok - ..." or, with the seed, "not ok - ...".

A false answer is one altered message of the server: a row with other columns, lengths or values, other types, or
another command tag. It can also be an error with an unknown state, or a stream that was cut. No false answer is a COMMIT that the
server did not send: what a program reports as committed is committed.
"""
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

WAIT_S = 20
STILL_S = 1
FAULTS = (b"Sanitizer", b"runtime error", b"check failed", b"out of memory")
TEXTS = (b"", b"-1", b"0", b"t", b"f", b"99999999999999999999", b"-9223372036854775808", b"2147483648", b"nonsense", b"\xff\xfe\x80",
         b"a\nb\x1b[31m", b"%s%n%s", b"{1,2", b"infinity", b"\\x00zz", b"x" * 70000)
BINARIES = (b"", b"\x80" + bytes(7), b"\xff" * 8, b"\x7f" + b"\xff" * 3, bytes(1), bytes(16), b"\0\0\0\1\0\0\0\0\0\0\0\x19\x7f\xff\xff\xff\0\0\0\1",
            b"\1[[[[", b"\xff" * 70000)
TAGS = (b"SELECT 0", b"SELECT 99", b"INSERT 0 0", b"INSERT 0 7", b"COPY 0", b"COPY 7", b"ROLLBACK", b"UPDATE -1", b"", b"X" * 300, b"DELETE \xff")
STATES = (b"ZZ999", b"00000", b"XX000", b"22P03", b"23505", b"23CM1", b"40001", b"42P01", b"57014", b"55P03", b"", b"abcdefgh", b"\xff\xff\xff\xff\xff")


def message(kind, body):
    return kind + struct.pack(">I", len(body) + 4) + body


def cells_of(body):
    """The cells of a DataRow, None for NULL."""
    count, at, cells = struct.unpack(">h", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack(">i", body[at:at + 4])[0]
        cells.append(None if size < 0 else body[at + 4:at + 4 + size])
        at += 4 + max(size, 0)
    return cells


def row_of(cells):
    return struct.pack(">h", len(cells)) + b"".join(
        struct.pack(">i", -1) if cell is None else struct.pack(">I", len(cell)) + cell for cell in cells)


def lie_row(rng, body):
    cells = cells_of(body)
    at = rng.randrange(len(cells)) if cells else 0
    kind = rng.randrange(10)
    if kind == 0:
        return message(b"D", row_of(cells[:at]))
    if kind == 1:
        return message(b"D", row_of(cells + [b"1"]))
    if kind == 2:  # the row is left out, or comes twice
        return message(b"D", body) * rng.choice((0, 2))
    if kind == 3:  # a count or a length that is not so
        wrong = struct.pack(">h", rng.choice((-1, 0, 1, 32767, len(cells) + 1)))
        return message(b"D", wrong + body[2:])
    if kind == 4 and len(body) >= 6:
        wrong = struct.pack(">i", rng.choice((-2, -2147483648, 2147483647, 1 << 20, 0)))
        return message(b"D", body[:2] + wrong + body[6:])
    if kind == 5:
        return message(b"D", body[:rng.randrange(len(body) + 1)])
    if cells:
        cells[at] = None if kind == 6 else rng.choice(TEXTS) if kind < 9 else rng.choice(BINARIES)
    return message(b"D", row_of(cells))


def lie_columns(rng, body):
    """Of a RowDescription: another count, types, formats or lengths."""
    kind = rng.randrange(4)
    if kind == 0:
        return message(b"T", struct.pack(">h", rng.choice((-1, 0, 1, 9999))) + body[2:])
    if kind == 1:
        return message(b"T", struct.pack(">h", 0))
    if kind == 2:
        return message(b"T", body[:rng.randrange(len(body) + 1)])
    wrong = bytearray(body)
    for _ in range(3):
        wrong[rng.randrange(2, len(wrong)) if len(wrong) > 2 else 0] = rng.randrange(256)
    return message(b"T", bytes(wrong))


def name_of(body):
    """Of the first column of a RowDescription."""
    return body[2:body.find(b"\0", 2)] if len(body) > 2 else b""


def lie_number(mode, body, count):
    """One row of a lane's answer, the count-th; its first cell is the number that the lane requested."""
    cells = cells_of(body)
    if mode == -3:
        cells[0] = struct.pack(">I", 0x7fffffff)  # a number that was not requested
    elif mode == -4:
        cells[0] = cells[0][:3]
    elif mode == -5:
        cells[0] = bytes(4)  # the first again
    elif mode == -6:
        cells[0] = None
    elif mode == -7:  # a source of another length
        cells[1] = b"\1"
    elif mode == -8 and count == 1:
        return b""
    return message(b"D", row_of(cells))


def error(rng):
    state = rng.choice(STATES)
    text = rng.choice((b"it is so", b"", b"a\nb\x1b[2J\xff", b"y" * 5000))
    fields = [b"SERROR\0", b"VERROR\0", b"C" + state + b"\0", b"M" + text + b"\0"]
    rng.shuffle(fields)
    return message(b"E", b"".join(fields[:rng.randrange(5)]) + b"\0")


def lie_stream(rng, body):
    """A piece of a COPY: bytes changed, cut, doubled or left out."""
    wrong = bytearray(body)
    kind = rng.randrange(4)
    if kind == 0 and wrong:
        for _ in range(rng.randrange(1, 4)):
            wrong[rng.randrange(len(wrong))] = rng.choice((0, 1, 0x7f, 0x80, 0xff))
    elif kind == 1:
        wrong = wrong[:rng.randrange(len(wrong) + 1)]
    elif kind == 2:
        return message(b"d", body) * rng.choice((0, 2))
    else:
        wrong += b"\0\1\0\0\0\1x"
    return message(b"d", bytes(wrong))


def lie(rng, kind, body):
    """The bytes to send in place of the message; None: the connection ends here, in its middle."""
    chance = rng.randrange(100)
    if chance < 3:
        return None
    if chance < 8 and kind in b"DTCd":
        return error(rng)
    if chance < 11:  # a length that is not the message's
        return kind + struct.pack(">I", rng.choice((0, 3, 4, 5, len(body) + 5, 0x7fffffff, 0xffffffff))) + body
    if chance < 14:  # an answer without a request
        return message(b"N", b"SWARNING\0C01000\0Mx\0\0") + message(b"A", struct.pack(">i", 7) + b"channel\0payload\0") + message(kind, body)
    if kind == b"D":
        return lie_row(rng, body)
    if kind == b"T":
        return lie_columns(rng, body)
    if kind == b"C":
        return message(b"C", rng.choice(TAGS) + b"\0")
    if kind == b"E":
        return rng.choice((b"", error(rng)))
    if kind == b"Z":
        return message(b"Z", bytes([rng.randrange(256)]))
    if kind in b"HG":
        return message(kind, bytes(rng.randrange(256) for _ in range(rng.randrange(len(body) + 1))))
    if kind == b"d":
        return lie_stream(rng, body)
    if kind == b"S":
        return message(b"S", rng.choice((b"client_encoding\0LATIN1\0", b"server_version\0009.0\0", b"x", b"integer_datetimes\0off\0")))
    return message(kind, body)


class Liar:
    """One connection's answers."""

    def __init__(self, rng, rate):
        self.rng, self.rate, self.rest, self.is_open, self.has_lied, self.pieces = rng, rate, b"", False, False, 0
        self.last, self.is_bound, self.columns, self.rows = b"", False, b"", 0

    def take_asked(self, kind, body):
        """A message while only a lane's reads are altered.  -9: the rows of its transactions are left out."""
        if kind == b"T":
            self.is_bound, self.columns, self.rows = self.last == b"2", name_of(body), 0
        self.last = kind
        if kind not in (b"T", b"D") or not self.is_bound or self.columns not in (b"nr", b"pg_backend_pid"):
            return message(kind, body)
        if kind == b"T" and self.columns == b"nr":  # four columns: of dead letters
            print("lie %d %s" % (self.rate(), "retry" if body[:2] == b"\0\4" else "reapply"), flush=True)
        if self.rate() == -9:
            return b""
        if kind == b"T" or self.columns != b"nr":
            return message(kind, body)
        self.rows += 1
        return lie_number(self.rate(), body, self.rows)

    def take(self, data):
        """What to send on; None ends the connection."""
        self.rest += data
        out = b""
        while len(self.rest) >= 5:
            size = struct.unpack(">I", self.rest[1:5])[0] + 1
            if len(self.rest) < size:
                break
            kind, body = self.rest[:1], self.rest[5:size]
            self.rest = self.rest[size:]
            if kind == b"d":
                self.pieces += 1
            is_left_out = {-1: self.pieces % 3 == 0, -2: body == b"\xff\xff"}.get(self.rate(), False)
            if kind == b"d" and is_left_out:
                continue
            said = self.take_asked(kind, body)
            if self.is_open and self.rng.randrange(1000) < self.rate():
                said, self.has_lied = lie(self.rng, kind, body), True
            self.is_open = self.is_open or kind == b"Z"
            if said is None:
                return out + message(kind, body)[:3], True
            out += said
        return out, False


def pump(source, target, change, is_over_when_still):
    """Passes bytes on.  After a lie both sides may wait for each other: a connection on which nothing
    comes any more is ended then.  (A server that is mute is not what is tried here.)"""
    source.settimeout(STILL_S)
    try:
        while True:
            try:
                data = source.recv(65536)
            except socket.timeout:
                if is_over_when_still():
                    break
                continue
            if not data:
                break
            out, is_over = change(data)
            target.sendall(out)
            if is_over:
                break
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listener, server_path, rng_of, rate):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(server_path)
        liar = Liar(rng_of(), rate)
        for args in ((client, server, lambda data: (data, False), lambda: False), (server, client, liar.take, lambda: liar.has_lied)):
            threading.Thread(target=pump, args=args, daemon=True).start()


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen(16)
    return listener


def proxy(listen_path, server_path, seed_file):
    lock, count = threading.Lock(), [0]

    def words():
        return [int(word) for word in open(seed_file, encoding="ascii").read().split()]

    def rng_of():
        with lock:
            count[0] += 1
            return random.Random("%d/%d" % (words()[0], count[0]))
    listener = listen(listen_path)
    print("ready", flush=True)
    serve(listener, server_path, rng_of, lambda: words()[1])


def verbs_of(work):
    """A name and the words of each call; verbs that read are frequent, verbs that write are rare."""
    reads = [["report"], ["report", "--json"], ["dead", "list"], ["dead", "list", "--letters"], ["dead", "show", "@dead", "--why", "a test"],
             ["rules", "list"], ["rules", "list", "--json"], ["explain", "@case"], ["explain", "@case", "--json"],
             ["replay", "--threads", "1"], ["replay", "--threads", "2", "--event", "US-SV-ACA-2019.in_force=2019-09-21", "--json"],
             ["replay", "--threads", "1", "--where", "source=north"], ["rules", "show", "@ruleset"], ["rules", "diff", "@ruleset", "config"]]
    writes = [["db", "migrate"], ["rules", "publish", "config"], ["rules", "activate", "@ruleset", "--why", "a test"],
              ["dead", "retry", "--source", "north", "--why", "a test", "--control", "ipc://" + work + "/control"],
              ["dead", "drop", "--reason", "no_such_case", "--why", "a test"],
              ["replay", "--apply", "--ruleset", "@ruleset", "--threads", "1", "--control", "ipc://" + work + "/control"],
              ["db", "purge", "--source", "nobody", "--before", "2000-01-01", "--yes", "--why", "a test"]]
    return reads * 2 + writes


def fault_of(code, out, err):
    """The fault in the end of a verb, or None."""
    for fault in FAULTS:
        if fault in err or fault in out:
            return fault.decode()
    if code not in (0, 1):  # 2: the verb did not query the server
        return "exit code %s" % code
    if code != 0 and not err.strip() and not out.strip():
        return "exit code %d and no line" % code
    if len(err) > 20000:
        return "%d bytes of faults" % len(err)
    return None


def run_verb(words, seed, rate, paths, names):
    """Runs one verb against a server that lies by the seed; what is wrong, or None."""
    folder, server_path, binary = paths
    where = os.path.join(folder, "verb")
    os.makedirs(where, exist_ok=True)
    path = os.path.join(where, ".s.PGSQL.5432")
    if os.path.exists(path):
        os.unlink(path)
    listener, count = listen(path), [0]

    def rng_of():
        count[0] += 1
        return random.Random("%d/%d" % (seed, count[0]))
    threading.Thread(target=serve, args=(listener, server_path, rng_of, lambda: rate), daemon=True).start()
    call = [os.path.join(binary, "casemill")] + [names.get(word, word) for word in words]
    try:
        done = subprocess.run(call + ["--db", "host=%s user=casemill dbname=casemill" % where], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=WAIT_S, check=False)
        fault, err = fault_of(done.returncode, done.stdout, done.stderr), done.stderr
    except subprocess.TimeoutExpired as late:
        fault, err = "still runs after %d s" % WAIT_S, late.stderr or b""
    listener.close()
    return fault and "%s: seed %d, rate %d: %s: %s" % (" ".join(words), seed, rate, fault, err[-2000:].decode("utf-8", "replace"))


def verbs(folder, server_path, binary, seed, seconds):
    names = dict(line.rstrip("\n").split("=", 1) for line in open(os.path.join(folder, "names"), encoding="utf-8"))
    rng, end = random.Random(seed), time.monotonic() + seconds
    calls = verbs_of(folder)
    runs, faults = {}, {}
    n = 0
    while time.monotonic() < end:
        words = calls[n % len(calls)] if n < len(calls) else rng.choice(calls)
        fault = run_verb(words, seed * 100000 + n, rng.choice((20, 60, 150, 400)), (folder, server_path, binary), names)
        verb = " ".join(words[:2] if words[0] in ("db", "dead", "rules") else words[:1])
        runs[verb] = runs.get(verb, 0) + 1
        if fault:
            faults.setdefault(verb, []).append(fault)
        n += 1
    for verb, count in sorted(runs.items()):
        print("%s - %s ends with one clear line, whatever the server says (%d runs)" % ("not ok" if verb in faults else "ok", verb, count))
        for fault in faults.get(verb, [])[:3]:
            print("    " + fault.replace("\n", "\n    | "))
    print("%d runs, %d faults, seed %d" % (n, sum(map(len, faults.values())), seed))


if sys.argv[1] == "proxy":
    proxy(*sys.argv[2:5])
else:
    verbs(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), float(sys.argv[6]))
