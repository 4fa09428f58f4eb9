"""A dozen things of each player, flying: start it several times, on one machine or on many. Needs pygame."""
import colorsys, math, os, random, sys, time
import interregnum, pygame

pygame.init()
screen, clock = pygame.display.set_mode((960, 540)), pygame.time.Clock()
bus = interregnum.join("flight", name=sys.argv[1] if len(sys.argv) > 1 else "Ada")
mine = [[random.uniform(*span) for span in ((150, 810), (150, 390), (40, 140), (0.5, 1.5))] for _ in range(12)]
things, next_send, end = {}, 0.0, time.monotonic() + float(os.environ.get("SECONDS", "1e9"))


def now(n):  # where the own thing n is, and how fast it goes
    (x, y, radius, pace), turn = mine[n], mine[n][3] * time.monotonic() + n
    return ([x + radius * math.cos(turn), y + radius * math.sin(turn)],
            [-radius * pace * math.sin(turn), radius * pace * math.cos(turn)])


while time.monotonic() < end and not any(event.type == pygame.QUIT for event in pygame.event.get()):
    for heard in bus.get_events():
        if isinstance(heard, interregnum.Event) and not heard.mine:
            motion = things.setdefault((heard.sender, heard.topic), interregnum.Motion())
            motion.hear(heard.sent_ms, heard.heard_ms, *heard.data)
        elif isinstance(heard, interregnum.Gone):
            things = {key: motion for key, motion in things.items() if key[0] != heard.sender}
    if time.monotonic() > next_send:  # ten times a second
        next_send = time.monotonic() + 0.1
        for n in range(12):
            bus.send_event(f"thing {n}", now(n))
    screen.fill((20, 15, 42))
    shown = [(bus.me or "0", now(n)[0]) for n in range(12)]
    for sender, at in shown + [(key[0], motion.at(bus.now_ms())) for key, motion in things.items()]:
        colour = colorsys.hsv_to_rgb(int(sender[:6], 16) % 360 / 360, 0.6, 1)
        pygame.draw.circle(screen, [255 * part for part in colour], at, 9)
    pygame.display.flip()
    clock.tick(60)
if "PICTURE" in os.environ:
    pygame.image.save(screen, os.environ["PICTURE"])
