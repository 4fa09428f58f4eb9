//! Who somebody is from one start to the next: a key, an account and a name, in a folder.
//!
//! Each running copy of the program holds the lock of its profile, so a second copy on the same
//! machine takes the next free one, without being told. What cannot be kept is not kept: on a
//! read-only disk a node plays under a key that it forgets.
//!
//! | file | holds |
//! |---|---|
//! | `key` | the machine's key, which nobody else may read: whoever has it is this player. Where it is damaged nobody can mend it, and it is said that somebody new plays |
//! | `account` | the account's key, which nobody else may read. Not there on a machine that only speaks for its account: so it can be struck off should it get lost |
//! | `statements` | what the account has said of itself, one JSON object a line, each signed; the machine's certificate is among them |
//! | `paired` | whom its player has compared pictures with: a name and a key, one JSON object a line |
//! | `name` | what the player was called the last time |
//! | `muted` | the ids of those whose chat is not shown here |
//! | `ledger.db` | its ledger |
//! | `id` | of a version before there were keys: who that was. The account says that it was, and so has its points |
//!
//! An account that was deleted is buried when its profile is claimed the next time, by somebody new.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::options::PROFILES_MAX;
use interregnum::{
    accounts::{Own, Statement},
    keys::{PublicKey, SecretKey},
    runtime,
    text::Name,
    types::NodeId,
};

/// The name of a profile's ledger file.
const LEDGER: &str = "ledger.db";

/// A claimed profile. The claim ends with the value.
#[derive(Debug)]
pub struct Profile {
    /// The player's key, the same at each start.
    pub key: SecretKey,
    /// The account that this machine speaks for; none where nothing can be kept.
    pub own: Option<Own>,
    /// What it was called the last time.
    pub name: Option<Name>,
    /// Which of this machine's profiles it is, from 1.
    pub number: u32,
    folder: Option<PathBuf>,
    _lock: Option<File>,
}

