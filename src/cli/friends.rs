//! Whom somebody has compared pictures with: kept in the profile, one JSON object a line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use interregnum::accounts::{Friend, Friends};

use super::profile::replace;

/// The file of it, in the folder of a profile.
const FILE: &str = "paired";

/// All who are kept there. What cannot be read is left out.
pub fn kept(folder: Option<&Path>) -> Friends {
    let text = folder.map(|folder| fs::read_to_string(folder.join(FILE)).unwrap_or_default());
    let text = text.unwrap_or_default();
    let friends = text.lines().filter_map(|line| serde_json::from_str::<Friend>(line).ok());
    Friends::new(friends)
}

/// Keeps these, and no others.
///
/// # Errors
/// When they cannot be kept.
pub fn keep(folder: &Path, friends: &Friends) -> io::Result<()> {
    let lines = friends.all().iter().map(serde_json::to_string);
    let lines: Result<Vec<String>, _> = lines.collect();
    replace(&folder.join(FILE), &lines?.join("\n"))
}

/// Keeps one more. Where nothing can be kept it is known for as long as the program runs.
pub fn remember(folder: Option<&Path>, friend: Friend) {
    let Some(folder) = folder else { return };
    let mut friends = kept(Some(folder));
    friends.remember(friend);
    if let Err(error) = keep(folder, &friends) {
        tracing::warn!(%error, "whom you have compared with cannot be kept");
    }
}

/// All who are kept in any of these profiles.
#[cfg(feature = "store")]
pub fn in_any(profiles: impl Iterator<Item = PathBuf>) -> Vec<Friend> {
    profiles.flat_map(|profile| kept(Some(&profile)).all().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use interregnum::{keys::PublicKey, text::Name};

    use super::*;

    #[test]
    fn friends_are_there_the_next_time_and_a_damaged_line_costs_no_other() {
        let folder = std::env::temp_dir().join(format!("interregnum-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let friend = |name: &str, number: u8| Friend {
            name: Name::new(name),
            key: PublicKey::from_bytes([number; 32]),
        };
        remember(Some(&folder), friend("Bob", 1));
        remember(Some(&folder), friend("Cleo", 2));
        assert_eq!(kept(Some(&folder)).all(), [friend("Bob", 1), friend("Cleo", 2)]);
        let text = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), format!("junk\n{text}{{}}\n")).unwrap();
        remember(Some(&folder), friend("Robert", 1));
        assert_eq!(kept(Some(&folder)).all(), [friend("Robert", 1), friend("Cleo", 2)]);
        fs::remove_dir_all(&folder).unwrap();
        assert!(kept(Some(&folder)).all().is_empty() && kept(None).all().is_empty());
    }
}
