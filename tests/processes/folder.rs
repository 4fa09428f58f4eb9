//! A data folder, removed at the end; and the program, run to its end with it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use uuid::Uuid;

use crate::peers::program;

pub struct Folder(PathBuf);

impl Folder {
    /// One that is not there yet.
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("interregnum-{}", Uuid::new_v4())))
    }

    /// One that is there, with nothing in it.
    pub fn empty() -> Self {
        let folder = Self::new();
        fs::create_dir(folder.path()).unwrap();
        folder
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The ledger of the first profile in it.
    pub fn file(&self) -> PathBuf {
        self.0.join("profile-1/ledger.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the program, which must succeed. What it printed.
pub fn run(folder: &Path, arguments: &[&str], input: &str) -> String {
    let done = attempt(folder, arguments, input);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    said
}

pub fn attempt(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut process = program()
        .args(arguments)
        .arg("--data-dir")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}