impl Profile {
    /// The first profile in `folder` that no other copy of the program has claimed.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn claim(folder: &Path) -> io::Result<Self> {
        for number in 1..=PROFILES_MAX {
            match Self::try_claim(folder, number) {
                Ok(Some(profile)) => return Ok(profile),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        "profiles cannot be kept in {} ({error}): playing without one",
                        folder.display()
                    );
                    return Self::passing();
                }
            }
        }
        Self::passing()
    }

    /// Somebody new, who will be forgotten.
    ///
    /// # Errors
    /// As for [`claim`](Profile::claim).
    pub fn passing() -> io::Result<Self> {
        let key = SecretKey::from_bytes(&runtime::random_bytes()?);
        Ok(Self { key, own: None, name: None, number: 1, folder: None, _lock: None })
    }

    /// The id that follows from the key.
    pub fn id(&self) -> NodeId {
        self.key.public().id()
    }

    /// The file of its ledger; none if nothing can be kept.
    pub fn ledger(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(LEDGER))
    }

    /// Keeps a name for the next time.
    pub fn keep_name(&mut self, name: &Name) {
        if self.name.as_ref() == Some(name) {
            return;
        }
        if let Some(folder) = &self.folder
            && let Err(error) = replace(&folder.join("name"), name.as_str())
        {
            tracing::warn!(%error, "the name cannot be kept");
        }
        self.name = Some(name.clone());
    }

    /// What is to be written into each session's ledger about the account of whoever is called so here. On
    /// a machine that does not have the account's key the account keeps the name that it has.
    pub fn statements(&mut self, name: &Name) -> Vec<Statement> {
        let Some(own) = &mut self.own else { return Vec::new() };
        if own.secret().is_some() && !own.is_deleted() {
            // It is there, so it can be said.
            let _ = own.be_called(name, None);
            self.keep_own();
        }
        self.own.iter().flat_map(Own::statements).cloned().collect()
    }

    /// Changes what is kept of the account.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn set_own(&mut self, own: Own) -> io::Result<()> {
        if let Some(folder) = &self.folder {
            keep_account(folder, &own)?;
        }
        self.own = Some(own);
        Ok(())
    }

    /// Keeps what the account has said, and what it is called.
    pub fn keep_own(&mut self) {
        if let (Some(folder), Some(own)) = (&self.folder, &self.own)
            && let Err(error) = keep_statements(folder, own)
        {
            tracing::warn!(%error, "what the account says cannot be kept");
        }
    }

    /// Those whose chat is not shown here.
    pub fn muted(&self) -> BTreeSet<NodeId> {
        let kept = self.folder.as_ref().and_then(|at| fs::read_to_string(at.join("muted")).ok());
        let ids = kept.iter().flat_map(|text| text.lines());
        ids.filter_map(|id| id.trim().parse().ok().map(NodeId)).collect()
    }

    /// Keeps whose chat is not shown here.
    pub fn keep_muted(&self, muted: &BTreeSet<NodeId>) {
        if let Some(folder) = &self.folder {
            keep_muted(folder, muted);
        }
    }

    /// Where it is kept, if it is.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The name to start with when none is asked for: the one of the last time, or the login name,
    /// or one that is made up.
    pub fn usual_name(&self) -> Name {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let login = ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(|variable| std::env::var(variable).ok())
            .filter(|login| !matches!(login.trim(), "" | "root"));
        match login {
            Some(login) if self.number == 1 => Name::new(&login),
            Some(login) => Name::new(&login).numbered(self.number),
            None => self.nickname(),
        }
    }

    /// A made-up name, the same for the same id.
    pub fn nickname(&self) -> Name {
        const MANNERS: [&str; 16] = [
            "Brisk", "Calm", "Daring", "Eager", "Fair", "Gentle", "Humble", "Jolly", "Keen",
            "Lucky", "Merry", "Noble", "Proud", "Quick", "Sly", "Wise",
        ];
        const ANIMALS: [&str; 16] = [
            "Badger", "Crane", "Dormouse", "Egret", "Ferret", "Gecko", "Heron", "Ibis", "Jackdaw",
            "Kestrel", "Lynx", "Marten", "Newt", "Otter", "Puffin", "Stoat",
        ];
        let bits = self.id().as_u128() as usize;
        Name::new(&format!("{} {}", MANNERS[bits & 15], ANIMALS[bits >> 4 & 15]))
    }

    /// A profile that nobody has ever played with.
    ///
    /// # Errors
    /// When none can be kept, or there are as many as there may be.
    #[cfg(feature = "store")]
    pub fn create(folder: &Path) -> io::Result<Self> {
        for number in (1..=PROFILES_MAX).filter(|number| !is_there(folder, *number)) {
            if let Some(profile) = Self::try_claim(folder, number)? {
                return Ok(profile);
            }
        }
        Err(io::Error::other(format!("there are {PROFILES_MAX} profiles already")))
    }

    /// The profile of this number. None: another copy of the program has claimed it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn try_claim(folder: &Path, number: u32) -> io::Result<Option<Self>> {
        let folder = folder_of(folder, number);
        fs::create_dir_all(&folder)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let kept = |file| fs::read_to_string(folder.join(file)).ok();
        let mut key = match kept("key").and_then(|text| SecretKey::from_text(text.trim())) {
            Some(key) => key,
            None => newcomer(&folder)?,
        };
        let mut own = account(&folder, key.public())?;
        if own.is_deleted() {
            bury(&folder, &key, &own)?;
            key = newcomer(&folder)?;
            own = account(&folder, key.public())?;
        }
        let name = kept("name").filter(|name| !name.trim().is_empty());
        Ok(Some(Self {
            key,
            own: Some(own),
            name: name.map(|name| Name::new(&name)),
            number,
            folder: Some(folder),
            _lock: Some(lock),
        }))
    }
}

/// Keeps in the folder of a profile whose chat is not shown there.
pub fn keep_muted(folder: &Path, muted: &BTreeSet<NodeId>) {
    let lines: Vec<String> = muted.iter().map(ToString::to_string).collect();
    if let Err(error) = replace(&folder.join("muted"), &lines.join("\n")) {
        tracing::warn!(%error, "who is muted cannot be kept");
    }
}

/// Who plays with a profile whose key cannot be read: somebody new.
fn newcomer(folder: &Path) -> io::Result<SecretKey> {
    let file = folder.join("key");
    if fs::exists(&file).unwrap_or(true) {
        // What is there may help whoever looks for it.
        let _ = fs::rename(&file, folder.join("key.damaged"));
        tracing::warn!(
            "{} is damaged (it is key.damaged there now): somebody new plays",
            file.display()
        );
    }
    let key = SecretKey::from_bytes(&runtime::random_bytes()?);
    replace_secret(&file, &key.to_text())?;
    Ok(key)
}

/// The account that the machine speaks for whose profile is in this folder. Where there is none yet it is
/// made, without asking anybody.
fn account(folder: &Path, machine: PublicKey) -> io::Result<Own> {
    let (secret, statements) = kept_account(folder);
    if let Some(own) = Own::restored(secret, statements)
        && (own.is_deleted() || own.turn(machine) > 0)
    {
        return Ok(own);
    }
    for file in ["account", "statements"] {
        if fs::exists(folder.join(file)).unwrap_or(true) {
            let _ = fs::rename(folder.join(file), folder.join(format!("{file}.damaged")));
            tracing::warn!(
                "{} is damaged, or of another machine (it is {file}.damaged there now): a new account \
                 is made",
                folder.join(file).display()
            );
        }
    }
    let secret = SecretKey::from_bytes(&runtime::random_bytes()?);
    let mut own = Own::new(secret, machine, 1);
    if let Some(old) = id_of_before(folder) {
        let _ = own.was(old);
    }
    keep_account(folder, &own)?;
    Ok(own)
}

