//! What nodes tell and say, as a person would put it.

use super::Names;
use crate::{
    cluster::message::{Answer, Packet, WorldMark},
    game::Game,
    mesh::message::Refusal,
    node::{Cause, ChatNews, Event, MemberView},
    pairing::{Stage, Told},
    sim::network::Place,
    types::Clock,
};

/// What `place` tells its user; none if it is told otherwise, or of every tick.
pub(super) fn event<G: Game>(names: &Names, place: Place, event: &Event<G>) -> Option<String> {
    Some(match event {
        Event::PeerUp { peer, .. } => format!("is linked with {}", names.node(*peer)),
        Event::PeerDown { peer, reason } => {
            format!("has no link with {} any more: {}", names.node(*peer), reason.as_str())
        }
        Event::HostLost { host, reason, .. } => {
            let why = match *reason {
                Cause::Closed => "link closed",
                Cause::Silent => "silent",
                Cause::Deaf => "it does not answer",
                Cause::Left => "it leaves",
                Cause::Yielded => "it gives way to another",
            };
            format!("loses its host {}: {why}", names.node(*host))
        }
        Event::Election { .. } => return None, // its packets say so
        Event::Host { host, term, clock, gap, rolled_back } => {
            let reigns = format!("from tick {} on", clock.tick.0);
            let mut line = match names.lives.get(&term.incarnation) == Some(&place) {
                true => format!("reigns in term {}, {reigns}", term.epoch.0),
                false => {
                    format!("follows {} in term {}, {reigns}", names.node(*host), term.epoch.0)
                }
            };
            if let Some(gap) = gap {
                line += &format!(", {:.1} ms after its last tick", gap.as_secs_f64() * 1_000.0);
            }
            if *rolled_back > 0 {
                line += &format!(", {rolled_back} ticks undone");
            }
            line
        }
        Event::Roster { members, .. } => {
            let name = |member: &MemberView| match member.away {
                true => format!("{} (away)", names.node(member.id)),
                false => names.node(member.id),
            };
            let mut members: Vec<String> = members.iter().map(name).collect();
            members.sort();
            format!("has the roster {}", members.join(", "))
        }
        Event::Rebase { from, to } => {
            format!("gives up {} for {}", state(names, *from), state(names, *to))
        }
        Event::Diverged { clock } => {
            format!("makes another world than its host of {}", state(names, *clock))
        }
        Event::DiskFailed { trouble } => format!("keeps nothing any more: {trouble}"),
        Event::LedgerFilling { fullness } => format!("has a ledger that is {fullness:?}"),
        Event::NobodyFound => "has heard nobody for a while".into(),
        Event::Unreachable(who) => format!("has no way to {}", names.node(who.id)),
        Event::Full { players, ahead } => {
            format!(
                "finds no seat beside {players} players, and {} in the line",
                match ahead {
                    0 => "is next".to_owned(),
                    ahead => format!("has {ahead} before it"),
                }
            )
        }
        Event::Seated => "has a seat, and plays".into(),
        Event::Excluded { session, why } => {
            format!("may not be in {session} any more: {}", why.as_str())
        }
        Event::HostCheats { host, clock, deceit } => {
            let (host, state) = (names.node(*host), state(names, *clock));
            format!("catches {host} at {state}: {}", deceit.as_str())
        }
        Event::Votes { host, votes, needed } => {
            format!("counts {votes} of {needed} votes against {}", names.node(*host))
        }
        Event::Pairing { peer, told, .. } => {
            let peer = names.node(*peer);
            match told {
                Told::Stage(Stage::Asking) => format!("asks {peer} to compare pictures"),
                Told::Stage(Stage::Asked) => format!("is asked by {peer} to compare pictures"),
                Told::Stage(Stage::Comparing { code, said: false }) => {
                    format!("shows {code:?}, to be compared with {peer}")
                }
                Told::Stage(Stage::Comparing { .. }) => format!("sees what {peer} sees"),
                Told::Paired(key) => format!("is paired with {peer}, whose key is {key:?}"),
                Told::Ended { why, by_them } => {
                    let by = if *by_them { "it says so" } else { "by its own word" };
                    format!("is not paired with {peer}: {} ({by})", why.as_str())
                }
            }
        }
        Event::Recognised { peer, .. } => format!("knows {} again", names.node(*peer)),
        Event::OtherKey { peer, .. } => {
            format!("finds another key than it knows at {}", names.node(*peer))
        }
        Event::Locked { session } => format!("does not know the passphrase of {session}"),
        Event::Open { session } => format!("hears a session {session} without a passphrase"),
        Event::NewIdentity { .. } => "goes on under another id".into(),
        Event::Chat(ChatNews::Said { line, .. }) => {
            let text = line.said().map(ToString::to_string).unwrap_or_default();
            format!("hears {} say {text:?}", names.node(line.from))
        }
        Event::Chat(ChatNews::Sent { said, .. }) => format!("says {:?}", said.as_str()),
        Event::Chat(ChatNews::Deleted { id }) => format!("hears {id:?} taken back"),
        Event::Chat(ChatNews::NotSaid { why, .. }) => format!("does not say something: {why}"),
        Event::Chat(ChatNews::WhileAway { lines }) => format!("has heard {lines} lines of before"),
        Event::Chat(ChatNews::Muted { muted }) => format!("mutes {} people", muted.len()),
        Event::Missed { events } => format!("missed {events} events of the game"),
        Event::Stopped => "has left".into(),
        Event::Tick { .. } | Event::Game { .. } | Event::Safe { .. } => return None,
    })
}

