"""The bus: a connection with a bridge, which is started if none is named."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

_AGAIN_MIN = 0.1
_AGAIN_MAX = 5.0
_STARTS_WITHIN = 10.0
_CONNECTS_WITHIN = 2.0
_WAITING_MAX = 1 << 20
_READ_AT_ONCE = 1 << 20


class Event(NamedTuple):
    """Somebody has said something."""

    sender: str
    """Who: an id."""
    name: str
    """What that one is called."""
    topic: str
    data: Any
    durable: bool
    mine: bool
    """Whether it was said here: it is heard in its place like everything else."""
    place: int
    """Where it stands in the order of all."""
    sent_ms: float
    """When it was said, by its sender's clock: for a `Motion`."""
    heard_ms: float
    """When it was heard, by the clock of `Bus.now_ms`."""


class Here(NamedTuple):
    """Somebody is there."""

    sender: str
    name: str


class Gone(NamedTuple):
    """Somebody has left, or nothing is heard of it any more: what it said last is nothing now."""

    sender: str


class Host(NamedTuple):
    """Somebody else gives the order; for so many milliseconds nothing came."""

    sender: str
    gap_ms: Optional[float]


class Missed(NamedTuple):
    """So much was said that was not heard here; what is durable stands in the history."""

    count: int


class Said(NamedTuple):
    """What was sent with this id has its place, and is kept."""

    id: int


class Refused(NamedTuple):
    """What was sent with this id was not said."""

    id: Optional[int]
    why: str


Heard = Union[Event, Here, Gone, Host, Missed, Said, Refused]


class NoProgram(Exception):
    """The program `interregnum` is not to be found, or does not start."""


def join(room: str, name: Optional[str] = None, **settings: Any) -> "Bus":
    """Joins a room. `settings` are those of `Bus`."""
    return Bus(room, name, **settings)


def _program() -> str:
    """The program that came along, or the one that the environment or the path names."""
    named = os.environ.get("INTERREGNUM_PROGRAM")
    if named:
        return named
    suffix = ".exe" if sys.platform == "win32" else ""
    along = Path(__file__).with_name("bin") / f"interregnum{suffix}"
    if along.exists():
        return str(along)
    found = shutil.which("interregnum")
    if found is None:
        raise NoProgram(
            "the program interregnum is not here: install the wheel that brings it along, put it in the PATH, or "
            "name it in INTERREGNUM_PROGRAM"
        )
    return found


