"""Runs `casemill top` on a terminal of its own: top_pty.py CASEMILL CONTROL

Prints a line per check, `ok` or `not ok`. It draws within the terminal's size and follows a change of size. It ends
on q and on Ctrl-C with exit code 0, stops on Ctrl-Z and continues, and restores the terminal each time.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
DEADLINE_S = 20


def check(text, passed):
    print("ok" if passed else "not ok", text, flush=True)


class Terminal:
    def __init__(self, lines, columns):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size = struct.pack("HHHH", lines, columns, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.read(0, 1)  # the modes are read before it runs
            os.execv(sys.argv[1], [sys.argv[1], "top", "--control", sys.argv[2]])
        self.said = b""
        self.modes = termios.tcgetattr(self.fd)
        os.write(self.fd, b"\n")

    def read(self):
        if select.select([self.fd], [], [], 0.1)[0]:
            try:
                self.said += os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                return False
        return True

    def wait_for(self, condition):
        end = time.time() + DEADLINE_S
        while not condition() and time.time() < end:
            self.read()
        return condition()

    def pages(self):
        """Whole pages: the text between two `home`s."""
        return self.said.split(b"\x1b[H")[1:-1]

    def status(self):
        """Of the process, once it has stopped or ended; None when it does not."""
        end = time.time() + DEADLINE_S
        while time.time() < end:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid != 0:
                while self.read() and select.select([self.fd], [], [], 0)[0]:
                    pass
                return status
        os.kill(self.pid, signal.SIGKILL)
        return None

    def is_as_before(self):
        return self.said.endswith(LEAVE) and termios.tcgetattr(self.fd) == self.modes


def fits(page, lines, columns):
    rows = re.sub(rb"\x1b\[[KJ]|\r", b"", page).split(b"\n")
    return len(rows) <= lines and all(len(row) <= columns for row in rows)


terminal = Terminal(24, 80)
check("a page is drawn", terminal.wait_for(lambda: any(b" ready" in page for page in terminal.pages())))
check("it has sources and lanes", all(word in terminal.pages()[-1] for word in (b"SOURCE", b"WORKER", b"journal")))
check("it fits", all(fits(page, 24, 80) for page in terminal.pages()))
check("keys are not echoed", termios.tcgetattr(terminal.fd)[3] & (termios.ECHO | termios.ICANON) == 0)
terminal.said = b""
fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 40, 0, 0))
small = lambda: any(fits(page, 9, 40) and b"casemill top" in page for page in terminal.pages())
check("a smaller terminal gets a smaller page", terminal.wait_for(small))
os.write(terminal.fd, b"\x1a")
status = terminal.status()
check("Ctrl-Z stops it", status is not None and os.WIFSTOPPED(status))
check("and the terminal is as before", terminal.is_as_before())
terminal.said = b""
os.kill(terminal.pid, signal.SIGCONT)
check("it goes on", terminal.wait_for(lambda: ENTER in terminal.said and len(terminal.pages()) > 0))
os.write(terminal.fd, b"q")
check("q ends it with exit code 0", terminal.status() == 0)
check("and the terminal is as before", terminal.is_as_before())
for name, key in (("Ctrl-C", b"\x03"), ("Ctrl-\\", b"\x1c")):
    terminal = Terminal(24, 80)
    terminal.wait_for(lambda: len(terminal.pages()) > 0)
    os.write(terminal.fd, key)
    check("%s ends it with exit code 0" % name, terminal.status() == 0)
    check("and the terminal is as before", terminal.is_as_before())
