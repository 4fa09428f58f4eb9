//! The desk of whoever sits at the window: where accounts are looked up, named, made and deleted.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use interregnum::{
    accounts::{Accounts, Friend, Mark, Own, Statement},
    text::Name,
    types::NodeId,
};

use super::{
    friends,
    profile::{self, Profile},
};

/// The own account, its folder, and what the books say about others.
pub struct Desk {
    own: Mutex<Option<Own>>,
    /// Where the own profile is kept.
    folder: Option<PathBuf>,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// They are being read, or were.
    opened: bool,
    accounts: Option<Arc<Accounts>>,
}

impl Desk {
    /// For whoever plays with this profile.
    pub fn of(profile: &Profile) -> Self {
        Self {
            own: Mutex::new(profile.own.clone()),
            folder: profile.folder().map(ToOwned::to_owned),
            books: Arc::default(),
        }
    }

    /// The own account.
    pub fn account(&self) -> Option<Own> {
        lock(&self.own).clone()
    }

    /// Is called so from here on. What the account says then, if it says anything.
    pub fn rename(&self, name: &Name) -> Vec<Statement> {
        self.change(|own| own.be_called(name, None).is_ok())
    }

    /// Somebody was compared with, and is remembered.
    pub fn remember(&self, friend: Friend) {
        friends::remember(self.folder.as_deref(), friend);
    }

    /// The lines of these are not shown from here on, also at the next start.
    pub fn keep_muted(&self, muted: &BTreeSet<NodeId>) {
        if let Some(folder) = &self.folder {
            profile::keep_muted(folder, muted);
        }
    }

    /// Deletes the own account. What it says then.
    pub fn delete(&self) -> Result<Vec<Statement>, String> {
        match self.change(|own| own.delete().is_ok()) {
            said if said.is_empty() => Err("this account cannot be deleted here".to_owned()),
            said => Ok(said),
        }
    }

    fn change(&self, how: impl FnOnce(&mut Own) -> bool) -> Vec<Statement> {
        let mut own = lock(&self.own);
        let Some(own) = own.as_mut().filter(|own| !own.is_deleted()) else { return Vec::new() };
        if !how(own) {
            return Vec::new();
        }
        if let Some(folder) = &self.folder
            && let Err(error) = profile::keep_account(folder, own)
        {
            tracing::warn!(%error, "what the account says cannot be kept");
        }
        // The list says so, too, when it is opened again.
        *lock(&self.books) = Books::default();
        own.statements().to_vec()
    }

    /// Makes another account.
    #[cfg(feature = "store")]
    pub fn create(&self, name: &Name) -> Result<String, String> {
        let folder = self.folder.as_ref().and_then(|folder| folder.parent());
        let folder = folder.ok_or("nothing can be kept on this machine")?;
        let mut profile = Profile::create(folder).map_err(|error| error.to_string())?;
        profile.keep_name(name);
        profile.statements(name);
        *lock(&self.books) = Books::default();
        let mark = profile.own.as_ref().map(|own| Mark::of(own.account().id()));
        let mark = mark.map(|mark| mark.to_string()).unwrap_or_default();
        let number = profile.number;
        Ok(format!("made {name}\u{b7}{mark}: play as it with --profile {number}"))
    }

    /// Nothing is known of others where no books are kept.
    #[cfg(not(feature = "store"))]
    pub fn create(&self, _name: &Name) -> Result<String, String> {
        let _ = Mark::of;
        Err("this program was built without a store".to_owned())
    }

    /// All accounts known; none yet while the books are being read, which may take a moment.
    pub fn accounts(&self) -> Option<Arc<Accounts>> {
        let mut books = lock(&self.books);
        if !std::mem::replace(&mut books.opened, true) {
            match read(self.folder.clone(), Arc::clone(&self.books)) {
                true => {}
                false => books.accounts = Some(Arc::default()),
            }
        }
        books.accounts.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to read what all profiles know, on a thread of its own. Whether there is anything to read.
#[cfg(feature = "store")]
fn read(folder: Option<PathBuf>, books: Arc<Mutex<Books>>) -> bool {
    let Some(folder) = folder.and_then(|folder| Some(folder.parent()?.to_owned())) else {
        return false;
    };
    let read = move || {
        let accounts = super::known::all_checked(&folder).unwrap_or_else(|error| {
            tracing::warn!(%error, "the books cannot be read");
            Accounts::default()
        });
        lock(&books).accounts = Some(Arc::new(accounts));
    };
    std::thread::Builder::new().name("books".to_owned()).spawn(read).is_ok()
}

#[cfg(not(feature = "store"))]
fn read(_folder: Option<PathBuf>, _books: Arc<Mutex<Books>>) -> bool {
    false
}
