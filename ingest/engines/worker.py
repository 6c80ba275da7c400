"""A worker process of `Processes`: `python -m ingest.engines.worker SOCKET…`, of which each is the way to one worker.

It becomes one process for each of its sockets once it has loaded what all of them need. A worker ends when its parent
does, and at the first call that fails.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from ingest.engines import alarm

_LENGTH = struct.Struct(">Q")


def send(way: socket.socket, message: object) -> None:
    """Send a message, with its length before it.

    Raises:
        OSError: nobody is there.
    """
    pickled = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    way.sendall(_LENGTH.pack(len(pickled)))
    way.sendall(pickled)


def receive(way: socket.socket) -> Any:
    """Receive a message.

    Raises:
        OSError: nobody is there.
        EOFError: nobody is there any more.
    """
    (size,) = _LENGTH.unpack(_read(way, _LENGTH.size))
    return pickle.loads(_read(way, size))  # noqa: S301 - of our own processes


def _read(way: socket.socket, size: int) -> bytearray:
    content = bytearray(size)
    rest = memoryview(content)
    while rest:
        got = way.recv_into(rest)
        if not got:
            raise EOFError
        rest = rest[got:]
    return content


def main() -> None:
    """Answer calls until there are no more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # and not at once: what a call began is ended too
    alarm.take()
    ways = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    receive(ways[0])()
    gc.freeze()  # what is loaded stays, and is shared
    for number in range(1, len(ways)):
        if os.fork() == 0:
            _answer(ways, number)
            return
    try:
        _answer(ways, 0)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the others are ended by it too, and waited for
        with suppress(ChildProcessError):  # none left
            while True:
                os.wait()


def _answer(ways: list[socket.socket], number: int) -> None:
    for other in ways[:number] + ways[number + 1 :]:
        other.close()  # its end is to be seen where it is answered
    way = ways[number]
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        send(way, None)  # we are there
        while True:
            function, argument = receive(way)
            send(way, function(argument))


if __name__ == "__main__":
    main()
