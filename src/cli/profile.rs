//! Who somebody is from one start to the next: a key and a name, in a folder.
//!
//! Each running copy of the program holds the lock of its profile, so a second copy on the same
//! machine takes the next free one, without being told. What cannot be kept is not kept: on a
//! read-only disk a node plays under a key that it forgets.
//!
//! The key is in the file `key`, which nobody else may read: whoever has it is this player. Where it is
//! damaged nobody can mend it, and it is said that somebody new plays.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use interregnum::{keys::SecretKey, runtime, text::Name, types::NodeId};

/// How many copies may run on one machine with a profile each.
const PROFILES_MAX: u32 = 64;

/// The name of a profile's ledger file.
const LEDGER: &str = "ledger.db";

/// A claimed profile. The claim ends with the value.
#[derive(Debug)]
pub struct Profile {
    /// The player's key, the same at each start.
    pub key: SecretKey,
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

    /// The same in the folder that the system has for such things.
    ///
    /// # Errors
    /// As for [`claim`](Profile::claim).
    pub fn claim_usual() -> io::Result<Self> {
        match usual_folder() {
            Some(folder) => Self::claim(&folder),
            None => Self::passing(),
        }
    }

    /// Somebody new, who will be forgotten.
    ///
    /// # Errors
    /// As for [`claim`](Profile::claim).
    pub fn passing() -> io::Result<Self> {
        let key = SecretKey::from_bytes(&runtime::random_bytes()?);
        Ok(Self { key, name: None, number: 1, folder: None, _lock: None })
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

    /// None: somebody else has claimed it.
    fn try_claim(folder: &Path, number: u32) -> io::Result<Option<Self>> {
        let folder = folder.join(format!("profile-{number}"));
        fs::create_dir_all(&folder)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let kept = |file| fs::read_to_string(folder.join(file)).ok();
        let key = match kept("key").and_then(|text| SecretKey::from_text(text.trim())) {
            Some(key) => key,
            None => newcomer(&folder)?,
        };
        let name = kept("name").filter(|name| !name.trim().is_empty());
        Ok(Some(Self {
            key,
            name: name.map(|name| Name::new(&name)),
            number,
            folder: Some(folder),
            _lock: Some(lock),
        }))
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

/// The folder that the system has for such things.
pub fn usual_folder() -> Option<PathBuf> {
    let places = directories::ProjectDirs::from("", "", "interregnum")?;
    Some(places.data_dir().to_owned())
}

/// Where each profile in `folder` keeps its ledger, whether it has one or not.
#[cfg(feature = "store")]
pub fn ledgers(folder: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=PROFILES_MAX).map(move |number| folder.join(format!("profile-{number}")).join(LEDGER))
}

/// Writes a file so that whatever happens either the old or the new text is there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
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
        let mode = fs::metadata(folder.0.join("profile-1/key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
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
