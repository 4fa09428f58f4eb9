//! Accounts: a person, on however many machines.
//!
//! A person has a key of its own, the *account's*, beside those of its machines, which their
//! [ids](crate::types::NodeId) follow from. Each machine writes its own entries under its own key, so the
//! same person may play on three machines at once, without a network between them, and nothing ever
//! contradicts anything. What ties them together are [`Statement`]s: what an account says of itself, each
//! signed by the account's key, so that it does not matter who carries it. They are kept in the ledger,
//! as entries of the kind [`STATEMENT`].
//!
//! [`Accounts`] is what all statements come to. It is a pure function of the set of them: it matters
//! neither in which order they are heard nor how often.
//!
//! | said | counts |
//! |---|---|
//! | it is called so, in this colour | of all of them the highest revision; of two equal ones that of the lower hash |
//! | this machine speaks for it | if it was written into the ledger by that very machine: nobody can make another one's machine its own. Of several for one machine the highest turn, then the lower account |
//! | this machine is struck off | always, as long as the machine belongs to this account |
//! | it was once called by this id | if that is an id of before there were keys, which nobody can prove anything about; of several accounts that of the earliest place in the ledger |
//! | it is deleted | always, for ever: nothing else that it says is shown, and its points are somebody's |
//!
//! Whoever is shown is shown by its name. Where two of one name are among those shown they are told apart
//! by a [mark](Mark) of four letters that follows from the key. Whom one has compared pictures with is
//! [remembered](Friends) by its key.

mod friends;
mod mark;
mod own;
mod statement;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    sync::Arc,
};

pub use self::{
    friends::{FRIENDS_MAX, Friend, Friends, Standing},
    mark::{Mark, told_apart},
    own::{NotHere, Own},
    statement::{COLOURS, Claim, STATEMENT, Statement},
};
use crate::{
    keys::{Forged, PublicKey},
    ledger::{
        Ledger,
        body::Body,
        entry::{Entry, EntryId, Hash},
        order::Place,
    },
    text::Name,
    types::NodeId,
};

/// What somebody is called whose account is deleted.
pub const SOMEBODY: &str = "somebody";

/// A statement, as it stands in a ledger.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What is said.
    pub statement: Arc<Statement>,
    /// The machine that wrote it down.
    pub author: NodeId,
    /// In which entry; none if it was not heard from a ledger.
    pub entry: Option<EntryId>,
    /// Where that stands in the ledger, if that is settled.
    pub place: Option<Place>,
}

impl Heard {
    /// A statement that a machine has made, or would make, in no ledger.
    pub fn by(author: NodeId, statement: Statement) -> Self {
        Self { statement: Arc::new(statement), author, entry: None, place: None }
    }

    /// What `entry` of `ledger` says of an account, if it says anything of one. Whether the account said
    /// so itself is another question: [`Statement::verify`].
    pub fn of(ledger: &Ledger, entry: &Entry) -> Option<Self> {
        let statement = Arc::new(Statement::of(entry)?);
        let (id, place) = (entry.id(), ledger.place_of(entry));
        Some(Self { statement, author: id.writer.node, entry: Some(id), place })
    }
}

/// All statements in a ledger.
pub fn heard_in(ledger: &Ledger) -> impl Iterator<Item = Heard> {
    ledger.personal(STATEMENT).filter_map(|entry| Heard::of(ledger, entry))
}

/// What `me` takes back of what it has written into this ledger when its account is deleted: all that is
/// its own to take back, but for what says whose machine it was and that the account is no more.
pub fn farewell(ledger: &Ledger, me: NodeId) -> Vec<Body> {
    let stays = |entry: &Entry| {
        let statement = Statement::of(entry);
        statement.is_some_and(|statement| !matches!(statement.claim, Claim::Called { .. }))
    };
    let own = ledger.loose().filter(|entry| {
        entry.id().writer.node == me && entry.head().kind.is_personal() && entry.body().is_some()
    });
    own.filter(|entry| !stays(entry)).map(|entry| Body::Deleted(entry.id())).collect()
}

