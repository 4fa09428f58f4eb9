"""Flies ten things and looks how far the others' are shown from where they are. Started by `.ci/lossy-flight`.

Every process knows all ways, and the machine has one clock: so each frame can say how far off it is.
"""
import json, math, os, random, sys, time
import interregnum, pygame

THINGS, SENDS_EVERY, SETTLES = 10, 0.1, 1.0
name, end = sys.argv[1], time.monotonic() + float(sys.argv[2])


def way(whose, n):
    chance = random.Random(f"{whose} {n}")
    return [chance.uniform(*span) for span in ((150, 810), (150, 390), (40, 140), (0.5, 1.5))]


def place(whose, n, seconds):
    """Where a thing is, and how fast it goes."""
    x, y, radius, pace = ways.setdefault((whose, n), way(whose, n))
    turn = pace * seconds + n
    return ([x + radius * math.cos(turn), y + radius * math.sin(turn)],
            [-radius * pace * math.sin(turn), radius * pace * math.cos(turn)])


pygame.init()
screen, clock = pygame.display.set_mode((960, 540)), pygame.time.Clock()
bus = interregnum.join("flight", name=name)
ways, things, seen, gone, longest = {}, {}, {}, [], 0.0
next_send, last = 0.0, None
while time.monotonic() < end:
    pygame.event.get()
    for heard in bus.get_events():
        if isinstance(heard, interregnum.Event) and not heard.mine:
            thing = things.setdefault((heard.sender, heard.name, int(heard.topic)), [interregnum.Motion(), None])
            thing[0].hear(heard.sent_ms, heard.heard_ms, *heard.data)
            thing[1] = heard.data[0]
        elif isinstance(heard, interregnum.Gone):
            names = {key[1] for key in things if key[0] == heard.sender}
            things = {key: thing for key, thing in things.items() if key[0] != heard.sender}
            gone += [[who, time.time()] for who in names]
            # From when it was killed nothing is there to be off from.
            kept = [sample for sample in seen.get(heard.sender, []) if sample[0] < time.monotonic() - SETTLES]
            seen[heard.sender] = kept
    now = time.monotonic()
    if now > next_send:
        next_send = now + SENDS_EVERY
        for n in range(THINGS):
            bus.send_event(str(n), place(name, n, now))
    screen.fill((20, 15, 42))
    for (sender, whose, n), (motion, at) in things.items():
        shown, true = motion.at(bus.now_ms()), place(whose, n, time.monotonic())[0]
        seen.setdefault(sender, []).append((now, math.dist(shown, true), math.dist(at, true)))
        pygame.draw.circle(screen, (200, 120, 250), shown, 9)
    pygame.display.flip()
    clock.tick(60)
samples = [sample for of in seen.values() for sample in of]
mean = [sum(sample[n] for sample in samples) / max(len(samples), 1) for n in (1, 2)]
print(json.dumps({"name": name, "samples": len(samples), "extrapolated": mean[0], "held": mean[1], "gone": gone}))