class Bus:
    """A member of a room.

    `bridge` is the address of a bridge that runs, "127.0.0.1:7000", with its `token`; by default those in
    INTERREGNUM_BRIDGE and INTERREGNUM_TOKEN, and if there are none a bridge of its own is started, and ends with it.
    `ip` and `peer` say where that one lives and looks, `passphrase` locks the room; `listen` says nothing itself.

    Nothing here waits: call `get_events` (or `pump`) once a frame. Use it from one thread.
    """

    def __init__(
        self,
        room: str,
        name: Optional[str] = None,
        *,
        bridge: Optional[str] = None,
        token: Optional[str] = None,
        listen: bool = False,
        ip: Optional[str] = None,
        peer: Optional[str] = None,
        beacon_port: Optional[int] = None,
        passphrase: Optional[str] = None,
    ) -> None:
        self.room = room
        self.name = name
        self.me: Optional[str] = None
        """Who this is; None while it is not in."""
        self.members: Dict[str, str] = {}
        """Who is there, and what each is called."""
        self._listen = listen
        self._named = bridge or os.environ.get("INTERREGNUM_BRIDGE") or None
        self._token = token or os.environ.get("INTERREGNUM_TOKEN", "")
        self._options = _options(ip, peer, beacon_port)
        self._passphrase = passphrase
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._socket: Optional[socket.socket] = None
        self._in = bytearray()
        self._out = bytearray()
        self._sent = 0
        self._heard: Deque[Heard] = deque()
        self._histories: Dict[int, List[Event]] = {}
        self._latest: Dict[str, bytes] = {}
        self._number = 0
        self._closed = False
        self._again = _AGAIN_MIN
        self._next_try = 0.0
        self._apart: Optional[float] = None
        if self._named is None:
            self._start()
        self._connect()

    # What a program calls.

    def send_event(self, topic: str, data: Any = None, *, durable: bool = False, id: Optional[int] = None) -> bool:
        """Says something: anything that JSON can tell, in 900 bytes. Whether there was room for it here; a bridge
        that has none tells so with a `Refused`. With an `id` a durable one is answered by `Said`."""
        asked: Dict[str, Any] = {"topic": topic, "data": data, "durable": durable}
        if id is not None:
            asked["id"] = id
        line = _line({"send": asked})
        if self.me is None:
            self.pump()  # whoever only says something gets in, too
        if self.me is None and not durable:
            self._latest[topic] = line  # the newest goes as soon as it is in
            return True
        if len(self._out) + len(line) > _WAITING_MAX:
            self._flush()
            if len(self._out) + len(line) > _WAITING_MAX:
                return False
        self._out += line
        self._flush()
        return True

    def get_events(self) -> List[Heard]:
        """All that was heard since the last call: `Event`, `Here`, `Gone`, `Host`, `Missed`, `Said`, `Refused`."""
        self.pump()
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def events(self) -> Iterator[Event]:
        """Only what was said, since the last call."""
        return (heard for heard in self.get_events() if isinstance(heard, Event))

    def pump(self) -> None:
        """Sends and receives what can be without waiting, and connects again if need be."""
        if self._closed:
            return
        if self._socket is None and time.monotonic() >= self._next_try:
            self._reconnect()
        self._read()
        self._flush()

    def wait(self, seconds: float) -> bool:
        """Waits until something is to be heard, or so long; for scripts without frames. Whether there is something."""
        import select

        end = time.monotonic() + seconds
        while True:
            self.pump()
            left = end - time.monotonic()
            if self._heard or left <= 0:
                return bool(self._heard)
            if self._socket is None:
                time.sleep(min(left, 0.02))
                continue
            writes = [self._socket] if self._out else []
            select.select([self._socket], writes, [], min(left, 0.25))

    def history(
        self, *, after: int = 0, limit: int = 1000, topic: Optional[str] = None, seconds: float = 5.0
    ) -> List[Event]:
        """The newest `limit` durable events behind a place, the oldest first; waits for the bridge, so long at most."""
        self._number += 1
        asked: Dict[str, Any] = {"after": after, "limit": limit, "id": self._number}
        if topic is not None:
            asked["topic"] = topic
        self._out += _line({"history": asked})
        end = time.monotonic() + seconds
        kept: List[Heard] = []
        while self._number not in self._histories and time.monotonic() < end:
            self.wait(0.02)
            kept.extend(self._heard)
            self._heard.clear()
        self._heard.extend(kept)
        return self._histories.pop(self._number, [])

    def now_ms(self) -> float:
        """The clock of `Event.heard_ms`."""
        return time.monotonic() * 1_000.0

    def close(self) -> None:
        """Leaves, after what was said has gone out."""
        if self._closed:
            return
        end = time.monotonic() + 0.5
        while self._out and self._socket is not None and time.monotonic() < end:
            self._flush()
            time.sleep(0.001)
        self._closed = True
        self._drop()
        if self._process is not None:
            process, self._process = self._process, None
            _end(process)

    def __enter__(self) -> "Bus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # the interpreter may be half gone
            pass

    # How it is done.

    def _start(self) -> None:
        """Starts a bridge, which ends with this process."""
        if self._process is not None:
            _end(self._process)  # it has ended by itself
        environment = dict(os.environ)
        if self._passphrase:
            environment["GAME_PASSPHRASE"] = self._passphrase
        command = [_program(), "bridge", "--json", "--tied", *self._options]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as error:
            raise NoProgram(f"{command[0]} does not start: {error}") from error
        line = self._process.stdout.readline() if self._process.stdout else b""
        try:
            told = json.loads(line)
            self._address, self._own_token = told["address"], told["token"]
        except (ValueError, KeyError) as error:
            code = self._process.poll()
            raise NoProgram(f"{command[0]} is no bridge (it ended with {code}): is it an older version?") from error

    def _connect(self) -> None:
        address, token = (self._named, self._token) if self._named else (self._address, self._own_token)
        host, _, port = address.rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=_CONNECTS_WITHIN)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._socket = connection
        self._in.clear()
        asked: Dict[str, Any] = {"room": self.room, "listen": self._listen}
        if self.name is not None:
            asked["name"] = self.name
        # Behind these stands whatever waited.
        self._out[:0] = _line({"token": token}) + _line({"join": asked})
        self._flush()

    def _reconnect(self) -> None:
        try:
            if self._named is None and (self._process is None or self._process.poll() is not None):
                self._start()
            self._connect()
        except (OSError, NoProgram):
            self._lost()

    def _lost(self) -> None:
        """Nothing reaches the bridge: it is tried again, later each time."""
        self._drop()
        self._next_try = time.monotonic() + self._again * random.uniform(0.75, 1.25)
        self._again = min(self._again * 2, _AGAIN_MAX)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.me = None
        self._sent = 0  # a line that has gone by half goes again
        for sender in self.members:
            self._heard.append(Gone(sender))
        self.members = {}

    def _flush(self) -> None:
        while self._out and self._socket is not None:
            try:
                with memoryview(self._out) as waiting:
                    sent = self._sent + self._socket.send(waiting[self._sent :])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._lost()
                return
            whole = self._out.rfind(b"\n", 0, sent) + 1
            self._sent = sent - whole
            del self._out[:whole]

    def _read(self) -> None:
        read = 0
        while self._socket is not None and read < _READ_AT_ONCE:
            try:
                chunk = self._socket.recv(1 << 16)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno != errno.EINTR:
                    self._lost()
                break
            if not chunk:
                self._lost()
                break
            read += len(chunk)
            self._in += chunk
        if not read:
            return
        *lines, rest = self._in.split(b"\n")
        self._in = bytearray(rest)
        for line in lines:
            if line:
                self._hear(json.loads(line))

    def _hear(self, told: Dict[str, Any]) -> None:
        ((what, said),) = told.items()
        if what == "message":
            self._heard.append(self._event(said))
        elif what == "joined":
            self.me, self._again = said["me"], _AGAIN_MIN
            for line in self._latest.values():
                self._out += line
            self._latest = {}
        elif what == "here":
            self.members[said["id"]] = said["name"]
            self._heard.append(Here(said["id"], said["name"]))
        elif what == "gone":
            self.members.pop(said["id"], None)
            self._heard.append(Gone(said["id"]))
        elif what == "host":
            self._heard.append(Host(said["id"], said["gap_ms"]))
        elif what == "missed":
            self._heard.append(Missed(said["count"]))
        elif what == "said":
            self._heard.append(Said(said["id"]))
        elif what == "refused":
            self._heard.append(Refused(said["id"], said["why"]))
        elif what == "history":
            self._histories[said["id"]] = [self._event(message) for message in said["messages"]]
        elif what == "error":
            self._heard.append(Refused(None, said["why"]))

    def _event(self, said: Dict[str, Any]) -> Event:
        return Event(
            said["from"], said["name"], said["topic"], said["data"], said["durable"], said["mine"], said["place"],
            float(said["sent_ms"]), self.now_ms(),
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It ends with its input, politely."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(3.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _line(asked: Dict[str, Any]) -> bytes:
    return json.dumps(asked, separators=(",", ":")).encode() + b"\n"


def _options(ip: Optional[str], peer: Optional[str], beacon_port: Optional[int]) -> Tuple[str, ...]:
    given = (("--ip", ip), ("--peer", peer), ("--beacon-port", beacon_port))
    return tuple(word for option, value in given if value is not None for word in (option, str(value)))