/// What is known of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    called: Option<(u64, Arc<Statement>)>,
    machines: BTreeMap<NodeId, Arc<Statement>>,
    struck: BTreeMap<NodeId, Arc<Statement>>,
    formerly: BTreeMap<NodeId, Arc<Statement>>,
    deleted: Option<Arc<Statement>>,
}

impl Account {
    /// What it is called; none if it never said so, or is deleted.
    pub fn name(&self) -> Option<&Name> {
        match &self.called.as_ref().filter(|_| !self.is_deleted())?.1.claim {
            Claim::Called { name, .. } => Some(name),
            _ => None,
        }
    }

    /// In which of the colours it likes to be shown.
    pub fn colour(&self) -> Option<u8> {
        match &self.called.as_ref().filter(|_| !self.is_deleted())?.1.claim {
            Claim::Called { colour, .. } => Some(*colour),
            _ => None,
        }
    }

    /// How often it has said what it is called, as far as is known.
    pub fn revision(&self) -> u64 {
        self.called.as_ref().map_or(0, |(revision, ..)| *revision)
    }

    /// Whether it is no more.
    pub fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    /// The machines that ever spoke for it, and whether they are struck off.
    pub fn machines(&self) -> impl Iterator<Item = (NodeId, bool)> {
        self.machines.keys().map(|machine| (*machine, self.struck.contains_key(machine)))
    }

    /// The keys of the machines that speak for it.
    pub fn keys_of_machines(&self) -> impl Iterator<Item = PublicKey> {
        let speaking = self.machines.iter().filter(|(id, _)| !self.struck.contains_key(id));
        speaking.filter_map(|(_, statement)| match &statement.claim {
            Claim::Certifies { machine, .. } => Some(*machine),
            _ => None,
        })
    }

    /// Whether this machine is struck off.
    pub fn has_struck(&self, machine: NodeId) -> bool {
        self.struck.contains_key(&machine)
    }

    /// All that it rests on.
    pub fn statements(&self) -> impl Iterator<Item = &Arc<Statement>> {
        let called = self.called.iter().map(|(.., statement)| statement);
        let others = [&self.machines, &self.struck, &self.formerly];
        called.chain(others.into_iter().flat_map(BTreeMap::values)).chain(&self.deleted)
    }
}

/// What was said of who speaks for whom, to be compared: of a machine the highest counts.
type Turn = (u64, std::cmp::Reverse<PublicKey>);

/// The places of the entries in which an account claims an id of before there were keys. Of one entry the
/// highest counts, as always, and of several entries the lowest: nobody makes a claim any later by writing
/// it down again.
type Claimed = BTreeMap<Option<EntryId>, Option<Place>>;

/// All accounts known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    accounts: BTreeMap<PublicKey, Arc<Account>>,
    /// By the ids of their keys.
    ids: BTreeMap<NodeId, PublicKey>,
    /// Whom each machine speaks for.
    machines: BTreeMap<NodeId, Turn>,
    /// Whose each id of before is.
    formerly: BTreeMap<NodeId, BTreeMap<PublicKey, Claimed>>,
    /// How many have each name.
    names: BTreeMap<Name, u32>,
}

