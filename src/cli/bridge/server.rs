//! The thread that serves all clients of a bridge.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use interregnum::{
    arena::Arena,
    bus::Bus,
    keys::Lock,
    runtime::{self, Join, Settings, StartError},
    text::{Name, SessionName},
    types::{Instant, Role},
};
use mio::{Events, Interest, Poll, Token, Waker, net::TcpListener};
use sha2::{Digest as _, Sha256};

use super::{
    guest::{Guest, Member, Player, Stage, Watcher},
    http,
    wire::{Broken, Wire},
    words::{Asked, JoinAsked, PlayAsked, Told, WatchAsked},
};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const FIRST: usize = 2;

/// The most clients at once.
pub const CLIENTS_MAX: usize = 128;

/// The most of them that are nodes of their own.
const NODES_MAX: usize = 64;

/// How long a client may take until it has said the token.
const TOKEN_WITHIN: Duration = Duration::from_secs(5);

/// How often it is looked for a new frame while anybody is shown some.
const FRAME_LOOK: Duration = Duration::from_millis(4);

/// How often it is looked whether it is time to stop.
const LOOK: Duration = Duration::from_millis(100);

/// How many lines of a bus one client is told before it is another's turn.
const TOLD_AT_ONCE: usize = 1_024;

/// As many as that are told by the node's own thread, on which they arrive: so nobody has to be woken for it.
const TOLD_ON_ARRIVAL: usize = 16;

/// What all of its nodes have in common.
pub struct Wants {
    pub base: Settings,
    /// The session of the arena, if a client says nothing.
    pub session: SessionName,
    pub passphrase: Option<String>,
}

impl Wants {
    /// What opens a room or a session. Computed once for each: it takes a while.
    fn lock(&self, locks: &mut BTreeMap<SessionName, Lock>, session: &SessionName) -> Option<Lock> {
        let passphrase = self.passphrase.as_ref()?;
        if !locks.contains_key(session) && locks.len() < NODES_MAX {
            locks.insert(session.clone(), Lock::new(passphrase, session)?);
        }
        locks.get(session).cloned()
    }
}

/// All of it.
pub struct Server {
    poll: Poll,
    waker: Arc<Waker>,
    listener: TcpListener,
    address: SocketAddr,
    own: Vec<String>,
    wants: Wants,
    /// What a client has to know.
    token: String,
    locks: BTreeMap<SessionName, Lock>,
    clients: BTreeMap<usize, Shared>,
    next: usize,
    stages: BTreeMap<SessionName, Stage>,
}

/// A client, which the thread that serves all and that of its own node tell what there is.
type Shared = Arc<Mutex<Client>>;

/// A panic elsewhere is the end of that client's node, not of the others.
fn lock(client: &Shared) -> MutexGuard<'_, Client> {
    client.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Client {
    wire: Wire,
    came: Instant,
    /// It has said the token.
    trusted: bool,
    guest: Option<Guest>,
    /// It was told why, and is cut off when it has heard that.
    ending: bool,
}

impl Client {
    fn tell(&mut self, told: &Told) {
        self.wire.say(&told.line());
    }

    fn end(&mut self, why: &str) {
        self.tell(&Told::Error { why: why.to_owned() });
        self.ending = true;
        self.guest = None;
    }

    fn watches(&self, session: &SessionName) -> bool {
        matches!(&self.guest, Some(Guest::Watcher(watcher)) if watcher.session == *session)
    }

    /// Tells up to so much of what was heard on a bus. Whether that was all.
    fn tell_heard(&mut self, most: usize) -> bool {
        if self.ending || !self.wire.speaks() {
            return true;
        }
        let Some(Guest::Member(member)) = &mut self.guest else { return true };
        for _ in 0..most {
            if !self.wire.has_room() {
                break; // it is told on when there is
            }
            let Some(lines) = member.next() else {
                if member.is_over() {
                    self.end("the bus has ended");
                }
                return true;
            };
            self.wire.say(&lines);
        }
        false
    }

    /// What has arrived for it goes out, on the thread on which that is known. Whether the thread that serves all has to
    /// look after the rest.
    fn arrived(client: &Weak<Mutex<Client>>) -> bool {
        let Some(client) = client.upgrade() else { return true };
        let Ok(mut client) = client.try_lock() else { return true };
        let all = client.tell_heard(TOLD_ON_ARRIVAL);
        !(all && matches!(client.wire.flush(), Ok(true)) && !client.ending)
    }
}

