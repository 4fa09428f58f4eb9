//! What must hold at each step, and what once all has come to rest.

use crate::table::{Cut, SEATS, Table, id, place};
use interregnum::{
    cluster::{
        election::{Cause, Out, descends},
        message::{Answer, Packet},
    },
    sim::network::Place,
    types::{Epoch, Term},
};

/// A machine has acted: what it promised, and where it reigned before.
pub fn look(table: &mut Table, at: Place, before: (Option<Term>, Option<Term>)) {
    let Some(seat) = &table.seats[at] else { return };
    let (promised, reign) = (seat.election.promised(), seat.election.reign());
    let (had_promised, had_reigned) = before;
    let crowned = reign.filter(|_| reign != had_reigned);
    let newer = seat.election.won().filter(|_| crowned.is_some() && had_reigned.is_none());
    let newer = newer.and_then(|(chosen, answers)| {
        let newer = |mark: &&_| **mark != chosen && descends(Some(**mark), chosen);
        Some((chosen, *answers.iter().find(newer)?))
    });
    if promised < had_promised {
        table.broken(format!("S2: {at} promised {had_promised:?}, and now {promised:?}"));
    }
    if reign.is_some() && reign != promised {
        table.broken(format!("S2: {at} reigns in {reign:?}, and has promised {promised:?}"));
    }
    if let Some(term) = crowned
        && (term.host != id(at) || Some(term) <= had_promised)
    {
        // Each life has an incarnation of its own: nobody else can reign in a term of this one, and this
        // one reigns in none twice.
        table.broken(format!("S1: {at} reigns in {term:?}, and had promised {had_promised:?}"));
    }
    if let Some((chosen, newer)) = newer {
        table.broken(format!("S5: {at} reigns from {chosen:?}, though one held {newer:?}"));
    }
}

/// A machine wants something done.
pub fn weigh(table: &mut Table, at: Place, out: &Out) {
    let honest = table.liar != Some(at);
    match out {
        Out::Send { to, packet: Packet::Ok(ok) } if matches!(ok.answer, Answer::Follow { .. }) => {
            let (now, span) = (table.now, table.tuning.ask_deadline);
            let Some(seat) = &mut table.seats[at] else { return };
            let before = seat.granted.replace((*to, now));
            if let Some((other, _)) =
                before.filter(|(other, since)| other != to && now.since(*since) < span)
                && let Some(other) = place(other)
                && table.linked[at][other]
            {
                table
                    .broken(format!("{at} grants the crown to {to:?}, and to {other} just before"));
            }
        }
        Out::Follow { term, .. } => {
            release(table, at);
            let host = table.undisturbed.map(|term| term.host);
            if honest && !table.was_cut && host.is_some_and(|host| host != term.host) {
                table.broken(format!("L2: by lies alone {at} follows {term:?}"));
            }
            if place(term.host).is_none() || term.host == id(at) {
                table.broken(format!("{at} follows {term:?}"));
            }
        }
        Out::Reign { term, .. } => {
            release(table, at);
            if honest && table.undisturbed.is_some() {
                table.broken(format!("L2: {at} reigns in {term:?}, and a healthy host is heard"));
            }
        }
        Out::Lost { term, cause }
            if *cause != Cause::Yielded
                && honest
                && !table.was_cut
                && table.undisturbed.is_some() =>
        {
            table.broken(format!("L2: by lies alone {at} lost the host of {term:?}"));
        }
        _ => {}
    }
}

fn release(table: &mut Table, at: Place) {
    if let Some(seat) = &mut table.seats[at] {
        seat.granted = None;
    }
}

/// What is to be of one mind, if that can be said of what is cut.
fn groups(table: &Table) -> Vec<Vec<Place>> {
    let all: Vec<Place> = table.living().map(|(place, _)| place).collect();
    let (apart, rest) = match table.cut {
        None => (Vec::new(), all),
        Some(Cut::Around(one)) => all.into_iter().partition(|place| *place == one),
        Some(Cut::Between(one, other)) if all.len() < SEATS => {
            all.into_iter().partition(|place| *place == one && table.seats[other].is_some())
        }
        Some(Cut::Between(..)) => (Vec::new(), all),
        // What hears and is not heard, or the other way round, may want what it cannot have.
        Some(Cut::Into(one) | Cut::OutOf(one)) => {
            (Vec::new(), all.into_iter().filter(|place| *place != one).collect())
        }
    };
    [apart, rest].into_iter().filter(|group| !group.is_empty()).collect()
}

/// Nothing more will happen: among those who reach each other there is one host, known to all of them.
pub fn at_rest(table: &Table) -> Result<(), String> {
    if table.liar.is_some() && table.cut.is_some() {
        return Ok(()); // somebody may have been told of a reign that is none, and nobody gets through to deny it
    }
    for group in groups(table) {
        let seats = || group.iter().filter_map(|place| table.seats[*place].as_ref());
        let hosts: Vec<Term> = seats().filter_map(|seat| seat.election.reign()).collect();
        let followed: Vec<Option<Term>> = seats()
            .filter(|seat| seat.election.reign().is_none())
            .map(|seat| seat.election.following())
            .collect();
        let [host] = hosts[..] else {
            return Err(format!("L1: in {group:?} there reign {hosts:?}"));
        };
        if followed.iter().any(|term| *term != Some(host)) {
            return Err(format!("L1: in {group:?} {host:?} reigns, and followed are {followed:?}"));
        }
    }
    Ok(())
}

/// The reign that all agree on, when nothing is wrong.
pub fn agreed(table: &Table) -> Option<Term> {
    let whole = table.cut.is_none() && table.living().count() == SEATS;
    let host = table.living().find_map(|(_, seat)| seat.election.reign());
    host.filter(|_| whole && at_rest(table).is_ok())
}

/// The highest epoch that anybody has promised.
pub fn highest(table: &Table) -> Epoch {
    let promised = table.living().filter_map(|(_, seat)| seat.election.promised());
    promised.map(|term| term.epoch).max().unwrap_or_default()
}