/// What a packet says, and the name of the message; none for those of every tick.
pub(super) fn packet(names: &Names, packet: &Packet) -> Option<(String, &'static str)> {
    Some(match packet {
        Packet::Tick(tick) => {
            let mut line = format!(
                "announces term {}, which goes on after tick {}",
                tick.term.epoch.0, tick.began.0
            );
            if let Some(ends) = tick.ends.term() {
                line += &format!(", the end of {}", names.reign(ends));
            }
            (line, "Coordinator")
        }
        Packet::Controls(_) | Packet::Orders(_) | Packet::Watch { .. } | Packet::Down(_) => {
            return None;
        }
        Packet::Election(ask) => {
            let ends = ask.ends.map(|term| format!("is {} over?", names.reign(term)));
            let ends = ends.unwrap_or("does anybody reign?".into());
            (format!("asks: {ends} It holds {}", world(names, ask.world)), "Election")
        }
        Packet::Ok(ok) => match &ok.answer {
            Answer::Lives { clock } => {
                (format!("answers: the host lives, at {}", state(names, *clock)), "Ok")
            }
            Answer::TakingOver => ("answers: I take over".into(), "Ok"),
            Answer::Follow { world: held, worlds } => {
                let mut line = format!("answers: I follow you. It holds {}", world(names, *held));
                if !worlds.is_empty() {
                    line += ", and brings it along";
                }
                (line, "Ok")
            }
        },
        Packet::Stale { promised, alive, .. } => {
            let heard = if *alive { "and hear it" } else { "and do not hear it" };
            (format!("says: that is over, I follow {}, {heard}", names.reign(*promised)), "Stale")
        }
        Packet::Rival { term, .. } => {
            (format!("says: there is also {}", names.reign(*term)), "Rival")
        }
        Packet::Reign { term, .. } => (format!("says: here it is {}", names.reign(*term)), "Reign"),
        Packet::Meet(meet) => {
            let (members, tick) = (meet.members.len(), meet.tick.0);
            let mine = names.reign(meet.term);
            (format!("says: judge {mine}, of {members} players at tick {tick}"), "Meet")
        }
        Packet::Verdict { judge, judged, keeps, .. } => {
            let (judge, judged) = (names.reign(*judge), names.reign(*judged));
            let goes_on = match keeps {
                true => format!("judges: {judge} goes on, {judged} ends"),
                false => format!("judges: {judged} goes on, {judge} ends when it says so"),
            };
            (goes_on, "Verdict")
        }
        Packet::Ends { old, new, .. } => {
            (format!("says: {} is over, follow {}", names.reign(*old), names.reign(*new)), "Ends")
        }
        Packet::Abdicate { term, successor, .. } => {
            let (mine, heir) = (names.reign(*term), names.node(*successor));
            (format!("leaves: {mine} is over, {heir} shall reign"), "Abdicate")
        }
        Packet::Knock(_) => ("asks: let me in".into(), "Knock"),
        Packet::Relay(relay) if matches!(*relay.packet, Packet::Tick(_)) => {
            let (from, to) = (names.node(relay.author()), names.node(relay.to));
            (format!("passes the ticks of {from} on to {to}"), "Relay")
        }
        Packet::Relay(relay) => {
            let (words, message) = self::packet(names, &relay.packet)?;
            let (from, to) = (names.node(relay.author()), names.node(relay.to));
            (format!("passes on from {from} to {to}: {words}"), message)
        }
    })
}

/// Why a link is refused.
pub(super) fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Protocol => "refuses the link: another protocol",
        Refusal::Rules => "refuses the link: other rules",
        Refusal::Session => "refuses the link: another session",
        Refusal::Passphrase => "refuses the link: another passphrase",
        Refusal::Barred => "refuses the link: may not come in any more",
        Refusal::NotListed => "refuses the link: is on no list",
    }
}

fn state(names: &Names, clock: Clock) -> String {
    format!("tick {} of {}", clock.tick.0, names.reign(clock.term))
}

fn world(names: &Names, mark: Option<WorldMark>) -> String {
    mark.map_or("no world".into(), |mark| state(names, mark.clock))
}
