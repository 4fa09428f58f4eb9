"""The bus beside Zenoh, in one table: python3 beside_zenoh.py [ROUNDS]. Needs `pip install eclipse-zenoh`, and Linux.

Real processes on this machine: how soon two fresh ones hear each other, how many of the first ten things are lost, how
long something takes from one to the other, and what one more who listens costs, all its processes together.
"""
from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
FIRST, PATIENCE, PACE = 10, 20.0, 0.005


class Interregnum:
    """One who says and hears, by way of the bus."""

    def __init__(self, room: str, durable: bool) -> None:
        import interregnum

        self.durable, self.event = durable, interregnum.Event
        self.bus = interregnum.join(room, ip="127.0.0.1")

    def say(self, topic: str, data: object) -> None:
        self.bus.send_event(topic, data, durable=self.durable)

    def hear(self, topic: str, seconds: float) -> list:
        self.bus.wait(seconds)
        heard = self.bus.get_events()
        return [it.data for it in heard if isinstance(it, self.event) and not it.mine and it.topic.startswith(topic + "/")]


class Zenoh:
    """The same by way of Zenoh, a peer with its defaults."""

    def __init__(self, room: str, _durable: bool) -> None:
        import zenoh

        self.room, self.session, self.heard = room, zenoh.open(zenoh.Config()), {}
        self.publishers = {}
        for topic in ("ask", "answer"):
            self.heard[topic] = queue.Queue()

    def listen(self, topic: str) -> None:
        put = self.heard[topic].put
        self.session.declare_subscriber(
            f"{self.room}/{topic}/**", lambda sample: put(json.loads(sample.payload.to_string()))
        )

    def say(self, topic: str, data: object) -> None:
        if topic not in self.publishers:
            self.publishers[topic] = self.session.declare_publisher(f"{self.room}/{topic}")
        self.publishers[topic].put(json.dumps(data))

    def hear(self, topic: str, seconds: float) -> list:
        try:
            return [self.heard[topic].get(timeout=seconds)]
        except queue.Empty:
            return []


KINDS = {"latest": (Interregnum, False), "durable": (Interregnum, True), "zenoh": (Zenoh, False)}


def member(kind: str, room: str, hears: str):
    make, durable = KINDS[kind]
    made = make(room, durable)
    if kind == "zenoh":
        made.listen(hears)
    return made


def says_first(kind: str, room: str) -> None:
    it = member(kind, room, "answer")
    n, end = 0, time.monotonic() + 3.0
    while time.monotonic() < end:
        it.say(f"ask/{n % 16}", n)
        n += 1
        time.sleep(0.001 if n < FIRST else 0.02)


def hears_first(kind: str, room: str) -> None:
    it, heard, first = member(kind, room, "ask"), set(), None
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        for n in it.hear("ask", 0.05):
            first = first or time.monotonic()
            heard.add(n)
    print(json.dumps([first, len(set(range(FIRST)) - heard)]))


def answers(kind: str, room: str) -> None:
    it = member(kind, room, "ask")
    while True:
        for n in it.hear("ask", 1.0):
            it.say(f"answer/{n % 16}", [n, time.monotonic()])
            if n < 0:
                return


def asks(kind: str, room: str, count: int) -> None:
    it, took = member(kind, room, "answer"), []
    time.sleep(1.5)
    for n in range(count):
        said, end = time.monotonic(), time.monotonic() + PATIENCE
        it.say(f"ask/{n % 16}", n)
        answer = None
        while answer is None and time.monotonic() < end:
            answer = next((heard for of, heard in it.hear("answer", 1.0) if of == n), None)
        if answer is None:
            raise SystemExit(f"{kind}: no answer to {n}")
        took.append((answer - said) * 1e6)
        time.sleep(PACE)
    took.sort()
    print(json.dumps([took[len(took) // 2], took[len(took) * 99 // 100], took[-1]]))
    it.say("ask/0", -1)
    time.sleep(0.3)


def listens(kind: str, room: str) -> None:
    it = member(kind, room, "ask")
    while True:
        it.hear("ask", 1.0)


def says(kind: str, room: str) -> None:
    it = member(kind, room, "answer")
    n = 0
    while True:
        it.say(f"ask/{n % 16}", n)
        n += 1
        if hasattr(it, "bus"):
            it.bus.get_events()
        time.sleep(PACE)


def start(role: str, kind: str, room: str, *more: str, out: bool = False) -> subprocess.Popen:
    command = [sys.executable, __file__, role, kind, room, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE if out else None, start_new_session=True)


def end(processes: list) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()


def processor_seconds(sessions: set) -> float:
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in sessions:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(kind: str, listeners: int) -> float:
    """Microseconds of processors for each thing said, with so many who listen."""
    room, span = f"r{uuid.uuid4().hex[:8]}", 4.0
    processes = [start("says", kind, room)] + [start("listens", kind, room) for _ in range(listeners)]
    sessions = {process.pid for process in processes}
    time.sleep(2.5)
    before, began = processor_seconds(sessions), time.monotonic()
    time.sleep(span)
    spent, took = processor_seconds(sessions) - before, time.monotonic() - began
    end(processes)
    return spent / (took / PACE) * 1e6


def measure(kind: str, rounds: int) -> None:
    firsts, lost = [], 0
    for _ in range(rounds):
        room, began = f"r{uuid.uuid4().hex[:8]}", time.monotonic()
        hears = start("hears_first", kind, room, out=True)
        said = start("says_first", kind, room)
        first, missed = json.loads(hears.communicate()[0])
        end([said])
        firsts.append((first - began) * 1e3 if first else float("inf"))
        lost += missed
    firsts.sort()
    room = f"r{uuid.uuid4().hex[:8]}"
    answering = start("answers", kind, room)
    half, most, longest = json.loads(start("asks", kind, room, "1500", out=True).communicate()[0])
    end([answering])
    more = (cost(kind, 5) - cost(kind, 1)) / 4
    # Of what is latest the older gives way to the newer: that is no loss.
    told = "-" if kind == "latest" else f"{lost} of {FIRST * rounds}"
    print(f"{kind:8} {firsts[len(firsts) // 2]:8.0f} {firsts[-1]:8.0f} {told:>12} "
          f"{half:8.0f} {most:8.0f} {longest:8.0f} {more:10.0f}", flush=True)


def main() -> None:
    if len(sys.argv) > 2:
        _, role, kind, room, *more = sys.argv
        return globals()[role](kind, room, *map(int, more))
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    if "GAME_BEACON_PORT" not in os.environ:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            os.environ["GAME_BEACON_PORT"] = str(unused.getsockname()[1])
    print("            first, ms     lost of       one way, µs              one more who")
    print("          median  longest  the first    median  99 of 100 longest listens, µs")
    for kind in KINDS:
        measure(kind, rounds)


if __name__ == "__main__":
    main()