impl Server {
    pub fn listen(at: SocketAddr, wants: Wants, token: String) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut listener = TcpListener::bind(at)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let address = listener.local_addr()?;
        let mut called = vec![address];
        if address.ip().is_unspecified() {
            called = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))];
            let all = local_ip_address::list_afinet_netifas().unwrap_or_default();
            called.extend(all.into_iter().map(|(_, ip)| SocketAddr::new(ip, address.port())));
        }
        Ok(Self {
            poll,
            waker,
            listener,
            address,
            own: http::own_hosts(&called),
            wants,
            token,
            locks: BTreeMap::new(),
            clients: BTreeMap::new(),
            next: FIRST,
            stages: BTreeMap::new(),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is to `stop`.
    pub fn serve(&mut self, stop: impl Fn() -> bool) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut wait = LOOK;
        while !stop() {
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                return Err(error);
            }
            let mut ready: Vec<usize> = Vec::new();
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKER => {}
                    Token(number) if event.is_readable() => ready.push(number),
                    Token(_) => {}
                }
            }
            let more = self.clients.iter().filter(|(_, client)| lock(client).wire.more);
            ready.extend(more.map(|(number, _)| *number));
            ready.sort_unstable();
            ready.dedup();
            for number in ready {
                self.hear(number);
            }
            self.show();
            wait = self.send();
        }
        Ok(())
    }

    fn accept(&mut self) {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    // One that was gone already, or no file is free.
                    tracing::debug!(%error, "a client is not accepted");
                    return;
                }
            };
            if self.clients.len() >= CLIENTS_MAX {
                continue; // closed at once
            }
            let (number, interest) = (self.next, Interest::READABLE | Interest::WRITABLE);
            if self.poll.registry().register(&mut stream, Token(number), interest).is_err() {
                continue;
            }
            self.next += 1;
            let (came, wire) = (runtime::now(), Wire::new(stream));
            let client = Client { wire, came, trusted: false, guest: None, ending: false };
            self.clients.insert(number, Arc::new(Mutex::new(client)));
            self.hear(number);
        }
    }

    /// Reads what a client has said, and does it.
    fn hear(&mut self, number: usize) {
        let Some(shared) = self.clients.remove(&number) else { return };
        let mut client = lock(&shared);
        let read = if client.ending { Ok(()) } else { client.wire.read(&self.own) };
        while let Some(line) = client.wire.lines.pop_front() {
            if !client.ending {
                self.obey(&shared, &mut client, &line);
            }
        }
        match read {
            Ok(()) => {}
            Err(Broken::Refused(why)) => client.end(why),
            Err(Broken::Over) => return, // its guest leaves
        }
        drop(client);
        self.clients.insert(number, shared);
    }

    fn obey(&mut self, shared: &Shared, client: &mut Client, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let asked = match serde_json::from_str::<Asked>(line) {
            Ok(asked) => asked,
            Err(error) if client.trusted => {
                return client
                    .tell(&Told::Refused { id: None, why: format!("no request: {error}") });
            }
            Err(_) => return client.end("say the token first"),
        };
        if !client.trusted {
            return match asked {
                Asked::Token(said) if is_same(&said, &self.token) => {
                    client.trusted = true;
                    client.tell(&Told::Bridge { version: env!("CARGO_PKG_VERSION") });
                }
                _ => client.end("this is not the token"),
            };
        }
        let told = match (asked, &mut client.guest) {
            (Asked::Token(_), _) => None,
            (Asked::Leave(_), guest) => {
                *guest = None;
                None
            }
            (Asked::Join(asked), None) => self.join(shared, client, asked),
            (Asked::Watch(asked), None) => self.watch(client, asked),
            (Asked::Play(asked), None) => self.play(client, asked),
            (Asked::Join(_) | Asked::Watch(_) | Asked::Play(_), Some(_)) => {
                Some(refused(None, "leave first"))
            }
            (Asked::Send(asked), Some(Guest::Member(member))) => member.send(&asked),
            (Asked::Send(asked), _) => Some(refused(asked.id, "join a room first")),
            (Asked::History(asked), Some(Guest::Member(member))) => member.history(&asked),
            (Asked::History(asked), _) => Some(refused(asked.id, "join a room first")),
            (Asked::Stats(asked), Some(Guest::Member(member))) => member.stats(asked.id),
            (Asked::Stats(asked), _) => Some(refused(asked.id, "join a room first")),
            (Asked::Hold(asked), Some(Guest::Player(player))) => {
                player.hold(&asked);
                None
            }
            (Asked::Hold(_), _) => Some(refused(None, "play first")),
        };
        if let Some(told) = told {
            client.tell(&told);
        }
    }

    /// Whether another node may be started.
    fn has_place(&self) -> bool {
        let own = |client: &&Shared| !matches!(lock(client).guest, None | Some(Guest::Watcher(_)));
        self.clients.values().filter(own).count() + self.stages.len() < NODES_MAX
    }

    fn join(&mut self, shared: &Shared, client: &mut Client, asked: JoinAsked) -> Option<Told> {
        let (room, settings) = match self.settings(Some(asked.room), asked.name) {
            Ok(found) => found,
            Err(why) => return Some(refused(None, &why)),
        };
        let (name, waker) = (settings.name.to_string(), Arc::clone(&self.waker));
        let hears = Arc::downgrade(shared);
        let mut join = Bus::join(room.as_str())
            .settings(|own| {
                *own = Settings { tuning: own.tuning.clone(), ..settings };
            })
            .on_arrival(move || {
                if Client::arrived(&hears) {
                    let _ = waker.wake(); // it looks by itself, later
                }
            });
        if asked.listen {
            join = join.listen();
        }
        Some(match join.start() {
            Ok(bus) => {
                let me = bus.me();
                client.guest = Some(Guest::Member(Member::new(bus)));
                Told::Joined { me, room: room.to_string(), name }
            }
            Err(error) => cannot(&error),
        })
    }

    fn watch(&mut self, client: &mut Client, asked: WatchAsked) -> Option<Told> {
        let session = match self.settings(asked.session, None) {
            Ok((session, mut settings)) => {
                if !self.stages.contains_key(&session) {
                    settings.role = Role::Spectator;
                    match Join::<Arena>::from(settings).start() {
                        Ok(handle) => self.stages.insert(session.clone(), Stage::new(handle)),
                        Err(error) => return Some(cannot(&error)),
                    };
                }
                session
            }
            Err(why) => return Some(refused(None, &why)),
        };
        let told = Told::Watching { session: session.to_string() };
        client.guest = Some(Guest::Watcher(Watcher { session, shown: 0, board: None }));
        Some(told)
    }

    fn play(&mut self, client: &mut Client, asked: PlayAsked) -> Option<Told> {
        let (session, settings) = match self.settings(asked.session, asked.name) {
            Ok(found) => found,
            Err(why) => return Some(refused(None, &why)),
        };
        let name = settings.name.to_string();
        Some(match Join::<Arena>::from(settings).start() {
            Ok(handle) => {
                let me = handle.started().id;
                client.guest = Some(Guest::Player(Player::new(handle)));
                Told::Playing { me, session: session.to_string(), name }
            }
            Err(error) => cannot(&error),
        })
    }

    /// What a node is to be started with.
    fn settings(
        &mut self,
        session: Option<String>,
        name: Option<String>,
    ) -> Result<(SessionName, Settings), String> {
        let session = match session {
            None => self.wants.session.clone(),
            Some(said) => SessionName::new(&said)
                .map_err(|unfit| format!("{said:?} is no name of a room: {unfit}"))?,
        };
        if !self.has_place() {
            return Err("this bridge has as many guests as it takes".to_owned());
        }
        let lock = self.wants.lock(&mut self.locks, &session);
        let base = self.wants.base.clone();
        let name = name.map_or_else(|| base.name.clone(), |name| Name::new(&name));
        let settings = Settings { name, session: Some(session.clone()), lock, ..base };
        Ok((session, settings))
    }

    /// Fills what is to be sent.
    fn show(&mut self) {
        let stages = &mut self.stages;
        let clients = &self.clients;
        stages.retain(|session, _| clients.values().any(|client| lock(client).watches(session)));
        stages.values_mut().for_each(Stage::look);
        for client in self.clients.values() {
            let mut client = lock(client);
            let client = &mut *client;
            if client.ending || !client.wire.speaks() {
                continue;
            }
            match &mut client.guest {
                None => {}
                Some(Guest::Member(_)) => {
                    client.tell_heard(TOLD_AT_ONCE);
                }
                Some(Guest::Watcher(watcher)) => {
                    let Some(stage) = self.stages.get(&watcher.session) else { continue };
                    if stage.number == watcher.shown || !client.wire.has_room() {
                        continue;
                    }
                    watcher.shown = stage.number;
                    let same =
                        watcher.board.as_ref().is_some_and(|it| Arc::ptr_eq(it, &stage.board));
                    if !same {
                        watcher.board = Some(Arc::clone(&stage.board));
                        client.wire.say(&stage.board);
                    }
                    client.wire.say(&stage.frame);
                }
                Some(Guest::Player(player)) => {
                    if client.wire.has_room()
                        && let Some(lines) = player.next()
                    {
                        client.wire.say(&lines);
                    }
                }
            }
        }
    }

    /// Sends what waits, and lets those go who are done. How long nothing need be looked for.
    fn send(&mut self) -> Duration {
        let now = runtime::now();
        let mut wait = LOOK;
        self.clients.retain(|_, client| {
            let mut client = lock(client);
            let late = !client.trusted && now.since(client.came) > TOKEN_WITHIN;
            match client.wire.flush() {
                Ok(gone) => {
                    let shown = matches!(client.guest, Some(Guest::Watcher(_) | Guest::Player(_)));
                    if client.wire.more {
                        wait = Duration::ZERO;
                    } else if shown {
                        wait = wait.min(FRAME_LOOK);
                    }
                    !(late || client.ending && gone)
                }
                Err(_) => false,
            }
        });
        wait
    }
}

fn refused(id: Option<u64>, why: &str) -> Told {
    Told::Refused { id, why: why.to_owned() }
}

fn cannot(error: &StartError) -> Told {
    Told::Refused { id: None, why: error.to_string() }
}

/// Whether somebody knows the token: how long that takes says nothing of it.
fn is_same(said: &str, token: &str) -> bool {
    Sha256::digest(said) == Sha256::digest(token)
}