impl Accounts {
    /// What all statements of these ledgers come to that were made by whom they are about.
    pub fn of<'a>(ledgers: impl IntoIterator<Item = &'a Ledger>) -> Self {
        let mut accounts = Self::default();
        for heard in ledgers.into_iter().flat_map(heard_in) {
            // What nobody said is not heard.
            let _ = accounts.hear(heard);
        }
        accounts
    }

    /// Takes a statement in, if it was made by the account that it is about.
    ///
    /// # Errors
    /// [`Forged`]: somebody else made it.
    pub fn hear(&mut self, heard: Heard) -> Result<(), Forged> {
        heard.statement.verify()?;
        self.believe(heard);
        Ok(())
    }

    /// Takes a statement in that was checked, or will be before anybody relies on it.
    pub fn believe(&mut self, heard: Heard) {
        if !matches!(heard.statement.claim, Claim::Called { .. } | Claim::Deleted) {
            return self.take_in(heard); // its name stays
        }
        let key = heard.statement.account;
        let named = |accounts: &Self| accounts.get(&key).and_then(Account::name).cloned();
        let before = named(self);
        self.take_in(heard);
        let after = named(self);
        if before == after {
            return;
        }
        if let Some(name) = before {
            match self.names.get_mut(&name) {
                Some(others @ 2..) => *others -= 1,
                _ => drop(self.names.remove(&name)),
            }
        }
        if let Some(name) = after {
            *self.names.entry(name).or_default() += 1;
        }
    }

    fn take_in(&mut self, heard: Heard) {
        let Heard { statement, author, entry, place } = heard;
        let key = statement.account;
        let account = self.accounts.entry(key).or_insert_with(|| {
            self.ids.insert(key.id(), key);
            Arc::default()
        });
        let account = Arc::make_mut(account);
        match &statement.claim {
            Claim::Called { revision, .. } => {
                let known = account.called.as_ref();
                if known.is_some_and(|(known, ..)| known > revision) {
                    return;
                }
                let better = known.is_none_or(|(known, other)| {
                    known < revision || statement.hash() < other.hash()
                });
                if better {
                    account.called = Some((*revision, statement));
                }
            }
            Claim::Certifies { machine, turn } if machine.id() == author => {
                let turn = (*turn, std::cmp::Reverse(key));
                let known = self.machines.entry(author).or_insert(turn);
                *known = (*known).max(turn);
                keep(&mut account.machines, author, statement);
            }
            Claim::Certifies { .. } => {}
            Claim::Strikes { machine } => {
                let machine = *machine;
                keep(&mut account.struck, machine, statement);
            }
            Claim::Formerly { id } => {
                let id = *id;
                if !is_of_a_key(id) {
                    let claims = self.formerly.entry(id).or_default();
                    let known = claims.entry(key).or_default().entry(entry).or_default();
                    *known = (*known).max(place);
                    keep(&mut account.formerly, id, statement);
                }
            }
            Claim::Deleted => {
                account.deleted.get_or_insert(statement);
            }
        }
    }

    /// An id of before that was claimed has this place by now. Whether that changes whose it is.
    pub fn settle(&mut self, heard: &Heard) -> bool {
        let Claim::Formerly { id } = heard.statement.claim else { return false };
        let before = self.of_machine(id);
        let claims = self.formerly.get_mut(&id);
        let claimed = claims.and_then(|claims| claims.get_mut(&heard.statement.account));
        if let Some(place) = claimed.and_then(|claimed| claimed.get_mut(&heard.entry)) {
            *place = (*place).max(heard.place);
        }
        self.of_machine(id) != before
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&PublicKey, &Account)> {
        self.accounts.iter().map(|(key, account)| (key, &**account))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// What is known of this one.
    pub fn get(&self, key: &PublicKey) -> Option<&Account> {
        self.accounts.get(key).map(|account| &**account)
    }

    /// What is known of the account whose key has this id.
    pub fn by_id(&self, person: NodeId) -> Option<(&PublicKey, &Account)> {
        let (key, account) = self.accounts.get_key_value(self.ids.get(&person)?)?;
        Some((key, account))
    }

    /// What a person is called: [`SOMEBODY`] whose account is deleted, none who never said so.
    pub fn name_of_person(&self, person: NodeId) -> Option<&str> {
        let (_, account) = self.by_id(person)?;
        match account.is_deleted() {
            true => Some(SOMEBODY),
            false => account.name().map(Name::as_str),
        }
    }

    /// What a person is to be called among all that are known: by its name, and where another one has that
    /// name, with its mark; whose name is not known by the mark alone.
    pub fn called(&self, person: NodeId) -> String {
        let mark = Mark::of(person);
        let Some((_, account)) = self.by_id(person) else { return mark.to_string() };
        match account.name() {
            None if account.is_deleted() => SOMEBODY.to_owned(),
            None => mark.to_string(),
            Some(name) if self.is_doubled(name) => format!("{name}\u{b7}{mark}"),
            Some(name) => name.to_string(),
        }
    }

    /// The account that this machine speaks for, or that was called by this id before there were keys.
    pub fn of_machine(&self, machine: NodeId) -> Option<PublicKey> {
        if let Some((_, account)) = self.machines.get(&machine) {
            return Some(account.0);
        }
        let claims = self.formerly.get(&machine)?.iter();
        let claims = claims.flat_map(|(key, claimed)| {
            claimed.values().map(|place| (place.is_none(), *place, *key))
        });
        claims.min().map(|(.., key)| key)
    }

    /// Who plays on this machine: the id of its account's key, or its own where no account is known.
    pub fn person(&self, machine: NodeId) -> NodeId {
        self.of_machine(machine).map_or(machine, |account| account.id())
    }

    /// Whether this machine is struck off by the account that it speaks for.
    pub fn is_struck(&self, machine: NodeId) -> bool {
        let account = self.of_machine(machine).and_then(|account| self.accounts.get(&account));
        account.is_some_and(|account| account.has_struck(machine))
    }

    /// Whether the account that this machine speaks for is no more.
    pub fn is_deleted(&self, machine: NodeId) -> bool {
        let account = self.of_machine(machine).and_then(|account| self.accounts.get(&account));
        account.is_some_and(|account| account.is_deleted())
    }

    /// All machines that are struck off.
    pub fn struck(&self) -> BTreeSet<NodeId> {
        let struck = self.accounts.values().flat_map(|account| account.struck.keys().copied());
        struck.filter(|machine| self.is_struck(*machine)).collect()
    }

    /// Which machines these accounts have struck off, the account first. Of one that is no more that is each
    /// machine that spoke for it.
    pub fn struck_by<'a>(
        &self,
        accounts: impl IntoIterator<Item = &'a PublicKey>,
    ) -> BTreeSet<(NodeId, NodeId)> {
        let known = accounts.into_iter().filter_map(|key| Some((key.id(), self.get(key)?)));
        let pairs = known.flat_map(|(id, account)| {
            let all = account.machines.keys().filter(|_| account.is_deleted());
            account.struck.keys().chain(all).map(move |machine| (id, *machine))
        });
        pairs.collect()
    }

    /// What the account is called that this machine speaks for: none if no account is known, or it never
    /// said so. Who has deleted its account is [`SOMEBODY`].
    pub fn name_of(&self, machine: NodeId) -> Option<&str> {
        let account = self.accounts.get(&self.of_machine(machine)?)?;
        match account.is_deleted() {
            true => Some(SOMEBODY),
            false => account.name().map(Name::as_str),
        }
    }

    /// Whether the ledger says so already, or something that leaves nothing of it. `author` would be the
    /// machine that writes it.
    pub fn knows(&self, statement: &Statement, author: NodeId) -> bool {
        let Some(account) = self.accounts.get(&statement.account) else { return false };
        match &statement.claim {
            Claim::Deleted => account.is_deleted(),
            Claim::Called { revision, .. } => {
                let known = account.called.as_ref();
                let better = known.is_some_and(|(known, other)| {
                    known > revision || known == revision && other.hash() <= statement.hash()
                });
                account.is_deleted() || better
            }
            Claim::Certifies { machine, turn } => {
                let turn = (*turn, std::cmp::Reverse(statement.account));
                let known = self.machines.get(&author).is_some_and(|known| *known >= turn);
                machine.id() != author || known
            }
            Claim::Strikes { machine } => account.struck.contains_key(machine),
            Claim::Formerly { id } => is_of_a_key(*id) || account.formerly.contains_key(id),
        }
    }

    /// Those whose name has `filter` in it, or whose mark that is, by name and then by mark. The upper and the
    /// lower case are one. Deleted ones have no names, and are not among them.
    pub fn listed(&self, filter: &str) -> Vec<Listed<'_>> {
        let filter = filter.trim().to_lowercase();
        let mut all: Vec<(String, Listed<'_>)> = Vec::new();
        for (key, account) in &self.accounts {
            let Some(name) = account.name() else { continue };
            let (folded, mark) = (name.as_str().to_lowercase(), Mark::of(key.id()));
            let whole =
                || filter.contains('\u{b7}') && format!("{folded}\u{b7}{mark}").contains(&filter);
            if folded.contains(&filter) || mark.as_str() == filter || whole() {
                let doubled = self.is_doubled(name);
                all.push((folded, Listed { key, account, name, mark, doubled }));
            }
        }
        all.sort_unstable_by(|(one, a), (other, b)| {
            (one, a.name.as_str(), a.mark, a.key).cmp(&(other, b.name.as_str(), b.mark, b.key))
        });
        all.into_iter().map(|(_, one)| one).collect()
    }

    /// One of them. None: it has no name.
    pub fn listed_one<'a>(&'a self, key: &'a PublicKey) -> Option<Listed<'a>> {
        let account = self.get(key)?;
        let name = account.name()?;
        let (mark, doubled) = (Mark::of(key.id()), self.is_doubled(name));
        Some(Listed { key, account, name, mark, doubled })
    }

    /// Whether several are called so.
    fn is_doubled(&self, name: &Name) -> bool {
        self.names.get(name).is_some_and(|many| *many > 1)
    }

    /// What of all that these accounts rest on was never said by them. For whoever
    /// [believed](Accounts::believe) it to begin with.
    pub fn forged_among(&self, keys: impl IntoIterator<Item = PublicKey>) -> BTreeSet<Hash> {
        let accounts = keys.into_iter().filter_map(|key| self.accounts.get(&key));
        let statements = accounts.flat_map(|account| account.statements());
        let forged = statements.filter(|statement| statement.verify().is_err());
        forged.map(|statement| statement.hash()).collect()
    }
}