/// What is kept of an account in this folder.
fn kept_account(folder: &Path) -> (Option<SecretKey>, Vec<Statement>) {
    let read = |file| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let statements = read("statements");
    let statements = statements.lines().filter_map(|line| serde_json::from_str(line).ok());
    (SecretKey::from_text(read("account").trim()), statements.collect())
}

/// The accounts of this folder's profiles, with their numbers. They may be in use meanwhile.
#[cfg(feature = "store")]
pub fn accounts(folder: &Path) -> impl Iterator<Item = (u32, Own)> {
    (1..=PROFILES_MAX).filter_map(move |number| Some((number, kept(folder, number)?.0)))
}

/// The account of a profile, and the id of its machine. It may be in use meanwhile.
#[cfg(feature = "store")]
pub fn kept(folder: &Path, number: u32) -> Option<(Own, NodeId)> {
    let folder = folder_of(folder, number);
    let key = SecretKey::from_text(fs::read_to_string(folder.join("key")).ok()?.trim())?;
    let (secret, statements) = kept_account(&folder);
    Some((Own::restored(secret, statements)?, key.public().id()))
}

/// The keys that open letters to whoever plays with a profile: its machine's, and its account's if that is
/// kept there. It may be in use meanwhile.
#[cfg(feature = "store")]
pub fn reading_keys(folder: &Path, number: u32) -> Vec<SecretKey> {
    let folder = folder_of(folder, number);
    let read = |file| fs::read_to_string(folder.join(file)).ok();
    let keys = ["key", "account"].into_iter().filter_map(read);
    keys.filter_map(|text| SecretKey::from_text(text.trim())).collect()
}

/// Whether somebody ever played with the profile of this number.
#[cfg(feature = "store")]
pub fn is_there(folder: &Path, number: u32) -> bool {
    let folder = folder_of(folder, number);
    ["key", "id"].iter().any(|file| folder.join(file).exists())
}

/// Who played with this profile before there were keys.
fn id_of_before(folder: &Path) -> Option<NodeId> {
    let text = fs::read_to_string(folder.join("id")).ok()?;
    let id = text.trim().parse().ok().map(NodeId).or_else(|| owner(&folder.join(LEDGER)))?;
    tracing::info!(%id, "a profile of before there were keys is taken over");
    Some(id)
}

/// Whose ledger it is, if it says so.
#[cfg(feature = "store")]
fn owner(ledger: &Path) -> Option<NodeId> {
    interregnum::runtime::store::file::LedgerFile::owner_of(ledger).ok()?
}

/// There is none.
#[cfg(not(feature = "store"))]
fn owner(_ledger: &Path) -> Option<NodeId> {
    None
}

/// Keeps an account's key, if it is here, and what the account has said.
///
/// # Errors
/// When that cannot be kept.
pub fn keep_account(folder: &Path, own: &Own) -> io::Result<()> {
    match own.secret() {
        Some(secret) => replace_secret(&folder.join("account"), &secret.to_text())?,
        None => match fs::remove_file(folder.join("account")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
    }
    keep_statements(folder, own)
}

fn keep_statements(folder: &Path, own: &Own) -> io::Result<()> {
    let lines = own.statements().iter().map(serde_json::to_string);
    let lines: Result<Vec<String>, _> = lines.collect();
    replace(&folder.join("statements"), &lines?.join("\n"))
}

/// An account was deleted: that is written into all ledgers of its profile, in which nobody writes, and what
/// said whose the profile is goes.
fn bury(folder: &Path, key: &SecretKey, own: &Own) -> io::Result<()> {
    #[cfg(feature = "store")]
    if let Err(error) = super::farewell::say_farewell(&folder.join(LEDGER), key, own) {
        // It is said again the next time.
        return Err(io::Error::other(error));
    }
    let _ = (key, own);
    for file in ["key", "account", "statements", "paired", "name", "muted", "id"] {
        match fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The folder of the profile of this number.
pub fn folder_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("profile-{number}"))
}

/// The folders of all profiles that there may be.
#[cfg(feature = "store")]
pub fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=PROFILES_MAX).map(move |number| folder_of(folder, number))
}

/// The folder that the system has for such things.
pub fn usual_folder() -> Option<PathBuf> {
    let places = directories::ProjectDirs::from("", "", "interregnum")?;
    Some(places.data_dir().to_owned())
}

