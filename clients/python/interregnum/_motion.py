"""Where something is between two messages that say so, and after the last one."""

from __future__ import annotations

from collections import deque
from typing import Deque, List, Optional, Sequence, Tuple

_PLACES_MAX = 16

GOES_ON_MAX_MS = 500.0
"""A thing goes straight on for so long after the last word of it; then it stands."""


class Motion:
    """The way of one thing, in any number of directions.

    In between it is interpolated, on the cubic through both places that has both speeds there (Hermite's); after
    the last one it is extrapolated. The quickest message so far says how far the sender's clock and the own one are
    apart, so that messages that come late, or in a bunch, move nothing.

    `delay_ms` shows things so long after they were so: 0 is now, mostly extrapolated; as long as the time between two
    messages and a little more, and all of it is interpolated.
    """

    def __init__(self, delay_ms: float = 0.0) -> None:
        self.delay_ms = delay_ms
        self._places: Deque[Tuple[float, List[float], Optional[List[float]]]] = deque(maxlen=_PLACES_MAX)
        self._apart: Optional[float] = None

    def hear(
        self, sent_ms: float, heard_ms: float, at: Sequence[float], speed: Optional[Sequence[float]] = None
    ) -> None:
        """A message said so: sent at this time of its sender's clock, heard at this one of the own; the speed in
        units a second. What was sent before something that is known already says nothing."""
        if self._places and self._places[-1][0] >= sent_ms:
            return
        took = heard_ms - sent_ms
        self._apart = took if self._apart is None else min(self._apart, took)
        self._places.append((sent_ms, list(at), None if speed is None else list(speed)))

    def at(self, now_ms: float) -> Optional[List[float]]:
        """Where it is at this time of the own clock; None before anything was heard."""
        if self._apart is None:
            return None
        time = now_ms - self._apart - self.delay_ms
        after = next((n for n, place in enumerate(self._places) if place[0] > time), len(self._places))
        if after == 0:
            return list(self._places[0][1])
        sent, here, _ = self._places[after - 1]
        speed = self._speed(after - 1)
        if after == len(self._places):
            seconds = min(time - sent, GOES_ON_MAX_MS) / 1_000.0
            return [x + v * seconds for x, v in zip(here, speed)]
        next_sent, there, _ = self._places[after]
        next_speed = self._speed(after)
        span = (next_sent - sent) / 1_000.0
        part = (time - sent) / 1_000.0 / span
        two, three = part * part, part * part * part
        return [
            (2 * three - 3 * two + 1) * here[n]
            + (three - 2 * two + part) * span * speed[n]
            + (3 * two - 2 * three) * there[n]
            + (three - two) * span * next_speed[n]
            for n in range(len(here))
        ]

    def _speed(self, place: int) -> List[float]:
        sent, at, speed = self._places[place]
        if speed is not None:
            return speed
        if place == 0:
            return [0.0] * len(at)
        before_sent, before, _ = self._places[place - 1]
        seconds = (sent - before_sent) / 1_000.0
        return [(x - y) / seconds for x, y in zip(at, before)]
