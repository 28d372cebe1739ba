"""Submits cases to a casemill broker and receives their results, with pyzmq and msgpack alone.

    with casemill.Client("tcp://127.0.0.1:5570", source="north") as client:
        client.submit({"case_id": "A-1", "revision": 0, "facts": {"claim_country": "US"}})
        for receipt in client.wait(timeout=60):
            print(receipt.event, receipt.outcomes, receipt.dead)

A client belongs to one thread.  It keeps each batch under one id until its last receipt.  After a new connection, a long
silence or with the next broker it sends the same bytes under the same id again: the broker and the database count a case
once.  The protocol is in common/wire/README.md, the case and the retry rules in common/client/README.md.
"""
from __future__ import annotations

import datetime
import functools
import operator
import os
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, Sequence

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

__version__ = "0.2.0"
__all__ = ["Client", "Receipt", "Result", "DeadLetter", "Error", "Timeout", "ProtocolError", "DISPOSITIONS", "MAX_BATCH_BYTES",
           "MAX_BATCH_CASES"]

DISPOSITIONS = ("not_subject", "exception_applies", "insufficient_information", "screening_required", "subject_to_agreement")
MAX_BATCH_CASES = 65536
MAX_BATCH_BYTES = 2 << 20  # every broker accepts so much
_PATIENCE_S = 0.5  # without a connection, before the next broker of the list
_ASK_S = 1.0  # a waiting client asks the broker for its state so often
_SILENT_S = 3.0
_STEP_S = 0.1
_TRIES = 2  # a batch whose DONE came without the results is sent again so often
_BUSY = {"journal_full": "its journal has reached journal.bytes_max",
         "queue_full": "its limit of waiting batches is reached",
         "rate": "batches arrive faster than its disk can write",
         "stopped": "it accepts nothing until an operator resumes or restarts it"}
_REFUSALS = {zmq.EVENT_HANDSHAKE_FAILED_AUTH: "the broker refuses this key",
             zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "one side requires keys, the other has none",
             zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed: a wrong public key of the broker, or no casemill broker"}
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | functools.reduce(operator.or_, _REFUSALS)


class Error(Exception):
    """Base of this package's errors."""


class Timeout(Error):
    """The time is over; unsettled batches stay unsettled, and nothing is lost.  The text has the reason of the wait."""


class ProtocolError(Error):
    """The peer does not answer as a casemill broker does."""


@dataclass(frozen=True)
class DeadLetter:
    """A case that got no outcome.  `case` counts all cases that this client submitted, from 0."""

    case: int
    reason: str
    path: str = ""
    expected: str = ""
    found: str = ""


@dataclass(frozen=True)
class Result:
    """What one case came to: an outcome, or `dead`.  missing: pairs of the path of a fact to ask for, and its question."""

    case: int
    disposition: str = ""
    agreement: str | None = None  # None: the case was purged since
    reason: str = ""
    duplicate: bool = False  # it was stored before; this is the stored outcome
    missing: Sequence[tuple[str, str]] = ()
    dead: DeadLetter | None = None


@dataclass(frozen=True)
class Receipt:
    """The last receipt of a batch: ACCEPTED (ack="journal"), DONE or REFUSED."""

    event: str
    batch: bytes
    first: int  # number of its first case among all that this client submitted
    count: int
    outcomes: Mapping[str, int] = field(default_factory=dict)  # cases by disposition, duplicates included
    duplicates: int = 0
    dead: Sequence[DeadLetter] = ()  # at most 1,000 are listed
    dead_count: int = 0
    results: Sequence[Result] | None = None  # of each case, with Client(results=True); None: the broker could not give them
    reason: str = ""  # REFUSED: a word of a closed list
    case: int | None = None  # REFUSED: the case, if one is to blame
    offset: int | None = None  # REFUSED: the byte in the body


@dataclass
class _Batch:
    id: bytes
    body: bytes
    count: int
    first: int
    is_sent: bool = False
    heard: float = 0.0  # when it was sent, or last mentioned
    tries: int = 0  # DONEs without the results


def _results(frame: bytes, first: int, count: int) -> list[Result] | None:
    """The runs [first, count, texts, questions, cases] of a body frame (common/wire/README.md, "Results")."""
    found: dict[int, Result] = {}
    try:
        unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=len(frame))
        unpacker.feed(frame)
        for start, _, texts, questions, cases, *_ in unpacker:
            for case, entry in enumerate(cases, first + start):
                if entry[0] is None:
                    reason, path, expected, shown = (texts[number] for number in entry[1:5])
                    found[case] = Result(case, dead=DeadLetter(case, reason, path, expected, shown))
                else:
                    disposition, duplicate, agreement, reason, missing = entry[:5]
                    asked = [(texts[path], texts[questions[path]] if path in questions else "") for path in missing]
                    found[case] = Result(case, DISPOSITIONS[disposition], None if agreement is None else texts[agreement],
                                         texts[reason], duplicate, asked)
    except (ValueError, TypeError, LookupError):
        return None
    return [found[case] for case in sorted(found)] if sorted(found) == list(range(first, first + count)) else None