/// Where each profile in `folder` keeps its ledger, whether it has one or not.
#[cfg(feature = "store")]
pub fn ledgers(folder: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=PROFILES_MAX).map(move |number| folder_of(folder, number).join(LEDGER))
}

/// Writes a file so that whatever happens either the old or the new text is there.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    write_anew(path, text, File::options().create(true).truncate(true).write(true))
}

/// The same for what nobody else may read.
fn replace_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write_anew(path, text, &options)
}

fn write_anew(path: &Path, text: &str, options: &OpenOptions) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = options.open(&fresh)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_the_same_the_next_time() {
        let folder = Folder::new();
        let mut profile = Profile::claim(&folder.0).unwrap();
        profile.keep_name(&Name::new("Ada"));
        let id = profile.id();
        drop(profile);
        let again = Profile::claim(&folder.0).unwrap();
        assert_eq!(again.id(), id);
        assert_eq!(again.usual_name(), Name::new("Ada"));
    }

    #[test]
    fn an_account_is_made_at_the_first_start_and_is_the_same_the_next_time() {
        let folder = Folder::new();
        let mut profile = Profile::claim(&folder.0).unwrap();
        let said = profile.statements(&Name::new("Ada"));
        assert!(said.iter().all(|statement| statement.verify().is_ok()));
        assert_eq!(said.len(), 2, "whose machine it is, and what the account is called");
        let account = profile.own.as_ref().unwrap().account();
        drop(profile);
        let mut again = Profile::claim(&folder.0).unwrap();
        assert_eq!(again.own.as_ref().unwrap().account(), account);
        assert_eq!(again.statements(&Name::new("Ada")), said);
        let renamed = again.statements(&Name::new("Countess"));
        assert!(renamed != said && renamed.len() == 2);
    }

    #[test]
    fn a_profile_of_before_there_were_keys_is_taken_over() {
        let folder = Folder::new();
        let profile = folder.0.join("profile-1");
        fs::create_dir_all(&profile).unwrap();
        let old = NodeId(uuid::Uuid::new_v4());
        fs::write(profile.join("id"), format!("{old}\n")).unwrap();
        fs::write(profile.join("name"), "Ada\n").unwrap();
        let mut profile = Profile::claim(&folder.0).unwrap();
        assert_eq!(profile.usual_name(), Name::new("Ada"));
        let said = profile.statements(&Name::new("Ada"));
        let claim = interregnum::accounts::Claim::Formerly { id: old };
        assert!(said.iter().any(|statement| statement.claim == claim), "{said:?}");
    }

    #[test]
    fn a_damaged_account_is_replaced_and_set_aside() {
        let folder = Folder::new();
        let account = |profile: &Profile| profile.own.as_ref().unwrap().account();
        let before = account(&Profile::claim(&folder.0).unwrap());
        let file = folder.0.join("profile-1/account");
        fs::write(&file, SecretKey::from_bytes(&[7; 32]).to_text()).unwrap();
        let after = account(&Profile::claim(&folder.0).unwrap());
        assert_ne!(before, after);
        assert!(file.with_extension("damaged").exists());
        assert_eq!(account(&Profile::claim(&folder.0).unwrap()), after);
    }

    #[test]
    fn a_second_copy_takes_the_next_profile() {
        let folder = Folder::new();
        let first = Profile::claim(&folder.0).unwrap();
        let second = Profile::claim(&folder.0).unwrap();
        assert_ne!(first.id(), second.id());
        assert_eq!((first.number, second.number), (1, 2));
    }

    #[test]
    fn a_damaged_key_is_replaced_and_set_aside() {
        let folder = Folder::new();
        let file = folder.0.join("profile-1/key");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        for damaged in [&b""[..], b"junk", b"\xff\xfe"] {
            fs::write(&file, damaged).unwrap();
            let profile = Profile::claim(&folder.0).unwrap();
            let kept = fs::read_to_string(&file).unwrap();
            assert_eq!(SecretKey::from_text(kept.trim()).unwrap().public().id(), profile.id());
            assert_eq!(fs::read(file.with_extension("damaged")).unwrap(), damaged);
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_a_key() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = Folder::new();
        Profile::claim(&folder.0).unwrap();
        for file in ["key", "account"] {
            let file = folder.0.join("profile-1").join(file);
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }

    #[test]
    fn without_a_place_to_keep_it_there_is_a_profile_all_the_same() {
        let folder = Folder::new();
        fs::write(&folder.0, "in the way").unwrap();
        assert!(Profile::claim(&folder.0).unwrap().folder.is_none());
    }

    /// A folder that does not exist yet and is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("interregnum-{}", uuid::Uuid::new_v4());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
            let _ = fs::remove_file(&self.0);
        }
    }
}
