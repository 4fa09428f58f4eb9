"""Tests with real processes on loopback: `INTERREGNUM_PROGRAM=… python3 -m unittest discover clients/python/tests`."""

import json
import math
import os
import socket
import subprocess
import sys
import time
import unittest
import uuid
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import interregnum  # noqa: E402

PATIENCE = 30.0


def unused_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class BusTest(unittest.TestCase):
    def setUp(self) -> None:
        self.room, self.port = f"room {uuid.uuid4().hex[:12]}", unused_port()

    def member(self, name: str, **more) -> interregnum.Bus:
        bus = interregnum.join(self.room, name, ip="127.0.0.1", beacon_port=self.port, **more)
        self.addCleanup(bus.close)
        return bus

    def hear(self, bus: interregnum.Bus, wanted, count: int = 1) -> list:
        heard, end = [], time.monotonic() + PATIENCE
        while len(heard) < count:
            self.assertLess(time.monotonic(), end, f"{len(heard)} of {count}")
            bus.wait(0.1)
            heard += [it for it in bus.get_events() if wanted(it)]
        return heard

    def test_two_hear_each_other_and_none_of_the_first_is_lost(self) -> None:
        ada, ben = self.member("Ada"), self.member("Ben")
        for n in range(100):
            self.assertTrue(ada.send_event("count", n, durable=True))
        is_count = lambda it: isinstance(it, interregnum.Event) and it.topic == "count"
        for bus in (ben, ada):
            self.assertEqual([it.data for it in self.hear(bus, is_count, 100)], list(range(100)))
        self.assertEqual(ben.members[ada.me], "Ada")
        cleo = self.member("Cleo")
        end = time.monotonic() + PATIENCE
        while len(cleo.history(topic="count")) < 100:
            self.assertLess(time.monotonic(), end)
        self.assertEqual([it.data for it in cleo.history(limit=3)], [97, 98, 99])

    def test_who_says_something_and_never_listens_is_heard(self) -> None:
        ada, ben = self.member("Ada"), self.member("Ben")
        heard, n, end = [], 0, time.monotonic() + PATIENCE
        while not heard:
            self.assertLess(time.monotonic(), end)
            ada.send_event("place", n)
            n += 1
            ben.wait(0.02)
            heard = [it for it in ben.events() if it.topic == "place"]

    def test_who_is_killed_is_gone_and_the_others_go_on(self) -> None:
        buses = [self.member(name) for name in ("Ada", "Ben", "Cleo")]
        for bus in buses:
            self.hear(bus, lambda it: isinstance(it, interregnum.Here))
        victim = buses[0]
        victim._process.kill()  # its bridge, and with it its node
        left = victim.me
        for bus in buses[1:]:
            self.hear(bus, lambda it: isinstance(it, interregnum.Gone) and it.sender == left)
        buses[1].send_event("still", "here", durable=True)
        self.hear(buses[2], lambda it: isinstance(it, interregnum.Event) and it.data == "here")
        # The killed one comes back by itself, as somebody new.
        self.hear(victim, lambda it: isinstance(it, interregnum.Event) or victim.me not in (None, left))
        victim.send_event("back", 1, durable=True)
        self.hear(buses[1], lambda it: isinstance(it, interregnum.Event) and it.topic == "back")

    def test_a_frame_never_waits(self) -> None:
        bus = self.member("Ada")
        longest = 0.0
        for n in range(600):
            began = time.perf_counter()
            bus.send_event("place", [n, n])
            bus.get_events()
            longest = max(longest, time.perf_counter() - began)
            time.sleep(0.001)
        self.assertLess(longest, 0.25)

    def test_a_bridge_that_is_named_serves_several(self) -> None:
        program = interregnum._bus._program()
        command = [program, "bridge", "--json", "--tied", "--ip", "127.0.0.1", "--beacon-port", str(self.port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            told = json.loads(process.stdout.readline())
            at = {"bridge": told["address"], "token": told["token"]}
            one, other = (interregnum.join(self.room, name, **at) for name in ("Ada", "Ben"))
            one.send_event("t", {"a": [1, None, "ü"]}, durable=True, id=5)
            is_t = lambda it: isinstance(it, interregnum.Event) and it.topic == "t"
            self.assertEqual(self.hear(other, is_t)[0].data, {"a": [1, None, "ü"]})
            one.send_event("t", "x" * 2000, id=6)
            refused = self.hear(one, lambda it: isinstance(it, interregnum.Refused))[0]
            self.assertEqual(refused.id, 6)
            self.assertIn("900 bytes", refused.why)
            one.close()
            other.close()
            process.stdin.close()
            process.wait(PATIENCE)

    def test_without_the_program_it_says_so(self) -> None:
        before = os.environ.get("INTERREGNUM_PROGRAM")
        os.environ["INTERREGNUM_PROGRAM"] = "/nowhere/interregnum"
        try:
            with self.assertRaises(interregnum.NoProgram):
                interregnum.join(self.room)
        finally:
            os.environ.pop("INTERREGNUM_PROGRAM")
            if before is not None:
                os.environ["INTERREGNUM_PROGRAM"] = before


class MotionTest(unittest.TestCase):
    def test_what_is_extrapolated_is_off_by_less_than_a_third_of_what_is_held(self) -> None:
        def truth(ms):
            turn, pace = ms / 3000 * math.tau, math.tau / 3
            return ([100 * math.cos(turn), 100 * math.sin(turn)],
                    [-100 * pace * math.sin(turn), 100 * pace * math.cos(turn)])

        motion, held, sums = interregnum.Motion(), None, [0.0, 0.0]
        arrivals = [(n * 100.0, n * 100.0 + n * 7 % 21 + 1) for n in range(300) if n % 20 != 7]
        for now in range(29_000):
            while arrivals and arrivals[0][1] <= now:
                sent, heard = arrivals.pop(0)
                held = truth(sent)[0]
                motion.hear(sent, heard, *truth(sent))
            if now > 1_000:
                real = truth(now)[0]
                for n, shown in enumerate((held, motion.at(now))):
                    sums[n] += math.dist(shown, real)
        self.assertLess(sums[1], sums[0] / 3)


if __name__ == "__main__":
    unittest.main()
