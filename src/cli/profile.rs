//! Who somebody is from one start to the next: an id and a name, in a folder.
//!
//! Each running copy of the program holds the lock of its profile, so a second copy on the same
//! machine takes the next free one, without being told. What cannot be kept is not kept: on a
//! read-only disk a node plays under an id that it forgets.
//!
//! The ledger of a profile knows whose it is, too. So a file `id` that was damaged does not make
//! somebody new of who has points: the id comes back from there. Where the ledger cannot tell, or none
//! is there, it is said that somebody new plays.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use interregnum::{text::Name, types::NodeId};
use uuid::Uuid;

/// How many copies may run on one machine with a profile each.
const PROFILES_MAX: u32 = 64;

/// The name of a profile's ledger file.
const LEDGER: &str = "ledger.db";

/// A claimed profile. The claim ends with the value.
#[derive(Debug)]
pub struct Profile {
    /// The player's id, the same at each start.
    pub id: NodeId,
    /// What it was called the last time.
    pub name: Option<Name>,
    /// Which of this machine's profiles it is, from 1.
    pub number: u32,
    folder: Option<PathBuf>,
    _lock: Option<File>,
}

impl Profile {
    /// The first profile in `folder` that no other copy of the program has claimed.
    pub fn claim(folder: &Path) -> Self {
        for number in 1..=PROFILES_MAX {
            match Self::try_claim(folder, number) {
                Ok(Some(profile)) => return profile,
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
    pub fn claim_usual() -> Self {
        match usual_folder() {
            Some(folder) => Self::claim(&folder),
            None => Self::passing(),
        }
    }

    /// Somebody new, who will be forgotten.
    pub fn passing() -> Self {
        Self { id: NodeId(Uuid::new_v4()), name: None, number: 1, folder: None, _lock: None }
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
        let bits = self.id.as_u128() as usize;
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
        let id = match kept("id").and_then(|id| Uuid::try_parse(id.trim()).ok()) {
            Some(id) => id,
            None => {
                let id = newcomer(&folder);
                replace(&folder.join("id"), &id.to_string())?;
                id
            }
        };
        let name = kept("name").filter(|name| !name.trim().is_empty());
        Ok(Some(Self {
            id: NodeId(id),
            name: name.map(|name| Name::new(&name)),
            number,
            folder: Some(folder),
            _lock: Some(lock),
        }))
    }
}

/// Who plays with a profile whose id cannot be read: somebody new, if it never had one.
fn newcomer(folder: &Path) -> Uuid {
    let file = folder.join("id");
    if !fs::exists(&file).unwrap_or(true) {
        return Uuid::new_v4();
    }
    // What is there may help whoever looks for it.
    let _ = fs::rename(&file, folder.join("id.damaged"));
    if let Some(owner) = owner(&folder.join(LEDGER)) {
        tracing::warn!("{} was damaged; the ledger knew whose profile it is", file.display());
        return owner.0;
    }
    tracing::warn!(
        "{} is damaged (it is id.damaged there now), and the ledger does not know whose profile it \
         was: somebody new plays",
        file.display()
    );
    Uuid::new_v4()
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
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
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
        let mut profile = Profile::claim(&folder.0);
        profile.keep_name(&Name::new("Ada"));
        let id = profile.id;
        drop(profile);
        let again = Profile::claim(&folder.0);
        assert_eq!(again.id, id);
        assert_eq!(again.usual_name(), Name::new("Ada"));
    }

    #[test]
    fn a_second_copy_takes_the_next_profile() {
        let folder = Folder::new();
        let first = Profile::claim(&folder.0);
        let second = Profile::claim(&folder.0);
        assert_ne!(first.id, second.id);
        assert_eq!((first.number, second.number), (1, 2));
    }

    #[test]
    fn a_damaged_id_is_replaced() {
        let folder = Folder::new();
        let file = folder.0.join("profile-1/id");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "not an id").unwrap();
        let profile = Profile::claim(&folder.0);
        assert_eq!(fs::read_to_string(file).unwrap().trim(), profile.id.to_string());
    }

    #[cfg(feature = "store")]
    #[test]
    fn a_damaged_id_comes_back_from_the_ledger() {
        use interregnum::runtime::store::file::LedgerFile;

        let folder = Folder::new();
        let (id, ledger) = {
            let profile = Profile::claim(&folder.0);
            (profile.id, profile.ledger().unwrap())
        };
        LedgerFile::open(&ledger).unwrap().0.belongs_to(id).unwrap();
        for damaged in [&b""[..], b"junk", b"\xff\xfe"] {
            fs::write(folder.0.join("profile-1/id"), damaged).unwrap();
            assert_eq!(Profile::claim(&folder.0).id, id);
        }
        assert!(folder.0.join("profile-1/id.damaged").exists());
    }

    #[test]
    fn without_a_place_to_keep_it_there_is_a_profile_all_the_same() {
        let folder = Folder::new();
        fs::write(&folder.0, "in the way").unwrap();
        assert!(Profile::claim(&folder.0).folder.is_none());
    }

    /// A folder that does not exist yet and is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("interregnum-{}", Uuid::new_v4())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
            let _ = fs::remove_file(&self.0);
        }
    }
}
