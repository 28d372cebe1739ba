"""Holds a named pipe of one page open for a program's log, and reads it only while a file exists.

  log_reader.py FIFO OUT GATE: once FIFO is open, prints `ready`; while the file GATE exists, appends the bytes from FIFO to OUT
"""
import fcntl
import os
import sys
import time

fifo, out, gate = sys.argv[1:4]
pipe = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
fcntl.fcntl(pipe, 1031, 4096)  # F_SETPIPE_SZ
print("ready", flush=True)
with open(out, "ab", buffering=0) as file:
    while True:
        text = b""
        if os.path.exists(gate):
            try:
                text = os.read(pipe, 65536)
            except BlockingIOError:
                pass
        if text:
            file.write(text)
        else:
            time.sleep(0.02)