/// Of two statements that say the same the lower one is kept, so that it is the same everywhere.
fn keep(kept: &mut BTreeMap<NodeId, Arc<Statement>>, of: NodeId, statement: Arc<Statement>) {
    match kept.entry(of) {
        btree_map::Entry::Vacant(place) => drop(place.insert(statement)),
        btree_map::Entry::Occupied(mut known) => {
            if statement.hash() < known.get().hash() {
                known.insert(statement);
            }
        }
    }
}

/// Whether an id follows from a key, and so is nobody else's.
fn is_of_a_key(id: NodeId) -> bool {
    id.0.get_version_num() == 8
}

/// An account in a list.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Which.
    pub key: &'a PublicKey,
    /// What is known of it.
    pub account: &'a Account,
    /// What it is called.
    pub name: &'a Name,
    /// The mark that follows from its key.
    pub mark: Mark,
    /// Whether another one is called the same.
    pub doubled: bool,
}

impl Listed<'_> {
    /// Its name, with the mark if another one has that name.
    pub fn shown(&self) -> String {
        match self.doubled {
            true => format!("{}\u{b7}{}", self.name, self.mark),
            false => self.name.to_string(),
        }
    }
}

/// Of what is listed, by pages: the `page`th, from 1, of so many lines each.
pub fn page_of<T>(all: &[T], page: usize, per_page: usize) -> &[T] {
    let first = page.saturating_sub(1).saturating_mul(per_page).min(all.len());
    let last = first.saturating_add(per_page).min(all.len());
    &all[first..last]
}

#[cfg(test)]
mod tests;
