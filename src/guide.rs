//! A game of your own, in five steps: from one player on one machine to a game that survives its host.
//!
//! The game: ducks on a pond. Each swims left or right, whoever reaches the bread gets it, and then bread falls somewhere
//! else. Whoever quacks frightens the others away.
//!
//! You need [Rust](https://rustup.rs), and this crate's source beside your own. Then `cargo new ducks`, and in its
//! `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! interregnum = { path = "../interregnum", default-features = false, features = ["sim"] }
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! (That leaves out the game that ships, with its window, and what keeps a ledger on disk: `store`. `sim` is what tests a game.)
//!
//! There will be two files, `src/ducks.rs` and `src/main.rs`; both stand here whole, and in `examples/ducks`, where
//! they are built and played by a test.
//!
//! # 1. Rules, for one player
//!
//! A game is a *world* and a *step*. The world is everything there is; the step makes the next world out of this one and
//! of the *news*: who came, who left, who holds what down, who does something once. There is no network in it, no clock
//! and no screen. This is `src/ducks.rs`:
//!
//! ```
#![doc = include_str!("../examples/ducks/ducks.rs")]
//! ```
//!
//! | what you choose | asked of it | if there is none |
//! |---|---|---|
//! | [`World`](crate::Game::World) | `Clone + Eq + Debug + Serialize + Deserialize` | |
//! | [`Controls`](crate::Game::Controls) | the same, `Copy` and `Default`: the default is that nothing is held down | `()` |
//! | [`Order`](crate::Game::Order), [`Event`](crate::Game::Event) | the same as of a world | `()` |
//! | [`Scores`](crate::Game::Scores) | what outlives the evening comes to this: see step 5 | `()` |
//!
//! A world makes sixty steps a second, or five to 120: `const TICKS_PER_SECOND: u64 = 30;` in the rules.
//!
//! So it can be tried at once. Tests stand in a `#[cfg(test)] mod tests { use super::*; … }` at the end of that file:
//!
//! ```
//! # mod ducks { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ducks/ducks.rs")); }
//! # use ducks::Ducks;
//! use interregnum::{Game, Name, News, NodeId};
//!
//! // #[test]
//! fn who_swims_to_the_bread_gets_it() {
//!     let ada = NodeId::from_u128(1);
//!     let mut pond = Ducks::new_world(7);
//!     let mut events = Vec::new();
//!     Ducks::step(&mut pond, &[News::Joined(ada, Name::new("Ada"))], &mut events);
//!     for _ in 0..200 {
//!         let to_bread = pond.bread - pond.ducks[&ada].at;
//!         Ducks::step(&mut pond, &[News::Controls(ada, to_bread.signum() as i8)], &mut events);
//!     }
//!     assert!(pond.ducks[&ada].bread > 0);
//! }
//! # who_swims_to_the_bread_gets_it();
//! ```
//!
//! Four rules hold for a step, and all else follows from them:
//!
//! - *The same world and the same news make the same world*, on every machine. So: integers, not floats, `BTreeMap`, not
//!   `HashMap`, and chance from [`draw`](crate::draw) with a counter in the world, not from a generator.
//! - *It stands whatever comes*: news of people it does not know, and any world that [`is_valid`](crate::Game::is_valid)
//!   lets through. A number that may grow for ever wraps or saturates.
//! - *It does nothing else.* It prints nothing and reads nothing; what is worth a sound or a line is an event.
//! - *It is quick*: the host calls it in each tick, everybody who shows the world some three times a tick, and thirty times
//!   when a host is far away.
//!
//! # 2. See whether that is so
//!
//! [`sim::check`](crate::sim::check()) plays the rules with news drawn at random, and with worlds that only a liar would send,
//! whose numbers are now and then as large or as small as they can be. It takes each step twice, and says in words what
//! is wrong. Make it a test of yours, too:
//!
//! ```
//! # mod ducks { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ducks/ducks.rs")); }
//! # use ducks::Ducks;
//! // #[test]
//! fn the_rules_are_what_a_game_has_to_be() -> Result<(), interregnum::sim::Fault> {
//!     interregnum::sim::check::<Ducks>(50)?; // fifty worlds, a second or so
//!     Ok(())
//! }
//! # the_rules_are_what_a_game_has_to_be().unwrap();
//! ```
//!
//! It draws, so it may miss what is rare, and it runs on one machine: floats that another processor rounds otherwise are
//! not seen. What differs from process to process is seen by
//! [`check_across_processes`](crate::sim::check_across_processes).
//!
//! # 3. Play together
//!
//! [`join`](crate::join()) names a session: whoever joins the same one on this network plays along. There is nothing to
//! configure, and no server. The loop is yours: a window's, a terminal's or a bot's. It says what the player holds down
//! ([`hold`](crate::Handle::hold)) and does ([`order`](crate::Handle::order)), asks for what there is to see
//! ([`newer_view`](crate::Handle::newer_view); in a window, whose frames come by themselves,
//! [`view`](crate::Handle::view)), and for what happened ([`events`](crate::Handle::events)). None of these ever waits for
//! the network. A [`picture`](crate::View::picture) is the world as it is known here: `newest()` as the host made it, `shown(now)`
//! as it is to be drawn at this moment, with what the own player holds down in it already, and smooth. No event is ahead
//! of the view: whoever reads its events and looks then, sees what they did.
//!
//! This is `src/main.rs`:
//!
//! ```ignore
#![doc = include_str!("../examples/ducks/main.rs")]
//! ```
//!
//! Start it twice, in two terminals or on two machines:
//!
//! ```text
//! GAME_NAME=Ada cargo run
//! GAME_NAME=Ben cargo run
//! ```
//!
//! Then kill either of them, with Ctrl-C or harder (`pkill -9 -o ducks` kills the oldest, who mostly hosts; killing `cargo` itself does not):
//! the other one swims on, in the same pond. If it was the host, the survivor says so: `Ben hosts pond 2f; it stood still
//! for 16.7ms`, which is one tick, and has the pond's seed in it: it is the same. There is nothing else to be done for it: a world that is whole and a step that is pure
//! can go on anywhere.
//!
//! [`env`](crate::Join::env) is what reads `GAME_NAME`. With `GAME_IP=127.0.0.1` all of it stays on this machine, also
//! without a network; another `GAME_BEACON_PORT` keeps it apart from whatever else plays here.
//!
//! An order takes effect with the next tick, and is seen with the one after: who looks at the world to see whether to
//! give one should not give it in each frame until then. `hold` and `order` may be called before anybody hosts; what is
//! ordered while a host is being replaced is applied by the next one. [`NotTaken::Full`](crate::details::NotTaken) says that
//! too many wait already, and the example leaves it at that.
//!
//! Somebody who was killed is [`Left`](crate::News::Left) only when nothing was heard of it for a while: a quarter of a
//! second after its successor's first tick, up to two seconds for one that fell silent. Until then its duck is there, and
//! does what it did last.
//!
//! Who was killed and comes back is somebody new, and its bread is gone. Both can be had otherwise: the rules may keep
//! the duck of whoever [`Left`](crate::News::Left), and whoever starts with the same [`key`](crate::Settings::key) as
//! before is the same [`NodeId`](crate::NodeId) again.
//!
//! # 4. Let it fail, and look
//!
//! Do not believe it: the simulator runs your game on machines, cables and clocks that fail in every way they can, in
//! virtual time. The same number gives the same run.
//!
//! ```
//! # mod ducks { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ducks/ducks.rs")); }
//! # use ducks::{Ducks, Quack};
//! use std::time::Duration;
//!
//! use interregnum::{Command, sim::{Broken, Lan}};
//!
//! // #[test]
//! fn the_pond_outlives_its_hosts() -> Result<(), Broken> {
//!     let mut lan = Lan::<Ducks>::new(7, 4); // a seed, and four machines
//!     lan.pilot(|view| {
//!         let picture = view.picture.as_ref()?;
//!         let pond = picture.newest();
//!         let duck = pond.ducks.get(&view.me)?;
//!         if picture.clock.tick.0.is_multiple_of(60) {
//!             return Some(Command::Order(Quack));
//!         }
//!         Some(Command::Controls((pond.bread - duck.at).signum() as i8))
//!     });
//!     lan.start_all();
//!     lan.run(Duration::from_secs(5));
//!     let host = lan.kill_host().expect("somebody hosts");
//!     lan.run(Duration::from_secs(5));
//!     lan.start(host);
//!     lan.storm(2); // whatever can go wrong, in two rounds
//!     lan.finish()?; // all is mended: one game again, one world, nobody cheated, nothing panicked
//!     Ok(())
//! }
//! # the_pond_outlives_its_hosts().unwrap();
//! ```
//!
//! When something is broken it says what, where and when, and with which number it happens again.
//!
//! # 5. What makes it a good one
//!
//! - *Once, not held*: a shot, a move, a bid is an [`Order`](crate::Game::Order), as the quack is. Each is applied once,
//!   in its sequence, whoever hosts by then; [`NotTaken`](crate::details::NotTaken) says that it was not taken at all.
//! - *Smooth*: [`blend`](crate::Game::blend) makes a world between two others, and everybody glides, also on a screen
//!   with more frames than ticks. Without it there is nothing between two ticks, which is right for a board.
//! - *Who plays*: where not all who are present can, [`kit::Seats`](crate::kit::Seats) has places and a queue, and
//!   [`kit::Lobby`](crate::kit::Lobby) rounds, with a rematch.
//! - *For ever*: what [`fact_of_event`](crate::Game::fact_of_event) makes of an event outlives the evening, on every machine
//!   that names a [`ledger`](crate::Join::ledger).
//! - *People talk*: [`Handle::say`](crate::Handle::say); who missed it is told at the next start.
//!
//! # What it costs, and what bounds it
//!
//! | | |
//! |---|---|
//! | a world | travels whole when somebody comes in, and is hashed in each tick: up to some ten kilobytes it is not felt; 256 KiB are the limit |
//! | a tick | 38 bytes to each player while nobody does anything new; then what differs from what everybody works out alone |
//! | a step | three are made of it for each tick shown, up to thirty: half a millisecond is plenty |
//! | players | 32, or 64 with a setting; hundreds may watch |
//! | a killed host | the next tick comes when it would have come |
//! | a host that falls silent | the world stands still for 50 to 90 ms; up to 200 ms on a wire that is not steady |
//! | an order | up to 1,024 bytes, sixteen of a player in a step; applied with the next tick, seen with the one after |
//!
//! # What cannot be done
//!
//! - *Secrets from the host, or from anybody*: everybody holds the whole world. Hidden hands that their owners choose
//!   themselves can be had ([`kit::Secret`](crate::kit::Secret)); a deck of cards that nobody knows cannot. Take a server
//!   that you trust.
//! - *A host that cannot cheat*: everybody checks its steps and says so, and the members can vote it out; but until then it
//!   ticks as it likes.
//! - *Worlds of megabytes*, thousands of moving things: take an engine with areas of interest, such as lightyear or renet
//!   with one of your own.
//! - *The Internet*: players are found by broadcast, links are direct. Take Steam's, or a relay's, networking.
//! - *Rules that call a clock, a file, a script with floats*: what differs between two machines is seen as a fault of the
//!   host. Let the machine that knows it give an order that says it.
