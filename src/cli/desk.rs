//! The desk of whoever sits at the window: where accounts are looked up, named, made, carried and deleted.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use interregnum::{
    accounts::{Accounts, Friend, Mark, NotHere, Own, Statement},
    keys::PublicKey,
    text::Name,
    types::NodeId,
    ui::Errand,
};

use super::{
    friends,
    profile::{self, Profile},
};

/// The own account, its folder, and what the books say about others.
pub struct Desk {
    own: Mutex<Option<Own>>,
    machine: PublicKey,
    /// Where the own profile is kept.
    folder: Option<PathBuf>,
    books: Arc<Mutex<Books>>,
}

struct Books {
    /// They are to be read, or to be read again.
    wanted: bool,
    /// They are being read.
    reads: bool,
    accounts: Option<Arc<Accounts>>,
}

impl Desk {
    /// For whoever plays with this profile.
    pub fn of(profile: &Profile) -> Self {
        Self {
            own: Mutex::new(profile.own.clone()),
            machine: profile.key.public(),
            folder: profile.folder().map(ToOwned::to_owned),
            books: Arc::new(Mutex::new(Books { wanted: true, reads: false, accounts: None })),
        }
    }

    /// The own account.
    pub fn account(&self) -> Option<Own> {
        lock(&self.own).clone()
    }

    /// Is called so from here on.
    pub fn rename(&self, name: &Name) -> Result<(), String> {
        self.change(|own| own.be_called(name, None))
    }

    /// Likes this colour from here on.
    pub fn like_colour(&self, colour: u8) -> Result<(), String> {
        self.change(|own| match own.called().map(|(name, _)| name.clone()) {
            Some(name) => own.be_called(&name, Some(colour)),
            None => Ok(()),
        })
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

    /// Deletes the own account.
    pub fn delete(&self) -> Result<(), String> {
        self.change(Own::delete)
    }

    /// This machine speaks no more for the own account. What there is to say about that.
    pub fn strike(&self, machine: NodeId) -> Result<String, String> {
        if machine == self.machine.id() {
            return Err("this is the machine that you are at; strike it off at another one".into());
        }
        self.change(|own| own.strike(machine))?;
        let mark = Mark::of(machine);
        Ok(format!("{mark} is struck off: whoever hears of that lets it in no more"))
    }

    fn change(&self, how: impl FnOnce(&mut Own) -> Result<(), NotHere>) -> Result<(), String> {
        let mut own = lock(&self.own);
        let own = own.as_mut().filter(|own| !own.is_deleted());
        let own = own.ok_or("there is no account here")?;
        let mut changed = own.clone();
        // What the account said elsewhere came before.
        let known = lock(&self.books).accounts.clone();
        if let Some(account) = known.as_ref().and_then(|known| known.get(&own.account())) {
            changed.learn(account.statements().map(|statement| Statement::clone(statement)));
        }
        how(&mut changed).map_err(|error| error.to_string())?;
        if let Some(folder) = &self.folder {
            profile::keep_account(folder, &changed)
                .map_err(|error| format!("that cannot be kept: {error}"))?;
        }
        *own = changed;
        self.look_again();
        Ok(())
    }

    /// What is kept may have changed: it is read again. What was read before is there until then.
    pub fn look_again(&self) {
        lock(&self.books).wanted = true;
    }

    /// Does what was asked for. What there is to say then. Takes a moment.
    #[cfg(feature = "store")]
    pub fn run(&self, errand: Errand) -> Result<String, String> {
        self.try_to_run(errand).map_err(|error| error.to_string())
    }

    /// Nothing is carried where nothing is kept.
    #[cfg(not(feature = "store"))]
    pub fn run(&self, _errand: Errand) -> Result<String, String> {
        Err("this program was built without a store".to_owned())
    }

    #[cfg(feature = "store")]
    fn try_to_run(&self, errand: Errand) -> anyhow::Result<String> {
        use super::{
            carried::{Carried, export},
            impossible::Impossible,
        };

        let nothing = || Impossible("nothing can be kept on this machine".to_owned());
        let before = self.account().ok_or_else(nothing)?;
        let (carried, with_key) = match errand {
            Errand::Export { file, passphrase } => {
                return export(&before, &at_home(&file), &passphrase);
            }
            Errand::Import { file, passphrase, with_key } => {
                (Carried::in_file(&at_home(&file), || Ok(passphrase))?, with_key)
            }
            Errand::Recall { words, with_key } => (Carried::in_words(&words)?, with_key),
        };
        let folder = self.folder.as_ref().ok_or_else(nothing)?;
        let arrived = carried.arrive(folder, (self.machine, before), with_key, None)?;
        let told = arrived.told(&Mark::of(self.machine.id())).replace('\n', "; ");
        *lock(&self.own) = Some(arrived.own);
        self.look_again();
        Ok(told)
    }

    /// Makes another account.
    #[cfg(feature = "store")]
    pub fn create(&self, name: &Name) -> Result<String, String> {
        let folder = self.folder.as_ref().and_then(|folder| folder.parent());
        let folder = folder.ok_or("nothing can be kept on this machine")?;
        let mut profile = Profile::create(folder).map_err(|error| error.to_string())?;
        profile.keep_name(name);
        profile.statements(name);
        self.look_again();
        let (made, number) = (super::carried::called(profile.own.as_ref()), profile.number);
        Ok(format!("made {made}: play as it with --profile {number}"))
    }

    /// Nothing is known of others where no books are kept.
    #[cfg(not(feature = "store"))]
    pub fn create(&self, _name: &Name) -> Result<String, String> {
        Err("this program was built without a store".to_owned())
    }

    /// All accounts known; none yet while the books are being read, which may take a moment.
    pub fn accounts(&self) -> Option<Arc<Accounts>> {
        let mut books = lock(&self.books);
        if books.wanted && !books.reads {
            books.wanted = false;
            books.reads = read(self.folder.clone(), Arc::clone(&self.books));
            if !books.reads {
                books.accounts = Some(Arc::default());
            }
        }
        books.accounts.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path that somebody means who typed it at a window, which stands in no folder: it begins at home.
#[cfg(feature = "store")]
fn at_home(typed: &str) -> PathBuf {
    let home = directories::UserDirs::new().map(|user| user.home_dir().to_owned());
    // What is a whole path stays one.
    home.unwrap_or_default().join(typed.strip_prefix("~/").unwrap_or(typed))
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
        let mut books = lock(&books);
        books.accounts = Some(Arc::new(accounts));
        books.reads = false;
    };
    std::thread::Builder::new().name("books".to_owned()).spawn(read).is_ok()
}

#[cfg(not(feature = "store"))]
fn read(_folder: Option<PathBuf>, _books: Arc<Mutex<Books>>) -> bool {
    false
}
