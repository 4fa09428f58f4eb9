// A bus, and the arena, for pages: everything goes through a bridge (`interregnum bridge`), which has served this file.
//
//   import { Bridge, Motion } from "/interregnum.js";
//   const bridge = new Bridge({ token: location.hash.slice(1) });
//   const room = bridge.join("kitchen", { name: "Ada" });
//   room.on("message", ({ name, topic, data }) => console.log(name, topic, data));
//   room.send("soup", "is ready", { durable: true });
//
// A lost connection is opened again, after 0.1 s at first and 5 s at most; what was joined is joined again. What is
// sent meanwhile waits, of each topic that is not durable the newest, and 1,000 durable things at most.

const AGAIN_MIN_MS = 100;
const AGAIN_MAX_MS = 5_000;
const WAITING_MAX = 1_000;

/** What is said by name: `on("message", …)` hears each, and gives a function that ends it. */
class Told {
  #heard = new Map();

  on(what, hear) {
    const all = this.#heard.get(what) ?? new Set();
    this.#heard.set(what, all.add(hear));
    return () => all.delete(hear);
  }

  tell(what, told) {
    for (const hear of this.#heard.get(what) ?? []) hear(told);
  }
}

/** A connection with a bridge. It is one thing at a time: a member of a room, a player, or somebody who watches. */
export class Bridge extends Told {
  #url;
  #token;
  #socket = null;
  #asked = null;
  #again = AGAIN_MIN_MS;
  #open = false;
  #closed = false;
  #waiting = new Map();
  #number = 0;

  /** `url`: of another bridge than the page's own, as in "ws://127.0.0.1:7000/socket". */
  constructor({ token, url = `ws://${location.host}/socket` }) {
    super();
    [this.#url, this.#token] = [url, token];
    this.#connect();
  }

  /** Whether the bridge is there. */
  get isOpen() {
    return this.#open;
  }

  /** Joins a room. Tells `joined`, `message`, `here`, `gone`, `host`, `missed`, `said`, `refused`. */
  join(room, { name, listen = false } = {}) {
    return this.#be({ join: { room, name, listen } });
  }

  /** Watches a game of the arena. Tells `watching`, `board`, `frame`. */
  watch(session) {
    return this.#be({ watch: { session } });
  }

  /** Plays in one. Tells `playing`, `board`, `frame`. */
  play(session, name) {
    return this.#be({ play: { session, name } });
  }

  /** Says something. What is not durable gives way to what is newer of its topic. Whether there was room. */
  send(topic, data, { durable = false, id } = {}) {
    const asked = { send: { topic, data: data ?? null, durable, id } };
    if (this.#open) return this.#say(asked), true;
    if (durable && this.#waiting.size >= WAITING_MAX) return false;
    const key = durable ? `durable ${this.#number++}` : `latest ${topic}`;
    this.#waiting.delete(key);
    this.#waiting.set(key, asked);
    return true;
  }

  /** Holds keys down: each direction is -1, 0 or 1. */
  hold({ dx = 0, dy = 0, dash = false }) {
    if (this.#open) this.#say({ hold: { dx, dy, dash } });
  }

  /** What is durable in the room: resolves to the newest `limit` messages behind a place, the oldest first. */
  history({ after = 0, limit = 1_000, topic } = {}) {
    const id = ++this.#number;
    return new Promise((resolve) => {
      const end = this.on("history", (told) => {
        if (told.id !== id) return;
        end();
        resolve(told.messages);
      });
      this.#say({ history: { after, limit, topic, id } });
    });
  }

  /** Leaves, and is closed for ever. */
  close() {
    this.#closed = true;
    this.#socket?.close();
  }

  #be(asked) {
    if (this.#open && this.#asked) this.#say({ leave: {} });
    this.#asked = asked;
    if (this.#open) this.#say(asked);
    return this;
  }

  #say(asked) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(asked));
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#say({ token: this.#token });
    socket.onmessage = ({ data }) => {
      for (const line of data.split("\n")) {
        const [[what, told]] = Object.entries(JSON.parse(line));
        if (what === "bridge") this.#opened();
        this.tell(what, told);
      }
    };
    socket.onclose = () => {
      if (this.#open) this.tell("closed", {});
      this.#open = false;
      if (this.#closed) return;
      setTimeout(() => this.#connect(), this.#again * (0.75 + Math.random() / 2));
      this.#again = Math.min(this.#again * 2, AGAIN_MAX_MS);
    };
  }

  #opened() {
    [this.#open, this.#again] = [true, AGAIN_MIN_MS];
    if (this.#asked) this.#say(this.#asked);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    waiting.forEach((asked) => this.#say(asked));
  }
}

const PLACES_MAX = 16;
const GOES_ON_MAX_MS = 500;

/**
 * Where a thing is between two messages that say so, and after the last one: interpolated by the cubic through both
 * places and speeds, extrapolated for half a second. Times are in milliseconds, speeds in units a second.
 */
export class Motion {
  #places = [];
  #apart = null;

  /** Shown so long after it was so: 0 is now. */
  constructor(delayMs = 0) {
    this.delayMs = delayMs;
  }

  /** A message said so: sent at this time of its sender's clock, heard at this one of the own. */
  hear(sentMs, heardMs, at, speed = null) {
    const last = this.#places.at(-1);
    if (last && last.sentMs >= sentMs) return;
    this.#apart = Math.min(this.#apart ?? Infinity, heardMs - sentMs);
    this.#places.push({ sentMs, at, speed });
    if (this.#places.length > PLACES_MAX) this.#places.shift();
  }

  /** Where it is at this time of the own clock; null before anything was heard. */
  at(nowMs) {
    if (this.#places.length === 0) return null;
    const time = nowMs - this.#apart - this.delayMs;
    const after = this.#places.findIndex(({ sentMs }) => sentMs > time);
    if (after === 0) return this.#places[0].at;
    const from = (after < 0 ? this.#places.length : after) - 1;
    const [before, speed] = [this.#places[from], this.#speed(from)];
    if (after < 0) {
      const seconds = Math.min(time - before.sentMs, GOES_ON_MAX_MS) / 1_000;
      return before.at.map((x, n) => x + speed[n] * seconds);
    }
    const [next, there] = [this.#places[after], this.#speed(after)];
    const span = (next.sentMs - before.sentMs) / 1_000;
    const part = (time - before.sentMs) / 1_000 / span;
    const [two, three] = [part ** 2, part ** 3];
    return before.at.map(
      (x, n) =>
        (2 * three - 3 * two + 1) * x +
        (three - 2 * two + part) * span * speed[n] +
        (3 * two - 2 * three) * next.at[n] +
        (three - two) * span * there[n],
    );
  }

  #speed(place) {
    const here = this.#places[place];
    if (here.speed) return here.speed;
    const before = this.#places[place - 1];
    if (!before) return here.at.map(() => 0);
    const seconds = (here.sentMs - before.sentMs) / 1_000;
    return here.at.map((x, n) => (x - before.at[n]) / seconds);
  }
}
