"""A bus for games and scripts on one local network: two calls, no server, and nothing that was said is lost.

    import interregnum

    bus = interregnum.join("kitchen", name="Ada")
    bus.send_event("soup", {"is": "ready"}, durable=True)
    while True:
        for event in bus.get_events():        # once a frame; it never waits
            print(event.name, event.topic, event.data)

Everybody in a room hears what everybody says there, in one order. Nobody keeps a server running: whoever is killed,
the others go on. What is *latest* (a position) gives way to what is newer, and goes when its sender goes; what is
*durable* (a goal) is written down on every machine, and nobody misses it.

No package is needed besides this one; the program `interregnum` comes with it in its wheel, or is looked for.
"""

from ._bus import Bus, Event, Gone, Here, Host, Missed, NoProgram, Refused, Said, join
from ._motion import Motion

__all__ = [
    "Bus", "Event", "Gone", "Here", "Host", "Missed", "Motion", "NoProgram", "Refused", "Said", "join",
]
__version__ = "0.1.0"