def _plain(value: Any) -> str:
    """Days and instants as texts; everything else that MessagePack does not have is an error."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise TypeError("a datetime needs its zone")
        return value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"a case cannot hold a {type(value).__name__}")


def _key_line(path: str, start: str) -> str:
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith(start) and not line.startswith("#"):
                return line[len(start):].split()[0]
    raise Error(f"{path}: not a key of `casemill keys new`")


class Client:
    """A connection to one broker, or to the first of several that can be reached.

    brokers: an address or several.  source: this intake system's name; with a key, the key's name.
    ack: "outcome" (a batch is settled when every case is committed) or "journal" (when it is on the broker's disk).
    key, broker_key: files of `casemill keys new`: the own secret one, the broker's public one.
    results: with ack "outcome", a receipt has the result of each case.
    on_busy: called with reason and seconds when the broker is BUSY; it may not call the client, which sends the batch
    again by itself.
    """

    def __init__(self, brokers: str | Sequence[str] = "tcp://127.0.0.1:5570", *, source: str | None = None,
                 ack: str = "outcome", priority: str = "normal", batch_cases: int = 1000, window: int = 32,
                 quiet: float = 10.0, key: str | None = None, broker_key: str | None = None,
                 on_busy: Callable[[str, float], None] | None = None, results: bool = False) -> None:
        self._brokers = [brokers] if isinstance(brokers, str) else list(brokers)
        if not self._brokers or ack not in ("outcome", "journal") or priority not in ("urgent", "normal", "bulk"):
            raise ValueError("brokers, ack or priority: not one of theirs")
        if not 1 <= batch_cases <= MAX_BATCH_CASES or window < 1:
            raise ValueError("batch_cases: 1 to 65536; window: 1 or more")
        if results and ack != "outcome":
            raise ValueError("results: they need ack outcome")
        self._query = {**({} if source is None else {"source": source}), **({"results": True} if results else {})}
        self._header = {"ack": ack, "priority": priority, **self._query}
        self._batch_cases, self._window, self._quiet, self._on_busy = batch_cases, window, quiet, on_busy
        self._keys = None if key is None else (_key_line(key, "secret ").encode(), _key_line(broker_key or "", "").encode())
        self._packer = msgpack.Packer(default=_plain)
        self._open: list[bytes] = []  # the batch being filled
        self._open_bytes = 0
        self._position = 0  # of its first case
        self._batches: dict[bytes, _Batch] = {}  # closed and unsettled, in their order
        self._receipts: list[Receipt] = []
        self._hold = [0.0] * len(self._brokers)  # nothing is sent to a broker before: it was BUSY
        self._current = 0
        self._context = zmq.Context()
        self._connect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection and forgets unsettled batches."""
        if not self._context.closed:
            self._disconnect()
            self._context.term()

    @property
    def broker(self) -> str:
        """The address of the broker in use."""
        return self._brokers[self._current]

    @property
    def unsettled(self) -> int:
        """Closed batches without their last receipt."""
        return len(self._batches)

    def submit(self, case: Mapping[str, Any], timeout: float | None = None) -> None:
        """Adds one case; sends a batch when it is full.  Waits while the window is full, then raises Timeout."""
        packed: bytes = self._packer.pack(case)
        if len(packed) > MAX_BATCH_BYTES:
            raise ValueError("a case has at most 2 MiB")
        if len(self._open) == self._batch_cases or self._open_bytes + len(packed) > MAX_BATCH_BYTES:
            self.flush(timeout)
        self._open.append(packed)
        self._open_bytes += len(packed)

    def flush(self, timeout: float | None = None) -> bytes | None:
        """Closes the open batch, if there is one, and returns its id."""
        if not self._open:
            return None
        self._until(lambda: len(self._batches) < self._window, timeout)
        batch = self._add(os.urandom(16), b"".join(self._open), len(self._open))
        self._open, self._open_bytes = [], 0
        return batch

    def submit_batch(self, cases: Iterable[Mapping[str, Any]], batch: bytes | None = None, timeout: float | None = None) -> bytes:
        """Sends these cases as one batch.  batch: its id of 16 bytes; keep it to send the same batch again in another run."""
        self.flush(timeout)
        packed = [self._packer.pack(case) for case in cases]
        body = b"".join(packed)
        if not 1 <= len(packed) <= MAX_BATCH_CASES or len(body) > MAX_BATCH_BYTES or len(batch or bytes(16)) != 16:
            raise ValueError("a batch has 1 to 65536 cases, at most 2 MiB, and an id of 16 bytes")
        self._until(lambda: len(self._batches) < self._window, timeout)
        return self._add(batch or os.urandom(16), body, len(packed))

    def step(self, timeout: float = 0.0) -> list[Receipt]:
        """Sends what is due, waits up to timeout seconds for receipts, and returns those that came since the last call."""
        self._turn(timeout)
        receipts, self._receipts = self._receipts, []
        return receipts

    def wait(self, timeout: float | None = None) -> list[Receipt]:
        """Waits until every batch is settled.  Raises Timeout.  Returns the receipts since the last call, in
        the order in which batches were settled."""
        self.flush(timeout)
        self._until(lambda: not self._batches, timeout)
        return self.step()

    def why(self) -> str:
        """The broker in use, and in one line why unsettled batches wait: no connection, BUSY with its reason, paused, ..."""
        now = time.monotonic()
        text = "it is connected, and has not answered yet" if not self._heard else "it answers, but has not finished the batches"
        if not self._is_connected:
            text = self._fault or "no connection"
        elif self._asked and now - self._asked >= _ASK_S and now - self._heard >= _SILENT_S:
            text = "it is connected, but does not answer"
        elif self._busy:
            text = f"BUSY {self._busy}: {_BUSY.get(self._busy, 'it accepts no batch now')}"
            text += f"; {self._unready}" if self._unready else ""
        elif self._unready is not None:
            text = self._unready or "at work"
        return f"{self.broker}: {text}"

    def _until(self, is_reached: Callable[[], bool], timeout: float | None) -> None:
        began = progress = time.monotonic()
        unsettled = len(self._batches)
        while not is_reached():
            now = time.monotonic()
            if timeout is not None and now - began >= timeout:
                raise Timeout(f"after {timeout:g} s: {self.why()}")
            if len(self._batches) != unsettled:
                unsettled, progress = len(self._batches), now
            if now - progress >= min(_ASK_S, (timeout or 4.0) / 4):
                self._ask(now)
            self._turn(_STEP_S)

    def _add(self, batch: bytes, body: bytes, count: int) -> bytes:
        self._batches[batch] = _Batch(batch, body, count, self._position)
        self._position += count
        self._turn(0.0)
        return batch

    # --- the connection

    def _connect(self) -> None:
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 200
        self._socket.heartbeat_ivl, self._socket.heartbeat_timeout = 5000, 15000
        self._socket.reconnect_ivl, self._socket.reconnect_ivl_max = 50, 1000
        if self._keys is not None and self.broker.startswith("tcp://"):
            self._socket.curve_secretkey, self._socket.curve_serverkey = self._keys
            self._socket.curve_publickey = zmq.curve_public(self._keys[0])
        self._monitor = self._context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # at a bound libzmq would stop its own thread until the next step
        self._socket.monitor(f"inproc://monitor-{id(self._socket)}", _EVENTS)
        self._monitor.connect(f"inproc://monitor-{id(self._socket)}")
        self._is_connected, self._fault, self._redial = False, "", 0.0
        self._down = time.monotonic()  # since when; of no meaning while connected
        self._forget()
        self._socket.connect(self.broker)

    def _disconnect(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()

    def _forget(self) -> None:
        """What a broker said holds for one connection; what it did not settle is sent again."""
        self._busy, self._unready = "", None  # type: str, str | None
        self._asked = self._pinged = self._heard = 0.0
        for batch in self._batches.values():
            batch.is_sent = False

    def _watch(self, now: float) -> None:
        """Notices connections that come and go."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._is_connected, self._fault = True, ""
                self._forget()
            elif event in _REFUSALS:
                self._fault = _REFUSALS[event]
                self._redial = 0.0 if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL else now + _ASK_S
            elif event == zmq.EVENT_CLOSED:  # an attempt without an answer: an earlier refusal is no longer the reason
                self._fault = ""
            elif event == zmq.EVENT_DISCONNECTED and self._is_connected:
                self._is_connected, self._down = False, now
        if self._redial and now >= self._redial:  # libzmq gives up when it is refused, but the key may be allowed later
            fault = self._fault
            self._disconnect()
            self._connect()
            self._fault = fault

    def _move_on(self, now: float) -> None:
        """Uses the next broker when this one is lost, silent, or stops."""
        is_lost = not self._is_connected and now - self._down > _PATIENCE_S
        is_silent = self._asked and now - self._asked > self._quiet
        if len(self._brokers) > 1 and (is_lost or is_silent or self._busy == "stopped"):
            self._disconnect()
            self._current = (self._current + 1) % len(self._brokers)
            self._connect()

    def _send(self, command: str, header: Mapping[str, Any], *body: bytes) -> bool:
        try:
            self._socket.send_multipart([msgpack.packb(["CM1", command, header]), *body], zmq.DONTWAIT)
            return True
        except zmq.Again:
            return False

    def _ask(self, now: float) -> None:
        if self._is_connected and now - self._pinged >= _ASK_S and self._send("PING", {}):
            self._pinged, self._asked = now, self._asked or now

    def _pump(self, now: float) -> None:
        """Sends what is due, and asks about batches that were not mentioned for long."""
        for batch in self._batches.values():
            if not self._is_connected:
                return
            if not batch.is_sent and now >= self._hold[self._current]:
                batch.is_sent = self._send("SUBMIT", {"batch": batch.id, "count": batch.count, **self._header}, batch.body)
                batch.heard = now
            elif batch.is_sent and now - batch.heard > self._quiet and self._send("QUERY", {"batch": batch.id, **self._query}):
                batch.heard, self._asked = now, self._asked or now

    def _turn(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            self._watch(now)
            self._move_on(now)
            self._pump(now)
            if self._is_connected and self._socket.poll(0):
                while self._socket.poll(0):
                    self._take(*self._socket.recv_multipart())
                return
            if now >= end:
                return
            poller = zmq.Poller()
            poller.register(self._socket, zmq.POLLIN)
            poller.register(self._monitor, zmq.POLLIN)
            poller.poll(int(1000 * min(_STEP_S, end - now)) + 1)

    # --- what the broker answers

    def _take(self, head: bytes, body: bytes = b"", *_: bytes) -> None:
        try:
            version, command, header = msgpack.unpackb(head)
        except (ValueError, TypeError) as error:
            raise ProtocolError(f"{self.broker} does not answer as a casemill broker does") from error
        if version != "CM1" or not isinstance(header, dict):
            raise ProtocolError(f"{self.broker} does not answer as a casemill broker does")
        now = time.monotonic()
        self._heard, self._asked = now, 0.0
        batch = self._batches.get(header.get("batch") or b"")
        if command == "PONG":
            self._unready = "" if header.get("ready") else header.get("unready")
        elif command == "REFUSED" and not header.get("batch"):
            raise ProtocolError(f"{self.broker}: REFUSED {header.get('reason')}")
        elif batch is None:
            return  # settled already, by an earlier answer
        elif command == "BUSY":
            self._take_busy(batch, header, now)
        elif command == "STATUS":
            self._take_status(batch, header, now)
        else:
            self._take_receipt(command, batch, header, now, body)

    def _take_busy(self, batch: _Batch, header: Mapping[str, Any], now: float) -> None:
        seconds = min(max(header["retry_ms"] / 1000, 0.01), 60.0)
        batch.is_sent = False
        self._busy, self._hold[self._current] = header["reason"], now + seconds
        if self._on_busy is not None:
            self._on_busy(header["reason"], seconds)

    def _take_status(self, batch: _Batch, header: Mapping[str, Any], now: float) -> None:
        if header.get("done"):
            self._take_receipt("DONE", batch, header["done"], now)
        elif header["state"] in ("accepted", "working"):
            self._take_receipt("ACCEPTED", batch, header, now)
        else:  # unknown, or its body is damaged there: the same batch again
            batch.is_sent = False

    def _take_receipt(self, command: str, batch: _Batch, header: Mapping[str, Any], now: float, body: bytes = b"") -> None:
        batch.heard = now
        if command in ("ACCEPTED", "DONE"):
            self._busy = ""
        if command == "ACCEPTED" and self._header["ack"] == "outcome" or command not in ("ACCEPTED", "DONE", "REFUSED"):
            return
        wanted = command == "DONE" and "results" in self._query
        results = _results(body, batch.first, batch.count) if wanted else None
        if wanted and results is None and batch.tries < _TRIES:
            batch.tries += 1
            batch.is_sent = False  # sent again it has the results that are stored
            return
        dead = [DeadLetter(batch.first + one["index"], one["reason"], one.get("path") or "", one.get("expected") or "",
                           one.get("found") or "") for one in header.get("dead", ())]
        index = header.get("index")
        del self._batches[batch.id]
        self._receipts.append(Receipt(
            command, batch.id, batch.first, batch.count, header.get("outcomes", {}), header.get("duplicates", 0), dead,
            header.get("dead_count", 0), results, header.get("reason", ""), None if index is None else batch.first + index,
            header.get("offset")))
